"""Telephones whose calls outside are stopped, as Asterisk keeps them: told, entered in the audit
once, and let go again by whoever may. It stops them by itself (firmware/asterisk/outside_limits.py)
and needs nobody here for it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from firmware import topics
from firmware.asterisk import stops
from firmware.asterisk.link import ActionFailed, Link, LinkDown
from firmware.asterisk.stops import Stop
from firmware.audit import Act, Audited
from firmware.control import ControlError, Door, Strict, Topic
from firmware.ledger import Moment
from firmware.operations import Asker
from firmware.store import StoreError

LOOK_S = 3.0
WHY = {
    "often": "too many calls in ten minutes",
    "failing": "too many calls to numbers that do not exist",
}
OTHERWISE = "it was stopped"
CURE = "find out who used it, then `careline outside allow {}`; 911 and calls inside go on"


class OutsideRequest(Strict):
    """Whose calls outside are stopped?"""

    ask: Literal["outside"] = "outside"


class StopNow(Strict):
    phone: str
    why: str
    since: datetime


class OutsideReply(Strict):
    stops: tuple[StopNow, ...]


class AllowRequest(Strict):
    """Let a telephone call outside again."""

    ask: Literal["allow outside"] = "allow outside"
    phone: str = Field(pattern=r"^[0-9]{1,20}$")


class AllowReply(Strict):
    """Done."""


OUTSIDE = Topic(OutsideRequest, OutsideReply)
ALLOW = Topic(AllowRequest, AllowReply)


def parts_of(found: Sequence[Stop]) -> tuple[topics.Part, ...]:
    """For the status: one for each telephone that is stopped."""
    return tuple(
        topics.Part(
            name=f"calls outside of {stop.phone}",
            state="alarm",
            detail=f"stopped: {WHY.get(stop.why, OTHERWISE)}",
            cure=CURE.format(stop.phone),
        )
        for stop in found
    )


class OutsideDesk:
    """Those of one running exchange."""

    def __init__(
        self,
        *,
        link: Link,
        promise: Callable[[Audited], Coroutine[Any, Any, None]],
        look_s: float = LOOK_S,
    ) -> None:
        self._link, self._promise, self._look_s = link, promise, look_s
        self._stops: list[Stop] = []
        self._one_at_a_time = asyncio.Lock()  # what is let go is not marked as told behind that

    def answer_at(self, door: Door) -> None:
        door.answer(OUTSIDE, self._shown)
        door.answer_to(ALLOW, self._allow)

    def parts(self) -> tuple[topics.Part, ...]:
        return parts_of(self._stops)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            # That there is no Asterisk, or no room for the audit, is told by itself.
            with suppress(ActionFailed, LinkDown, StoreError):
                async with self._one_at_a_time:
                    await self._look()
            await asyncio.sleep(self._look_s)

    async def _look(self) -> None:
        self._stops = stops.stops(await self._link.ask(*stops.ASKED))
        for stop in self._stops:
            if not stop.is_told:
                about = f"{stop.phone}: {WHY.get(stop.why, OTHERWISE)}"
                await self._promise(Audited("exchange", Act.STOPPED_PHONE, about, Moment.now()))
                await self._link.send(*stops.told(stop))

    async def _shown(self, _request: OutsideRequest) -> OutsideReply:
        found = await self._read()
        return OutsideReply(
            stops=tuple(
                StopNow(
                    phone=stop.phone,
                    why=WHY.get(stop.why, OTHERWISE),
                    since=datetime.fromtimestamp(stop.at, UTC),
                )
                for stop in found
            )
        )

    async def _allow(self, wish: AllowRequest, asker: Asker) -> AllowReply:
        async with self._one_at_a_time:
            return await self._let_go(wish, asker)

    async def _let_go(self, wish: AllowRequest, asker: Asker) -> AllowReply:
        stop = next((one for one in await self._read() if one.phone == wish.phone), None)
        if stop is None:
            raise ControlError("that telephone is not stopped", "see `careline outside`")
        try:
            about = asker.told_of(wish.phone)
            await self._promise(Audited(asker.name, Act.ALLOWED_PHONE, about, Moment.now()))
            await self._link.send(*stops.lifted(stop))
        except StoreError as refused:
            cure = "make room on the disk"
            raise ControlError(f"it cannot be entered: {refused}", cure) from refused
        except (ActionFailed, LinkDown) as refused:
            raise _unread(refused) from refused
        await self._read()
        return AllowReply()

    async def _read(self) -> list[Stop]:
        try:
            self._stops = stops.stops(await self._link.ask(*stops.ASKED))
        except (ActionFailed, LinkDown) as refused:
            raise _unread(refused) from refused
        return self._stops


def _unread(refused: Exception) -> ControlError:
    return ControlError(f"the telephone switch does not answer: {refused}", "see `careline status`")
