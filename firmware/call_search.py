"""Calls that were, looked for: by who called, by day, by the telephone that took them, by outcome.

The newest come first, some fifty at a time, and each part begins where the one before ended, so a
call that comes meanwhile moves nothing. A caller is found by the keyed hash of the number, as it is
typed whole; of the last digits this process alone knows which hashes end so, and keeps four digits
of each in memory and nowhere else.
"""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from firmware import counted_calls
from firmware.counted_calls import Counted, TalliedCalls, such, times_of_rows
from firmware.figures import text_of
from firmware.ledger import calls, messages, steps
from firmware.machine import MachineKey, MachineKeyError
from firmware.recordings import recordings
from ivr.canary import SELFTEST
from ivr.outside import ways_to_write

PAGE = 50
LAST_LEAST = 4  # digits, fewer would be half the town's
WHOLE_LEAST = 10  # so many are a number, and not the end of one
ALIKE_MOST = 500  # callers whose numbers end alike
AT_ONCE = 200  # callers, a millisecond's work
OVERLAP = timedelta(days=1)  # a call that nobody of us heard is written down later
SOME = 2_000  # calls of one telephone: fewer are listed first and put in order afterwards
# SQLite takes the index of these only where it reads the word itself.
TAKEN = steps.c.step == sa.literal_column("'accepted'")
# The same where the calls are known: it must not go through all that were ever taken.
OF_THESE = sa.literal_column("+steps.step") == "accepted"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call must be to be found; empty: whatever it is. `numbers` are hashes, None: any."""

    begin: datetime | None = None
    end: datetime | None = None
    phone: str = ""
    outcome: str = ""  # or IN_PROGRESS
    numbers: Collection[bytes] | None = field(default=None, repr=False)
    counted: Counted | None = None  # by a figure, which has days of its own


IN_PROGRESS = "in progress"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A call's place in the order of all."""

    arrived: str
    call: str


@dataclass(frozen=True, slots=True)
class Found:
    """A call of the list. What is sealed of it is opened elsewhere."""

    call: str
    line: str
    arrived: str
    ended: str | None
    outcome: str | None
    number: bytes | None = field(repr=False)
    name: bytes | None = field(repr=False)
    number_hash: bytes | None = field(repr=False)

    @property
    def place(self) -> Place:
        return Place(self.arrived, self.call)


@dataclass(frozen=True, slots=True)
class Part:
    """One screen of calls, and whether there are older ones."""

    calls: tuple[Found, ...]
    has_more: bool
    taken_by: Mapping[str, tuple[str, ...]]  # call -> extensions, in their order
    recorded: frozenset[str]
    left_message: frozenset[str]
    total: int | None = None  # as the figure behind it says; None: there is no figure
    times: Mapping[str, int] = field(default_factory=dict)  # counted more than once


def find(connection: Connection, wanted: Wanted, before: Place | None = None) -> Part:
    """The newest that fit, or the newest of those before a place."""
    which, conditions = wanted.counted, list(_conditions(connection, wanted))
    if which is None:
        return _part(connection, _newest(connection, conditions, before))
    if counted_calls.is_asked(which):
        total = None if conditions else counted_calls.total_of_rows(connection, which)
        part = _part(connection, _newest(connection, [*conditions, *such(which)], before))
        times = times_of_rows(connection, which, [each.call for each in part.calls])
        return replace(part, total=total, times=times)
    tallied = TalliedCalls(connection, which)
    place = None if before is None else (before.arrived, before.call)
    these = list(islice(tallied.newest(*conditions, before=place), PAGE + 1))
    listed_ = [calls.c.call.in_(_listed([each.call for each in these]))]
    part = _part(connection, _newest(connection, listed_, None))
    times = {each.call: each.times for each in these if each.times > 1}
    return replace(part, total=None if conditions else tallied.total, times=times)


def _newest(
    connection: Connection, conditions: Sequence[sa.ColumnElement[bool]], before: Place | None
) -> list[Found]:
    """One more than are shown, if there is."""
    asked = _calls().where(*conditions)
    if before is not None:
        asked = asked.where(
            calls.c.arrived <= before.arrived,
            sa.tuple_(calls.c.arrived, calls.c.call) < (before.arrived, before.call),
        )
    asked = asked.order_by(calls.c.arrived.desc(), calls.c.call.desc()).limit(PAGE + 1)
    return [Found(*row) for row in connection.execute(asked)]


def _part(connection: Connection, found: list[Found]) -> Part:
    shown = found[:PAGE]
    ids = [each.call for each in shown]
    return Part(
        tuple(shown),
        len(found) > PAGE,
        _taken_by(connection, ids),
        _with(connection, recordings.c.call, ids),
        _with(connection, messages.c.call, ids),
    )


def one(connection: Connection, call: str) -> Found | None:
    """The call of this id."""
    row = connection.execute(_calls().where(calls.c.call == call)).one_or_none()
    return None if row is None else Found(*row)


def taken_by(connection: Connection, call: str) -> tuple[str, ...]:
    """The telephones that took this call, in their order."""
    return _taken_by(connection, [call]).get(call, ())


def _calls() -> sa.Select[Any]:
    return select(*(calls.c[name] for name in Found.__slots__)).where(calls.c.line != SELFTEST)


def _conditions(connection: Connection, wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.begin is not None:
        yield calls.c.arrived >= text_of(wanted.begin)
    if wanted.end is not None:
        yield calls.c.arrived < text_of(wanted.end)
    if wanted.outcome == IN_PROGRESS:
        yield calls.c.outcome.is_(None)
    elif wanted.outcome:
        yield calls.c.outcome == wanted.outcome
    if wanted.numbers is not None:
        yield calls.c.number_hash.in_(list(wanted.numbers))
    if wanted.phone:
        yield _taken_at(connection, wanted.phone)


def _taken_at(connection: Connection, phone: str) -> sa.ColumnElement[bool]:
    """Of a telephone with few calls these are read first; of one with many the newest are soon met
    on the way through all."""
    of_phone = select(steps.c.call).where(TAKEN, steps.c.detail == phone)
    few = connection.execute(of_phone.limit(SOME)).scalars().all()
    if len(few) < SOME:
        return calls.c.call.in_(_listed(few))
    return of_phone.where(steps.c.call == calls.c.call).correlate(calls).exists()


def _taken_by(connection: Connection, ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    asked = (
        select(steps.c.call, steps.c.detail)
        .where(steps.c.call.in_(_listed(ids)), OF_THESE)
        .order_by(steps.c.id)
    )
    found: dict[str, tuple[str, ...]] = {}
    for row in connection.execute(asked):
        found[row.call] = (*found.get(row.call, ()), row.detail)
    return found


def _with(
    connection: Connection, column: sa.ColumnElement[str], ids: Sequence[str]
) -> frozenset[str]:
    return frozenset(connection.scalars(select(column).where(column.in_(_listed(ids)))))


def _listed(ids: Sequence[str]) -> sa.Select[Any]:
    """As one value: fifty of them cost more to write down in SQL than to find."""
    return select(sa.column("value")).select_from(sa.func.json_each(json.dumps(ids)))


# ---- by who called ----


class LastDigits:
    """Which callers' numbers end alike, by their hashes; read up from the ledger when asked."""

    def __init__(self) -> None:
        self._by_end: defaultdict[str, set[bytes]] = defaultdict(set)
        self._known: set[bytes] = set()
        self._read_to = ""
        self._lock = threading.Lock()

    def numbers(self, connection: Connection, key: MachineKey, typed: str) -> list[bytes]:
        """Hashes of the numbers that this may be: whole, or how they end."""
        digits = "".join(each for each in typed if each.isdigit())
        whole = [each for way in ways_to_write(digits) for each in (way, f"+{way}")]
        found = [key.keyed_hash(each) for each in whole]
        if LAST_LEAST <= len(digits) < WHOLE_LEAST:
            found += self._ending(connection, key, digits)
        return found

    @property
    def is_read(self) -> bool:
        """Whether all but the newest callers are known."""
        return bool(self._read_to)

    def read_up(self, connection: Connection, key: MachineKey, pause_s: float = 0.0) -> None:
        """Callers who have come since the last time. For whom nobody waits is read with pauses, in
        which the screens of others are made."""
        with self._lock:
            asked = select(calls.c.call, calls.c.arrived, calls.c.number, calls.c.number_hash)
            asked = asked.where(calls.c.number_hash.is_not(None), calls.c.arrived >= self._read_to)
            newest = ""
            for count, row in enumerate(connection.execute(asked.order_by(calls.c.arrived)), 1):
                newest = row.arrived
                if count % AT_ONCE == 0:
                    time.sleep(pause_s)
                if row.number_hash not in self._known:
                    self._known.add(row.number_hash)
                    self._by_end[_number(row, key)[-LAST_LEAST:]].add(row.number_hash)
            if newest:
                back = datetime.fromisoformat(newest) - OVERLAP
                self._read_to = max(self._read_to, text_of(back))

    def _ending(self, connection: Connection, key: MachineKey, digits: str) -> list[bytes]:
        self.read_up(connection, key)
        with self._lock:
            alike = list(self._by_end.get(digits[-LAST_LEAST:], ()))[:ALIKE_MOST]
        if len(digits) == LAST_LEAST:
            return alike
        return [each for each in alike if _ends(connection, key, each, digits)]


def _ends(connection: Connection, key: MachineKey, number: bytes, digits: str) -> bool:
    asked = select(calls.c.call, calls.c.number).where(calls.c.number_hash == number).limit(1)
    row = connection.execute(asked).one_or_none()
    return row is not None and _number(row, key).endswith(digits)


def _number(row: Any, key: MachineKey) -> str:
    try:
        return key.open(row.number, f"calls.number {row.call}")
    except MachineKeyError:
        return ""  # of another box's key: it is found whole, or not at all


def masked(number: str) -> str:
    """What everybody who may read numbers sees before they open one."""
    return f"··· {number[-2:]}" if number else ""
