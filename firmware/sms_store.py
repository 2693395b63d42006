"""Texts in the exchange's store: who wishes none, how many went out, and which were kept.

A number is known there by its keyed hash, in one way of writing it; that of who wrote STOP lies
beside it, sealed under the machine key, for staff to find. A text that came is kept as a
request's note, or as a request of its own, in the same commit as the mark that it was: the modem
tells it again after a restart, and it is known by that mark.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import Connection, column, func, select, table

from firmware import requests
from firmware.ledger import Moment, calls
from firmware.machine import MachineKey, MachineKeyError
from firmware.requests import Left
from firmware.sms_rule import Sent
from hw.modem.commands import Slot
from ivr.asking import Answer
from ivr.form import RequestKind
from ivr.outside import NATIONAL_DIGITS, NORTH_AMERICA, ways_to_write

BY_CALLER = "a text"  # who noted it, in a request's history
LOOKS_BACK = timedelta(days=30)
NAME = 8  # hexadecimal digits of a stop's name

stopped = table(
    "sms_stopped",
    column("number_hash", sa.LargeBinary),
    column("at", sa.Text),
    column("number", sa.LargeBinary),
)
sent = table(
    "sms_sent",
    column("day", sa.Text),
    column("number_hash", sa.LargeBinary),
    column("count", sa.Integer),
)
kept = table(
    "sms_kept",
    column("digest", sa.Text),
    column("at", sa.Text),
    column("number_hash", sa.LargeBinary),
    column("request", sa.Text),
)


@dataclass(frozen=True, slots=True)
class Came:
    """A text for people."""

    slots: tuple[Slot, ...]
    number: str = field(repr=False)
    text: str = field(repr=False)
    moment: Moment


@dataclass(frozen=True, slots=True)
class Stop:
    """A number that wishes no texts; it is empty where it wrote so before numbers were kept."""

    name: str  # of the stop: from its keyed hash, so that nothing can be read from it
    number_hash: bytes
    number: str = field(repr=False)
    at: str


def one_way(number: str) -> str:
    """A number in the one way in which it is hashed here."""
    digits = number.removeprefix("+")
    if len(digits) == NATIONAL_DIGITS + 1 and digits.startswith(NORTH_AMERICA):
        return digits[1:]
    return digits


def digest_of(slots: tuple[Slot, ...]) -> str:
    """The name of a text that lies in a modem; nothing of it can be read from that."""
    text = json.dumps([(slot.memory, slot.index, slot.digest) for slot in slots])
    return hashlib.sha256(text.encode()).hexdigest()


# ---- who wishes none, and how many went ----


def stop(connection: Connection, number: str, moment: Moment, key: MachineKey) -> None:
    """From now on it gets nothing."""
    if not is_stopped(connection, number, key):
        hashed = key.keyed_hash(one_way(number))
        sealed = key.seal(number, _stopped_at(hashed))
        row = {"number_hash": hashed, "at": moment.text, "number": sealed}
        connection.execute(stopped.insert().values(row))


def stops(connection: Connection, key: MachineKey) -> list[Stop]:
    """Who wishes none, the newest first."""
    rows = connection.execute(select(stopped).order_by(stopped.c.at.desc()))
    return [_stop(row, key) for row in rows]


def stop_of(connection: Connection, number: str, key: MachineKey) -> Stop | None:
    """This number's; None: it gets texts."""
    theirs = stopped.c.number_hash == key.keyed_hash(one_way(number))
    row = connection.execute(select(stopped).where(theirs)).one_or_none()
    return None if row is None else _stop(row, key)


def _stop(row: sa.Row[Any], key: MachineKey) -> Stop:
    return Stop(row.number_hash.hex()[:NAME], row.number_hash, _number(row, key), row.at)


def _number(row: sa.Row[Any], key: MachineKey) -> str:
    if row.number is None:
        return ""
    try:
        return key.open(row.number, _stopped_at(row.number_hash))
    except MachineKeyError:
        return ""  # of another box's key


def _stopped_at(hashed: bytes) -> str:
    return f"sms_stopped.number {hashed.hex()}"


def start(connection: Connection, number: str, key: MachineKey) -> None:
    """It gets texts again."""
    theirs = stopped.c.number_hash == key.keyed_hash(one_way(number))
    connection.execute(stopped.delete().where(theirs))


def is_stopped(connection: Connection, number: str, key: MachineKey) -> bool:
    theirs = stopped.c.number_hash == key.keyed_hash(one_way(number))
    return connection.scalar(select(stopped.c.at).where(theirs)) is not None


def sent_on(connection: Connection, day: str, number: str, key: MachineKey) -> Sent:
    """How many texts went out that day."""
    theirs = sent.c.number_hash == key.keyed_hash(one_way(number))
    asked = select(
        func.coalesce(func.sum(sent.c.count), 0),
        func.coalesce(func.sum(sent.c.count).filter(theirs), 0),
    ).where(sent.c.day == day)
    return Sent(*connection.execute(asked).one())


def uncount_one(connection: Connection, day: str, number: str, key: MachineKey) -> None:
    """It did not go after all."""
    hashed = key.keyed_hash(one_way(number))
    of_today = (sent.c.day == day) & (sent.c.number_hash == hashed)
    connection.execute(sent.update().where(of_today).values(count=sent.c.count - 1))


def count_one(connection: Connection, day: str, number: str, key: MachineKey) -> None:
    """One more; it is counted before it goes. Other days are forgotten."""
    connection.execute(sent.delete().where(sent.c.day != day))
    hashed = key.keyed_hash(one_way(number))
    of_today = (sent.c.day == day) & (sent.c.number_hash == hashed)
    done = connection.execute(sent.update().where(of_today).values(count=sent.c.count + 1))
    if not done.rowcount:
        connection.execute(sent.insert().values(day=day, number_hash=hashed, count=1))


# ---- what came ----


def is_kept(connection: Connection, slots: tuple[Slot, ...]) -> bool:
    return connection.scalar(select(kept.c.at).where(kept.c.digest == digest_of(slots))) is not None


def mark_kept(connection: Connection, came: Came, key: MachineKey, request: str = "") -> None:
    """What is no longer in the modem after a month will not be told again."""
    old = Moment(came.moment.at - LOOKS_BACK, 0).text
    connection.execute(kept.delete().where(kept.c.at < old))
    connection.execute(
        kept.insert().values(
            digest=digest_of(came.slots),
            at=came.moment.text,
            number_hash=key.keyed_hash(one_way(came.number)),
            request=request,
        )
    )


def keep(connection: Connection, came: Came, due: datetime, key: MachineKey) -> str:
    """As a note of the newest request that this number left within a month, by a call or by a text,
    which is open again from then on; else as a request of its own. The request's name."""
    request = _newest_of(connection, came.number, came.moment, key)
    if request is None:
        request = str(uuid4())
        answers: Sequence[Answer] = (Answer("text", came.text), Answer("number", came.number))
        left = Left(request, str(uuid4()), RequestKind.OTHER, due, None, answers, None, came.moment)
        requests.record(connection, left, key)
    else:
        if requests.one(connection, request).done is not None:
            requests.reopen(connection, request, BY_CALLER, came.moment)
        requests.note(connection, request, BY_CALLER, came.text, came.moment, key)
    mark_kept(connection, came, key, request)
    return request


def _newest_of(connection: Connection, number: str, moment: Moment, key: MachineKey) -> str | None:
    """An open one before all others."""
    plain = ways_to_write(number.removeprefix("+"))
    hashes = [key.keyed_hash(way) for each in plain for way in (each, f"+{each}")]
    called = select(calls.c.call).where(calls.c.number_hash.in_(hashes))
    wrote = select(kept.c.request).where(kept.c.number_hash == key.keyed_hash(one_way(number)))
    is_theirs = requests.requests.c.call.in_(called) | requests.requests.c.request.in_(wrote)
    since = Moment(moment.at - LOOKS_BACK, 0).text
    asked = (
        select(requests.requests.c.request)
        .where(is_theirs, requests.requests.c.taken >= since)
        .order_by(requests.requests.c.done.is_not(None), requests.requests.c.taken.desc())
        .limit(1)
    )
    found = connection.scalar(asked)
    return None if found is None else str(found)
