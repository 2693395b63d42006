"""Keys in the audio: each heard once in both laws, to the edges of Q.24, and none where none is."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from routing_core import _dtmf_tables
from routing_core.audio import Law, Pcm, decode, encode
from routing_core.dtmf import Detector, Detectors, ToneBegan, ToneEnded

KEYS = "123A456B789C*0#D"
LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
SAMPLES_PER_MS = 8

Signal = NDArray[np.float64]


def sine(hz: float, dbm0: float, samples: int, phase: float) -> Signal:
    peak = 32768 * 10 ** ((dbm0 - 3.14) / 20)
    turned: Signal = peak * np.sin(2 * np.pi * hz * np.arange(samples) / 8000 + phase)
    return turned


def silence(ms: float) -> Signal:
    return np.zeros(round(ms * SAMPLES_PER_MS))


def key(
    name: str,
    ms: float = 50,
    *,
    low_dbm0: float = -10,
    high_dbm0: float = -10,
    off: float = 0.0,
    off_hz: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Signal:
    """A key with its two levels, its frequencies off by a part of themselves and by some Hz."""
    row, column = divmod(KEYS.index(name), 4)
    samples = round(ms * SAMPLES_PER_MS)
    phases = (rng or np.random.default_rng(0)).uniform(0, 2 * np.pi, size=2)
    return sine(LOW_HZ[row] * (1 + off) + off_hz, low_dbm0, samples, phases[0]) + sine(
        HIGH_HZ[column] * (1 + off) + off_hz, high_dbm0, samples, phases[1]
    )


def through(law: Law, *parts: Signal) -> Pcm:
    """What arrives of these parts, one after another, over a telephone line."""
    linear = np.clip(np.round(np.concatenate(parts)), -32768, 32767).astype(np.int16)
    return decode(encode(linear, law), law)


def keys_in(pcm: Pcm) -> str:
    return "".join(heard.digit for heard in Detector().feed(pcm) if isinstance(heard, ToneBegan))


def keyed(
    names: Iterable[str], ms: float, pause_ms: float, law: Law, **how: float
) -> tuple[Pcm, list[int]]:
    """Keys one after another, off the detector's grid, and where each begins."""
    rng = np.random.default_rng(7)
    parts, begins, at = [silence(50)], [], 50 * SAMPLES_PER_MS
    for name in names:
        parts += [key(name, ms, rng=rng, **how), np.zeros(round(pause_ms * SAMPLES_PER_MS) + 13)]
        begins.append(at)
        at += len(parts[-2]) + len(parts[-1])
    return through(law, *parts, silence(50)), begins


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("ms", [40, 50, 60, 100])
def test_every_key_is_heard_once_with_its_true_begin_and_end(law: Law, ms: int) -> None:
    pcm, begins = keyed(KEYS * 3, ms, 45, law)
    heard = Detector().feed(pcm)
    began = [event for event in heard if isinstance(event, ToneBegan)]
    ended = [event for event in heard if isinstance(event, ToneEnded)]
    assert "".join(event.digit for event in began) == KEYS * 3
    assert [event.digit for event in ended] == [event.digit for event in began]
    for begin, down, up in zip(begins, began, ended, strict=True):
        assert abs(down.at_sample - begin) <= 2 * SAMPLES_PER_MS
        assert abs(up.at_sample - begin - ms * SAMPLES_PER_MS) <= 2 * SAMPLES_PER_MS
        assert down.decided_sample - begin <= 36 * SAMPLES_PER_MS
        assert down.at_sample < up.at_sample < up.decided_sample


@settings(max_examples=40)
@given(
    names=st.text(KEYS, min_size=1, max_size=6),
    ms=st.integers(40, 120),
    cuts=st.lists(st.integers(0, 8000), max_size=30),
)
def test_the_answer_does_not_depend_on_how_the_audio_was_cut(
    names: str, ms: int, cuts: list[int]
) -> None:
    pcm, _ = keyed(names, ms, 40, Law.ALAW)
    detector = Detector()
    edges = [0, *sorted(cut for cut in cuts if cut < len(pcm)), len(pcm)]
    pieces = [detector.feed(pcm[a:b]) for a, b in pairwise(edges)]
    assert [event for piece in pieces for event in piece] == Detector().feed(pcm)
    assert keys_in(pcm) == names


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("dbm0", [0, -25, -35])
def test_keys_are_heard_as_loud_and_as_faint_as_q_24_asks(law: Law, dbm0: int) -> None:
    pcm, _ = keyed(KEYS, 50, 50, law, low_dbm0=dbm0, high_dbm0=dbm0)
    assert keys_in(pcm) == KEYS


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("twist_db", [4, -8])
def test_a_long_line_that_favours_one_group_is_understood(law: Law, twist_db: int) -> None:
    pcm, _ = keyed(KEYS, 50, 50, law, low_dbm0=-12, high_dbm0=-12 + twist_db)
    assert keys_in(pcm) == KEYS


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("side", [1, -1])
def test_a_telephone_a_little_out_of_tune_is_understood(law: Law, side: int) -> None:
    pcm, _ = keyed(KEYS, 40, 40, law, off=0.015 * side, off_hz=2.0 * side)
    assert keys_in(pcm) == KEYS


@pytest.mark.parametrize("side", [1, -1])
def test_a_pair_of_tones_far_out_of_tune_is_no_key(side: int) -> None:
    pcm, _ = keyed(KEYS, 80, 50, Law.ALAW, off=0.035 * side)
    assert keys_in(pcm) == ""


def test_a_blip_of_23_ms_is_no_key() -> None:
    pcm, _ = keyed(KEYS * 4, 23, 60, Law.ALAW)
    assert keys_in(pcm) == ""


def test_a_whisper_of_crosstalk_is_no_key() -> None:
    pcm, _ = keyed(KEYS, 100, 50, Law.ALAW, low_dbm0=-55, high_dbm0=-55)
    assert keys_in(pcm) == ""


@pytest.mark.parametrize("law", Law)
def test_keys_are_heard_through_noise_15_db_below_each_tone(law: Law) -> None:
    rng = np.random.default_rng(3)
    clean, _ = keyed(KEYS * 4, 60, 60, law)
    rms = 32768 / np.sqrt(2) * 10 ** ((-10 - 15 - 3.14) / 20)
    assert keys_in(through(law, clean + rng.normal(0, rms, len(clean)))) == KEYS * 4


@pytest.mark.parametrize("law", Law)
def test_keys_are_heard_on_an_old_line_that_hums(law: Law) -> None:
    clean, _ = keyed(KEYS, 60, 60, law)
    hum = sine(60, -15, len(clean), 0.0) + 1000
    assert keys_in(through(law, clean + hum)) == KEYS


def harmonic(hz: float, from_ms: int, to_ms: int) -> Signal:
    """One of a voice's that is 3 dB weaker than a key's tones and glides up by a fiftieth."""
    samples = (to_ms - from_ms) * SAMPLES_PER_MS
    turned = 2 * np.pi * np.cumsum(np.linspace(0.99 * hz, 1.01 * hz, samples)) / 8000
    peak = 32768 * 10 ** ((-15 - 3.14) / 20)
    return np.concatenate([silence(from_ms), peak * np.sin(turned), silence(400 - to_ms)])


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("beside_hz", [-90, -60, 60, 90])
@pytest.mark.parametrize("voice_ms", [(60, 400), (170, 300)], ids=["before", "after"])
def test_a_key_is_heard_though_a_voice_is_in_the_low_tone_s_band(
    law: Law, beside_hz: int, voice_ms: tuple[int, int]
) -> None:
    for name in KEYS:
        voice = harmonic(LOW_HZ[KEYS.index(name) // 4] + beside_hz, *voice_ms)
        pressed = key(name, 80, low_dbm0=-12, high_dbm0=-12)
        voice[1200:][: pressed.size] += pressed
        heard = Detector().feed(through(law, voice))
        assert [(type(event), event.digit) for event in heard] == [
            (ToneBegan, name),
            (ToneEnded, name),
        ]
        assert abs(heard[0].at_sample - 1200) <= 2 * SAMPLES_PER_MS
        assert abs(heard[1].at_sample - 1200 - pressed.size) <= 2 * SAMPLES_PER_MS


@pytest.mark.parametrize("beside_hz", [-90, -60, 60, 90])
def test_a_third_tone_as_loud_that_comes_with_the_two_makes_them_no_key(beside_hz: int) -> None:
    for name in KEYS:
        two = key(name, 80, low_dbm0=-12, high_dbm0=-12)
        third = sine(LOW_HZ[KEYS.index(name) // 4] + beside_hz, -12, two.size, 0.5)
        assert keys_in(through(Law.ALAW, silence(60), two + third, silence(60))) == "", name


@pytest.mark.parametrize("rise_ms", [2, 5, 10])
def test_a_telephone_whose_tones_swell_and_fade_is_understood(rise_ms: int) -> None:
    ramp = np.linspace(0, 1, rise_ms * SAMPLES_PER_MS)
    tone = key("0", 60)
    tone[: len(ramp)] *= ramp
    tone[-len(ramp) :] *= ramp[::-1]
    assert keys_in(through(Law.ALAW, silence(20), tone, silence(60))) == "0"


@pytest.mark.parametrize("at_ms", [35, 50, 65, 80])
@pytest.mark.parametrize("hole_ms", [5, 10, 20])
def test_a_hole_in_the_tone_does_not_make_two_keys_of_one(at_ms: int, hole_ms: int) -> None:
    tone = key("5", 120)
    tone[at_ms * SAMPLES_PER_MS : (at_ms + hole_ms) * SAMPLES_PER_MS] = 0
    assert keys_in(through(Law.ULAW, silence(40), tone, silence(60))) == "5"


def test_the_same_key_twice_is_two_keys() -> None:
    press = [key("1", 50), silence(40)]
    assert keys_in(through(Law.ALAW, silence(20), *press, *press, *press)) == "111"


@pytest.mark.parametrize("second", ["2", "4", "5"])
def test_a_key_that_slides_into_the_next_is_two_keys(second: str) -> None:
    heard = Detector().feed(
        through(Law.ALAW, silence(50), key("1", 60), key(second, 60), silence(60))
    )
    assert [(type(event), event.digit) for event in heard] == [
        (ToneBegan, "1"),
        (ToneEnded, "1"),
        (ToneBegan, second),
        (ToneEnded, second),
    ]
    assert abs(heard[1].at_sample - 110 * SAMPLES_PER_MS) <= 4 * SAMPLES_PER_MS


def test_a_key_held_for_ten_seconds_is_one_key() -> None:
    assert keys_in(through(Law.ALAW, silence(20), key("#", 10_000), silence(60))) == "#"


def test_a_key_already_down_when_the_line_opens_is_heard() -> None:
    heard = Detector().feed(through(Law.ALAW, key("7", 80), silence(60)))
    assert [event.digit for event in heard] == ["7", "7"]
    assert heard[0].at_sample <= 2 * SAMPLES_PER_MS


@pytest.mark.parametrize("hz", [*LOW_HZ, *HIGH_HZ, 350, 425, 440, 1000, 2100])
def test_a_single_tone_is_no_key(hz: int) -> None:
    assert keys_in(through(Law.ALAW, silence(20), sine(hz, -6, 16_000, 0.0), silence(60))) == ""


def test_two_tones_of_one_group_are_no_key() -> None:
    pair = sine(697, -9, 800, 0.0) + sine(852, -9, 800, 0.0)
    assert keys_in(through(Law.ALAW, silence(20), pair, silence(60))) == ""


def vowels(rng: np.random.Generator, seconds: float) -> Signal:
    """Sung and spoken vowels whose first two formants lie where the keys' tones do."""
    parts: list[Signal] = []
    while sum(map(len, parts)) < seconds * 8000:
        time = np.arange(int(rng.uniform(0.12, 0.5) * 8000)) / 8000
        pitch = rng.uniform(80, 300) * (1 + 0.03 * np.sin(2 * np.pi * rng.uniform(3, 7) * time))
        turned = 2 * np.pi * np.cumsum(pitch) / 8000
        formants = [
            (rng.uniform(650, 980), rng.uniform(40, 110)),
            (rng.uniform(1150, 1700), rng.uniform(50, 130)),
        ]
        harmonics = range(1, int(3500 / pitch.max()) + 1)
        voice = sum(
            np.sin(n * turned + rng.uniform(0, 2 * np.pi))
            * sum(1 / np.hypot(1, (n * pitch.mean() - hz) / width) for hz, width in formants)
            for n in harmonics
        )
        rise = np.clip(np.minimum(time / rng.uniform(0.002, 0.03), (time[-1] - time) / 0.03), 0, 1)
        peak = 32768 * 10 ** ((rng.uniform(-25, -8) - 3.14) / 20)
        parts += [
            voice * rise * peak / np.sqrt(2 * np.mean(np.square(voice))),
            silence(rng.uniform(0, 150)),
        ]
    return np.concatenate(parts)


@pytest.mark.parametrize("law", Law)
def test_two_minutes_of_vowels_hold_no_key(law: Law) -> None:
    assert keys_in(through(law, vowels(np.random.default_rng(4), 120))) == ""


def test_a_minute_of_noise_in_bursts_holds_no_key() -> None:
    rng = np.random.default_rng(5)
    bursts = [
        rng.normal(0, rng.uniform(200, 6000), int(rng.uniform(100, 1500))) for _ in range(600)
    ]
    assert keys_in(through(Law.ULAW, *bursts)) == ""


def test_many_callers_at_once_are_heard_as_each_alone() -> None:
    callers = np.stack(
        [through(law, silence(30), key(name), silence(60), key("5"), silence(60))
         for law in Law for name in KEYS]
    )  # fmt: skip
    together, alone = Detectors(len(callers)), [Detector() for _ in callers]
    for start in range(0, callers.shape[1], 160):
        frames = callers[:, start : start + 160]
        told = together.feed(np.ascontiguousarray(frames))
        assert told == [
            (channel, event)
            for channel, (one, frame) in enumerate(zip(alone, frames, strict=True))
            for event in one.feed(frame)
        ]
    with pytest.raises(ValueError, match="31 channels for 32 detectors"):
        together.feed(callers[1:])
    with pytest.raises(ValueError, match="at most 8000 at once"):
        together.feed(np.zeros((32, 8001), dtype=np.int16))
    with pytest.raises(ValueError, match="at least one"):
        Detectors(0)


def test_audio_that_is_not_ours_is_refused_and_the_detector_goes_on() -> None:
    detector = Detector()
    with pytest.raises(TypeError, match="not float64"):
        detector.feed(key("5"))  # type: ignore[arg-type]
    heard = detector.feed(through(Law.ALAW, silence(20), key("5"), silence(60)))
    assert [event.digit for event in heard] == ["5", "5"]


def test_the_detectors_tables_are_what_their_generator_makes() -> None:
    checked_in = _dtmf_tables.TABLES.read_text()
    assert "".join(checked_in.split()) == "".join(_dtmf_tables.tables().split())


def test_a_line_open_for_a_hundred_days_hears_keys_as_on_its_first() -> None:
    """Where 32 bits of hops end: a channel that is never closed listens on."""
    pcm = through(Law.ALAW, silence(100), *(key(name) for name in "1"), silence(200), key("#"))
    fresh, old = Detector(), Detector()
    open_for = (2**32 - 100) * 16
    old._dtmf.heard = open_for
    old._dtmf.hops = open_for // 16
    old._dtmf.look_sample += open_for
    assert [
        replace(heard, at_sample=heard.at_sample - open_for,
                decided_sample=heard.decided_sample - open_for)
        for heard in old.feed(pcm)
    ] == fresh.feed(pcm)  # fmt: skip
