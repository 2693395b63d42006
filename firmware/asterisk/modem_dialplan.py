"""Calls by a modem, as Asterisk has them: legs by AudioSocket to the exchange, which has the modem.

A leg's UUID says what it is for, so Asterisk needs to know nothing else of modems: one that the
exchange has brought is known there, and one that Asterisk opens has the number to dial in it.

    8 hex digits of the modem's name, a `0` (or `e`: an emergency call), the number, and `f`s

Such a leg counts as answered at once; who dialled hears from the exchange how far the call is.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware.asterisk import written
from ivr.plan import Modem

ORDINARY, EMERGENCY = "0", "e"
NUMBER_MOST = 20
PADDING = "f" * 24
_CHANNEL = re.compile(r"AudioSocket/127\.0\.0\.1:[0-9]+-([0-9a-f-]{36})")
_WANTED = re.compile(r"([0-9a-f]{8})([0e])([0-9]{1,20})f{3,}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a UUID of Asterisk's asks for."""

    modem: str  # the digits of its name
    number: str = field(repr=False)
    is_emergency: bool


def mark(modem: str) -> str:
    """The digits of a modem's name: of the few that a box has, each has its own."""
    return f"{zlib.crc32(modem.encode()):08x}"


def wanted(uuid: str) -> Wanted | None:
    """None: it asks for nothing."""
    found = _WANTED.fullmatch(uuid.replace("-", ""))
    if found is None or len(found[0]) != 32:
        return None
    return Wanted(found[1], found[3], found[2] == EMERGENCY)


def channel(uuid: str, port: int) -> str:
    """A leg of this UUID, to the exchange."""
    return f"AudioSocket/127.0.0.1:{port:d}/{uuid}/c(slin)"


def uuid_of(channel_name: str) -> str:
    """Of a leg, by its channel's name; empty where it is no such leg."""
    found = _CHANNEL.fullmatch(channel_name)
    return found[1] if found else ""


def steps_to(modem: Modem, number: str, kind: str, port: int, options: str) -> Iterator[str]:
    """Dialplan that dials by this modem; `number` is an expression that holds digits alone."""
    # Digits by digits, for an expression reads 0123 as 123 once it has counted with it.
    yield f"Set(WANTED={kind}${{{number}}}{PADDING})"
    groups = "-".join(f"${{WANTED:{start}:{length}}}" for start, length in _GROUPS)
    to = channel(f"{mark(written.name(modem.name))}-{groups}", port)
    yield f"Dial({to},,{options})"


_GROUPS = ((0, 4), (4, 4), (8, 4), (12, 12))


def talked(modem: Modem) -> str:
    """The global variable by which the exchange says that an emergency call has been answered."""
    return f"TALKED{mark(written.name(modem.name))}"


def context(modem: Modem) -> str:
    """Where calls from this modem enter."""
    return f"from-modem-{written.name(modem.name)}"
