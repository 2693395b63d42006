"""Twenty days of a clinic through the real exchange, call by call: nobody is lost, and what the
figures say is what the theory of waiting asks for.
"""

import heapq
import random
from itertools import count
from math import sqrt
from statistics import mean, stdev

from firmware.figures import By, Tally
from ivr import events
from ivr.commands import Command, Offer
from ivr.plan import Enqueue
from ivr.staffing import Demand, forecast
from ivr.standing import Stage
from tests.firmware.diary import Diary, tallies
from tests.ivr.story import NOON, a_clinic

DAY_S = 8 * 3600.0
SEEDS = range(20)
STUDENT_99 = 2.861  # two-sided, 19 degrees of freedom
# As many calls as the two at the desk can just about take, from callers who hang up in the end.
ASKED, CREW, TARGET_S = Demand(calls_per_h=24, handle_s=240, patience_s=180), 2, 20


class Day:
    """Callers come, wait and hang up, and talk, all by chance; phones are picked up at once."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        # Their patience alone ends the wait: the queue's own is longer than the day.
        self.diary = Diary(NOON, a_clinic(menu=Enqueue("desk", 2 * DAY_S, "message")))
        self._coming: list[tuple[float, int, str, str]] = []
        self._order = count()

    def passes(self) -> "Day":
        began = at = self.diary.now
        names = map(str, count())
        while (at := at + self._some(3600 / ASKED.calls_per_h)) < began + DAY_S:
            self._happens(at, "calls", next(names))
        while self._coming:
            at, _, what, name = heapq.heappop(self._coming)
            self._answer(self.diary.waits(at - self.diary.now))
            self._answer(self._let(what, name))
        return self

    def _let(self, what: str, name: str) -> list[Command]:
        if what == "calls":
            self._happens(self.diary.now + self._some(ASKED.patience_s), "loses patience", name)
            return self.diary.calls(name)
        call = self.diary.exchange.calls.get(name)
        if call is None or (what == "loses patience" and call.stage is Stage.TALKING):
            return []
        return self.diary.hears(events.CallerLeft(name))

    def _answer(self, said: list[Command]) -> None:
        for offer in said:
            if isinstance(offer, Offer):
                accepted = events.OfferAccepted(offer.offer)
                self.diary.hears(accepted, events.Joined(offer.call, offer.offer))
                self._happens(self.diary.now + self._some(ASKED.handle_s), "hangs up", offer.call)

    def _happens(self, at: float, what: str, name: str) -> None:
        heapq.heappush(self._coming, (at, next(self._order), what, name))

    def _some(self, seconds: float) -> float:
        return self._chance.expovariate(1 / seconds)


def test_over_twenty_days_nobody_is_lost_and_waits_are_as_long_as_erlang_says() -> None:
    """The 99 % interval of each mean over the days holds what is reckoned for it, and so do those
    of what callers brought with them: handle time and patience."""
    days = [tallies(Day(seed).passes().diary.rows)[By.QUEUE, "desk"] for seed in SEEDS]
    for day in days:
        assert day.holds_sum
        assert day.in_progress == 0
        assert day.offered == day.answered + day.abandoned + day.short_abandoned
    reckoned = forecast(ASKED, CREW, TARGET_S)
    _agree(reckoned.asa_s, [day.asa_s for day in days])
    _agree(reckoned.abandons, [day.abandonment for day in days])
    _agree(reckoned.within, [day.service_level(TARGET_S) for day in days])
    _agree(ASKED.handle_s, [day.aht_s for day in days])
    together = sum(days, Tally())
    assert together.patience_s is not None
    assert abs(together.patience_s - ASKED.patience_s) < 3 * ASKED.patience_s / sqrt(
        together.hung_up
    )


def _agree(reckoned: float, seen: list[float | None]) -> None:
    known = [each for each in seen if each is not None]
    assert len(known) == len(SEEDS)
    assert abs(mean(known) - reckoned) < STUDENT_99 * stdev(known) / sqrt(len(known)), (
        f"{mean(known)} where {reckoned} is reckoned"
    )
