"""Voices that say only vowels, made of harmonics through three gliding formants. No I/O.

Where the first two formants lie in the bands of the keys' tones they are what is hardest on a
detector of keys: now and then two harmonics stand alone, in tune, for as long as a key would. With
the formants of ordinary speech they are somebody who talks. Every draw comes from the generator
handed in; levels as in G.711, where a full-scale sine is +3.14 dBm0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
TOP_HZ = 3600.0

Signal = NDArray[np.float64]
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Speaker:
    """What a voice's vowels are drawn from: Hz, Hz of width, dBm0, seconds."""

    first: Range
    second: Range
    width: Range
    dbm0: Range
    breath_s: Range


# The sharpness of these was set by libspandsp's false digits, some 90 in 30 minutes; never by ours.
IN_THE_KEYS_BANDS = Speaker((650, 980), (1150, 1700), (20, 60), (-25, -6), (0, 0.15))
# Peterson and Barney's vowels, men's to children's; loudness is for the user to set.
TALKER = Speaker((270, 1000), (850, 2700), (50, 120), (-20, -16), (0, 0.15))


def vowels(
    rng: np.random.Generator, seconds: float, speaker: Speaker = IN_THE_KEYS_BANDS
) -> Signal:
    """So long a voice, one vowel after another with short breaths between."""
    parts: list[Signal] = []
    wanted = round(seconds * RATE_HZ)
    length = 0
    while length < wanted:
        breath = np.zeros(int(rng.uniform(*speaker.breath_s) * RATE_HZ))
        parts += [_vowel(rng, speaker), breath]
        length += parts[-2].size + breath.size
    return np.concatenate(parts)[:wanted] if parts else np.zeros(0)


def _vowel(rng: np.random.Generator, speaker: Speaker) -> Signal:
    length = int(rng.uniform(0.1, 0.6) * RATE_HZ)
    pitch = _glide(rng, np.exp(rng.uniform(np.log(110), np.log(450))), 0.04, length)
    seconds = np.arange(length) / RATE_HZ
    pitch *= 1 + rng.uniform(0, 0.015) * np.sin(2 * np.pi * rng.uniform(4, 7) * seconds)
    formants = (
        (_glide(rng, rng.uniform(*speaker.first), 0.03, length), rng.uniform(*speaker.width)),
        (_glide(rng, rng.uniform(*speaker.second), 0.03, length), rng.uniform(*speaker.width)),
        (_glide(rng, rng.uniform(2300, 2900), 0.03, length), rng.uniform(120, 250)),
    )
    turn = np.exp(2j * np.pi * np.cumsum(pitch) / RATE_HZ)
    harmonic = np.ones(length, np.complex128)
    sound = np.zeros(length)
    for number in range(1, int(TOP_HZ / pitch.max()) + 1):
        harmonic *= turn
        sound += (harmonic * _through(number * pitch, formants)).imag / number
    loud = 32768 * 10 ** ((rng.uniform(*speaker.dbm0) - 3.14) / 20) / np.sqrt(2)
    return np.asarray(sound * _swell(rng, length) * loud / np.sqrt(np.mean(sound**2)), np.float64)


def _through(hz: Signal, formants: tuple[tuple[Signal, float], ...]) -> NDArray[np.complex128]:
    """What the formants make of a tone of this frequency, each 1 at rest."""
    passed = np.ones(hz.size, np.complex128)
    for centre, width in formants:
        passed *= centre**2 / (centre**2 - hz**2 + 1j * width * hz)
    return passed


def _glide(rng: np.random.Generator, value: float, by: float, length: int) -> Signal:
    """From a little beside a value to a little beside it."""
    begin, end = value * (1 + rng.uniform(-by, by, 2))
    return np.linspace(begin, end, length, dtype=np.float64)


def _swell(rng: np.random.Generator, length: int) -> Signal:
    swell = np.ones(length)
    rise, fall = (max(int(ms * RATE_HZ / 1000), 1) for ms in rng.uniform((2, 10), (30, 60)))
    swell[:rise] = np.linspace(0, 1, rise)
    swell[length - fall :] *= np.linspace(1, 0, fall)
    return swell
