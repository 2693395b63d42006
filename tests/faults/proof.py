"""`make proof-faults`: ten minutes of thirty callers at once with every kind of blow, and 300 kills
of the exchange at points of a call drawn from a seed, in rounds. `make proof-kills`: 300 more amid
recordings and at each step of a publish.

What a round came to is kept under build/proof/NAME, by commit and seed: what was broken off goes on
with the next round. SEED=7 draws other chances.
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

from firmware.asterisk.publish import Step
from tests.faults import storm
from tests.faults.storm import ANYWHERE, RECORDING, Aim, Blow, in_publish
from tests.faults.traces import keep

OUT = Path("build/proof")
SEED = 4004
KILLS = 300


@dataclass(frozen=True, slots=True)
class Round:
    """One clinic's storm."""

    lasts_s: float
    blows: tuple[Blow, ...]
    aim: Aim = ANYWHERE


@dataclass(frozen=True, slots=True)
class Proof:
    """Its rounds, and what must have struck, and where."""

    rounds: tuple[Round, ...]
    blows: frozenset[str]
    points: frozenset[str] = frozenset()


EVERY_OTHER = tuple(each for each in Blow if each is not Blow.KILLED)
FAULTS = Proof(
    (
        Round(600, (*EVERY_OTHER, *[Blow.KILLED] * 60)),
        *[Round(270, (Blow.KILLED,) * 30)] * 8,
    ),
    frozenset(map(str, Blow)),
)
KILLED_AT = Aim((RECORDING,), publishes=1 / 2)
KILLED = Proof(
    (Round(270, (Blow.KILLED,) * 30, KILLED_AT),) * 10,
    frozenset({str(Blow.KILLED)}),
    frozenset({RECORDING, *map(in_publish, Step)}),
)
PROOFS = {"faults": FAULTS, "kills": KILLED}


def main(name: str) -> int:
    proof = PROOFS[name]
    seed, commit = int(os.environ.get("SEED") or SEED), _commit()
    folder = OUT / name / f"{commit}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    rounds = len(proof.rounds)
    _say(f"proof-{name}: commit {commit}, seed {seed}, {rounds} rounds, kept in {folder}")
    blows: Counter[str] = Counter()
    points: Counter[str] = Counter()
    wrong: list[str] = []
    took_s = 0.0
    for number, each in enumerate(proof.rounds, 1):
        kept = folder / f"{number}.json"
        if not kept.exists():
            _say(f"round {number} of {rounds}: {each.lasts_s:g} s, {len(each.blows)} blows")
            kept.write_text(json.dumps(_storm(each, seed * 1000 + number, kept.with_suffix(""))))
        came = json.loads(kept.read_text())
        _say(f"round {number}: {came['told']}")
        blows.update(came["struck"])
        points.update(came["points"])
        wrong += came["wrong"]
        took_s += came["took_s"]
    missing = sorted((proof.blows - set(blows)) | (proof.points - set(points)))
    is_proven = not wrong and not missing and blows[Blow.KILLED] >= KILLS
    _say(
        f"proof-{name}: commit {commit}, seed {seed}, {took_s:.0f} s of storm,"
        f" {blows[Blow.KILLED]} kills and {blows.total() - blows[Blow.KILLED]} other blows,"
        f" {len(wrong)} things wrong"
    )
    _say("; ".join(f"{number} x {point}" for point, number in sorted(points.items())))
    _say("PROVEN" if is_proven else f"NOT PROVEN: {wrong or missing or 'too few kills'}")
    return 0 if is_proven else 1


def _storm(each: Round, seed: int, traces: Path) -> dict[str, object]:
    """What goes wrong leaves its logs and its ledger in `traces`."""
    with tempfile.TemporaryDirectory(prefix="careline-storm-") as home:
        clinic = Path(home) / "clinic"
        began = time.monotonic()
        with storm.build(clinic) as here:
            weather = storm.storm(here, seed, each.lasts_s, list(each.blows), _say, each.aim)
            try:
                over = here.runner.run(weather)
            except BaseException:
                keep(clinic, traces)
                raise
            if over.wrong:
                keep(clinic, traces)
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
    sys.exit(main(sys.argv[1]))
