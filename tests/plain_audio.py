"""The search for a voice left lying about: does any of these files hold this waveform, in any plain
form?

A caller's audio could leak as it is (16 bit, either byte order), as A-law or as mu-law, alone or
interleaved with another channel, and at any byte of any file. The search takes short pieces from
the waveform where it is loud, codes each in every form, and looks for those bytes; it reads whole
files, so alignment does not matter.
"""

import os
import resource
import signal
import struct
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Samples of one piece: 40 equal bytes in a row do not happen by chance.
PIECE = 40
# Pieces are taken this far apart: a leaked tenth of a second is found.
STRIDE = 400
# A piece must have this many different samples, or silence and tones would be found everywhere.
VARIETY = 12
# Bytes of a piece that are looked up at once, and of a file that are looked at together.
WORD = 8
BLOCK = 1 << 23


@dataclass(frozen=True, slots=True)
class Leak:
    """A plain piece of the waveform."""

    path: Path
    form: str
    offset: int


def forms_of(samples: Sequence[int]) -> dict[str, bytes]:
    """A piece of audio in each form that somebody could play."""
    zeros = [0] * len(samples)
    paired = [part for pair in zip(samples, zeros, strict=True) for part in pair]
    return {
        "raw, little-endian": struct.pack(f"<{len(samples)}h", *samples),
        "raw, big-endian": struct.pack(f">{len(samples)}h", *samples),
        "raw, one channel of two": struct.pack(f"<{len(paired)}h", *paired),
        "mu-law": bytes(mu_law(sample) for sample in samples),
        "A-law": bytes(a_law(sample) for sample in samples),
    }


def pieces_of(samples: Sequence[int]) -> Iterator[Sequence[int]]:
    """Telling pieces of the waveform, all through it."""
    for start in range(0, len(samples) - PIECE + 1, STRIDE):
        piece = samples[start : start + PIECE]
        if len({a_law(sample) for sample in piece}) >= VARIETY:
            yield piece


def leaks(samples: Sequence[int], places: Iterable[Path]) -> list[Leak]:
    """Every file among these files and directories that holds a plain piece of the waveform."""
    wanted: dict[bytes, list[tuple[str, bytes]]] = {}
    for piece in pieces_of(samples):
        for form, coded in forms_of(piece).items():
            wanted.setdefault(coded[:WORD], []).append((form, coded))
    if not wanted:
        raise ValueError("this waveform has no piece that could be told from silence")
    found = (_leak(path, wanted) for path in _files(places))
    return [leak for leak in found if leak is not None]


def _leak(path: Path, wanted: Mapping[bytes, list[tuple[str, bytes]]]) -> Leak | None:
    """The first plain piece in this file: where its first word stands, the rest is compared."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:  # somebody else's, gone since it was listed
        return None
    keys = np.frombuffer(b"".join(wanted), dtype="<u8")
    for start in range(0, len(content), BLOCK):
        for offset in _places_of(content[start : start + BLOCK + WORD], keys):
            at = start + offset
            for form, coded in wanted[content[at : at + WORD]]:
                if content.startswith(coded, at):
                    return Leak(path, form, at)
    return None


def _places_of(block: bytes, keys: NDArray[np.uint64]) -> Iterator[int]:
    """Where any of the words stands, at any alignment. A table of hashes rules nearly all out."""
    table = np.zeros(1 << 16, dtype=np.bool_)
    table[_hashed(keys)] = True
    for shift in range(WORD):
        count = (len(block) - shift) // WORD
        if count > 0:
            words = np.frombuffer(block, dtype="<u8", offset=shift, count=count)
            likely = np.flatnonzero(table[_hashed(words)])
            for place in likely[np.isin(words[likely], keys)]:
                yield shift + int(place) * WORD


def _hashed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return (words * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(48)


def mu_law(sample: int) -> int:
    """ITU-T G.711, by its definition: sign, exponent, mantissa, all inverted."""
    sign, magnitude = (0x80, -sample) if sample < 0 else (0, sample)
    magnitude = min(magnitude, 32_635) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = magnitude >> (exponent + 3) & 0x0F
    return ~(sign | exponent << 4 | mantissa) & 0xFF


def a_law(sample: int) -> int:
    """ITU-T G.711, by its definition: sign, exponent, mantissa, even bits inverted."""
    sign, magnitude = (0x80, sample) if sample >= 0 else (0, ~sample)
    magnitude = min(magnitude, 32_767) >> 4
    exponent = max(magnitude.bit_length() - 4, 0)
    mantissa = magnitude & 0x0F if exponent == 0 else magnitude >> (exponent - 1) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55


def _files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        if place.is_file():
            yield place
        else:
            yield from (
                path
                for path in sorted(place.rglob("*"))
                if path.is_file() and not path.is_symlink()
            )


def force_core(pid: int) -> Path:
    """End a process of ours by a signal that makes the kernel write its memory down; that file.

    Needs a kernel that writes cores into the process's own directory, as its default is.
    """
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith(("|", "/")):
        return _core_by_debugger(pid)
    directory = Path(f"/proc/{pid}/cwd").readlink()
    before = set(directory.glob("core*"))
    abort_with_core_allowed(pid)
    with suppress(ChildProcessError):  # whoever started it was quicker
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    (core,) = set(directory.glob("core*")) - before
    return core


def abort_with_core_allowed(pid: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    os.kill(pid, signal.SIGABRT)


def _core_by_debugger(pid: int) -> Path:
    directory = Path(f"/proc/{pid}/cwd").readlink()
    dumped = subprocess.run(
        ["gcore", "-o", str(directory / "core"), str(pid)], capture_output=True, check=False
    )
    os.kill(pid, signal.SIGKILL)
    if dumped.returncode != 0:
        raise RuntimeError(
            "no core can be had: set /proc/sys/kernel/core_pattern to `core`, or install gdb"
        )
    return directory / f"core.{pid}"
