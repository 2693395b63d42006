"""A month of all schedules and of who is on call first, a week in a line: each day says in words
what it is, and leads to its week. Days that are chosen there fill the form of an exception.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from babel.dates import format_date
from fastapi import APIRouter, Request
from fastapi.responses import Response

from firmware import draft, settings
from firmware.exception_form import OPEN, prompts_of
from firmware.filling import document_of
from firmware.operations import Operation
from firmware.times_form import count_of
from firmware.web.begin import DAY_NAMES
from firmware.web.days import DAY, Days, Span, around, days_in
from firmware.web.entrance import Refused, visitor_of
from firmware.web.frame import render, words_of
from firmware.web.hours import UNREAD
from firmware.web.house import house_of
from firmware.web.rooms import now_kept
from firmware.web.week import Day
from firmware.web.weeks import Weeks, weeks_of
from firmware.web.words import Words

router = APIRouter()

WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class Said:
    """A schedule on one day."""

    schedule: str
    is_open: bool
    is_otherwise: bool  # than the week has it
    told: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One day of the month."""

    number: int
    day: str  # as the form of an exception has it
    name: str
    week: str  # where its week is
    is_today: bool
    schedules: tuple[Said, ...]
    people: tuple[str, ...]
    has_gap: bool


@router.get("/hours/month")
def show(request: Request) -> Response:
    """As the Hours screen: whoever may publish sees the draft, all others what is in force."""
    house, words = house_of(request), words_of(request)
    may, plan, kept = visitor_of(request).may(Operation.CONFIGURE), house.site.plan, None
    if may:
        kept = now_kept(request)
        beside = draft.beside(house.place)
        plan = settings.draft(kept.text, beside).plan
    if plan is None:
        raise Refused(*UNREAD)
    zone, now = ZoneInfo(plan.timezone), house.now()
    today = now.astimezone(zone).date()
    asked = {"span": Span.MONTH, "day": request.query_params.get("day", "")}
    days, _ = days_in(asked, today, zone)
    weeks = weeks_of(plan, days, now, words)
    return render(
        request,
        "hours_month.html",
        may=may,
        kept=kept,
        prompts=prompts_of(document_of(kept.text)) if kept else {},
        rows=range(1, count_of({}, OPEN) + 1),
        same=lambda names: [(name, name) for name in names],
        weeks=weeks,
        names=list(DAY_NAMES.values()),
        lines=_lines(_cells(weeks, today, words), days),
        this_month=around(Span.MONTH, today, zone),
        week=around(Span.WEEK, days.first, zone),
        zone=plan.timezone,
        has_several=len(weeks.schedules) > 1,
    )


def _cells(weeks: Weeks, today: date, words: Words) -> list[Cell]:
    first = next(iter(weeks.layers.values()), ())
    cells = []
    for place in range(weeks.days.count):
        day = weeks.days.first + place * DAY
        duty = first[place] if first else None
        cells.append(
            Cell(
                day.day,
                day.isoformat(),
                str(format_date(day, "full", locale=words.locale)),
                around(Span.WEEK, day, weeks.days.zone).query(),
                day == today,
                tuple(_said(name, lines[place], words) for name, lines in weeks.schedules.items()),
                duty.people if duty else (),
                duty.has_gap if duty else False,
            )
        )
    return cells


def _said(schedule: str, day: Day, words: Words) -> Said:
    is_open = any(piece.kind == "open" for piece in day.pieces)
    told = "; ".join(day.told)
    told = f"{words.gettext('open')}: {told}" if is_open else told
    return Said(schedule, is_open, len(day.told) > 1, told)


def _lines(cells: Sequence[Cell], days: Days) -> list[list[Cell | None]]:
    """Weeks from Monday; None: a day of another month."""
    before = days.first.weekday()
    padded: list[Cell | None] = [*([None] * before), *cells]
    padded += [None] * (-len(padded) % WEEK_DAYS)
    return [padded[at : at + WEEK_DAYS] for at in range(0, len(padded), WEEK_DAYS)]
