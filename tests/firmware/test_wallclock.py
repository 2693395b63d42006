"""Which clock may close a clinic: one that was set, and has not jumped since."""

from pathlib import Path

from firmware import wallclock
from firmware.place import Place
from firmware.wallclock import CONFIRMED_S, JUMP_S, Reading, Trust

NOON = 1_795_453_200.0


def looks(*readings: tuple[float, float, bool], was_set: bool = False) -> list[bool]:
    """Whether the clock is trusted after each reading: wall and monotonic seconds, in step."""
    trust: Trust | None = None
    found = []
    for wall_s, monotonic_s, is_in_step in readings:
        reading = Reading(wall_s, monotonic_s, is_in_step, was_set)
        trust = wallclock.first(reading) if trust is None else wallclock.after(trust, reading)
        found.append(trust.trusted)
    return found


def test_before_the_first_answer_of_a_time_service_no_clock_is_trusted() -> None:
    assert looks((NOON, 10, False), (NOON + 1, 11, False)) == [False, False]


def test_the_first_answer_is_trusted_though_it_makes_the_clock_jump_by_years() -> None:
    assert looks((0, 10, False), (NOON, 10.25, True)) == [False, True]


def test_a_clock_once_set_is_trusted_while_its_service_is_out_of_reach() -> None:
    day = 86_400.0
    assert looks((NOON, 0, True), (NOON + day, day, False)) == [True, True]
    assert looks((NOON, 0, False), was_set=True) == [True]


def test_after_a_jump_the_clock_is_trusted_once_its_service_has_looked_again() -> None:
    hour = 3600.0
    jumped = NOON + hour
    assert looks(
        (NOON, 0, True),
        (jumped + 1, 1, True),
        (jumped + CONFIRMED_S, CONFIRMED_S, True),
        (jumped + CONFIRMED_S + 1, CONFIRMED_S + 1, True),
    ) == [True, False, False, True]
    set_anew = looks((NOON, 0, True), (jumped + 1, 1, False), (NOON + 60, 60, True))
    assert set_anew == [True, False, True]


def test_after_a_jump_an_answer_from_before_it_is_worth_nothing() -> None:
    readings = (NOON, 0.0, False), (NOON - 7200, 1.0, False), (NOON, 7201.0, False)
    assert looks(*readings, was_set=True) == [True, False, False]


def test_a_small_step_closes_nothing_and_changes_nothing() -> None:
    assert looks((NOON, 0, True), (NOON + JUMP_S, 0.25, True)) == [True, True]


def test_a_rehearsal_trusts_the_clock_of_its_machine(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.ports.write_text("")
    assert wallclock.trusted_now(place)


def test_the_kernel_is_asked_and_answers(tmp_path: Path) -> None:
    reading = wallclock.read(Place(tmp_path))
    assert reading.monotonic_s > 0
    assert wallclock.first(reading).trusted is (reading.is_in_step or reading.was_set)
