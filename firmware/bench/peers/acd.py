"""Other ways to say which caller meets which agent, each as its users write it, and ours.

Calls need one skill and are served by deadline; of the agents who have it, the one with the fewest
skills, then the longest idle. All ways give the same answer, which `measure` of the bench checks.
"""

import heapq
import sqlite3
from collections.abc import Sequence
from typing import Protocol

from routing_core.acd import Acd

Skills = frozenset[int]


class Way(Protocol):
    """A table of agents, none free at first, and of calls. Each event is decided by itself."""

    def freed(self, told: Sequence[tuple[int, int]]) -> list[int | None]:
        """One agent after the other is free, since then: the call that each is given."""

    def came(self, told: Sequence[tuple[int, int, int]]) -> list[int | None]:
        """One call after the other waits for a skill, since then: the agent that each is given."""

    def left(self, call: int) -> None:
        """The call waits no more; a talk's beginning is no part of a decision."""


class OurWay:
    """The C core, told and asked through its Python face."""

    def __init__(self, agents: Sequence[Skills], skills: int, calls: int) -> None:
        self._acd = Acd(len(agents), calls, skills)
        for skill in range(skills):
            self._acd.need_is(skill, {skill: 1})
        for agent, known in enumerate(agents):
            self._acd.agent_knows(agent, dict.fromkeys(known, 1))

    def freed(self, told: Sequence[tuple[int, int]]) -> list[int | None]:
        free = self._acd.agent_free
        return [
            (match := free(agent, since_ms=since, from_ms=0)) and match[0] for agent, since in told
        ]

    def came(self, told: Sequence[tuple[int, int, int]]) -> list[int | None]:
        waits = self._acd.call_waits
        return [
            (match := waits(call, need=skill, since_ms=since, target_ms=0)) and match[1]
            for call, skill, since in told
        ]

    def left(self, call: int) -> None:
        self._acd.call_leaves(call)


class PlainLoop:
    """Look at all of them."""

    def __init__(self, agents: Sequence[Skills]) -> None:
        self._knows = agents
        self._free: dict[int, int] = {}
        self._waiting: dict[int, tuple[int, int]] = {}

    def freed(self, told: Sequence[tuple[int, int]]) -> list[int | None]:
        return [self.call_for(*each) for each in told]

    def came(self, told: Sequence[tuple[int, int, int]]) -> list[int | None]:
        return [self.agent_for(*each) for each in told]

    def call_for(self, agent: int, since: int) -> int | None:
        knows = self._knows[agent]
        able = [(t, call) for call, (t, skill) in self._waiting.items() if skill in knows]
        if not able:
            self._free[agent] = since
            return None
        call = min(able)[1]
        del self._waiting[call]
        return call

    def agent_for(self, call: int, skill: int, since: int) -> int | None:
        knows = self._knows
        able = [(len(knows[a]), t, a) for a, t in self._free.items() if skill in knows[a]]
        if not able:
            self._waiting[call] = since, skill
            return None
        agent = min(able)[2]
        del self._free[agent]
        return agent

    def left(self, call: int) -> None:
        self._waiting.pop(call, None)


class HeapPerSkill:
    """A heap of agents and one of calls for each skill; who is taken by one skill stays in the
    other heaps until it is met there."""

    def __init__(self, agents: Sequence[Skills], skills: int) -> None:
        self._knows = agents
        self._since: dict[int, int] = {}
        self._free: list[list[tuple[int, int, int]]] = [[] for _ in range(skills)]
        self._waiting: list[list[tuple[int, int]]] = [[] for _ in range(skills)]

    def freed(self, told: Sequence[tuple[int, int]]) -> list[int | None]:
        return [self.call_for(*each) for each in told]

    def came(self, told: Sequence[tuple[int, int, int]]) -> list[int | None]:
        return [self.agent_for(*each) for each in told]

    def call_for(self, agent: int, since: int) -> int | None:
        knows = self._knows[agent]
        able = [self._waiting[skill] for skill in knows if self._waiting[skill]]
        if able:
            return heapq.heappop(min(able))[1]
        self._since[agent] = since
        for skill in knows:
            heapq.heappush(self._free[skill], (len(knows), since, agent))
        return None

    def agent_for(self, call: int, skill: int, since: int) -> int | None:
        free = self._free[skill]
        while free:
            _, idle, agent = heapq.heappop(free)
            if self._since.get(agent) == idle:
                del self._since[agent]
                return agent
        heapq.heappush(self._waiting[skill], (since, call))
        return None

    def left(self, call: int) -> None:
        for waiting in self._waiting:
            if any(other == call for _, other in waiting):
                waiting[:] = [each for each in waiting if each[1] != call]
                heapq.heapify(waiting)


class Query:
    """Rows in a database, asked anew each time: FreeSWITCH's mod_callcenter does it so."""

    def __init__(self, agents: Sequence[Skills]) -> None:
        self._rows = sqlite3.connect(":memory:", isolation_level=None)
        self._rows.executescript(
            "CREATE TABLE agents (agent INTEGER PRIMARY KEY, skills INTEGER, since INTEGER);"
            "CREATE TABLE tiers (skill INTEGER, agent INTEGER, PRIMARY KEY (skill, agent));"
            "CREATE INDEX tiers_by_agent ON tiers (agent);"
            "CREATE TABLE calls (call INTEGER PRIMARY KEY, skill INTEGER, since INTEGER);"
            "CREATE INDEX calls_by_skill ON calls (skill, since)"
        )
        rows = ((agent, len(knows)) for agent, knows in enumerate(agents))
        tiers = ((skill, agent) for agent, knows in enumerate(agents) for skill in knows)
        self._rows.execute("BEGIN")
        self._rows.executemany("INSERT INTO agents VALUES (?, ?, NULL)", rows)
        self._rows.executemany("INSERT INTO tiers VALUES (?, ?)", tiers)
        self._rows.execute("COMMIT")

    def freed(self, told: Sequence[tuple[int, int]]) -> list[int | None]:
        return [self.call_for(*each) for each in told]

    def came(self, told: Sequence[tuple[int, int, int]]) -> list[int | None]:
        return [self.agent_for(*each) for each in told]

    def call_for(self, agent: int, since: int) -> int | None:
        found = self._rows.execute(
            "SELECT call FROM tiers JOIN calls USING (skill) WHERE agent = ?"
            " ORDER BY since, call LIMIT 1",
            (agent,),
        ).fetchone()
        if found is None:
            self._rows.execute("UPDATE agents SET since = ? WHERE agent = ?", (since, agent))
            return None
        self._rows.execute("DELETE FROM calls WHERE call = ?", found)
        return int(found[0])

    def agent_for(self, call: int, skill: int, since: int) -> int | None:
        found = self._rows.execute(
            "SELECT agent FROM tiers JOIN agents USING (agent)"
            " WHERE skill = ? AND since IS NOT NULL ORDER BY skills, since, agent LIMIT 1",
            (skill,),
        ).fetchone()
        if found is None:
            self._rows.execute("INSERT INTO calls VALUES (?, ?, ?)", (call, skill, since))
            return None
        self._rows.execute("UPDATE agents SET since = NULL WHERE agent = ?", found)
        return int(found[0])

    def left(self, call: int) -> None:
        self._rows.execute("DELETE FROM calls WHERE call = ?", (call,))
