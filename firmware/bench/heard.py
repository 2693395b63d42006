"""What a detector costs: kinds of audio in turn, over ours, a plain one in numpy and libspandsp.

By the processor's own clock. Ours runs in a process of its own (`pace`), as the peer does and the
engine's thread is.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from firmware.bench.beside import Aim, Compared, Report, Shown, Side, in_turn
from firmware.bench.vowels import Signal
from routing_core import audio
from routing_core.audio import Pcm

LAPS = 8
ALL = "all four, a quarter each"
PEER, BASELINE = "spandsp", "plain numpy"
MISSING = "libspandsp is not installed: .ci/setup proofs brings it"


def beside(
    kinds: Mapping[str, Pcm],
    detector: str,
    plainly: Callable[[Pcm], object],
    peer: Callable[[Pcm, int], float] | None,
    aims: Mapping[str, Aim],
    rounds: int,
    shown: Shown,
    *,
    table: bytes = b"",
) -> Report:
    """ns a sample for each kind. `detector` is what `pace` calls ours, which may want a table
    first; the peer is told how often to hear the audio, and None where it is not installed."""
    sides: dict[str, Side] = {}
    for kind, pcm in kinds.items():
        sides[kind] = partial(_ours_ns, detector, table, pcm)
        sides[f"{kind} {BASELINE}"] = partial(_plain_ns, plainly, pcm)
        if peer is not None:
            sides[f"{kind} {PEER}"] = partial(peer, pcm, LAPS)
    runs, noise = in_turn(sides, rounds, shown)
    figures = tuple(
        Compared(
            kind,
            "ns a sample",
            runs[kind],
            {name: runs[f"{kind} {name}"] for name in (PEER, BASELINE) if f"{kind} {name}" in runs},
            aims.get(kind),
        )
        for kind in kinds
    )
    return Report(figures, noise, () if peer is not None else (MISSING,))


def over_a_line(sound: Signal | Pcm) -> Pcm:
    """A-law coded, as telephones bring it."""
    pcm = np.asarray(np.clip(np.rint(sound), -32768, 32767), np.int16)
    return audio.decode(audio.encode(pcm, audio.Law.ALAW), audio.Law.ALAW)


def _ours_ns(detector: str, table: bytes, pcm: Pcm) -> float:
    command = [sys.executable, "-m", "firmware.bench.pace", detector, str(LAPS)]
    told = subprocess.run(command, input=table + pcm.tobytes(), capture_output=True, check=True)
    return float(told.stdout)


def _plain_ns(plainly: Callable[[Pcm], object], pcm: Pcm) -> float:
    began = time.process_time_ns()
    plainly(pcm)
    return (time.process_time_ns() - began) / len(pcm)
