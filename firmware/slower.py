"""A voice slower, at the pitch it had: pieces of it overlap, each laid where it continues the one
before best (waveform similarity overlap-add).

Pure; a minute of telephone sound takes some 50 ms of a core, so it is for a thread beside the loop.
"""

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
SLOWLY = 0.75  # of the speed
# 25 ms hold two periods of the lowest voice; half of a piece overlaps the one before.
HALF = RATE_HZ * 25 // 1000
PIECE = 2 * HALF
# One period of the lowest voice to look for the best continuation in.
SEEK = RATE_HZ * 10 // 1000


def slower(samples: NDArray[np.int16], speed: float = SLOWLY) -> NDArray[np.int16]:
    """The same, lasting 1/`speed` as long. What is shorter than two pieces stays as it is."""
    if not 0.5 <= speed <= 1.0:
        raise ValueError(f"a speed of {speed:g} is not from 0.5 to 1")
    if samples.size < 2 * PIECE + SEEK:
        return samples.copy()
    voice = np.pad(samples.astype(np.float32), (0, PIECE + SEEK))  # the last word is whole
    window = np.hanning(PIECE + 1)[:PIECE].astype(np.float32)  # halves that overlap add up to one
    pieces = int((voice.size - PIECE - SEEK) / (HALF * speed))
    out = np.zeros((pieces + 1) * HALF + PIECE, dtype=np.float32)
    out[:HALF] = voice[:HALF] * (1 - window[:HALF])  # the first piece fades in over nothing
    at = 0
    for number in range(pieces):
        if number:
            at = _best(voice, at + HALF, round(number * HALF * speed))
        out[number * HALF : number * HALF + PIECE] += voice[at : at + PIECE] * window
    out = out[: (pieces + 1) * HALF]
    loud: NDArray[np.int16] = np.clip(np.rint(out), -32768, 32767).astype(np.int16)
    return loud


def _best(voice: NDArray[np.float32], follows: int, wanted: int) -> int:
    """Where a piece begins, near the place that is wanted, that sounds like what follows."""
    begin = max(wanted - SEEK, 0)
    like = voice[follows : follows + HALF]
    if like.size < HALF:
        return min(wanted, voice.size - PIECE)
    among = voice[begin : min(wanted + SEEK, voice.size - PIECE) + HALF]
    return begin + int(np.argmax(np.correlate(among, like, "valid")))
