"""The line doctor on the page: begun and stopped by a press, told as it works, and what it found of
the box and of each line the last times, with pictures and as a sheet to print. It asks the
exchange, which refuses what may not be and enters who asked; a number typed here is kept nowhere.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from pydantic import Field

from firmware.control import Strict, Topic
from firmware.doctor import kept
from firmware.doctor.findings import Colour, Finding, worst
from firmware.doctor.topics import (
    DOCTOR,
    DOCTOR_LINE,
    DOCTOR_PHONES,
    DOCTOR_STOP,
    DoctorLine,
    DoctorLineRequest,
    DoctorPhonesRequest,
    DoctorRequest,
    DoctorStopRequest,
)
from firmware.operations import Operation
from firmware.told_at_first import as_dialled
from firmware.web import doctor_picture
from firmware.web.asking import ask_for
from firmware.web.begin_call import DIALLED
from firmware.web.cures import cure_for
from firmware.web.doctor_picture import Picture
from firmware.web.entrance import is_let_in, visitor_of
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.moments import dated
from firmware.web.rounds import Going
from firmware.web.today import PART_NAMES, Row, View
from firmware.web.words import ENGLISH, Words, to_say

Q = TypeVar("Q", bound=Strict)

router = APIRouter()

LOOK_EVERY_S, TELL_EVERY_S = 0.3, 5.0
TONES = {Colour.GREEN: "well", Colour.AMBER: "warning", Colour.RED: "alarm"}
COLOURS = {
    Colour.GREEN: to_say("green"), Colour.AMBER: to_say("amber"), Colour.RED: to_say("red"),
}  # fmt: skip
BY_WORD = {"green": Colour.GREEN, "amber": Colour.AMBER, "red": Colour.RED}
ALL_WELL = to_say("is well")
NO_NUMBER = to_say("Digits only, as they are dialled.")


class LineForm(Form):
    number: Annotated[str, Field(max_length=40)] = ""
    keys: str = ""


@dataclass(frozen=True, slots=True)
class Then:
    """One of the last times."""

    at: str
    tone: str
    colour: str


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found of one thing the last time, and in which colour it was before."""

    name: str
    at: str
    tone: str
    rows: tuple[Row, ...]
    before: tuple[Then, ...]
    noise: Picture | None
    echo: Picture | None


@router.get("/doctor")
def show(request: Request) -> Response:
    return _screen(request)


@router.get("/doctor/sheet")
def sheet(request: Request) -> Response:
    """For the wall, or for whoever comes to mend a line."""
    now = house_of(request).now().isoformat()
    examined = list(_examined(request))
    return render(request, "doctor_sheet.html", examined=examined, printed=_when(request, now))


@router.get("/doctor/live")
async def live(request: Request, seen: str = "") -> StreamingResponse:
    """What it does now; a screen that shows another visit than this one is drawn anew."""
    house, words = house_of(request), words_of(request)

    async def told() -> AsyncIterator[str]:
        sent, sent_at = "", float("-inf")
        while True:
            going, now = house.rounds.now, time.monotonic()
            if going.state != seen:
                yield "event: again\ndata: \n\n"
                return
            shown = view(going, words).as_json()
            if shown != sent or now - sent_at > TELL_EVERY_S:
                if not await is_let_in(request):
                    yield "event: over\ndata: \n\n"
                    return
                sent, sent_at = shown, now
                yield f"data: {shown}\n\n"
            await asyncio.sleep(LOOK_EVERY_S)

    return StreamingResponse(told(), media_type="text/event-stream")


@router.post("/doctor")
async def examine(request: Request) -> Response:
    return _begun(request, DOCTOR, DoctorRequest())


@router.post("/doctor/phones")
async def ring(request: Request) -> Response:
    return _begun(request, DOCTOR_PHONES, DoctorPhonesRequest())


@router.post("/doctor/line")
async def measure(request: Request) -> Response:
    form = typed(request, LineForm).form
    number = str(as_dialled(form.number.strip())) if form else ""
    if form is None or not DIALLED.fullmatch(number):
        return await asyncio.to_thread(_screen, request, {"number": NO_NUMBER})
    return _begun(request, DOCTOR_LINE, DoctorLineRequest(number=number, keys=bool(form.keys)))


@router.post("/doctor/stop")
async def stop(request: Request) -> Response:
    await ask_for(request, DOCTOR_STOP, DoctorStopRequest())
    return RedirectResponse("/doctor", 303)


def _begun(request: Request, topic: Topic[Q, DoctorLine], wish: Q) -> Response:
    """Where another is on its way, its screen says so."""
    house_of(request).rounds.begin(topic, wish, visitor_of(request).session)
    return RedirectResponse("/doctor", 303)


def _screen(request: Request, faults: dict[str, str] | None = None) -> Response:
    going, words = house_of(request).rounds.now, words_of(request)
    return render(
        request,
        "doctor.html",
        status=422 if faults else 200,
        going=going,
        view=view(going, words),
        examined=list(_examined(request)),
        faults=faults or {},
        may_measure=visitor_of(request).may(Operation.CONFIGURE),
        until_ms=doctor_picture.echo_until_ms(),
    )


# ---- words ----


def view(going: Going, words: Words) -> View:
    """The words of the screen that change while the doctor is at work."""
    found = [
        Finding(line.about, BY_WORD[line.colour], line.figure, line.cure)
        for line in going.found
        if line.colour
    ]
    rows = tuple(_row(str(place), each, words) for place, each in enumerate(found))
    return View(TONES[worst(found)], {"doing": words.told(going.doing)}, {"found": rows})


def _row(key: str, finding: Finding, words: Words, cure: str | None = None) -> Row:
    about = words.told(PART_NAMES.get(finding.about, finding.about))
    figure = words.told(finding.figure)
    if finding.colour is Colour.GREEN and words.language != ENGLISH and figure == finding.figure:
        figure = words.gettext(ALL_WELL)  # what is well has not been put into every language
    said = words.told(finding.cure) if cure is None else cure
    colour = words.gettext(COLOURS[finding.colour])
    return Row(key, (about, colour, figure, said), TONES[finding.colour])


def _examined(request: Request) -> Iterator[Examined]:
    """Each thing that was ever looked at, the worst first."""
    words, may = words_of(request), visitor_of(request).may
    all_ = kept.read(house_of(request).place.doctor_told)
    for name, visits in sorted(all_.items(), key=lambda one: -one[1][0].colour):
        newest = visits[0]
        rows = []
        for place, each in enumerate(sorted(newest.findings, key=lambda one: -one.colour)):
            ours = cure_for(each.cure, may) if each.cure else None
            cure = words.gettext(ours.text) if ours else None
            rows.append(_row(str(place), each, words, cure))
        yield Examined(
            name=words.told(name),
            at=_when(request, newest.at),
            tone=TONES[newest.colour],
            rows=tuple(rows),
            before=tuple(
                Then(
                    _when(request, each.at), TONES[each.colour], words.gettext(COLOURS[each.colour])
                )
                for each in visits[1:]
            ),
            noise=doctor_picture.noise(newest.curves) if newest.curves else None,
            echo=doctor_picture.echo(newest.curves) if newest.curves else None,
        )


def _when(request: Request, at: str) -> str:
    plan = house_of(request).site.plan
    local = datetime.fromisoformat(at).astimezone(ZoneInfo(plan.timezone) if plan else None)
    return dated(local, words_of(request).locale)
