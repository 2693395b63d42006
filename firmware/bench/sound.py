"""Tones that a bench tells apart frame by frame. No I/O.

A tone is known by its amplitude in one frame of 20 ms, so a sound is dated to the frame in which it
begins. The tones lie apart from each other, from ring-back and from every tone of a key.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
FRAME = 160  # samples: 20 ms
FRAME_S = FRAME / RATE_HZ
SILENCE = bytes(2 * FRAME)

# The first prompt, the second, every other prompt and the music, a desk, a caller.
ONE_HZ, TWO_HZ, OTHER_HZ, DESK_HZ, CALLER_HZ = 600, 1050, 300, 1900, 2600
AMPLITUDE = 4000.0
# Where a tone is at least for a quarter of the frame.
HEARD_FROM = AMPLITUDE / 4

KEYS = dict(zip("123A456B789C*0#D", range(16), strict=True))
LOW_HZ, HIGH_HZ = (697, 770, 852, 941), (1209, 1336, 1477, 1633)  # ITU-T Q.23


def tone(seconds: float, *hz: float) -> NDArray[np.int16]:
    """One or more sines together, from the first sample on at full strength."""
    at = 2 * np.pi * np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.asarray(AMPLITUDE * sum(np.sin(each * at) for each in hz)).astype(np.int16)


def key(digit: str, seconds: float) -> NDArray[np.int16]:
    """A key as the line itself carries it."""
    place = KEYS[digit]
    return tone(seconds, LOW_HZ[place // 4], HIGH_HZ[place % 4])


def frames(samples: NDArray[np.int16]) -> Iterator[bytes]:
    """In pieces of 20 ms; a rest is left out."""
    for start in range(0, samples.size - FRAME + 1, FRAME):
        yield samples[start : start + FRAME].astype("<i2").tobytes()


def always(hz: float) -> bytes:
    """A frame that can be said over and over."""
    return next(frames(tone(FRAME_S, hz)))


def holds(frame: bytes, hz: float) -> bool:
    """Is this tone in the frame?"""
    samples = np.frombuffer(frame, "<i2").astype(np.float64)
    turn = np.exp(-2j * np.pi * hz * np.arange(samples.size) / RATE_HZ)
    return bool(2 * np.abs(np.dot(samples, turn)) / max(samples.size, 1) >= HEARD_FROM)
