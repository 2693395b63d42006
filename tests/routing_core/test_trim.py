"""Trimming a message: its silence goes, its speech never does, and no pause drags on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing_core.audio import SILENCE_DBM0, Law, Pcm, decode, encode, level_dbm0
from routing_core.trim import keeps, threshold_dbm0, trimmed

AROUND = 1600  # samples: 200 ms
BLOCK = 160


def noise(rng: np.random.Generator, samples: int, dbm0: float) -> Pcm:
    rms = 32768 / np.sqrt(2) * 10 ** ((dbm0 - 3.14) / 20)
    made: Pcm = np.round(rng.normal(size=samples) * rms).astype(np.int16)
    return made


def word(rng: np.random.Generator, samples: int, dbm0: float) -> Pcm:
    """A voiced sound that swells and dies, as syllables do."""
    at = np.arange(samples) / 8000
    pitch = rng.uniform(90, 250)
    voiced = sum(np.sin(2 * np.pi * pitch * n * at) / n for n in range(1, 8))
    swell = np.sin(np.pi * (np.arange(samples) + 0.5) / samples) ** 0.5
    sound = voiced * swell
    scale = 32768 / np.sqrt(2) * 10 ** ((dbm0 - 3.14) / 20) / np.sqrt(np.mean(sound**2))
    said: Pcm = np.clip(np.round(sound * scale), -32768, 32767).astype(np.int16)
    return said


# Pauses before each word and at the end, in samples; the words' lengths and levels.
PAUSES = st.lists(st.integers(0, 30_000), min_size=1, max_size=6)


@st.composite
def messages(draw: st.DrawFn) -> tuple[Pcm, list[tuple[int, int]], float]:
    """A message, where its words are, and the level of its noise."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    floor_dbm0 = draw(st.sampled_from([-90, -65, -60, -55, -50]))
    parts, words, at = [], [], 0
    for pause in draw(PAUSES):
        length = draw(st.integers(1600, 16_000))
        parts += [np.zeros(pause, dtype=np.int16), word(rng, length, draw(st.floats(-32, -12)))]
        words.append((at + pause, at + pause + length))
        at += pause + length
    # A tenth and more of its whole blocks is pause, wherever they begin.
    parts.append(np.zeros(at // 6 + 2 * BLOCK + draw(st.integers(0, 40_000)), dtype=np.int16))
    clean = np.concatenate(parts)
    return clean + noise(rng, len(clean), floor_dbm0), words, floor_dbm0


@settings(max_examples=60, deadline=None)
@given(messages(), st.sampled_from(Law), st.integers(400, 3000))
def test_no_word_is_cut_and_none_is_played_without_what_is_around_it(
    said: tuple[Pcm, list[tuple[int, int]], float], law: Law, longest_pause_ms: int
) -> None:
    message, words, _ = said
    heard = decode(encode(message, law), law)
    spans = keeps(heard, longest_pause_ms=longest_pause_ms)
    for start, end in words:
        # Where the word has swelled, its first and last blocks stand out of the noise.
        first, last = max(0, start + 2 * BLOCK - AROUND), min(len(heard), end - 2 * BLOCK + AROUND)
        assert any(kept <= first and last <= until for kept, until in spans)


@settings(max_examples=60, deadline=None)
@given(messages(), st.integers(400, 3000))
def test_whatever_is_cut_is_as_soft_as_the_line(
    said: tuple[Pcm, list[tuple[int, int]], float], longest_pause_ms: int
) -> None:
    message, _, floor_dbm0 = said
    spans = keeps(message, longest_pause_ms=longest_pause_ms)
    assert spans == sorted(spans)
    kept = np.zeros(len(message), dtype=np.bool_)
    for start, end in spans:
        assert 0 <= start < end <= len(message)
        assert not kept[start:end].any()
        kept[start:end] = True
    limit_dbm0 = threshold_dbm0(message)
    assert limit_dbm0 <= max(floor_dbm0, -60) + 8
    for start in range(0, len(message), BLOCK):
        if not kept[start : start + BLOCK].all():
            assert level_dbm0(message[start : start + BLOCK]) <= limit_dbm0


def test_a_message_loses_its_silence_and_keeps_a_second_of_each_long_pause() -> None:
    rng = np.random.default_rng(1)
    parts = [
        np.zeros(3 * 8000, dtype=np.int16),
        word(rng, 8000, -20),
        np.zeros(4800, dtype=np.int16),  # 600 ms: a pause between two thoughts
        word(rng, 8000, -26),
        np.zeros(10 * 8000, dtype=np.int16),  # looks for the insurance card
        word(rng, 8000, -20),
        np.zeros(5 * 8000, dtype=np.int16),  # and forgets to hang up
    ]
    message = np.concatenate(parts) + noise(rng, sum(map(len, parts)), -62)
    first, second = keeps(message)
    assert first == pytest.approx((24_000 - AROUND, 24_000 + 20_800 + 4000), abs=2 * BLOCK)
    assert second == pytest.approx((124_800 - 4000, 132_800 + AROUND), abs=2 * BLOCK)
    assert len(trimmed(message)) == sum(end - start for start, end in (first, second))
    assert len(trimmed(message, longest_pause_ms=400)) < len(trimmed(message))


def test_a_message_without_a_pause_is_played_whole() -> None:
    rng = np.random.default_rng(2)
    message = np.concatenate([word(rng, 8000, -20) for _ in range(5)])
    assert keeps(message) == [(0, 40_000)]


def test_a_voice_hardly_above_its_noise_is_played_whole() -> None:
    rng = np.random.default_rng(3)
    message = noise(rng, 80_000, -35)
    message[40_000:48_000] += word(rng, 8000, -28)
    assert keeps(message) == [(0, 80_000)]


def test_a_message_in_which_nobody_speaks_is_played_whole_unless_it_is_nothing() -> None:
    hiss = noise(np.random.default_rng(4), 16_000, -45)
    assert keeps(hiss) == [(0, 16_000)]
    silence = np.zeros(16_000, dtype=np.int16)
    assert threshold_dbm0(silence) == SILENCE_DBM0
    assert keeps(silence) == []
    assert trimmed(silence).tolist() == []
    assert keeps(silence[:0]) == []


def test_the_last_word_may_end_with_the_message() -> None:
    rng = np.random.default_rng(5)
    message = np.concatenate([np.zeros(16_000, dtype=np.int16), word(rng, 4000, -20)[:3970]])
    ((start, end),) = keeps(message)
    assert start == pytest.approx(16_000 - AROUND, abs=2 * BLOCK)
    assert end == len(message)


def test_a_pause_shorter_than_what_stays_around_speech_is_refused() -> None:
    with pytest.raises(ValueError, match="400 ms"):
        keeps(np.zeros(160, dtype=np.int16), longest_pause_ms=399)


def test_what_is_no_audio_of_ours_is_refused() -> None:
    with pytest.raises(TypeError, match="not float64"):
        keeps(np.zeros(160, dtype=np.float64))
    with pytest.raises(TypeError, match="byte order"):
        trimmed(np.zeros(160, dtype=">i2"))
