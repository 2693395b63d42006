"""What a telephone needs to know of itself and of the clinic, whoever made it. Pure.

Whatever a site supplies passes a gate here before any maker's writer sees it: a label that a person
reads, digits, a host, a password. A text that does not pass is refused; nothing is ever bent into
shape. So no name can begin a line, an element or a variable of a maker's file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from firmware.provisioning.clock import Clock
from ivr import inside
from ivr.plan import Phone, Plan

_LABEL = re.compile(r"[\w .'/+-]{0,80}")
_NUMBER = re.compile(r"[*#0-9]{1,20}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_PASSWORD = re.compile(r"[A-Za-z0-9._-]{8,64}")
_MAC = re.compile(r"[0-9a-f]{12}")


class UnwritableError(ValueError):
    """A text that no telephone's file can carry safely; it is not repeated here."""


class Maker(StrEnum):
    """Whose telephone it is."""

    YEALINK = "yealink"
    GRANDSTREAM = "grandstream"
    LINPHONE = "linphone"
    OTHER = "other"


class Press(StrEnum):
    """What a key beside the screen does."""

    LINE = "line"
    MESSAGES = "messages"
    PARK = "park"
    COLLEAGUE = "colleague"  # its lamp shows whether they talk


@dataclass(frozen=True, slots=True)
class Key:
    """One of them, from the top: its label, and the number behind it ("" for a line)."""

    press: Press
    label: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the exchange is, as a telephone reaches it: SIP by UDP, or by TLS at a port of its own;
    the authority by HTTP."""

    host: str
    port: int
    tls_port: int


@dataclass(frozen=True, slots=True)
class Desk:
    """All that is written for one telephone."""

    extension: str
    name: str
    password: str = field(repr=False)
    server: Server
    language: str  # of its screen: "en" or "es"
    clock: Clock | None  # None: its zone cannot be told to it
    keys: tuple[Key, ...]
    emergency_numbers: tuple[str, ...]
    is_secure: bool = False  # signals by TLS and talks by SRTP, or not at all

    @property
    def port(self) -> int:
        """Where it signs in."""
        return self.server.tls_port if self.is_secure else self.server.port


def desk_of(plan: Plan, phone: Phone, password: str, server: Server, clock: Clock | None) -> Desk:
    """What this telephone of this site is told. UnwritableError."""
    return Desk(
        extension=number(phone.extension),
        name=label(phone.name),
        password=_passed(_PASSWORD, password, "a password of 8 to 64 letters and digits"),
        server=Server(
            _passed(_HOST, server.host, "a host name or address"), server.port, server.tls_port
        ),
        language=plan.language,
        clock=clock,
        keys=tuple(_keys(plan, phone)),
        emergency_numbers=tuple(map(number, plan.emergency_numbers)),
        is_secure=phone.secure,
    )


def label(text: str) -> str:
    """Words that a person reads."""
    return _passed(_LABEL, text, "up to 80 letters, digits, spaces and . ' / + -")


def number(text: str) -> str:
    """What is dialled."""
    return _passed(_NUMBER, text, "a number of digits")


def mac(text: str) -> str | None:
    """A telephone's own address as 12 small hexadecimal digits, however its label writes it; None:
    that is none."""
    bare = re.sub(r"[\s:.-]", "", text).lower()
    return bare if _MAC.fullmatch(bare) else None


def _keys(plan: Plan, phone: Phone) -> Iterator[Key]:
    """The one line first, then what every desk needs, then colleagues by their numbers. A telephone
    with fewer keys has the first of them."""
    spanish = plan.language == "es"
    yield Key(Press.LINE, label(phone.name))
    yield Key(Press.MESSAGES, "Mensajes" if spanish else "Messages", inside.LISTEN)
    yield Key(Press.PARK, "Aparcar" if spanish else "Park", number(plan.parking.number))
    for each in sorted(plan.phones.values(), key=lambda one: (len(one.extension), one.extension)):
        if each.extension != phone.extension:
            yield Key(Press.COLLEAGUE, label(each.name), number(each.extension))


def _passed(gate: re.Pattern[str], text: str, wanted: str) -> str:
    if not gate.fullmatch(text):
        raise UnwritableError(f"this cannot be written for a telephone: it takes {wanted}")
    return text
