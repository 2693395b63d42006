"""Prompts over music: sums that saturate, gains that do not click, the same in any pieces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from routing_core.audio import Pcm, level_dbm0, tone
from routing_core.mix import Gain, mix

SOUNDS = arrays(np.int16, st.integers(0, 400), elements=st.integers(-32768, 32767))
CUTS = st.lists(st.integers(0, 400), max_size=8)
GAINS_DB = st.floats(-90, 6)


def in_pieces(sound: Pcm, cuts: list[int]) -> list[Pcm]:
    return np.split(sound, sorted(min(cut, len(sound)) for cut in cuts))


@given(SOUNDS, st.data())
def test_two_sounds_are_their_sum_as_far_as_the_scale_goes(one: Pcm, data: st.DataObject) -> None:
    other = data.draw(arrays(np.int16, len(one), elements=st.integers(-32768, 32767)))
    true_sum = one.astype(np.int32) + other
    assert mix(one, other).tolist() == np.clip(true_sum, -32768, 32767).tolist()
    assert mix(other, one).tolist() == mix(one, other).tolist()


def test_the_scale_has_two_ends_and_no_sum_comes_out_at_the_other() -> None:
    every = np.arange(-32768, 32768, dtype=np.int16)
    for edge in (-32768, -32767, -1, 0, 1, 32767):
        wanted = np.clip(every.astype(np.int32) + edge, -32768, 32767)
        assert np.array_equal(mix(every, np.full_like(every, edge)), wanted)


@given(SOUNDS)
def test_a_gain_of_0_db_changes_nothing(sound: Pcm) -> None:
    assert Gain(0.0).apply(sound).tolist() == sound.tolist()
    assert Gain(0.0).mix(sound, np.zeros_like(sound)).tolist() == sound.tolist()


def test_a_gain_of_no_sound_is_silence() -> None:
    assert not Gain(-np.inf).apply(np.full(160, -32768, dtype=np.int16)).any()


@given(st.floats(-30, 6))
def test_a_gain_is_as_many_decibels_as_it_says(db: float) -> None:
    quiet = tone(1000, dbm0=-10, ms=200)
    assert level_dbm0(Gain(db).apply(quiet)) == pytest.approx(level_dbm0(quiet) + db, abs=0.03)


def test_every_sample_is_rounded_to_the_nearest_at_every_gain() -> None:
    every = np.arange(-32768, 32768, dtype=np.int16)
    for db in (6.0, 3.3, 0.001, -0.1, -12.0, -60.0):
        factor = round(10 ** (db / 20) * 2**14)
        wanted = np.clip((every.astype(np.int64) * factor + 2**13) >> 14, -32768, 32767)
        assert np.array_equal(Gain(db).apply(every), wanted)


@given(SOUNDS, GAINS_DB, GAINS_DB, st.integers(0, 50), CUTS)
def test_music_goes_down_alike_however_it_is_cut(
    music: Pcm, before_db: float, after_db: float, ms: int, cuts: list[int]
) -> None:
    def ducked(pieces: list[Pcm]) -> bytes:
        gain = Gain(before_db)
        gain.aim(after_db, ms=ms)
        return np.concatenate([gain.apply(piece) for piece in pieces]).tobytes()

    assert ducked(in_pieces(music, cuts)) == ducked([music])


@given(SOUNDS, st.data(), GAINS_DB, GAINS_DB, st.integers(0, 50))
def test_a_prompt_over_music_is_the_prompt_and_the_softer_music(
    music: Pcm, data: st.DataObject, before_db: float, after_db: float, ms: int
) -> None:
    prompt = data.draw(arrays(np.int16, len(music), elements=st.integers(-32768, 32767)))
    over, alone = Gain(before_db), Gain(before_db)
    over.aim(after_db, ms=ms)
    alone.aim(after_db, ms=ms)
    wanted = mix(prompt, alone.apply(music))
    assert over.mix(music, onto=prompt).tolist() == wanted.tolist()


def test_music_that_goes_down_under_a_prompt_and_comes_back_never_clicks() -> None:
    music = tone(400, dbm0=-10, ms=1000)
    gain, heard = Gain(0.0), []
    for n, frame in enumerate(np.split(music, 50)):
        if n == 10:
            gain.aim(-20, ms=60)
        if n == 30:
            gain.aim(0, ms=200)
        heard.append(gain.apply(frame))
    ducked = np.concatenate(heard)
    assert level_dbm0(ducked[14 * 160 : 30 * 160]) == pytest.approx(-30, abs=0.1)
    assert ducked[41 * 160 :].tolist() == music[41 * 160 :].tolist()
    abrupt = np.concatenate([music[:1605], Gain(-20).apply(music[1605:4805]), music[4805:]])
    assert loudest_above(1500, ducked) < -60
    assert loudest_above(1500, abrupt) > -45


def loudest_above(hz: float, sound: Pcm) -> float:
    """A click is energy far above a tone: the loudest 5 ms of what lies there."""
    spectrum = np.fft.rfft(sound[40:-40])
    spectrum[np.fft.rfftfreq(len(sound) - 80, 1 / 8000) < hz] = 0
    high = np.round(np.fft.irfft(spectrum)).astype(np.int16)
    return max(level_dbm0(piece) for piece in np.split(high, len(high) // 40))


def test_a_gain_arrives_exactly_also_over_a_minute() -> None:
    gain = Gain(-90)
    gain.aim(0, ms=60_000)
    minute = np.full(480_000, 10_000, dtype=np.int16)
    risen = gain.apply(minute)
    assert (np.diff(risen.astype(np.int32)) >= 0).all()
    assert gain.apply(minute[:160]).tolist() == [10_000] * 160


def test_an_aim_in_the_middle_of_another_begins_where_the_gain_is() -> None:
    gain, loud = Gain(0), np.full(80, 20_000, dtype=np.int16)
    gain.aim(-np.inf, ms=20)
    half_way = gain.apply(loud)[-1]
    gain.aim(0, ms=20)
    assert abs(int(gain.apply(loud)[0]) - int(half_way)) < 500


def test_many_callers_at_once_sound_as_each_alone() -> None:
    rng = np.random.default_rng(3)
    music = rng.integers(-32768, 32767, (5, 160), dtype=np.int16)
    prompts = rng.integers(-32768, 32767, (5, 160), dtype=np.int16)
    together, alone = Gain(channels=5), [Gain() for _ in range(5)]
    for channel in range(5):
        together.aim(-5.0 * channel, ms=4.0 * channel, channel=channel)
        alone[channel].aim(-5.0 * channel, ms=4.0 * channel)
    for _ in range(3):
        wanted = [gain.mix(m, p.copy()) for gain, m, p in zip(alone, music, prompts, strict=True)]
        assert np.array_equal(together.mix(music, prompts.copy()), wanted)
    assert np.array_equal(
        mix(music, prompts), [mix(m, p) for m, p in zip(music, prompts, strict=True)]
    )


def test_what_is_given_for_the_output_is_filled_and_returned() -> None:
    one, other = np.full(160, 1, dtype=np.int16), np.full(160, 2, dtype=np.int16)
    assert mix(one, other, out=one) is one
    assert one.tolist() == [3] * 160
    assert Gain(0).apply(other, out=one) is one
    assert one.tolist() == [2] * 160


@pytest.mark.parametrize("db", [6.1, np.nan, np.inf])
def test_a_gain_that_would_only_distort_is_refused(db: float) -> None:
    with pytest.raises(ValueError, match=r"at most \+6 dB"):
        Gain(db)


@pytest.mark.parametrize("ms", [-1, np.nan, 60_001])
def test_a_gain_moves_within_a_minute(ms: float) -> None:
    with pytest.raises(ValueError, match="0 to 60,000 ms"):
        Gain().aim(-10, ms=ms)


def test_a_channel_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Gain(channels=0)
    with pytest.raises(ValueError, match="channel 2 of 2"):
        Gain(channels=2).aim(-10, ms=20, channel=2)
    with pytest.raises(ValueError, match="3 channels for 2 gains"):
        Gain(channels=2).apply(np.zeros((3, 160), dtype=np.int16))


def sample_frames(frames: int) -> Pcm:
    return np.zeros(frames * 160, dtype=np.int16)


def read_only() -> Pcm:
    frozen = sample_frames(1)
    frozen.flags.writeable = False
    return frozen


BOTH = sample_frames(2)


@pytest.mark.parametrize(
    ("out", "reason"),
    [
        (sample_frames(2), r"shape \(320,\)"),
        (read_only(), "read-only"),
        (sample_frames(2)[::2], "one piece"),
        (sample_frames(1).astype(">i2"), "byte order"),
        (sample_frames(1).astype(np.float32), "not float32"),
        (sample_frames(1).view(np.uint16), "not uint16"),
        (BOTH[80:240], "overlaps"),
        ([0] * 160, "not list"),
    ],
)
def test_an_output_that_cannot_be_filled_is_refused_with_the_reason(out: Pcm, reason: str) -> None:
    sound = BOTH[:160]
    with pytest.raises((TypeError, ValueError), match=reason):
        mix(sound, sample_frames(1), out=out)
    with pytest.raises((TypeError, ValueError), match=reason):
        mix(sample_frames(1), sound, out=out)
    with pytest.raises((TypeError, ValueError), match=reason):
        Gain().apply(sound, out=out)
    with pytest.raises((TypeError, ValueError), match=reason):
        Gain().mix(sound, onto=out)


def test_two_sounds_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="cut or pad one"):
        mix(sample_frames(1), sample_frames(2))
    with pytest.raises(ValueError, match="channels × samples"):
        Gain().apply(np.zeros((2, 2, 2), dtype=np.int16))


@settings(max_examples=30)
@given(SOUNDS)
def test_no_sound_changes_by_being_heard(sound: Pcm) -> None:
    before = sound.copy()
    mix(sound, sound)
    Gain(-6).apply(sound)
    Gain(-6).mix(sound, np.zeros_like(sound))
    assert sound.tolist() == before.tolist()
