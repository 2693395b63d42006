"""People who sign in: who they are and what they can open, invited, signed out and removed as the
commands do it. A code of an invitation is shown once, in the answer to who asked for it, and stands
in no address; what it opens is born in the invited person's own browser.
"""

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import segno
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup
from pydantic import Field

from firmware import people, second_factor, sessions
from firmware.audit import Act
from firmware.operations import Role
from firmware.people import PeopleError, Person
from firmware.web import moments
from firmware.web.audit_book import zone_of
from firmware.web.entrance import Refused, visitor_of
from firmware.web.forms import Form, typed
from firmware.web.frame import ROLE_NAMES, render, words_of
from firmware.web.house import house_of
from firmware.web.words import to_say
from ivr.canary import SELFTEST

router = APIRouter()

SURE = to_say("Tick that you are sure: their password opens nothing any more.")
NOBODY = to_say("Nobody here is called that.")


class InviteForm(Form):
    person: Annotated[str, Field(min_length=1, max_length=people.NAME_MOST)]
    role: Role
    sure: str = ""


class PersonForm(Form):
    person: Annotated[str, Field(min_length=1, max_length=people.NAME_MOST)]
    sure: str = ""


@router.get("/staff")
def everybody(request: Request) -> Response:
    return _screen(request)


@router.post("/staff/invite")
def invite(request: Request) -> Response:
    """The answer is the code itself: whoever loads it again asks for another."""
    house, came = house_of(request), typed(request, InviteForm)
    wish, db = came.form, house.place.page_db
    if wish is None:
        return _screen(request, status=422, faults=came.faults)
    if wish.person in people.names(db) and not wish.sure:
        return _screen(request, status=422, faults={"sure": SURE}, invited=wish)
    try:
        people.check_name(wish.person)
        house.account(visitor_of(request).person, Act.INVITED, f"{wish.person}, {wish.role}")
        code = people.invite(db, wish.person, wish.role, house.now())
    except PeopleError as no:
        return _screen(request, status=422, invited=wish, why=str(no))
    address = f"https://{request.headers.get('host', '')}/invited"
    return render(
        request,
        "staff_code.html",
        person=wish.person,
        code=code,
        address=address,
        square=square(address),
        days=people.INVITED_FOR.days,
    )


@router.post("/staff/remove")
def remove(request: Request) -> Response:
    house, came = house_of(request), typed(request, PersonForm).form
    if came is None or came.person not in _known(request):
        return _screen(request, status=422, why=words_of(request).gettext(NOBODY))
    if not came.sure:
        return _screen(request, status=422, why=words_of(request).gettext(SURE))
    try:
        house.account(visitor_of(request).person, Act.REMOVED, came.person)
        people.remove(house.place.page_db, came.person)
    except PeopleError as no:
        return _screen(request, status=422, why=str(no))
    return RedirectResponse("/staff", 303)


@router.post("/staff/sign-out")
def sign_out(request: Request) -> Response:
    """Everywhere, at once."""
    house, came = house_of(request), typed(request, PersonForm).form
    if came is None or came.person not in _known(request):
        return _screen(request, status=422, why=words_of(request).gettext(NOBODY))
    house.account(visitor_of(request).person, Act.SIGNED_OUT, came.person)
    people.write(house.place.page_db, lambda c: sessions.end_all(c, came.person))
    return RedirectResponse("/staff", 303)


@router.post("/staff/agree")
def agree(request: Request) -> Response:
    """Every mailbox has the members that the site file in force names."""
    house = house_of(request)
    plan = house.site.plan
    if plan is None:
        raise Refused(
            409,
            to_say("There is no site file in force."),
            to_say("Publish one first; then every mailbox can have its members."),
        )
    wanted = {name: mailbox.members for name, mailbox in plan.mailboxes.items()}
    try:
        house.account(visitor_of(request).person, Act.AGREED)
        people.agree(house.place.page_db, wanted)
    except PeopleError as no:
        return _screen(request, status=422, why=str(no))
    return RedirectResponse("/staff", 303)


def square(text: str) -> Markup:
    """A QR code as a picture in the page itself: nothing is asked of anybody for it."""
    drawn = io.BytesIO()
    segno.make_qr(text).save(
        drawn, kind="svg", light="#fff", xmldecl=False, svgns=False, omitsize=True, nl=False
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - segno's own drawing


def _known(request: Request) -> set[str]:
    return {each.name for each in people.everybody(house_of(request).place.page_db)}


def _screen(
    request: Request,
    *,
    status: int = 200,
    faults: Mapping[str, str] | None = None,
    invited: InviteForm | None = None,
    why: str = "",
) -> Response:
    house = house_of(request)
    db, now = house.place.page_db, house.now()
    here, zone = [_shown(each) for each in people.everybody(db)], zone_of(house_of(request))
    guarded = people.read(
        db, lambda c: {each.name for each in here if second_factor.is_on(c, each.name)}
    )
    running = people.write(db, lambda c: sessions.running(c, now))
    return render(
        request,
        "staff.html",
        status=status,
        people=here,
        until={
            each.name: moments.near(each.invited_until.astimezone(zone), words_of(request).locale)
            for each in here
            if each.invited_until
        },
        guarded=guarded,
        signed_in={each.person for each in running},
        roles={role.value: ROLE_NAMES[role] for role in Role},
        lost=_lost(here),
        missing=_missing(request, here),
        invited=invited,
        faults=faults or {},
        why=words_of(request).told(why),
    )


def _shown(person: Person) -> Person:
    """Without the self-test line's mailbox, which is the box's own."""
    own = [tuple(box for box in boxes if box != SELFTEST) for boxes in
           (person.mailboxes, person.waits_for)]  # fmt: skip
    return replace(person, mailboxes=own[0], waits_for=own[1])


def _lost(here: list[Person]) -> dict[str, list[str]]:
    """What only the recovery paper opens when somebody's password ends."""
    lost = {}
    for each in here:
        others = {box for other in here if other.name != each.name for box in other.mailboxes}
        lost[each.name] = sorted(set(each.mailboxes) - others)
    return lost


def _missing(request: Request, here: list[Person]) -> list[str]:
    """Members whom the site in force names and who are not here."""
    plan = house_of(request).site.plan
    named = {name for box in plan.mailboxes.values() for name in box.members} if plan else set()
    return sorted(named - {each.name for each in here})
