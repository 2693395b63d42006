"""The loudspeakers of one running exchange: a page by telephone is heard on them, and at night they
ring for whoever waits.

    a page       Asterisk opens a leg to us; chime, then the voice, for PAGE_MOST_S at most
    the bell     while somebody waits in its queues or its telephones ring for a caller, and its
                 hours, where it has some, are closed

Nothing of it is on a call's way: without a loudspeaker there is silence, and telephones that are
paged beside it are reached by Asterisk alone.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle

import structlog

from firmware import topics
from firmware.asterisk import speaker_dialplan, written
from firmware.modem_leg import Leg
from firmware.paging import BELL, CHIME, FRAME_BYTES, Limiter, Paged
from firmware.survived import survived
from hw.sound.pace import fiftieths
from hw.sound.port import Port
from hw.sound.portaudio import PortAudioPort, Way
from hw.sound.speaker import Speaker
from ivr.hours import Answer
from ivr.plan import Loudspeaker, Plan

LOOK_S = 0.25
PAGE_MOST_S = 60.0
SLIPS_TOLD = 50  # in a page: a second of it was not heard

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Running:
    """One loudspeaker."""

    plan: Loudspeaker
    speaker: Speaker | None = None
    task: asyncio.Task[None] | None = None
    bell: asyncio.Task[None] | None = None
    lost: str = "it was not found yet"
    is_paged: bool = False
    slips: int = 0  # of the page that was last


class Speakers:
    """All of them."""

    def __init__(
        self,
        *,
        plan: Callable[[], Plan],
        waited_in: Callable[[], Collection[str]],
        rung: Callable[[], Collection[str]],
        answers: Callable[[], Mapping[str, Answer]],
        port: Callable[[str], Port] = lambda name: PortAudioPort(name, Way.PLAY),
    ) -> None:
        """`waited_in` are the queues in which somebody waits, `rung` the telephones that ring for
        callers, `answers` how the hours stand."""
        self._plan, self._waited_in, self._rung = plan, waited_in, rung
        self._answers, self._port = answers, port
        self._all: dict[str, _Running] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._follow_the_plan()
                for one in self._all.values():
                    self._ring_or_not(one)
                await asyncio.sleep(LOOK_S)
        finally:
            for one in self._all.values():
                _end(one)
            tasks = [one.task for one in self._all.values() if one.task is not None]
            await asyncio.gather(*tasks, return_exceptions=True)

    def _follow_the_plan(self) -> None:
        wanted = self._plan().speakers
        for name, one in list(self._all.items()):
            gone = one.task is None or one.task.done()
            if gone or (wanted.get(name) != one.plan and not one.is_paged):
                _end(one)
                del self._all[name]
        for name, wish in wanted.items():
            if name not in self._all:
                self._all[name] = self._begun(wish)

    def _begun(self, wish: Loudspeaker) -> _Running:
        one = _Running(wish)

        def listen(lost: str) -> None:
            if lost and not one.lost:
                log.warning("a loudspeaker is gone", speaker=wish.name, why=lost)
            one.lost = lost

        one.speaker = Speaker(self._port(wish.device), listen)
        one.task = asyncio.create_task(survived(one.speaker.run(), f"loudspeaker {wish.name}"))
        return one

    # ---- a page ----

    def wants(self, leg: Leg) -> bool:
        """Whether it is for a loudspeaker."""
        return speaker_dialplan.is_page(leg.uuid)

    async def take(self, leg: Leg) -> None:
        """A page, until who speaks hangs up or has spoken for long enough. One at a time."""
        one = next((each for each in self._all.values() if _marked(each) == leg.uuid), None)
        if one is None or one.speaker is None or one.is_paged:
            leg.end()
            return
        one.is_paged, slipped = True, one.speaker.slips
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(PAGE_MOST_S):
                    await _page(leg, one.speaker, Paged(one.plan.volume_db))
        finally:
            one.is_paged, one.slips = False, one.speaker.slips - slipped
            leg.end()

    # ---- the night bell ----

    def _ring_or_not(self, one: _Running) -> None:
        if self._is_due(one.plan) and (one.bell is None or one.bell.done()):
            one.bell = asyncio.create_task(survived(self._ring(one), "night bell"))

    def _is_due(self, wish: Loudspeaker) -> bool:
        """Somebody waits, at a time for it."""
        waits = set(wish.bell).intersection(self._waited_in())
        if not waits and not set(wish.bell_phones).intersection(self._rung()):
            return False
        answer = self._answers().get(wish.bell_hours) if wish.bell_hours else None
        return answer is None or not answer.is_open

    async def _ring(self, one: _Running) -> None:
        """Until nobody waits any more: to the next fiftieth of a second."""
        assert one.speaker is not None
        limiter, bell = Limiter(one.plan.volume_db), cycle(BELL)
        async for _ in fiftieths():
            if not self._is_due(one.plan):
                return
            if not one.is_paged:
                one.speaker.play(limiter.passed(next(bell)))

    # ---- how they stand ----

    def parts(self) -> tuple[topics.Part, ...]:
        """For the status: one for each."""
        return tuple(_part(one) for one in self._all.values())


async def _page(leg: Leg, speaker: Speaker, paged: Paged) -> None:
    speaking = asyncio.create_task(_speak(leg, speaker, paged))
    try:
        async for frame in leg.frames():
            paged.said(frame)
    finally:
        speaking.cancel()


async def _speak(leg: Leg, speaker: Speaker, paged: Paged) -> None:
    """Who speaks hears the chime, too, as far as Asterisk lets them, and then silence."""
    chime = iter(CHIME)
    async for _ in fiftieths():
        leg.say(next(chime, bytes(FRAME_BYTES)))
        speaker.play(paged.due())


def _marked(one: _Running) -> str:
    return speaker_dialplan.uuid_of(written.name(one.plan.name))


def _end(one: _Running) -> None:
    for task in (one.task, one.bell):
        if task is not None:
            task.cancel()


def _part(one: _Running) -> topics.Part:
    name = f"loudspeaker {one.plan.name}"
    if one.lost:
        return topics.Part(
            name=name,
            state="alarm",
            detail="the loudspeaker cannot be heard: its sound device is not there",
            cure="look at its plug; `careline sound list` says what there is and how it is called",
        )
    if one.slips > SLIPS_TOLD:
        return topics.Part(
            name=name,
            state="warning",
            detail="the last page was heard with gaps",
            cure="plug its sound device in elsewhere, without a hub between",
        )
    return topics.Part(name=name, state="well", detail="answers")
