"""Audio arithmetic as others do it: plain Python, numpy, audioop where Python still has it, and a
plain C table that is built where there is a compiler.

All work on a block of samples at once, and each gives what it made, so that a test can tell that
they do the same.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from routing_core.audio import Codes, Law, Pcm, decode, encode

TABLE_SOURCE = Path(__file__).parent / "table.c"

# Tables for those who have none of their own: by a sample's bits, and by a code.
EVERY_SAMPLE = np.arange(65536, dtype=np.uint16).view(np.int16)
CODES = {law: encode(EVERY_SAMPLE, law) for law in Law}
VALUES = {law: decode(np.arange(256, dtype=np.uint8), law) for law in Law}
_CODES_LISTED = {law: CODES[law].tolist() for law in Law}
_VALUES_LISTED = {law: VALUES[law].tolist() for law in Law}

LOUDEST, LOWEST = 32767, -32768


@cache
def table() -> Path | None:
    """The C table, built once for this source; None where there is no compiler."""
    if not shutil.which("gcc"):
        return None
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    program = caches / "careline/peers" / hashlib.sha256(TABLE_SOURCE.read_bytes()).hexdigest()
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=program.parent) as place:
            built = Path(place) / "table"
            subprocess.run(["gcc", "-O3", "-o", built, TABLE_SOURCE], check=True)
            built.replace(program)
    return program


def pace_of_table(what: str, pcm: Pcm, laps: int) -> float:
    """Nanoseconds of processor time a sample."""
    command = [str(table()), what, str(laps)]
    done = subprocess.run(command, input=pcm.tobytes(), capture_output=True, check=True)
    return float(done.stdout)


@cache
def audioop() -> ModuleType | None:
    """Python had it until 3.12."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            import audioop
        except ImportError:
            return None
        return audioop


def encode_by_numpy(pcm: Pcm, law: Law) -> Codes:
    """A table, indexed by all samples at once."""
    return np.take(CODES[law], pcm.view(np.uint16))


def decode_by_numpy(codes: Codes, law: Law) -> Pcm:
    """The same the other way."""
    return np.take(VALUES[law], codes)


def mix_by_numpy(one: Pcm, other: Pcm) -> Pcm:
    """In a wider type, then clamped."""
    mixed: Pcm = np.clip(one.astype(np.int32) + other, LOWEST, LOUDEST).astype(np.int16)
    return mixed


def level_by_numpy(pcm: Pcm) -> float:
    """Mean square, as everybody writes it."""
    power = float(np.mean(np.square(pcm.astype(np.float64))))
    return 10 * float(np.log10(power / (32768.0**2 / 2))) + 3.14


def encode_plainly(samples: list[int], law: Law) -> bytes:
    """A table and a loop."""
    codes = _CODES_LISTED[law]
    return bytes([codes[sample & 0xFFFF] for sample in samples])


def decode_plainly(codes: bytes, law: Law) -> list[int]:
    """A table and a loop."""
    values: list[int] = _VALUES_LISTED[law]
    return [values[code] for code in codes]


def mix_plainly(one: list[int], other: list[int]) -> list[int]:
    """Sums that are clamped, in a loop."""
    return [max(LOWEST, min(LOUDEST, a + b)) for a, b in zip(one, other, strict=True)]


def level_plainly(samples: list[int]) -> float:
    """Mean square in a loop."""
    power = sum(sample * sample for sample in samples) / len(samples)
    return 10 * float(np.log10(power / (32768.0**2 / 2))) + 3.14


def as_list(sound: NDArray[np.int16]) -> list[int]:
    """For those who know no arrays."""
    listed: list[int] = sound.ravel().tolist()
    return listed
