"""How well the keys of the telephone at the far end come through: each of their two tones, and the
twist between them. Pure. Our own detector says which keys there were and where; only what it has
believed is measured, in its steady middle.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from routing_core.audio import SAMPLE_RATE_HZ, SILENCE_DBM0, Pcm
from routing_core.dtmf import Detector, ToneBegan, ToneEnded

LOW_HZ, HIGH_HZ = (697, 770, 852, 941), (1209, 1336, 1477, 1633)  # ITU-T Q.23
ROWS = ("123A", "456B", "789C", "*0#D")
EDGE_S = 0.008  # of a key at either end: its rise and fall
FULL_SINE_DBM0, FULL = 3.14, 32_767.0


@dataclass(frozen=True, slots=True)
class Key:
    """One that was pressed."""

    digit: str
    low_dbm0: float
    high_dbm0: float
    lasted_ms: float

    @property
    def twist_db(self) -> float:
        """How much louder the high tone is (ITU-T Q.24)."""
        return self.high_dbm0 - self.low_dbm0


def keys_in(heard: Pcm) -> tuple[Key, ...]:
    """All that were heard in it, in order; one that was still down at the end is left out."""
    told = Detector().feed(heard)
    return tuple(
        _measured(heard, began, ended)
        for began, ended in pairwise(told)
        if isinstance(began, ToneBegan) and isinstance(ended, ToneEnded)
    )


def _measured(heard: Pcm, began: ToneBegan, ended: ToneEnded) -> Key:
    edge = round(EDGE_S * SAMPLE_RATE_HZ)
    middle = heard[began.at_sample + edge : ended.at_sample - edge].astype(np.float64)
    row = next(n for n, keys in enumerate(ROWS) if began.digit in keys)
    pair = np.array((LOW_HZ[row], HIGH_HZ[ROWS[row].index(began.digit)]), np.float64)
    turned = 2 * np.pi * np.outer(np.arange(len(middle)) / SAMPLE_RATE_HZ, pair)
    waves = np.hstack([np.cos(turned), np.sin(turned)])
    fitted = np.linalg.lstsq(waves, middle, rcond=None)[0]  # exact where a transform would smear
    low, high = np.hypot(fitted[:2], fitted[2:])
    lasted_ms = (ended.at_sample - began.at_sample) * 1000 / SAMPLE_RATE_HZ
    return Key(began.digit, _dbm0(float(low)), _dbm0(float(high)), lasted_ms)


def _dbm0(amplitude: float) -> float:
    least = FULL * 10 ** ((SILENCE_DBM0 - FULL_SINE_DBM0) / 20)
    return float(20 * np.log10(max(amplitude, least) / FULL) + FULL_SINE_DBM0)
