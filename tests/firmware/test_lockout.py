"""How long a wrong password makes wait: longer and longer, and never for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.lockout import OF_A_NAME, OF_ALL, Failures, Rule, wait

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
RULES = st.sampled_from([OF_A_NAME, OF_ALL])
COUNTS = st.integers(0, 10**9)
AWAY = st.timedeltas(timedelta(days=-20_000), timedelta(days=20_000))


@given(RULES, COUNTS, AWAY)
def test_nobody_waits_longer_than_the_most_whatever_the_clock_does(
    rule: Rule, count: int, away: timedelta
) -> None:
    assert timedelta() <= wait(Failures(count, NOW), rule, NOW + away) <= rule.most


@given(RULES, COUNTS, AWAY)
def test_who_waits_as_long_as_told_is_heard(rule: Rule, count: int, away: timedelta) -> None:
    failures, now = Failures(count, NOW), NOW + away
    assert wait(failures, rule, now + wait(failures, rule, now)) == timedelta()


@given(RULES, COUNTS, COUNTS)
def test_more_failures_never_wait_less(rule: Rule, one: int, other: int) -> None:
    fewer, more = sorted((one, other))
    assert wait(Failures(fewer, NOW), rule, NOW) <= wait(Failures(more, NOW), rule, NOW)


@given(RULES, COUNTS)
def test_a_clock_set_back_keeps_nobody_out(rule: Rule, count: int) -> None:
    assert not wait(Failures(count, NOW), rule, NOW - timedelta(days=10_000))


@pytest.mark.parametrize(
    ("count", "seconds"), [(0, 0), (4, 0), (5, 2), (6, 4), (7, 8), (13, 512), (14, 900), (99, 900)]
)
def test_four_slips_cost_nothing_and_each_one_more_doubles_the_wait(
    count: int, seconds: int
) -> None:
    assert wait(Failures(count, NOW), OF_A_NAME, NOW) == timedelta(seconds=seconds)


def test_who_guesses_for_a_whole_day_is_heard_a_hundred_times() -> None:
    failures, now, heard = Failures(), NOW, 0
    while now < NOW + timedelta(days=1):
        failures, heard = failures.one_more(now), heard + 1
        now += wait(failures, OF_A_NAME, now)
    assert heard <= 120
