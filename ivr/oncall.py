"""Who is on call at an instant, and who will be: the rota evaluated.

A layer's answer is that of its first rotation with somebody, exchanged by swaps, and set aside by
an override. It only changes where the clock reads one of a few marks, so evaluating it at each mark
tells all of it. Answers in instants are UTC.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from itertools import combinations, pairwise
from math import gcd

from ivr.clock import instant, reading
from ivr.hours import is_open, next_change
from ivr.plan import Hours
from ivr.rota import HOLIDAY, ByTurns, ByWeekday, Period, Rota, Rotation, Swap, Window

DAY = timedelta(days=1)
# How far ahead the next person is looked for: past the longest turn that a site file may have.
HORIZON = timedelta(days=62)


class By(StrEnum):
    """What put somebody on call."""

    NOTHING = "nobody"
    TURN = "turn"
    SWAP = "swap"
    OVERRIDE = "override"


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on call in a layer, None if nobody is, and by what."""

    person: str | None
    by: By


NOBODY = Duty(None, By.NOTHING)


@dataclass(frozen=True, slots=True)
class Shift:
    """A layer's duty from one instant to before another."""

    start: datetime
    end: datetime
    duty: Duty


@dataclass(frozen=True, slots=True)
class Watch:
    """The duties of all layers, in their order, while none of them changes; `is_gap` where the
    first has nobody although somebody should be on call."""

    start: datetime
    end: datetime
    duties: tuple[Duty, ...]
    is_gap: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody is on call in the first layer although somebody should be; `instead` is who would be
    tried first then, None if no other layer has anybody either."""

    start: datetime
    end: datetime
    instead: str | None


@dataclass(frozen=True, slots=True)
class DoubleBooking:
    """One person in several layers at once, so that there is nobody behind them."""

    start: datetime
    end: datetime
    person: str
    layers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clash:
    """Two overrides of a layer, by their places in the file, at the same time; the later has it."""

    start: datetime
    end: datetime
    layer: str
    overrides: tuple[int, int]


class Why(StrEnum):
    """What makes somebody be tried."""

    ON_CALL = "on call"
    NEXT = "on call next"
    ALL = "everybody"
    LAST_RESORT = "last resort"


@dataclass(frozen=True, slots=True)
class Rung:
    """People called at the same time."""

    why: Why
    people: tuple[str, ...]


# ---- now ----


def on_call(rota: Rota, layer: str, now: datetime) -> Duty:
    """Who is on call in a layer; nobody is in one that the rota does not have."""
    return _duty(rota, layer, reading(now, rota.zone))


def ladder(rota: Rota, layers: Sequence[str], now: datetime | None) -> tuple[Rung, ...]:
    """Whom to try, in order: who is on call in these layers (in all, if none is named), each alone
    and once; then everybody; then the last resort. Where layers give fewer than two people, who is
    on call next stands before everybody. While the clock cannot be trusted (`now` is None) nobody
    knows whose turn it is, and everybody is first."""
    alone: list[str] = []
    rungs: list[Rung] = []
    if now is not None:
        named = [on_call(rota, layer, now).person for layer in layers or rota.layers]
        alone = list(dict.fromkeys(person for person in named if person))
        rungs = [Rung(Why.ON_CALL, (person,)) for person in alone]
        if len(alone) < 2 and (later := _next_person(rota, alone, now)):
            rungs.append(Rung(Why.NEXT, (later,)))
    # Who only helped out once is not woken with the others, unless there are no others.
    if everybody := tuple(dict.fromkeys((*rota.regulars, *alone))) or rota.people:
        rungs.append(Rung(Why.ALL, everybody))
    return (*rungs, Rung(Why.LAST_RESORT, (rota.last_resort,)))


def _next_person(rota: Rota, beside: Sequence[str], now: datetime) -> str | None:
    """The first to come on call, in any layer, who is none of these."""
    coming = (
        duty.person
        for watch in _watches(rota, None, now, now + HORIZON)
        for duty in watch.duties
        if duty.person and duty.person not in beside
    )
    return next(coming, None)


# ---- ahead ----


def shifts(rota: Rota, layer: str, start: datetime, end: datetime) -> list[Shift]:
    """A layer's duties from `start` to `end`, without a hole; each differs from the one before."""
    index = list(rota.layers).index(layer)
    found: list[Shift] = []
    for watch in _watches(rota, None, start, end):
        duty = watch.duties[index]
        if found and found[-1].duty == duty:
            found[-1] = replace(found[-1], end=watch.end)
        else:
            found.append(Shift(watch.start, watch.end, duty))
    return found


def watches(rota: Rota, outside: Hours | None, start: datetime, end: datetime) -> list[Watch]:
    """The duties of all layers from `start` to `end`, without a hole; each differs from the one
    before. `outside` the hours nobody need be on call; None: somebody always must be."""
    found: list[Watch] = []
    for watch in _watches(rota, outside, start, end):
        if found and replace(watch, start=found[-1].start) == replace(found[-1], end=watch.end):
            found[-1] = replace(found[-1], end=watch.end)
        else:
            found.append(watch)
    return found


def time_of(spells: Iterable[Shift]) -> dict[str, timedelta]:
    """How long each person is on call in all."""
    held: dict[str, timedelta] = {}
    for shift in spells:
        if person := shift.duty.person:
            held[person] = held.get(person, timedelta()) + (shift.end - shift.start)
    return held


def gaps(rota: Rota, outside: Hours | None, start: datetime, end: datetime) -> list[Gap]:
    """When the first layer has nobody although somebody should be on call."""
    return [
        Gap(watch.start, watch.end, next((d.person for d in watch.duties if d.person), None))
        for watch in watches(rota, outside, start, end)
        if watch.is_gap
    ]


def double_bookings(rota: Rota, start: datetime, end: datetime) -> list[DoubleBooking]:
    """When one person is on call in several layers, in the order of time."""
    names = tuple(rota.layers)
    found: list[DoubleBooking] = []
    for watch in watches(rota, None, start, end):
        holders = [duty.person for duty in watch.duties]
        for person in dict.fromkeys(holders):
            held = tuple(n for n, holder in zip(names, holders, strict=True) if holder == person)
            if person and len(held) > 1:
                _lengthen(found, DoubleBooking(watch.start, watch.end, person, held))
    return found


def _lengthen(found: list[DoubleBooking], latest: DoubleBooking) -> None:
    """Add a booking, or join it to the one that it goes on from."""
    for index, earlier in enumerate(found):
        joined = replace(earlier, end=latest.end)
        if earlier.end == latest.start and replace(joined, start=latest.start) == latest:
            found[index] = joined
            return
    found.append(latest)


def clashes(rota: Rota, start: datetime, end: datetime) -> list[Clash]:
    """When two overrides of one layer are in force at once."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    found = []
    for (first, one), (second, other) in combinations(enumerate(rota.overrides), 2):
        begin = max(one.period.start, other.period.start)
        cease = min(one.period.end, other.period.end)
        if one.layer != other.layer or begin >= cease:
            continue
        starts = max(start, instant(begin, rota.zone))
        ends = min(end, instant(cease, rota.zone))
        if starts < ends:
            found.append(Clash(starts, ends, one.layer, (first, second)))
    return sorted(found, key=lambda clash: clash.start)


def exchanged(rota: Rota, index: int) -> tuple[timedelta, timedelta]:
    """What the swap of this place in the file takes from its one, and from its other."""
    swap = rota.swaps[index]
    before = replace(rota, swaps=rota.swaps[:index], overrides=())
    return _held(before, swap, swap.one, swap.gives), _held(before, swap, swap.other, swap.takes)


def _held(rota: Rota, swap: Swap, person: str, period: Period) -> timedelta:
    start, end = instant(period.start, rota.zone), instant(period.end, rota.zone)
    return time_of(shifts(rota, swap.layer, start, end)).get(person, timedelta())


# ---- what the clock's reading says ----


def _duty(rota: Rota, layer: str, wall: datetime) -> Duty:
    for override in reversed(rota.overrides):
        if override.layer == layer and override.period.holds(wall):
            return Duty(override.person, By.OVERRIDE)
    rotations = rota.layers.get(layer, ())
    people = (_person(rotation, wall, rota.holidays) for rotation in rotations)
    person = next((person for person in people if person), None)
    if person is None:
        return NOBODY
    holder = person
    for swap in rota.swaps:
        if swap.layer == layer:
            holder = _after_swap(swap, holder, wall)
    return Duty(holder, By.TURN if holder == person else By.SWAP)


def _after_swap(swap: Swap, holder: str, wall: datetime) -> str:
    if holder == swap.one and swap.gives.holds(wall):
        return swap.other
    if holder == swap.other and swap.takes.holds(wall):
        return swap.one
    return holder


def _person(rotation: Rotation, wall: datetime, holidays: frozenset[date]) -> str | None:
    around = _around(rotation.only, wall, holidays)
    if rotation.only and not any(period.holds(wall) for period in around):
        return None
    match rotation:
        case ByTurns():
            turn = (wall - _first(rotation)) // (rotation.days * DAY)
            if turn < 0:
                return None
            taken = _turns_taken(rotation, turn, holidays)
            return rotation.people[taken % len(rotation.people)]
        case ByWeekday():
            handed_over = datetime.combine(wall.date(), rotation.hand_off) <= wall
            day = wall.date() if handed_over else wall.date() - DAY
            return rotation.people[day.weekday()]


def _first(rotation: ByTurns) -> datetime:
    return datetime.combine(rotation.begins, rotation.hand_off)


def _turns_taken(rotation: ByTurns, turn: int, holidays: frozenset[date]) -> int:
    """How many of the turns before this one were somebody's. On which weekdays turns fall repeats
    itself after a few of them; holidays come beside."""
    if not rotation.only:
        return turn
    cycle = 7 // gcd(rotation.days, 7)
    taken = [_is_somebodys(rotation, n) for n in range(cycle)]
    by_week = turn // cycle * sum(taken) + sum(taken[: turn % cycle])
    return by_week + bisect_left(_by_holiday_alone(rotation, holidays), turn)


def _is_somebodys(rotation: ByTurns, turn: int) -> bool:
    """By the week alone."""
    start = _first(rotation) + turn * rotation.days * DAY
    end = start + rotation.days * DAY
    days = (start + n * DAY for n in range(-1, min(rotation.days, 7) + 1))
    periods = (period for day in days for period in _on(rotation.only, day.date(), frozenset()))
    return any(period.start < end and start < period.end for period in periods)


@cache
def _by_holiday_alone(rotation: ByTurns, holidays: frozenset[date]) -> tuple[int, ...]:
    """Turns that are somebody's although no window of the week falls in them."""
    windows = tuple(window for window in rotation.only if window.weekday == HOLIDAY)
    first, length = _first(rotation), rotation.days * DAY
    found: set[int] = set()
    for day in holidays if windows else ():
        for period in _on(windows, day, holidays):
            last = (period.end - first - timedelta.resolution) // length
            found.update(range(max((period.start - first) // length, 0), last + 1))
    return tuple(sorted(turn for turn in found if not _is_somebodys(rotation, turn)))


def _around(
    windows: Sequence[Window], wall: datetime, holidays: frozenset[date]
) -> Iterator[Period]:
    """The windows' periods that may hold a reading: those of its day and of the day before."""
    for day in (wall.date() - DAY, wall.date()):
        yield from _on(windows, day, holidays)


def _on(windows: Sequence[Window], day: date, holidays: frozenset[date]) -> Iterator[Period]:
    """The windows' periods that begin on a day."""
    for window in windows:
        is_holiday = window.weekday == HOLIDAY and day in holidays
        if is_holiday or window.weekday == day.weekday():
            ends = day if window.end > window.start else day + DAY
            start = datetime.combine(day, window.start)
            yield Period(start, datetime.combine(ends, window.end))


# ---- marks: the only readings at which anything may change ----


def _watches(rota: Rota, outside: Hours | None, start: datetime, end: datetime) -> Iterator[Watch]:
    """The duties of all layers between marks, alike neighbours not yet joined."""
    # In one zone Python compares readings, not instants.
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if start >= end:
        return
    low, high = reading(start, rota.zone), reading(end, rota.zone)
    rota = _within(rota, low, high)
    marks = {mark for mark in _marks(rota, low, high) if low < mark <= high}
    changes = {instant(mark, rota.zone) for mark in marks}
    if outside is not None:
        changes.update(_changes(rota, outside, start, end))
    inside = sorted(at for at in changes if start < at < end)
    for begin, cease in pairwise((start, *inside, end)):
        wall = reading(begin, rota.zone)
        duties = tuple(_duty(rota, layer, wall) for layer in rota.layers)
        spared = outside is not None and is_open(outside, begin.astimezone(rota.zone))
        yield Watch(begin, cease, duties, duties[0].person is None and not spared)


def _within(rota: Rota, low: datetime, high: datetime) -> Rota:
    """The rota without what was agreed for other times: a file gathers years of it."""

    def touches(period: Period) -> bool:
        return period.start <= high and low < period.end

    return replace(
        rota,
        overrides=tuple(one for one in rota.overrides if touches(one.period)),
        swaps=tuple(one for one in rota.swaps if touches(one.gives) or touches(one.takes)),
    )


def _marks(rota: Rota, low: datetime, high: datetime) -> Iterator[datetime]:
    periods = [override.period for override in rota.overrides]
    periods += [period for swap in rota.swaps for period in (swap.gives, swap.takes)]
    for period in periods:
        yield from (period.start, period.end)
    times = {at for layer in rota.layers.values() for rotation in layer for at in _times(rotation)}
    for ahead in range((high.date() - low.date()).days + 1):
        yield from (datetime.combine(low.date() + ahead * DAY, at) for at in times)


def _times(rotation: Rotation) -> Iterator[time]:
    """The times of day at which a rotation may change."""
    yield rotation.hand_off
    for window in rotation.only:
        yield from (window.start, window.end)


def _changes(rota: Rota, hours: Hours, start: datetime, end: datetime) -> Iterator[datetime]:
    """The instants at which the hours open or close."""
    change = next_change(hours, start.astimezone(rota.zone))
    while change is not None and (at := change.astimezone(UTC)) < end:
        yield at
        change = next_change(hours, change)
