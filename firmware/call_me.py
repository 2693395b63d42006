"""Call me: a telephone of the clinic rings, and whoever picks up is in the draft's menu as a caller
would be (`ivr.audition`): the draft's plan and prompts, and real keys.

It is no call of the clinic's. The leg is ours (`firmware.legs.Tester`) and its exchange is its own,
so live callers, queues, telephones, the calls' list and the figures know nothing of it; that
somebody had it done stands in the audit. The page proves the draft before it asks; here only its
form is read again.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, assert_never
from zoneinfo import ZoneInfo

import structlog
from pydantic import Field

from firmware import settings, tried
from firmware.asterisk import translate
from firmware.asterisk.link import ActionFailed, Link, LinkDown
from firmware.audit import Act, Audited
from firmware.backlog import Backlog
from firmware.calling_out import refuse_what_cannot_ring
from firmware.clips import Clips, PromptError
from firmware.control import ControlError, Door, Strict, Topic
from firmware.forms import WORD
from firmware.ledger import Moment
from firmware.legs import Legs
from firmware.operations import Asker
from firmware.place import Place
from firmware.store import StoreError
from firmware.tried import TriedError
from firmware.walks import AT
from firmware.words_desk import WordsDesk
from ivr import audition, commands, events
from ivr.audition import CALLER, TONE, Audition, ToAudio
from ivr.exchange import Exchange
from ivr.imagined import Clinic, Phones
from ivr.plan import Plan
from routing_core import media as engine
from routing_core.media import Clip, Media

# However the draft is made, live callers have the loop in between.
TURN_S = 0.01
PICKED_UP_WITHIN_S = translate.PICK_UP_MS / 1000 + 5

log = structlog.get_logger(__name__)

Extension = Annotated[str, Field(pattern=r"^[0-9]{2,6}$")]


class CallMeRequest(Strict):
    """Ring this telephone with the draft that was laid down under this name (firmware/tried.py), as
    a call to this line at this minute of the clinic's clock, with its telephones as they are said
    to be."""

    ask: Literal["call me"] = "call me"
    draft: str = Field(pattern=r"^[0-9a-f]{64}$")
    phone: Extension
    line: str = Field(pattern=f"^{WORD}$")
    at: str = Field(pattern=r"^20\d\d-\d\d-\d\d \d\d:\d\d$")
    phones: Phones = Phones.ANSWER
    others: dict[Extension, Phones] = Field(default={}, max_length=700)


class CallMeReply(Strict):
    """The telephone is about to ring."""


CALL_ME = Topic(CallMeRequest, CallMeReply)


@dataclass(frozen=True, slots=True)
class _Draft:
    """What there is to be heard."""

    plan: Plan
    clips: Clips
    begins: datetime
    wish: CallMeRequest

    def audition(self) -> Audition:
        clinic = Clinic(self.wish.phones, self.wish.others)
        return Audition(self.plan, self.wish.line, self.begins, clinic, lambda: str(uuid.uuid4()))


class _Listener:
    """The telephone, from ringing to its end."""

    def __init__(self) -> None:
        self.uuid = str(uuid.uuid4())
        self.handle: int | None = None
        self.is_through: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.told: asyncio.Queue[engine.Event | None] = asyncio.Queue()  # None: it is hung up

    def came(self, handle: int) -> None:
        self.handle = handle
        if not self.is_through.done():
            self.is_through.set_result(handle)

    def left(self) -> None:
        self.told.put_nowait(None)


class CallMe:
    """The topic of one running exchange; one telephone at a time."""

    def __init__(
        self,
        *,
        place: Place,
        exchange: Exchange,
        media: Media,
        legs: Legs,
        link: Link,
        backlog: Backlog,
        words: WordsDesk,
        clips: Callable[[], Clips],
        start: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._place, self._exchange, self._media = place, exchange, media
        self._legs, self._link, self._backlog = legs, link, backlog
        self._words, self._clips, self._start = words, clips, start
        self._listener: _Listener | None = None

    def answer_at(self, door: Door) -> None:
        door.answer_to(CALL_ME, self.ring)

    def heard(self, fact: engine.Event) -> None:
        """Of a leg that is no call's."""
        if self._listener is not None and self._listener.handle == fact.call:
            self._listener.told.put_nowait(fact)

    async def ring(self, wish: CallMeRequest, asker: Asker) -> CallMeReply:
        """The telephone rings once this is answered; the draft is heard behind it."""
        refuse_what_cannot_ring(self._exchange, wish.phone)
        if self._listener is not None:
            raise ControlError(
                "a draft is being heard by telephone already", "hang up there, then ask again"
            )
        listener = self._listener = _Listener()
        try:
            found = await asyncio.to_thread(self._read, wish)
            await self._enter(wish, asker)
            self._legs.test(listener)
            await self._link.send(*translate.ring_to_hear(wish.phone, listener.uuid))
        except BaseException as failed:
            self._legs.test_over(listener)
            self._listener = None
            if not isinstance(failed, ActionFailed | LinkDown):
                raise
            log.warning("a telephone could not be rung with the draft", why=str(failed))
            raise ControlError(
                f"phone {wish.phone} could not be rung", "try again; see `careline status`"
            ) from failed
        self._start(self._let_hear(listener, found))
        return CallMeReply()

    # ---- before it rings ----

    def _read(self, wish: CallMeRequest) -> _Draft:
        try:
            text, sounds = tried.read(self._place, wish.draft)
        except TriedError as lost:
            raise ControlError(str(lost), "see to the draft on the page, then try again") from lost
        found = settings.draft(text, tried.beside(self._place, wish.draft))
        if found.plan is None or found.faults:
            raise ControlError("the draft has faults", "mend the faults first: Publish tells them")
        if wish.line not in found.plan.lines:
            raise ControlError("the draft has no such line", "load the page again")
        try:
            begins = datetime.strptime(wish.at, AT).replace(tzinfo=ZoneInfo(found.plan.timezone))
            own = {(each.language, each.name): sound for each, sound in sounds.items()}
            clips = self._clips().with_own(own, found.plan.language)
        except (ValueError, PromptError) as wrong:
            raise ControlError("the draft cannot be heard", str(wrong)) from wrong
        return _Draft(found.plan, clips, begins, wish)

    async def _enter(self, wish: CallMeRequest, asker: Asker) -> None:
        about = asker.told_of(wish.phone)
        try:
            await self._backlog.promise(Audited(asker.name, Act.TRIED_DRAFT, about, Moment.now()))
        except StoreError as refused:
            raise ControlError(
                f"nothing rings: it cannot be entered: {refused}", "make room on the disk"
            ) from refused

    # ---- while it is heard ----

    async def _let_hear(self, listener: _Listener, found: _Draft) -> None:
        """A draft's fault ends the draft's call and nothing else."""
        try:
            async with asyncio.timeout(PICKED_UP_WITHIN_S):
                handle = await listener.is_through
            await self._live(listener, handle, found)
        except TimeoutError:
            log.info("nobody picked up to hear the draft")
        except Exception:
            log.exception("a draft could not be heard to its end")
        finally:
            if listener.handle is not None:
                self._media.close(listener.handle)
            else:
                self._legs.test_over(listener)
            self._listener = None

    async def _live(self, listener: _Listener, handle: int, found: _Draft) -> None:
        heard, say = found.audition(), partial(self._obey, handle, found.clips)
        say(heard.begin(time.monotonic()))
        while not heard.is_over:
            left_s = max(TURN_S, heard.next_deadline() - time.monotonic())
            try:
                async with asyncio.timeout(left_s):
                    fact = await listener.told.get()
            except TimeoutError:
                say(heard.time_came(time.monotonic()))
                continue
            say(_told(heard, fact, time.monotonic()))

    def _obey(self, handle: int, clips: Clips, orders: list[ToAudio]) -> None:
        for order in orders:
            match order:
                case commands.Play(prompts=prompts, language=language, tag=tag):
                    said = [clip for name in prompts for clip in self._sound(clips, language, name)]
                    self._media.play(handle, said, tag=tag)
                case commands.StopPlaying():
                    self._media.stop_playing(handle)
                case commands.StartMusic():
                    self._media.music(handle, clips.music)
                case commands.StopMusic():
                    self._media.music(handle, None)
                case commands.Release():
                    pass  # it is over, and let go
                case _:
                    assert_never(order)

    def _sound(self, clips: Clips, language: str, name: str) -> list[Clip]:
        if name == TONE:
            return [clips.beep]
        # Our own words are for whoever tries the draft; the box speaks English, if nothing else.
        if name in audition.WORDS and not clips.has(language, name):
            language = "en"
        return self._words.find(clips, language, (name,))


def _told(heard: Audition, fact: engine.Event | None, now: float) -> list[ToAudio]:
    """What a fact of the engine's means to whoever hears the draft."""
    match fact:
        case None:
            return heard.heard(events.CallerLeft(CALLER), now)
        case engine.ToneBegan(digit=digit):
            return heard.heard(events.ToneHeard(CALLER, digit), now)
        case engine.KeyFrame(digit=digit):
            return heard.heard(events.KeyEnded(CALLER, digit), now)
        case engine.Played(tag=tag):
            return heard.played(tag, now)
        case _:
            return []
