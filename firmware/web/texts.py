"""What became of the last texts, and who wrote STOP, on the page, by the last digits alone. Texts
are let go again to who asked for it themselves, by the whole number they gave. The exchange does it
and enters it."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field

from firmware.sent_texts import State
from firmware.texts_desk import (
    ALLOW_TEXTS,
    BETWEEN,
    NUMBER,
    TEXTS,
    AllowTextsRequest,
    Asked,
    StopLine,
    TextLine,
    TextsRequest,
)
from firmware.web.asking import ask_for
from firmware.web.entrance import Refused
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.messages import TEXT_STATES
from firmware.web.moments import dated
from firmware.web.words import to_say

router = APIRouter()

HOW = {
    Asked.BY_TELEPHONE: to_say("by telephone"),
    Asked.IN_PERSON: to_say("in person"),
    Asked.IN_WRITING: to_say("in writing"),
}
OF_A_REQUEST = to_say("by staff, to who left a request")
ABOUT = {
    "called": to_say("that somebody on call is called"),
    "messages": to_say("that there is something in a mailbox"),
    "callback": to_say("that a caller is called back"),
    "started": to_say("that texts go again"),
}
NOT_WHOLE = to_say("Type all of the number, as the person gave it.")


class AllowForm(Form):
    """Of whom: a person of the site file, or whose number this is."""

    person: str = Field(default="", max_length=64)
    number: str = Field(default="", max_length=32, repr=False)
    asked: Asked


@dataclass(frozen=True, slots=True)
class Line:
    """A number as it is listed, by the clinic's clock."""

    number: str
    person: str
    name: str
    since: str


@dataclass(frozen=True, slots=True)
class Went:
    """A text as it is listed."""

    at: str
    what: str
    to: str
    state: str
    tone: str


@router.get("/texts")
async def show(request: Request) -> Response:
    return await _screen(request)


@router.post("/texts")
async def allow(request: Request) -> Response:
    came = typed(request, AllowForm)
    wish = came.form
    if wish is None:
        return await _screen(request, dict(came.faults), 422)
    if not wish.person and not NUMBER.fullmatch(BETWEEN.sub("", wish.number)):
        return await _screen(request, {"number": NOT_WHOLE}, 422)
    order = AllowTextsRequest(number=wish.number, person=wish.person, asked=wish.asked)
    try:
        await ask_for(request, ALLOW_TEXTS, order)
    except Refused as no:
        words = words_of(request)
        return await _screen(
            request, {"": f"{words.told(no.why)} {words.told(no.cure)}"}, no.status
        )
    return RedirectResponse("/texts?done=yes", 303)


async def _screen(
    request: Request, faults: dict[str, str] | None = None, status: int = 200
) -> Response:
    reply = await ask_for(request, TEXTS, TextsRequest())
    return render(
        request,
        "texts.html",
        status=status,
        lines=[_line(request, one) for one in reply.stops],
        texts=[_went(request, one) for one in reply.texts],
        how=HOW,
        faults=faults or {},
        is_done=request.query_params.get("done") == "yes" and not faults,
    )


def _went(request: Request, one: TextLine) -> Went:
    words, plan = words_of(request), house_of(request).site.plan
    known = plan.people.get(one.person) if plan else None
    state = words.gettext(TEXT_STATES[one.state])
    return Went(
        _moment(request, one.at),
        words.gettext(ABOUT.get(one.about, OF_A_REQUEST)),
        known.label if known else one.number,
        f"{state}: {words.told(one.why)}" if one.why else state,
        "alarm" if one.state is State.FAILED else "",
    )


def _moment(request: Request, text: str) -> str:
    plan, words = house_of(request).site.plan, words_of(request)
    at = datetime.fromisoformat(text).astimezone(ZoneInfo(plan.timezone) if plan else None)
    return dated(at, words.locale)


def _line(request: Request, one: StopLine) -> Line:
    plan = house_of(request).site.plan
    known = plan.people.get(one.person) if plan else None
    name = known.label if known else one.person
    return Line(one.number, one.person, name, _moment(request, one.since))
