"""The self-test: the exchange calls its own self-test line, over real SIP, and presses keys.

The caller is a leg in our own engine, the callee the canary's little clinic (`ivr.canary`).
Nobody's telephone rings, and no number can be dialled but the line's own.
"""

import asyncio
import uuid
from typing import Literal

from pydantic import Field

from firmware.asterisk.link import ActionFailed, Link, LinkDown
from firmware.asterisk.translate import Translator
from firmware.control import ControlError, Strict, Topic
from firmware.legs import Legs
from routing_core import audio
from routing_core.media import Media

KEY_EVERY_S = 2.0
KEY_MS = 100
HUM_HZ, HUM_DBM0 = 400.0, -20.0
THROUGH_WITHIN_S = 10.0
LONGEST_S = 60.0
SELFTEST_KEYS = 16
KEY_TAG = 0


class SelfTestRequest(Strict):
    """Call the self-test line; a comma between keys waits two seconds."""

    ask: Literal["selftest"] = "selftest"
    press: str = Field(default="", pattern=rf"^[0-9*#A-D,]{{0,{SELFTEST_KEYS}}}$")
    wait_s: float = Field(default=10.0, ge=0, le=LONGEST_S)


class SelfTestReply(Strict):
    """Who ended the call."""

    ended_by: Literal["clinic", "caller"]


SELFTEST_CALL = Topic(SelfTestRequest, SelfTestReply)


class _Caller:
    """The leg that calls."""

    def __init__(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        self.uuid = name
        self.handle: int | None = None
        self.is_through: asyncio.Future[int] = loop.create_future()
        self.is_over: asyncio.Future[None] = loop.create_future()

    def came(self, handle: int) -> None:
        self.handle = handle
        if not self.is_through.done():
            self.is_through.set_result(handle)

    def left(self) -> None:
        self.is_over.set_result(None)


class SelfTest:
    """Places such calls, one at a time."""

    def __init__(self, media: Media, legs: Legs, link: Link, translator: Translator) -> None:
        self._media = media
        self._legs = legs
        self._link = link
        self._translator = translator
        self._one_at_a_time = asyncio.Lock()
        self._hum = media.load(audio.tone(HUM_HZ, dbm0=HUM_DBM0, ms=1000))
        self._keys = {key: media.load(audio.digit(key, ms=KEY_MS)) for key in "0123456789*#ABCD"}

    async def call(self, request: SelfTestRequest) -> SelfTestReply:
        """One call, from dialling to its end."""
        async with self._one_at_a_time:
            tester = _Caller(str(uuid.uuid4()))
            self._legs.test(tester)
            try:
                async with asyncio.timeout(THROUGH_WITHIN_S):
                    await self._link.send(*self._translator.test(tester.uuid))
                    handle = await tester.is_through
            except (ActionFailed, LinkDown, TimeoutError) as fault:
                self._legs.test_over(tester)
                raise ControlError(
                    "the self-test line does not answer", "see `careline status` and its log"
                ) from fault
            doing = asyncio.create_task(self._do(handle, request))
            tester.is_over.add_done_callback(lambda _over: doing.cancel())
            await asyncio.wait({doing})
            by_clinic = tester.is_over.done()
            self._media.close(handle)
            return SelfTestReply(ended_by="clinic" if by_clinic else "caller")

    async def _do(self, handle: int, request: SelfTestRequest) -> None:
        """Press keys, and hum between them: a message in which nothing is said is not kept."""
        self._media.music(handle, self._hum)
        for key in request.press:
            await asyncio.sleep(KEY_EVERY_S)
            if key != ",":
                self._media.play(handle, [self._keys[key]], tag=KEY_TAG)
        await asyncio.sleep(request.wait_s)
