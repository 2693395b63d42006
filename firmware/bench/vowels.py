"""A voice that says only vowels whose first two formants lie where the keys' tones do.

What is hardest on a detector of keys: now and then two harmonics stand alone, in tune, for as long
as a key would. A harmonic source with pitch glide and vibrato goes through three gliding formants,
each a pair of poles; every draw comes from the generator handed in. Levels as in G.711: a
full-scale sine is +3.14 dBm0.
"""

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
TOP_HZ = 3600.0

Signal = NDArray[np.float64]


def vowels(rng: np.random.Generator, seconds: float) -> Signal:
    """So long a voice, one vowel after another with short breaths between."""
    parts: list[Signal] = []
    wanted = round(seconds * RATE_HZ)
    length = 0
    while length < wanted:
        parts += [_vowel(rng), np.zeros(int(rng.uniform(0.0, 0.15) * RATE_HZ))]
        length += parts[-2].size + parts[-1].size
    return np.concatenate(parts)[:wanted] if parts else np.zeros(0)


def _vowel(rng: np.random.Generator) -> Signal:
    length = int(rng.uniform(0.1, 0.6) * RATE_HZ)
    pitch = _glide(rng, np.exp(rng.uniform(np.log(110), np.log(450))), 0.04, length)
    seconds = np.arange(length) / RATE_HZ
    vibrato = rng.uniform(0, 0.015) * np.sin(2 * np.pi * rng.uniform(4, 7) * seconds)
    pitch *= 1 + vibrato
    formants = (
        (_glide(rng, rng.uniform(650, 980), 0.03, length), rng.uniform(25, 70)),
        (_glide(rng, rng.uniform(1150, 1700), 0.03, length), rng.uniform(30, 80)),
        (_glide(rng, rng.uniform(2300, 2900), 0.03, length), rng.uniform(120, 250)),
    )
    turn = np.exp(2j * np.pi * np.cumsum(pitch) / RATE_HZ)
    harmonic = np.ones(length, np.complex128)
    sound = np.zeros(length)
    for number in range(1, int(TOP_HZ / pitch.max()) + 1):
        harmonic *= turn
        sound += (harmonic * _through(number * pitch, formants)).imag / number
    loud = 32768 * 10 ** ((rng.uniform(-25, -6) - 3.14) / 20) / np.sqrt(2)
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
