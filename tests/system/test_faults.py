"""The exchange or its way to Asterisk fails, and a person is reached all the same: the cells that
matter most, each on a real pair of Asterisks. tests/faults has them all.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.system import faults
from tests.system.faults import Fault, Stage
from tests.system.town import Town


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Where everything befalls the exchange."""
    with faults.build(tmp_path_factory.mktemp("clinic")) as standing:
        yield standing


def survives(clinic: Town, fault: Fault, stage: Stage, speech: Path) -> None:
    """One cell of the matrix, with a caller who speaks all the while."""
    clinic.run_on_time(
        partial(faults.survives, clinic, fault=fault, stage=stage, speech=speech, speaks=True)
    )


def test_a_killed_exchange_leaves_a_ringing_phone_and_a_true_ledger(
    clinic: Town, speech_tone: Path
) -> None:
    survives(clinic, Fault.KILLED, Stage.RINGING, speech_tone)


def test_a_frozen_exchange_is_ended_and_the_caller_reaches_a_person(
    clinic: Town, speech_tone: Path
) -> None:
    survives(clinic, Fault.FROZEN, Stage.QUEUE, speech_tone)


def test_a_caller_who_came_and_went_while_the_manager_was_silent_is_counted_afterwards(
    clinic: Town, speech_tone: Path
) -> None:
    survives(clinic, Fault.AMI_BLACK_HOLED, Stage.BEFORE, speech_tone)


def test_a_talk_outlives_the_exchange_and_is_known_to_have_been_one(
    clinic: Town, speech_tone: Path
) -> None:
    clinic.run_on_time(
        partial(faults.talks_on, clinic, fault=Fault.KILLED, speech=speech_tone, agent_ends=True)
    )


def test_an_exchange_killed_between_its_two_orders_for_a_talk_makes_nobody_ring_after_it(
    clinic: Town, speech_tone: Path
) -> None:
    clinic.run_on_time(partial(faults.dies_while_joining, clinic, speech=speech_tone))


def test_an_agent_who_picked_up_as_the_exchange_died_has_the_caller(
    clinic: Town, speech_tone: Path
) -> None:
    clinic.run_on_time(partial(faults.dies_before_joining, clinic, speech=speech_tone))


def test_an_agent_who_picks_up_as_the_exchange_is_held_up_has_the_caller(
    clinic: Town, speech_tone: Path
) -> None:
    clinic.run_on_time(partial(faults.picked_up_while_held_up, clinic, speech=speech_tone))


def test_a_call_goes_on_through_hiccups_of_the_manager(clinic: Town, speech_tone: Path) -> None:
    clinic.run_on_time(partial(faults.goes_on_after_a_hiccup, clinic, speech=speech_tone))


def test_audio_that_nobody_announced_is_closed_after_two_seconds(clinic: Town) -> None:
    clinic.run_on_time(partial(faults.closes_a_stranger, clinic))


def test_a_killed_asterisk_comes_back_to_the_same_exchange(clinic: Town, speech_tone: Path) -> None:
    clinic.run_on_time(partial(faults.outlives_asterisk, clinic, speech=speech_tone))
