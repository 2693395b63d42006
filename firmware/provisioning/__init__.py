"""What a telephone on a desk is told so that it becomes the clinic's: one text a maker, out of the
same few facts, and the link by which it is fetched once.
"""
