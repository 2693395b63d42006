"""Every minute of the coming days, proven as the intervals between the edges of the schedules that
callers can meet.

Between two edges no schedule changes its answer, so one minute stands for all. Of the intervals
those are alike in which every schedule leads the same way with the same words: they are one
situation, proven once. Beside them stands what people do by hand: each schedule switched open or
closed. A clock that cannot be trusted opens them all, which is a switch too. Edges are instants, so
that a night when the clocks change has its true length.

People on call change no way of a caller: a message for them is taken whether somebody is on call or
the rota has a gap, and who is tried then is `ivr.oncall`'s to say.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise, product
from zoneinfo import ZoneInfo

from ivr import hours
from ivr.clock import instant
from ivr.hours import HORIZON_DAYS, Answer
from ivr.plan import Hours, HoursFork, Plan

DAYS = 400
# A example should end before its hours change.
LONG_ENOUGH = timedelta(hours=2)
# So many ways of switching are proven all; of more, each schedule alone and all at once.
SWITCHED_MOST = 81

_ANY_FORK = HoursFork("", "open", "closed", "lunch", "holiday")


@dataclass(frozen=True, slots=True)
class Told:
    """What a schedule says, as far as a call is led by it: the way, and the words before it."""

    way: str
    say: str | None = None


OPEN, CLOSED = Told("open"), Told("closed")


@dataclass(frozen=True, slots=True)
class Situation:
    """What each schedule says; and a moment at which it says so, when those are switched that were
    switched by hand."""

    told: Mapping[str, Told]
    at: datetime
    by_hand: tuple[tuple[str, bool], ...] = ()

    def way_at(self, node: HoursFork) -> str:
        """The way by which a fork leads on, of those that it has."""
        told = self.told.get(node.hours)
        way = told.way if told else "closed"
        has = {"open": True, "closed": True, "lunch": node.lunch, "holiday": node.holiday}
        return way if has[way] else "closed"

    def is_closed(self, name: str) -> bool:
        """A schedule that is not among those met is taken as open."""
        told = self.told.get(name)
        return told is not None and told.way != "open"


@dataclass(frozen=True, slots=True)
class Moments:
    """What was proven: so many intervals stood for so many minutes, and came to these
    situations."""

    minutes: int
    intervals: int
    as_written: tuple[Situation, ...]
    switched: tuple[Situation, ...] = field(repr=False)

    def in_words(self) -> str:
        """What was proven, and by how much of it."""
        return (
            f"Proven for every minute of the next {DAYS} days. Situations that the hours lead to:"
            f" {len(self.as_written)}; that switching them by hand leads to: {len(self.switched)}."
        )

    def situation_at(self, plan: Plan, local: datetime) -> Situation | None:
        """The one that stands for this moment."""
        names = self.as_written[0].told
        told = {name: _told(hours.answer(plan.hours[name], local)) for name in names}
        return next((each for each in self.as_written if each.told == told), None)

    @property
    def all(self) -> tuple[Situation, ...]:
        return (*self.as_written, *self.switched)


def moments(plan: Plan, names: Collection[str], now: datetime) -> Moments:
    """Of the schedules of these names, from now on for DAYS."""
    zone = ZoneInfo(plan.timezone)
    start = now.astimezone(UTC).replace(second=0, microsecond=0)
    wall = start.astimezone(zone).replace(tzinfo=None, fold=0)
    end = instant(wall + timedelta(days=DAYS), zone)
    met = [plan.hours[name] for name in names if name in plan.hours]
    between = list(spells(met, start, end, zone))
    as_written = _situations([schedule.name for schedule in met], between, zone)
    minutes = (end - start) // timedelta(minutes=1)
    return Moments(minutes, len(between), as_written, tuple(_by_hand(as_written)))


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which no schedule changes what it says."""

    start: datetime
    end: datetime
    told: tuple[Told, ...]


def spells(
    schedules: Sequence[Hours], start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[Spell]:
    """The intervals in which no schedule's answer changes, without a hole."""
    changes = [list(_changes(schedule, start, end, zone)) for schedule in schedules]
    edges = sorted({start, end, *(at for each in changes for at, _ in each)})
    places = [0] * len(changes)
    for one, other in pairwise(edges):
        for index, each in enumerate(changes):
            while places[index] + 1 < len(each) and each[places[index] + 1][0] <= one:
                places[index] += 1
        told = tuple(each[at][1] for each, at in zip(changes, places, strict=True))
        yield Spell(one, other, told)


def _changes(
    schedule: Hours, start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime, Told]]:
    """From when on the schedule says what; an answer reaches no further than it can be seen."""
    at: datetime | None = start
    before: Told | None = None
    while at is not None and at < end:
        local = at.astimezone(zone)
        begins, at = at, None
        for given in hours.answers(schedule, local):
            if begins >= end:
                return
            if (told := _told(given)) != before:  # that it is another day changes nothing
                yield begins, told
            before = told
            if given.until is None:
                day = local.date() + timedelta(days=HORIZON_DAYS)
                at = instant(datetime.combine(day, time()), zone)
            else:
                begins = given.until.astimezone(UTC)


def _told(given: Answer) -> Told:
    return Told(hours.way_of(_ANY_FORK, given), given.why.say)


def _situations(
    names: Sequence[str], spells: Sequence[Spell], zone: ZoneInfo
) -> tuple[Situation, ...]:
    """Each once, at its first long interval, else its longest."""
    best: dict[tuple[Told, ...], Spell] = {}
    for spell in spells:
        held = best.get(spell.told)
        is_short = held is not None and held.end - held.start < LONG_ENOUGH
        if held is None or (is_short and spell.end - spell.start > held.end - held.start):
            best[spell.told] = spell
    return tuple(
        Situation(dict(zip(names, told, strict=True)), spell.start.astimezone(zone))
        for told, spell in best.items()
    )


def _by_hand(as_written: Sequence[Situation]) -> Iterator[Situation]:
    """Each situation with schedules switched; those that come to the same are one."""
    seen = {tuple(each.told.items()) for each in as_written}
    for situation in as_written:
        for switches in _switches(tuple(situation.told)):
            told = dict(situation.told)
            told.update({name: OPEN if is_open else CLOSED for name, is_open in switches})
            if (key := tuple(told.items())) not in seen:
                seen.add(key)
                yield Situation(told, situation.at, switches)


def _switches(names: tuple[str, ...]) -> Iterator[tuple[tuple[str, bool], ...]]:
    if 3 ** len(names) <= SWITCHED_MOST:
        for each in product((None, True, False), repeat=len(names)):
            yield tuple((n, is_open) for n, is_open in zip(names, each, strict=True)
                        if is_open is not None)  # fmt: skip
        return
    for is_open in (True, False):
        yield from (((name, is_open),) for name in names)
        yield tuple((name, is_open) for name in names)
