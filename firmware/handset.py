"""A headset or handset at the box: a telephone of the clinic rings for it, and its microphone and
loudspeaker are one end of the talk.

The program that was started at the console has the devices and one leg of AudioSocket, which
Asterisk opens to a port of its own on loopback; the running exchange is asked for the ringing
alone, enters it in the audit, and carries nothing of the talk. The telephone may be any of the
clinic's; what its owner has set, a forwarding or do not disturb, holds here too. No number outside
can be called, so no emergency number either.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal

import structlog
from pydantic import Field

from firmware.asterisk import translate
from firmware.asterisk.link import ActionFailed, Link, LinkDown
from firmware.audit import Act, Audited
from firmware.backlog import Backlog
from firmware.calling_out import refuse_what_cannot_ring
from firmware.control import ControlError, Door, Strict, Topic
from firmware.ledger import Moment
from firmware.modem_leg import Leg, LegError
from firmware.operations import Asker
from firmware.store import StoreError
from hw.sound.pace import fiftieths
from hw.sound.port import FRAME_BYTES, Heard, Port
from ivr.exchange import Exchange

LEG_WITHIN_S = 5.0
SHOWN_EVERY = 25  # frames, half a second

log = structlog.get_logger(__name__)


class RingForHandsetRequest(Strict):
    """Ring this telephone; the other end is the leg of this UUID at this port on loopback."""

    ask: Literal["ring for handset"] = "ring for handset"
    phone: Annotated[str, Field(pattern=r"^[0-9]{2,6}$")]
    port: Annotated[int, Field(strict=True, ge=1024, le=65535)]
    leg: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class RingForHandsetReply(Strict):
    """The telephone is about to ring."""


RING_FOR_HANDSET = Topic(RingForHandsetRequest, RingForHandsetReply)


class HandsetRings:
    """The topic of one running exchange."""

    def __init__(self, *, exchange: Exchange, link: Link, backlog: Backlog) -> None:
        self._exchange, self._link, self._backlog = exchange, link, backlog

    def answer_at(self, door: Door) -> None:
        door.answer_to(RING_FOR_HANDSET, self.ring)

    async def ring(self, wish: RingForHandsetRequest, asker: Asker) -> RingForHandsetReply:
        """ControlError: it does not ring, and why."""
        refuse_what_cannot_ring(self._exchange, wish.phone)
        about = asker.told_of(f"phone {wish.phone}, with a handset at the box")
        try:
            await self._backlog.promise(Audited(asker.name, Act.TEST_CALL, about, Moment.now()))
            await self._link.send(*translate.ring_for_handset(wish.phone, wish.leg, wish.port))
        except StoreError as refused:
            raise ControlError(
                f"nothing rings: it cannot be entered: {refused}", "make room on the disk"
            ) from refused
        except (ActionFailed, LinkDown) as refused:
            log.warning("a telephone could not be rung for a handset", why=str(refused))
            raise ControlError(
                f"phone {wish.phone} could not be rung", "try again; see `careline status`"
            ) from refused
        return RingForHandsetReply()


# ---- at the console ----


@dataclass(slots=True)
class Waiting:
    """A port on loopback at which one leg is awaited; whatever else comes is sent away."""

    uuid: str
    port: int = 0
    leg: asyncio.Future[Leg] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    async def came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection."""
        try:
            leg = await Leg.taken(reader, writer)
        except LegError:
            writer.close()
            return
        if leg.uuid == self.uuid and not self.leg.done():
            self.leg.set_result(leg)
        else:
            leg.end()


@contextlib.asynccontextmanager
async def awaited(uuid: str) -> AsyncIterator[Waiting]:
    """The port, for as long as the talk lasts."""
    waiting = Waiting(uuid)
    async with await asyncio.start_server(waiting.came, "127.0.0.1", 0) as server:
        waiting.port = server.sockets[0].getsockname()[1]
        yield waiting


@dataclass(slots=True)
class Talk:
    """One talk of a handset, until either side ends it."""

    leg: Leg
    speaker: Port
    microphone: Port | None  # None: `says` goes out instead
    says: bytes = bytes(FRAME_BYTES)  # over and over
    levels: Callable[[bytes, bytes], None] = lambda _said, _heard: None
    lost: int = 0  # times that a device had nothing to play, or was not listened to in time
    _said: bytes = b""
    _heard: bytes = b""

    async def live(self) -> None:
        """SoundGoneError: a device went away; the talk is over then, too."""
        speaking = asyncio.create_task(self._speak())
        watching = asyncio.create_task(self._watch())
        hearing = asyncio.create_task(self._hear())
        try:
            await asyncio.wait({speaking, watching, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.leg.end()
            for task in (speaking, watching, hearing):
                task.cancel()
            ended = await asyncio.gather(speaking, watching, hearing, return_exceptions=True)
        for fault in ended:
            if isinstance(fault, Exception):
                raise fault

    async def _hear(self) -> None:
        async for frame in self.leg.frames():
            self.speaker.play(frame)
            self._heard += frame
            if len(self._heard) >= SHOWN_EVERY * FRAME_BYTES:
                self.levels(self._said, self._heard)
                self._said = self._heard = b""

    async def _speak(self) -> None:
        if self.microphone is None:
            at = 0
            async for _ in fiftieths():
                self._say(self.says[at : at + FRAME_BYTES])
                at = (at + FRAME_BYTES) % len(self.says)
        while self.microphone is not None:
            told = await self.microphone.next_told()
            if isinstance(told, Heard):
                self._say(told.samples)
            else:
                self.lost += 1

    def _say(self, samples: bytes) -> None:
        self.leg.say(samples)
        self._said += samples

    async def _watch(self) -> None:
        while True:
            await self.speaker.next_told()
            self.lost += 1
