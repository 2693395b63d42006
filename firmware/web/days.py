"""Which days somebody looks at: today, a week, a month or any others, by the clinic's own clock.

They stand in the address, so that a screen can be kept, printed again and followed to its calls. A
day is as long as the clinic's clock makes it: 23, 24 or 25 hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton

from firmware.figures import day_begins
from firmware.web.words import to_say

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
# No clinic has called before, nor asks so far ahead; and no sum of days leaves the calendar.
EARLIEST, LATEST = date(2000, 1, 1), date(2099, 12, 31)
NO_DAY = to_say("Write a day like 2026-03-31.")
BACKWARDS = to_say("The last day is before the first one.")


class Span(StrEnum):
    """How many days belong together."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Days:
    """From the first to the last, both included."""

    span: Span
    first: date
    last: date
    zone: ZoneInfo

    @property
    def begin(self) -> datetime:
        return day_begins(self.first, self.zone)

    @property
    def end(self) -> datetime:
        return day_begins(self.last + DAY, self.zone)

    @property
    def count(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> "Days":
        """As many, just before."""
        return self._around(self.first - DAY, self.first - timedelta(days=self.count))

    @property
    def after(self) -> "Days":
        return self._around(self.last + DAY, self.last + DAY)

    def _around(self, day: date, first: date) -> "Days":
        if self.span is Span.ANY:
            return Days(self.span, first, first + (self.last - self.first), self.zone)
        return around(self.span, day, self.zone)

    @property
    def fields(self) -> dict[str, str]:
        """As the address has them."""
        if self.span is Span.ANY:
            return {"span": self.span, "first": str(self.first), "last": str(self.last)}
        return {"span": self.span, "day": str(self.first)}

    def query(self, **more: str) -> str:
        return urlencode(self.fields | more)

    def title(self, locale: Locale) -> str:
        """As people say it."""
        if self.first == self.last:
            return format_date(self.first, "full", locale=locale)
        if self.span is Span.MONTH:
            return format_skeleton("yMMMM", self.first, locale=locale)
        return format_interval(self.first, self.last, "yMMMd", locale=locale)


def around(span: Span, day: date, zone: ZoneInfo) -> Days:
    """The week or the month that has this day, or the day alone. A week begins on Monday, as the
    site file's does."""
    match span:
        case Span.WEEK:
            monday = day - timedelta(days=day.weekday())
            return Days(span, monday, monday + WEEK - DAY, zone)
        case Span.MONTH:
            first = day.replace(day=1)
            return Days(span, first, (first + timedelta(days=31)).replace(day=1) - DAY, zone)
        case Span.DAY | Span.ANY:
            return Days(Span.DAY, day, day, zone)


def days_in(
    asked: Mapping[str, str], today: date, zone: ZoneInfo
) -> tuple[Days, Mapping[str, str]]:
    """What an address asks for; where it cannot be, today, and what is wrong beside each field."""
    span = next((each for each in Span if each == asked.get("span")), Span.DAY)
    if span is not Span.ANY:
        day = day_of(asked.get("day", ""))
        return around(span, day or today, zone), {}
    first, last = day_of(asked.get("first", "")), day_of(asked.get("last", ""))
    faults = {name: NO_DAY for name, day in (("first", first), ("last", last)) if day is None}
    if first and last and last < first:
        faults["last"] = BACKWARDS
    if first is None or last is None or faults:
        return around(Span.DAY, today, zone), faults
    return Days(span, first, last, zone), {}


def day_of(text: str) -> date | None:
    """None: no day that a clinic's books could have."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if EARLIEST <= day <= LATEST else None
