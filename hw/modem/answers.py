"""The lines of a modem that the conversation reads: their shapes, and the values in them. Pure.

3GPP TS 27.007 and 27.005 give the shapes; makers set spaces as they like and add fields at the end.
"""

import re

from hw.modem.events import Stand
from hw.modem.inbox import Listed

CLIP = re.compile(r'\+CLIP: ?"([^"]{0,40})",.*')
STORED = re.compile(r'\+C(?:MT|DS)I: ?"(\w{2})",\d+')
DIRECT = re.compile(r"\+(?:CMT|CDS): ?(?:[^,]*,)?(\d{1,3})")
LISTED = re.compile(r"\+CMGL: ?(\d{1,4}),\d,[^,]*,(\d{1,3})")
USED = re.compile(r"\+CPMS: ?(?:\"\w+\",)?(\d+),(\d+).*")
SIGNAL = re.compile(r"\+CSQ: ?(\d{1,3}),\d+")
REGISTRATION = re.compile(r"\+CE?REG: ?\d,(\d).*")
REFERENCE = re.compile(r"\+CMGS: ?(\d{1,3}).*")
HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
BEGAN_ANEW = ("RDY", "POWERED DOWN", "NORMAL POWER DOWN", "START")


def is_news(line: str) -> bool:
    """Of the lines that could stand in an answer of free words."""
    return line.startswith(("RING", "+C", "VOICE CALL")) or line in BEGAN_ANEW


def listed_of(lines: list[str]) -> list[Listed]:
    """Each header with the PDU after it; a header that lost its PDU, or a PDU its header, lies in
    the modem still, and is read the next time."""
    listed = []
    head: re.Match[str] | None = None
    for line in lines:
        if found := LISTED.fullmatch(line):
            head = found
        elif head is not None and HEX.fullmatch(line):
            listed.append(Listed(int(head[1]), line, int(head[2])))
            head = None
        else:
            head = None
    return listed


def stand_of(said: set[int]) -> Stand:
    """TS 27.007, 7.2: of the circuit switched network and of LTE's, the better."""
    if 1 in said:
        return Stand.HOME
    if 5 in said:
        return Stand.ROAMING
    return Stand.DENIED if 3 in said else Stand.SEARCHING
