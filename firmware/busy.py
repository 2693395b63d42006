"""Busy hours: how many call in each hour of the week, in the mean of the weeks that were seen.

An hour of the week is what the clinic's clock shows; one that comes twice in autumn was seen twice,
and one that spring leaves out was not seen that week. Before the first call nothing was seen.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from zoneinfo import ZoneInfo

from firmware.figures import Tally, hour_of, hours_between

SHADES = 5  # beside none at all
WEEK_DAYS = range(7)  # Monday first


@dataclass(frozen=True, slots=True)
class BusyHour:
    """One hour of the week: calls in all of the weeks in which it was seen."""

    calls: int
    weeks: int

    @property
    def mean(self) -> float | None:
        """Calls in such an hour; None: it was never seen."""
        return self.calls / self.weeks if self.weeks else None


@dataclass(frozen=True, slots=True)
class Busy:
    """The week, from the first to the last hour of a day in which anybody ever called."""

    hours: range
    cells: Mapping[tuple[int, int], BusyHour]  # by weekday and hour

    @property
    def most(self) -> float:
        """Calls in the busiest hour."""
        return max((cell.mean or 0.0 for cell in self.cells.values()), default=0.0)

    def shade(self, cell: BusyHour) -> int:
        """From 0, nobody, to SHADES, the busiest; in equal steps."""
        if not cell.mean:
            return 0
        return min(SHADES, 1 + int(SHADES * cell.mean / self.most))


def busy(
    found: Mapping[tuple[datetime, str], Tally], begin: datetime, end: datetime, zone: ZoneInfo
) -> Busy:
    """Of the hours from `begin` to before `end` (firmware/rollups.py, `by_hour`)."""
    calls: Counter[tuple[int, int]] = Counter()
    for (hour, _), tally in found.items():
        calls[_hour_of_week(hour, zone)] += tally.offered
    called = [when for when, number in calls.items() if number]
    if not called:
        return Busy(range(0), {})
    first = min(hour for (hour, _), tally in found.items() if tally.offered)
    seen = _seen(hours_between(max(begin, hour_of(first, zone)), end, zone), zone)
    hours = range(min(hour for _, hour in called), max(hour for _, hour in called) + 1)
    cells = {when: BusyHour(calls[when], seen[when]) for when in product(WEEK_DAYS, hours)}
    return Busy(hours, cells)


def _seen(hours: Iterable[datetime], zone: ZoneInfo) -> Counter[tuple[int, int]]:
    return Counter(_hour_of_week(hour, zone) for hour in hours)


def _hour_of_week(at: datetime, zone: ZoneInfo) -> tuple[int, int]:
    local = at.astimezone(zone)
    return local.weekday(), local.hour
