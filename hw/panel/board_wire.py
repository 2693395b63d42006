"""The line protocol of a USB panel board: bytes in, messages out. No port here.

A line is words with a space between, `*`, two hexadecimal digits (all bytes before the `*`, each
XORed to the last), and a line feed; a carriage return before that is passed over. What has another
sum, is too long or is no ASCII was never said.

    box to board            board to box
    who                     panel 1 [INPUT ...]   version, and the inputs that are closed now
    set OUTPUT 0|1 MS       did OUTPUT 0|1        MS: off by itself after so many; 0: it stays
                            no OUTPUT             it has no such output
    alive                   here
                            input INPUT 0|1       at each change, bounces and all
                            panel 1 [INPUT ...]   unasked: it has begun anew, with all outputs off

A board that has heard nothing for DEAF_S turns all its outputs off: nobody minds them any more.
Terminals have the board's own names: inputs button1 and so on, outputs lamp1 or relay1. It does not
begin anew when its port is opened (many an Arduino does, until its reset line is cut).
"""

import re
from functools import reduce
from operator import xor

VERSION = "1"
LINE_MOST = 120
DEAF_S = 5.0

_LINE = re.compile(rb"([a-z0-9]+(?: [a-z0-9]+)*)\*([0-9a-f]{2})\r?")


def packed(*words: str) -> bytes:
    """One line. ValueError: a word that cannot be said."""
    said = " ".join(words).encode("ascii", "replace")
    line = said + b"*%02x" % _sum(said)
    if not _LINE.fullmatch(line) or len(line) > LINE_MOST:
        raise ValueError(f"no board understands {words}: names have small letters and digits")
    return line + b"\n"


class Lines:
    """What has come so far, until its line is whole."""

    def __init__(self) -> None:
        self._begun = b""

    def feed(self, came: bytes) -> list[tuple[str, ...]]:
        """The messages that are whole now, each in its words."""
        *lines, self._begun = (self._begun + came).split(b"\n")
        # Of a line that never ends only so much is kept as shows that it is too long.
        self._begun = self._begun[: LINE_MOST + 1]
        return [words for line in lines if (words := _words(line))]


def _words(line: bytes) -> tuple[str, ...]:
    found = _LINE.fullmatch(line)
    if not found or len(line) > LINE_MOST + 1 or _sum(found[1]) != int(found[2], 16):
        return ()
    return tuple(found[1].decode().split())


def _sum(said: bytes) -> int:
    return reduce(xor, said, 0)
