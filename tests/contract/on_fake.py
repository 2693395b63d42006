"""A story told on the fake pair, in no time."""

from collections.abc import Awaitable, Callable
from functools import cache
from random import Random
from typing import assert_never

from firmware import settings
from firmware.asterisk.fake import Means
from firmware.asterisk.link import SILENCE_S
from firmware.asterisk.telco import Behaviour, Silent
from firmware.ledger import Finished, Noted
from ivr.plan import Parking, Plan
from tests.contract import site
from tests.contract.played import Played
from tests.contract.told import Account, Line, account, slot_of
from tests.contract.world import ANNA, Story, Strike

LANE = 0
LONGEST_S = 900.0
SPEAKS_S = 1.0
# A person is never as quick as two programs.
PAUSE_S = 0.5


@cache
def plan() -> Plan:
    """One lane is enough."""
    return settings.read(site.text([LANE]))


def _spoken_s(prompts: tuple[str, ...]) -> float:
    return sum(site.TONES[prompt][1] for prompt in prompts)


class OnFake:
    """A lane of its own for each story."""

    def __init__(self, seed: int) -> None:
        self.played = Played(
            plan(), Random(seed), spoken_s=_spoken_s, parking=Parking(longest_s=site.PARKED_S)
        )
        self._phones = site.phones_of(LANE)
        self._racing = False
        self._patient_until = self.played.now + LONGEST_S
        for extension in (site.DESK, *self._phones.values()):
            self.played.pair.behaves(extension, Silent())

    async def calls(self, who: str = ANNA) -> None:
        self.played.pair.calls(who, site.lane_named(LANE), self.played.now, number=who)
        await self.sees("menu", who=who)
        self._pause()

    async def presses(self, key: str, who: str = ANNA) -> None:
        self.played.pair.presses(who, key, self.played.now)
        self._pause()

    async def speaks(self, who: str = ANNA) -> None:
        self.played.pair.speaks(who, SPEAKS_S, self.played.now)
        self._pause()

    async def is_recorded(self, who: str = ANNA) -> None:
        while not self.played.pair.is_recording(who):
            self._turn(f"{who} is never recorded")

    async def hangs_up(self, who: str = ANNA) -> None:
        self.played.pair.hangs_up(who, self.played.now)

    async def is_lost(self, who: str = ANNA) -> None:
        self.played.pair.loses_audio(who, self.played.now)

    async def behaves(self, phone: str, does: Behaviour) -> None:
        self.played.pair.behaves(self._phones[phone], does)

    async def behaves_outside(self, does: Behaviour) -> None:
        self.played.pair.behaves(site.outside_of(LANE), does)

    async def picks_up(self, phone: str) -> None:
        self.played.pair.picks_up(self._phones[phone], self.played.now)

    async def puts_down(self, phone: str) -> None:
        self._pause()
        self.played.pair.puts_down(self._phones[phone], self.played.now)

    async def passes_on(self, phone: str, to: str, by: Means) -> None:
        self.played.pair.passes_on(self._phones[phone], self._phones[to], by, self.played.now)

    async def asks(self, phone: str, to: str, by: Means) -> None:
        self.played.pair.asks(self._phones[phone], self._phones[to], by, self.played.now)
        self._pause()

    async def hands_over(self, phone: str) -> None:
        self.played.pair.hands_over(self._phones[phone], self.played.now)

    async def holds(self, phone: str) -> None:
        self.played.pair.holds(self._phones[phone], self.played.now, is_held=True)

    async def takes_back(self, phone: str) -> None:
        self.played.pair.holds(self._phones[phone], self.played.now, is_held=False)

    async def parks(self, phone: str) -> None:
        self.played.pair.parks(self._phones[phone], self.played.now)

    async def takes_up(self, phone: str, who: str = ANNA) -> None:
        self.played.pair.takes_up(self._phones[phone], slot_of(self.told()[who]), self.played.now)

    async def breaks(self, what: Strike) -> None:
        match what:
            case Strike.LINK:
                self.played.pair.link_breaks(self.played.now)
            case Strike.LINK_FOR_LONG:
                self.played.pair.link_breaks(self.played.now)
                self.played.until(self.played.now + SILENCE_S)
            case Strike.EXCHANGE:
                self.played.ends()
            case Strike.ASTERISK:
                self.played.pair.asterisk_ends(self.played.now)
            case _:
                assert_never(what)
        self._pause()

    async def mends(self, what: Strike) -> None:
        self._pause()
        match what:
            case Strike.LINK | Strike.LINK_FOR_LONG:
                self.played.pair.link_mends(self.played.now)
            case Strike.EXCHANGE:
                self.played.begins()
            case Strike.ASTERISK:
                self.played.pair.asterisk_begins(self.played.now)
            case _:
                assert_never(what)
        self._pause()

    async def unplugs(self, phone: str) -> None:
        self.played.pair.plugs(self._phones[phone], self.played.now, is_there=False)
        self._pause()

    async def at_once(self, *acts: Callable[[], Awaitable[None]]) -> None:
        self._racing = True
        for act in acts:
            await act()
        self._racing = False

    async def sees(self, step: str, detail: str = "", *, who: str = ANNA, times: int = 1) -> None:
        while self._count(step, detail, who) < times:
            self._turn(f"{who} has no {step} {detail}")

    def told(self) -> dict[str, list[Line]]:
        told: dict[str, list[Line]] = {}
        for row in self.played.rows:
            match row:
                case Noted(call=call, step=step, detail=detail):
                    told.setdefault(call, []).append(Line(step, detail))
                case Finished(call=call, outcome=outcome):
                    told.setdefault(call, []).append(Line("outcome", outcome))
                case _:
                    pass
        return told

    def _turn(self, else_: str) -> None:
        at = self.played.next_at()
        if at is None or at > self._patient_until:
            raise AssertionError(f"{else_}, but {self.told()}")
        self.played.until(at)

    def _pause(self) -> None:
        if not self._racing:
            self.played.until(self.played.now + PAUSE_S)

    def _count(self, step: str, detail: str, who: str) -> int:
        lines = self.told().get(who, ())
        return sum(line.step == step and detail in line.detail for line in lines)


def tell(story: Story, seed: int) -> Account:
    """What the ledger has of it in the end."""
    world = OnFake(seed)
    telling = story(world)
    try:
        telling.__await__().send(None)
    except StopIteration:
        world.played.until(world.played.now + PAUSE_S)
        return account(LANE, world.told())
    raise AssertionError("on the fake pair nothing is ever waited for")
