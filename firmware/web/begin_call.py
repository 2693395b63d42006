"""On the first run's last screen: a number is typed, and the box rings it by the clinic's own line.

What came of it is said there, and what is wrong with the number beside its field.
"""

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field

from firmware.control import ControlError, ask_async
from firmware.filling import Told
from firmware.mobile_call import ANSWERED_WITHIN_S, CALL_MOBILE, Became, CallMobileRequest
from firmware.told_at_first import as_dialled
from firmware.web.begin import WRONG_HERE, tried
from firmware.web.entrance import visitor_of
from firmware.web.forms import Form, typed
from firmware.web.frame import words_of
from firmware.web.house import house_of
from firmware.web.room_form import said
from firmware.web.words import to_say

router = APIRouter()

DIALLED = re.compile(r"\+?[0-9]{2,20}", re.ASCII)
BECAME: Mapping[Became, str] = {
    Became.HEARD: to_say("It was picked up, and the words were heard there. The line works."),
    Became.LEFT: to_say("It was picked up, and hung up before the words were over."),
    Became.BUSY: to_say("It was busy. Try again."),
    Became.REFUSED: to_say("The call was refused there. Try another number."),
    Became.SILENT: to_say("It rang, and nobody picked up. Try again."),
    Became.NO_WAY: to_say(
        "It did not ring: the clinic's line did not take the call. Today says whether the lines are"
        " well."
    ),
}


class MobileForm(Form):
    mobile: Annotated[str, Field(max_length=40)] = ""


@router.post("/begin/mobile")
async def call_mobile(request: Request) -> Response:
    """A telephone outside rings; this answers once that call is over."""
    form = typed(request, MobileForm).form
    mobile = form.mobile.strip() if form else ""
    number = str(as_dialled(mobile))
    if not DIALLED.fullmatch(number):
        return await tried(request, mobile=mobile, mobile_why=WRONG_HERE["mobile"])
    house, session = house_of(request), visitor_of(request).session
    wish = CallMobileRequest(number=number)
    door = house.place.control_socket
    try:
        reply = await ask_async(door, CALL_MOBILE, wish, ANSWERED_WITHIN_S, session)
    except ControlError as no:
        why = said(Told(no.why, no.cure), words_of(request))
        return await tried(request, mobile=mobile, mobile_why=why)
    became = BECAME[reply.became]
    if reply.became is Became.HEARD:
        return await tried(request, called=became)
    return await tried(request, mobile=mobile, mobile_why=became)
