"""Who calls, for those of the clinic who pick up: by name where the number is on the list of
patients, and what is known besides. Looked up as the telephone rings; kept nowhere.

A number is what the network shows and may be false: this tells whom to greet, and identifies nobody
(ivr/identity.py does).
"""

from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection, func, select

from firmware import patients
from firmware.call_search import masked
from firmware.ledger import calls
from firmware.machine import MachineKey
from firmware.requests import requests


class Segment(StrEnum):
    """What kind of caller it is."""

    PATIENT = "patient"
    KNOWN = "has called before"
    NEW = "first call"
    HIDDEN = "no number shown"


@dataclass(frozen=True, slots=True)
class Caller:
    """One of them; nothing of it is shown in a log."""

    segment: Segment
    names: tuple[str, ...] = field(default=(), repr=False)  # on the list, with this number
    masked: str = field(default="", repr=False)
    open_requests: int = 0
    calls_before: int = 0


def who(
    connection: Connection, listed: Connection | None, key: MachineKey, call: str
) -> Caller | None:
    """Of calls.db and, where there is one, page.db. None: no such call is written down."""
    columns = (calls.c.number, calls.c.number_hash, calls.c.arrived)
    row = connection.execute(select(*columns).where(calls.c.call == call)).one_or_none()
    if row is None:
        return None
    if row.number_hash is None:
        return Caller(Segment.HIDDEN)
    number = key.open(row.number, f"calls.number {call}")
    names = tuple(patients.names_of(listed, key, number)) if listed is not None else ()
    same = calls.c.number_hash == row.number_hash
    before = connection.scalar(
        select(func.count()).select_from(calls).where(same, calls.c.arrived < row.arrived)
    )
    left = (
        select(func.count())
        .select_from(requests)
        .join(calls, calls.c.call == requests.c.call)
        .where(requests.c.done.is_(None), same)
    )
    is_known = Segment.KNOWN if before else Segment.NEW
    return Caller(
        Segment.PATIENT if names else is_known,
        names,
        masked(number),
        connection.scalar(left) or 0,
        before or 0,
    )
