"""Ten thousand generated days of a modem: `python -m tests.hw.proof`, or make proof-modem SEED=7.

Parts of a hundred are kept under build/proof/modem by all that they depend on, so that what was
broken off goes on. It ends with 0 if nothing was wrong in any.
"""

import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console
from rich.progress import track

from tests.hw.storm import Storm

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build/proof/modem"
CONVERSATIONS, PART = 10_000, 100


def main() -> int:
    """Lives what is missing, and tells all."""
    seed = int(os.environ.get("SEED") or time.time())
    jobs = int(os.environ.get("JOBS") or os.cpu_count() or 1)
    say = Console(highlight=False, soft_wrap=True)
    say.print(
        f"Seed {seed}; {CONVERSATIONS} conversations; the same again: make proof-modem SEED={seed}"
    )
    firsts = range(seed, seed + CONVERSATIONS, PART)
    faults: Counter[str] = Counter()
    wrong = 0
    shown = Console(stderr=True)
    for met, broken in track(_done(firsts, jobs), "Proving", len(firsts), console=shown):
        faults.update(met)
        wrong += len(broken)
        for each in broken[:3]:
            say.print(each, markup=False)
    say.print("faults met: " + ", ".join(f"{name} {n}" for name, n in sorted(faults.items())))
    say.print(f"wrong: {wrong} of {CONVERSATIONS}")
    say.print("NOT PROVEN" if wrong else "PROVEN", style="bold red" if wrong else "green")
    return 1 if wrong else 0


Part = tuple[dict[str, int], list[str]]  # the faults met, and what was wrong


def _done(firsts: range, jobs: int) -> Iterator[Part]:
    KEPT.mkdir(parents=True, exist_ok=True)
    files = {first: KEPT / f"{_made_of()}-{first}.json" for first in firsts}
    missing = [first for first in firsts if not files[first].exists()]
    for first in firsts:
        if first not in missing:
            faults, broken = json.loads(files[first].read_text())
            yield faults, broken
    with ProcessPoolExecutor(jobs) as pool:
        running = {pool.submit(live, first): first for first in missing}
        for future in as_completed(running):
            part = future.result()
            if not part[1]:  # what was wrong is looked at again
                files[running[future]].write_text(json.dumps(part))
            yield part


def live(first: int) -> Part:
    """A hundred of them, from a seed on."""
    faults: Counter[str] = Counter()
    broken = []
    for seed in range(first, first + PART):
        storm = Storm(seed)
        try:
            storm.run()
        except Exception as error:
            broken.append(f"seed {seed}: {type(error).__name__}: {error}")
        faults.update(storm.sums.faults)
    return dict(faults), broken


def _made_of() -> str:
    """All that a conversation depends on."""
    sources = sorted([*(ROOT / "hw/modem").glob("*.py"), *Path(__file__).parent.glob("*.py")])
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
