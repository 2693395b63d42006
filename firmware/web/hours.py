"""Hours and on-call as calendars: a week of each schedule and of who is on call, the gaps, the next
closures; and swaps, stand-ins and holidays by region, by a form.

Who may publish sees the draft, and changes nothing else; all others see what is in force. What the
site file's reading finds wrong with a change is said, and the change is not kept.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import holidays as supported
from babel.dates import format_date
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field, ValidationError

from firmware import draft, hours_edits, settings
from firmware.edits import Edit
from firmware.exception_form import OPEN, prompts_of
from firmware.filling import Filled, Told, document_of, judged, steps_of
from firmware.forms import HolidayForm
from firmware.holiday_form import told_of
from firmware.hours_edits import Document, Turn
from firmware.operations import Operation
from firmware.public_holidays import UnknownPlaceError, public_holidays
from firmware.rota_form import layers_of
from firmware.schedule_form import closed_days
from firmware.settings import Fault
from firmware.times_form import count_of
from firmware.web.days import Days, Span, around, days_in
from firmware.web.entrance import Refused, visitor_of
from firmware.web.forms import F, Form, typed
from firmware.web.frame import render, words_of
from firmware.web.hours_kept import FILL_IN, kept_or_asked
from firmware.web.house import house_of
from firmware.web.rooms import filled_in, now_kept
from firmware.web.week import next_closures, rule_words
from firmware.web.weeks import faults_said, weeks_of
from firmware.web.words import Words, to_say
from ivr.hours import named
from ivr.oncall import exchanged
from ivr.plan import Plan

router = APIRouter()

NOT_ON_CALL = Told(
    "this person has no turn in this time, which could be given away",
    "see above whose turn it is",
)
YEAR = timedelta(days=366)
UNREAD = (
    409,
    to_say("The draft cannot be read."),
    to_say("Undo its last change under People and phones, or discard it."),
)

Key = Annotated[str, Field(min_length=1, max_length=60)]
Moment = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}$")]
StepText = Annotated[str, Field(max_length=10)]


class CoverForm(Form):
    layer: Key
    person: Key
    starts: Moment
    ends: Moment
    step: StepText = ""


class SwapForm(Form):
    layer: Key
    person: Key
    starts: Moment
    ends: Moment
    other: Key
    other_starts: Moment
    other_ends: Moment
    step: StepText = ""


class ObservedForm(Form):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    observed: Literal["yes", "no"]
    step: StepText = ""


class RegionForm(Form):
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    subdivision: Annotated[str, Field(pattern=r"^[A-Z0-9]{0,3}$")] = ""
    step: StepText = ""


class TakeAwayForm(Form):
    kind: Literal["exceptions", "closed", "swaps", "overrides"]
    schedule: Annotated[str, Field(max_length=60)] = ""
    place: Annotated[int, Field(ge=0, le=1000)]
    step: StepText = ""


@dataclass(frozen=True, slots=True)
class Agreed:
    """Something that was written beside the week, and can be taken away."""

    kind: str
    schedule: str
    place: int
    told: str


@dataclass(frozen=True, slots=True)
class Holiday:
    """One of the region's, with its next day."""

    name: str
    day: str
    is_observed: bool
    told: str


@router.get("/hours")
def show(request: Request) -> Response:
    return screen(request)


@router.post("/hours/cover")
def cover(request: Request) -> Response:
    def edits(document: Document, form: CoverForm) -> list[Edit]:
        return hours_edits.cover(document, form.layer, _turn(form.person, form.starts, form.ends))

    return _change(request, "cover", CoverForm, edits, "put somebody on call")


@router.post("/hours/swap")
def swap(request: Request) -> Response:
    def edits(document: Document, form: SwapForm) -> list[Edit]:
        one = _turn(form.person, form.starts, form.ends)
        other = _turn(form.other, form.other_starts, form.other_ends)
        return hours_edits.swap(document, form.layer, one, other)

    return _change(request, "swap", SwapForm, edits, "swapped turns on call", _swapped)


@router.post("/hours/holiday")
def holiday(request: Request) -> Response:
    def edits(_document: Document, form: ObservedForm) -> list[Edit]:
        return hours_edits.holiday(form.name, is_observed=form.observed == "yes")

    return _change(request, "holiday", ObservedForm, edits, "changed a holiday")


@router.post("/hours/region")
def region(request: Request) -> Response:
    def edits(document: Document, form: RegionForm) -> list[Edit]:
        known = {
            each for names in _known(form.country, form.subdivision).values() for each in names
        }
        return hours_edits.region(document, form.country, form.subdivision, known)

    return _change(request, "region", RegionForm, edits, "changed whose holidays count")


@router.post("/hours/take-away")
def take_away(request: Request) -> Response:
    def edits(_document: Document, form: TakeAwayForm) -> list[Edit]:
        if form.kind in ("exceptions", "closed"):
            return hours_edits.take_away(("hours", form.schedule, form.kind, form.place))
        return hours_edits.take_away(("oncall", form.kind, form.place))

    return _change(request, "take-away", TakeAwayForm, edits, "took away what was agreed")


def _swapped(plan: Plan) -> Mapping[str, Told]:
    """Whoever has nothing of a time on call cannot give it: the newest swap is looked at."""
    if plan.rota is None:
        return {}
    given, taken = exchanged(plan.rota, len(plan.rota.swaps) - 1)
    wrong = {"starts": given, "other_starts": taken}
    return {field: NOT_ON_CALL for field, held in wrong.items() if not held}


def _turn(person: str, starts: str, ends: str) -> Turn:
    return Turn(person, starts.replace("T", " "), ends.replace("T", " "))


# ---- into the draft ----


def _change(
    request: Request,
    name: str,
    of: type[F],
    edits: Callable[[Document, F], list[Edit]],
    what: str,
    wrong_in: Callable[[Plan], Mapping[str, Told]] = lambda plan: {},
) -> Response:
    """A wish becomes a step of the draft; if it cannot, the screen says why beside its form. What
    the site file may say, and nobody can mean who fills this form in, `wrong_in` knows."""
    words, kept = words_of(request), now_kept(request)
    found = typed(request, of)
    if found.form is None:
        wrong = {field: Told(why, "") for field, why in found.faults.items()}
        return screen(request, form=name, faults=wrong, why=words.gettext(FILL_IN), status=422)
    beside = draft.beside(house_of(request).place)
    done = judged(kept.text, edits(document_of(kept.text), found.form), beside)
    faults: Mapping[str, Told] = {}
    if isinstance(done, Told):
        filled = Filled(None, {"": done})
    else:
        faults = {_field_of(fault): Told(fault.reason, fault.cure) for fault in reversed(done[1])}
        plan = None if faults else settings.draft(done[0], beside).plan
        faults = wrong_in(plan) if plan else faults
        filled = Filled(None, faults) if faults else Filled(done[0])
    return kept_or_asked(
        request,
        kept,
        filled,
        what,
        lambda status, faults, why: screen(
            request, form=name, faults=faults, why=why, status=status
        ),
    )


def _field_of(fault: Fault) -> str:
    """What a form here calls the key that is wrong; empty: none of its own."""
    match steps_of(fault):
        case [*_, ("one" | "other") as whose, str() as key] if key in ("person", "starts", "ends"):
            return key if whose == "one" else "other" if key == "person" else f"other_{key}"
        case [
            *_,
            ("other" | "layer" | "person" | "starts" | "ends" | "country" | "subdivision") as key,
        ]:
            return str(key)
        case _:
            return ""


# ---- what is shown ----


def screen(
    request: Request,
    *,
    form: str = "",
    faults: Mapping[str, Told] | None = None,
    why: str = "",
    status: int = 200,
) -> Response:
    """All of it; what was typed stands in the form of this name again, with what is wrong there."""
    house, visitor, words = house_of(request), visitor_of(request), words_of(request)
    may = visitor.may(Operation.CONFIGURE)
    plan, kept = house.site.plan, None
    document: Document = {}
    if may:
        kept = now_kept(request)
        document = document_of(kept.text)
        plan = settings.draft(kept.text, draft.beside(house.place)).plan
    if plan is None:
        raise Refused(*UNREAD)
    zone, now = ZoneInfo(plan.timezone), house.now()
    today = now.astimezone(zone).date()
    days = _week(request, today, zone)
    told, typed_in = faults_said(faults or {}, words), filled_in(request) if form else {}
    return render(
        request,
        "hours.html",
        status=status,
        why=why,
        stands=lambda name: typed_in if name == form else {},
        faults_of=lambda name: told if name == form else {},
        same=lambda names: [(name, name) for name in names],
        may=may,
        kept=kept,
        step=kept.step if kept else 0,
        weeks=weeks_of(plan, days, now, words),
        this_week=around(Span.WEEK, today, zone),
        month=around(Span.MONTH, days.first, zone),
        zone=plan.timezone,
        people={name: plan.people[name].label for name in plan.people},
        closures=next_closures(plan, today, words),
        agreed=_agreed(plan, document, words) if may else [],
        rotations=layers_of(document),
        prompts=prompts_of(document),
        rows=range(1, count_of(typed_in, OPEN) + 1),
        countries=_countries(words) if may else [],
        region=document.get("holidays", {}),
        holidays=_holidays(document, today, words) if may else [],
    )


def _week(request: Request, today: date, zone: ZoneInfo) -> Days:
    days, _ = days_in({"span": "week", "day": request.query_params.get("day", "")}, today, zone)
    return days


def _agreed(plan: Plan, document: Document, words: Words) -> list[Agreed]:
    """By their places in the file."""
    found = [
        Agreed("exceptions", name, place, f"{name}: {named(each)}")
        for name, hours in plan.hours.items()
        for place, each in enumerate(hours.exceptions)
        if each.rule.name
    ]
    for name, place, day in closed_days(document):
        told = format_date(day, "full", locale=words.locale)
        found.append(Agreed("closed", name, place, f"{name}: {words.gettext('closed')}, {told}"))
    section = document.get("oncall", {})
    for place, each in enumerate(section.get("swaps", [])):
        parts = [each["one"], each["other"]]
        told = " ⇄ ".join(f"{_label(plan, p['person'])} {p['starts']}–{p['ends']}" for p in parts)
        found.append(Agreed("swaps", "", place, f"{words.gettext('Swap')}: {told}"))
    for place, each in enumerate(section.get("overrides", [])):
        told = f"{_label(plan, each['person'])} {each['starts']}–{each['ends']}"
        found.append(Agreed("overrides", "", place, f"{words.gettext('On call')}: {told}"))
    return found


def _label(plan: Plan, person: str) -> str:
    return plan.people[person].label if person in plan.people else person


def _countries(words: Words) -> list[tuple[str, str]]:
    names = words.locale.territories
    known = ((code, names.get(code, code)) for code in supported.list_supported_countries())
    return sorted((each for each in known if len(each[0]) == 2), key=lambda each: each[1])


def _holidays(document: Document, today: date, words: Words) -> list[Holiday]:
    """Of the coming year, each once, by its next day."""
    told: dict[str, Holiday] = {}
    for day, names in holidays_ahead(document, today):
        for name in names:
            form = _written_of(told_of(document, name))
            how = rule_words(form.rule(name), words)
            what = how if form.observed else words.gettext("a day like any other")
            said_day = format_date(day, "full", locale=words.locale)
            told.setdefault(name, Holiday(name, said_day, form.observed, what))
    return list(told.values())


def holidays_ahead(document: Document, today: date) -> Iterator[tuple[date, Sequence[str]]]:
    """The days of the coming year that are holidays where the clinic is, each with their names."""
    section = document.get("holidays", {})
    found = _known(str(section.get("country", "")), str(section.get("subdivision", "")))
    for day, names in found.items():
        if today <= day < today + YEAR:
            yield day, names


def _written_of(otherwise: object) -> HolidayForm:
    """What the file says of a holiday; where that cannot be, what holds without."""
    try:
        return HolidayForm.model_validate(otherwise)
    except ValidationError:
        return HolidayForm()


def _known(country: str, subdivision: str) -> Mapping[date, Sequence[str]]:
    """None, where there is no such place: the site file's reading tells so."""
    try:
        return public_holidays(country, subdivision or None)
    except UnknownPlaceError:
        return {}
