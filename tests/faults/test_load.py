"""Thirty callers at once for five minutes, thirty kills of the exchange and three other blows drawn
from a seed: the short form of `make proof-faults`. STORM_SEED and STORM_S say otherwise.

It is told once: what goes wrong here goes wrong by chance, and is a fault.
"""

import os
import random
import subprocess
from pathlib import Path

import pytest

from tests.faults import storm
from tests.faults.storm import Blow
from tests.faults.traces import keep

TRACES = Path("build/faults/storm")
KILLS, OTHERS = 30, 3
LASTS_S = float(os.environ.get("STORM_S", "300"))


def seed() -> int:
    """The one asked for; else each commit's own, so that chance differs and can be had again."""
    if asked := os.environ.get("STORM_SEED"):
        return int(asked)
    commit = subprocess.run(
        ["git", "rev-parse", "--short=7", "HEAD"], capture_output=True, text=True, check=False
    ).stdout
    return int(commit or "1", 16)


@pytest.mark.flaky(reruns=0)
@pytest.mark.timeout(570)
def test_in_a_storm_nobody_is_lost_and_every_call_is_counted_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = seed()
    others = random.Random(drawn).sample([each for each in Blow if each is not Blow.KILLED], OTHERS)
    blows = [Blow.KILLED] * KILLS + others
    with storm.build(tmp_path / "clinic") as here:
        over = here.runner.run(storm.storm(here, drawn, LASTS_S, blows))
        if over.wrong:
            keep(tmp_path / "clinic", TRACES)
    with capsys.disabled():
        print(f"\n{over.told()}")  # noqa: T201 - what was drawn, whatever came of it
    assert over.wrong == []
    assert over.most_at_once == storm.CALLERS
    assert sum(each.point != storm.CRASHED for each in over.struck) == len(blows)
