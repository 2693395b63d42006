"""Which calls of the past would go elsewhere by another plan: for whoever is about to publish it.

The newest calls are looked at first, a day at a time, until all are or the time is over; what was
looked at is said. A day's calls are read together, since they waited in one another's company.
Nothing is written, and nobody's number or name is read.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from firmware.figures import day_begins
from firmware.place import Place
from firmware.recorded_calls import Crowds, count, recorded_calls
from firmware.store import open_reader
from ivr.plan import Plan
from ivr.replay import PHONE, Compared, Recorded, Way, compare

DAYS = 30
# In which a page's reader still waits; a month of a small clinic's calls takes less.
WITHIN_S = 20.0

ENDED = "ended"

Progress = Callable[[int, int], None]  # so many have been looked at, of so many


@dataclass(frozen=True, slots=True)
class Moved:
    """A call that would go elsewhere."""

    call: str
    arrived: datetime
    both: Compared


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What was found, the oldest call first."""

    days: int
    calls: int  # there were
    looked_at: int  # the newest of them
    moved: tuple[Moved, ...]

    @property
    def ways(self) -> Counter[tuple[str, str]]:
        """How many went to the one and would go to the other, where their ways part."""
        return Counter(_parting(each.both) for each in self.moved)

    @property
    def is_cut_short(self) -> bool:
        return self.looked_at < self.calls


def look(
    place: Place,
    plan: Plan,
    days: int = DAYS,
    within_s: float | None = WITHIN_S,
    progress: Progress = lambda looked_at, calls: None,
    now: Callable[[], float] = time.monotonic,
) -> Elsewhere:
    """Calls of the last days, today's included, by this plan. StoreError: they cannot be read."""
    until = None if within_s is None else now() + within_s
    zone = ZoneInfo(plan.timezone)
    today, end = datetime.now(zone).date(), datetime.now(UTC)
    reader = open_reader(place.calls_db)
    looked_at, moved = 0, list[Moved]()
    try:
        with reader.connect() as connection:
            calls = count(connection, _begin(today, days, zone), end)
            for back in range(days):
                begin = _begin(today, back + 1, zone)
                recorded = recorded_calls(connection, begin, end, zone)
                end = begin
                crowds = Crowds(plan)
                crowds.know(recorded)
                for one in reversed(recorded):
                    if until is not None and now() >= until:
                        return _found(days, calls, looked_at, moved)
                    if not (both := compare(one, plan, crowds.at)).is_same:
                        moved.append(Moved(one.call, _arrived(one), both))
                    looked_at += 1
                    progress(looked_at, calls)
    finally:
        reader.dispose()
    return _found(days, calls, looked_at, moved)


def in_words(found: Elsewhere) -> Iterator[str]:
    """How many would, and from where to where."""
    looked_at = f"{found.looked_at} {_calls(found.looked_at)} of the last {found.days} days"
    if not found.moved:
        yield f"All {looked_at} would go the same way"
    else:
        yield f"{len(found.moved)} of {looked_at} would go elsewhere"
    if found.is_cut_short:
        yield f"The newest {found.looked_at} of {found.calls} calls were looked at; time was over"
    yield from partings(found)


def partings(found: Elsewhere) -> Iterator[str]:
    """From where to where, the most first."""
    for (went, would_go), number in found.ways.most_common():
        yield f"{number} {_calls(number)} {_past(went)} and would {_future(would_go)}"


def _found(days: int, calls: int, looked_at: int, moved: list[Moved]) -> Elsewhere:
    return Elsewhere(days, max(calls, looked_at), looked_at, tuple(reversed(moved)))


def _begin(today: date, days: int, zone: ZoneInfo) -> datetime:
    return day_begins(today - timedelta(days=days - 1), zone)


def _arrived(one: Recorded) -> datetime:
    return one.rows[0].local


def _calls(number: int) -> str:
    return "call" if number == 1 else "calls"


def _parting(both: Compared) -> tuple[str, str]:
    """Where the call went, and where it would go, at the first place that differs."""
    was, becomes = _stations(both.recorded), _stations(both.replayed)
    pairs = zip(was, becomes, strict=False)
    alike = next((at for at, (one, other) in enumerate(pairs) if one != other), None)
    at = min(len(was), len(becomes)) if alike is None else alike
    went, would_go = (way[at] if at < len(way) else "" for way in (was, becomes))
    return went, would_go


def _stations(way: Way) -> tuple[str, ...]:
    return (*way.places, *([f"{ENDED} {way.outcome}"] if way.outcome else []))


def _past(station: str) -> str:
    return _verb(station, "went on to", "rang", "ended as", "went no further")


def _future(station: str) -> str:
    return _verb(station, "go on to", "ring", "end as", "go no further")


def _verb(station: str, goes: str, rings: str, ends: str, stays: str) -> str:
    kind, _, name = station.partition(" ")
    match kind:
        case "":
            return stays
        case _ if kind == ENDED:
            return f"{ends} {name}"
        case _ if kind == PHONE:
            return f"{rings} phone {name}"
        case _:
            return f"{goes} the {kind} `{name}`"
