"""The PINs of people who are called: whoever keys one hears urgent messages, so an administrator
gives it, as `careline oncall pin` does. One that was typed is never shown; one that the box made is
shown once, in the answer to who asked for it, and stands in no address. It holds at once: it is no
draft.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from babel.dates import format_date
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field

from firmware import pins
from firmware.audit import Act
from firmware.pin_rule import PinError, check_pin
from firmware.web.entrance import visitor_of
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.words import to_say

router = APIRouter()

NOT_A_PIN = to_say(
    "Give 6 to 12 digits that are not in a row: 123456 or 555555 would be guessed first."
)
NOT_TWICE = to_say("The two are not the same. Type the PIN twice.")
NOT_CALLED = to_say("Choose one of those offered.")
NAME_MOST = 40


class MakeForm(Form):
    """Whose PIN the box shall make; what was typed beside it is not looked at."""

    person: Annotated[str, Field(max_length=NAME_MOST)]
    pin: Annotated[str, Field(repr=False)] = ""
    again: Annotated[str, Field(repr=False)] = ""


class PinForm(Form):
    person: Annotated[str, Field(max_length=NAME_MOST)]
    pin: Annotated[str, Field(min_length=1, max_length=40, repr=False)]
    again: Annotated[str, Field(min_length=1, max_length=40, repr=False)]


@dataclass(frozen=True, slots=True)
class Called:
    """Somebody who can be called, and since which day they have a PIN; empty: they have none."""

    person: str
    name: str
    since: str


@router.get("/pins")
def show(request: Request, person: str = "") -> Response:
    return _screen(request, person)


@router.post("/pins")
def choose(request: Request) -> Response:
    came = typed(request, PinForm)
    if came.form is None:
        return _screen(request, request.state.form.get("person", ""), came.faults)
    wish = came.form
    if faults := _faults(request, wish):
        return _screen(request, wish.person, faults)
    _keep(request, wish.person, wish.pin)
    return RedirectResponse("/pins", 303)


@router.post("/pins/make")
def make(request: Request) -> Response:
    """The answer is the PIN itself: whoever loads it again has another made."""
    wish = typed(request, MakeForm).form
    person = wish.person if wish else ""
    if person not in _called(request):
        return _screen(request, person, {"person": NOT_CALLED})
    pin = pins.fresh()
    _keep(request, person, pin)
    return render(request, "pin_made.html", name=_called(request)[person], pin=pin)


def _faults(request: Request, wish: PinForm) -> dict[str, str]:
    faults = {}
    if wish.person not in _called(request):
        faults["person"] = NOT_CALLED
    try:
        check_pin(wish.pin)
    except PinError:
        faults["pin"] = NOT_A_PIN
    if wish.pin != wish.again:
        faults["again"] = NOT_TWICE
    return faults


def _keep(request: Request, person: str, pin: str) -> None:
    """Entered in the audit by whose it is, and never by what it is."""
    house = house_of(request)
    house.account(visitor_of(request).person, Act.CHOSE_PIN, person)
    pins.keep(house.place.page_db, person, pin, house.cost)


def _called(request: Request) -> Mapping[str, str]:
    """The people whom the site in force can call, with their names."""
    plan = house_of(request).site.plan
    return {name: each.label for name, each in plan.people.items()} if plan else {}


def _screen(request: Request, person: str, faults: Mapping[str, str] | None = None) -> Response:
    """Whoever lacks a PIN is chosen before it is said who."""
    house, words = house_of(request), words_of(request)
    since = pins.made(house.place.page_db)
    zone = ZoneInfo(house.site.plan.timezone) if house.site.plan else None
    everybody = [
        Called(
            each,
            name,
            format_date(since[each].astimezone(zone).date(), "medium", locale=words.locale)
            if each in since
            else "",
        )
        for each, name in _called(request).items()
    ]
    lacking = next((each.person for each in everybody if not each.since), "")
    known = person in _called(request)
    return render(
        request,
        "pins.html",
        status=422 if faults else 200,
        everybody=everybody,
        chosen=person if known else lacking,
        faults=faults or {},
    )
