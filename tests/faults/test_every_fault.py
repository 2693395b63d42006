"""Every fault at every stage of a call: the whole matrix, on real Asterisks."""

from functools import partial
from pathlib import Path

import pytest

from tests.system import faults
from tests.system.faults import Fault, Stage
from tests.system.town import Town

CELLS = [pytest.param(*cell, id=" ".join(cell)) for cell in faults.CELLS]
MUTE_CELLS = [pytest.param(*cell, id=" ".join(cell)) for cell in faults.MUTE_CELLS]


@pytest.mark.parametrize(("fault", "stage"), CELLS)
def test_a_caller_who_speaks_reaches_a_person_whatever_befalls_the_exchange(
    clinic: Town, speech: Path, fault: Fault, stage: Stage
) -> None:
    clinic.run_on_time(
        partial(faults.survives, clinic, fault=fault, stage=stage, speech=speech, speaks=True)
    )


@pytest.mark.parametrize(("fault", "stage"), MUTE_CELLS)
def test_a_caller_who_sends_nothing_reaches_a_person_too(
    clinic: Town, speech: Path, fault: Fault, stage: Stage
) -> None:
    clinic.run_on_time(
        partial(faults.survives, clinic, fault=fault, stage=stage, speech=speech, speaks=False)
    )


@pytest.mark.parametrize("agent_ends", [True, False], ids=["agent ends it", "caller ends it"])
@pytest.mark.parametrize("fault", Fault)
def test_a_talk_goes_on_through_every_fault(
    clinic: Town, speech: Path, fault: Fault, agent_ends: bool
) -> None:
    clinic.run_on_time(
        partial(faults.talks_on, clinic, fault=fault, speech=speech, agent_ends=agent_ends)
    )
