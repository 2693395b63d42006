"""Who answers whom, in ns a decision: the C core through its Python face, beside a plain loop,
heaps and a database in one run; the worst that the shipped table allows; and the way to the phone.

A decision is one event and its answer: a call comes while every agent is free and is given the
best, or an agent becomes free while a thousand calls wait and is given the most pressing. There are
32 skills, each agent has three, each call needs one. What a talk's beginning costs in book-keeping
is no part of it, for any side, nor is what the clock and a loop over no decisions take.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from statistics import median
from typing import TypeVar

from firmware.bench import offers
from firmware.bench.beside import (
    ROUNDS,
    Aim,
    Compared,
    Report,
    Runs,
    Shown,
    Side,
    in_turn,
    seconds_of,
)
from firmware.bench.peers.acd import HeapPerSkill, OurWay, PlainLoop, Query, Way
from routing_core.acd import LEVELS, Acd

SIZES = (10, 1_000, 100_000)
SKILLS, EACH = 32, 3
WAITING = 1_000
OURS, LOOP = "CareLine", "plain loop"
DECISION_NS, FLAT, OFFER_MS = 400, 2, 5
# One side's turn takes about so long and makes at most so many decisions: ten batches of the fast
# ones, of which the first, in caches that another side has filled, weighs nothing.
TURN_NS, DECISIONS = 50_000_000, 5_000
# The worst case: the shipped table, and each call has a need of its own.
AGENTS, CALLS = 256, 1_024
EVERYBODY = SKILLS  # a skill that of the worst case's agents only the last has
WORST = "1,024 calls, 1,024 needs, 256 agents"
IDLE = "an idle call"
PLACE = "a caller's position among 1,024"
PATH = "agent free to Originate sent, p99"
NOTES = (
    f"A decision of ours is one call of the Python face, and its cffi; {IDLE} is the same with"
    " nothing to do.",
    f"{WORST}: one who can help every caller becomes free and gets the first; the loop finds that"
    " nobody can.",
    f"{PATH}: from Asterisk's word of an idle phone to the order at its socket, a hundred callers"
    " and phones, each once.",
)

_Told = TypeVar("_Told")

WAYS: dict[str, Callable[[list[frozenset[int]]], Way]] = {
    OURS: lambda agents: OurWay(agents, SKILLS, WAITING),
    LOOP: PlainLoop,
    "heap per skill": lambda agents: HeapPerSkill(agents, SKILLS),
    "SQLite query": Query,
}


@dataclass(slots=True)
class _Office:
    """A way with its agents, who meet the same calls by the same chance as every other way's."""

    way: Way
    agents: list[frozenset[int]]
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311
    clock: Iterator[int] = field(default_factory=lambda: count(1))
    batch: int = 1

    def seated(self) -> "_Office":
        """Every agent is free."""
        self.way.freed([(agent, next(self.clock)) for agent in range(len(self.agents))])
        return self

    def crowded(self) -> "_Office":
        """No agent is free, and a thousand calls wait."""
        self._fill(range(WAITING))
        return self

    def calls_come(self) -> tuple[int, list[int | None]]:
        """The time that a batch of decisions took, and who was given; all are free again."""
        most = min(len(self.agents), WAITING) // 2  # else few would be left to choose from
        told = [(call, self._skill(), next(self.clock)) for call in range(min(self.batch, most))]
        taken_ns, given = _timed(self.way.came, told)
        for call in range(len(told)):
            self.way.left(call)
        self.way.freed([(agent, next(self.clock)) for agent in given if agent is not None])
        return taken_ns, given

    def agents_come(self) -> tuple[int, list[int | None]]:
        """The time that a batch of decisions took, and which calls were given; as many wait
        again."""
        agents, size = len(self.agents), min(self.batch, WAITING // 2)
        told = [(self.chance.randrange(agents), next(self.clock)) for _ in range(size)]
        taken_ns, given = _timed(self.way.freed, told)
        for call in given:
            if call is not None:
                self.way.left(call)
        self._fill([call for call in given if call is not None])
        return taken_ns, given

    def _fill(self, calls: Iterable[int]) -> None:
        self.way.came([(call, self._skill(), next(self.clock)) for call in calls])

    def _skill(self) -> int:
        """One that somebody has."""
        return self.chance.choice(sorted(self.chance.choice(self.agents)))


Decide = Callable[[_Office], tuple[int, list[int | None]]]


def _timed(
    decide: Callable[[Sequence[_Told]], list[int | None]], told: Sequence[_Told]
) -> tuple[int, list[int | None]]:
    """Beyond the time that it takes without anything told: of ten agents, five are a batch."""
    before = time.perf_counter_ns()
    decide(())
    began = time.perf_counter_ns()
    given = decide(told)
    ended = time.perf_counter_ns()
    return max(ended - began - (began - before), 1), given


def measure(rounds: int = ROUNDS, shown: Shown = lambda done, of: None) -> Report:
    """All ways with tables of their own, by the same chance."""
    _all_agree()
    kinds: dict[str, Decide] = {}
    sides: dict[tuple[str, str], Side] = {}
    for size in SIZES:
        agents = _agents(size)
        come, free = f"a call comes, {size:,} agents free", f"an agent of {size:,} becomes free"
        kinds |= {come: _Office.calls_come, free: _Office.agents_come}
        for name, way in WAYS.items():
            sides[come, name] = _turns(_Office(way(agents), agents).seated(), kinds[come])
            sides[free, name] = _turns(_Office(way(agents), agents).crowded(), kinds[free])
    sides |= {(what, IDLE): _idle_calls() for what in kinds}
    sides |= {(WORST, OURS): _ours_at_worst(), (WORST, LOOP): _loop_at_worst()}
    sides |= {(PLACE, OURS): _our_position(), (PLACE, LOOP): _plain_position()}
    sides[PATH, OURS] = offers.p99_ms
    keys = {f"{what}: {name}": (what, name) for what, name in sides}
    runs, noise = in_turn({key: sides[keys[key]] for key in keys}, rounds, shown)
    taken = {keys[key]: each for key, each in runs.items()}
    figures = [_compared(taken, what, "ns", Aim(DECISION_NS)) for what in kinds]
    figures += [_flat(taken, list(kinds)[at::2]) for at in (0, 1)]
    figures += [_compared(taken, what, "us", None) for what in (WORST, PLACE)]
    figures.append(_compared(taken, PATH, "ms", Aim(OFFER_MS)))
    return Report(tuple(figures), noise, NOTES)


def _compared(
    taken: Mapping[tuple[str, str], Runs], what: str, unit: str, aim: Aim | None
) -> Compared:
    beside = {name: runs for (each, name), runs in taken.items() if each == what and name != OURS}
    return Compared(what, unit, taken[what, OURS], beside, aim)


def _flat(taken: Mapping[tuple[str, str], Runs], kinds: Sequence[str]) -> Compared:
    """The most agents to the fewest, round by round."""
    few, many = taken[kinds[0], OURS].values, taken[kinds[-1], OURS].values
    ratios = tuple(after / before for before, after in zip(few, many, strict=True))
    return Compared(f"{kinds[-1]}, to {SIZES[0]}", "x", Runs(ratios), {}, Aim(FLAT))


def _agents(size: int) -> list[frozenset[int]]:
    chance = random.Random(2)  # noqa: S311
    return [frozenset(chance.sample(range(SKILLS), EACH)) for _ in range(size)]


def _turns(office: _Office, decide: Decide) -> Side:
    """The median of batches of about a millisecond, so that neither the clock nor another program
    weighs."""

    def turn() -> float:
        each, spent_ns, made = [], 0, 0
        while spent_ns < TURN_NS and made < DECISIONS:
            taken_ns, given = decide(office)
            each.append(taken_ns / len(given))
            spent_ns, made = spent_ns + taken_ns, made + len(given)
            office.batch = max(1, round(1_000_000 / each[-1]))
        return median(each)

    return turn


def _idle_calls() -> Side:
    """What it costs to reach C and do nothing there."""
    acd = Acd(1, 1, 1)
    times = range(DECISIONS)

    def each() -> None:
        busy = acd.agent_busy
        for _ in times:
            busy(0)

    return lambda: seconds_of(each) * 1e9 / len(times)


def _all_agree() -> None:
    """It is the same that is measured."""
    agents = _agents(50)
    told = []
    for way in WAYS.values():
        seated, crowded = (
            _Office(way(agents), agents).seated(),
            _Office(way(agents), agents).crowded(),
        )
        seated.batch = crowded.batch = 10
        told.append([(seated.calls_come()[1], crowded.agents_come()[1]) for _ in range(20)])
    if any(each != told[0] for each in told):
        raise AssertionError("two ways gave a caller different agents: one of them is wrong")


# ---- the worst case ----


def _needs() -> list[frozenset[int]]:
    """All different, and beyond everybody but the last agent."""
    return [
        frozenset([EVERYBODY, *(bit for bit in range(10) if number >> bit & 1)])
        for number in range(CALLS)
    ]


def _ours_at_worst() -> Side:
    acd = Acd(AGENTS, CALLS, CALLS)
    for number, need in enumerate(_needs()):
        acd.need_is(number, dict.fromkeys(need, LEVELS))
        acd.call_waits(number, need=number, since_ms=number, target_ms=0)
    for agent in range(AGENTS):
        acd.agent_knows(agent, dict.fromkeys(range(10), 1))
        acd.agent_free(agent, since_ms=0, from_ms=0)
    last = AGENTS - 1
    acd.agent_knows(last, dict.fromkeys((*range(10), EVERYBODY), 1))
    acd.agent_busy(last)

    def side() -> float:
        began = time.perf_counter_ns()
        match = acd.agent_free(last, since_ms=0, from_ms=0)
        taken_ns = time.perf_counter_ns() - began
        if match != (0, last, 0):
            raise AssertionError(f"the first caller was to meet the last agent, not {match}")
        acd.call_returns(0)
        return taken_ns / 1000

    return side


def _loop_at_worst() -> Side:
    waiting = [(number, sum(1 << bit for bit in need)) for number, need in enumerate(_needs())]
    free = dict.fromkeys(range(AGENTS - 1), (1 << 10) - 1)

    def helped() -> tuple[int, int] | None:
        for call, need in waiting:
            for agent, knows in free.items():
                if need & ~knows == 0:
                    return call, agent
        return None

    def side() -> float:
        """The decision that finds nobody: with one who can help all, a loop is lucky at once."""
        return seconds_of(helped) * 1e6

    return side


def _our_position() -> Side:
    acd = Acd(AGENTS, CALLS, 1)
    acd.need_is(0, {0: 1})
    for call in range(CALLS):
        acd.call_waits(call, need=0, since_ms=call, target_ms=0)
    return lambda: _each_us(lambda call: acd.position(call, 0))


def _plain_position() -> Side:
    waiting = {call: (call, call) for call in range(CALLS)}
    return lambda: _each_us(lambda call: 1 + sum(r < waiting[call] for r in waiting.values()))


def _each_us(position: Callable[[int], int]) -> float:
    """The mean over the whole queue."""
    asked = range(0, CALLS, 16)
    return seconds_of(lambda: [position(call) for call in asked]) * 1e6 / len(asked)
