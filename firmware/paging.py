"""What a loudspeaker is given of a page: a chime first, then who speaks, never too loud. Pure.

A frame goes out every 20 ms, whether one has come or not: a telephone may send nothing while nobody
speaks. What is said during the chime comes behind it, and catches up wherever there is a pause: who
waits for the chime to end is not late at all.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from routing_core.audio import Pcm, level_dbm0, pcm_from_bytes, tone, tone_pair

FRAME_BYTES = 320  # 20 ms
PAUSE_DBM0 = -45.0  # below it nobody speaks
FULL_SCALE_DBM0 = 3.14  # of a sine (ITU-T G.711)
LOUDEST_DBM0 = -3.0  # of a sine with such peaks: a small amplifier distorts above
RECOVERS_DB = 0.2  # a frame: 10 dB a second, which nobody hears as pumping
EASED = 16  # samples, 2 ms: a gain that jumps would click
CHIME_DBM0 = -15.0


def _frames(sound: Pcm) -> tuple[bytes, ...]:
    raw = sound.astype("<i2").tobytes()
    raw += bytes(-len(raw) % FRAME_BYTES)
    return tuple(raw[start : start + FRAME_BYTES] for start in range(0, len(raw), FRAME_BYTES))


CHIME = _frames(
    np.concatenate([tone(hz, dbm0=CHIME_DBM0, ms=240) for hz in (784.0, 659.0)])  # G5, E5
)
# The night bell: two tones that no telephone in the room has, a second of four.
BELL = _frames(
    np.concatenate(
        [
            tone_pair(880.0, 1108.0, dbm0=(CHIME_DBM0, CHIME_DBM0), ms=1000),
            np.zeros(24_000, np.int16),
        ]
    )
)


class Limiter:
    """Louder or softer by so many dB, and never louder than LOUDEST_DBM0."""

    def __init__(self, volume_db: float) -> None:
        self._wished = 10 ** (volume_db / 20)
        self._most = 32767 * 10 ** ((LOUDEST_DBM0 - FULL_SCALE_DBM0) / 20)
        self._gain = self._wished

    def passed(self, frame: bytes) -> bytes:
        """As many samples."""
        samples = pcm_from_bytes(frame).astype(np.float64)
        if not samples.size:
            return b""
        peak = max(1.0, float(np.abs(samples).max()))
        allowed = min(self._wished, self._gain * 10 ** (RECOVERS_DB / 20), self._most / peak)
        gains: NDArray[np.float64] = np.full(samples.size, allowed)
        eased = min(EASED, samples.size)
        gains[:eased] = np.linspace(self._gain, allowed, eased)
        self._gain = allowed
        return bytes(np.clip(samples * gains, -self._most, self._most).astype("<i2"))


class Paged:
    """One page, from its chime on."""

    def __init__(self, volume_db: float) -> None:
        self._limiter = Limiter(volume_db)
        self._ahead: deque[bytes] = deque(CHIME)

    def said(self, frame: bytes) -> None:
        """A frame has come."""
        if not self._ahead or level_dbm0(pcm_from_bytes(frame).astype(np.int16)) > PAUSE_DBM0:
            self._ahead.append(frame)

    def due(self) -> bytes:
        """What is played for the next 20 ms."""
        return self._limiter.passed(self._ahead.popleft() if self._ahead else bytes(FRAME_BYTES))
