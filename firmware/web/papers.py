"""The two papers for the day when nobody is there who can: the envelope, whose code opens every
mailbox once, and the recovery paper. Who makes one is an admin, opens every mailbox, and gives the
password once more. A code and a paper are shown once, in the answer, and stand in no address; a new
paper is in force only when a word of it was typed back, as at the first run.
"""

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from babel.dates import format_date
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field

from firmware import backup_keys, envelope, people
from firmware.audit import Act
from firmware.keys import KeyPair
from firmware.people import KeyRing, PeopleError
from firmware.web.audit_book import zone_of
from firmware.web.entrance import Elsewhere, Refused, visitor_of
from firmware.web.first import ASKED_LINE, WRONG_WORD, is_word_of, sheet_of
from firmware.web.forms import typed
from firmware.web.frame import render, words_of
from firmware.web.house import House, house_of
from firmware.web.moments import dated
from firmware.web.own import KnowForm, is_on, known
from firmware.web.words import to_say
from ivr.canary import SELFTEST

router = APIRouter()

LACKING = (
    409,
    to_say("This needs somebody who opens every mailbox, and you do not."),
    to_say("Somebody who does can make it here; with the recovery paper it is made at the box."),
)
OF_THE_BOX = to_say("the mailbox of the self-test line, which is the first administrator's")

_one_at_a_time = threading.Lock()


class KeepForm(KnowForm):
    word: Annotated[str, Field(min_length=1, max_length=40, repr=False)]


@router.get("/papers")
def show(request: Request) -> Response:
    return _screen(request)


@router.post("/papers/envelope")
def make_envelope(request: Request) -> Response:
    """As `careline people envelope` does it. The answer is the sheet itself."""
    house, came = house_of(request), typed(request, KnowForm)
    if came.form is None:
        return _screen(request, faults=came.faults)
    ring = known(request, came.form)
    if isinstance(ring, str):
        return _screen(request, faults={"password": ring})
    code, now = envelope.fresh_code(), house.now()
    house.account(ring.person, Act.ENVELOPE)
    try:
        people.make_envelope(house.place.page_db, ring, code, now)
    except PeopleError as no:
        raise _lacking(house, ring, "envelope") from no
    day = format_date(now.astimezone(zone_of(house)), "long", locale=words_of(request).locale)
    return render(request, "papers_envelope.html", code=code, made=day)


@router.post("/papers/recovery")
def show_paper(request: Request) -> Response:
    """Another paper, which opens nothing yet."""
    house, visitor = house_of(request), visitor_of(request)
    if people.not_opened_by(house.place.page_db, visitor.person):
        raise Refused(*LACKING)
    return _paper(request, house.new_papers.fresh(visitor.session))


@router.post("/papers/recovery/keep")
def keep_paper(request: Request) -> Response:
    """It is in force, as `careline people new-paper` does it."""
    house, visitor, came = house_of(request), visitor_of(request), typed(request, KeepForm)
    shown = house.new_papers.shown_to(visitor.session)
    if shown is None:
        raise Elsewhere("/papers")
    faults = dict(came.faults)
    if came.form is not None and not is_word_of(came.form.word, shown):
        faults["word"] = WRONG_WORD
    if faults or came.form is None:
        return _paper(request, shown, faults)
    ring = known(request, came.form)
    if isinstance(ring, str):
        return _paper(request, shown, {"password": ring})
    house.new_papers.end(visitor.session)
    _put_in_force(house, ring, shown)
    return RedirectResponse("/papers", 303)


def _put_in_force(house: House, ring: KeyRing, shown: KeyPair) -> None:
    with _one_at_a_time:
        house.account(ring.person, Act.NEW_PAPER)
        backup_keys.expect_paper(house.place, shown)
        try:
            people.renew_paper(house.place.page_db, ring, shown.public)
        except PeopleError as no:
            raise _lacking(house, ring, "new recovery paper") from no
        backup_keys.remember_paper(house.place, shown)


def _lacking(house: House, ring: KeyRing, what: str) -> Refused:
    """A mailbox, or an older key of one, that their password does not open."""
    house.account(ring.person, Act.REFUSED, what)
    return Refused(*LACKING)


def _paper(request: Request, shown: KeyPair, faults: Mapping[str, str] | None = None) -> Response:
    return render(
        request,
        "papers_recovery.html",
        status=422 if faults else 200,
        sheet=sheet_of(house_of(request), shown),
        asked=ASKED_LINE,
        is_guarded=is_on(request),
        faults=faults or {},
    )


def _screen(request: Request, faults: Mapping[str, str] | None = None) -> Response:
    house = house_of(request)
    db = house.place.page_db
    found = people.envelope(db)
    return render(
        request,
        "papers.html",
        status=422 if faults else 200,
        found=found,
        made=_when(request, found.made) if found else "",
        opened=_when(request, found.opened) if found and found.opened else "",
        paper_made=_when(request, people.paper_made(db)),
        lacking=_lacked(request),
        is_guarded=is_on(request),
        faults=faults or {},
    )


def _lacked(request: Request) -> list[str]:
    """Mailboxes the visitor does not open, by names that a clinic knows."""
    db, words = house_of(request).place.page_db, words_of(request)
    missing = people.not_opened_by(db, visitor_of(request).person)
    return [words.gettext(OF_THE_BOX) if each == SELFTEST else each for each in missing]


def _when(request: Request, at: datetime) -> str:
    local = at.astimezone(zone_of(house_of(request)))
    return dated(local, words_of(request).locale)
