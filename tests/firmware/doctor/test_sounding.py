"""The doctor's ear against signals whose truth is known: an echo of so many dB after so long, noise
of so much power, keys of such a twist; each heard through G.711, as on a line."""

import numpy as np
import pytest
from numpy.typing import NDArray

from firmware.doctor import keying, sounding
from routing_core import audio
from routing_core.audio import Law, Pcm

RANDOM = np.random.default_rng(20_261)


def by_line(sound: NDArray[np.float64], law: Law = Law.ULAW) -> Pcm:
    pcm = np.clip(np.round(sound), -32_768, 32_767).astype(np.int16)
    return audio.decode(audio.encode(pcm, law), law)


def noise(dbm0: float, count: int) -> NDArray[np.float64]:
    rms = 32_767 / np.sqrt(2) * 10 ** ((dbm0 - 3.14) / 20)
    return RANDOM.normal(0.0, rms, count)


def come_back(loss_db: float, after_ms: float) -> NDArray[np.float64]:
    sent = sounding.sent().astype(np.float64)
    back, late = np.zeros_like(sent), round(after_ms * 8)
    back[late:] = sent[: len(sent) - late] * 10 ** (-loss_db / 20)
    return back


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize(
    ("loss_db", "after_ms"), [(3, 2), (6, 10), (20, 80), (30, 500), (40, 300), (45, 850)]
)
def test_an_echo_is_found_with_its_loss_and_its_delay(
    loss_db: float, after_ms: float, law: Law
) -> None:
    heard = come_back(loss_db, after_ms) + noise(-65, len(sounding.sent()))
    echo = sounding.found_in(by_line(heard, law)).echo
    assert echo is not None
    assert echo.loss_db == pytest.approx(loss_db, abs=1.0)
    assert echo.delay_ms == pytest.approx(after_ms, abs=1.0)


@pytest.mark.parametrize("lost_ms", [1, 20, 40])
def test_an_echo_before_which_frames_were_lost_comes_early_and_is_found_all_the_same(
    lost_ms: float,
) -> None:
    early = np.roll(come_back(4, 0), -round(lost_ms * 8))
    echo = sounding.found_in(by_line(early + noise(-35, len(early)))).echo
    assert echo is not None
    assert echo.loss_db == pytest.approx(4, abs=1.0)
    assert echo.delay_ms == 0.0


@pytest.mark.parametrize("dbm0", [-70.0, -50.0, -30.0])
def test_noise_alone_is_no_echo_and_is_measured(dbm0: float) -> None:
    for _ in range(20):
        found = sounding.found_in(by_line(noise(dbm0, len(sounding.sent()))))
        assert found.echo is None
        # 8-bit codes have no level between silence and -69 dBm0 or so.
        assert found.noise_dbm0 == pytest.approx(dbm0, abs=0.5 if dbm0 > -60 else 4)
    assert found.clipped == 0.0


def test_silence_has_neither_echo_nor_noise() -> None:
    found = sounding.found_in(np.zeros(0, np.int16))
    assert found.echo is None
    assert found.noise_dbm0 == found.noise_dbm0p == sounding.SILENCE_DBM0


@pytest.mark.parametrize(
    ("hz", "weight_db"), [(100, -41), (300, -10.6), (800, 0), (1000, 1), (3000, -5.6)]
)
def test_noise_is_weighed_as_o41_has_it(hz: float, weight_db: float) -> None:
    sine = audio.tone(hz, dbm0=-20, ms=1500).astype(np.float64)
    assert sounding.psophometric_dbm0p(sine) == pytest.approx(-20 + weight_db, abs=0.3)


def test_what_is_sent_is_as_loud_as_it_is_said_to_be() -> None:
    assert audio.level_dbm0(sounding.sweep()) == pytest.approx(sounding.SENT_DBM0, abs=0.3)
    assert sounding.tone_dbm0(sounding.sent()) == pytest.approx(sounding.SENT_DBM0, abs=0.1)


@pytest.mark.parametrize("lost_db", [0.0, 6.0, 20.0])
def test_the_tone_is_measured_wherever_it_comes(lost_db: float) -> None:
    heard = by_line(come_back(lost_db, 123) + noise(-60, len(sounding.sent())))
    assert sounding.tone_dbm0(heard) == pytest.approx(sounding.SENT_DBM0 - lost_db, abs=0.5)


def test_an_overdriven_line_is_told() -> None:
    loud = come_back(-20, 5)
    assert sounding.found_in(by_line(loud)).clipped > 0.1


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("twist_db", [-8.0, -4.0, 0.0, 3.0])
@pytest.mark.parametrize("low_dbm0", [-9.0, -16.0])
def test_keys_are_measured_where_they_lie(low_dbm0: float, twist_db: float, law: Law) -> None:
    pause = np.zeros(800, np.int16)
    levels = (low_dbm0, low_dbm0 + twist_db)
    pairs = {"1": (697, 1209), "5": (770, 1336), "9": (852, 1477), "D": (941, 1633)}
    sounds = [audio.tone_pair(low, high, dbm0=levels, ms=80) for low, high in pairs.values()]
    heard = np.concatenate([np.append(pause, sound) for sound in sounds] + [pause])
    keys = keying.keys_in(by_line(heard + noise(-50, len(heard)), law))
    assert "".join(key.digit for key in keys) == "159D"
    for key in keys:
        assert key.low_dbm0 == pytest.approx(low_dbm0, abs=0.5)
        assert key.twist_db == pytest.approx(twist_db, abs=0.5)
        assert key.lasted_ms == pytest.approx(80, abs=12)
