"""A thousand sites with a fault and a thousand sound ones before `careline check`:
`python -m tests.flows.proof`, or make proof-flows SEED=7.

Each faulty one must be refused with a call that shows the fault when `careline simulate` walks it;
no sound one may be. Parts of fifty are kept under build/proof/flows by all that they depend on, so
that what was broken off goes on. It ends with 0 if nothing was wrong.
"""

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from tests.flows import trial

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build/proof/flows"
OF_EACH, PART = 1000, 50
WITHIN_S = 60
WALKS = {"faulty": trial.faulty, "sound": trial.sound}


@dataclass(frozen=True, slots=True)
class Part:
    """Fifty sites of one kind, from a number on."""

    what: str
    first: int


def main() -> int:
    """Works out what is missing, and tells all."""
    seed = int(os.environ.get("SEED") or time.time())
    say = Console(highlight=False, soft_wrap=True)
    parts = [Part(w, seed + at) for at in range(0, OF_EACH, PART) for w in WALKS]
    jobs = int(os.environ.get("JOBS") or os.cpu_count() or 1)
    say.print(
        f"Seed {seed}; {OF_EACH} sites of each kind; the same again: make proof-flows SEED={seed}"
    )
    began, kept, wrong = time.monotonic(), 0, 0
    for came, was_kept in track(
        _done(parts, jobs), "Proving", len(parts), console=Console(stderr=True)
    ):
        kept += was_kept
        wrong += len(came)
        for each in came[:3]:
            say.print(each, markup=False)
    took_s = time.monotonic() - began
    of = f"{len(parts) - kept} of {len(parts)} parts in {took_s:.0f} s by {jobs} processes"
    say.print(f"{of} ({WITHIN_S} s for all is wanted, on an idle machine with two cores)")
    say.print(f"wrong: {wrong} of {len(parts) * PART}")
    say.print("NOT PROVEN" if wrong else "PROVEN", style="bold red" if wrong else "green")
    return 1 if wrong else 0


def _done(parts: list[Part], jobs: int) -> Iterator[tuple[list[str], bool]]:
    """What was wrong in each part, and whether that was known before."""
    made_of = _made_of()
    KEPT.mkdir(parents=True, exist_ok=True)
    files = {part: KEPT / f"{made_of}-{part.what}-{part.first}.json" for part in parts}
    missing = [part for part in parts if not files[part].exists()]
    yield from ((json.loads(files[p].read_text()), True) for p in parts if p not in missing)
    with (
        tempfile.TemporaryDirectory() as home,
        ProcessPoolExecutor(jobs, None, _begin, (home,)) as pool,
    ):
        running = {pool.submit(_walk, part): part for part in missing}
        for future in as_completed(running):
            came = future.result()
            if not came:  # what was wrong is looked at again
                files[running[future]].write_text(json.dumps(came))
            yield came, False


def _begin(home: str) -> None:
    os.environ["CARELINE_HOME"] = home


def _walk(part: Part) -> list[str]:
    verdicts = map(WALKS[part.what], range(part.first, part.first + PART))
    return [f"{part.what} {each.seed}: {each.wrong}" for each in verdicts if each.wrong]


def _made_of() -> str:
    """Our sources: a part holds as long as none of them changes."""
    digest = hashlib.sha256()
    for folder in ("ivr", "firmware", "tests/flows"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".toml"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
