"""The ACD in C held to a definition in plain Python: the same answer after every history."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing_core.acd import Acd, Match

DOCTOR, NURSE, BILLING, SPANISH = 1, 2, 4, 8


@dataclass(slots=True)
class Definition:
    """What the ACD means, as plainly as it can be said."""

    calls: dict[int, tuple[int, int, int]] = field(default_factory=dict)  # deadline, since, needs
    agents: dict[int, tuple[int, int]] = field(default_factory=dict)  # skills, since

    def call_waits(self, call: int, *, needs: int, since_ms: int, target_ms: int) -> None:
        self.calls[call] = (since_ms + target_ms, since_ms, needs)

    def call_leaves(self, call: int) -> None:
        self.calls.pop(call, None)

    def agent_free(self, agent: int, *, skills: int, since_ms: int) -> None:
        self.agents[agent] = (skills, since_ms)

    def agent_busy(self, agent: int) -> None:
        self.agents.pop(agent, None)

    def in_order(self) -> list[int]:
        return sorted(self.calls, key=lambda call: (*self.calls[call][:2], call))

    def next_match(self) -> Match | None:
        for call in self.in_order():
            needs = self.calls[call][2]
            able = [
                ((skills & ~needs).bit_count(), since, agent)
                for agent, (skills, since) in self.agents.items()
                if skills & needs == needs
            ]
            if able:
                return Match(call, min(able)[2])
        return None

    def position(self, call: int) -> int:
        needs = self.calls[call][2]
        alike = [other for other in self.in_order() if self.calls[other][2] == needs]
        return alike.index(call) + 1


CALLS = st.integers(0, 7)
AGENTS = st.integers(0, 4)
SKILLS = st.integers(0, 15)
TIMES_MS = st.integers(0, 5)  # few, so that ties are common
STEPS = st.one_of(
    st.tuples(st.just("call_waits"), CALLS, SKILLS, TIMES_MS, TIMES_MS),
    st.tuples(st.just("call_leaves"), CALLS),
    st.tuples(st.just("agent_free"), AGENTS, SKILLS, TIMES_MS),
    st.tuples(st.just("agent_busy"), AGENTS),
)


def apply(acd: Acd | Definition, step: tuple[str | int, ...]) -> None:
    match step:
        case "call_waits", int(call), int(needs), int(since_ms), int(target_ms):
            acd.call_waits(call, needs=needs, since_ms=since_ms, target_ms=target_ms)
        case "call_leaves", int(call):
            acd.call_leaves(call)
        case "agent_free", int(agent), int(skills), int(since_ms):
            acd.agent_free(agent, skills=skills, since_ms=since_ms)
        case "agent_busy", int(agent):
            acd.agent_busy(agent)
        case _:
            pytest.fail(f"no such step: {step}")


@settings(max_examples=300)
@given(st.lists(STEPS, max_size=60))
def test_after_every_history_c_and_the_definition_agree(
    history: list[tuple[str | int, ...]],
) -> None:
    acd, definition = Acd(agents=5, calls=8), Definition()
    for step in history:
        apply(acd, step)
        apply(definition, step)
        assert acd.next_match() == definition.next_match()
        for call in definition.calls:
            assert acd.position(call) == definition.position(call)


def test_an_urgent_caller_nobody_can_help_does_not_block_the_rest() -> None:
    acd = Acd()
    acd.call_waits(0, needs=DOCTOR, since_ms=0, target_ms=5_000)
    acd.call_waits(1, needs=NURSE, since_ms=60_000, target_ms=120_000)
    acd.agent_free(5, skills=NURSE, since_ms=0)
    assert acd.next_match() == Match(call=1, agent=5)


def test_a_routine_caller_who_waits_long_enough_comes_before_an_urgent_newcomer() -> None:
    acd = Acd()
    acd.call_waits(0, needs=NURSE, since_ms=0, target_ms=120_000)
    acd.agent_free(0, skills=NURSE, since_ms=0)
    acd.call_waits(1, needs=NURSE, since_ms=60_000, target_ms=20_000)
    assert acd.next_match() == Match(call=1, agent=0)
    acd.call_leaves(1)
    acd.call_waits(2, needs=NURSE, since_ms=110_000, target_ms=20_000)
    assert acd.next_match() == Match(call=0, agent=0)


def test_the_only_spanish_speaker_is_kept_for_who_needs_her() -> None:
    acd = Acd()
    acd.agent_free(0, skills=NURSE | SPANISH, since_ms=0)
    acd.agent_free(1, skills=NURSE, since_ms=90_000)
    acd.call_waits(0, needs=NURSE, since_ms=100_000, target_ms=60_000)
    assert acd.next_match() == Match(call=0, agent=1)


def test_the_longest_idle_of_equals_is_next() -> None:
    acd = Acd()
    acd.agent_free(0, skills=NURSE | BILLING, since_ms=2_000)
    acd.agent_free(1, skills=NURSE | SPANISH, since_ms=1_000)
    acd.call_waits(0, needs=NURSE, since_ms=5_000, target_ms=60_000)
    assert acd.next_match() == Match(call=0, agent=1)


def test_a_caller_whose_offer_came_to_nothing_keeps_the_old_place() -> None:
    acd = Acd()
    for call in range(3):
        acd.call_waits(call, needs=NURSE, since_ms=call * 1_000, target_ms=60_000)
    acd.call_leaves(0)  # a phone rings for this caller, in vain
    assert acd.position(1) == 1
    acd.call_waits(0, needs=NURSE, since_ms=0, target_ms=60_000)
    assert [acd.position(call) for call in range(3)] == [1, 2, 3]


def test_asking_changes_nothing() -> None:
    acd = Acd()
    acd.call_waits(3, needs=NURSE, since_ms=0, target_ms=60_000)
    acd.agent_free(4, skills=NURSE, since_ms=0)
    assert acd.next_match() == acd.next_match() == Match(call=3, agent=4)
    acd.agent_busy(4)
    assert acd.next_match() is None
    assert acd.position(3) == 1


def test_leaving_twice_is_no_fault_but_a_slot_outside_the_table_is() -> None:
    acd = Acd(agents=2, calls=2)
    acd.call_leaves(1)
    acd.agent_busy(1)
    with pytest.raises(ValueError, match="slots 0 to 1"):
        acd.call_leaves(2)
    with pytest.raises(ValueError, match="slots 0 to 1"):
        acd.agent_free(2, skills=0, since_ms=0)
    with pytest.raises(ValueError, match="slots 0 to 1"):
        acd.agent_busy(2)
    with pytest.raises(ValueError, match="below 2"):
        acd.call_waits(2, needs=0, since_ms=0, target_ms=0)
    with pytest.raises(LookupError, match="not waiting"):
        acd.position(0)


def test_a_target_in_the_past_or_beyond_all_time_is_refused_and_changes_nothing() -> None:
    acd = Acd(agents=1, calls=1)
    acd.call_waits(0, needs=NURSE, since_ms=0, target_ms=0)
    for target_ms in (-1, 2**63 - 1):
        with pytest.raises(ValueError, match="target"):
            acd.call_waits(0, needs=DOCTOR, since_ms=1, target_ms=target_ms)
    acd.agent_free(0, skills=NURSE, since_ms=0)
    assert acd.next_match() == Match(call=0, agent=0)


def test_the_shipped_table_holds_256_agents_and_1024_calls() -> None:
    acd = Acd()
    for call in range(1024):
        acd.call_waits(call, needs=NURSE, since_ms=1024 - call, target_ms=60_000)
    for agent in range(256):
        acd.agent_free(agent, skills=NURSE, since_ms=256 - agent)
    assert acd.next_match() == Match(call=1023, agent=255)
    assert acd.position(0) == 1024
