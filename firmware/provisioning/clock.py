"""A zone's time as telephones are told it: the distance to UTC, and when summer time begins and
ends. Read from the line with which a time zone file ends (RFC 8536, 3.3: a POSIX TZ). Pure.

A zone whose summer time follows no such rule, or one that telephones cannot keep, is None: a clock
that is set by nobody is better than one that is wrong for half a year.
"""

import re
from dataclasses import dataclass

_NAME = r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]+>)"
_OFFSET = r"([+-]?\d{1,3}(?::\d\d)?)"
_RULE = r"M(\d{1,2})\.([1-5])\.([0-6])(?:/(-?\d{1,3}))?"
_ZONE = re.compile(rf"{_NAME}{_OFFSET}(?:{_NAME}{_OFFSET}?,{_RULE},{_RULE})?")
HOUR = 60  # minutes
TWO_O_CLOCK = 2  # POSIX, where a rule tells no hour


@dataclass(frozen=True, slots=True)
class Change:
    """A day of each year, and the hour of the clock until then."""

    month: int  # 1 to 12
    week: int  # of the month, 5 is its last
    day: int  # 0 is Sunday
    hour: int  # 0 to 23


@dataclass(frozen=True, slots=True)
class Summer:
    """Time that is put forward."""

    by: int  # minutes
    begins: Change
    ends: Change


@dataclass(frozen=True, slots=True)
class Clock:
    """Minutes east of UTC in winter, and summer's."""

    east: int
    summer: Summer | None = None


def clock_of(posix: str) -> Clock | None:
    """The clock of a zone file's last line, such as `EST5EDT,M3.2.0,M11.1.0`."""
    found = _ZONE.fullmatch(posix)
    if found is None:
        return None
    winter, summer, *rules = found.groups()
    east = -_minutes(winter)
    if rules[0] is None:
        return Clock(east)
    by = HOUR if summer is None else -_minutes(summer) - east
    begins, ends = _change(rules[:4]), _change(rules[4:])
    if begins is None or ends is None or not 0 < by <= 2 * HOUR:
        return None
    return Clock(east, Summer(by, begins, ends))


def _change(rule: list[str]) -> Change | None:
    month, week, day, hour = (int(part) if part else TWO_O_CLOCK for part in rule)
    return Change(month, week, day, hour) if 1 <= month <= 12 and 0 <= hour <= 23 else None


def _minutes(offset: str) -> int:
    """West of UTC, as POSIX counts."""
    sign = -1 if offset.startswith("-") else 1
    hours, _, minutes = offset.lstrip("+-").partition(":")
    return sign * (int(hours) * HOUR + int(minutes or 0))
