"""Between what the clinic's wall clock reads and the instant at which it does.

A wall clock set back reads the same hour twice; for our purposes it stands still instead, until it
is past what it had already read. So a time of day comes exactly once: at the first instant at which
the clock reads it or more. The one that spring skips comes at the instant of the change. Readings
are naive datetimes, instants are UTC.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

_SECOND = timedelta(seconds=1)  # zones change at whole seconds


def instant(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant at which the clock reads `wall` or more."""
    found = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _shown(found, zone) == wall:
        return found
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _change(before, found, lambda at: _shown(at, zone) >= wall)


def reading(at: datetime, zone: tzinfo) -> datetime:
    """The most that the clock has read until `at`."""
    local = at.astimezone(zone)
    wall = local.replace(tzinfo=None, fold=0)
    if not local.fold:
        return wall
    offset = local.utcoffset()
    before = instant(wall, zone)
    set_back = _change(before, at, lambda moment: moment.astimezone(zone).utcoffset() == offset)
    return _shown(set_back - timedelta.resolution, zone)


def _shown(at: datetime, zone: tzinfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def _change(before: datetime, after: datetime, has_come: Callable[[datetime], bool]) -> datetime:
    """The whole second at which something comes that has not `before` and has `after`."""
    low = before.astimezone(UTC).replace(microsecond=0)
    least, most = 0, (after - low) // _SECOND + 1
    while most - least > 1:
        middle = (least + most) // 2
        if has_come(low + middle * _SECOND):
            most = middle
        else:
            least = middle
    return low + most * _SECOND
