"""Whether one call was enough, over years: what is long over is counted once for as long as a
process lives, for nothing about it changes any more but by an erasure, which takes a caller's
number away and not what was.

A month is over when a week has passed after its last day, and one day more, in which a call that
nobody of us heard may still be written down.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from firmware.figures import SAME_MATTER, day_begins, first_call_enough
from firmware.ledger import calls

LATE = timedelta(days=1)
Stretch = tuple[datetime, datetime]


@dataclass(slots=True)
class FirstCalls:
    """Months that are over, each with how many were asked about and for how many it was enough."""

    _over: dict[Stretch, tuple[int, int]] = field(default_factory=dict)

    def enough(
        self, connection: Connection, begin: datetime, end: datetime, now: datetime, zone: ZoneInfo
    ) -> tuple[int, int]:
        """As `figures.first_call_enough` says it, of whole days."""
        first = connection.scalar(select(func.min(calls.c.arrived)))
        if first is None:
            return 0, 0
        # Before the first call and after this month there is none to ask about.
        begin = max(begin, _month(datetime.fromisoformat(first), zone)[0])
        end = min(end, _month(now, zone)[1])
        parts = [self._part(connection, each, now, zone) for each in _months(begin, end, zone)]
        return sum(asked for asked, _ in parts), sum(enough for _, enough in parts)

    def _part(
        self, connection: Connection, part: Stretch, now: datetime, zone: ZoneInfo
    ) -> tuple[int, int]:
        known = self._over.get(part)
        if known is None:
            known = first_call_enough(connection, *part, now)
            if part[1] + SAME_MATTER + LATE <= now and part == _month(part[0], zone):
                self._over[part] = known
        return known


def _months(begin: datetime, end: datetime, zone: ZoneInfo) -> list[Stretch]:
    """A span of days in parts, none longer than a month of the clinic's."""
    parts = []
    while begin < end:
        part = begin, min(_month(begin, zone)[1], end)
        parts.append(part)
        begin = part[1]
    return parts


def _month(at: datetime, zone: ZoneInfo) -> Stretch:
    first = at.astimezone(zone).date().replace(day=1)
    after = (first + timedelta(days=32)).replace(day=1)
    return day_begins(first, zone), day_begins(after, zone)
