"""Months of a clinic, seed by seed: `python -m tests.clinic.proof SEED…`, or make proof-clinic.

Each seed's month is kept in build/proof/clinic under what made it, so that what was broken off goes
on. It ends with 0 if nobody was lost and every interval holds what is reckoned.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

from firmware.figures import Tally
from tests.clinic.agreement import STUDENT_99, compared
from tests.clinic.month import Month

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build/proof/clinic"
DAYS = 30
MADE_OF = (
    "ivr/*.py",
    "firmware/asterisk/fake.py",
    "firmware/asterisk/orders.txt",
    "firmware/figures.py",
    "routing_core/*.py",
    "routing_core/csrc/*",
    "tests/clinic/*.py",
    "tests/contract/played.py",
)


def main(seeds: Sequence[str]) -> int:
    """Lives what is missing, and tells all."""
    if len(seeds) not in STUDENT_99:
        sys.exit(f"proof-clinic: give {' or '.join(map(str, STUDENT_99))} seeds")
    folder = KEPT / _made_of()
    folder.mkdir(parents=True, exist_ok=True)
    print(f"commit {_commit()}; {len(seeds)} seeds of {DAYS} days each")
    missing = [seed for seed in seeds if not (folder / seed).exists()]
    with ProcessPoolExecutor(int(os.environ.get("JOBS") or os.cpu_count() or 1)) as workers:
        for life in as_completed([workers.submit(_live, seed, folder) for seed in missing]):
            life.result()
    desks = []
    for seed in seeds:
        kept = json.loads((folder / seed).read_text("utf-8"))
        whole, desk = Tally(**kept["whole"]), Tally(**kept["desk"])
        ended = ", ".join(f"{count} {name}" for name, count in whole.outcomes.items() if count)
        print(
            f"seed {seed}: {kept['took_s']:.0f} s, {kept['steps']} steps, the sum held after each;"
            f" {whole.offered} calls: {ended}, {whole.in_progress} lost"
        )
        if not whole.holds_sum or whole.in_progress:
            sys.exit(f"proof-clinic: the sum of seed {seed} does not hold")
        desks.append(desk)
    calls = sum(desk.offered for desk in desks)
    print(f"The desk, {calls} calls: 99 % intervals of the means, and Erlang-A's figures")
    figures = list(compared(desks))
    for one in figures:
        print(f"  {one}")
    is_met = all(one.holds for one in figures)
    print(f"proof-clinic: {'met' if is_met else 'NOT met'}")
    return 0 if is_met else 1


def _live(seed: str, folder: Path) -> None:
    """A life's result is there whole or not at all."""
    began = time.monotonic()
    days = Month(int(seed)).lives(DAYS)
    told = asdict(days) | {"took_s": time.monotonic() - began}
    draft = folder / f"{seed}.draft"
    draft.write_text(json.dumps(told), "utf-8")
    draft.rename(folder / seed)
    print(f"  seed {seed} after {told['took_s']:.0f} s", file=sys.stderr)


def _made_of() -> str:
    digest = hashlib.sha256(str(DAYS).encode())
    for path in sorted(path for pattern in MADE_OF for path in ROOT.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _commit() -> str:
    asked = ("git", "describe", "--always", "--dirty")
    said = subprocess.run(asked, cwd=ROOT, check=False, capture_output=True, text=True)
    return said.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
