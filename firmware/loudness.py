"""How loud a sound is on the telephone network, and how it is brought to a level.

Samples are float64 in -1 … 1 at 8 kHz. Levels are dBm0: a full-scale sine is +3.14 dBm0 (ITU-T
G.711, A-law), so 0 dBm0 is what a test telephone sends at 0 dB, whatever the box at the other end
does with it.
"""

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]

RATE_HZ = 8000
# ITU-T G.711: the overload point of A-law.
FULL_SCALE_SINE_DBM0 = 3.14
# ITU-T P.56 counts as speech what lies within 15.9 dB of the active level.
SPEECH_MARGIN_DB = 15.9
# Below overload by 1 dB, which codecs and resamplers further down may add.
PEAK = 10 ** (-1 / 20)

_FRAME = RATE_HZ // 50  # 20 ms
_LIMITER = RATE_HZ // 100  # 10 ms: the limiter's look ahead and its smoothing


def level_dbm0(sound: Sound) -> float:
    """The level of all of it; minus infinity for silence."""
    return _dbm0(float(np.mean(np.square(sound)))) if sound.size else -np.inf


def speech_level_dbm0(sound: Sound) -> float:
    """The level while somebody speaks, pauses left out (after ITU-T P.56, in frames of 20 ms)."""
    whole = sound[: sound.size // _FRAME * _FRAME]
    powers = np.mean(np.square(whole.reshape(-1, _FRAME)), axis=1)
    active = powers
    while active.size:
        floor = float(np.mean(active)) * 10 ** (-SPEECH_MARGIN_DB / 10)
        louder = powers[powers >= floor]
        if louder.size == active.size:
            break
        active = louder
    return _dbm0(float(np.mean(active))) if active.size else -np.inf


def amplified(sound: Sound, gain_db: float) -> Sound:
    """The same sound, louder or softer, with its peaks held down rather than cut off."""
    louder = sound * 10 ** (gain_db / 20)
    needed = np.minimum(1.0, PEAK / np.maximum(np.abs(louder), PEAK))
    if needed.min() == 1.0:
        return louder
    # The least gain of the next and the last 10 ms, smoothed over as long: never more than any
    # sample allows.
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(needed, _LIMITER, constant_values=1.0), 2 * _LIMITER + 1
    ).min(axis=1)
    window = np.hanning(2 * _LIMITER + 1)
    smooth = np.convolve(np.pad(around, _LIMITER, mode="edge"), window / window.sum(), mode="valid")
    return np.asarray(louder * smooth, dtype=np.float64)


def pcm(sound: Sound) -> bytes:
    """Signed 16 bit little-endian, as AudioSocket and our prompt files carry it."""
    return np.round(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()


def _dbm0(power: float) -> float:
    # A full-scale sine has the power one half.
    return 10 * np.log10(2 * power) + FULL_SCALE_SINE_DBM0 if power > 0 else -np.inf
