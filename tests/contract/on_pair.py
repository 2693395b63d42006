"""The same stories on two real Asterisks and our own engine, as many at once as there are lanes."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from firmware.asterisk.link import ActionFailed
from firmware.asterisk.telco import Behaviour, LiveCall, Ring, Silent
from ivr.agent import Doing
from ivr.events import Refusal
from tests.contract import site
from tests.contract.overheard import LOSE, PROGRAM
from tests.contract.stories import ANNA
from tests.contract.stories import Story as Telling
from tests.contract.told import Account, Line, account
from tests.system import ear, practice
from tests.system.practice import Story
from tests.system.town import Town, soon

CALLER_HZ = 2500


def build(home: Path) -> Town:
    """The clinic of the stories, without an exchange."""
    return practice.build(home, site.text(), site.TONES)


@dataclass(slots=True)
class OnPair:
    """One lane, for one story."""

    here: Town
    exchange: Story
    lane: int
    voice: Path
    numbers: "count[int]"
    _phones: Mapping[str, str] = field(init=False)
    _lines: dict[str, LiveCall] = field(default_factory=dict)
    _calls: dict[str, str] = field(default_factory=dict)
    _unplugged: list[str] = field(default_factory=list)

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
        supervisor = self.exchange.supervisor
        assert supervisor is not None
        assert supervisor.pid is not None
        with self.here.place.home.joinpath(LOSE).open("a", encoding="utf-8") as named:
            named.write(f"{self._calls[who]}\n")
        os.kill(supervisor.pid, signal.SIGUSR1)

    async def behaves(self, phone: str, does: Behaviour) -> None:
        await self.here.telco.behave(self._phones[phone], does)

    async def behaves_outside(self, does: Behaviour) -> None:
        await self.here.telco.behave(site.outside_of(self.lane), does)

    async def picks_up(self, phone: str) -> None:
        await self.here.telco.pick_up(await self._ring(phone))

    async def puts_down(self, phone: str) -> None:
        await self.here.telco.hang_up(await self._ring(phone))

    async def passes_on(self, phone: str, to: str) -> None:
        await self.here.telco.transfer(await self._ring(phone), self._phones[to])

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
        for line in self._lines.values():
            await soon(line.hang_up())
        for extension in self._phones.values():
            await self.here.telco.behave(extension, Silent())
            for ring in self.here.telco.desks[extension].rings:
                await soon(ring.ended)
        if self._unplugged:
            await self.here.telco.desks_registered()
        for extension in self._phones.values():
            await soon(self.exchange.becomes(extension, Doing.FREE, Doing.IDLE))

    def told(self) -> dict[str, list[Line]]:
        steps = self.exchange.steps
        return {
            who: [Line(step.step, step.detail) for step in steps if step.call == call]
            for who, call in self._calls.items()
        }

    def call_of(self, who: str) -> str:
        """What the exchange calls this one's call."""
        return self._calls[who]

    def extension_of(self, phone: str) -> str:
        return self._phones[phone]

    # ---- inside ----

    def _is_told(self, call: str) -> bool:
        """Each offer of the call has come to something."""
        count_of = Counter(step.step for step in self.exchange.steps if step.call == call)
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


@asynccontextmanager
async def lanes(
    here: Town, kind: type[OnPair] = OnPair
) -> AsyncIterator[Callable[[str, Telling], Awaitable[Account]]]:
    """Tells a story in the first lane that is free."""
    voice = ear.write_tone(here.place.home / "voice.wav", CALLER_HZ)
    free: asyncio.Queue[int] = asyncio.Queue()
    for lane in range(site.LANES):
        free.put_nowait(lane)
        for extension in site.phones_of(lane).values():
            await here.telco.behave(extension, Silent())
    # Nobody calls twice, whose call would be taken for more urgent.
    numbers = count(round(time.monotonic() * 10))
    async with practice.exchange(here, PROGRAM) as exchange:

        async def tell(name: str, story: Telling) -> Account:
            lane = await free.get()
            lived = kind(here, exchange, lane, voice, numbers)
            try:
                await story(lived)
                return await lived.account()
            except Exception as error:
                error.add_note(f"in the story {name!r}, lane {lane}: {lived.told()}")
                raise
            finally:
                await lived.clears()
                free.put_nowait(lane)

        yield tell
