"""Programs that ask for somebody: each person makes and takes away their own tokens here, and an
administrator sees and takes away everybody's. A token is shown in the answer that made it, and
never again; making one and taking one away is entered, by its number.
"""

from dataclasses import dataclass
from datetime import UTC
from typing import Annotated
from zoneinfo import ZoneInfo

from babel.dates import format_date
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AfterValidator, Field

from firmware import people, tokens
from firmware.audit import Act
from firmware.operations import Operation
from firmware.tokens import Token, TooManyError
from firmware.web.entrance import Refused, visitor_of
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.moments import dated
from firmware.web.visitors import Visitor
from firmware.web.words import to_say

router = APIRouter()

TOO_MANY = to_say("You have as many tokens as one person may. Take one away first.")
NO_SUCH = (
    404,
    to_say("There is no such token, or it is somebody else's."),
    to_say("Go back, load the page again."),
)


def one_line(name: str) -> str:
    if not name.isprintable():
        raise ValueError("not one line")
    return name


@dataclass(frozen=True, slots=True)
class Line:
    """A token as it is listed."""

    token: Token
    used: str
    until: str
    tone: str  # an alarm: it is over; a warning: it soon will be


class TokenForm(Form):
    name: Annotated[str, Field(min_length=1, max_length=tokens.NAME_MOST), AfterValidator(one_line)]


class EndForm(Form):
    number: Annotated[int, Field(ge=1, le=2**62)]


@router.get("/programs")
def shown(request: Request) -> Response:
    return _page(request)


@router.post("/programs")
def make(request: Request) -> Response:
    house, visitor, came = house_of(request), visitor_of(request), typed(request, TokenForm)
    if came.form is None:
        return _page(request, status=422, faults=came.faults)
    name, now = came.form.name, house.now()
    try:
        number, token = people.write(
            house.place.page_db, lambda c: tokens.make(c, visitor.person, name, now)
        )
    except TooManyError:
        return _page(request, status=409, faults={"name": TOO_MANY})
    try:
        house.account(visitor.person, Act.MADE_TOKEN, str(number))
    except BaseException:  # nobody has seen it, and nobody shall
        people.write(house.place.page_db, lambda c: tokens.end(c, number))
        raise
    return _page(request, fresh=token, name=name)


@router.post("/programs/end")
def end(request: Request) -> Response:
    house, visitor, wish = house_of(request), visitor_of(request), typed(request, EndForm).form
    there = {each.number for each in _seen_by(request, visitor)}
    if wish is None or wish.number not in there:
        raise Refused(*NO_SUCH)
    number = wish.number
    house.account(visitor.person, Act.ENDED_TOKEN, str(number))
    people.write(house.place.page_db, lambda c: tokens.end(c, number))
    return RedirectResponse("/programs", 303)


def _seen_by(request: Request, visitor: Visitor) -> list[Token]:
    db = house_of(request).place.page_db
    if visitor.may(Operation.PEOPLE):
        return people.read(db, tokens.every)
    return people.read(db, lambda c: tokens.of(c, visitor.person))


def _line(each: Token, request: Request) -> Line:
    """By the clinic's clock."""
    house, words = house_of(request), words_of(request)
    plan, now = house.site.plan, house.now()
    zone = ZoneInfo(plan.timezone) if plan else UTC
    used = words.gettext(to_say("never"))
    if each.used is not None:
        used = dated(each.used.astimezone(zone), words.locale)
    until = format_date(each.good_until.astimezone(zone).date(), "medium", locale=words.locale)
    if now >= each.good_until:
        return Line(each, used, words.say("no longer since %(day)s", day=until), "alarm")
    if now >= each.good_until - tokens.TOLD_BEFORE:
        return Line(each, used, words.say("only until %(day)s", day=until), "warning")
    return Line(each, used, until, "")


def _page(
    request: Request,
    *,
    status: int = 200,
    faults: object = None,
    fresh: str = "",
    name: str = "",
) -> Response:
    visitor = visitor_of(request)
    return render(
        request,
        "programs.html",
        status=status,
        there=[_line(each, request) for each in _seen_by(request, visitor)],
        of_all=visitor.may(Operation.PEOPLE),
        faults=faults or {},
        fresh=fresh,
        name=name,
        address=f"https://{request.headers.get('host', 'careline.local')}",
    )
