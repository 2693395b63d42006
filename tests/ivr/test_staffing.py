"""How many people it takes: published values, the limits in which one model is another, and a
clinic's hour played call by call."""

import heapq
import random
from dataclasses import replace
from itertools import pairwise
from math import inf, isclose, sqrt
from statistics import mean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.staffing import (
    GOAL,
    Demand,
    Forecast,
    Slot,
    advice,
    carried_at,
    erlang_b,
    forecast,
    is_short_of_people,
    least_agents,
    relief_s,
)

BUSY_HALF_HOUR = Demand(calls_per_h=200, handle_s=180)  # 100 calls in 30 minutes
CLINIC = Demand(calls_per_h=30, handle_s=240)
STUDENT_99 = 2.861  # two-sided, 19 degrees of freedom

loads = st.floats(0.1, 300)
crews = st.integers(1, 300)


@pytest.mark.parametrize(
    ("load", "lines", "blocked"),
    [(8, 10, 0.121661), (12, 10, 0.301925), (12, 14, 0.117210), (20, 18, 0.221260)],
)
def test_so_many_calls_find_all_lines_busy(load: float, lines: int, blocked: float) -> None:
    assert erlang_b(lines, load) == pytest.approx(blocked, abs=5e-7)


def test_fifteen_lines_at_one_percent_carry_8_108_erlangs() -> None:
    assert carried_at(15, 0.01) == pytest.approx(8.108, abs=5e-4)


def test_a_busy_half_hour_of_fourteen_people() -> None:
    found = forecast(BUSY_HALF_HOUR, 14, 20)
    assert found.waits == pytest.approx(0.1741319336, abs=1e-9)
    assert found.within == pytest.approx(0.8883500192, abs=1e-9)
    assert found.occupancy == pytest.approx(0.7142857143, abs=1e-9)
    assert found.asa_s == pytest.approx(7.8359370, abs=1e-6)
    assert least_agents(BUSY_HALF_HOUR, 20) == 14


def test_a_fourth_person_takes_the_clinics_wait_from_107_to_21_seconds() -> None:
    assert forecast(CLINIC, 3, 20).asa_s == pytest.approx(106.7, abs=0.05)
    assert forecast(CLINIC, 4, 20).asa_s == pytest.approx(20.9, abs=0.05)


def test_too_few_people_for_callers_who_never_hang_up_is_a_wait_without_end() -> None:
    assert forecast(CLINIC, 2, 20) == Forecast(1.0, 0.0, inf, 0.0, 1.0)


@given(loads, st.integers(1, 50))
def test_callers_of_endless_patience_make_erlang_a_an_erlang_c(load: float, more: int) -> None:
    crew = int(1.05 * load) + more
    calls_per_h = load * 20  # at 180 s each
    endless = forecast(Demand(calls_per_h, 180), crew, 20)
    nearly = forecast(Demand(calls_per_h, 180, 1e12), crew, 20)
    for name in ("waits", "asa_s", "within", "occupancy"):
        assert isclose(getattr(endless, name), getattr(nearly, name), rel_tol=1e-4, abs_tol=1e-6)
    assert nearly.abandons < 1e-6


@given(loads, crews)
def test_callers_of_no_patience_make_erlang_a_an_erlang_b(load: float, crew: int) -> None:
    found = forecast(Demand(load * 20, 180, 1e-6), crew, 20)
    assert isclose(found.abandons, erlang_b(crew, load), rel_tol=1e-4, abs_tol=1e-9)
    assert found.asa_s < 1e-6


@given(loads, crews, st.floats(1, 3600), st.floats(1, 300))
def test_hundreds_of_people_and_any_patience_give_shares_that_are_shares(
    load: float, crew: int, patience_s: float, target_s: float
) -> None:
    demand = Demand(load * 20, 180, patience_s)
    found = forecast(demand, crew, target_s)
    rising = (0, 1 - found.waits, found.within, 1 - found.abandons, 1)
    assert all(one <= other + 1e-9 for one, other in pairwise(rising))
    assert found.occupancy <= 1 + 1e-9
    more = forecast(demand, crew + 1, target_s)
    assert more.within >= found.within - 1e-9
    assert more.abandons <= found.abandons + 1e-9


@given(loads, st.one_of(st.just(inf), st.floats(1, 3600)), st.floats(1, 300))
def test_the_fewest_people_are_enough_and_one_less_is_not(
    load: float, patience_s: float, target_s: float
) -> None:
    demand = Demand(load * 20, 180, patience_s)
    least = least_agents(demand, target_s)
    assert forecast(demand, least, target_s).within >= GOAL
    assert least == 1 or forecast(demand, least - 1, target_s).within < GOAL


def test_an_hour_without_calls_takes_one_person() -> None:
    assert least_agents(Demand(0, 180), 20) == 1


@pytest.mark.parametrize(
    ("demand", "crew"),
    [
        (Demand(30, 240, 120), 2),  # a clinic's busy hour: as many calls as two can take
        (Demand(60, 240, 180), 3),  # a flood
        (Demand(200, 180, 600), 12),
    ],
)
def test_erlang_a_is_what_happens_when_callers_come_wait_and_hang_up(
    demand: Demand, crew: int
) -> None:
    """Twenty weeks played from seeds; the 99 % interval of each mean holds what is reckoned."""
    weeks = [_played(demand, crew, 20, random.Random(seed)) for seed in range(20)]
    reckoned = forecast(demand, crew, 20)
    for name in ("waits", "abandons", "asa_s", "within"):
        seen = [getattr(week, name) for week in weeks]
        error = stdev(seen) / sqrt(len(seen))
        assert abs(mean(seen) - getattr(reckoned, name)) < STUDENT_99 * error, name


def _played(demand: Demand, crew: int, target_s: float, chance: random.Random) -> Forecast:
    """Three thousand callers, each told at once when somebody would be free: in turn, and only
    those who are patient enough for it take up anybody's time."""
    free_at = [0.0] * crew
    now, waits, left, waited_s, in_time = 0.0, 0, 0, 0.0, 0
    callers = 3000
    for _ in range(callers):
        now += chance.expovariate(demand.calls_per_h / 3600)
        wait_s = max(0.0, free_at[0] - now)
        waits += wait_s > 0
        if wait_s > chance.expovariate(1 / demand.patience_s):
            left += 1
            continue
        heapq.heapreplace(free_at, now + wait_s + chance.expovariate(1 / demand.handle_s))
        waited_s += wait_s
        in_time += wait_s <= target_s
    answered = callers - left
    return Forecast(waits / callers, left / callers, waited_s / answered, in_time / callers, 0.0)


# ---- the advice ----

MONDAY = Slot(
    queue="desk",
    weekday=0,
    hour=9,
    weeks=8,
    calls=240,
    handle_s=240.0,
    patience_s=inf,
    asa_s=98.0,
    agents=3,
    target_s=20,
)


def test_the_advice_says_where_and_when_and_what_it_gains() -> None:
    assert advice(MONDAY) == "desk: one more person Mondays 9-10: 107 s → 21 s"


def test_callers_who_hang_up_shorten_the_wait_of_the_others() -> None:
    impatient = replace(MONDAY, patience_s=180.0)
    assert advice(impatient) == "desk: one more person Mondays 9-10: 16 s → 6 s"


def test_more_work_than_people_is_said_as_it_is() -> None:
    assert advice(replace(MONDAY, agents=2)).endswith("ever longer → 107 s")


def test_enough_people_are_told_to_be_enough_and_how_many_would_do() -> None:
    told = advice(replace(MONDAY, agents=7))
    assert told == "desk, Mondays 9-10: 7 are enough: 0 s; 4 would do"


@pytest.mark.parametrize(
    ("slot", "words"),
    [
        (
            replace(MONDAY, weeks=2, calls=60),
            "too little history (60 calls in 2 weeks); it takes 30 in 4",
        ),
        (
            replace(MONDAY, weeks=1, calls=1),
            "too little history (1 call in 1 week); it takes 30 in 4",
        ),
        (replace(MONDAY, handle_s=None), "nobody has been answered in this queue yet"),
        (replace(MONDAY, agents=0), "nobody answers this queue"),
    ],
)
def test_what_is_not_known_is_not_guessed(slot: Slot, words: str) -> None:
    assert advice(slot) == f"desk, Mondays 9-10: {words}"
    assert not is_short_of_people(slot)


def test_the_hour_in_which_most_waiting_would_be_saved_comes_first() -> None:
    quiet = replace(MONDAY, calls=160)
    assert relief_s(MONDAY) > relief_s(quiet) > 0
    assert relief_s(MONDAY) == pytest.approx(30 * (106.67 - 20.87), abs=0.5)
    assert relief_s(replace(MONDAY, agents=2)) == inf
