"""Staff recordings become prompts: any usual file, one level, close to the words, or a reason."""

import wave
from io import BytesIO

import numpy as np
import pytest
import soundfile

from firmware import decoder, decoding, loudness, recorded, speech
from firmware.bench.vowels import TALKER, vowels
from firmware.decoding import RecordingError
from firmware.loudness import RATE_HZ, Sound
from firmware.recorded import Cut, prompt_of
from routing_core import audio

Shape = tuple[int, ...]


def spoken(
    rate_hz: int, *, seconds: float = 2.0, dbm0: float = -23.0, room_dbm0: float = -65.0
) -> Sound:
    """A second of an office, somebody who speaks, and the office again."""
    import soxr

    rng = np.random.default_rng(11)
    voice = vowels(rng, seconds, TALKER) / 32768
    voice *= 10 ** ((dbm0 - loudness.speech_level_dbm0(voice)) / 20)
    words = np.concatenate([np.zeros(RATE_HZ), voice, np.zeros(RATE_HZ)])
    room = rng.normal(size=words.size)
    room *= 10 ** ((room_dbm0 - loudness.level_dbm0(room)) / 20)
    return np.asarray(soxr.resample(words + room, RATE_HZ, rate_hz), np.float64)


def saved(sound: np.ndarray[Shape, np.dtype[np.float64]], rate_hz: int, **form: str) -> BytesIO:
    file = BytesIO()
    soundfile.write(file, sound, rate_hz, **{"format": "WAV", **form})
    file.seek(0)
    return file


def prompt_from(file: BytesIO) -> bytes:
    """As a recording becomes a prompt, but for the process that its file is read in."""
    return prompt_of(decoding.heard(decoder.decoded(file).told()))


def samples(prompt: bytes) -> Sound:
    with wave.open(BytesIO(prompt)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE_HZ)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64) / 32768


@pytest.mark.parametrize(
    ("rate_hz", "form"),
    [
        (44_100, {"format": "WAV", "subtype": "PCM_16"}),
        (48_000, {"format": "WAV", "subtype": "PCM_24"}),
        (96_000, {"format": "WAV", "subtype": "FLOAT"}),
        (8_000, {"format": "WAV", "subtype": "ULAW"}),
        (44_100, {"format": "FLAC", "subtype": "PCM_16"}),
        (48_000, {"format": "OGG", "subtype": "VORBIS"}),
        (48_000, {"format": "OGG", "subtype": "OPUS"}),
        (44_100, {"format": "MP3", "subtype": "MPEG_LAYER_III"}),
    ],
)
def test_what_a_telephone_or_a_computer_saves_becomes_a_prompt(
    rate_hz: int, form: dict[str, str]
) -> None:
    voice = spoken(rate_hz)
    prompt = samples(prompt_from(saved(np.stack([voice, voice], axis=1), rate_hz, **form)))
    assert prompt.size / RATE_HZ == pytest.approx(2.0 + 2 * recorded.AROUND_MS / 1000, abs=0.1)
    assert loudness.speech_level_dbm0(prompt) == pytest.approx(speech.SPEECH_LEVEL_DBM0, abs=1)
    assert np.abs(prompt).max() <= loudness.PEAK + 1e-4
    assert np.abs(prompt[[0, -1]]).max() < 1e-3


def test_nothing_above_half_our_rate_comes_back_as_a_whistle() -> None:
    rate_hz = 48_000
    whistle = 0.3 * np.sin(2 * np.pi * 6000 * np.arange(4 * rate_hz) / rate_hz)
    whistle *= np.hanning(whistle.size)
    clean, whistled = (
        samples(prompt_from(saved(sound, rate_hz, format="FLAC")))
        for sound in (spoken(rate_hz), spoken(rate_hz) + whistle)
    )
    assert whistled.size == clean.size
    assert loudness.level_dbm0(whistled - clean) < -55


@pytest.mark.parametrize("dbm0", [-40.0, -23.0, -12.0])
def test_a_soft_and_a_loud_speaker_are_heard_alike(dbm0: float) -> None:
    voice = spoken(48_000, dbm0=dbm0, room_dbm0=-75)
    prompt = samples(prompt_from(saved(voice, 48_000, format="FLAC")))
    assert loudness.speech_level_dbm0(prompt) == pytest.approx(speech.SPEECH_LEVEL_DBM0, abs=1)


def test_a_microphone_on_one_side_and_two_out_of_step_are_heard() -> None:
    voice = spoken(44_100)
    one_sided = np.stack([np.zeros_like(voice), voice], axis=1)
    out_of_step = np.stack([-voice, 0.9 * voice], axis=1)
    for sound in (one_sided, out_of_step):
        prompt = samples(prompt_from(saved(sound, 44_100, format="WAV")))
        assert loudness.speech_level_dbm0(prompt) == pytest.approx(speech.SPEECH_LEVEL_DBM0, abs=1)


def test_the_direct_current_of_a_cheap_sound_card_is_not_heard() -> None:
    prompt = samples(prompt_from(saved(spoken(44_100) + 0.1, 44_100, format="FLAC")))
    assert prompt.size / RATE_HZ == pytest.approx(2.1, abs=0.15)
    assert abs(prompt.mean()) < 1e-3


def test_in_a_noisy_office_the_words_are_still_found() -> None:
    voice = spoken(44_100, room_dbm0=-50)
    prompt = samples(prompt_from(saved(voice, 44_100, format="FLAC")))
    assert prompt.size / RATE_HZ == pytest.approx(2.1, abs=0.2)


def with_key(rate_hz: int) -> Sound:
    import soxr

    key = audio.digit("5", ms=200).astype(np.float64) / 32768
    sound = spoken(rate_hz, seconds=4)
    tones = np.asarray(soxr.resample(key, RATE_HZ, rate_hz), np.float64)
    sound[3 * rate_hz : 3 * rate_hz + tones.size] = tones
    return sound


BAD = {
    "silent": (np.zeros((48_000, 1)), "all but silent"),
    "whispered from afar": (spoken(48_000, dbm0=-60, room_dbm0=-90), "nearer the microphone"),
    "a click": (np.pad([0.5] * 200, 40_000), "no words"),
    "overdriven": (np.clip(40 * spoken(48_000), -1, 1), "overdriven"),
    "a speech": (np.full((181 * 8_000, 1), 0.1), "longer than 180 s"),
    "with a key in it": (with_key(48_000), r"key 5 are in it at 2\.\d s"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_recording_that_would_not_be_understood_is_refused_with_the_cure(what: str) -> None:
    sound, reason = BAD[what]
    with pytest.raises(RecordingError, match=reason):
        prompt_from(saved(sound, 8_000 if what == "a speech" else 48_000, format="FLAC"))


def test_a_recording_of_another_kind_is_refused_with_the_cure() -> None:
    with pytest.raises(RecordingError, match="save it as WAV, FLAC, OGG or MP3"):
        prompt_from(BytesIO(b"%PDF-1.7 not a recording"))
    with pytest.raises(RecordingError, match="save it as"):
        prompt_from(BytesIO(b""))
    with pytest.raises(RecordingError, match="6000 samples a second"):
        prompt_from(saved(spoken(6_000), 6_000, format="WAV"))
    with pytest.raises(RecordingError, match="holds no sound"):
        prompt_from(saved(np.zeros((0, 1)), 8_000, format="WAV"))
    broken = np.array([0.1, np.nan, 0.2])
    with pytest.raises(RecordingError, match="damaged"):
        prompt_from(saved(broken, 8_000, format="WAV", subtype="FLOAT"))


def test_a_recording_cut_short_is_a_shorter_prompt_or_a_reason() -> None:
    whole = saved(spoken(44_100), 44_100, format="WAV").getvalue()
    prompt = samples(prompt_from(BytesIO(whole[: len(whole) // 2])))
    assert 0.8 < prompt.size / RATE_HZ < 1.2
    with pytest.raises(RecordingError):
        prompt_from(BytesIO(whole[:50]))


def test_the_part_that_is_meant_is_kept_and_nothing_of_the_rest() -> None:
    heard = decoding.heard(decoder.decoded(saved(spoken(8_000, seconds=4), 8_000)).told())
    prompt = samples(prompt_of(heard, Cut(1.5, 3.0)))
    assert prompt.size / RATE_HZ == pytest.approx(1.5, abs=0.2)
    assert samples(prompt_of(heard, Cut(start_s=2.0))).size / RATE_HZ < 3.3
    for cut in (Cut(3.0, 3.0), Cut(99.0), Cut(-1.0)):
        with pytest.raises(RecordingError, match="nothing is left"):
            prompt_of(heard, cut)


def test_what_the_page_records_has_one_form_and_no_other() -> None:
    voice = spoken(44_100)
    ours = saved(voice, 44_100, format="WAV", subtype="PCM_16").getvalue()
    recorded.refuse_unless_ours(BytesIO(ours))
    for other in (
        saved(voice, 44_100, format="WAV", subtype="PCM_24").getvalue(),
        saved(np.stack([voice, voice], axis=1), 44_100, format="WAV").getvalue(),
        saved(voice, 4_000, format="WAV", subtype="PCM_16").getvalue(),
        ours[:-1000],
    ):
        with pytest.raises(RecordingError, match="reload the page"):
            recorded.refuse_unless_ours(BytesIO(other))
    with pytest.raises(RecordingError, match="record it again"):
        recorded.refuse_unless_ours(saved(voice, 44_100, format="FLAC"))
    endless = saved(np.zeros(181 * 8_000), 8_000, format="WAV", subtype="PCM_16").getvalue()
    with pytest.raises(RecordingError, match="longer than 180 s"):
        recorded.refuse_unless_ours(BytesIO(endless))
