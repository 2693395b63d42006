"""Calls of the ledger, made ready to be gone through once more (`ivr.replay`)."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, func, select

from firmware.figures import text_of
from firmware.ledger import calls, steps
from ivr.canary import SELFTEST
from ivr.overflow import Crowd
from ivr.plan import Plan
from ivr.replay import PLACES, Recorded, Row

ENDS_A_WAIT = PLACES | {"joined", "outcome", "failsafe", "audio lost"}


def recorded_calls(
    connection: Connection, begin: datetime, end: datetime, zone: ZoneInfo
) -> list[Recorded]:
    """Calls that arrived in this span and have ended, the oldest first."""
    return _read(connection, zone, *_ended_between(begin, end))


def recorded_call(connection: Connection, call: str, zone: ZoneInfo) -> Recorded | None:
    """This one; None: there is none, or it goes on."""
    wanted = (calls.c.call == call, calls.c.outcome.is_not(None))
    return next(iter(_read(connection, zone, *wanted)), None)


def _read(connection: Connection, zone: ZoneInfo, *wanted: ColumnElement[bool]) -> list[Recorded]:
    rows = connection.execute(
        select(calls.c.call, calls.c.line, calls.c.dialled, steps)
        .join(steps, steps.c.call == calls.c.call)
        .where(*wanted)
        .order_by(calls.c.arrived, calls.c.call, steps.c.id)
    )
    found = []
    for call, of_call in groupby(rows, key=attrgetter("call")):
        written = list(of_call)
        told = tuple(
            Row(
                row.step,
                row.detail,
                row.mono_ms / 1000,
                datetime.fromisoformat(row.at).astimezone(zone),
            )
            for row in written
        )
        found.append(Recorded(call, written[0].line, written[0].dialled, told))
    return found


def count(connection: Connection, begin: datetime, end: datetime) -> int:
    """How many there are in this span."""
    asked = select(func.count()).select_from(calls).where(*_ended_between(begin, end))
    return connection.scalar(asked) or 0


def _ended_between(begin: datetime, end: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        calls.c.arrived >= text_of(begin),
        calls.c.arrived < text_of(end),
        calls.c.line != SELFTEST,
        calls.c.outcome.is_not(None),
    )


@dataclass(slots=True)
class Crowds:
    """How many waited in each queue, as the ledger shows it. Who was there to answer it does not
    show: every agent of the queue counts."""

    plan: Plan
    _came: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _went: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def know(self, recorded: Sequence[Recorded]) -> None:
        for call in recorded:
            for queue, since, until in _waits(call):
                self._came[queue].append(since)
                self._went[queue].append(until)
        for times in (*self._came.values(), *self._went.values()):
            times.sort()

    def at(self, queue: str, now: float) -> Crowd:
        """The place of one who comes to this queue then."""
        before = bisect_left(self._came[queue], now) - bisect_left(self._went[queue], now)
        known = self.plan.queues.get(queue)
        return Crowd(max(before, 0) + 1, len(known.agents) if known else 0)


def _waits(call: Recorded) -> Iterator[tuple[str, float, float]]:
    queue, since = "", 0.0
    for row in call.rows:
        if queue and row.step in ENDS_A_WAIT:
            yield queue, since, row.now
            queue = ""
        if row.step == "waits":
            queue, since = row.detail.split(", ")[0], row.now
