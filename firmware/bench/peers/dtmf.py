"""DTMF: libspandsp behind a program of ours, multimon-ng as it is, and a plain baseline in numpy.

The baseline is what a textbook gives and many a package does: Goertzel's power at eight
frequencies in blocks of 102 samples, two blocks that agree are a digit.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

RATE_HZ = 8000
KEYS = "123A456B789C*0#D"
TONES_HZ = np.array([697, 770, 852, 941, 1209, 1336, 1477, 1633], np.float64)

# A textbook's block: 12.75 ms, nearest to which the eight tones fall on bins.
BLOCK = 102
# Mean square of a tone at -35 dBm0 (a full-scale sine is +3.14), and the widest twists taken.
FAINTEST = 32768.0**2 / 2 * 10 ** ((-35 - 3.14) / 10)
TWIST_DB = (-8.0, 4.0)
# How much stronger than its neighbours a tone must be, and how much of all it must make.
ALONE_DB = 6.0
PART = 0.6

MULTIMON_HZ = 22_050
SPANDSP_SOURCE = Path(__file__).parent / "spandsp.c"


@dataclass(frozen=True, slots=True)
class Told:
    """A digit, and how many samples had been heard when it was told; None where nobody can say."""

    digit: str
    decided: int | None


@dataclass(frozen=True, slots=True)
class Peer:
    """A detector under its name; each call begins afresh."""

    name: str
    hear: Callable[[Pcm], list[Told]]


def peers() -> list[Peer]:
    """Those that this machine has, the baseline always."""
    found = [Peer("plain numpy", hear_plainly)]
    if spandsp() is not None:
        found.append(Peer("spandsp", hear_spandsp))
    if shutil.which("multimon-ng"):
        found.append(Peer("multimon-ng", hear_multimon))
    return found


@cache
def spandsp() -> Path | None:
    """The harness, built once for this source; None where the library is not installed."""
    if not (shutil.which("gcc") and Path("/usr/include/spandsp/dtmf.h").exists()):
        return None
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    program = caches / "careline/peers" / hashlib.sha256(SPANDSP_SOURCE.read_bytes()).hexdigest()
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=program.parent) as place:
            built = Path(place) / "spandsp"
            subprocess.run(
                ["gcc", "-O2", "-o", built, SPANDSP_SOURCE, "-lspandsp", "-lm"], check=True
            )
            built.replace(program)
    return program


def hear_spandsp(pcm: Pcm) -> list[Told]:
    """By the library's own settings."""
    lines = _said([str(spandsp()), "hear"], pcm).splitlines()
    return [Told(digit, int(at)) for digit, at in (line.split() for line in lines)]


def pace_of_spandsp(pcm: Pcm, laps: int) -> float:
    """Nanoseconds of processor time a sample."""
    return float(_said([str(spandsp()), "pace", str(laps)], pcm))


def hear_multimon(pcm: Pcm) -> list[Told]:
    """It wants another rate, and tells no times."""
    import soxr  # at build and test time only

    wide = soxr.resample(pcm, RATE_HZ, MULTIMON_HZ)
    said = _said(["multimon-ng", "-q", "-c", "-a", "DTMF", "-t", "raw", "-"], wide)
    marked = [line.removeprefix("DTMF: ") for line in said.splitlines() if line[:6] == "DTMF: "]
    return [Told(digit, None) for digit in marked]


def hear_plainly(pcm: Pcm) -> list[Told]:
    """A new key in two blocks one after another is a digit."""
    blocks = pcm[: len(pcm) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float64)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(BLOCK), TONES_HZ) / RATE_HZ)
    powers = 2 * np.abs(blocks @ turns / BLOCK) ** 2
    low, high = powers[:, :4], powers[:, 4:]
    best_low, best_high = low.max(axis=1), high.max(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        twist_db = 10 * np.log10(best_high / best_low)
        is_key = (
            (np.minimum(best_low, best_high) > FAINTEST)
            & (twist_db > TWIST_DB[0])
            & (twist_db < TWIST_DB[1])
            & _stands_alone(low)
            & _stands_alone(high)
            & (best_low + best_high > PART * np.mean(blocks**2, axis=1))
        )
    key = np.where(is_key, 4 * low.argmax(axis=1) + high.argmax(axis=1), -1)
    told, at = [], 0
    for number, run in groupby(key.tolist()):
        length = len(list(run))
        if number >= 0 and length >= 2:
            told.append(Told(KEYS[number], (at + 2) * BLOCK))
        at += length
    return told


def _stands_alone(group: NDArray[np.float64]) -> NDArray[np.bool_]:
    ordered = np.sort(group, axis=1)
    return np.asarray(ordered[:, -1] > ordered[:, -2] * 10 ** (ALONE_DB / 10), np.bool_)


def _said(command: list[str], pcm: Pcm) -> str:
    done = subprocess.run(command, input=pcm.tobytes(), capture_output=True, check=True)
    return done.stdout.decode("ascii", "replace")
