"""Who answers whom, by the clinic's own names: the ACD's numbers are known here and nowhere else.

Whoever comes, and the time, are answered with the pairs that meet because of it. They are taken at
once, so whoever is told of them makes the offers before anything else is asked.

To be an agent of a queue is a skill like any other, which that queue's callers need. What a queue
asks for, now and after some waiting, is a row of needs; needs and skills of queues that no plan has
and nobody waits in are forgotten, and their numbers given out again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ivr.plan import Phone, Queue
from routing_core.acd import SKILLS, Acd, Match

CALLS_MAX = 1024
AGENTS_MAX = 256 + 1  # and the canary
NEEDS_MAX = 384  # of the queues of two plans, the old one's callers being still there

_AGENT_OF = "agent of "

# From how long a wait on, in ms, which skills are needed and the worst level that will do.
Stage = tuple[int, tuple[tuple[str, int], ...]]
Stages = tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A caller, the agent who should be offered the call, and the queue by which it is theirs."""

    call: str
    extension: str
    queue: str


def ms(seconds: float) -> int:
    """A time as the ACD counts it."""
    return round(seconds * 1000)


def agent_of(queue: str) -> str:
    """The skill of being an agent of this queue. No other has a space in its name."""
    return f"{_AGENT_OF}{queue}"


def queues_of(skills: Iterable[str]) -> Iterator[str]:
    """The queues whose agent these skills make."""
    return (skill.removeprefix(_AGENT_OF) for skill in skills if skill.startswith(_AGENT_OF))


def stages(queue: Queue) -> Stages:
    """What its callers need, from the beginning and after each time at which that changes."""
    wanted = [(0.0, queue.needs), *((rule.after_s, rule.needs) for rule in queue.relaxes)]
    member = (agent_of(queue.name), 1)
    return tuple((ms(after_s), (member, *sorted(needs.items()))) for after_s, needs in wanted)


def skills_of(
    extension: str, phones: Mapping[str, Phone], queues: Iterable[Queue]
) -> Mapping[str, int]:
    """What who sits at this phone can do, each at its level; nothing, if it is in no queue."""
    member = {agent_of(queue.name): 1 for queue in queues if extension in queue.agents}
    return {**member, **phones[extension].skills} if extension in phones and member else member


@dataclass(slots=True)
class Matching:
    """Callers by their needs, agents by their skills."""

    _acd: Acd = field(default_factory=lambda: Acd(AGENTS_MAX, CALLS_MAX, NEEDS_MAX))
    _waits: dict[str, tuple[int, tuple[Stages, ...]]] = field(default_factory=dict)  # call -> slot
    _callers: dict[int, str] = field(default_factory=dict)  # slot -> call
    _slots: list[int] = field(default_factory=lambda: list(range(CALLS_MAX))[::-1])
    _seats: dict[str, int] = field(default_factory=dict)  # extension -> slot
    _agents: dict[int, str] = field(default_factory=dict)  # slot -> extension
    _skills: dict[str, int] = field(default_factory=dict)  # by number
    _needs: dict[Stages, tuple[int, ...]] = field(default_factory=dict)  # by slots, ascending
    _queues: dict[int, str] = field(default_factory=dict)  # first need -> queue
    told_ms: int = 0  # the time, as the ACD knows it
    idle: set[str] = field(default_factory=set)  # agents that it may choose, now or after a rest

    def adopt(self, queues: Sequence[Queue], knows: Mapping[str, Mapping[str, int]]) -> None:
        """What is asked for from now on, and what each agent can do."""
        for extension in self._seats.keys() - knows.keys():
            left = self._seats.pop(extension)
            self.idle.discard(extension)
            del self._agents[left]
            self._acd.agent_busy(left)
        self._forget({stages(queue) for queue in queues}, knows.values())
        for queue in queues:
            self._needs_of(queue)
        free = (slot for slot in range(AGENTS_MAX) if slot not in self._seats.values())
        for extension in [new for new in knows if new not in self._seats]:
            if (seat := next(free, None)) is not None:
                self._seats[extension], self._agents[seat] = seat, extension
        for extension, slot in self._seats.items():
            numbers = {self._number(skill): level for skill, level in knows[extension].items()}
            self._acd.agent_knows(slot, {n: level for n, level in numbers.items() if n is not None})

    def free(self, extension: str, idle_since: float, begins: float) -> list[Pair]:
        """The agent has been idle since then, and can be offered calls once that time begins."""
        if (slot := self._seats.get(extension)) is None:
            return []
        self.idle.add(extension)
        return self._pairs(self._acd.agent_free(slot, since_ms=ms(idle_since), from_ms=ms(begins)))

    def busy(self, extension: str) -> None:
        """The agent is offered nothing."""
        self.idle.discard(extension)
        if (slot := self._seats.get(extension)) is not None:
            self._acd.agent_busy(slot)

    def wait(
        self, call: str, within_s: Iterable[tuple[Queue, float]], since: float
    ) -> list[Pair] | None:
        """The call waits in these queues since then, each with its target. None: there is no
        room."""
        places = self._enter(call, within_s)
        return self._line_up(call, places, since) if places else None

    def wait_aside(
        self, call: str, within_s: Iterable[tuple[Queue, float]], since: float
    ) -> list[Pair] | None:
        """It waits and stands in line, but is nobody's until it is put back."""
        places = self._enter(call, within_s)
        if not places:
            return None
        self._acd.call_held(self._waits[call][0])
        return self._line_up(call, places, since)

    def leave(self, call: str) -> None:
        """The call waits no more."""
        slot, _ = self._waits.pop(call)
        del self._callers[slot]
        self._slots.append(slot)
        self._acd.call_leaves(slot)

    def put_back(self, call: str) -> list[Pair]:
        """The offer came to nothing: others may have the call, which kept its rank."""
        return self._pairs(self._acd.call_returns(self._waits[call][0]))

    def position(self, call: str) -> int:
        """A waiting caller's place in the first of its queues, 1 being next."""
        slot, rows = self._waits[call]
        return self._acd.position(slot, self._needs[rows[0]][0])

    def time_is(self, now: float) -> list[Pair]:
        """Rests end and needs relax by this."""
        self.told_ms = max(self.told_ms, ms(now))
        return self._pairs(*iter(lambda: self._acd.time_is(ms(now)), None))

    def next_deadline(self) -> float | None:
        """When `time_is` will change something."""
        at_ms = self._acd.next_deadline()
        return None if at_ms is None else at_ms / 1000

    def _enter(self, call: str, within_s: Iterable[tuple[Queue, float]]) -> list[tuple[int, int]]:
        """The targets and needs of a call that now has a slot, as the ACD is told them; none when
        there is no room."""
        rows = [(stages(queue), self._needs_of(queue), ms(target)) for queue, target in within_s]
        rows = [row for row in rows if row[1]]
        if not rows or not self._slots:
            return []
        slot = self._slots.pop()
        self._waits[call] = slot, tuple(row for row, _, _ in rows)
        self._callers[slot] = call
        return sorted((target_ms, needs[0]) for _, needs, target_ms in rows)

    def _line_up(self, call: str, places: list[tuple[int, int]], since: float) -> list[Pair]:
        slot, since_ms = self._waits[call][0], ms(since)
        return self._pairs(
            *(
                self._acd.call_waits(slot, need=need, since_ms=since_ms, target_ms=target_ms)
                for target_ms, need in places
            )
        )

    def _pairs(self, *matches: Match | None) -> list[Pair]:
        pairs = [
            Pair(self._callers[call], self._agents[agent], self._queues[need])
            for call, agent, need in filter(None, matches)
        ]
        self.idle.difference_update(pair.extension for pair in pairs)
        return pairs

    # ---- numbers ----

    def _needs_of(self, queue: Queue) -> tuple[int, ...]:
        """The slots of a queue's needs, as they follow one another; none when the tables are
        full."""
        row = stages(queue)
        if row not in self._needs:
            taken = {slot for slots in self._needs.values() for slot in slots}
            slots = [slot for slot in range(NEEDS_MAX) if slot not in taken][: len(row)]
            numbers = {skill: self._number(skill) for _, wanted in row for skill, _ in wanted}
            if len(slots) < len(row) or None in numbers.values():
                return ()
            self._say(row, slots, {skill: n for skill, n in numbers.items() if n is not None})
            self._needs[row] = tuple(slots)
            self._queues[slots[0]] = queue.name
        return self._needs[row]

    def _say(self, row: Stages, slots: list[int], numbers: Mapping[str, int]) -> None:
        """From the last on, for each leads to the next."""
        after_ms, then = 0, None
        for slot, (begins_ms, wanted) in reversed(list(zip(slots, row, strict=True))):
            levels = {numbers[skill]: level for skill, level in wanted}
            self._acd.need_is(slot, levels, after_ms=after_ms, then=then)
            after_ms, then = begins_ms, slot

    def _number(self, skill: str) -> int | None:
        if skill not in self._skills:
            taken = set(self._skills.values())
            number = next((n for n in range(SKILLS) if n not in taken), None)
            if number is None:
                return None
            self._skills[skill] = number
        return self._skills[skill]

    def _forget(self, wanted: set[Stages], known: Iterable[Mapping[str, int]]) -> None:
        """What is neither in the plan nor waited for."""
        wanted |= {row for _, rows in self._waits.values() for row in rows}
        for row in self._needs.keys() - wanted:
            slots = self._needs.pop(row)
            del self._queues[slots[0]]
            for slot in slots:
                self._acd.need_is(slot, {})
        named = {skill for row in self._needs for _, levels in row for skill, _ in levels}
        named |= {skill for skills in known for skill in skills}
        self._skills = {skill: number for skill, number in self._skills.items() if skill in named}
