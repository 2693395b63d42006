"""Telephones whose calls outside are stopped, on the page: since when and why, and let go again by
a press. The exchange does it and enters it."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field

from firmware.outside_desk import ALLOW, OUTSIDE, AllowRequest, OutsideRequest, StopNow
from firmware.web.asking import ask_for
from firmware.web.entrance import Refused
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.moments import dated
from firmware.web.words import to_say

router = APIRouter()

NO_PHONE = (422, to_say("This is no form."), to_say("Use the page's own forms."))


class PhoneForm(Form):
    phone: str = Field(pattern=r"^[0-9]{1,20}$")


@dataclass(frozen=True, slots=True)
class Line:
    """A telephone as it is listed, by the clinic's clock."""

    phone: str
    since: str
    why: str


@router.get("/stopped")
async def show(request: Request) -> Response:
    reply = await ask_for(request, OUTSIDE, OutsideRequest())
    return render(request, "stopped.html", lines=[_line(request, one) for one in reply.stops])


@router.post("/stopped")
async def allow(request: Request) -> Response:
    form = typed(request, PhoneForm).form
    if form is None:
        raise Refused(*NO_PHONE)
    await ask_for(request, ALLOW, AllowRequest(phone=form.phone))
    return RedirectResponse("/stopped", 303)


def _line(request: Request, one: StopNow) -> Line:
    plan, words = house_of(request).site.plan, words_of(request)
    local = one.since.astimezone(ZoneInfo(plan.timezone) if plan else None)
    since = dated(local, words.locale)
    return Line(one.phone, since, words.told(one.why))
