"""Other people's detectors, to stand beside ours: run as they are installed, never read.

Each takes 8 kHz audio and gives the digits it told of. One that this machine does not have is None,
and `.ci/setup proofs` brings it. Their harnesses are written from public headers and manuals.
"""
