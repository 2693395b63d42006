"""The same stories on two real Asterisks and our own engine, as many at once as there are lanes."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import assert_never

from firmware.asterisk.fake import Means
from firmware.asterisk.link import ActionFailed
from firmware.asterisk.telco import Answers, Behaviour, LiveCall, Ring, Silent
from firmware.ledger import UNHEARD
from ivr.agent import Doing
from ivr.events import Refusal
from ivr.plan import Plan
from tests.contract import site
from tests.contract.overheard import FELL, LOSE, PROGRAM, WATCHED, held_back, times_told
from tests.contract.told import Account, Line, account, slot_of
from tests.contract.world import ANNA, Strike
from tests.contract.world import Story as Telling
from tests.system import ear, practice
from tests.system.practice import Cable, Story
from tests.system.town import SOON_S, Town, soon

CALLER_HZ = 2500


def build(home: Path) -> Town:
    """The clinic of the stories, without an exchange."""

    def parks_briefly(plan: Plan) -> Plan:
        return replace(plan, parking=replace(plan.parking, longest_s=site.PARKED_S))

    return practice.build(home, site.text(), site.TONES, parks_briefly)


@dataclass(slots=True)
class Standing:
    """What all calls stand on: it fails, and is back, once for all who tell of it together."""

    here: Town
    exchange: Story
    cable: Cable
    together: asyncio.Barrier
    _watched: int = 0
    _broken: Strike | None = None
    _waiting: ExitStack = field(default_factory=ExitStack)  # for an exchange to begin

    async def once(self, act: Callable[[], Awaitable[None]]) -> None:
        """As soon as everybody is there; who waits in vain is told so."""
        if await soon(self.together.wait()) == 0:
            await act()
        await soon(self.together.wait())

    async def breaks(self, what: Strike) -> None:
        home = self.here.place.home
        self._watched, self._broken = times_told(home, WATCHED), what
        match what:
            case Strike.LINK:
                self.cable.cut()
            case Strike.LINK_FOR_LONG:
                fallen = times_told(home, FELL)
                self.cable.cut()
                await self._until(lambda: times_told(home, FELL) > fallen)
            case Strike.EXCHANGE:
                self._waiting.enter_context(held_back(home))
                self.kill(signal.SIGKILL)
                await self._nobody_waits_for_it()
            case Strike.ASTERISK:
                await self.here.clinic.kill()
            case _:
                assert_never(what)

    async def mends(self, what: Strike) -> None:
        home = self.here.place.home
        match what:
            case Strike.LINK | Strike.LINK_FOR_LONG:
                await self.cable.mend()
            case Strike.EXCHANGE:
                self._waiting.close()
            case Strike.ASTERISK:
                await self.here.clinic.start()
                await self.here.telco.desks_registered()
            case _:
                assert_never(what)
        self._broken = None
        await self._until(lambda: times_told(home, WATCHED) > self._watched)

    async def is_whole(self) -> None:
        """Whatever became of the stories."""
        if self._broken is not None:
            await self.mends(self._broken)

    async def _nobody_waits_for_it(self) -> None:
        """Asterisk has noticed, for each of its callers."""
        async with asyncio.timeout(SOON_S):
            while "AudioSocket" in await self.here.clinic.rx("core show channels concise"):
                pass  # each question takes Asterisk's command line a while

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON_S):
            while not holds():
                await self.here.telco.asterisk.rx("core show uptime")  # which takes it a while

    def kill(self, by: signal.Signals) -> None:
        supervisor = self.exchange.supervisor
        assert supervisor.pid is not None
        os.kill(supervisor.pid, by)


@dataclass(slots=True)
class OnPair:
    """One lane, for one story."""

    here: Town
    exchange: Story
    standing: Standing
    lane: int
    voice: Path
    numbers: "count[int]"
    _phones: Mapping[str, str] = field(init=False)
    _lines: dict[str, LiveCall] = field(default_factory=dict)
    _calls: dict[str, str] = field(default_factory=dict)
    _unplugged: list[str] = field(default_factory=list)
    _does: dict[str, Behaviour] = field(default_factory=dict)
    _dialled: dict[str, LiveCall] = field(default_factory=dict)  # by phone

    def __post_init__(self) -> None:
        self._phones = site.phones_of(self.lane)

    async def calls(self, who: str = ANNA) -> None:
        known = set(self._calls.values())
        before = set(self._arrived())
        line = await self.here.telco.call(
            site.number_of(self.lane), number=f"2025{next(self.numbers) % 10**6:06}"
        )
        self._lines[who] = line
        await self._until(lambda: bool(set(self._arrived()) - before - known))
        (self._calls[who],) = set(self._arrived()) - before - known
        await self.sees("menu", who=who)

    async def presses(self, key: str, who: str = ANNA) -> None:
        await self._lines[who].press(key)

    async def speaks(self, who: str = ANNA) -> None:
        await self._lines[who].say(self.voice)

    async def is_recorded(self, who: str = ANNA) -> None:
        await self.sees("recording", who=who)

    async def hangs_up(self, who: str = ANNA) -> None:
        await self._lines[who].hang_up()

    async def is_lost(self, who: str = ANNA) -> None:
        with self.here.place.home.joinpath(LOSE).open("a", encoding="utf-8") as named:
            named.write(f"{self._calls[who]}\n")
        self.standing.kill(signal.SIGUSR1)

    async def behaves(self, phone: str, does: Behaviour) -> None:
        self._does[phone] = does
        await self.here.telco.behave(self._phones[phone], does)

    async def behaves_outside(self, does: Behaviour) -> None:
        await self.here.telco.behave(site.outside_of(self.lane), does)

    async def picks_up(self, phone: str) -> None:
        await self.here.telco.pick_up(await self._ring(phone))

    async def puts_down(self, phone: str) -> None:
        if (dialled := self._dialled.pop(phone, None)) is not None:
            await dialled.hang_up()
        else:
            await self.here.telco.hang_up(await self._ring(phone))

    async def passes_on(self, phone: str, to: str, by: Means) -> None:
        if by is Means.KEY:
            await self.here.telco.transfer(await self._ring(phone), self._phones[to])
        else:
            await self._keys(phone, f"*1{self._phones[to]}")

    async def asks(self, phone: str, to: str, by: Means) -> None:
        """Comes back once the other is rung, and has picked up if it does so at once."""
        telco, number = self.here.telco, self._phones[to]
        rings = len(telco.desks[number].rings)
        if by is Means.KEY:
            self._dialled[phone] = await telco.dial(self._phones[phone], number)
        else:
            await self._keys(phone, f"*2{number}")
        asked = await telco.next_ring(number, rings)
        if self._does.get(to) == Answers():
            await soon(asked.answered)
            if by is Means.KEY:
                await soon(self._dialled[phone].answered)

    async def hands_over(self, phone: str) -> None:
        await self.here.telco.hand_over(await self._ring(phone), self._dialled.pop(phone))

    async def holds(self, phone: str) -> None:
        await self.here.telco.hold(await self._ring(phone))

    async def takes_back(self, phone: str) -> None:
        await self.here.telco.take_back(await self._ring(phone))

    async def parks(self, phone: str) -> None:
        await self._keys(phone, "*3")

    async def takes_up(self, phone: str, who: str = ANNA) -> None:
        slot = slot_of(self.told()[who])
        self._dialled[phone] = await self.here.telco.dial(self._phones[phone], slot)

    async def breaks(self, what: Strike) -> None:
        await self.standing.once(lambda: self.standing.breaks(what))

    async def mends(self, what: Strike) -> None:
        await self.standing.once(lambda: self.standing.mends(what))
        if what is Strike.ASTERISK:
            await self._phones_are_free()

    async def unplugs(self, phone: str) -> None:
        extension = self._phones[phone]
        self._unplugged.append(extension)
        await self.here.telco.unplug(extension)
        is_gone = (Doing.UNREACHABLE, Doing.RINGS)  # what rings does so until somebody ends it
        await soon(self.exchange.becomes(extension, *is_gone))

    async def at_once(self, *acts: Callable[[], Awaitable[None]]) -> None:
        """Who comes too late has nothing left to act on, as is the way of races."""
        for told in await asyncio.gather(*(act() for act in acts), return_exceptions=True):
            if isinstance(told, BaseException) and not isinstance(told, ActionFailed):
                raise told

    async def sees(self, step: str, detail: str = "", *, who: str = ANNA, times: int = 1) -> None:
        def count_of() -> int:
            details = self.exchange.details(self._calls[who], step)
            return sum(detail in each for each in details)

        await self._until(lambda: count_of() >= times)

    async def account(self) -> Account:
        """What the ledger has of it in the end."""
        await self._until(lambda: all(map(self._is_told, self._calls.values())))
        return account(self.lane, self.told())

    async def clears(self) -> None:
        """The lane is as it was before."""
        for line in (*self._lines.values(), *self._dialled.values()):
            await soon(line.hang_up())
        for extension in self._phones.values():
            await self.here.telco.behave(extension, Silent())
            for ring in self.here.telco.desks[extension].rings:
                if not ring.ended.done():
                    await soon(self.here.telco.hang_up(ring))
        if self._unplugged:
            await self.here.telco.desks_registered()
        await self._phones_are_free()

    def told(self) -> dict[str, list[Line]]:
        steps = self.exchange.steps
        return {
            who: [Line(step.step, step.detail) for step in steps if step.call == call]
            for who, call in self._calls.items()
        }

    def call_of(self, who: str) -> str:
        """What the exchange calls this one's call."""
        return self._calls[who]

    def calls_of(self) -> list[str]:
        return list(self._calls.values())

    def extension_of(self, phone: str) -> str:
        return self._phones[phone]

    # ---- inside ----

    async def _keys(self, phone: str, keys: str) -> None:
        ring = await self._ring(phone)
        await soon(ring.answered)
        await self.here.telco.key(ring, keys)

    async def _phones_are_free(self) -> None:
        for extension in self._phones.values():
            await soon(self.exchange.becomes(extension, Doing.FREE, Doing.IDLE))

    def _is_told(self, call: str) -> bool:
        """Each offer of the call has come to something, of those of the exchange that has it."""
        steps = [step.step for step in self.exchange.steps if step.call == call]
        if UNHEARD in steps:
            return True
        arrived = max(at for at, step in enumerate(steps) if step == "arrived")
        count_of = Counter(steps[arrived:])
        return count_of["offer"] <= sum(count_of[end] for end in ("joined", *Refusal))

    def _arrived(self) -> list[str]:
        lane = site.lane_named(self.lane)
        steps = self.exchange.steps
        return [s.call for s in steps if (s.step, s.detail) == ("arrived", lane)]

    async def _ring(self, phone: str) -> Ring:
        """What rings, or is being talked on."""
        return await self.here.telco.ringing(self._phones[phone])

    async def _until(self, holds: Callable[[], bool]) -> None:
        await self.exchange.until(holds)


Told = Account | BaseException


class Lanes:
    """As many stories at once as there are lanes."""

    def __init__(self, here: Town, standing: Standing, kind: type[OnPair]) -> None:
        self._here = here
        self._standing = standing
        self._kind = kind
        self._voice = ear.write_tone(here.place.home / "voice.wav", CALLER_HZ)
        # Nobody calls twice, whose call would be taken for more urgent.
        self._numbers = count(round(time.monotonic() * 10))
        self._free: asyncio.Queue[int] = asyncio.Queue()
        for lane in range(site.LANES):
            self._free.put_nowait(lane)

    async def tell(self, stories: Mapping[str, Telling]) -> list[Told]:
        """Each in the first lane that is free."""
        return await asyncio.gather(
            *(self._one(*each) for each in stories.items()), return_exceptions=True
        )

    async def tell_together(self, stories: Mapping[str, Telling]) -> list[Told]:
        """All at once: what fails in them fails for all."""
        assert len(stories) <= site.LANES
        self._standing.together = asyncio.Barrier(len(stories))
        try:
            return await self.tell(stories)
        finally:
            await self._standing.is_whole()

    async def _one(self, name: str, story: Telling) -> Account:
        lane = await self._free.get()
        standing = self._standing
        lived = self._kind(
            self._here, standing.exchange, standing, lane, self._voice, self._numbers
        )
        try:
            await story(lived)
            return await lived.account()
        except BaseException as error:
            await standing.together.abort()
            error.add_note(f"in the story {name!r}, lane {lane}: {lived.told()}")
            raise
        finally:
            try:
                await lived.clears()
            finally:
                self._free.put_nowait(lane)


@asynccontextmanager
async def lanes(here: Town, kind: type[OnPair] = OnPair) -> AsyncIterator[Lanes]:
    """The clinic with its exchange, and with telephones that nobody picks up."""
    for lane in range(site.LANES):
        for extension in site.phones_of(lane).values():
            await here.telco.behave(extension, Silent())
    async with (
        practice.cable_to_manager(here) as cable,
        practice.exchange(here, PROGRAM) as exchange,
    ):
        standing = Standing(here, exchange, cable, asyncio.Barrier(1))
        yield Lanes(here, standing, kind)
