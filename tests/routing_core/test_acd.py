"""The ACD in C held to a definition in plain Python: the same answer after every history."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from routing_core.acd import LEVELS, PLACES, SKILLS, Acd, Match

DOCTOR, NURSE, BILLING, SPANISH, ENGLISH = range(5)
AGENTS, CALLS, NEEDS = 5, 6, 70  # needs fill more than one word of bits
Skills = Mapping[int, int]


@dataclass(slots=True)
class Definition:
    """What the ACD means, as plainly as it can be said."""

    now: int = 0
    needs: dict[int, tuple[Skills, int, int]] = field(default_factory=dict)  # after, then
    knows: dict[int, Skills] = field(default_factory=dict)
    free: dict[int, tuple[int, int]] = field(default_factory=dict)  # agent -> since, from
    places: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)  # deadline, since
    stands: dict[tuple[int, int], int] = field(default_factory=dict)  # place -> need by now
    offered: set[int] = field(default_factory=set)

    def relax(self) -> None:
        for place, (_, since) in self.places.items():
            while since + self.needs[self.stands[place]][1] <= self.now and (
                self.needs[self.stands[place]][2] != self.stands[place]
            ):
                self.stands[place] = self.needs[self.stands[place]][2]

    def helpers(self, skills: Skills) -> list[tuple[int, int, int, int]]:
        """Who is free and can help: the worst level needed, other skills, idle since, agent."""
        return sorted(
            (max(knows[s] for s in skills), len(knows.keys() - skills.keys()), since, agent)
            for agent, (since, begins) in self.free.items()
            for knows in [self.knows.get(agent, {})]
            if begins <= self.now and all(knows.get(s, LEVELS + 1) <= skills[s] for s in skills)
        )

    def in_rank(self) -> list[tuple[int, int]]:
        return sorted(self.places, key=lambda place: (self.places[place], place))

    def take(self) -> Match | None:
        for call, need in self.in_rank():
            able = self.helpers(self.needs[self.stands[call, need]][0])
            if able and call not in self.offered:
                self.offered.add(call)
                del self.free[able[0][3]]
                return call, able[0][3], need
        return None

    def position(self, call: int, need: int) -> int:
        return [c for c, n in self.in_rank() if n == need].index(call) + 1

    def next_deadline(self) -> int | None:
        stages = [(place, self.needs[self.stands[place]]) for place in self.places]
        relax = [self.places[p][1] + after for p, (_, after, n) in stages if n != self.stands[p]]
        rests = [begins for _, begins in self.free.values() if begins > self.now]
        return min(relax + rests, default=None)


SLOTS = st.integers(0, CALLS - 1)
SEATS = st.integers(0, AGENTS - 1)
NEED = st.sampled_from([0, 1, 2, 63, 64, 69])
SKILL_SETS = st.dictionaries(st.sampled_from([0, 1, 2, 63]), st.integers(1, 3), max_size=4)
TIMES = st.integers(-2, 12)  # few, so that ties are common
SPANS = st.integers(0, 8)


class Hospital(RuleBasedStateMachine):
    """Every history of calls, agents, needs and time, told to both."""

    def __init__(self) -> None:
        super().__init__()
        self.acd, self.told = Acd(AGENTS, CALLS, NEEDS), Definition()

    @initialize(skills=st.lists(SKILL_SETS.filter(bool), min_size=6, max_size=6))
    def three_needs_relax_into_three_others(self, skills: list[Skills]) -> None:
        for need, wanted, after, then in zip(
            (69, 64, 63, 2, 1, 0), skills, (0, 5, 3, 0, 2, 4), (69, 69, 64, 2, 63, 1), strict=True
        ):
            self.a_need_is(need, wanted, after, then)

    @rule(need=NEED, skills=SKILL_SETS.filter(bool), after=SPANS, then=NEED)
    def a_need_is(self, need: int, skills: Skills, after: int, then: int) -> None:
        if then < need or (then > need and then not in self.told.needs):
            with pytest.raises(ValueError, match="higher slot"):
                self.acd.need_is(need, skills, after_ms=after, then=then)
        elif need in self.told.stands.values():
            with pytest.raises(ValueError, match="waits by it"):
                self.acd.need_is(need, skills, after_ms=after, then=then)
        else:
            self.acd.need_is(need, skills, after_ms=after, then=then)
            self.told.needs[need] = skills, after, then

    @rule(agent=SEATS, skills=SKILL_SETS)
    def an_agent_knows(self, agent: int, skills: Skills) -> None:
        self.acd.agent_knows(agent, skills)
        self.told.knows[agent] = skills

    @rule(agent=SEATS, since=TIMES, begins=TIMES)
    def an_agent_is_free(self, agent: int, since: int, begins: int) -> None:
        self.told.free[agent] = since, begins
        assert self.acd.agent_free(agent, since_ms=since, from_ms=begins) == self.told.take()

    @rule(agent=SEATS)
    def an_agent_is_busy(self, agent: int) -> None:
        self.acd.agent_busy(agent)
        self.told.free.pop(agent, None)

    @rule(call=SLOTS, need=NEED, since=TIMES, within=SPANS)
    def a_call_waits(self, call: int, need: int, since: int, within: int) -> None:
        others = [n for c, n in self.told.places if c == call and n != need]
        if len(others) == PLACES:
            with pytest.raises(ValueError, match="must leave first"):
                self.acd.call_waits(call, need=need, since_ms=since, target_ms=within)
        else:
            self.told.places[call, need] = since + within, since
            self.told.stands[call, need] = need
            self.told.relax()
            met = self.acd.call_waits(call, need=need, since_ms=since, target_ms=within)
            assert met == self.told.take()

    @rule(call=SLOTS)
    def a_call_is_held(self, call: int) -> None:
        self.acd.call_held(call)
        self.told.offered.add(call)

    @rule(call=SLOTS)
    def an_offer_comes_to_nothing(self, call: int) -> None:
        self.told.offered.discard(call)
        assert self.acd.call_returns(call) == self.told.take()

    @rule(call=SLOTS)
    def a_call_leaves(self, call: int) -> None:
        self.acd.call_leaves(call)
        self.told.offered.discard(call)
        for place in [place for place in self.told.places if place[0] == call]:
            del self.told.places[place], self.told.stands[place]

    @rule(passed=SPANS)
    def time_passes(self, passed: int) -> None:
        self.told.now += passed
        self.told.relax()
        assert self.acd.time_is(self.told.now) == self.told.take()

    @rule()
    def the_clock_is_said_to_go_back(self) -> None:
        assert self.acd.time_is(self.told.now - 3) == self.told.take()

    @invariant()
    def positions_and_deadlines_agree(self) -> None:
        for call, need in self.told.places:
            assert self.acd.position(call, need) == self.told.position(call, need)
        assert self.acd.next_deadline() == self.told.next_deadline()

    def teardown(self) -> None:
        while (match := self.told.take()) is not None:
            assert self.acd.time_is(self.told.now) == match
        assert self.acd.time_is(self.told.now) is None


test_after_every_history_c_and_the_definition_agree = Hospital.TestCase
test_after_every_history_c_and_the_definition_agree.settings = settings(
    max_examples=150, stateful_step_count=60, deadline=None
)


@given(
    arrivals=st.lists(st.tuples(st.integers(1, 9_000), st.booleans()), min_size=1, max_size=80),
    talk_ms=st.integers(1_000, 20_000),
)
def test_nobody_is_starved_and_nobody_of_the_same_urgency_and_need_is_overtaken(
    arrivals: list[tuple[int, bool]], talk_ms: int
) -> None:
    """One nurse, however busy, and a flood of urgent callers before a few routine ones."""
    acd, targets_ms = Acd(1, len(arrivals), 1), {True: 10_000, False: 60_000}
    a_nurse(acd)
    now, since = 0, dict[int, int]()
    served: list[int] = []
    for call, (gap_ms, is_urgent) in enumerate(arrivals):
        now += gap_ms
        since[call] = now
        acd.call_waits(call, need=0, since_ms=now, target_ms=targets_ms[is_urgent])
    while len(served) < len(arrivals):
        match = acd.agent_free(0, since_ms=now, from_ms=0)
        assert match is not None
        served.append(match[0])
        acd.call_leaves(match[0])
        now += talk_ms
    for urgency in (True, False):
        alike = [call for call in served if arrivals[call][1] is urgency]
        assert alike == sorted(alike)
    for place, call in enumerate(served):
        # Whoever came later than a caller's own deadline is served after it, urgent or not.
        deadline = since[call] + targets_ms[arrivals[call][1]]
        assert all(since[earlier] <= deadline for earlier in served[:place])


def a_nurse(acd: Acd, agent: int = 0) -> None:
    """Who can do what need 0 asks for."""
    acd.need_is(0, {NURSE: LEVELS})
    acd.agent_knows(agent, {NURSE: 1})


def test_an_urgent_caller_nobody_can_help_does_not_block_the_rest() -> None:
    acd = Acd()
    acd.need_is(0, {NURSE: 1})
    acd.need_is(1, {DOCTOR: 1})
    acd.agent_knows(5, {NURSE: 1})
    acd.call_waits(0, need=1, since_ms=0, target_ms=5_000)
    acd.call_waits(1, need=0, since_ms=60_000, target_ms=120_000)
    assert acd.agent_free(5, since_ms=0, from_ms=0) == (1, 5, 0)
    assert acd.time_is(0) is None


def test_a_routine_caller_who_waits_long_enough_comes_before_an_urgent_newcomer() -> None:
    acd = Acd()
    a_nurse(acd)
    acd.call_waits(0, need=0, since_ms=0, target_ms=120_000)
    acd.call_waits(1, need=0, since_ms=60_000, target_ms=20_000)
    acd.call_waits(2, need=0, since_ms=110_000, target_ms=20_000)
    assert [acd.position(call, 0) for call in range(3)] == [2, 1, 3]


def test_who_speaks_it_best_comes_first_and_rare_skills_are_kept_free() -> None:
    acd = Acd()
    acd.need_is(0, {NURSE: 9})
    acd.need_is(1, {NURSE: 9, SPANISH: 9})
    acd.agent_knows(0, {NURSE: 1, SPANISH: 2})
    acd.agent_knows(1, {NURSE: 1})
    acd.agent_knows(2, {NURSE: 3, SPANISH: 1})
    for agent in range(3):
        acd.agent_free(agent, since_ms=agent, from_ms=0)
    met = acd.call_waits(0, need=0, since_ms=0, target_ms=0)
    assert met == (0, 1, 0)  # not the longest idle, who speaks Spanish too
    met = acd.call_waits(1, need=1, since_ms=1, target_ms=0)
    assert met == (1, 0, 1)  # by what each knows least: 2 before 3


def test_the_longest_idle_of_equals_is_next() -> None:
    acd = Acd()
    acd.need_is(0, {NURSE: 1})
    acd.agent_knows(0, {NURSE: 1, BILLING: 1})
    acd.agent_knows(1, {NURSE: 1, SPANISH: 3})
    acd.agent_free(0, since_ms=2_000, from_ms=0)
    acd.agent_free(1, since_ms=1_000, from_ms=0)
    assert acd.call_waits(0, need=0, since_ms=5_000, target_ms=60_000) == (0, 1, 0)


def test_after_a_minute_good_english_will_do_and_after_two_any() -> None:
    acd = Acd()
    acd.need_is(2, {NURSE: 9})
    acd.need_is(1, {NURSE: 9, ENGLISH: 5}, after_ms=120_000, then=2)
    acd.need_is(0, {NURSE: 9, ENGLISH: 1}, after_ms=60_000, then=1)
    acd.agent_knows(0, {NURSE: 1, ENGLISH: 4})
    acd.agent_knows(1, {NURSE: 1})
    for agent in range(2):
        acd.agent_free(agent, since_ms=0, from_ms=0)
    assert acd.call_waits(7, need=0, since_ms=1_000, target_ms=20_000) is None
    assert acd.next_deadline() == 61_000
    assert acd.time_is(60_999) is None
    assert acd.time_is(61_000) == (7, 0, 0)
    assert acd.call_returns(7) is None
    assert acd.next_deadline() == 121_000
    assert acd.time_is(121_000) == (7, 1, 0)
    assert acd.next_deadline() is None
    acd.call_waits(8, need=0, since_ms=1_000, target_ms=20_000)  # put back late, by its old time
    assert acd.agent_free(1, since_ms=0, from_ms=0) == (8, 1, 0)
    assert acd.position(8, 0) == 2


def test_wrap_up_ends_by_itself_and_a_pause_does_not() -> None:
    acd = Acd()
    a_nurse(acd)
    acd.call_waits(0, need=0, since_ms=0, target_ms=0)
    assert acd.agent_free(0, since_ms=50_000, from_ms=50_000) is None  # wraps up until then
    assert acd.next_deadline() == 50_000
    acd.agent_busy(0)  # pauses
    assert acd.next_deadline() is None
    assert acd.time_is(60_000) is None
    assert acd.agent_free(0, since_ms=60_000, from_ms=60_000) == (0, 0, 0)


def test_a_caller_in_two_queues_is_answered_by_the_first_and_leaves_both() -> None:
    acd = Acd()
    a_nurse(acd, agent=3)
    acd.need_is(1, {BILLING: 1})
    acd.call_waits(0, need=1, since_ms=0, target_ms=10_000)
    acd.call_waits(1, need=0, since_ms=0, target_ms=60_000)
    acd.call_waits(0, need=0, since_ms=0, target_ms=90_000)
    assert [acd.position(0, need) for need in (0, 1)] == [2, 1]
    assert acd.agent_free(3, since_ms=0, from_ms=0) == (1, 3, 0)
    assert acd.agent_free(3, since_ms=0, from_ms=0) == (0, 3, 0)
    acd.call_leaves(0)
    with pytest.raises(LookupError, match="no position"):
        acd.position(0, 1)


def test_a_call_that_is_held_stands_in_line_and_is_offered_once_it_returns() -> None:
    acd = Acd()
    a_nurse(acd)
    acd.agent_free(0, since_ms=0, from_ms=0)
    acd.call_held(0)
    assert acd.call_waits(0, need=0, since_ms=0, target_ms=0) is None
    assert acd.position(0, 0) == 1
    assert acd.call_returns(0) == (0, 0, 0)


def test_a_ticket_keeps_the_rank_of_the_caller_who_hung_up() -> None:
    acd = Acd()
    a_nurse(acd)
    for call in range(3):
        acd.call_waits(call, need=0, since_ms=call * 1_000, target_ms=60_000)
    acd.call_leaves(0)  # the power went; the ticket was on disk, with its times
    acd.call_waits(9, need=0, since_ms=0, target_ms=60_000)
    assert acd.agent_free(0, since_ms=0, from_ms=0) == (9, 0, 0)
    assert acd.position(1, 0) == 2  # the ticket's caller is being dialled, and stands before
    met = acd.agent_free(0, since_ms=0, from_ms=0)
    assert met == (1, 0, 0)  # nobody waits for the dialling
    assert acd.call_returns(9) is None
    met = acd.agent_free(0, since_ms=0, from_ms=0)
    assert met == (9, 0, 0)  # not reached, tried again: still before who came later


def test_an_agent_who_learns_a_skill_while_idle_is_offered_what_it_opens() -> None:
    acd = Acd()
    a_nurse(acd)
    acd.agent_free(4, since_ms=0, from_ms=0)
    assert acd.call_waits(0, need=0, since_ms=0, target_ms=0) is None
    acd.agent_knows(4, {NURSE: 2})
    assert acd.time_is(0) == (0, 4, 0)


def test_a_need_can_be_unsaid_only_when_nobody_waits_by_it_or_could() -> None:
    acd = Acd()
    acd.need_is(2, {SPANISH: 1})
    acd.need_is(1, {SPANISH: 1, NURSE: 1}, after_ms=5, then=2)
    acd.call_waits(0, need=1, since_ms=0, target_ms=0)
    for need in (1, 2):
        with pytest.raises(ValueError, match="leads to it"):
            acd.need_is(need, {})
    acd.call_leaves(0)
    acd.need_is(1, {})
    acd.need_is(2, {})
    with pytest.raises(ValueError, match="asks for something"):
        acd.call_waits(0, need=1, since_ms=0, target_ms=0)


def test_what_is_outside_the_tables_is_refused_with_the_bounds() -> None:
    acd = Acd(agents=2, calls=2, needs=2)
    acd.need_is(0, {NURSE: 1})
    acd.call_leaves(1)
    acd.agent_busy(1)
    refused: list[Callable[[], object]] = [
        lambda: acd.call_leaves(2),
        lambda: acd.call_returns(2),
        lambda: acd.call_held(2),
        lambda: acd.agent_busy(2),
        lambda: acd.agent_knows(2, {}),
        lambda: acd.agent_free(2, since_ms=0, from_ms=0),
    ]
    for wrong in refused:
        with pytest.raises(ValueError, match="slots 0 to 1"):
            wrong()
    with pytest.raises(ValueError, match="below 2"):
        acd.call_waits(2, need=0, since_ms=0, target_ms=0)
    with pytest.raises(ValueError, match="asks for something"):
        acd.call_waits(0, need=2, since_ms=0, target_ms=0)
    with pytest.raises(ValueError, match="slots below 2"):
        acd.need_is(2, {NURSE: 1})
    for skill, level in ((-1, 1), (SKILLS, 1), (0, 0), (0, LEVELS + 1)):
        with pytest.raises(ValueError, match="skill"):
            acd.agent_knows(0, {skill: level})
    with pytest.raises(ValueError, match="time"):
        acd.time_is(2**62)
    for size in (0, 2**20 + 1):
        with pytest.raises(ValueError, match="1 to 1048576 slots"):
            Acd(agents=size)


def test_a_target_in_the_past_or_beyond_all_time_is_refused_and_changes_nothing() -> None:
    acd = Acd(agents=1, calls=1, needs=2)
    a_nurse(acd)
    acd.need_is(1, {DOCTOR: 1})
    acd.call_waits(0, need=0, since_ms=0, target_ms=0)
    for target_ms in (-1, 2**63 - 1):
        with pytest.raises(ValueError, match="target"):
            acd.call_waits(0, need=1, since_ms=1, target_ms=target_ms)
    assert acd.agent_free(0, since_ms=0, from_ms=0) == (0, 0, 0)


def test_the_shipped_table_holds_256_agents_and_1024_calls() -> None:
    acd = Acd()
    acd.need_is(255, {NURSE: 1})
    for call in range(1024):
        acd.call_waits(call, need=255, since_ms=1024 - call, target_ms=60_000)
    assert acd.position(0, 255) == 1024
    for agent in range(256):
        acd.agent_knows(agent, {NURSE: 1})
        acd.agent_free(agent, since_ms=agent, from_ms=5_000 - agent)
    assert [acd.time_is(5_000) for _ in range(256)] == [(1023 - n, n, 255) for n in range(256)]
    assert acd.time_is(5_000) is None
    assert acd.position(0, 255) == 1024
