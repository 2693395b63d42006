"""Who is blocked at the telephones' ports, on the page: since when, until when and why, and let in
again by a press. `careline root` does it and enters it; who asked for it is entered here.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import structlog
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from pydantic import Field, IPvAnyAddress

from firmware import root
from firmware.audit import Act
from firmware.guard_acts import BlockTold, GuardTold, UnblockAddress
from firmware.root import RootError
from firmware.web.entrance import Refused, visitor_of
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.moments import dated
from firmware.web.words import to_say

router = APIRouter()

log = structlog.get_logger(__name__)

NO_ADDRESS = (422, to_say("This is no form."), to_say("Use the page's own forms."))
NOT_DONE = (
    409,
    to_say("The block could not be taken away."),
    to_say("The part of the box that does it may be starting: wait a minute, and try again."),
)


class AddressForm(Form):
    address: Annotated[IPvAnyAddress, Field()]


@dataclass(frozen=True, slots=True)
class Line:
    """A block as it is listed, by the clinic's clock."""

    address: str
    since: str
    until: str
    why: str


@router.get("/guard")
async def show(request: Request) -> Response:
    told = await _told(request)
    lines = [_line(request, one) for one in told.blocks] if told else []
    return render(request, "guard.html", told=told, lines=lines)


@router.post("/guard/unblock")
async def unblock(request: Request) -> Response:
    house, form = house_of(request), typed(request, AddressForm).form
    if form is None:
        raise Refused(*NO_ADDRESS)
    who = visitor_of(request).person
    about = f"the block of {form.address} taken away"
    await run_in_threadpool(house.account, who, Act.ASKED, about)
    try:
        await root.ask(house.place.root_socket, UnblockAddress(address=form.address))
    except (RootError, TimeoutError, ValueError) as no:
        log.warning("the block was not taken away", why=str(no) or type(no).__name__)
        raise Refused(*NOT_DONE) from no
    return RedirectResponse("/guard", 303)


async def _told(request: Request) -> GuardTold | None:
    """None: root does not answer, or its machine says nothing."""
    try:
        async with asyncio.timeout(root.ACT_WITHIN_S):
            return await root.guard_of(house_of(request).place.root_socket)
    except (RootError, TimeoutError, ValueError) as no:
        log.warning("the guard cannot be looked at", why=str(no) or type(no).__name__)
        return None


def _line(request: Request, one: BlockTold) -> Line:
    until = datetime.now(UTC) + timedelta(seconds=one.left_s)
    since = until - timedelta(seconds=one.for_s)
    return Line(
        address=str(one.address),
        since=_when(request, since),
        until=_when(request, until),
        why=words_of(request).told(one.why),
    )


def _when(request: Request, at: datetime) -> str:
    plan = house_of(request).site.plan
    local = at.astimezone(ZoneInfo(plan.timezone) if plan else UTC)
    return dated(local, words_of(request).locale)
