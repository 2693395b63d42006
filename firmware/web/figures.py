"""Figures, one screen: how the telephones did on some days, each number with what it counts, how it
is reckoned and the way to its calls; to be printed, and taken along for a spreadsheet.

All is read from calls.db, of one moment, whether the exchange runs or not. Days and hours are those
of the clinic's clock. Who called is on none of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton, format_time
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from firmware import rollups
from firmware.advice import slots
from firmware.busy import SHADES, Busy, HourOfWeek, busy, written
from firmware.counted_calls import ALL, LOST
from firmware.figures import (
    LONGEST,
    WHOLE,
    WITHIN_S,
    By,
    Key,
    Tally,
    day_begins,
    hour_of,
    how_many_not_helped,
)
from firmware.first_calls import FirstCalls
from firmware.place import Place
from firmware.requests import on_time
from firmware.store import StoreError, open_reader
from firmware.web.days import DAY, Days, Span, around, days_in
from firmware.web.entrance import Refused
from firmware.web.figure_parts import Advice, Counted, Heat, HeatCell, Linked
from firmware.web.figure_words import (
    OUTCOMES,
    Known,
    clock,
    figures_of,
    number,
    outcome_name,
    percent,
    rounded,
)
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.lately import state_of
from firmware.web.sheet import Cell, as_file
from firmware.web.staffing_words import advised, hour_begins, weekdays
from firmware.web.words import Words, to_say
from ivr.plan import Plan

router = APIRouter()

WITHIN_USUAL_S = 20
# Up to so many days a line is drawn by the hour, and up to so many by the day.
BY_HOUR_DAYS, BY_DAY_DAYS = 2, 100
# The week's busy hours are looked for in so many weeks: fewer say little, and more are long past.
WEEKS_LEAST, WEEKS_USUAL, WEEKS_MOST = 1, 8, 26
HISTORY = timedelta(weeks=WEEKS_USUAL)

NO_SITE = (
    409,
    to_say("The clinic's site file is not there yet, or cannot be read."),
    to_say("Put one in force first: `careline publish clinic.toml` at the box."),
)
NO_RECORD = (
    409,
    to_say("There is no record of calls yet, or it cannot be read now."),
    to_say("It begins when the exchange is started. Today says what is wrong and what to do."),
)


@dataclass(frozen=True, slots=True)
class Point:
    """One place of a line, and how an address names its days, or its hour."""

    label: str
    tally: Tally
    when: Mapping[str, str]

    @property
    def lost(self) -> int:
        return self.tally.abandoned + self.tally.short_abandoned


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see."""

    place: Place
    plan: Plan
    days: Days
    within_s: int
    now: datetime
    faults: Mapping[str, str]
    first_calls: FirstCalls

    @property
    def zone(self) -> ZoneInfo:
        return self.days.zone

    @property
    def query(self) -> str:
        return self.days.query(within=str(self.within_s))

    def href(self, days: Days) -> str:
        return f"/figures?{days.query(within=str(self.within_s))}"

    def calls(self, counts: str, of: Key = WHOLE, narrowed: Mapping[str, str] | None = None) -> str:
        """Where the calls behind a number are listed (`counts`: firmware/counted_calls.py)."""
        by, name = of
        whose = {} if of == WHOLE else {"by": by.value, "name": name}
        days = {"since": str(self.days.first), "until": str(self.days.last)}
        return f"/calls?{urlencode(days | {'counts': counts} | whose | dict(narrowed or {}))}"


@router.get("/figures")
def figures(request: Request) -> Response:
    asked, words = _asked(request), words_of(request)
    today = around(Span.DAY, asked.now.astimezone(asked.zone).date(), asked.zone)
    counted = house_of(request).counted.of(
        (asked.days, asked.within_s, words.language),
        (state_of(asked.place.calls_db), asked.now.replace(second=0, microsecond=0), asked.plan),
        lambda: _counted(asked, words),
    )
    return render(
        request,
        "figures.html",
        asked=asked,
        title=asked.days.title(words.locale),
        spans=[
            (words.gettext(name), asked.href(around(span, today.first, asked.zone)), span)
            for name, span in (
                (to_say("Today"), Span.DAY),
                (to_say("This week"), Span.WEEK),
                (to_say("This month"), Span.MONTH),
            )
        ],
        is_now=asked.days.first <= today.first <= asked.days.last,
        within=WITHIN_S,
        figures=counted.figures,
        ways=counted.ways,
        calls_of=asked.calls,
        drawn=counted.drawn,
        waits=counted.waits,
        tables=counted.tables,
        phones=counted.phones,
        heat=counted.heat,
        weekdays=weekdays(words, "abbreviated"),
        advice=counted.advice,
        faults=asked.faults,
    )


@router.get("/figures/lines")
def lines(request: Request) -> JSONResponse:
    """The numbers of the lines drawn; the same stand in the tables behind them."""
    asked, words = _asked(request), words_of(request)
    with _reading(asked.place) as connection:
        points = _points(connection, asked, words)
    return JSONResponse(
        {
            "labels": [point.label for point in points],
            "offered": [point.tally.offered for point in points],
            "answered": [point.tally.answered for point in points],
            "lost": [point.lost for point in points],
            "asa": [point.tally.asa_s for point in points],
        }
    )


@router.get("/figures/csv")
def as_csv(request: Request) -> Response:
    asked, words = _asked(request), words_of(request)
    with _reading(asked.place) as connection:
        rows = list(_sheet(connection, asked, words))
    return as_file(f"careline-{asked.days.first}-{asked.days.last}", rows)


# ---- what is asked ----


def _asked(request: Request) -> Asked:
    house = house_of(request)
    plan = house.site.plan
    if plan is None:
        raise Refused(*NO_SITE)
    zone, now = ZoneInfo(plan.timezone), house.now()
    days, faults = days_in(request.query_params, now.astimezone(zone).date(), zone)
    wished = request.query_params.get("within", "")
    within_s = next((each for each in WITHIN_S if str(each) == wished), WITHIN_USUAL_S)
    return Asked(house.place, plan, days, within_s, now, faults, house.first_calls)


@contextmanager
def _reading(place: Place) -> Iterator[Connection]:
    """All that is shown is of one moment."""
    try:
        reader = open_reader(place.calls_db)
        try:
            with reader.connect() as connection:
                yield connection
        finally:
            reader.dispose()
    except (StoreError, SQLAlchemyError) as broken:
        raise Refused(*NO_RECORD) from broken


# ---- what is counted ----


def _counted(asked: Asked, words: Words) -> Counted:
    with _reading(asked.place) as connection:
        known = _known(connection, asked)
        points = _points(connection, asked, words)
        return Counted(
            figures=list(figures_of(known, words)),
            ways=_ways(known.tally, words),
            drawn=[_drawn(point, asked, words) for point in points],
            waits=[
                (
                    point.label,
                    _linked(
                        clock(point.tally.asa_s),
                        point.tally.answer_waits,
                        asked.calls("answer_waits", narrowed=point.when),
                    ),
                )
                for point in points
            ],
            tables={by: _table(connection, asked, by, words) for by in (By.QUEUE, By.LINE)},
            phones=_phones(connection, asked, words),
            heat=_heat(connection, asked, words),
            advice=_advice(connection, asked, words),
        )


def _known(connection: Connection, asked: Asked) -> Known:
    span = (connection, asked.days.begin, asked.days.end)
    return Known(
        rollups.figures(*span, By.ALL, asked.zone).get("", Tally()),
        asked.first_calls.enough(*span, asked.now, asked.zone),
        how_many_not_helped(*span),
        on_time(*span, asked.now),
        asked.within_s,
    )


def _points(connection: Connection, asked: Asked, words: Words) -> list[Point]:
    """Of hours, days or months, without a hole; none of a time that is still to come."""
    days, zone = asked.days, asked.zone
    if days.count <= BY_HOUR_DAYS:
        return _hours(connection, asked, words)
    found = rollups.by_day(connection, days.begin, days.end, zone)
    if not found:
        return []
    last = min(days.last, asked.now.astimezone(zone).date())
    each = [min(found) + timedelta(days=n) for n in range((last - min(found)).days + 1)]
    if days.count <= BY_DAY_DAYS:
        return [
            Point(
                format_skeleton("MMMEd", day, locale=words.locale),
                found.get(day, Tally()),
                {"since": str(day), "until": str(day)},
            )
            for day in each
        ]
    return [
        Point(
            format_skeleton("yMMM", month, locale=words.locale),
            sum((found[day] for day in days_ if day in found), Tally()),
            {"since": str(days_[0]), "until": str(days_[-1])},
        )
        for month, days_ in (
            (month, list(of)) for month, of in groupby(each, lambda day: day.replace(day=1))
        )
    ]


def _hours(connection: Connection, asked: Asked, words: Words) -> list[Point]:
    """From the first to the last hour with a call."""
    days, zone = asked.days, asked.zone
    found = {
        hour: tally
        for (hour, _), tally in rollups.by_hour(
            connection, days.begin, days.end, By.ALL, zone
        ).items()
    }
    if not found:
        return []
    points, hour = [], min(found)
    while hour <= max(found):
        at = {"at": f"{hour:%Y-%m-%dT%H:%MZ}"}
        points.append(Point(_hour(hour, days, words), found.get(hour, Tally()), at))
        hour = hour_of(hour + timedelta(hours=1), zone)
    return points


def _hour(at: datetime, days: Days, words: Words) -> str:
    """Where the clock struck an hour twice, or left one out, its zone's name tells them apart."""
    local = at.astimezone(days.zone)
    said = str(format_time(local, "short", locale=words.locale))
    if days.count > 1:
        said = f"{format_skeleton('MMMEd', local.date(), locale=words.locale)}, {said}"
    begin, end = (day_begins(local.date() + n * DAY, days.zone) for n in (0, 1))
    return said if end - begin == DAY else f"{said} {local:%Z}"


def _ways(tally: Tally, words: Words) -> list[tuple[str, str, str, str]]:
    """How calls ended: its name for the address, in words, how many, and which share."""
    found = {name: getattr(tally, name) for name in OUTCOMES}
    return [
        (
            name,
            outcome_name(name, words),
            number(count, words),
            percent(count / tally.offered, words),
        )
        for name, count in found.items()
        if count
    ]


def _drawn(point: Point, asked: Asked, words: Words) -> tuple[str | Linked, ...]:
    numbers = ((ALL, point.tally.offered), ("answered", point.tally.answered), (LOST, point.lost))
    return (
        point.label,
        *(
            _linked(number(calls, words), calls, asked.calls(counts, narrowed=point.when))
            for counts, calls in numbers
        ),
    )


def _linked(said: str, calls: int, href: str) -> Linked:
    return Linked(said, href if calls else "")


def _table(
    connection: Connection, asked: Asked, by: By, words: Words
) -> list[tuple[str | Linked, ...]]:
    """For each queue or line, what the screen tells of all."""
    span = (connection, asked.days.begin, asked.days.end)
    found = rollups.figures(*span, by, asked.zone)
    return [
        (
            name or words.gettext("no queue"),
            *(
                _linked(said, calls, asked.calls(counts, (by, name)))
                for said, calls, counts in _columns(tally, asked.within_s, words)
            ),
        )
        for name, tally in sorted(found.items())
    ]


def _columns(tally: Tally, within_s: int, words: Words) -> Iterator[tuple[str, int, str]]:
    """What is said, of how many calls, and what these are."""
    in_time = f"within_{within_s}"
    yield number(tally.offered, words), tally.offered, ALL
    yield number(tally.answered, words), tally.answered, "answered"
    yield percent(tally.service_level(within_s), words), getattr(tally, in_time), in_time
    yield clock(tally.asa_s), tally.answer_waits, "answer_waits"
    yield clock(tally.longest_s), tally.longest_ms, LONGEST
    yield percent(tally.abandonment, words), tally.abandoned + tally.short_abandoned, LOST
    yield clock(tally.aht_s), tally.talks, "talks"


def _phones(connection: Connection, asked: Asked, words: Words) -> list[tuple[str | Linked, ...]]:
    span = (connection, asked.days.begin, asked.days.end)
    return [
        (
            extension,
            _phone_name(asked.plan, extension),
            *(
                _linked(said, calls, asked.calls(counts, (By.AGENT, extension)))
                for said, calls, counts in (
                    (number(tally.rung, words), tally.rung, "rung"),
                    (number(tally.missed, words), tally.missed, "missed"),
                    (number(tally.offered, words), tally.offered, ALL),
                    (clock(tally.aht_s), tally.talks, "talks"),
                )
            ),
        )
        for extension, tally in sorted(rollups.figures(*span, By.AGENT, asked.zone).items())
    ]


def _phone_name(plan: Plan, extension: str) -> str:
    return plan.phones[extension].name if extension in plan.phones else ""


def _heat(connection: Connection, asked: Asked, words: Words) -> Heat | None:
    """Of the days asked for where they are weeks, else of the weeks before them."""
    days, zone = _weeks(asked.days), asked.zone
    end = min(days.end, hour_of(asked.now, zone))  # an hour half over tells nothing
    found = rollups.each_hour(connection, days.begin, end, WHOLE, (ALL,), zone)
    week = busy(found, days.begin, end, zone)
    if not week.hours:
        return None
    rows = tuple(
        (
            hour_begins(hour, words),
            tuple(_cell(week, (day, hour), replace(asked, days=days), words) for day in range(7)),
        )
        for hour in week.hours
    )
    steps = tuple(
        HeatCell(rounded(week.most * step / SHADES, words), step + 1) for step in range(SHADES)
    )
    return Heat(days.title(words.locale), rows, steps)


def _cell(week: Busy, when: HourOfWeek, asked: Asked, words: Words) -> HeatCell:
    cell = week.cells[when]
    href = asked.calls(ALL, narrowed={"hour": written(when)}) if cell.calls else ""
    return HeatCell(rounded(cell.mean, words), week.shade(cell), href)


def _weeks(days: Days) -> Days:
    weeks = days.count // 7
    if WEEKS_LEAST <= weeks <= WEEKS_MOST:
        return days
    back = timedelta(weeks=WEEKS_MOST if weeks else WEEKS_USUAL)
    return Days(Span.ANY, days.last - back + DAY, days.last, days.zone)


def _advice(connection: Connection, asked: Asked, words: Words) -> Advice:
    weeks = Days(Span.ANY, asked.days.last - HISTORY + DAY, asked.days.last, asked.zone)
    end = min(weeks.end, hour_of(asked.now, asked.zone))
    known = slots(connection, asked.plan, weeks.begin, end, asked.zone)
    told, of_weeks = advised(known, words), replace(asked, days=weeks)
    return Advice(
        [
            (
                queue,
                when,
                Linked(calls, of_weeks.calls(ALL, (By.QUEUE, queue), narrowed={"hour": hour})),
                *rest,
            )
            for (queue, when, calls, *rest), hour in zip(told.rows, told.hours, strict=True)
        ],
        told.remarks,
    )


# ---- to take along ----


def _sheet(connection: Connection, asked: Asked, words: Words) -> Iterator[Sequence[Cell]]:
    """A row for all, and one for each day, line, queue and phone."""
    days, say = asked.days, words.gettext
    yield (
        say("Whose"),
        say("Name"),
        say("Calls"),
        *(say(name) for name in OUTCOMES.values()),
        say("went on to another place"),
        say("Mean wait until answered (ASA), seconds"),
        say("Longest wait, seconds"),
        words.say("Answered within %(seconds)s s (service level)", seconds=asked.within_s),
        say("Hung up (abandonment)"),
        say("Handle time (AHT), seconds"),
        say("Offered to the phone"),
        say("Not picked up"),
        say("Callers who gave a mark"),
        say("Mean mark, of 5"),
    )
    span = (connection, days.begin, days.end)
    for by, called in (
        (By.ALL, say("all")),
        (By.LINE, say("line")),
        (By.QUEUE, say("queue")),
        (By.AGENT, say("phone")),
    ):
        for name, tally in sorted(rollups.figures(*span, by, asked.zone).items()):
            shown = f"{name} {_phone_name(asked.plan, name)}" if by is By.AGENT else name
            yield (called, shown.strip(), *_numbers(tally, asked.within_s))
    for day, tally in rollups.by_day(connection, days.begin, days.end, asked.zone).items():
        yield (say("day"), day.isoformat(), *_numbers(tally, asked.within_s))


def _numbers(tally: Tally, within_s: int) -> tuple[Cell, ...]:
    """As programs read them: shares of 1, seconds."""
    return (
        tally.offered,
        *(getattr(tally, name) for name in OUTCOMES),
        tally.overflowed,
        _short(tally.asa_s),
        _short(tally.longest_s),
        _short(tally.service_level(within_s)),
        _short(tally.abandonment),
        _short(tally.aht_s),
        tally.rung,
        tally.missed,
        tally.marks,
        _short(tally.mark),
    )


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
