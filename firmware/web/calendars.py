"""The calendars that close a schedule: each with the days it gives, to be brought as a file (.ics),
replaced and taken out. All of it is a step of the draft; the file lies beside it, comes into force
and back with its version, and is in the backup.

A file is a stranger's: firmware/calendars.py reads it first where nothing else can be done, one at
a time, and what is wrong with it is said beside the field.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Annotated
from zoneinfo import ZoneInfo

from babel.dates import format_date
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from firmware import calendars, draft, hours_edits, settings
from firmware.closures import CalendarError
from firmware.draft import ChangedMeanwhileError, DraftError, Kept
from firmware.edits import Edit
from firmware.filling import Filled, Told, document_of, judged
from firmware.schedule_form import SCHEDULES
from firmware.times_form import listed
from firmware.web.entrance import Refused, visitor_of
from firmware.web.frame import render, words_of
from firmware.web.hours import UNREAD
from firmware.web.hours_kept import kept_or_asked
from firmware.web.house import House, house_of
from firmware.web.room_form import said
from firmware.web.rooms import NO_SUCH, SHOWN_AGAIN, SOMEBODY, filled_in, now_kept
from firmware.web.week import clock_times
from firmware.web.words import Words, to_say
from ivr.plan import Closure, Hours

router = APIRouter()

BRING = "/hours/bring/"
UPLOADS: Mapping[str, int] = {BRING: calendars.FILE_MOST + 1}
DAYS_SHOWN = 60
CALENDARS = "calendars"
NAME_MOST = 200
TOO_LARGE = Told(calendars.TOO_LARGE.reason, calendars.TOO_LARGE.cure)
BUSY = (
    503,
    to_say("Another calendar is being read at this moment."),
    to_say("Try again in a few seconds."),
)
NOT_WHOLE = (
    400,
    to_say("The file did not come whole."),
    to_say("Choose it once more."),
)

_reading = threading.BoundedSemaphore(1)


@dataclass(frozen=True, slots=True)
class Shown:
    """A calendar of a schedule, and what it closes from today on."""

    place: int
    name: str
    count: int  # of days
    days: Sequence[tuple[str, str, str]]  # the first of them: day, why, times


@router.get("/hours/calendars/{schedule}")
def show(request: Request, schedule: str) -> Response:
    return _screen(request, schedule)


@router.post(BRING + "{schedule}")
async def bring(
    request: Request,
    schedule: str,
    name: Annotated[str, Query(max_length=NAME_MOST)],
    step: Annotated[int, Query(ge=0, le=10**9)],
    place: Annotated[int | None, Query(ge=0, le=100)] = None,
) -> Response:
    """A file as the browser has it, in place of another or behind all; the answer says where its
    days can be seen, or what is wrong with it."""
    file = await _received(request)
    if isinstance(file, Told):
        return _wrong(request, file)
    return await run_in_threadpool(_brought, request, schedule, place, (name, file), step)


@router.post("/hours/calendars/{schedule}/take-out")
def take_out(request: Request, schedule: str) -> Response:
    kept, texts = now_kept(request), filled_in(request)
    there = _listed(kept, schedule)
    typed = texts.get("place", "")
    if not typed.isdecimal() or int(typed) >= len(there):
        raise Refused(*NO_SUCH)
    path = ("hours", schedule, CALENDARS, int(typed))
    beside = draft.beside(house_of(request).place)
    done = judged(kept.text, hours_edits.take_away(path), beside)
    filled = Filled(None, {"": done}) if isinstance(done, Told) else Filled(done[0])
    return kept_or_asked(
        request,
        kept,
        filled,
        "took a calendar out",
        lambda status, _faults, why: _screen(request, schedule, status=status, why=why),
        f"/hours/calendars/{schedule}",
    )


# ---- a file ----


async def _received(request: Request) -> bytes | Told:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > calendars.FILE_MOST:
            return TOO_LARGE
    if str(len(body)) != request.headers.get("content-length", str(len(body))):
        raise Refused(*NOT_WHOLE)
    return bytes(body)


def _brought(
    request: Request, schedule: str, place: int | None, file: tuple[str, bytes], step: int
) -> Response:
    house, kept = house_of(request), now_kept(request)
    there = _listed(kept, schedule)
    if place is not None and place >= len(there):
        raise Refused(*NO_SUCH)
    try:
        with _one_at_a_time():
            text = calendars.text_of(file[1], ZoneInfo(_zone(kept)))
    except CalendarError as wrong:
        return _wrong(request, Told(wrong.reason, wrong.cure))
    called = calendars.name_of(file[0], text)
    if called not in there:
        path = ("hours", schedule, CALENDARS)
        edits = hours_edits.calendar(path, there, place, called)
        if wrong_with := _kept(house, request, kept, edits, {called: text}, step):
            return _wrong(request, wrong_with)
    return JSONResponse({"href": f"/hours/calendars/{schedule}"})


def _kept(
    house: House,
    request: Request,
    kept: Kept,
    edits: list[Edit],
    fresh: Mapping[str, str],
    step: int,
) -> Told | None:
    """Into the draft, or what the site file's reading finds wrong with it."""
    before = draft.beside(house.place)
    done = judged(kept.text, edits, lambda name: fresh[name] if name in fresh else before(name))
    if isinstance(done, Told):
        return done
    if done[1]:
        return Told(done[1][0].reason, done[1][0].cure)
    who, what = visitor_of(request).person, "brought a calendar"
    try:
        draft.keep(house.place, done[0], who, what, step, house.now(), fresh)
    except ChangedMeanwhileError:
        words, steps = words_of(request), now_kept(request).done
        by = steps[-1].who if steps else words.gettext(SOMEBODY)
        raise Refused(409, words.say(SHOWN_AGAIN, who=by), "") from None
    except DraftError as no:
        why, _, cure = str(no).partition(": ")
        return Told(why, cure)
    return None


def _wrong(request: Request, told: Told) -> Response:
    return JSONResponse({"fault": said(told, words_of(request))}, 422)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    if not _reading.acquire(blocking=False):
        raise Refused(*BUSY)
    try:
        yield
    finally:
        _reading.release()


# ---- what is shown ----


def _screen(request: Request, schedule: str, *, status: int = 200, why: str = "") -> Response:
    house, words, kept = house_of(request), words_of(request), now_kept(request)
    there = _listed(kept, schedule)
    plan = settings.draft(kept.text, draft.beside(house.place)).plan
    if plan is None:
        raise Refused(*UNREAD)
    today = house.now().astimezone(ZoneInfo(plan.timezone)).date()
    hours = plan.hours.get(schedule)
    shown = [_shown(place, name, hours, today, words) for place, name in enumerate(there)]
    return render(
        request,
        "hours_calendars.html",
        status=status,
        schedule=schedule,
        step=kept.step,
        calendars=shown,
        most=calendars.FILE_MOST,
        why=why,
    )


def _shown(place: int, name: str, hours: Hours | None, today: date, words: Words) -> Shown:
    found = [
        (day, closure)
        for day, closures in sorted((hours.closures if hours else {}).items())
        for closure in closures
        if closure.calendar == name and day >= today
    ]
    days = [_day(*each, words) for each in islice(found, DAYS_SHOWN)]
    return Shown(place, name, len({day for day, _ in found}), days)


def _day(day: date, closure: Closure, words: Words) -> tuple[str, str, str]:
    times = closure.times
    is_whole = times.opens == times.closes
    told = words.gettext("all day") if is_whole else clock_times(times.opens, times.closes, words)
    return str(format_date(day, "full", locale=words.locale)), closure.name, told


def _listed(kept: Kept, schedule: str) -> list[str]:
    """The calendars of a schedule, in the draft's order. Refused: there is no such schedule."""
    written = SCHEDULES.part(document_of(kept.text), schedule)
    if written is None:
        raise Refused(*NO_SUCH)
    return listed(written, CALENDARS)


def _zone(kept: Kept) -> str:
    zone = document_of(kept.text).get("clinic", {}).get("timezone", "")
    if not isinstance(zone, str) or zone not in settings.time_zones():
        raise Refused(*UNREAD)
    return zone
