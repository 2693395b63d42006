"""The search for a voice left lying about: does any of these files hold this waveform, in any plain
form?

A caller's audio could leak as it is (16 bit, either byte order), as A-law or as mu-law, alone or
interleaved with another channel, and at any byte of any file. The search takes short pieces from
the waveform where it is loud, codes each in every form, and looks for those bytes; it reads whole
files, so alignment does not matter.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# Samples of one piece: 40 equal bytes in a row do not happen by chance.
PIECE = 40
# Pieces are taken this far apart: a leaked tenth of a second is found.
STRIDE = 400
# A piece must have this many different samples, or silence and tones would be found everywhere.
VARIETY = 12


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
    wanted = [
        (form, coded) for piece in pieces_of(samples) for form, coded in forms_of(piece).items()
    ]
    if not wanted:
        raise ValueError("this waveform has no piece that could be told from silence")
    found = []
    for path in _files(places):
        content = path.read_bytes()
        for form, coded in wanted:
            if (offset := content.find(coded)) >= 0:
                found.append(Leak(path, form, offset))
                break
    return found


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
