"""Sites by the dozen: no sound one is refused, and each fault is shown by a call. The thousands are
`make proof-flows`."""

from pathlib import Path

import pytest

from firmware.bench import prover
from ivr.check import examine
from tests.flows import trial
from tests.flows.faulty import KINDS, faulty_site

FEW = range(12)


@pytest.fixture(autouse=True)
def _nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))


def test_no_sound_site_is_refused() -> None:
    assert [each for each in map(trial.sound, FEW) if each.wrong] == []


def test_every_fault_is_refused_with_a_call_that_shows_it() -> None:
    assert len({faulty_site(seed).kind for seed in FEW}) == len(KINDS)
    assert [each.wrong for each in map(trial.faulty, FEW) if each.wrong] == []


@pytest.mark.parametrize("size", prover.SIZES)
def test_the_flows_that_are_measured_are_sound_and_of_their_size(size: int) -> None:
    site = prover.a_site(size)
    assert len(site.flows["main"].nodes) == size
    assert examine(site, prover.spoken_in(site), prover.NOW).refusals == []
