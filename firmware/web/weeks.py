"""A week of a whole plan, as the Hours screen and the forms behind it show it: each schedule, each
layer on call, and when nobody will be on call who should be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import Request

from firmware import draft, settings
from firmware.filling import Filled, Told
from firmware.web.days import Days, Span, days_in
from firmware.web.house import house_of
from firmware.web.room_form import said
from firmware.web.week import (
    GAPS_SHOWN,
    Day,
    Line,
    duty_week,
    gap_line,
    gaps_ahead,
    leads_to_oncall,
    schedule_week,
)
from firmware.web.words import Words
from ivr.plan import Plan


@dataclass(frozen=True, slots=True)
class Weeks:
    """What is drawn of it."""

    days: Days
    title: str
    schedules: Mapping[str, Sequence[Day]]
    layers: Mapping[str, Sequence[Day]]
    is_led_to: bool  # whether any menu leads to who is on call
    gaps: Sequence[Line]
    gaps_more: int  # that are not shown


def weeks_of(plan: Plan, days: Days, now: datetime, words: Words) -> Weeks:
    gaps = gaps_ahead(plan, now)
    layers = list(plan.rota.layers) if plan.rota else []
    return Weeks(
        days,
        days.title(words.locale),
        {name: schedule_week(each, days, now, words) for name, each in plan.hours.items()},
        {name: duty_week(plan, place, days, now, words) for place, name in enumerate(layers)},
        leads_to_oncall(plan),
        [gap_line(gap, plan, days, words) for gap in gaps[:GAPS_SHOWN]],
        max(0, len(gaps) - GAPS_SHOWN),
    )


def drafted_weeks(request: Request, text: str, words: Words, day: str = "") -> Weeks | None:
    """The week of a day, else this week, as this text of a site file would have it; None where it
    cannot be read."""
    house = house_of(request)
    plan = settings.draft(text, draft.beside(house.place)).plan
    if plan is None:
        return None
    zone, now = ZoneInfo(plan.timezone), house.now()
    asked = {"span": Span.WEEK, "day": day}
    days, _ = days_in(asked, now.astimezone(zone).date(), zone)
    return weeks_of(plan, days, now, words)


def faults_said(faults: Mapping[str, Told], words: Words) -> dict[str, str]:
    """What is wrong beside each field, as sentences."""
    return {name: said(told, words) for name, told in faults.items()}


def is_looked_at(request: Request, done: Filled) -> bool:
    """Whether what was typed is to be shown as weeks, and kept nowhere."""
    return "look" in request.state.form and done.text is not None
