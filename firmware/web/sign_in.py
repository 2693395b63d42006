"""Signing in and out, by the clinic's one gate: password, then second factor or recovery code, and
only then is anything opened. What they opened stays in this process until they leave.
"""

import threading
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field

from firmware import gate, people, told_at_first
from firmware.audit import Act
from firmware.gate import CodeNeededError, TooSoonError, WrongCodeError
from firmware.keys import KeyRefusedError
from firmware.operations import Operation, may
from firmware.people import KeyRing, PeopleError
from firmware.web.entrance import (
    COOKIE,
    Elsewhere,
    Refused,
    anybody_of,
    forget,
    remember,
    visitor_of,
)
from firmware.web.forms import Form, typed
from firmware.web.frame import render
from firmware.web.house import House, house_of
from firmware.web.words import to_say

router = APIRouter()

PAGE = "page"  # a way in of its own (firmware/gate.py)
NOBODY = "a name nobody has"
# A password costs 64 MiB for a moment: so many are looked at at once, and so many may wait for it.
AT_ONCE, IN_LINE = 2, 8
BUSY = (
    503,
    to_say("Too many people sign in at this moment."),
    to_say("Try again in a few seconds."),
)
WRONG = to_say("Name and password do not belong together. Type both again.")
FORGOTTEN = to_say("Who forgot the password is invited anew by an administrator.")
NEEDS_CODE = to_say("Type the code that your telephone shows, too.")
WRONG_CODE = to_say(
    "The code does not fit or has served already. Wait for the next one, or type a recovery code."
)
TOO_SOON = to_say("Too many wrong tries. Wait a little before the next one.")

HURRY_TOLD_EVERY = timedelta(minutes=1)

_places = threading.Semaphore(AT_ONCE)
_line = threading.Semaphore(AT_ONCE + IN_LINE)


class SignInForm(Form):
    person: Annotated[str, Field(min_length=1, max_length=people.NAME_MOST)]
    password: Annotated[str, Field(min_length=1, max_length=1024, repr=False)]
    code: Annotated[str, Field(max_length=40, repr=False)] = ""


@router.get("/")
def start(request: Request) -> Response:
    house = house_of(request)
    if anybody_of(request):
        return RedirectResponse("/today", 303)
    return RedirectResponse("/sign-in" if people.is_set_up(house.place.page_db) else "/first", 303)


@router.get("/sign-in")
def ask(request: Request) -> Response:
    if not people.is_set_up(house_of(request).place.page_db):
        raise Elsewhere("/first")
    if anybody_of(request):
        raise Elsewhere("/today")
    return _form(request)


@router.post("/sign-in")
def sign_in(request: Request) -> Response:
    house, came = house_of(request), typed(request, SignInForm)
    wish = came.form
    if wish is None:
        return _form(request, status=422, faults=came.faults)
    known = people.known_as(house.place.page_db, wish.person)
    wish = wish.model_copy(update={"person": known})
    try:
        ring = looked_at(house, wish)
    except (PeopleError, KeyRefusedError) as refused:
        note_refusal(house, wish.person, refused)
        needs_code = isinstance(refused, CodeNeededError | WrongCodeError)
        why = why_not(refused)
        return _form(request, status=403, person=wish.person, needs_code=needs_code, why=why)
    house.account(ring.person, Act.SIGNED_IN)
    if before := anybody_of(request):
        house.visitors.leave(before.session)
    answer = RedirectResponse(_first_screen(house, ring.person), 303)
    remember(answer, COOKIE, house.visitors.welcome(ring))
    return answer


def _first_screen(house: House, person: str) -> str:
    """The first run goes on where it was left; everybody else looks at today."""
    role = people.role_of(house.place.page_db, person)
    is_theirs = role is not None and may(role, Operation.CONFIGURE)
    return "/begin" if is_theirs and told_at_first.is_under_way(house.place) else "/today"


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    house, visitor = house_of(request), visitor_of(request)
    house.account(visitor.person, Act.SIGNED_OUT, visitor.person)
    house.visitors.leave(visitor.session)
    answer = RedirectResponse("/sign-in", 303)
    forget(answer, COOKIE)
    return answer


@router.post("/stay")
def stay(_request: Request) -> Response:
    """Somebody is typing: asking has kept them signed in."""
    return Response(status_code=204)


def looked_at(house: House, wish: SignInForm) -> KeyRing:
    """What they can open, if password and code are right; only so many at once."""
    if not _line.acquire(blocking=False):
        raise Refused(*BUSY)
    try:
        with _places:
            db = house.place.page_db
            return gate.sign_in(
                db, wish.person, wish.password, lambda: wish.code, house.now(), PAGE
            )
    finally:
        _line.release()


def _form(
    request: Request,
    *,
    status: int = 200,
    person: str = "",
    needs_code: bool = False,
    why: str = "",
    faults: object = None,
) -> Response:
    return render(
        request,
        "sign_in.html",
        status=status,
        person=person,
        needs_code=needs_code,
        why=why,
        faults=faults or {},
    )


def why_not(refused: Exception) -> str:
    """In words for whoever tried."""
    match refused:
        case CodeNeededError():
            return NEEDS_CODE
        case WrongCodeError():
            return WRONG_CODE
        case TooSoonError():
            return TOO_SOON
        case _:
            return WRONG


def note_refusal(house: House, person: str, refused: Exception) -> None:
    """Whoever slips into the wrong field may have typed a password, or a patient's name."""
    if people.is_set_up(house.place.page_db):
        known = person in {each.name for each in people.everybody(house.place.page_db)}
        what: dict[type[Exception], str] = {
            CodeNeededError: ", no code",
            WrongCodeError: ", wrong code",
            TooSoonError: ", too soon",
        }
        who, said = person if known else NOBODY, what.get(type(refused), "")
        if not (isinstance(refused, TooSoonError) and _is_known_to_hurry(house, who)):
            house.account(who, Act.REFUSED, f"page sign-in{said}")


def _is_known_to_hurry(house: House, who: str) -> bool:
    """Whoever may not try yet costs us nothing, and must not fill the audit by trying on: one entry
    a minute tells it."""
    now, before = house.now(), house.too_soon.get(who)
    if before is not None and abs(now - before) < HURRY_TOLD_EVERY:
        return True
    house.too_soon[who] = now
    return False
