"""How long callers wait for so many people, and how many people it takes: Erlang-B, -C and -A.

Calls come at random (Poisson), talks and patience have exponential lengths: what one hour of a
clinic's telephone is like, near enough for advice and exact enough to be tested. Nothing here
multiplies factorials or powers that could overflow: each model is a walk from one state to the next
along ratios near one, good for hundreds of people.

Erlang-B (calls that find all lines busy are lost) and Erlang-C (all wait, for ever): A. K. Erlang,
"Solution of some problems in the theory of probabilities of significance in automatic telephone
exchanges", 1917. Erlang-A (those who wait hang up after their patience): C. Palm, "Methods of
judging the annoyance caused by congestion", 1953; O. Garnett, A. Mandelbaum, M. Reiman, "Designing
a call center with impatient customers", Manufacturing & Service Operations Management 4(3), 2002.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, expm1, floor, inf, isinf, log

HOUR_S = 3600.0
# A state rarer than this beside the likeliest changes no digit that anybody reads.
NEGLIGIBLE = 1e-18
# Fewer observed hours, or calls in them, say more of chance than of the clinic.
LEAST_WEEKS = 4
LEAST_CALLS = 30
# Of a queue's callers: the field's usual share to be answered within the queue's target.
GOAL = 0.8
WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True, slots=True)
class Demand:
    """What callers ask of one hour. Patience is its mean; infinite: nobody hangs up."""

    calls_per_h: float
    handle_s: float
    patience_s: float = inf

    @property
    def load(self) -> float:
        """People kept busy if none had to wait, in erlangs."""
        return self.calls_per_h * self.handle_s / HOUR_S


@dataclass(frozen=True, slots=True)
class Forecast:
    """What that demand meets: shares of all callers, the mean wait of those answered, and the share
    of their time that people talk."""

    waits: float
    abandons: float
    asa_s: float
    within: float  # answered within the target
    occupancy: float


@dataclass(frozen=True, slots=True)
class Slot:
    """One queue at one hour of the week, as the ledger has measured it."""

    queue: str
    weekday: int  # 0 is Monday
    hour: int  # of the clinic's clock
    weeks: int  # in how many weeks that hour was seen
    calls: int  # in all of them
    handle_s: float | None  # None: nobody has been answered yet
    patience_s: float
    asa_s: float | None  # as it was, not as reckoned
    agents: int
    target_s: float

    @property
    def is_known(self) -> bool:
        """Whether there is history enough to build on."""
        enough = self.weeks >= LEAST_WEEKS and self.calls >= LEAST_CALLS
        return enough and self.handle_s is not None and self.agents > 0

    @property
    def demand(self) -> Demand:
        return Demand(self.calls / max(self.weeks, 1), self.handle_s or 0.0, self.patience_s)

    @property
    def when(self) -> str:
        return f"{WEEKDAYS[self.weekday]} {self.hour}-{self.hour + 1}"


def erlang_b(lines: int, load: float) -> float:
    """The share of calls that find all lines busy, by Erlang's recursion over the lines."""
    blocked = 1.0
    for line in range(1, lines + 1):
        blocked = load * blocked / (line + load * blocked)
    return blocked


def carried_at(lines: int, blocked: float) -> float:
    """The load, in erlangs, at which that share of calls finds all lines busy."""
    low, high = 0.0, 1.0
    while erlang_b(lines, high) < blocked:
        low, high = high, high * 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if erlang_b(lines, middle) < blocked else (low, middle)
    return low


def forecast(demand: Demand, agents: int, target_s: float) -> Forecast:
    """By Erlang-A, or where patience is endless by Erlang-C."""
    if demand.load <= 0.0:
        return Forecast(0.0, 0.0, 0.0, 1.0, 0.0)
    if isinf(demand.patience_s):
        return _erlang_c(demand, agents, target_s)
    return _erlang_a(demand, agents, target_s)


def least_agents(demand: Demand, target_s: float, share: float = GOAL) -> int:
    """The fewest people who answer that share of callers within the target."""
    enough = 1
    while forecast(demand, enough, target_s).within < share:
        enough *= 2
    too_few = enough // 2
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        if forecast(demand, middle, target_s).within < share:
            too_few = middle
        else:
            enough = middle
    return enough


def advice(slot: Slot) -> str:
    """One sentence, or an honest one on why there is none."""
    if not slot.is_known:
        return f"{slot.queue}, {slot.when}: {_unknown(slot)}"
    now = forecast(slot.demand, slot.agents, slot.target_s)
    if now.within >= GOAL:
        enough = least_agents(slot.demand, slot.target_s)
        spare = f"; {enough} would do" if enough < slot.agents else ""
        told = f"{slot.agents} are enough: {_seconds(now.asa_s)}{spare}"
        return f"{slot.queue}, {slot.when}: {told}"
    more = forecast(slot.demand, slot.agents + 1, slot.target_s)
    gain = f"{_seconds(now.asa_s)} → {_seconds(more.asa_s)}"
    return f"{slot.queue}: one more person {slot.when}: {gain}"


def is_short_of_people(slot: Slot) -> bool:
    """Whether one person more is advised."""
    return slot.is_known and forecast(slot.demand, slot.agents, slot.target_s).within < GOAL


def relief_s(slot: Slot) -> float:
    """Seconds of waiting that one person more would take from all callers of that hour: what the
    advices are ordered by. Who hangs up has waited too."""
    now_s = _waited_s(slot.demand, slot.agents)
    return now_s if isinf(now_s) else now_s - _waited_s(slot.demand, slot.agents + 1)


def _waited_s(demand: Demand, agents: int) -> float:
    """By all callers of an hour; those who hang up do so at the rate 1/patience while waiting."""
    found = forecast(demand, agents, 0.0)
    if isinf(demand.patience_s):
        return demand.calls_per_h * found.asa_s
    return demand.calls_per_h * found.abandons * demand.patience_s


def _unknown(slot: Slot) -> str:
    if slot.agents == 0:
        return "nobody answers this queue"
    if slot.handle_s is None:
        return "nobody has been answered in this queue yet"
    weeks = "1 week" if slot.weeks == 1 else f"{slot.weeks} weeks"
    calls = "1 call" if slot.calls == 1 else f"{slot.calls} calls"
    return f"too little history ({calls} in {weeks}); it takes {LEAST_CALLS} in {LEAST_WEEKS}"


def _seconds(seconds: float) -> str:
    return "ever longer" if isinf(seconds) else f"{seconds:.0f} s"


def _erlang_c(demand: Demand, agents: int, target_s: float) -> Forecast:
    load = demand.load
    if load >= agents:
        return Forecast(waits=1.0, abandons=0.0, asa_s=inf, within=0.0, occupancy=1.0)
    blocked = erlang_b(agents, load)
    occupancy = load / agents
    waits = blocked / (1 - occupancy * (1 - blocked))
    spare = agents - load
    return Forecast(
        waits=waits,
        abandons=0.0,
        asa_s=waits * demand.handle_s / spare,
        within=1 - waits * exp(-spare * target_s / demand.handle_s),
        occupancy=occupancy,
    )


def _erlang_a(demand: Demand, agents: int, target_s: float) -> Forecast:
    """Sums over what a caller may find on arrival (which is what there is at any time: Poisson).

    Who finds k others waiting is served after k + 1 departures, of which the next one comes at the
    rate `serve + j·leave` while j of them are still there. So the wait offered is that of -ln(X) /
    leave with X of a Beta(serve / leave, k + 1) distribution, and who is patient enough for it is
    found by weighing it with X itself.
    """
    states = _States(demand.calls_per_h / HOUR_S, 1 / demand.handle_s, 1 / demand.patience_s)
    weights = states.weights(agents)
    total = sum(weight for _, weight in weights)
    waiting = [(found - agents, weight / total) for found, weight in weights if found >= agents]
    at_once = sum(weight for found, weight in weights if found < agents) / total
    serve, leave = agents * states.serve, states.leave
    stayed, waited, in_time = at_once, 0.0, at_once
    chances = _in_time(serve / leave, leave * target_s)
    offered_s, ahead = 0.0, -1
    chance = 0.0
    for behind, share in waiting:
        while ahead < behind:
            ahead += 1
            offered_s += 1 / (serve + (ahead + 1) * leave)
            chance = next(chances)
        served = share * serve / (serve + (behind + 1) * leave)
        stayed += served
        waited += served * offered_s
        in_time += served * chance
    return Forecast(
        waits=1 - at_once,
        abandons=max(0.0, 1 - stayed),
        asa_s=waited / stayed,
        within=in_time,
        occupancy=demand.load * stayed / agents,
    )


@dataclass(frozen=True, slots=True)
class _States:
    """How many callers there are, talking or waiting: rates a second of coming, of one talk's end,
    and of one waiting caller's hanging up."""

    come: float
    serve: float
    leave: float

    def weights(self, agents: int) -> list[tuple[int, float]]:
        """Each number of callers with its share, in any measure; walked from the likeliest, whose
        weight is one, both ways into the negligible."""
        top = self._likeliest(agents)
        down, weight = [(top, 1.0)], 1.0
        for callers in range(top, 0, -1):
            weight *= self._go(callers, agents) / self.come
            if weight < NEGLIGIBLE:
                break
            down.append((callers - 1, weight))
        up, weight, callers = [], 1.0, top
        while weight >= NEGLIGIBLE:
            callers += 1
            weight *= self.come / self._go(callers, agents)
            up.append((callers, weight))
        return [*reversed(down), *up]

    def _go(self, callers: int, agents: int) -> float:
        return min(callers, agents) * self.serve + max(0, callers - agents) * self.leave

    def _likeliest(self, agents: int) -> int:
        if self.come <= agents * self.serve:
            return floor(self.come / self.serve)
        return agents + floor((self.come - agents * self.serve) / self.leave)


def _in_time(shape: float, patiences: float) -> Iterator[float]:
    """For 0, 1, 2 … others waiting: the chance that somebody known to be patient enough is served
    within that many patiences. It is the regularised incomplete beta function I(k + 1, shape + 1),
    walked up by its recurrence (Abramowitz and Stegun 26.5.16), the terms as logarithms."""
    if patiences <= 0.0:
        while True:
            yield 0.0
    gone = -expm1(-patiences)
    power = shape + 1
    chance = -expm1(-patiences * power)
    log_term = log(gone) + log(power) - patiences * power
    others = 1
    while True:
        yield max(0.0, chance)
        chance -= exp(log_term)
        log_term += log(gone * (others + power) / (others + 1))
        others += 1
