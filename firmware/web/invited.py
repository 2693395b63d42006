"""Whoever was invited comes with their name and the code, and chooses a password: now their keys
are born, in this process, and lie sealed under it."""

import threading
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field
from sqlalchemy import Connection

from firmware import failures, passwords, people
from firmware.audit import Act
from firmware.people import PeopleError
from firmware.web.entrance import Elsewhere, Refused
from firmware.web.first import unfit
from firmware.web.forms import Form, typed
from firmware.web.frame import render
from firmware.web.house import house_of
from firmware.web.sign_in import TOO_SOON
from firmware.web.words import to_say

router = APIRouter()

WAY = "invitation by page"
WRONG = to_say("Name and code do not belong together, or the code has expired.")

_one_at_a_time = threading.Lock()


class InvitedForm(Form):
    person: Annotated[str, Field(min_length=1, max_length=people.NAME_MOST)]
    code: Annotated[str, Field(min_length=1, max_length=40, repr=False)]
    password: Annotated[str, Field(min_length=1, max_length=passwords.MOST, repr=False)]
    again: Annotated[str, Field(min_length=1, max_length=passwords.MOST, repr=False)]


@router.get("/invited")
def ask(request: Request) -> Response:
    if not people.is_set_up(house_of(request).place.page_db):
        raise Elsewhere("/first")
    return render(request, "invited.html", faults={}, person="", why="")


@router.post("/invited")
def accept(request: Request) -> Response:
    house, came = house_of(request), typed(request, InvitedForm)
    db, now = house.place.page_db, house.now()
    wish = came.form
    if wish is None:
        return _again(request, "", came.faults)
    if not people.is_set_up(db):
        raise Elsewhere("/first")
    wish = wish.model_copy(update={"person": people.known_as(db, wish.person)})

    def counted(connection: Connection) -> bool:
        return bool(failures.count(connection, wish.person, WAY, now))

    if people.write(db, counted):
        return _again(request, wish.person, {}, TOO_SOON)
    try:
        people.check_invitation(db, wish.person, wish.code, now)
    except PeopleError:
        return _again(request, wish.person, {}, WRONG)
    people.write(db, lambda c: failures.forget(c, wish.person, WAY))
    if faults := unfit(wish.person, wish.password, wish.again):
        return _again(request, wish.person, faults)
    if not _one_at_a_time.acquire(timeout=10):
        raise Refused(503, to_say("The box is busy."), to_say("Try again in a few seconds."))
    try:
        people.check_invitation(db, wish.person, wish.code, now)
        house.account(wish.person, Act.CHOSE_PASSWORD)
        people.accept(db, wish.person, wish.code, wish.password, now, house.cost)
    except PeopleError:
        raise Elsewhere("/sign-in") from None  # pressed twice: the code served a moment ago
    finally:
        _one_at_a_time.release()
    return RedirectResponse("/sign-in", 303)


def _again(request: Request, person: str, faults: object, why: str = "") -> Response:
    return render(request, "invited.html", status=422, faults=faults, person=person, why=why)
