"""The clinic's figures, from the rows of our ledger and from nothing else.

A call's rows, in their order, are read into its `Course`; a course is counted into a `Tally` for
the whole clinic, for its line, for each queue it waited in and for the agent it reached; tallies
add up. All is counted where the call arrived: an hour's figures are those of the calls that came in
that hour.

Times waited and talked are differences of the monotonic clock, so no jump of the wall clock, no
change to summer time and no restart of ours bends them. A call whose end nobody heard (the box was
off) has an outcome, but no length; it is left out of means, never guessed.

In a queue a call counts once for each time it was put there (of several at once, in the first), and
is `overflowed` when it went on elsewhere and waited again; so for each queue, as for the whole,

    offered = sum of outcomes + overflowed + in progress

The self-test line's calls are no callers, and are not counted.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import groupby
from operator import add, attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, func, literal_column, select

from firmware import back_talk
from firmware.back_talk import BackTalk, between
from firmware.ledger import JOINED, OUTCOME, UNHEARD, Moment, Step, calls, steps
from ivr.canary import SELFTEST
from ivr.commands import Outcome
from ivr.events import Refusal
from ivr.inside import INSIDE
from ivr.survey import ASKED, RATED

NOT_CALLERS = (SELFTEST, INSIDE)  # lines on which nobody calls the clinic
# A service level can be asked for within these; roll-ups keep a count for each.
WITHIN_S = (10, 20, 30, 60, 120, 300)
# Who calls again within so many days calls on the same matter, as far as we can tell.
SAME_MATTER = timedelta(days=7)
# How a call ends whose caller got through to somebody, or will.
HELPED = (Outcome.ANSWERED, Outcome.TRANSFERRED, Outcome.MESSAGE, Outcome.CALLBACK)
HOUR = timedelta(hours=1)
# SQLite's way to write what `Moment.text` writes.
SQL_TIME = "%Y-%m-%dT%H:%M:%f+00:00"
LONGEST = "longest_ms"  # the one figure of a tally that is no sum

# Words of the call logic (ivr/call.py, ivr/exchange.py) by which a wait begins, is named and ends.
QUEUE, RING, WAITS = "queue", "ring", "waits"
OFFER, ACCEPTED = "offer", "accepted"
ELSEWHERE = frozenset({"say", "menu", "message", "hangup", "released", "failsafe", "audio lost"})
# What an agent does during a talk and after it.
HELD, RESUMED, WRAPPED_UP = "held", "resumed", "wrapped up"
READ = frozenset(
    {QUEUE, RING, WAITS, OFFER, ACCEPTED, JOINED, UNHEARD, OUTCOME, Refusal.SILENT.value}
    | {HELD, RESUMED, WRAPPED_UP, ASKED, RATED}
    | back_talk.READ
    | ELSEWHERE
)


class By(StrEnum):
    """Whose figures."""

    ALL = "all"
    LINE = "line"
    QUEUE = "queue"
    AGENT = "agent"
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts and sums that add up, but for `longest_ms`. Each mean has the number it is of."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    short_abandoned: int = 0
    callback: int = 0
    message: int = 0
    self_served: int = 0
    transferred: int = 0
    emergency: int = 0
    blocked: int = 0
    failsafe: int = 0
    overflowed: int = 0  # in a queue: went on to another place
    in_progress: int = 0
    answer_waits: int = 0  # answered, with a wait that was measured
    answer_wait_ms: int = 0
    within_10: int = 0  # of these, how many waited no longer than so many seconds
    within_20: int = 0
    within_30: int = 0
    within_60: int = 0
    within_120: int = 0
    within_300: int = 0
    longest_ms: int = 0  # anybody's wait for a person, whether it led to one or not
    waited_ms: int = 0  # by all, and
    hung_up: int = 0  # how many hung up while waiting: together, the callers' patience
    talks: int = 0
    talk_ms: int = 0  # without hold
    holds: int = 0
    hold_ms: int = 0
    wrap_ups: int = 0
    wrap_up_ms: int = 0
    rung: int = 0  # of an agent: times its phone was offered a call, and
    missed: int = 0  # nobody picked up
    known_callers: int = 0  # calls with a number, and of these
    repeats: int = 0  # those whose caller had called some days before
    called_back: int = 0
    marks: int = 0  # callers who said how it was, and
    marks_sum: int = 0  # the sum of what they gave, of 5 each

    def __add__(self, other: "Tally") -> "Tally":
        summed = dict(zip(COUNTS, map(add, _counts(self), _counts(other)), strict=True))
        return Tally(**summed | {LONGEST: max(self.longest_ms, other.longest_ms)})

    @property
    def outcomes(self) -> Mapping[Outcome, int]:
        return {outcome: getattr(self, outcome.value) for outcome in Outcome}

    @property
    def holds_sum(self) -> bool:
        """Whether each call offered is accounted for."""
        ended = sum(self.outcomes.values()) + self.overflowed
        return self.offered == ended + self.in_progress

    @property
    def asa_s(self) -> float | None:
        """Mean wait of answered calls; None: nobody was answered."""
        return _mean_s(self.answer_wait_ms, self.answer_waits)

    @property
    def longest_s(self) -> float:
        return self.longest_ms / 1000

    @property
    def abandonment(self) -> float | None:
        """Who hung up unhelped, of all offered."""
        return _share(self.abandoned + self.short_abandoned, self.offered)

    @property
    def abandonment_without_short(self) -> float | None:
        """The same, were those never counted who hung up before anybody could have helped."""
        return _share(self.abandoned, self.offered - self.short_abandoned)

    def service_level(self, within_s: int) -> float | None:
        """Answered within so many seconds, of all offered."""
        return _share(getattr(self, f"within_{within_s}"), self.offered)

    @property
    def talk_s(self) -> float | None:
        return _mean_s(self.talk_ms, self.talks)

    @property
    def hold_s(self) -> float | None:
        """Per talk; None: no hold was ever reported."""
        return _mean_s(self.hold_ms, self.talks) if self.holds else None

    @property
    def wrap_up_s(self) -> float | None:
        """Per wrap-up; None: none was ever reported."""
        return _mean_s(self.wrap_up_ms, self.wrap_ups)

    @property
    def aht_s(self) -> float | None:
        """Talk, hold and wrap-up of a call, as far as they are reported."""
        if self.talk_s is None:
            return None
        return self.talk_s + (self.hold_s or 0.0) + (self.wrap_up_s or 0.0)

    @property
    def mark(self) -> float | None:
        """What callers gave, of 5, in the mean; None: nobody was asked, or said."""
        return _share(self.marks_sum, self.marks)

    @property
    def patience_s(self) -> float | None:
        """How long callers are ready to wait, in the mean; None: nobody hung up. What those waited
        who were helped first is counted in, else it would come out far too short (the maximum
        likelihood of exponential patience, censored)."""
        return _mean_s(self.waited_ms, self.hung_up)

    @property
    def staying_s(self) -> float | None:
        """In a queue: how long callers stay who are not answered, whether they hang up or are led
        elsewhere; reckoned as patience is. None: nobody left."""
        stayed = self.answer_waits + self.failsafe + self.in_progress
        return _mean_s(self.waited_ms, self.offered - stayed)


COUNTS = tuple(each.name for each in fields(Tally))
_counts = attrgetter(*COUNTS)


@dataclass(frozen=True, slots=True)
class Stay:
    """One wait for a person: in a queue, or ("") while phones rang without one."""

    queue: str
    wait_ms: int | None  # None: still waiting, or nobody heard the end


@dataclass(frozen=True, slots=True)
class Course:
    """What became of one call."""

    line: str
    arrived: datetime
    outcome: Outcome | None
    stays: tuple[Stay, ...] = ()
    wait_ms: int | None = None  # for a person, from first asking for one
    agent: str = ""  # whom it reached
    talk_ms: int | None = None
    hold_ms: int | None = None
    wrap_up_ms: int | None = None
    rung: tuple[str, ...] = ()  # agents, once for each offer
    missed: tuple[str, ...] = ()
    is_known: bool = False
    is_repeat: bool = False
    back: BackTalk | None = None  # that somebody was called back
    mark: int | None = None

    @property
    def is_answered(self) -> bool:
        return bool(self.agent) or self.outcome is Outcome.ANSWERED


@dataclass(slots=True)
class _Reading:
    """A call's rows, one after another."""

    stays: list[Stay] = field(default_factory=list)
    rung: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    asked: int | None = None
    stay: str | None = None
    stay_from: int = 0
    waited_until: int | None = None
    picked_up: str = ""
    joined: int | None = None
    agent: str = ""
    held_from: int | None = None
    hold_ms: int | None = None
    ended: int | None = None
    is_unheard: bool = False
    wrap_up_ms: int | None = None
    back: BackTalk = field(default_factory=BackTalk)
    talked_until: int | None = None
    mark: int | None = None

    def take(self, step: Step) -> None:
        if self.back.take(step):
            return
        at = step.mono_ms
        match step.step:
            case "queue" | "ring" if self.joined is None:
                self._leave(at)
                self.picked_up = ""
                self.stay, self.stay_from = (step.detail if step.step == QUEUE else ""), at
                self.asked = at if self.asked is None else self.asked
            case "waits" if self.stay is not None:
                self.stay = step.detail.split(", ")[0]
            case "offer":
                self.rung.append(step.detail)
            case "silent":
                self.missed.append(step.detail)
            case "accepted":
                self.picked_up = step.detail
            case "joined" if self.joined is None:
                self._leave(at)
                self.joined, self.agent = at, self.picked_up
            case "held":
                self.held_from = at if self.held_from is None else self.held_from
            case "resumed":
                self._resume(at)
            case "wrapped up" if (end := self._talk_end) is not None:
                self.wrap_up_ms = between(end, at)
            case "surveyed":
                self._resume(at)
                self.talked_until = at
            case "rated":
                self.mark = int(step.detail)
            case "ended unheard":
                self.is_unheard = True
            case "outcome":
                self._end(at)
            case word if word in ELSEWHERE:
                self._leave(at)
            case _:
                pass

    def _leave(self, at: int | None) -> None:
        """The wait is over; None: nobody knows when."""
        if self.stay is None:
            return
        waited_ms = None if at is None else between(self.stay_from, at)
        self.stays.append(Stay(self.stay, waited_ms))
        self.stay, self.waited_until = None, at

    def _resume(self, at: int) -> None:
        if self.held_from is not None:
            self.hold_ms = (self.hold_ms or 0) + (between(self.held_from, at) or 0)
        self.held_from = None

    def _end(self, at: int) -> None:
        known = None if self.is_unheard else at
        self._leave(known)
        if known is not None:
            self._resume(known)
        self.ended = known

    @property
    def wait_ms(self) -> int | None:
        return between(self.asked, self.waited_until)

    @property
    def _talk_end(self) -> int | None:
        """What a caller says to a question after the talk is none of the agent's time."""
        return self.ended if self.talked_until is None else self.talked_until

    @property
    def talk_ms(self) -> int | None:
        together = between(self.joined, self._talk_end)
        return None if together is None else max(0, together - (self.hold_ms or 0))


def course(
    line: str,
    arrived: datetime,
    outcome: Outcome | None,
    rows: Iterable[Step],
    *,
    is_known: bool = False,
    is_repeat: bool = False,
) -> Course:
    """A call's rows, read in their order."""
    read = _Reading()
    for row in rows:
        read.take(row)
    still = () if read.stay is None else (Stay(read.stay, None),)
    return Course(
        line=line,
        arrived=arrived,
        outcome=outcome,
        stays=(*read.stays, *still),
        wait_ms=read.wait_ms if not still else None,
        agent=read.agent if read.joined is not None else "",
        talk_ms=read.talk_ms,
        hold_ms=read.hold_ms,
        wrap_up_ms=read.wrap_up_ms,
        rung=tuple(read.rung),
        missed=tuple(read.missed),
        is_known=is_known,
        is_repeat=is_repeat,
        back=None if read.back.begun is None else read.back,
        mark=read.mark,
    )


Key = tuple[By, str]
WHOLE: Key = (By.ALL, "")  # the whole clinic's
# What one call adds, by the names of a Tally's counts.
Marks = dict[str, int]
Rows = dict[tuple[datetime, By, str], Tally]


def counted(one: Course) -> Iterator[tuple[Key, Marks]]:
    """What a call adds to whose figures."""
    whole = _whole(one)
    yield (By.ALL, ""), whole
    yield (By.LINE, one.line), whole
    for stay in one.stays[:-1]:
        yield (By.QUEUE, stay.queue), {"offered": 1, "overflowed": 1} | _waited(stay)
    for stay in one.stays[-1:]:
        outcome = _ended(one) | _answered(one, stay.wait_ms) | _handled(one) | _marked(one)
        yield (By.QUEUE, stay.queue), outcome | _waited(stay)
    if one.agent:
        yield (By.AGENT, one.agent), whole
    for agent in one.rung:
        yield (By.AGENT, agent), {"rung": 1}
    for agent in one.missed:
        yield (By.AGENT, agent), {"missed": 1}
    if (back := one.back) is not None:
        names = {By.ALL: "", By.LINE: one.line, By.QUEUE: back.queue, By.AGENT: back.agent}
        for by, name in names.items():
            if name or by is By.ALL:
                yield (by, name), _handled(back)


def _whole(one: Course) -> Marks:
    return {
        **_ended(one),
        **_answered(one, one.wait_ms),
        **_handled(one),
        **_marked(one),
        "waited_ms": sum(stay.wait_ms or 0 for stay in one.stays),
        "longest_ms": one.wait_ms or 0,
        "known_callers": int(one.is_known),
        "repeats": int(one.is_repeat),
    }


def _ended(one: Course) -> Marks:
    if one.outcome is None:
        return {"offered": 1, "in_progress": 1}
    is_hung_up = one.outcome in (Outcome.ABANDONED, Outcome.SHORT_ABANDONED)
    return {
        "offered": 1,
        one.outcome.value: 1,
        "hung_up": int(is_hung_up and bool(one.stays)),
        "called_back": int(one.back is not None),
    }


def _waited(stay: Stay) -> Marks:
    return {"waited_ms": stay.wait_ms or 0, "longest_ms": stay.wait_ms or 0}


def _answered(one: Course, wait_ms: int | None) -> Marks:
    if wait_ms is None or one.outcome is None or not one.is_answered:
        return {}
    kept = {f"within_{limit_s}": int(wait_ms <= limit_s * 1000) for limit_s in WITHIN_S}
    return {"answer_waits": 1, "answer_wait_ms": wait_ms, **kept}


def _handled(one: Course | BackTalk) -> Marks:
    parts = (("talk", one.talk_ms), ("hold", one.hold_ms), ("wrap_up", one.wrap_up_ms))
    known = [(name, took_ms) for name, took_ms in parts if took_ms is not None]
    return {f"{name}s": 1 for name, _ in known} | {f"{name}_ms": took for name, took in known}


def _marked(one: Course) -> Marks:
    return {} if one.mark is None else {"marks": 1, "marks_sum": one.mark}


def added_up(marks: Iterable[Marks]) -> Tally:
    """What several calls come to."""
    sums: Marks = {}
    for each in marks:
        for name, number in each.items():
            known = sums.get(name, 0)
            sums[name] = max(known, number) if name == LONGEST else known + number
    return Tally(**sums)


# ---- hours and days of the clinic ----


def hour_of(at: datetime, zone: tzinfo) -> datetime:
    """When the clinic's clock last struck the hour, as an instant: the two hours that bear one name
    when summer time ends are two."""
    local = at.astimezone(zone)
    since = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return at.astimezone(UTC) - since


def day_begins(day: date, zone: tzinfo) -> datetime:
    """The clinic's midnight, as an instant."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def hours_between(begin: datetime, end: datetime, zone: tzinfo) -> list[datetime]:
    """The hours that begin in a span: of a day when the clocks change, 23 or 25."""
    hour, found = hour_of(begin, zone), []
    while hour < end:
        if hour >= begin:
            found.append(hour)
        hour = hour_of(hour + HOUR, zone)
    return found


# ---- from the ledger ----


def computed(connection: Connection, begin: datetime, end: datetime, zone: tzinfo) -> Rows:
    """By hour, of the calls that arrived in this span, afresh from their rows."""
    marks: defaultdict[tuple[datetime, By, str], list[Marks]] = defaultdict(list)
    for one in courses(connection, begin, end):
        hour = hour_of(one.arrived, zone)
        for (by, name), each in counted(one):
            marks[hour, by, name].append(each)
    return {key: added_up(each) for key, each in marks.items()}


def courses(connection: Connection, begin: datetime, end: datetime) -> Iterator[Course]:
    """Of the calls that arrived in this span."""
    return (one for _, one in courses_of(connection, begin, end))


def courses_of(
    connection: Connection, begin: datetime, end: datetime, *such: sa.ColumnElement[bool]
) -> Iterator[tuple[str, Course]]:
    """The same with each call's id, and of such calls alone."""
    rows = connection.execute(
        select(
            calls.c.call.label("of"),
            calls.c.line,
            calls.c.arrived,
            calls.c.outcome,
            calls.c.number_hash.is_not(None).label("is_known"),
            _called_before().label("is_repeat"),
            *steps.c,
        )
        .join(steps, (steps.c.call == calls.c.call) & steps.c.step.in_(READ), isouter=True)
        .where(*_in_span(begin, end), *such)
        .order_by(calls.c.arrived, calls.c.call, steps.c.id)
    )
    for call, of_call in groupby(rows, key=attrgetter("of")):
        first, *others = of_call
        yield (
            call,
            course(
                first.line,
                datetime.fromisoformat(first.arrived),
                None if first.outcome is None else Outcome(first.outcome),
                [_step(row) for row in (first, *others) if row.id is not None],
                is_known=bool(first.is_known),
                is_repeat=bool(first.is_repeat),
            ),
        )


def first_call_enough(
    connection: Connection, begin: datetime, end: datetime, now: datetime
) -> tuple[int, int]:
    """FCR: of how many answered calls with a number, how many had no other call of the same caller
    in the days after. Calls whose days are not over yet are not asked about."""
    asked = select(func.count(), func.sum(sa.case((_called_after(), 0), else_=1)))
    found, enough = connection.execute(asked.where(*asked_about(begin, end, now))).one()
    return found, enough or 0


def asked_about(begin: datetime, end: datetime, now: datetime) -> list[sa.ColumnElement[bool]]:
    """Of a row of `calls`: one that can be the first of its matter, and whose days are over."""
    return [
        *_in_span(begin, min(end, now - SAME_MATTER)),
        _ended_as(Outcome.ANSWERED),
        calls.c.number_hash.is_not(None),
    ]


def was_enough() -> sa.ColumnElement[bool]:
    """Of a row of `calls`, and one of those: nobody called again."""
    return ~_called_after()


def not_helped(connection: Connection, begin: datetime, end: datetime) -> list[str]:
    """Calls of this span whose caller hung up and has not got through since, the oldest first: a
    list of people to be called. Who showed no number may have, but nobody can know."""
    asked = select(calls.c.call).where(*never_helped(begin, end))
    return list(connection.scalars(asked.order_by(calls.c.arrived, calls.c.call)))


def how_many_not_helped(connection: Connection, begin: datetime, end: datetime) -> int:
    """Their number alone."""
    return connection.scalar(select(func.count()).where(*never_helped(begin, end))) or 0


def never_helped(begin: datetime, end: datetime) -> list[sa.ColumnElement[bool]]:
    """Of a row of `calls`: one of these."""
    # By its outcome and then its arrival: all who gave up are few, and all who called are many.
    gave_up = calls.c.outcome == Outcome.ABANDONED.value
    return [*_in_span(begin, end), gave_up, ~_helped_after()]


def _in_span(begin: datetime, end: datetime) -> list[sa.ColumnElement[bool]]:
    """Of a row of `calls`: somebody called the clinic then."""
    return [
        calls.c.arrived >= text_of(begin),
        calls.c.arrived < text_of(end),
        calls.c.line.not_in(NOT_CALLERS),
    ]


def text_of(at: datetime) -> str:
    """As the ledger writes moments."""
    return Moment(at, 0).text


# By the keyed hash of the number alone. The ledger's own order says who was first, so that what a
# call was counted as never changes when a row with an odd date comes in later.
_other = calls.alias("other")


def _ended_as(outcome: Outcome) -> sa.ColumnElement[bool]:
    """Said so that SQLite looks calls up by their arrival, and not all that ever ended so."""
    return func.coalesce(calls.c.outcome, "") == outcome.value


def _called_before() -> sa.Exists:
    since = func.strftime(SQL_TIME, calls.c.arrived, f"-{SAME_MATTER.days} days")
    same = (_other.c.number_hash == calls.c.number_hash) & (_other.c.arrived >= since)
    before = literal_column("other.rowid") < literal_column("calls.rowid")
    return select(_other.c.call).where(same, before).correlate(calls).exists()


def _called_after() -> sa.Exists:
    until = func.strftime(SQL_TIME, calls.c.arrived, f"+{SAME_MATTER.days} days")
    same = (_other.c.number_hash == calls.c.number_hash) & (_other.c.arrived <= until)
    after = literal_column("other.rowid") > literal_column("calls.rowid")
    return select(_other.c.call).where(same, after).correlate(calls).exists()


def _helped_after() -> sa.Exists:
    same = _other.c.number_hash == calls.c.number_hash
    after = literal_column("other.rowid") > literal_column("calls.rowid")
    helped = _other.c.outcome.in_([outcome.value for outcome in HELPED])
    return select(_other.c.call).where(same, after, helped).correlate(calls).exists()


def _step(row: sa.Row[Any]) -> Step:
    return Step(row.id, row.call, row.at, row.mono_ms, row.step, row.detail)


def _mean_s(sum_ms: int, number: int) -> float | None:
    return sum_ms / number / 1000 if number else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
