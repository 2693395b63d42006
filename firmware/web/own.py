"""One's own way in: the password, the second factor and its recovery codes. Each change asks for
the password once more (and for the code, where one is asked for), for a screen may have been left
open. A secret and the codes are shown once, in the answer, and stand in no address.
"""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field

from firmware import passwords, people, second_factor
from firmware.audit import Act
from firmware.keys import KeyRefusedError
from firmware.passwords import PasswordError
from firmware.people import KeyRing, PeopleError
from firmware.second_factor import Secret
from firmware.web.entrance import Refused, visitor_of
from firmware.web.first import NOT_THE_SAME, WEAK
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.sign_in import SignInForm, looked_at, note_refusal, why_not
from firmware.web.staff import square
from firmware.web.words import to_say

router = APIRouter()

FILL_IN = to_say("Type your password too.")
NOT_THE_CODE = to_say(
    "This is not the code that it shows now. See that the clocks of the telephone and of this box"
    " are right."
)
IS_ON = (
    409,
    to_say("The second factor is on already."),
    to_say("For another telephone switch it off first."),
)
IS_OFF = (
    409,
    to_say("Codes stand in for a second factor, and there is none."),
    to_say("Switch on the second factor first."),
)


class KnowForm(Form):
    """Who knows the password, and shows the code."""

    password: Annotated[str, Field(min_length=1, max_length=1024, repr=False)]
    code: Annotated[str, Field(max_length=40, repr=False)] = ""


class FactorForm(KnowForm):
    secret: Annotated[str, Field(pattern="^[A-Z2-7]{32}$", repr=False)]
    shown: Annotated[str, Field(min_length=1, max_length=20, repr=False)]


class PasswordForm(KnowForm):
    new: Annotated[str, Field(min_length=1, max_length=passwords.MOST, repr=False)]
    again: Annotated[str, Field(min_length=1, max_length=passwords.MOST, repr=False)]


@router.get("/own")
def show(request: Request) -> Response:
    return _screen(request)


@router.get("/own/factor")
def ask_factor(request: Request) -> Response:
    if is_on(request):
        raise Refused(*IS_ON)
    return _square(request, Secret.fresh())


@router.post("/own/factor")
def switch_on(request: Request) -> Response:
    house, came = house_of(request), typed(request, FactorForm)
    if is_on(request):
        raise Refused(*IS_ON)
    wish, db, now = came.form, house.place.page_db, house.now()
    if wish is None:
        return _square(request, Secret.fresh(), faults=came.faults)
    secret = Secret(wish.secret)
    if secret.step_of(wish.shown, now) is None:
        return _square(request, secret, faults={"shown": NOT_THE_CODE})
    ring = known(request, wish)
    if isinstance(ring, str):
        return _square(request, secret, faults={"password": ring})
    own = ring.own
    if own is None:
        raise Refused(*IS_ON)
    house.account(ring.person, Act.FACTOR_ON)
    people.write(
        db, lambda c: second_factor.switch_on(c, ring.person, own, secret, wish.shown, now)
    )
    return _codes(request, ring.person)


@router.post("/own/factor/off")
def switch_off(request: Request) -> Response:
    house, ring = house_of(request), _asked(request)
    if isinstance(ring, str):
        return _screen(request, status=422, why=ring)
    house.account(ring.person, Act.FACTOR_OFF)
    people.write(house.place.page_db, lambda c: second_factor.switch_off(c, ring.person))
    return RedirectResponse("/own", 303)


@router.post("/own/codes")
def new_codes(request: Request) -> Response:
    if not is_on(request):
        raise Refused(*IS_OFF)
    ring = _asked(request)
    if isinstance(ring, str):
        return _screen(request, status=422, why=ring)
    house_of(request).account(ring.person, Act.NEW_CODES)
    return _codes(request, ring.person)


@router.post("/own/password")
def change_password(request: Request) -> Response:
    """Whoever is signed in by the old one is signed out, everywhere."""
    house, came = house_of(request), typed(request, PasswordForm)
    wish = came.form
    if wish is None:
        return _screen(request, status=422, faults=came.faults)
    faults = {}
    try:
        passwords.check(wish.new)
    except PasswordError:
        faults["new"] = WEAK
    if wish.new != wish.again:
        faults["again"] = NOT_THE_SAME
    if faults:
        return _screen(request, status=422, faults=faults)
    ring = known(request, wish)
    if isinstance(ring, str):
        return _screen(request, status=422, faults={"password": ring})
    house.account(ring.person, Act.CHOSE_PASSWORD)
    people.change_password(house.place.page_db, ring, wish.new, house.cost)
    return RedirectResponse("/sign-in", 303)


def _asked(request: Request) -> KeyRing | str:
    wish = typed(request, KnowForm).form
    return FILL_IN if wish is None else known(request, wish)


def known(request: Request, wish: KnowForm) -> KeyRing | str:
    """What the password of whoever is signed in opens; or why it is not looked at, in words that
    are not said yet."""
    person = visitor_of(request).person
    try:
        asked = SignInForm(person=person, password=wish.password, code=wish.code)
        return looked_at(house_of(request), asked)
    except (PeopleError, KeyRefusedError) as refused:
        note_refusal(house_of(request), person, refused)
        return why_not(refused)


def is_on(request: Request) -> bool:
    """Whether a code is asked for beside their password."""
    person = visitor_of(request).person
    db = house_of(request).place.page_db
    return people.read(db, lambda c: second_factor.is_on(c, person))


def _screen(
    request: Request, *, status: int = 200, faults: object = None, why: str = ""
) -> Response:
    person, db = visitor_of(request).person, house_of(request).place.page_db
    left = people.read(db, lambda c: second_factor.recovery_codes_left(c, person))
    return render(
        request,
        "own.html",
        status=status,
        is_on=is_on(request),
        left=left,
        faults=faults or {},
        why=words_of(request).gettext(why) if why else "",
    )


def _square(request: Request, secret: Secret, *, faults: object = None) -> Response:
    house, person = house_of(request), visitor_of(request).person
    groups = [secret.base32[at : at + 4] for at in range(0, len(secret.base32), 4)]
    return render(
        request,
        "own_factor.html",
        status=422 if faults else 200,
        secret=secret.base32,
        groups=groups,
        square=square(secret.address(person, house.clinic or "CareLine")),
        faults=faults or {},
    )


def _codes(request: Request, person: str) -> Response:
    db = house_of(request).place.page_db
    fresh = people.write(db, lambda c: second_factor.new_recovery_codes(c, person))
    return render(request, "own_codes.html", codes=fresh)
