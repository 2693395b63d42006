"""Calling back with one click, from any screen that shows a call: the visitor's own telephone
rings, and once picked up dials whoever called. The exchange decides (firmware/calling_out.py).

Which telephone is whose is asked once, beside the first click, and kept with the person. A screen
takes the form from templates/call_back.html and gives it `telephones(request)`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import Field

from firmware import people
from firmware.calling_out import CALL_OUT, CallOutRequest
from firmware.operations import Operation
from firmware.web import choices
from firmware.web.asking import ask_for
from firmware.web.entrance import Refused, visitor_of
from firmware.web.forms import Form, typed
from firmware.web.frame import render
from firmware.web.house import house_of
from firmware.web.words import to_say

router = APIRouter()

PATH = re.compile(r"/[a-z0-9/-]{1,120}")  # of our own screens


class CallBackForm(Form):
    call: Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]
    phone: Annotated[str, Field(pattern=r"^[0-9]{2,6}$")]
    back: Annotated[str, Field(max_length=121)] = "/calls"


@dataclass(frozen=True, slots=True)
class Telephones:
    """Those of the clinic, and the visitor's own: empty, if it is not known yet or is gone."""

    all: Mapping[str, str]  # extension -> name
    own: str
    may_call: bool


def telephones(request: Request) -> Telephones:
    """What the form needs; to be asked in a thread."""
    house, visitor = house_of(request), visitor_of(request)
    plan = house.site.plan
    known = {phone.extension: phone.name for phone in plan.phones.values()} if plan else {}
    own = people.read(house.place.page_db, lambda c: choices.phone_of(c, visitor.person))
    return Telephones(known, own if own in known else "", visitor.may(Operation.SETTLE))


@router.post("/call-back")
async def call_back(request: Request) -> Response:
    wish = typed(request, CallBackForm).form
    if wish is None:
        raise Refused(422, to_say("Which telephone?"), to_say("Choose the one where you sit."))
    await ask_for(request, CALL_OUT, CallOutRequest(call=wish.call, phone=wish.phone))
    await run_in_threadpool(keep, request, wish.phone)
    # Never another host's: `//` would be one.
    is_ours = PATH.fullmatch(wish.back) and not wish.back.startswith("//")
    back = wish.back if is_ours else "/calls"
    return render(request, "called_back.html", phone=wish.phone, goes_back=back)


def keep(request: Request, phone: str) -> None:
    """This is the visitor's own."""
    house, person = house_of(request), visitor_of(request).person
    own = people.read(house.place.page_db, lambda c: choices.phone_of(c, person))
    if own != phone:
        people.write(house.place.page_db, lambda c: choices.choose_phone(c, person, phone))
