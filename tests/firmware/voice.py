"""A voice for the tests: a waveform that is nobody's, never repeats, and is found wherever it lies
plain.
"""

from __future__ import annotations  # array[int] is no expression before 3.12

import random
from array import array


def voice(seconds: float, seed: int = 1) -> array[int]:
    """Noise shaped like speech: syllables of changing loudness, 8 kHz, 16 bit."""
    chance = random.Random(seed)
    samples, level, loudness = array("h"), 0.0, 0.5
    for number in range(round(seconds * 8_000)):
        if number % 1_000 == 0:
            loudness = chance.uniform(0.2, 1.0)
        level = 0.7 * level + 0.3 * chance.uniform(-1, 1)
        samples.append(round(30_000 * loudness * level))
    return samples
