"""Call progress: what libspandsp's supervisory tones cost, and a plain baseline.

The baseline is what a textbook gives: Goertzel's power at each frequency of the table in blocks of
20 ms, a block being a burst's when most of its power is in the burst's frequencies.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np

from routing_core.audio import Pcm
from routing_core.progress import Kind, Tone

RATE_HZ = 8000
BLOCK = 160
PART = 0.7  # of a block's power
FAINTEST = 32768.0**2 / 2 * 10 ** ((-40 - 3.14) / 10)  # mean square of -40 dBm0

SOURCE = Path(__file__).parent / "spandsp_tones.c"

# What sounds, and the least and most ms of it.
_Step = tuple[tuple[float, ...], float, float]


@cache
def spandsp_tones() -> Path | None:
    """The harness, built once for this source; None where the library is not installed."""
    if not (shutil.which("gcc") and Path("/usr/include/spandsp/super_tone_rx.h").exists()):
        return None
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    program = caches / "careline/peers" / hashlib.sha256(SOURCE.read_bytes()).hexdigest()
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=program.parent) as place:
            built = Path(place) / "spandsp_tones"
            subprocess.run(["gcc", "-O2", "-o", built, SOURCE, "-lspandsp", "-lm"], check=True)
            built.replace(program)
    return program


def pace_of_spandsp(tones: Sequence[Tone], pcm: Pcm, laps: int) -> float:
    """Nanoseconds of processor time a sample."""
    command = [str(spandsp_tones()), str(laps), *map(_as_spandsp, tones)]
    done = subprocess.run(command, input=pcm.tobytes(), capture_output=True, check=True)
    return float(done.stdout)


def _as_spandsp(tone: Tone) -> str:
    """Its bursts and silences with our tolerances, as many times as ours must hear it; it has but
    two frequencies, so that a modulated tone is its carrier."""
    elements = []
    for turn in range(max(tone.needed, len(tone.bursts))):
        burst = tone.bursts[turn % len(tone.bursts)]
        one, two = (burst.hz[1], -1) if len(burst.hz) == 3 else (*burst.hz, -1)[:2]
        least, most = _around(tone, burst.on_ms) if burst.on_ms else (tone.held_ms, 0)
        elements.append(f"{one:.0f}:{two:.0f}:{least}:{most}")
        if burst.off_ms:
            least, most = _around(tone, burst.off_ms)
            elements.append(f"-1:-1:{least}:{most}")
    return ",".join(elements)


def _around(tone: Tone, ms: int) -> tuple[int, int]:
    slack = ms * tone.off_part + 15
    return round(ms - slack), round(ms + slack)


def hear_plainly(tones: Sequence[Tone], pcm: Pcm) -> list[Kind]:
    """Runs of blocks that are a burst's, and silences between, in the order of a tone."""
    runs = _runs(tones, pcm)
    told = []
    for tone in tones:
        pattern = [
            step
            for turn in range(max(tone.needed, len(tone.bursts)))
            for step in _steps(tone, turn % len(tone.bursts))
        ]
        for start in range(len(runs) - len(pattern) + 1):
            if all(
                sound == wanted and (low <= ms <= high)
                for (sound, ms), (wanted, low, high) in zip(runs[start:], pattern, strict=False)
            ):
                told.append(tone.kind)
                break
    return told


def _steps(tone: Tone, at: int) -> list[_Step]:
    burst = tone.bursts[at]
    on = _around(tone, burst.on_ms) if burst.on_ms else (tone.held_ms, float("inf"))
    steps: list[_Step] = [(burst.hz, on[0] - 20, on[1] + 20)]
    if burst.off_ms:
        least, most = _around(tone, burst.off_ms)
        steps.append(((), least - 20, most + 20))
    return steps


def _runs(tones: Sequence[Tone], pcm: Pcm) -> list[tuple[tuple[float, ...], float]]:
    chords = sorted({burst.hz for tone in tones for burst in tone.bursts})
    lines = sorted({hz for chord in chords for hz in chord})
    blocks = pcm[: len(pcm) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float64)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(BLOCK), lines) / RATE_HZ)
    powers = 2 * np.abs(blocks @ turns / BLOCK) ** 2
    energy = np.mean(np.square(blocks), axis=1)
    found = np.full(len(blocks), -2)
    found[energy < FAINTEST] = -1
    for number, chord in enumerate(chords):
        part = powers[:, [lines.index(hz) for hz in chord]].sum(axis=1)
        found[(part > PART * energy) & (energy >= FAINTEST)] = number
    return [
        (chords[number] if number >= 0 else () if number == -1 else (0.0,), len(list(run)) * 20.0)
        for number, run in groupby(found.tolist())
    ]
