"""The first run: what a new clinic is asked, screen by screen, until its first call has come in.

Each screen keeps its answers when it is left, so that whoever is called away goes on where they
were. Nothing is heard by callers before the last screen but one is published like any other draft.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from functools import cache
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from babel.dates import format_date
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field, ValidationError

from firmware import backup, draft, people, second_factor, told_at_first
from firmware.beginning import DAYS, Answers, Menu, Work, begun, offered
from firmware.draft import DraftError
from firmware.edits import EditError
from firmware.public_holidays import UnknownPlaceError, public_holidays
from firmware.selftest import SELFTEST_CALL, SelfTestRequest
from firmware.told_at_first import Told
from firmware.web.asking import ask_for
from firmware.web.entrance import Elsewhere, Refused, visitor_of
from firmware.web.forms import WRONG, WRONG_ELSE, Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import House, house_of
from firmware.web.words import to_say
from ivr.canary import SELFTEST

router = APIRouter()

STEPS: Mapping[str, str] = {
    "clinic": to_say("The clinic"),
    "hours": to_say("Opening hours"),
    "phones": to_say("Telephones"),
    "people": to_say("Who is called at night"),
    "menu": to_say("What callers hear"),
    "test": to_say("Try it"),
}
DAY_NAMES: Mapping[str, str] = {
    "mon": to_say("Monday"),
    "tue": to_say("Tuesday"),
    "wed": to_say("Wednesday"),
    "thu": to_say("Thursday"),
    "fri": to_say("Friday"),
    "sat": to_say("Saturday"),
    "sun": to_say("Sunday"),
}
WORKS: Mapping[Work, str] = {
    Work.FRONT_DESK: to_say("front desk"),
    Work.NURSE: to_say("nurse"),
    Work.BILLING: to_say("billing"),
    Work.OTHER_SITE: to_say("the other site's front desk"),
    Work.ROOM: to_say("a room: rings only when it is dialled"),
}
# What is wrong with a field that has a form of its own.
WRONG_HERE: Mapping[str, str] = {
    "address": to_say("Letters, digits, spaces, commas and hyphens, at most 60."),
    "number": to_say("Digits only, as they are dialled."),
    "mobile": to_say("Digits only, as they are dialled."),
    told_at_first.EMERGENCY: to_say("This is an emergency number: it is nobody's own."),
    "name": to_say("Letters, digits, spaces and . ' / + - and a letter first."),
    "room": to_say("Letters, digits, spaces and . ' / + - at most 40."),
    "country": to_say("Two capital letters, like US."),
    "subdivision": to_say("One to three capital letters or digits, like NY; or leave it out."),
}
NO_ZONE = to_say("There is no such time zone. Type the beginning, like America, and choose.")
NO_HOLIDAYS = to_say("Holidays of this place are not known.")
NO_DESK = to_say("One telephone at least must be at the front desk.")
TWICE = to_say("This number is there twice.")
UPSIDE_DOWN = to_say("The end comes before the beginning.")
OVERLAP = to_say("The second opening begins before the first has ended.")
NO_SUCH_MENU = to_say("Choose one of the menus.")
NEVER_OPEN = to_say("Fill in one day at least.")
ROWS_MORE, ROWS_LEAST = 2, 6

B = TypeVar("B", bound=BaseModel)


class ClinicForm(Form):
    name: Annotated[str, Field(min_length=1, max_length=80)]
    address: Annotated[str, Field(max_length=80)] = ""
    number: Annotated[str, Field(max_length=20)] = ""
    timezone: Annotated[str, Field(max_length=60)] = ""
    country: Annotated[str, Field(max_length=3)] = "US"
    subdivision: Annotated[str, Field(max_length=4)] = ""


class MenuForm(Form):
    menu: Menu
    other_site: Annotated[str, Field(max_length=40)] = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a form of many lines, with what is wrong beside each of its fields."""

    values: Mapping[str, str]
    faults: Mapping[str, str]


# ---- where one is ----


@router.get("/begin")
def begin(request: Request) -> Response:
    """On to the first screen that was not answered."""
    told = _told(request)
    return RedirectResponse(f"/begin/{_next(told)}", 303)


def _next(told: Told) -> str:
    for step in STEPS:
        if getattr(told, step, None) is None:
            return step
    return "test"


def _told(request: Request) -> Told:
    return told_at_first.read(house_of(request).place) or Told()


def _known(request: Request) -> Told:
    """What was answered, and what the box knows of what was not."""
    told, known = _told(request), told_at_first.known(house_of(request).site.plan)
    return told.model_copy(
        update={"clinic": told.clinic or known.clinic, "phones": told.phones or known.phones}
    )


def _shown(request: Request, step: str, *, status: int = 200, **values: object) -> Response:
    told = _told(request)
    answered = [each for each in STEPS if getattr(told, each, None) is not None]
    steps = [(each, name, each in answered) for each, name in STEPS.items()]
    is_anew = not told_at_first.is_under_way(house_of(request).place)
    screen = {"steps": steps, "step": step, "why": "", "faults": {}, "is_anew": is_anew, **values}
    return render(request, f"begin_{step}.html", status=status, **screen)


def _keep(request: Request, **parts: object) -> Response:
    place = house_of(request).place
    told = _told(request).model_copy(update=parts)
    told_at_first.keep(place, told)
    return RedirectResponse(f"/begin/{_after(next(iter(parts)))}", 303)


def _after(step: str) -> str:
    names = list(STEPS)
    return names[names.index(step) + 1]


# ---- screen by screen ----


@router.get("/begin/clinic")
def ask_clinic(request: Request) -> Response:
    clinic = _known(request).clinic
    return _clinic(request, clinic.model_dump() if clinic else {})


def _clinic(
    request: Request, values: Mapping[str, object], faults: Mapping[str, str] | None = None
) -> Response:
    plan = house_of(request).site.plan
    return _shown(
        request,
        "clinic",
        status=422 if faults else 200,
        faults=faults or {},
        values={name: values.get(name) or "" for name in ClinicForm.model_fields},
        zones=_zones(),
        lines=[(line.name, ", ".join(line.numbers)) for line in plan.lines.values()]
        if plan
        else [],
    )


@cache
def _zones() -> tuple[str, ...]:
    """All there are, sorted, once: the system looks through hundreds of files for them."""
    return tuple(sorted(available_timezones()))


@router.post("/begin/clinic")
def take_clinic(request: Request) -> Response:
    came = typed(request, ClinicForm)
    values = {**request.state.form}
    clinic, faults = _read(
        told_at_first.Clinic,
        {
            name: value
            for name in ClinicForm.model_fields
            if (value := values.get(name, "")) or name not in ("country", "subdivision")
        },
    )
    faults = {**came.faults, **faults}
    if clinic is not None and clinic.timezone not in _zones():
        faults["timezone"] = NO_ZONE
    if clinic is not None:
        try:
            public_holidays(clinic.country, clinic.subdivision)
        except UnknownPlaceError as unknown:
            faults[unknown.key] = NO_HOLIDAYS
    if faults or clinic is None:
        return _clinic(request, values, faults)
    return _keep(request, clinic=clinic)


@router.get("/begin/hours")
def ask_hours(request: Request) -> Response:
    told = _told(request).hours
    values: dict[str, str] = {}
    for day in DAYS:
        spans = told.get(day, ()) if told is not None else ()
        for nth, span in enumerate(spans[:2], 1):
            values[f"{day}-from-{nth}"] = f"{span.begins:%H:%M}"
            values[f"{day}-until-{nth}"] = f"{span.ends:%H:%M}"
    return _hours(request, values)


def _hours(
    request: Request, values: Mapping[str, str], faults: Mapping[str, str] | None = None
) -> Response:
    status = 422 if faults else 200
    return _shown(
        request,
        "hours",
        status=status,
        days=DAY_NAMES,
        values=values,
        faults=faults or {},
        holidays=list(_holidays(request)),
    )


def _holidays(request: Request) -> Iterator[tuple[str, str]]:
    """Those of the year that comes, where the clinic is: its day as it is read, and its names."""
    clinic = _told(request).clinic
    if clinic is None:
        return
    today = house_of(request).now().astimezone(ZoneInfo(clinic.timezone)).date()
    for day, names in public_holidays(clinic.country, clinic.subdivision).items():
        if today <= day < today + timedelta(days=365):
            locale = words_of(request).locale
            yield format_date(day, "full", locale=locale), ", ".join(names)


@router.post("/begin/hours")
def take_hours(request: Request) -> Response:
    fields: Mapping[str, str] = request.state.form
    hours: dict[str, tuple[told_at_first.Span, ...]] = {}
    faults: dict[str, str] = {}
    for day in DAYS:
        try:
            hours[day] = tuple(_spans(fields, day))
        except ValueError as wrong:
            faults[day] = str(wrong)
    if not faults and not any(hours.values()):
        faults["mon"] = NEVER_OPEN
    if faults:
        return _hours(request, fields, faults)
    return _keep(request, hours=hours)


def _spans(fields: Mapping[str, str], day: str) -> Iterator[told_at_first.Span]:
    """ValueError with what is wrong, in our words."""
    before = time(0)
    for nth in (1, 2):
        begins, ends = (fields.get(f"{day}-{end}-{nth}", "").strip() for end in ("from", "until"))
        if not begins and not ends:
            continue
        try:
            span = told_at_first.Span(
                begins=time.fromisoformat(begins), ends=time.fromisoformat(ends)
            )
        except ValueError:
            raise ValueError(WRONG["missing"] if not (begins and ends) else WRONG_ELSE) from None
        is_till_midnight = span.ends == time(0)
        if not (span.begins < span.ends or is_till_midnight):
            raise ValueError(UPSIDE_DOWN)
        if span.begins < before:
            raise ValueError(OVERLAP)
        before = time.max if is_till_midnight else span.ends
        yield span


@router.get("/begin/phones")
def ask_phones(request: Request) -> Response:
    known = _known(request).phones or ()
    return _phones(request, [Row(each.model_dump(mode="json"), {}) for each in known])


def _phones(request: Request, rows: Sequence[Row], why: str = "") -> Response:
    status = 422 if why or any(row.faults for row in rows) else 200
    shown = _padded(rows, told_at_first.TELEPHONES_MOST)
    return _shown(request, "phones", status=status, rows=shown, works=WORKS, why=why)


@router.post("/begin/phones")
def take_phones(request: Request) -> Response:
    rows, phones = _rows(request, told_at_first.Phone, ("number", "name", "room", "work"))
    numbers = [each.number for each in phones]
    rows = [
        Row(row.values, {**row.faults, "number": TWICE})
        if numbers.count(row.values["number"]) > 1
        else row
        for row in rows
    ]
    if any(row.faults for row in rows):
        return _phones(request, rows)
    if all(each.work is not Work.FRONT_DESK for each in phones):
        return _phones(request, rows, NO_DESK)
    return _keep(request, phones=tuple(phones))


@router.get("/begin/people")
def ask_people(request: Request) -> Response:
    known = _told(request).people or ()
    return _people(request, [Row(each.model_dump(mode="json"), {}) for each in known])


def _people(request: Request, rows: Sequence[Row]) -> Response:
    status = 422 if any(row.faults for row in rows) else 200
    db, person = house_of(request).place.page_db, visitor_of(request).person
    return _shown(
        request,
        "people",
        status=status,
        rows=_padded(rows, told_at_first.ON_CALL_MOST),
        others=sum(each.name != person for each in people.everybody(db)),
        is_guarded=people.read(db, lambda c: second_factor.is_on(c, person)),
    )


@router.post("/begin/people")
def take_people(request: Request) -> Response:
    rows, found = _rows(request, told_at_first.Person, ("name", "mobile"))
    if any(row.faults for row in rows):
        return _people(request, rows)
    return _keep(request, people=tuple(found))


@router.get("/begin/menu")
def ask_menu(request: Request) -> Response:
    told = _told(request)
    return _menu(request, told.menu, told.other_site)


def _menu(request: Request, chosen: str | None, other_site: str, why: str = "") -> Response:
    return _shown(
        request,
        "menu",
        status=422 if why else 200,
        menus=offered(),
        chosen=chosen,
        other_site=other_site,
        why=why,
    )


@router.post("/begin/menu")
def take_menu(request: Request) -> Response:
    """The draft is what was answered; whatever it was before can be had again by undo."""
    house, came = house_of(request), typed(request, MenuForm).form
    if came is None:
        return _menu(request, None, "", NO_SUCH_MENU)
    told = _told(request).model_copy(update={"menu": came.menu, "other_site": came.other_site})
    answers = told.answers()
    if answers is None:
        raise Elsewhere("/begin")
    told_at_first.keep(house.place, told)
    _draw(house, answers, visitor_of(request).person)
    return RedirectResponse("/begin/test", 303)


def _draw(house: House, answers: Answers, who: str) -> None:
    now = house.now()
    try:
        kept = draft.read(house.place)
        text = begun(kept.text, answers, now.astimezone(ZoneInfo(answers.timezone)).date())
        draft.keep(house.place, text, who, "the first run", kept.step, now)
    except (DraftError, EditError) as no:
        raise Refused(409, str(no), to_say("Go back, load the page again.")) from no


@router.get("/begin/test")
async def test(request: Request) -> Response:
    return await tried(request)


async def tried(
    request: Request,
    *,
    heard: str = "",
    mobile: str = "",
    mobile_why: str = "",
    called: str = "",
) -> Response:
    """The last screen, with what was tried just now, and what came of it."""
    house = house_of(request)
    told = _told(request)
    standing = await house.live.now()
    kept = await run_in_threadpool(draft.read, house.place)
    return _shown(
        request,
        "test",
        clinic_number=told.clinic.number if told.clinic else "",
        is_answered=told.answers() is not None,
        is_published=told.answers() is not None and kept.step == 0,
        # The box's own call to itself is none of a caller's.
        calls_now=sum(number for line, number in standing.calls.items() if line != SELFTEST),
        backed_up=told.is_saved or bool(backup.last_made(house.place)),
        status=422 if mobile_why else 200,
        heard=heard,
        texts={"mobile": mobile},
        faults={"mobile": mobile_why} if mobile_why else {},
        called=called,
        why="",
    )


@router.post("/begin/test")
async def self_test(request: Request) -> Response:
    """The box calls its own self-test line, as a caller would."""
    reply = await ask_for(request, SELFTEST_CALL, SelfTestRequest(wait_s=3.0))
    return await tried(request, heard=reply.ended_by)


@router.post("/begin/done")
def done(request: Request) -> Response:
    told_at_first.done(house_of(request).place)
    return RedirectResponse("/today", 303)


# ---- forms of many lines ----


def _rows(request: Request, kind: type[B], names: Sequence[str]) -> tuple[list[Row], list[B]]:
    """Lines in which anything but a choice was filled in."""
    fields: Mapping[str, str] = request.state.form
    rows: list[Row] = []
    found: list[B] = []
    for nth in range(max(told_at_first.TELEPHONES_MOST, told_at_first.ON_CALL_MOST) + ROWS_MORE):
        values = {name: fields.get(f"{name}-{nth}", "").strip() for name in names}
        if not any(value for name, value in values.items() if name != "work"):
            continue
        part, faults = _read(kind, values)
        rows.append(Row(values, faults))
        if part is not None:
            found.append(part)
    return rows, found


def _padded(rows: Sequence[Row], most: int) -> list[Row]:
    """With empty lines to fill in."""
    empty = max(ROWS_MORE, ROWS_LEAST - len(rows))
    return [*rows, *(Row({}, {}) for _ in range(min(empty, most - len(rows))))]


def _read(kind: type[B], values: Mapping[str, object]) -> tuple[B | None, dict[str, str]]:
    """What was filled in, or what is wrong beside each field."""
    try:
        return kind.model_validate(values), {}
    except ValidationError as wrong:
        faults: dict[str, str] = {}
        for each in wrong.errors(include_url=False, include_input=False, include_context=False):
            name = str(each["loc"][0])
            is_empty = not values.get(name)
            known = WRONG_HERE.get(each["type"]) or WRONG_HERE.get(name, WRONG_ELSE)
            fault = WRONG["missing"] if is_empty else known
            faults.setdefault(name, fault)
        return None, faults
