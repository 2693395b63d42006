"""Telephones whose calls outside are stopped, as they stand in Asterisk's database: pure, messages
in, facts out. An entry is `WHY/SECONDS`, and `/told` once it stands in the audit."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from firmware.asterisk import written
from firmware.asterisk.outside_limits import STOPPED
from firmware.asterisk.translate import Action
from firmware.asterisk.wire import Message

ASKED: Action = ("DBGetTree", ("Family", STOPPED))
_ENTRY = re.compile(
    rf"/{STOPPED}/(?P<phone>[0-9]{{1,20}})=(?P<why>[a-z]+)/(?P<at>[0-9]{{1,12}})(?P<told>/told)?"
)


@dataclass(frozen=True, slots=True)
class Stop:
    """One of them; `at` is in seconds since 1970."""

    phone: str
    why: str
    at: int
    is_told: bool


def stops(entries: Iterable[Message]) -> list[Stop]:
    """What is there; an entry that is not of our making is left alone."""
    found = (_ENTRY.fullmatch(f"{entry.get('Key')}={entry.get('Val')}") for entry in entries)
    return [
        Stop(one["phone"], one["why"], int(one["at"]), one["told"] is not None)
        for one in found
        if one is not None
    ]


def told(stop: Stop) -> Action:
    """It stands in the audit."""
    entry = f"DB({STOPPED}/{written.number(stop.phone)})"
    return ("Setvar", ("Variable", entry), ("Value", f"{stop.why}/{stop.at}/told"))


def lifted(stop: Stop) -> Action:
    """The telephone may call outside again."""
    entry = f"DB_DELETE({STOPPED}/{written.number(stop.phone)})"
    return ("Setvar", ("Variable", entry), ("Value", ""))
