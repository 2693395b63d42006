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

from firmware.figures import hour_of, hours_between

SHADES = 5  # beside none at all
WEEK_DAYS = range(7)  # Monday first
HourOfWeek = tuple[int, int]  # weekday, 0 is Monday, and hour of its clock


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
    cells: Mapping[HourOfWeek, BusyHour]

    @property
    def most(self) -> float:
        """Calls in the busiest hour."""
        return max((cell.mean or 0.0 for cell in self.cells.values()), default=0.0)

    def shade(self, cell: BusyHour) -> int:
        """From 0, nobody, to SHADES, the busiest; in equal steps."""
        if not cell.mean:
            return 0
        return min(SHADES, 1 + int(SHADES * cell.mean / self.most))


def busy(found: Mapping[datetime, int], begin: datetime, end: datetime, zone: ZoneInfo) -> Busy:
    """Of the calls of the hours from `begin` to before `end`; an hour without one is not there."""
    calls: Counter[HourOfWeek] = Counter()
    for hour, number in found.items():
        calls[hour_of_week(hour, zone)] += number
    called = [when for when, number in calls.items() if number]
    if not called:
        return Busy(range(0), {})
    first = min(hour for hour, number in found.items() if number)
    seen = _seen(hours_between(max(begin, hour_of(first, zone)), end, zone), zone)
    hours = range(min(hour for _, hour in called), max(hour for _, hour in called) + 1)
    cells = {when: BusyHour(calls[when], seen[when]) for when in product(WEEK_DAYS, hours)}
    return Busy(hours, cells)


def written(hour: HourOfWeek) -> str:
    """As an address has it: Monday at nine is `0-09`."""
    return f"{hour[0]}-{hour[1]:02}"


def hour_written(text: str) -> HourOfWeek:
    """The same, read."""
    weekday, _, hour = text.partition("-")
    return int(weekday), int(hour)


def _seen(hours: Iterable[datetime], zone: ZoneInfo) -> Counter[HourOfWeek]:
    return Counter(hour_of_week(hour, zone) for hour in hours)


def hour_of_week(at: datetime, zone: ZoneInfo) -> HourOfWeek:
    """What the clinic's clock showed."""
    local = at.astimezone(zone)
    return local.weekday(), local.hour
