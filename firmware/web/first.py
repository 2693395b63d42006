"""The first visit: the one-time code, the recovery paper, the clinic's first admin, in this order.

The paper comes first, for a paper without its keys is waste paper, and keys without a paper are a
trap: nobody goes on who has not typed a word of it back.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field

from firmware import audit, backup_keys, paper, passwords, people, told_at_first
from firmware.audit import Act
from firmware.keys import KeyPair
from firmware.machine import MachineKey
from firmware.passwords import PasswordError
from firmware.people import PeopleError
from firmware.web.entrance import FIRST_COOKIE, Elsewhere, forget, remember
from firmware.web.first_visit import Visit
from firmware.web.forms import Form, typed
from firmware.web.frame import render
from firmware.web.house import House, house_of
from firmware.web.sign_in import HURRY_TOLD_EVERY
from firmware.web.words import to_say

router = APIRouter()
log = structlog.get_logger(__name__)

# Of this line of the paper the check word is asked for.
ASKED_LINE = 3
WRONG_CODE = to_say("This is not the code. Type it as it is shown where the box was started.")
NO_CODE = to_say(
    "There is no code any more. Start the page again at the box, and it shows another."
)
WRONG_WORD = to_say("This is not the word at the end of that line. Look at your paper again.")
NOT_THE_SAME = to_say("The two are not the same. Type the password twice.")
WEAK = to_say(
    "Choose another password of at least 8 characters; four words in a row are good and easily kept"
    " in mind."
)
NO_NAME = to_say("Give a name of letters, without spaces at either end.")

_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on a recovery paper."""

    lines: Sequence[Sequence[str]] = field(repr=False)  # digits and check word
    box_key: tuple[str, str]
    made: datetime


class CodeForm(Form):
    code: Annotated[str, Field(min_length=1, max_length=40, repr=False)]


class PaperForm(Form):
    word: Annotated[str, Field(min_length=1, max_length=40, repr=False)]


class AdminForm(Form):
    person: Annotated[str, Field(min_length=1, max_length=people.NAME_MOST)]
    password: Annotated[str, Field(min_length=1, max_length=passwords.MOST, repr=False)]
    again: Annotated[str, Field(min_length=1, max_length=passwords.MOST, repr=False)]


@router.get("/first")
def ask(request: Request) -> Response:
    _refuse_if_set_up(request)
    return render(request, "first.html", why="", is_open=house_of(request).first.is_open)


@router.post("/first")
def begin(request: Request) -> Response:
    _refuse_if_set_up(request)
    house, came = house_of(request), typed(request, CodeForm).form
    visit = house.first.begin(came.code) if came else None
    if visit is None:
        is_open = house.first.is_open
        _tell_of_a_wrong_code(house)
        why = WRONG_CODE if is_open else NO_CODE
        return render(request, "first.html", status=403, why=why, is_open=is_open)
    answer = RedirectResponse("/first/paper", 303)
    remember(answer, FIRST_COOKIE, visit)
    return answer


@router.get("/first/paper")
def show_paper(request: Request) -> Response:
    return _paper(request, _visit(request))


@router.post("/first/paper")
def check_paper(request: Request) -> Response:
    visit, came = _visit(request), typed(request, PaperForm).form
    if came is None or not is_word_of(came.word, visit.paper):
        return _paper(request, visit, status=422, why=WRONG_WORD)
    visit.has_paper = True
    return RedirectResponse("/first/admin", 303)


@router.get("/first/admin")
def ask_admin(request: Request) -> Response:
    if not _visit(request).has_paper:
        raise Elsewhere("/first/paper")
    return render(request, "first_admin.html", faults={}, person="")


@router.post("/first/admin")
def set_up(request: Request) -> Response:
    house, visit, came = house_of(request), _visit(request), typed(request, AdminForm)
    if not visit.has_paper:
        raise Elsewhere("/first/paper")
    faults, person = dict(came.faults), came.form.person if came.form else ""
    if came.form is not None:
        faults |= unfit(came.form.person, came.form.password, came.form.again)
    if faults or came.form is None:
        return render(request, "first_admin.html", status=422, faults=faults, person=person)
    with _one_at_a_time:
        _refuse_if_set_up(request)  # pressed twice, or set up at the box's shell meanwhile
        _make(house, visit, came.form)
    answer = RedirectResponse("/sign-in", 303)
    forget(answer, FIRST_COOKIE)
    return answer


def _tell_of_a_wrong_code(house: House) -> None:
    """Once a minute: whoever types on and on must not fill the log."""
    now, before = house.now(), house.too_soon.get(WRONG_CODE)
    if before is None or abs(now - before) >= HURRY_TOLD_EVERY:
        house.too_soon[WRONG_CODE] = now
        log.warning("a wrong one-time code was typed")


def unfit(person: str, password: str, again: str) -> dict[str, str]:
    """What is wrong with a name and a password that somebody chooses, beside each field."""
    faults = {}
    try:
        people.check_name(person)
    except PeopleError:
        faults["person"] = NO_NAME
    try:
        passwords.check(password)
    except PasswordError:
        faults["password"] = WEAK
    if password != again:
        faults["again"] = NOT_THE_SAME
    return faults


def _make(house: House, visit: Visit, wish: AdminForm) -> None:
    """As `careline setup` does it."""
    place, plan = house.place, house.site.plan
    mailboxes = tuple(plan.mailboxes) if plan else ()
    backup_keys.expect_paper(place, visit.paper)
    people.set_up(
        place.page_db, visit.paper.public, wish.person, wish.password, mailboxes, house.cost
    )
    backup_keys.remember_paper(place, visit.paper)
    told_at_first.keep(place, told_at_first.Told())
    house.first.end()
    house.account(wish.person, Act.SET_UP)


def _paper(request: Request, visit: Visit, *, status: int = 200, why: str = "") -> Response:
    shown = sheet_of(house_of(request), visit.paper)
    return render(
        request, "first_paper.html", status=status, sheet=shown, asked=ASKED_LINE, why=why
    )


def sheet_of(house: House, shown: KeyPair) -> Sheet:
    """A recovery paper as it is printed."""
    key = audit.signer(MachineKey.at(house.place.machine_key)).public_key().public_bytes_raw()
    lines = [line.rsplit("  ", 1) for line in paper.written(shown)]
    return Sheet(lines, (key[:16].hex(" ", 2), key[16:].hex(" ", 2)), house.now())


def is_word_of(typed: str, shown: KeyPair) -> bool:
    """Whether somebody read the check word of the line that is asked for from this paper."""
    return typed.lower() == paper.written(shown)[ASKED_LINE - 1].split()[-1]


def _visit(request: Request) -> Visit:
    """Of the browser that brought the code."""
    _refuse_if_set_up(request)
    visit = house_of(request).first.visit(request.cookies.get(FIRST_COOKIE, ""))
    if visit is None:
        raise Elsewhere("/first")
    return visit


def _refuse_if_set_up(request: Request) -> None:
    if people.is_set_up(house_of(request).place.page_db):
        raise Elsewhere("/sign-in")
