"""Calls by a modem, as Asterisk has them: legs by AudioSocket to the exchange, which has the modem.

A leg's UUID says what it is for, so Asterisk needs to know nothing else of modems: one that the
exchange has brought is known there, and one that Asterisk opens has the number to dial in it.

    8 hex digits of the modem's name, a digit for what it is (`Kind`), the number, and `f`s

A leg that a telephone's call opens counts as answered at once; who dialled hears from the exchange
how far the call is. A call of the box's own counts as answered when somebody has picked up:

    UserEvent: the exchange has the modem dial, and sets CAME once it knows what came of it
        -> Answer -> AudioSocket, for the talk
        '-> Hangup, by the cause that was told
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from firmware.asterisk import written
from firmware.asterisk.wire import Message
from ivr.plan import DialRule, Modem, Plan

NUMBER_MOST = 20
PADDING = "f" * 24
_CHANNEL = re.compile(r"AudioSocket/127\.0\.0\.1:[0-9]+-([0-9a-f-]{36})")
_NUMBER = re.compile(r"[0-9]{1,20}")
_WANTED = re.compile(r"([0-9a-f]{8})([0ed])([0-9]{1,20})f{3,}")


class Kind(StrEnum):
    """What a leg is for."""

    ORDINARY = "0"  # somebody at a telephone dials
    EMERGENCY = "e"
    TALK = "d"  # whom the box itself called has picked up


OF_BOX = "CareLineByModem"
CAME = "CAME"
ANSWERED = "0"  # what came of a call of the box's; else a cause of Q.850


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a UUID of Asterisk's asks for."""

    modem: str  # the digits of its name
    number: str = field(repr=False)
    kind: Kind


def mark(modem: str) -> str:
    """The digits of a modem's name: of the few that a box has, each has its own."""
    return f"{zlib.crc32(modem.encode()):08x}"


def wanted(uuid: str) -> Wanted | None:
    """None: it asks for nothing."""
    found = _WANTED.fullmatch(uuid.replace("-", ""))
    if found is None or len(found[0]) != 32:
        return None
    return Wanted(found[1], found[3], Kind(found[2]))


def channel(uuid: str, port: int) -> str:
    """A leg of this UUID, to the exchange."""
    return f"AudioSocket/127.0.0.1:{port:d}/{uuid}/c(slin)"


def uuid_of(channel_name: str) -> str:
    """Of a leg, by its channel's name; empty where it is no such leg."""
    found = _CHANNEL.fullmatch(channel_name)
    return found[1] if found else ""


def steps_to(modem: Modem, number: str, kind: Kind, port: int, options: str) -> Iterator[str]:
    """Dialplan that dials by this modem; `number` is an expression that holds digits alone."""
    yield _wants(kind, number)
    yield f"Dial({channel(_uuid_for(modem), port)},,{options})"


def _wants(kind: Kind, number: str) -> str:
    return f"Set(WANTED={kind}${{{number}}}{PADDING})"


def _uuid_for(modem: Modem) -> str:
    # Digits by digits, for an expression reads 0123 as 123 once it has counted with it.
    groups = "-".join(f"${{WANTED:{start}:{length}}}" for start, length in _GROUPS)
    return f"{mark(written.name(modem.name))}-{groups}"


def of_box(plan: Plan, rule: DialRule, port: int) -> Iterator[str]:
    """Steps by which a number is called for the box; its leg goes on where it is answered."""
    modem = plan.modems[rule.modem]
    yield "Set(NUMBER=${FILTER(0-9,${EXTEN})})"
    yield f"Set({CAME}=)"
    yield f"UserEvent({OF_BOX},Modem: {mark(written.name(modem.name))},Number: ${{NUMBER}})"
    yield "(wait) Wait(0.05)"
    yield f'GotoIf($["${{{CAME}}}" = ""]?wait)'
    yield f'GotoIf($["${{{CAME}}}" = "{ANSWERED}"]?talk)'
    yield f"Hangup(${{{CAME}}})"
    yield "(talk) Answer(,i)"
    yield _wants(Kind.TALK, "NUMBER")
    yield f"AudioSocket({_uuid_for(modem)},127.0.0.1:{port:d})"
    yield "Hangup()"


_GROUPS = ((0, 4), (4, 4), (8, 4), (12, 12))


def talked(modem: Modem) -> str:
    """The global variable by which the exchange says that an emergency call has been answered."""
    return f"TALKED{mark(written.name(modem.name))}"


@dataclass(frozen=True, slots=True)
class ForBox:
    """A call of the box's that a modem is to make; its channel waits for what comes of it."""

    modem: str  # the digits of its name
    number: str = field(repr=False)
    channel: str
    uniqueid: str


def asked(message: Message) -> ForBox | None:
    """What the dialplan asks for in this message, if it is such."""
    number = message.get("Number")
    if message.get("UserEvent") != OF_BOX or not _NUMBER.fullmatch(number):
        return None
    return ForBox(message.get("Modem"), number, message.get("Channel"), message.get("Uniqueid"))


def context(modem: Modem) -> str:
    """Where calls from this modem enter."""
    return f"from-modem-{written.name(modem.name)}"
