"""Which calls a figure counts: found by the very reading that counted them, so that the list behind
a number can hold no others.

What a tally counts is looked for hour by hour, the newest first, and only in hours whose tally says
that there is any; a call is one of them if, counted once more, it adds to that count. What is no
tally's (whether one call was enough, who was never helped, requests) is asked of the rows
themselves, in the words that the figure was asked in.

A call may be counted more than once, as it was put into one queue twice or left two requests; then
it is told how often.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import Connection, func, select

from firmware.busy import HourOfWeek, hour_of_week
from firmware.figures import (
    HOUR,
    LONGEST,
    WITHIN_S,
    By,
    Course,
    asked_about,
    counted,
    courses_of,
    hour_of,
    never_helped,
    text_of,
    was_enough,
)
from firmware.ledger import calls
from firmware.requests import IN_TIME, LATE, OVERDUE, calls_with
from firmware.rollups import each_hour
from ivr.commands import Outcome

ALL, LOST = "offered", "lost"
# The counts of a tally that an address may name, and what each is the sum of.
TALLIED: Mapping[str, tuple[str, ...]] = {
    LOST: (Outcome.ABANDONED, Outcome.SHORT_ABANDONED),
    **{
        name: (name,)
        for name in (
            *(ALL, "in_progress", "overflowed", "answer_waits", "talks", "known_callers"),
            *("repeats", "called_back", "marks", "rung", "missed", LONGEST),
            *(each.value for each in Outcome),
            *(f"within_{seconds}" for seconds in WITHIN_S),
        )
    },
}
ENOUGH, WEEK_OVER, NOT_HELPED = "enough", "week_over", "not_helped"
# Of a request, by when it was due; empty: however it went.
REQUESTS = {
    "requests": "",
    "requests_in_time": IN_TIME,
    "requests_late": LATE,
    "requests_overdue": OVERDUE,
}
ASKED = (ENOUGH, WEEK_OVER, NOT_HELPED, *REQUESTS)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a number counts; of the whole clinic, or of one line, queue or phone; where an hour of
    the week is named, only in those of its hours that are over."""

    what: str  # of TALLIED or ASKED
    begin: datetime
    end: datetime
    zone: ZoneInfo
    now: datetime
    by: By = By.ALL
    name: str = ""
    hour: HourOfWeek | None = None


@dataclass(frozen=True, slots=True)
class Times:
    """A call that is counted, and how often."""

    call: str
    times: int


# ---- what is asked of the rows themselves ----


def is_asked(which: Counted) -> bool:
    """Whether `such` tells it."""
    return which.what in ASKED


def such(which: Counted) -> list[sa.ColumnElement[bool]]:
    """Of a row of `calls`: it is one of them."""
    span = (which.begin, which.end)
    match which.what:
        case "not_helped":
            return never_helped(*span)
        case "week_over":
            return asked_about(*span, which.now)
        case "enough":
            return [*asked_about(*span, which.now), was_enough()]
        case _:
            return [calls.c.call.in_(_requests(which))]


def total_of_rows(connection: Connection, which: Counted) -> int:
    """How many they are."""
    asked = select(func.count()).where(*such(which))
    if which.what in REQUESTS:
        asked = select(func.count()).select_from(_requests(which).subquery())
    return connection.scalar(asked) or 0


def times_of_rows(connection: Connection, which: Counted, ids: list[str]) -> Mapping[str, int]:
    """Of these calls, those that are counted more than once."""
    if which.what not in REQUESTS:
        return {}
    left = _requests(which).subquery()
    asked = select(left.c.call, func.count().label("times")).where(left.c.call.in_(ids))
    found = connection.execute(asked.group_by(left.c.call)).all()
    return {row.call: row.times for row in found if row.times > 1}


def _requests(which: Counted) -> sa.Select[tuple[str]]:
    return calls_with(which.begin, which.end, which.now, REQUESTS[which.what])


# ---- what tallies count ----


class TalliedCalls:
    """Those behind one count, as far as they are asked for."""

    def __init__(self, connection: Connection, which: Counted) -> None:
        self._connection, self._which = connection, which
        self._fields = TALLIED[which.what]
        end = which.end if which.hour is None else min(which.end, hour_of(which.now, which.zone))
        of = (which.by, which.name)
        hours = each_hour(connection, which.begin, end, of, self._fields, which.zone)
        if which.hour is not None:
            hours = {at: n for at, n in hours.items() if hour_of_week(at, which.zone) == which.hour}
        self._longest_ms = max(hours.values(), default=0) if which.what == LONGEST else 0
        if self._longest_ms:
            hours = {at: n for at, n in hours.items() if n == self._longest_ms}
        self._hours = hours

    @property
    def total(self) -> int:
        """As the figure says it; of the longest wait, whose it was."""
        if self._longest_ms:
            return sum(1 for _ in self.newest())
        return sum(self._hours.values())

    def newest(
        self, *narrowed: sa.ColumnElement[bool], before: tuple[str, str] | None = None
    ) -> Iterator[Times]:
        """Backwards from before a place, its arrival and its call; of such calls alone."""
        hours, last = self._to_read(narrowed), None
        if before is not None:
            last = hour_of(datetime.fromisoformat(before[0]), self._which.zone)
        for hour in hours:
            if last is not None and hour > last:
                continue
            begin, end = max(hour, self._which.begin), min(hour + HOUR, self._which.end)
            such = (*narrowed, _is_before(before)) if before and hour == last else narrowed
            found = list(courses_of(self._connection, begin, end, *such))
            for call, one in reversed(found):
                if times := self._times(one):
                    yield Times(call, times)

    def _to_read(self, narrowed: tuple[sa.ColumnElement[bool], ...]) -> list[datetime]:
        hours = set(self._hours)
        if narrowed and hours:
            # Few are left, as a rule, and none of the other hours need be read.
            zone, first, last = self._which.zone, text_of(min(hours)), text_of(max(hours) + HOUR)
            within = (calls.c.arrived >= first, calls.c.arrived < last)
            asked = select(calls.c.arrived).where(*narrowed, *within)
            hours &= {
                hour_of(datetime.fromisoformat(at), zone) for at in self._connection.scalars(asked)
            }
        return sorted(hours, reverse=True)

    def _times(self, one: Course) -> int:
        which = self._which
        marks = [each for key, each in counted(one) if key == (which.by, which.name)]
        if self._longest_ms:
            return int(any(each.get(LONGEST) == self._longest_ms for each in marks))
        return sum(each.get(name, 0) for each in marks for name in self._fields)


def _is_before(place: tuple[str, str]) -> sa.ColumnElement[bool]:
    return sa.tuple_(calls.c.arrived, calls.c.call) < place
