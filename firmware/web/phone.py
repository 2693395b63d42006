"""Telephone: a telephone of the clinic in the browser, for whoever works with callers.

The screen says which there are, where each stands, for 911 is told that, and who has it; the module
static/phone.js is the telephone itself, and static/vendor/jssip.js speaks SIP. All words come from
here. Nobody's microphone is asked for before they press a button, and no password is in the page.
"""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from firmware.web.entrance import visitor_of
from firmware.web.frame import render
from firmware.web.house import house_of

router = APIRouter()

KEYS = "123456789*0#"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of them, as it is offered."""

    extension: str
    name: str
    location: str
    whose: str | None  # somebody else's now


@router.get("/phone")
async def show(request: Request) -> Response:
    house, person = house_of(request), visitor_of(request).person
    plan = house.site.plan
    phones = [each for each in plan.phones.values() if each.browser] if plan else []
    choices = []
    for phone in phones:
        whose = house.seats.whose(phone.extension)
        other = None if whose == person else whose
        choices.append(Choice(phone.extension, phone.name, phone.location, other))
    return render(request, "phone.html", phones=choices, keys=KEYS)


@router.get("/phone/live")
async def live() -> Response:
    """Whether somebody is signed in still: asked by a window whose connection broke, and no use."""
    return Response(status_code=204)
