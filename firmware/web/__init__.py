"""The clinic's page: one process, served by the box itself, that decides nothing about calls.

It reads calls.db, asks the exchange over the control socket, and opens messages only with the key
of whoever is signed in, which lies in this process's memory and nowhere else.
"""
