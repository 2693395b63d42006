"""The next days that are not as the week has them: by a holiday, an exception or a calendar.

A day is told where the schedule would else have been open, or opens for once; days that follow each
other under one name are one closure.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ivr.hours import Kind, exception_on
from ivr.plan import DayRule, Hours, Times

DAY = timedelta(days=1)
AHEAD_DAYS = 3 * 366  # a clinic with four holidays a year has twelve in them


@dataclass(frozen=True, slots=True)
class Ahead:
    """Days under one name: open at these times, or what the rule leaves of
    the week's, or not at all."""

    first: date
    last: date
    schedule: str
    kind: Kind
    rule: DayRule
    shut: tuple[Times, ...] = ()  # what a calendar closes of the day


def closures_ahead(hours: Hours, today: date) -> Iterator[Ahead]:
    """From today on, in order."""
    held: Ahead | None = None
    for day in range(AHEAD_DAYS):
        found = _on(hours, today + day * DAY)
        if held and found and replace(found, first=held.first) == replace(held, last=found.last):
            held = replace(held, last=found.last)
            continue
        if held:
            yield held
        held = found
    if held:
        yield held


def _on(hours: Hours, day: date) -> Ahead | None:
    by_week = any(span.weekday == day.weekday() for span in hours.spans)
    if exceptional := exception_on(hours, day):
        found = Ahead(day, day, hours.name, Kind.EXCEPTION, exceptional.rule)
    elif closures := hours.closures.get(day):
        rule = DayRule(closures[0].name)
        shut = tuple(each.times for each in closures)
        return Ahead(day, day, hours.name, Kind.CALENDAR, rule, shut) if by_week else None
    elif holiday := hours.holidays.get(day):
        found = Ahead(day, day, hours.name, Kind.HOLIDAY, holiday)
    else:
        return None
    return found if by_week or found.rule.times else None
