"""Closures by an iCalendar file (RFC 5545): each event closes a schedule for as long as it lasts.

In come a file's text and the clinic's zone, out come the closed parts of each day by the clinic's
wall clock. A file is a stranger's: what cannot be understood is refused whole, with the event and
the cure, for half a calendar would leave the clinic open on a day that somebody had closed.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar import Calendar, Component

from firmware.public_holidays import YEARS
from ivr.plan import Closure, Times

CALENDAR_MAX = 1024 * 1024  # characters; ten years of a busy practice are under 200 KiB
EVENTS_MAX = 5_000
# All days on which the events of one file fall; a daily event is 13,500 in all our years.
TIMES_MAX = 60_000
RULE_MAX = 400
# A large one takes a second: a draft that names it is read at each step, the calendar but once.
READ_MOST = 16
# Finer repetitions are no closures of a clinic, and some of them never come to an end.
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
NAME_MAX = 80

FIRST = datetime(YEARS[0], 1, 1)  # noqa: DTZ001 - by the clinic's wall clock
LAST = datetime(YEARS[-1] + 1, 1, 1)  # noqa: DTZ001 - likewise


class CalendarError(Exception):
    """A calendar cannot be used: why, and what to do."""

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(f"{reason}; {cure}")
        self.reason = reason
        self.cure = cure


@dataclass(frozen=True, slots=True)
class _Happening:
    """An event as it was understood; its times are of one kind: dates, or wall times."""

    name: str
    start: datetime
    lasts: timedelta
    zone: ZoneInfo | None  # of its own wall clock; None: the clinic's


@lru_cache(maxsize=READ_MOST)
def closures(text: str, calendar: str, zone: ZoneInfo) -> Mapping[date, tuple[Closure, ...]]:
    """The closed parts of each day, in order."""
    found: dict[date, list[Closure]] = defaultdict(list)
    count = 0
    for name, start, end in _times(_events(text), zone):
        for day, times in _days(max(_whole(start), FIRST), min(_whole(end), LAST)):
            count += 1
            if count > TIMES_MAX:
                raise CalendarError(
                    f"its events fall on more than {TIMES_MAX} days in all",
                    "take out events that close nothing, or end their repetition (UNTIL)",
                )
            found[day].append(Closure(name, calendar, times))
    return {day: tuple(sorted(found[day], key=lambda each: each.times.opens)) for day in found}


def _days(start: datetime, end: datetime) -> Iterator[tuple[date, Times]]:
    """A time parted at its midnights."""
    while start < end:
        midnight = datetime.combine(start.date() + timedelta(days=1), time())
        until = min(end, midnight)
        yield start.date(), Times(start.time(), until.time())
        start = until


def _whole(at: datetime) -> datetime:
    """To the minute, as schedules are."""
    return at.replace(second=0, microsecond=0)


# ---- reading ----


def _events(text: str) -> list[Component]:
    if len(text) > CALENDAR_MAX:
        raise CalendarError(
            f"it has more than {CALENDAR_MAX} characters", "export the closures alone"
        )
    if not text.lstrip("\ufeff \t\r\n").upper().startswith("BEGIN:VCALENDAR"):
        raise CalendarError(
            "it does not begin with BEGIN:VCALENDAR", "export it as iCalendar (.ics) again"
        )
    if not text.rstrip().upper().endswith("END:VCALENDAR"):
        raise CalendarError("it breaks off: END:VCALENDAR is missing", "copy the whole file again")
    try:
        calendars = Calendar.from_ical(text.lstrip("\ufeff"), multiple=True)
        events = [event for each in calendars for event in each.walk("VEVENT")]
    except Exception as broken:  # a parser of strangers' text has many ways to say no
        raise CalendarError(f"it cannot be read: {_short(broken)}", "export it again") from broken
    if len(events) > EVENTS_MAX:
        raise CalendarError(f"it has more than {EVENTS_MAX} events", "export the closures alone")
    for event in events:
        for key, why in getattr(event, "errors", ()):
            raise CalendarError(
                f"{_name(event)}: {key} cannot be read: {_short(why)}", "correct that event"
            )
    return events


def _times(events: Sequence[Component], zone: ZoneInfo) -> Iterator[tuple[str, datetime, datetime]]:
    """Each time of each event by the clinic's wall clock; moved and cancelled ones are left out
    where they were."""
    moved: dict[str, set[datetime]] = defaultdict(set)
    for event in events:
        if (moved_from := _value(event, "RECURRENCE-ID")) is not None:
            moved[str(event.get("UID", ""))].add(_wall(moved_from.dt, zone))
    for event in events:
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        try:
            happening = _understood(event, zone)
            starts = list(_starts(event, happening, zone))
        except CalendarError:
            raise
        except Exception as broken:  # whatever the libraries make of a stranger's values
            reason = f"{_name(event)}: {_short(broken)}"
            raise CalendarError(reason, "correct that event, or take it out") from broken
        gone = moved[str(event.get("UID", ""))] if "RECURRENCE-ID" not in event else set()
        for start in starts:
            begin = _here(start, happening, zone)
            if begin not in gone:
                yield happening.name, begin, _here(start + happening.lasts, happening, zone)


def _understood(event: Component, zone: ZoneInfo) -> _Happening:
    name = _name(event)
    if _value(event, "DTSTART") is None:
        raise CalendarError(f"{name} has no DTSTART", "give it a beginning")
    start = _value(event, "DTSTART").dt
    is_day = not isinstance(start, datetime)
    if _value(event, "DTEND") is not None:
        end = _value(event, "DTEND").dt
        if isinstance(end, datetime) is is_day:
            raise CalendarError(
                f"{name} begins and ends in different ways", "write two dates, or two times"
            )
        lasts = end - start
    elif _value(event, "DURATION") is not None:
        lasts = _value(event, "DURATION").dt
    else:
        lasts = timedelta(days=1) if is_day else timedelta()
    if lasts <= timedelta():
        raise CalendarError(f"{name} does not end after it begins", "give it a later DTEND")
    own = None if is_day else _zone_of(event, start, name)
    wall = datetime.combine(start, time()) if is_day else start.replace(tzinfo=None)
    if own is not None and not is_day:
        # As long by the wall clock as it was written, whatever clocks do meanwhile.
        lasts = _end_wall(event, start, lasts, own) - wall
    return _Happening(name, wall, lasts, own)


def _zone_of(event: Component, start: datetime, name: str) -> ZoneInfo | None:
    """The zone of an event's own clock; None: it floats, and is meant by the clinic's."""
    written = _value(event, "DTSTART").params.get("TZID")
    if start.tzinfo is None:
        if written is not None:
            raise CalendarError(
                f"{name}: {_short(written)} is no time zone that is known",
                "write its place, like America/New_York, or export in UTC",
            )
        return None
    key = getattr(start.tzinfo, "key", None)
    if key is not None:
        return ZoneInfo(key)
    if start.utcoffset() == timedelta():
        return ZoneInfo("UTC")
    raise CalendarError(
        f"{name}: the time zone {_short(written)} is described in the file only",
        "write its place, like America/New_York, or export in UTC",
    )


def _end_wall(event: Component, start: datetime, lasts: timedelta, own: ZoneInfo) -> datetime:
    end = _value(event, "DTEND").dt if _value(event, "DTEND") is not None else None
    if end is None:
        end = start.astimezone(UTC) + lasts
    return end.astimezone(own).replace(tzinfo=None)


def _starts(event: Component, happening: _Happening, zone: ZoneInfo) -> Iterator[datetime]:
    """Its beginnings by its own clock."""
    excluded = {_own(at, happening, zone) for at in _listed(event, "EXDATE")}
    further = sorted({_own(at, happening, zone) for at in _listed(event, "RDATE")})
    if _value(event, "RRULE") is None:
        beginnings = [happening.start]
    else:
        beginnings = list(_repeated(event, happening))
    for start in [*beginnings, *(at for at in further if at not in beginnings)]:
        if start not in excluded:
            yield start


def _repeated(event: Component, happening: _Happening) -> Iterator[datetime]:
    rules = _value(event, "RRULE")
    if isinstance(rules, list):
        raise CalendarError(f"{happening.name} has several rules (RRULE)", "make an event of each")
    until = rules.pop("UNTIL", None)
    written = rules.to_ical().decode()
    frequency = str(rules.get("FREQ", [""])[0]).upper()
    if frequency not in FREQUENCIES or len(written) > RULE_MAX:
        raise CalendarError(
            f"{happening.name} repeats by {_short(written)}",
            "let it repeat daily, weekly, monthly or yearly",
        )
    if happening.start.year < 1970:
        raise CalendarError(f"{happening.name} begins before 1970", "give it a later beginning")
    ends = LAST if until is None else min(LAST, _until(until[0], happening))
    if ends < happening.start:
        return
    # A rule whose day never comes (30 February) is sought until the year 9999, which takes seconds;
    # such a rule ends the reading of the whole file, so that it is sought once.
    any_day_fits = False
    for start in islice(rrulestr(written, dtstart=happening.start), TIMES_MAX):
        any_day_fits = True
        if start > ends:
            break
        if start + happening.lasts > FIRST:
            yield start
    if not any_day_fits:
        raise CalendarError(
            f"{happening.name} repeats by a rule that no day fits: {_short(written)}",
            "correct that rule",
        )


def _until(until: date, happening: _Happening) -> datetime:
    """The last beginning by the event's own clock."""
    if not isinstance(until, datetime):
        return datetime.combine(until, time(23, 59, 59))
    if until.tzinfo is not None and happening.zone is not None:
        until = until.astimezone(happening.zone)
    return until.replace(tzinfo=None)


def _listed(event: Component, key: str) -> list[Any]:
    """The dates of a property that may stand several times."""
    written = _value(event, key)
    lists = written if isinstance(written, list) else [] if written is None else [written]
    return [each.dt for one in lists for each in one.dts]


# ---- clocks ----


def _own(at: Any, happening: _Happening, zone: ZoneInfo) -> datetime:
    """A date or time of the file by the event's own clock."""
    if not isinstance(at, datetime):
        if not isinstance(at, date):
            raise CalendarError(
                f"{happening.name} lists a period (RDATE)", "list its beginning instead"
            )
        return datetime.combine(at, happening.start.time())
    if at.tzinfo is None:
        return at
    return at.astimezone(happening.zone or zone).replace(tzinfo=None)


def _wall(at: Any, zone: ZoneInfo) -> datetime:
    """A date or time of the file by the clinic's clock."""
    if not isinstance(at, datetime):
        return datetime.combine(at, time())
    return at if at.tzinfo is None else at.astimezone(zone).replace(tzinfo=None)


def _here(at: datetime, happening: _Happening, zone: ZoneInfo) -> datetime:
    """The event's own wall time by the clinic's clock."""
    if happening.zone is None or happening.zone.key == zone.key:
        return at
    return at.replace(tzinfo=happening.zone).astimezone(zone).replace(tzinfo=None)


def _value(event: Component, key: str) -> Any:
    """A property as the library has it, whose types are as many as RFC 5545's."""
    return event.get(key)


def _name(event: Component) -> str:
    """An event's title, fit for a terminal and a line of text."""
    title = "".join(c if c.isprintable() else " " for c in str(event.get("SUMMARY", "")))
    return " ".join(title.split())[:NAME_MAX] or "an event without a title"


def _short(value: object) -> str:
    text = ascii(str(value))[1:-1]
    return text if len(text) <= 80 else f"{text[:70]}…"
