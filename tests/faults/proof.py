"""`make proof-faults`: ten minutes of thirty callers at once with every kind of blow, and 300 kills
of the exchange at points of a call drawn from a seed, in rounds.

What a round came to is kept under build/proof/faults, by commit and seed: what was broken off goes
on with the next round. SEED=7 draws other chances.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.faults import storm
from tests.faults.storm import Blow

OUT = Path("build/proof/faults")
SEED = 4004
KILLS = 300


@dataclass(frozen=True, slots=True)
class Round:
    """One clinic's storm."""

    lasts_s: float
    blows: tuple[Blow, ...]


EVERY_OTHER = tuple(each for each in Blow if each is not Blow.KILLED)
ROUNDS = (
    Round(600, (*EVERY_OTHER, *[Blow.KILLED] * 60)),
    *[Round(270, (Blow.KILLED,) * 30)] * 8,
)


def main() -> int:
    seed, commit = int(os.environ.get("SEED") or SEED), _commit()
    folder = OUT / f"{commit}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    _say(f"proof-faults: commit {commit}, seed {seed}, {len(ROUNDS)} rounds, kept in {folder}")
    blows: Counter[str] = Counter()
    wrong: list[str] = []
    took_s = 0.0
    for number, each in enumerate(ROUNDS, 1):
        kept = folder / f"{number}.json"
        if not kept.exists():
            _say(f"round {number} of {len(ROUNDS)}: {each.lasts_s:g} s, {len(each.blows)} blows")
            kept.write_text(json.dumps(_storm(each, seed * 1000 + number)))
        came = json.loads(kept.read_text())
        _say(f"round {number}: {came['told']}")
        blows.update(came["struck"])
        wrong += came["wrong"]
        took_s += came["took_s"]
    missing = [blow for blow in Blow if not blows[blow]]
    is_proven = not wrong and not missing and blows[Blow.KILLED] >= KILLS
    _say(
        f"proof-faults: commit {commit}, seed {seed}, {took_s:.0f} s of storm,"
        f" {blows[Blow.KILLED]} kills and {blows.total() - blows[Blow.KILLED]} other blows,"
        f" {len(wrong)} things wrong"
    )
    _say("PROVEN" if is_proven else f"NOT PROVEN: {wrong or missing or 'too few kills'}")
    return 0 if is_proven else 1


def _storm(each: Round, seed: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="careline-storm-") as home:
        began = time.monotonic()
        with storm.build(Path(home) / "clinic") as here:
            weather = storm.storm(here, seed, each.lasts_s, list(each.blows), _say)
            over = here.runner.run(weather)
        return {
            "told": over.told(),
            "struck": [str(struck.blow) for struck in over.struck],
            "points": [struck.point for struck in over.struck],
            "wrong": over.wrong,
            "took_s": time.monotonic() - began,
        }


def _commit() -> str:
    """As git names it; a change that is not committed is another program."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return told.stdout.strip()


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a program: it tells how far it is


if __name__ == "__main__":
    sys.exit(main())
