"""A voice slower: longer, and of the same pitch and strength."""

import numpy as np
import pytest
from numpy.typing import NDArray

from firmware.slower import RATE_HZ, SLOWLY, slower
from tests.firmware.voice import voice


def tone(hz: float, seconds: float) -> NDArray[np.int16]:
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return np.asarray(8000 * np.sin(2 * np.pi * hz * at), dtype=np.int16)


def pitch_hz(samples: NDArray[np.int16]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum)) * RATE_HZ / samples.size


@pytest.mark.parametrize("hz", [110.0, 217.0, 440.0, 1234.0])
def test_it_lasts_longer_and_keeps_its_pitch_and_strength(hz: float) -> None:
    heard = tone(hz, 3.0)
    slow = slower(heard)
    assert slow.size == pytest.approx(heard.size / SLOWLY, abs=RATE_HZ * 0.1)
    assert pitch_hz(slow) == pytest.approx(hz, abs=1.0)
    inner = slow[RATE_HZ // 2 : -RATE_HZ // 2].astype(float)
    assert np.sqrt(np.mean(inner**2)) == pytest.approx(8000 / np.sqrt(2), rel=0.02)


def test_pauses_and_words_stay_in_their_order() -> None:
    words = np.concatenate([tone(300, 1.0), np.zeros(RATE_HZ, np.int16), tone(700, 1.0)])
    slow = slower(words)
    third = slow.size // 3
    assert pitch_hz(slow[: third - 500]) == pytest.approx(300, abs=2.0)
    assert np.abs(slow[third + 800 : 2 * third - 800]).max() == 0
    assert pitch_hz(slow[2 * third + 500 :]) == pytest.approx(700, abs=2.0)


def test_a_voice_at_full_strength_is_not_torn_and_what_is_short_stays() -> None:
    loud = np.clip(np.array(voice(2.0), dtype=np.int32) * 40, -32768, 32767).astype(np.int16)
    steps = np.abs(np.diff(slower(loud).astype(np.int32))).max()
    assert steps <= np.abs(np.diff(loud.astype(np.int32))).max()
    short = tone(300, 0.05)
    assert (slower(short) == short).all()


@pytest.mark.parametrize("speed", [0.0, 1.5])
def test_no_other_speeds_are_known(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        slower(tone(300, 1.0), speed)
