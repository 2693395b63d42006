"""A prompt spoken into a telephone of the clinic: it rings, says when to speak, and what is said
until a key, or until it is hung up, is handed to whoever asked for it.

It is no call of the clinic's: the leg is ours (`firmware.legs.Tester`), and nothing of it is in the
call logic or the books. What is said is sealed while it is spoken, as all that is recorded, with
the key that the box has for its own words; it is opened here once, and destroyed.
"""

import asyncio
import uuid
from base64 import b64encode
from collections.abc import Callable
from typing import Literal, TypeVar

import numpy as np
import structlog
from pydantic import Field

from firmware import speech
from firmware.asterisk import translate
from firmware.asterisk.link import ActionFailed, Link, LinkDown
from firmware.calling_out import refuse_what_cannot_ring
from firmware.clips import Clips
from firmware.control import ControlError, Door, Strict, Topic
from firmware.decoder import LONGEST_S
from firmware.legs import Legs
from firmware.recorder import Kept, Recorder, Told
from firmware.words_desk import UnplayableError, WordsDesk
from ivr.exchange import Exchange
from ivr.own_words import OWN, PHRASES, Kind
from routing_core import media as engine
from routing_core.media import Chunk, Media

BEGIN = PHRASES[Kind.ANNOUNCEMENT].begin  # "After the tone, say what callers shall hear. ..."
SPOKEN_TAG = 0
PICKED_UP_WITHIN_S = translate.PICK_UP_MS / 1000 + 5
SEALED_WITHIN_S = 30.0
# From the question to the answer at the very most; whoever asks waits as long.
ANSWERED_WITHIN_S = PICKED_UP_WITHIN_S + 30 + LONGEST_S + SEALED_WITHIN_S

T = TypeVar("T")

log = structlog.get_logger(__name__)


class SpeakPromptRequest(Strict):
    """Ring this telephone of the clinic, and record what is spoken into it."""

    ask: Literal["speak prompt"] = "speak prompt"
    phone: str = Field(pattern=r"^[0-9]{2,6}$")


class SpeakPromptReply(Strict):
    """A whole WAV file, 8 kHz mono 16 bit, as base64."""

    sound: str = Field(repr=False)


SPEAK_PROMPT = Topic(SpeakPromptRequest, SpeakPromptReply)

NOTHING_SAID = ("nothing was recorded", "pick up, speak after the tone, and press a key")


class _Speaker:
    """The telephone, from ringing to its end."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.uuid = str(uuid.uuid4())
        self.handle: int | None = None
        self.is_through: asyncio.Future[int] = loop.create_future()
        self.is_begun: asyncio.Future[None] = loop.create_future()  # the tone has been heard
        self.is_done: asyncio.Future[None] = loop.create_future()  # a key, or long enough
        self.is_over: asyncio.Future[None] = loop.create_future()  # it is hung up
        self.told: asyncio.Future[Told] = loop.create_future()  # what became of the recording

    def came(self, handle: int) -> None:
        self.handle = handle
        _settle(self.is_through, handle)

    def left(self) -> None:
        _settle(self.is_over, None)

    def heard(self, fact: engine.Event) -> None:
        match fact:
            case engine.Played(tag=tag) if tag == SPOKEN_TAG:
                _settle(self.is_begun, None)
            # A key during the words begins the recording, one after the tone ends it.
            case engine.KeyFrame() | engine.ToneBegan() if not self.is_begun.done():
                _settle(self.is_begun, None)
            case (
                engine.KeyFrame()
                | engine.ToneBegan()
                | engine.RecordingFull()
                | engine.RecordingEnded()
                | engine.Stalled()
            ):
                _settle(self.is_done, None)


class PhoneRecordings:
    """The topic of one running exchange; one telephone at a time."""

    def __init__(
        self,
        *,
        exchange: Exchange,
        media: Media,
        legs: Legs,
        link: Link,
        recorder: Recorder[Chunk],
        words: WordsDesk,
        clips: Callable[[], Clips],
        is_full: Callable[[], bool],
    ) -> None:
        self._exchange, self._media, self._legs, self._link = exchange, media, legs, link
        self._recorder, self._words = recorder, words
        self._clips, self._is_full = clips, is_full
        self._speaker: _Speaker | None = None

    def answer_at(self, door: Door) -> None:
        door.answer(SPEAK_PROMPT, self.speak)

    # ---- what is told of it ----

    def heard(self, fact: engine.Event) -> None:
        """Of a leg that is no call's."""
        if self._speaker is not None and self._speaker.handle == fact.call:
            self._speaker.heard(fact)

    def take(self, told: Told) -> bool:
        """Whether this recording was ours."""
        speaker = self._speaker
        call = told.label.call if isinstance(told, Kept) else told.call
        if speaker is None or call != speaker.uuid:
            return False
        _settle(speaker.told, told)
        return True

    # ---- one recording ----

    async def speak(self, wish: SpeakPromptRequest) -> SpeakPromptReply:
        """From ringing to what was said."""
        self._refuse_what_cannot_be(wish.phone)
        speaker = self._speaker = _Speaker()
        self._legs.test(speaker)
        try:
            handle = await self._picked_up(speaker, wish.phone)
            return SpeakPromptReply(sound=await self._spoken(speaker, handle))
        finally:
            if speaker.handle is not None:
                self._media.close(speaker.handle)
            if not speaker.is_through.done():
                self._legs.test_over(speaker)
            self._speaker = None

    def _refuse_what_cannot_be(self, phone: str) -> None:
        refuse_what_cannot_ring(self._exchange, phone)
        if self._speaker is not None:
            raise ControlError("another prompt is being spoken by telephone", "try again later")
        if self._is_full():
            raise ControlError("there is no room for recordings", "make room on the disk first")

    async def _picked_up(self, speaker: _Speaker, phone: str) -> int:
        try:
            await self._link.send(*translate.ring_to_speak(phone, speaker.uuid))
        except (ActionFailed, LinkDown) as refused:
            log.warning("a telephone could not be rung to record", why=str(refused))
            raise ControlError(
                f"phone {phone} could not be rung", "try again; see `careline status`"
            ) from refused
        try:
            async with asyncio.timeout(PICKED_UP_WITHIN_S):
                return await speaker.is_through
        except TimeoutError:
            raise ControlError(
                f"nobody picked phone {phone} up", "ring it again, or choose another telephone"
            ) from None

    async def _spoken(self, speaker: _Speaker, handle: int) -> str:
        """What is said after the tone; the recorder seals it as it comes."""
        clips = self._clips()
        begin = clips.find(self._exchange.plan.language, (BEGIN,))
        self._media.play(handle, [*begin, clips.beep], tag=SPOKEN_TAG)
        await _first(speaker.is_begun, speaker.is_over)
        if speaker.is_over.done():
            raise ControlError(*NOTHING_SAID)
        self._media.stop_playing(handle)
        self._recorder.expect(speaker.uuid, OWN, urgent=False)
        self._media.record(handle, longest_s=LONGEST_S, quiet_s=0)
        await _first(speaker.is_done, speaker.is_over)
        self._media.stop_recording(handle)
        try:
            async with asyncio.timeout(SEALED_WITHIN_S):
                told = await speaker.told
        except TimeoutError:  # hung up before it began
            self._recorder.forget(speaker.uuid)
            raise ControlError(*NOTHING_SAID) from None
        if not isinstance(told, Kept):
            raise ControlError(*NOTHING_SAID)
        return await self._opened(told.label.message)

    async def _opened(self, message: str) -> str:
        try:
            samples = await asyncio.to_thread(self._words.samples, message)
        except UnplayableError:
            raise ControlError(*NOTHING_SAID) from None
        finally:
            await asyncio.to_thread(self._words.destroy, message)
        return b64encode(speech.wav(samples.astype(np.float64) / 32767)).decode()


def _settle(future: "asyncio.Future[T]", value: T) -> None:
    if not future.done():
        future.set_result(value)


async def _first(*futures: "asyncio.Future[None]") -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
