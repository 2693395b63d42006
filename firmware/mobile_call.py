"""A test call to a mobile: the clinic's own line rings a number that somebody gives, and whoever
picks up hears in a few words that it works.

It is no call of the clinic's: no caller, queue or figure knows of it. The number goes to Asterisk
and nowhere else; it is dialled by the clinic's dial rules, so never an emergency number, and never
one that costs whoever calls it more. There is one at a time, and a few in ten minutes. An emergency
call takes its line as it takes any other's.
"""

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Literal

import structlog
from pydantic import Field

from firmware.asterisk.link import ActionFailed, Link, LinkDown
from firmware.asterisk.translate import Translator
from firmware.audit import Act, Audited
from firmware.backlog import Backlog
from firmware.clips import Clips
from firmware.control import ControlError, Door, Strict, Topic
from firmware.ledger import Moment
from firmware.legs import Legs
from firmware.operations import Asker
from firmware.store import StoreError
from ivr import events, outside
from ivr.events import Refusal
from ivr.plan import Plan
from routing_core import media as engine
from routing_core.media import Clip, Media

RING_S = 30.0
WORDS_S = 30.0  # both times they are said, and the answer's way
ANSWERED_WITHIN_S = RING_S + WORDS_S
CALLS_MOST, CALLS_WITHIN_S = 4, 600.0
WORDS, INSTEAD = "test-call", "selftest"  # a box that was updated since has rendered no new words
LANGUAGE = "en"  # the product's own words, where the clinic's language has none
PAUSE = 10  # silences of a tenth of a second: a mobile's first moment is lost
SAID_TAG = 0

NO_RULE = ControlError(
    "no line of the clinic can carry this call: no dial rule leads to this number",
    "a technician adds one under People and phones, Dialling out",
)
EMERGENCY = ControlError("an emergency number is called by people only", "give a mobile's number")
INSIDE = ControlError("this is a telephone or a number of the clinic", "give a mobile's number")
PREMIUM = ControlError("this number costs whoever calls it more", "give a mobile's number")

log = structlog.get_logger(__name__)


class Became(StrEnum):
    """What came of the call."""

    HEARD = "heard"  # picked up, and all was said
    LEFT = "left"  # picked up, and hung up before
    BUSY = "busy"
    REFUSED = "refused"
    SILENT = "silent"
    NO_WAY = "no way"  # it never rang: the line or the network did not take it


class CallMobileRequest(Strict):
    """Ring this number outside and say a few words there."""

    ask: Literal["call mobile"] = "call mobile"
    number: str = Field(pattern=r"^\+?[0-9]{2,20}$", repr=False)


class CallMobileReply(Strict):
    """What came of it; it is over."""

    became: Became


CALL_MOBILE = Topic(CallMobileRequest, CallMobileReply)

OF = {
    Refusal.BUSY: Became.BUSY,
    Refusal.REFUSED: Became.REFUSED,
    Refusal.SILENT: Became.SILENT,
    Refusal.UNREACHABLE: Became.NO_WAY,
    Refusal.WITHDRAWN: Became.SILENT,
}


def refuse_what_is_not_called(plan: Plan, number: str) -> None:
    """ControlError: why this number gets no test call."""
    if outside.is_premium(number):
        raise PREMIUM
    try:
        outside.way_to(plan, number)
    except outside.EmergencyError:
        raise EMERGENCY from None
    except outside.NoWayOutError:
        raise NO_RULE from None
    if outside.why_not(plan, number) is not None:
        raise INSIDE


class _Mobile:
    """Who is rung, from the first ring to the end."""

    def __init__(self, say: Callable[[int], None]) -> None:
        self.uuid = str(uuid.uuid4())
        self.handle: int | None = None
        self._say = say
        self.is_over: asyncio.Future[Became] = asyncio.get_running_loop().create_future()

    def came(self, handle: int) -> None:
        self.handle = handle
        self._say(handle)

    def left(self) -> None:
        self.end(Became.LEFT)

    def end(self, became: Became) -> None:
        if not self.is_over.done():
            self.is_over.set_result(became)


class MobileCall:
    """The topic of one running exchange."""

    def __init__(
        self,
        *,
        plan: Callable[[], Plan],
        media: Media,
        legs: Legs,
        link: Link,
        translator: Translator,
        backlog: Backlog,
        clips: Callable[[], Clips],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan, self._media, self._legs, self._link = plan, media, legs, link
        self._translator, self._backlog, self._clips, self._clock = (
            translator,
            backlog,
            clips,
            clock,
        )
        self._mobile: _Mobile | None = None
        self._lately: deque[float] = deque(maxlen=CALLS_MOST)

    def answer_at(self, door: Door) -> None:
        door.answer_to(CALL_MOBILE, self._call)

    def heard(self, fact: engine.Event) -> None:
        """Of a leg that is no call's."""
        match fact, self._mobile:
            case engine.Played(call=handle), _Mobile() as mobile if handle == mobile.handle:
                mobile.end(Became.HEARD)

    def ended(self, event: events.Event) -> bool:
        """Whether this fact is of the test call, and of nothing else."""
        match event, self._mobile:
            case events.CallOutEnded(call=call, reason=why), _Mobile() as mobile if (
                call == mobile.uuid
            ):
                mobile.end(OF[why])
                return True
            case _:
                return False

    async def _call(self, wish: CallMobileRequest, asker: Asker) -> CallMobileReply:
        refuse_what_is_not_called(self._plan(), wish.number)
        self._refuse_too_many()
        mobile = self._mobile = _Mobile(self._say)
        try:
            await self._enter(asker)
            self._lately.append(self._clock())
            self._legs.test(mobile)
            return CallMobileReply(became=await self._live(mobile, wish.number))
        finally:
            self._legs.test_over(mobile)
            if mobile.handle is not None:
                self._media.close(mobile.handle)
            self._mobile = None

    def _refuse_too_many(self) -> None:
        if self._mobile is not None:
            raise ControlError("a mobile is being called already", "wait until that call is over")
        is_full = len(self._lately) == CALLS_MOST
        if is_full and self._clock() - self._lately[0] < CALLS_WITHIN_S:
            raise ControlError(
                "too many test calls were placed in a short time", "wait for ten minutes"
            )

    async def _enter(self, asker: Asker) -> None:
        """The number is nobody's to read afterwards."""
        about = asker.told_of("a mobile")
        try:
            await self._backlog.promise(Audited(asker.name, Act.TEST_CALL, about, Moment.now()))
        except StoreError as refused:
            raise ControlError(
                f"nobody is called: it cannot be entered: {refused}", "make room on the disk"
            ) from refused

    async def _live(self, mobile: _Mobile, number: str) -> Became:
        started_ms = round(time.time() * 1000)
        order = self._translator.test_outside(number, mobile.uuid, RING_S, started_ms)
        try:
            await self._link.send(*order)
            async with asyncio.timeout(RING_S + WORDS_S / 2):
                return await mobile.is_over
        except (ActionFailed, LinkDown) as refused:
            log.warning("a mobile could not be rung", kind=type(refused).__name__)
            return Became.NO_WAY
        except TimeoutError:
            return Became.SILENT
        finally:
            self._translator.over(mobile.uuid)

    def _say(self, handle: int) -> None:
        self._media.play(handle, self._said(), tag=SAID_TAG)

    def _said(self) -> list[Clip]:
        """The words twice, for whoever holds it to the ear late."""
        clips = self._clips()
        name = WORDS if clips.has(LANGUAGE, WORDS) else INSTEAD
        once = [*[clips.silence] * PAUSE, *clips.find(LANGUAGE, (name,))]
        return once * 2
