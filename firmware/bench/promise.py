"""The promise that a message is kept, on a disk whose every fsync takes 50 ms, with thirty
recordings under way: from the last of a message to its durable row, beside the same by hand with
nobody else.

The disk is slow by strace, which holds each fsync and fdatasync of the measured program for 50 ms
more and leaves its other calls alone; the files lie in memory where the machine has such a place,
so that 50 ms is what a sync takes and the machine's own disk is not measured with it.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firmware.bench.beside import Aim, Compared, Report, Runs, Shown, Side, in_turn
from firmware.bench.figures import Spread, spread

SYNC_MS = 50
PROMISED_MS = 300
# Each round takes some twenty seconds a side, for people speak no faster.
ROUNDS = 3
MESSAGES, BY_HAND = 60, 20
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it
WITHIN_S = 180.0
SLOWLY = (
    *("strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"),
    *("-e", f"inject=fsync,fdatasync:delay_exit={SYNC_MS * 1000}"),
)
PEER = "by hand, alone"
KINDS = {"slow": "", "opened": " of what the box opens itself"}


@dataclass(slots=True)
class _Side:
    """A program run once a round; two figures are read from each run."""

    before: Sequence[str]
    how: str
    messages: int
    where: Path | None
    newest: Spread = field(default_factory=lambda: spread([0.0]))

    def p99(self) -> float:
        with tempfile.TemporaryDirectory(dir=self.where, prefix="careline-") as home:
            program = [sys.executable, "-m", "firmware.bench.promised"]
            command = [*self.before, *program, home, str(self.messages), self.how]
            told = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=WITHIN_S)
        self.newest = spread(each / 1000 for each in json.loads(told.stdout))
        return self.newest.p99_ms

    def median(self) -> float:
        """Of the same run."""
        return self.newest.median_ms


def measure(rounds: int = ROUNDS, shown: Shown = lambda done, of: None) -> Report:
    """On a slow disk if strace is here, and on the disk that holds temporary files."""
    sides = {"as it is": _Side((), "recorded", MESSAGES, None)}
    is_slowed = shutil.which(SLOWLY[0]) is not None
    if is_slowed:
        memory = IN_MEMORY if IN_MEMORY.is_dir() else None
        sides["slow"] = _Side(SLOWLY, "recorded", MESSAGES, memory)
        sides["opened"] = _Side(SLOWLY, "opened", MESSAGES, memory)
        sides["by hand"] = _Side(SLOWLY, "by-hand", BY_HAND, memory)
    turns: dict[str, Side] = {}
    for name, side in sides.items():
        turns |= {f"{name}, p99": side.p99, f"{name}, median": side.median}
    runs, noise = in_turn(turns, rounds, shown)
    figures = [*(_slow(runs) if is_slowed else ()), *_as_it_is(runs)]
    notes = [f"{MESSAGES} messages a round while thirty are spoken at once"]
    if not is_slowed:
        notes.append("strace is missing, so no disk was slowed: apt-get install strace")
    return Report(tuple(figures), noise, tuple(notes))


def _slow(runs: dict[str, Runs]) -> Sequence[Compared]:
    def figure(side: str, which: str, aim: Aim | None) -> Compared:
        by_hand = {PEER: runs[f"by hand, {which}"]}
        what = f"until the promise{KINDS[side]}, a sync takes {SYNC_MS} ms, {which}"
        return Compared(what, "ms", runs[f"{side}, {which}"], by_hand, aim)

    return [
        figure(side, which, aim)
        for side in KINDS
        for which, aim in (("median", None), ("p99", Aim(PROMISED_MS)))
    ]


def _as_it_is(runs: dict[str, Runs]) -> Sequence[Compared]:
    return [
        Compared(f"until the promise, this disk, {which}", "ms", runs[f"as it is, {which}"], {})
        for which in ("median", "p99")
    ]
