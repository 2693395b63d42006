"""`make proof-powercut`: twenty disks, each of which lives through ten power cuts, one by dm-flakey
and one by dm-log-writes; and five of a store that does not wait for its disk.

What came of a disk is kept under build/proof/powercut, by commit and seed: what was broken off goes
on with the next disk. SEED=7 draws other chances, JOBS=1 leaves the other processors alone.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from tests.powercuts import cuts, image
from tests.powercuts.cuts import Came, Chain

OUT = Path("build/proof/powercut")
SEED = 5005
DISKS, CUTS_OF_A_DISK, CARELESS = 20, 10, 5

Story = Callable[[Chain], Iterator[Came]]


def main() -> int:
    seed, commit = int(os.environ.get("SEED") or SEED), _commit()
    folder = OUT / f"{commit}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    cuts_in_all = DISKS * CUTS_OF_A_DISK
    _say(f"proof-powercut: commit {commit}, seed {seed}, {cuts_in_all} cuts, kept in {folder}")
    built = image.build(folder)
    cuts.warm_up(built)

    def live(name: str, number: int, sync: str, story: Story) -> list[Came]:
        kept = folder / f"{name}-{number}.json"
        if not kept.exists():
            chain = Chain(built, folder / f"{name}-{number}", seed * 1000 + number, sync=sync)
            came = []
            for each in story(chain):
                came.append(each)
                _say(f"{name} {number}, {each.took_s:.1f} s: {each.told}")
                for wrong in each.wrong[:5]:
                    _say(f"  {wrong}")
            _keep(kept, came)
        return [Came(**each) for each in json.loads(kept.read_text("utf-8"))]

    with ThreadPoolExecutor(int(os.environ.get("JOBS") or os.cpu_count() or 1)) as pool:
        careful = [pool.submit(live, "disk", n, "FULL", _ten_cuts) for n in range(DISKS)]
        normal = [pool.submit(live, "normal", 100 + n, "NORMAL", _one_cut) for n in range(CARELESS)]
        none = [pool.submit(live, "careless", 200 + n, "NONE", _one_cut) for n in range(CARELESS)]
        lived = [each for disk in careful for each in disk.result()]
        behind = sum(_has(disk.result(), "calls.db") for disk in normal)
        lost = sum(_has(disk.result(), "lost: ") for disk in none)
    wrong = [each for came in lived for each in came.wrong]
    took = sum(came.took_s for came in lived) / (DISKS * (CUTS_OF_A_DISK + 3))
    _say(
        f"proof-powercut: commit {commit}, seed {seed}: {cuts_in_all} power cuts, {DISKS} by"
        f" dm-flakey, {DISKS} by dm-log-writes, {sum(came.promised for came in lived)} things"
        f" promised, {len(wrong)} lost or wrong; {took:.1f} s each;"
        f" synchronous=NORMAL was found out {behind} times of {CARELESS}, and by losses, where the"
        f" log does not wait either, {lost} times of {CARELESS}"
    )
    is_proven = not wrong and behind == lost == CARELESS
    _say("PROVEN" if is_proven else f"NOT PROVEN: {wrong[:20]}")
    return 0 if is_proven else 1


def _has(came: list[Came], words: str) -> bool:
    return any(words in wrong for each in came for wrong in each.wrong)


def _ten_cuts(chain: Chain) -> Iterator[Came]:
    for _ in range(CUTS_OF_A_DISK):
        yield chain.cut()
    yield chain.look()
    yield chain.cut_by_flakey()
    yield chain.cut_by_log()


def _one_cut(chain: Chain) -> Iterator[Came]:
    yield chain.cut_after(60)
    yield chain.look()


def _keep(path: Path, came: list[Came]) -> None:
    """Whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps([asdict(each) for each in came]), "utf-8")
    draft.rename(path)


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
