"""G.711 against its tables, levels and tones against arithmetic, misfit arrays refused."""

from bisect import bisect_right
from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from routing_core.audio import (
    SILENCE_DBM0,
    Codes,
    Law,
    Meter,
    Pcm,
    Voice,
    beep,
    decode,
    digit,
    encode,
    level_dbm0,
    levels_dbm0,
    pcm_from_bytes,
    tone,
    tone_pair,
)

# Decision values of ITU-T G.711 tables 1a and 2a as the widths of their intervals, in 16-bit steps.
ALAW_WIDTHS = [16] * 32 + [32] * 16 + [64] * 16 + [128] * 16 + [256] * 16 + [512] * 16 + [1024] * 16
ULAW_WIDTHS = [4] + [
    width for segment in range(8) for width in [8 << segment] * (15 if segment == 0 else 16)
]
WIDTHS = {Law.ALAW: ALAW_WIDTHS, Law.ULAW: ULAW_WIDTHS}

# The digital milliwatt, tables 5 and 6: 1 kHz at 0 dBm0, eight codes repeated.
MILLIWATT = {Law.ALAW: "34 21 21 34 b4 a1 a1 b4", Law.ULAW: "1e 0b 0b 1e 9e 8b 8b 9e"}

EVERY_SAMPLE = np.arange(-32768, 32768, dtype=np.int16)
EVERY_CODE = np.arange(256, dtype=np.uint8)
SOUNDS = arrays(np.int16, st.integers(0, 400), elements=st.integers(-32768, 32767))


def intervals(law: Law) -> list[tuple[int, int]]:
    edges = list(accumulate(WIDTHS[law], initial=0))
    return list(pairwise(edges))


def interval_number(code: int, law: Law) -> tuple[int, bool]:
    """Which interval of the standard's table a code names, counted from zero, and its sign."""
    if law is Law.ALAW:
        return (code ^ 0x55) & 0x7F, (code ^ 0x55) < 0x80
    return ~code & 0x7F, code < 0x80


@pytest.mark.parametrize("law", Law)
def test_every_code_is_the_middle_of_its_interval(law: Law) -> None:
    for code, value in zip(EVERY_CODE.tolist(), decode(EVERY_CODE, law).tolist(), strict=True):
        number, negative = interval_number(code, law)
        low, high = intervals(law)[number]
        # µ-law's innermost interval straddles zero, and its value is zero.
        middle = 0 if law is Law.ULAW and number == 0 else (low + high) // 2
        assert value == (-middle if negative else middle)


@pytest.mark.parametrize("law", Law)
def test_every_sample_goes_to_the_interval_that_holds_it(law: Law) -> None:
    edges = list(accumulate(WIDTHS[law], initial=0))
    for sample, code in zip(EVERY_SAMPLE.tolist(), encode(EVERY_SAMPLE, law).tolist(), strict=True):
        number, negative = interval_number(code, law)
        assert negative == (sample < 0)
        # The standard leaves open where a decision value itself belongs: the interval above has it.
        magnitude = -sample - 1 if sample < 0 else sample
        assert number == min(bisect_right(edges, magnitude) - 1, 127)


@pytest.mark.parametrize("law", Law)
def test_a_code_survives_the_way_there_and_back(law: Law) -> None:
    there_and_back = encode(decode(EVERY_CODE, law), law)
    changed = EVERY_CODE[there_and_back != EVERY_CODE].tolist()
    assert changed == ([] if law is Law.ALAW else [0x7F])  # µ-law's minus zero becomes plus zero


@pytest.mark.parametrize("law", Law)
def test_a_louder_sample_never_becomes_a_softer_one(law: Law) -> None:
    there_and_back = decode(encode(EVERY_SAMPLE, law), law).astype(np.int32)
    assert (np.diff(there_and_back) >= 0).all()


@pytest.mark.parametrize("law", Law)
@given(samples=SOUNDS, cut=st.integers(0, 400))
def test_a_frame_of_any_length_is_coded_sample_by_sample(law: Law, samples: Pcm, cut: int) -> None:
    codes = encode(samples, law)
    assert codes.tolist() == encode(EVERY_SAMPLE, law)[samples.astype(np.int32) + 32768].tolist()
    assert np.concatenate([encode(samples[:cut], law), encode(samples[cut:], law)]).tolist() == (
        codes.tolist()
    )
    assert decode(codes, law).tolist() == decode(EVERY_CODE, law)[codes].tolist()


@pytest.mark.parametrize("law", Law)
def test_many_channels_are_coded_at_once_into_what_is_given(law: Law) -> None:
    callers = np.random.default_rng(4).integers(-32768, 32768, (7, 160)).astype(np.int16)
    codes, pcm = np.empty((7, 160), dtype=np.uint8), np.empty((7, 160), dtype=np.int16)
    assert encode(callers, law, out=codes) is codes
    assert decode(codes, law, out=pcm) is pcm
    assert np.array_equal(codes, [encode(caller, law) for caller in callers])
    assert np.array_equal(pcm, [decode(caller, law) for caller in codes])


@pytest.mark.parametrize(
    ("out", "reason"),
    [
        (np.empty(80, dtype=np.uint8), r"shape \(80,\)"),
        (np.empty(160, dtype=np.int8), "not int8"),
        (np.empty(320, dtype=np.uint8)[::2], "one piece"),
        (np.frombuffer(bytes(160), dtype=np.uint8), "read-only"),
        (bytearray(160), "not bytearray"),
    ],
)
def test_codes_go_only_where_they_fit(out: Codes, reason: str) -> None:
    with pytest.raises((TypeError, ValueError), match=reason):
        encode(np.zeros(160, dtype=np.int16), Law.ALAW, out=out)


def test_codes_that_would_overwrite_their_own_samples_are_refused() -> None:
    pcm = np.zeros(160, dtype=np.int16)
    with pytest.raises(ValueError, match="overlaps"):
        encode(pcm, Law.ALAW, out=pcm.view(np.uint8)[:160])


@pytest.mark.parametrize("law", Law)
def test_the_digital_milliwatt_is_0_dbm0(law: Law) -> None:
    codes = np.frombuffer(bytes.fromhex(MILLIWATT[law]) * 100, dtype=np.uint8)
    assert level_dbm0(decode(codes, law)) == pytest.approx(0.0, abs=0.1)


def test_a_full_scale_sine_is_3_14_dbm0_and_silence_has_a_level_too() -> None:
    sine = np.round(32767 * np.sin(2 * np.pi * np.arange(8000) / 8)).astype(np.int16)
    assert level_dbm0(sine) == pytest.approx(3.14, abs=0.01)
    assert level_dbm0(np.zeros(160, dtype=np.int16)) == SILENCE_DBM0
    assert level_dbm0(np.zeros(0, dtype=np.int16)) == SILENCE_DBM0
    assert level_dbm0(np.full(160, -32768, dtype=np.int16)) == pytest.approx(6.15, abs=0.01)


def test_each_channel_has_its_own_level() -> None:
    callers = np.stack([tone(1000, dbm0=dbm0, ms=1000) for dbm0 in (-10, -20, -30)])
    assert levels_dbm0(callers).tolist() == [level_dbm0(caller) for caller in callers]
    assert levels_dbm0(callers[0]).tolist() == [level_dbm0(callers[0])]
    assert levels_dbm0(callers[:0]).tolist() == []


def test_a_panels_needle_goes_up_at_once_and_down_for_the_eye() -> None:
    meter = Meter()
    assert meter.feed(tone(1000, dbm0=-10, ms=200)[:800]) == pytest.approx(-10, abs=0.05)
    silence = np.zeros(8000, dtype=np.int16)
    assert meter.feed(silence) == pytest.approx(-22, abs=0.1)
    assert meter.feed(np.tile(silence, 10)) == SILENCE_DBM0


def test_a_panels_needle_stands_alike_however_the_sound_is_cut() -> None:
    sound = noise(np.random.default_rng(5), 1, -20)
    whole, pieces = Meter(), Meter()
    wanted = whole.feed(sound)
    for piece in np.split(sound, [1, 2, 161, 400, 3333]):
        got = pieces.feed(piece)
    assert got == wanted


@pytest.mark.parametrize(("sample", "overloaded"), [(32766, False), (32767, True), (-32768, True)])
def test_an_overload_is_seen_at_either_end_of_the_scale(sample: int, overloaded: bool) -> None:
    meter = Meter()
    meter.feed(np.array([0, sample, 0], dtype=np.int16))
    meter.feed(np.zeros(3, dtype=np.int16))
    assert meter.is_overloaded is overloaded


def power_dbm0(pcm: Pcm, hz: float) -> float:
    """The level of one frequency, by its Fourier sum over the whole sound."""
    turned = pcm * np.exp(-2j * np.pi * hz * np.arange(len(pcm)) / 8000)
    return float(20 * np.log10(2 * abs(turned.mean()) / 32768) + 3.14)


def test_a_tone_has_its_length_its_level_and_soft_edges() -> None:
    sound = tone(1000, dbm0=-20, ms=1000)
    assert len(sound) == 8000
    assert level_dbm0(sound[80:-80]) == pytest.approx(-20, abs=0.05)
    assert abs(sound[:4]).max() < 400
    assert abs(sound[-4:]).max() < 400


LOW_HZ, HIGH_HZ = (697, 770, 852, 941), (1209, 1336, 1477, 1633)


@pytest.mark.parametrize(("number", "key"), list(enumerate("123A456B789C*0#D")))
def test_a_key_is_its_two_tones_of_q_23_and_next_to_nothing_else(number: int, key: str) -> None:
    sound = digit(key, ms=1020, dbm0=-12)[80:-80].astype(np.float64)
    hz = np.array([LOW_HZ[number // 4], HIGH_HZ[number % 4]])
    turns = np.exp(2j * np.pi * np.outer(np.arange(len(sound)), hz) / 8000)
    tones = 2 * (turns.conj().T @ sound) / len(sound)
    assert 20 * np.log10(np.abs(tones) / 32768) + 3.14 == pytest.approx([-12, -12], abs=0.05)
    # Q.23 lets frequencies be 1.8 % off, and all else 20 dB below: ours are exact, the rest is
    # rounding.
    left = sound - (turns @ tones).real
    assert np.sqrt(np.mean(left**2)) < 2


def test_a_key_rises_and_falls_within_7_ms_and_is_as_long_as_asked() -> None:
    sound = np.abs(digit("5", ms=50, dbm0=-9).astype(np.float64))
    assert len(sound) == 400
    envelope = np.array([sound[at : at + 16].max() for at in range(0, 400, 8)])
    full = np.flatnonzero(envelope > 0.5 * envelope.max())
    assert 0 < full[0] * 8 <= 56
    assert 0 < 400 - full[-1] * 8 <= 56
    assert sound[0] < 100
    assert sound[-1] < 200


def test_a_pair_louder_than_the_scale_is_clipped_and_not_wrapped() -> None:
    sound = tone_pair(500, 510, dbm0=(3.14, 3.14), ms=200)
    assert sound.max() == 32767
    assert sound.min() == -32768
    assert abs(np.diff(sound.astype(np.int32))).max() < 30_000


def test_the_beep_is_a_third_of_a_second_of_1_khz() -> None:
    sound = beep()
    assert len(sound) == 2400
    assert power_dbm0(sound[80:-80], 1000) == pytest.approx(-10, abs=0.1)


@pytest.mark.parametrize("hz", [0.0, -5.0, 4000.0, float("nan"), float("inf")])
def test_a_frequency_that_no_telephone_line_carries_is_refused(hz: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 4000 Hz"):
        tone(hz, dbm0=-10, ms=100)


@pytest.mark.parametrize("dbm0", [4.0, float("nan")])
def test_a_level_beyond_the_scale_is_refused(dbm0: float) -> None:
    with pytest.raises(ValueError, match=r"\+3.14 dBm0"):
        digit("1", ms=100, dbm0=dbm0)


@pytest.mark.parametrize("key", ["", "12", "E", "a", "\0", "²", "é"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="no telephone key"):
        digit(key, ms=100)


def test_a_negative_length_is_refused() -> None:
    with pytest.raises(ValueError, match="0 ms or longer"):
        tone(1000, dbm0=-10, ms=-1)


def test_half_a_sample_is_refused() -> None:
    assert pcm_from_bytes(b"\x01\x00\xff\xff").tolist() == [1, -1]
    with pytest.raises(ValueError, match="3 bytes are not whole 16-bit samples"):
        pcm_from_bytes(b"\x01\x00\xff")


def test_audio_behind_a_header_of_three_bytes_is_taken_as_it_is_wherever_it_lies() -> None:
    said = noise(np.random.default_rng(9), 0.02, -20)
    frame = memoryview(b"\x10\x01\x40" + said.tobytes())
    assert pcm_from_bytes(frame[3:]).tolist() == said.tolist()
    assert level_dbm0(pcm_from_bytes(frame[3:])) == level_dbm0(said)
    whole = memoryview(said.tobytes())
    assert np.shares_memory(pcm_from_bytes(whole), np.frombuffer(whole, dtype=np.uint8))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (np.zeros(160, dtype=np.float32), "not float32"),
        (np.zeros(160, dtype=np.uint16), "not uint16"),
        (np.zeros(160, dtype=np.int32), "not int32"),
        (np.zeros(160, dtype=np.uint8), "not uint8"),
        (np.zeros(160, dtype=np.int16).astype(">i2"), "byte order"),
        (np.zeros(320, dtype=np.int16)[::2], "one piece"),
        (np.zeros(160, dtype=np.int16)[::-1], "one piece"),
        (np.frombuffer(bytes(321), dtype=np.int16, count=160, offset=1), "call copy"),
        (b"\x00" * 320, "not bytes"),
        ([0] * 160, "not list"),
    ],
)
def test_an_array_that_is_not_our_audio_is_refused_with_the_reason(wrong: Pcm, reason: str) -> None:
    with pytest.raises((TypeError, ValueError), match=reason):
        level_dbm0(wrong)
    with pytest.raises((TypeError, ValueError), match=reason):
        encode(wrong, Law.ALAW)
    with pytest.raises((TypeError, ValueError), match=reason):
        Voice().feed(wrong)


def test_several_channels_are_refused_where_one_is_heard() -> None:
    with pytest.raises(ValueError, match="one channel"):
        Voice().feed(np.zeros((2, 160), dtype=np.int16))
    with pytest.raises(ValueError, match="channels × samples"):
        encode(np.zeros((2, 2, 160), dtype=np.int16), Law.ALAW)


def test_codes_of_the_wrong_type_are_refused() -> None:
    with pytest.raises(TypeError, match="not int8"):
        decode(np.zeros(160, dtype=np.int8), Law.ULAW)


def noise(rng: np.random.Generator, seconds: float, dbm0: float) -> Pcm:
    rms = 32768 / np.sqrt(2) * 10 ** ((dbm0 - 3.14) / 20)
    samples: Pcm = np.round(rng.normal(size=int(8000 * seconds)) * rms).astype(np.int16)
    return samples


def test_a_caller_in_a_noisy_car_is_heard_and_the_car_is_not() -> None:
    rng = np.random.default_rng(1)
    voice = Voice()
    assert not any(voice.feed(noise(rng, 0.02, -42)) for _ in range(250))
    assert voice.feed(noise(rng, 0.1, -22))
    assert voice.feed(noise(rng, 0.1, -42))  # a pause between two words
    assert not voice.feed(noise(rng, 0.3, -42))


def test_a_click_on_the_line_is_not_speech() -> None:
    voice = Voice()
    click = np.zeros(160, dtype=np.int16)
    click[:40] = 8000
    assert not voice.feed(np.zeros(1600, dtype=np.int16))
    assert not voice.feed(click)
    assert not voice.feed(np.zeros(1600, dtype=np.int16))


def test_speech_is_judged_alike_however_it_is_cut() -> None:
    rng = np.random.default_rng(2)
    audio = np.concatenate([noise(rng, 1, -50), noise(rng, 0.5, -20), noise(rng, 1, -50)])
    whole, pieces = Voice(), Voice()
    for start in range(0, len(audio), 160):
        wanted = whole.feed(audio[start : start + 160])
        for sample in range(start, start + 160):
            got = pieces.feed(audio[sample : sample + 1])
        assert got == wanted


@pytest.mark.parametrize("floor_dbm0", [-35, -42, -50])
def test_frames_lost_in_a_noisy_line_are_not_taken_for_its_silence(floor_dbm0: float) -> None:
    rng = np.random.default_rng(6)
    frames = noise(rng, 30, floor_dbm0).reshape(-1, 160)
    frames[rng.random(len(frames)) < 0.05] = 0
    voice = Voice()
    # The losses lie across our blocks of 20 ms as they come.
    assert not any(voice.feed(piece) for piece in np.array_split(frames.reshape(-1)[60:], 1500))
    assert voice.feed(noise(rng, 0.1, floor_dbm0 + 20))


def test_where_a_line_falls_silent_a_soft_voice_is_heard_again() -> None:
    rng = np.random.default_rng(7)
    voice = Voice()
    voice.feed(noise(rng, 5, -35))
    assert not voice.feed(noise(rng, 0.1, -38))
    voice.feed(np.zeros(10 * 8000, dtype=np.int16))
    assert voice.feed(noise(rng, 0.1, -38))


def test_a_speakers_level_leaves_the_pauses_out() -> None:
    rng = np.random.default_rng(8)
    voice = Voice()
    assert voice.dbm0 == SILENCE_DBM0
    for _ in range(5):
        voice.feed(noise(rng, 1, -60))
        voice.feed(noise(rng, 1, -31))
    assert voice.dbm0 == pytest.approx(-31, abs=0.3)
