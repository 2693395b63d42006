"""Those in charge are told of a trunk that fails: once, and once more when it is well."""

from hypothesis import given
from hypothesis import strategies as st

from firmware.topics import Part
from firmware.trunk_alarms import QUIET_S, WELL_AGAIN, News, Troubles, step


def part(*, fails: bool) -> Part:
    state = "alarm" if fails else "well"
    return Part.model_validate({"name": "trunk telco", "state": state, "detail": "it is silent"})


def lived(*looks: tuple[float, bool]) -> list[News]:
    """What is told at each look, at its second."""
    troubles: Troubles = {}
    told = []
    for now_s, fails in looks:
        troubles, news = step(troubles, [part(fails=fails)], now_s)
        told.append(news)
    return told


def test_a_trunk_that_fails_is_told_once_after_a_minute_and_that_it_is_well_again() -> None:
    told = lived((0, True), (59, True), (60, True), (90, True), (600, False), (603, False))
    failed, well = (("trunk telco", "it is silent"),), (("trunk telco", WELL_AGAIN),)
    assert told == [(), (), failed, (), well, ()]


def test_a_trouble_that_is_over_within_a_minute_is_not_told_at_all() -> None:
    assert lived((0, True), (30, False), (40, True), (99, True)) == [()] * 4


def test_a_trunk_that_comes_and_goes_is_told_once_an_hour() -> None:
    told = lived((0, True), (60, True), (120, False), (130, True), (300, True), (3700, True))
    failed, well = (("trunk telco", "it is silent"),), (("trunk telco", WELL_AGAIN),)
    assert told == [(), failed, well, (), (), failed]


@given(st.lists(st.tuples(st.floats(0.1, 200), st.booleans()), max_size=40))
def test_however_it_comes_and_goes_each_failure_told_is_followed_by_one_recovery(
    looks: list[tuple[float, bool]],
) -> None:
    now_s, at = 0.0, []
    for pause_s, fails in looks:
        now_s += pause_s
        at.append((now_s, fails))
    told = [what for news in lived(*at) for _, what in news]
    assert told == ["it is silent", WELL_AGAIN] * (len(told) // 2) + told[len(told) // 2 * 2 :]
    assert told.count("it is silent") - told.count(WELL_AGAIN) in (0, 1)
    assert len(told) <= 2 * (now_s / QUIET_S + 1)
