"""The bench itself: its tones are what they are said to be, and its scores say what happened."""

import numpy as np
import pytest

from firmware.bench.vowels import vowels
from routing_core.audio import Law, level_dbm0
from tests.dtmf.detectors import everybody
from tests.dtmf.further import FURTHER, gsm
from tests.dtmf.items import MUST, Scene, accepted, hum, keys, refused
from tests.dtmf.score import Heard, scored
from tests.dtmf.sound import RATE_HZ, Chance, dialled, linear, noise, of_key, press, samples, sine

ITEMS = {item.name: item for item in MUST}


def loudest_hz(sound: np.ndarray, around: float) -> float:
    """The frequency of the strongest tone within 80 Hz of one."""
    size = 1 << 17
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    near = np.flatnonzero(np.abs(hz - around) < 80)
    return float(hz[near[np.argmax(spectrum[near])]])


def test_no_two_items_share_a_name() -> None:
    assert len({item.name for item in (*MUST, *FURTHER)}) == len(MUST) + len(FURTHER)


def test_there_are_34_items_each_with_a_name_of_its_own() -> None:
    assert len(MUST) == len(ITEMS) == 34


def test_the_same_seed_is_the_same_audio_and_another_seed_another() -> None:
    first, again = (ITEMS["every key"].scene(5, Law.ALAW) for _ in range(2))
    assert first.chances == again.chances
    assert np.array_equal(first.pcm, again.pcm)
    assert ITEMS["every key"].scene(6, Law.ALAW).chances != first.chances


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("name", ["1", "6", "D"])
def test_a_key_out_of_tune_is_out_of_tune_by_what_the_item_says(name: str, side: int) -> None:
    rng = np.random.default_rng(1)
    low_hz, high_hz = of_key(name)
    sound = press(rng, name, ms=500, low=accepted(side), high=refused(side)).sound
    assert loudest_hz(sound, low_hz) == pytest.approx(low_hz + side * (0.015 * low_hz + 2), abs=0.1)
    assert loudest_hz(sound, high_hz) == pytest.approx(high_hz * (1 + side * 0.035), abs=0.1)


def test_levels_are_those_that_the_product_s_own_meter_reads() -> None:
    rng = np.random.default_rng(2)
    for dbm0 in (-3.0, -25.0, -40.0):
        for sound in (sine(rng, 697.0, dbm0, 8000), noise(rng, dbm0, 80_000)):
            assert level_dbm0(linear(sound)) == pytest.approx(dbm0, abs=0.2)


@pytest.mark.parametrize("twist_db", [4.0, -8.0])
def test_twist_is_the_high_tone_over_the_low_and_the_stronger_has_the_level(
    twist_db: float,
) -> None:
    rng = np.random.default_rng(3)
    sound = press(rng, "5", ms=1000, dbm0=-10.0, twist_db=twist_db).sound
    n = np.arange(sound.size)
    low, high = (
        20 * np.log10(2 * abs(np.mean(sound * np.exp(-2j * np.pi * hz / RATE_HZ * n))))
        for hz in of_key("5")
    )
    assert high - low == pytest.approx(twist_db, abs=0.05)
    assert max(low, high) == pytest.approx(20 * np.log10(32768) - 10.0 - 3.14, abs=0.05)


def test_what_is_behind_a_call_lasts_all_of_it_and_the_keys_lie_where_they_are_said_to() -> None:
    quiet = dialled(np.random.default_rng(4), keys(3, ms=50)(np.random.default_rng(5)))
    humming = dialled(
        np.random.default_rng(4), keys(3, ms=50)(np.random.default_rng(5)), behind=hum(-12)
    )
    assert quiet.chances == humming.chances
    for chance in quiet.chances:
        assert chance.end - chance.start == samples(50)
        assert np.any(quiet.sound[chance.start : chance.start + 4])
        assert not np.any(quiet.sound[chance.start - 400 : chance.start])
    rest = humming.sound - quiet.sound
    assert np.sqrt(np.mean(rest[400:800] ** 2)) > 1000
    assert np.sqrt(np.mean(rest[-800:-400] ** 2)) > 1000


def told(*digits: tuple[str, int]) -> list[Heard]:
    return [Heard(digit, decided, decided - 200) for digit, decided in digits]


def test_each_fault_is_counted_once_and_under_its_own_name() -> None:
    chances = (Chance("1", 1000, 1400), Chance("2", 2000, 2400), Chance("", 3000, 3400))
    scene = Scene(np.zeros(4000, np.int16), chances)
    perfect = scored(scene, told(("1", 1200), ("2", 2200)))
    assert perfect.is_perfect
    assert perfect.latency_ms == [25.0, 25.0]
    assert perfect.start_error_ms == [0.0, 0.0]
    for heard, fault in [
        (told(("2", 2200)), "misses"),
        (told(("1", 1200), ("3", 2200)), "wrong"),
        (told(("1", 1200), ("1", 1500), ("2", 2200)), "duplicates"),
        (told(("1", 1200), ("2", 2200), ("7", 3200)), "extras"),
        (told(("9", 300), ("1", 1200), ("2", 2200)), "extras"),
        (told(("1", 1200), ("4", 1300), ("2", 2200)), "extras"),
    ]:
        score = scored(scene, heard)
        faults = {
            "misses": score.misses,
            "wrong": score.wrong,
            "duplicates": score.duplicates,
            "extras": score.extras,
        }
        assert faults == dict.fromkeys(faults, 0) | {fault: 1}
        assert not score.is_perfect


def test_of_a_detector_that_tells_no_times_the_order_is_counted() -> None:
    chances = tuple(Chance(key, 1000 * n, 1000 * n + 400) for n, key in enumerate("1234", 1))
    scene = Scene(np.zeros(6000, np.int16), chances)
    score = scored(scene, [Heard(digit, None) for digit in "1934"])
    assert (score.hits, score.misses, score.extras) == (3, 1, 1)
    assert scored(scene, [Heard(digit, None) for digit in "1234"]).is_perfect


def test_the_plain_baseline_hears_every_key_and_nothing_in_silence() -> None:
    scene = ITEMS["every key"].scene(1, Law.ULAW)
    plain = next(peer for peer in everybody() if peer.name == "plain numpy")
    assert scored(scene, plain.hear(scene.pcm)).is_perfect
    assert plain.hear(np.zeros(8000, np.int16)) == []


def test_a_voice_of_vowels_says_the_same_for_the_same_seed_and_holds_both_formants() -> None:
    first, again = (vowels(np.random.default_rng(3), 20) for _ in range(2))
    assert np.array_equal(first, again)
    power = np.abs(np.fft.rfft(first)) ** 2
    hz = np.fft.rfftfreq(first.size, 1 / RATE_HZ)
    both = power[((hz > 600) & (hz < 1030)) | ((hz > 1100) & (hz < 1780))].sum()
    assert both > 0.7 * power.sum()


def test_gsm_changes_every_sample_and_moves_nothing() -> None:
    rng = np.random.default_rng(6)
    sound = dialled(rng, keys(4)(rng)).sound
    heard = gsm(rng, sound)
    assert heard.size == sound.size
    assert not np.array_equal(heard, np.rint(sound))
    lags = range(-40, 41)
    fits = [np.dot(np.roll(heard, -lag), sound) for lag in lags]
    assert abs(lags[int(np.argmax(fits))]) <= 8
