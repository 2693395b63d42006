"""`careline call`: a call placed by the rehearsal's telephone company, asked for over a socket.

The telephone company lives in the runner's process, so the runner answers at a socket of its own.
On a box there is no telephone company but the real one, and nothing answers here.
"""

import asyncio
from pathlib import Path
from typing import Literal

from pydantic import Field

from firmware.asterisk.telco import Codec, Keys, LiveCall, Telco
from firmware.control import ControlError, Door, Strict, Topic
from ivr.plan import Plan

KEY_EVERY_S = 2.0
ANSWERED_WITHIN_S = 10.0
LONGEST_S = 600.0


class CallRequest(Strict):
    """Dial a line, press keys (a comma waits two seconds), say a file, hang up after a while."""

    ask: Literal["call"] = "call"
    to: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    press: str = Field(default="", pattern=r"^[0-9*#A-D,]{0,64}$")
    say: str | None = None  # a WAV file, 8 kHz mono 16 bit
    keys: Keys = Keys.RFC4733
    codec: Codec = Codec.ULAW
    wait_s: float = Field(default=15.0, ge=0, le=LONGEST_S)


class CallReply(Strict):
    """What there is to listen to, and whether the clinic or the caller hung up."""

    heard: str
    said: str
    ended_by: Literal["clinic", "caller"]


CALL = Topic(CallRequest, CallReply)


def answer_on(door: Door, telco: Telco, plan: Plan) -> None:
    """Place calls for whoever asks at this door."""

    async def place(request: CallRequest) -> CallReply:
        number = dialled(plan, request.to)
        call = await telco.call(number, codec=request.codec, keys=request.keys)
        try:
            return await _live_through(call, request)
        finally:
            await call.hang_up()

    door.answer(CALL, place)


def dialled(plan: Plan, name: str) -> str:
    """The number of a line that this telephone company has."""
    by_trunk = [each for each, line in plan.lines.items() if not line.modem]
    cure = f"call one of {', '.join(by_trunk)}"
    line = plan.lines.get(name)
    if line is None:
        raise ControlError(f"the site has no line {name!r}", cure)
    if line.modem:
        why = f"{name!r} comes by a modem, and the telephone company here has no mobile network"
        raise ControlError(why, cure)
    return line.numbers[0]


async def _live_through(call: LiveCall, request: CallRequest) -> CallReply:
    try:
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            await asyncio.shield(call.answered)
    except TimeoutError:
        raise ControlError("the clinic did not answer", "see `careline status`") from None
    doing = asyncio.create_task(_do(call, request))
    call.ended.add_done_callback(lambda _ended: doing.cancel())
    await asyncio.wait({doing})
    by_clinic = call.ended.done()
    await call.hang_up()
    return CallReply(
        heard=str(call.heard), said=str(call.said), ended_by="clinic" if by_clinic else "caller"
    )


async def _do(call: LiveCall, request: CallRequest) -> None:
    """What the caller does, and then listens for a while."""
    for key in request.press:
        await asyncio.sleep(KEY_EVERY_S)
        if key != ",":
            await call.press(key)
    if request.say is not None:
        await asyncio.sleep(KEY_EVERY_S)
        await call.say(Path(request.say))
    await asyncio.sleep(request.wait_s)
