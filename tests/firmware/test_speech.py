"""What callers hear: prompts at one level, cut close, never taken for keys, rendered once."""

import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from firmware import loudness, music, settings, speech
from firmware.loudness import RATE_HZ, Sound
from routing_core.dtmf import Detector

ROOT = Path(__file__).parents[2]

# ITU-T Q.23
LOW_GROUP_HZ = (697, 770, 852, 941)

MENU = {
    "welcome": "Thank you for calling Maple Street Family Practice.",
    "main-menu": "For appointments, press 1. For refills, press 2. For a nurse, press 3.",
    "number-7": "seven",
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """The clinic's prompts, rendered."""
    rendered = tmp_path_factory.mktemp("prompts")
    for prompt in speech.prompts({"en": MENU}):
        speech.render(prompt, rendered, cache)
    return rendered


def samples(path: Path) -> Sound:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE_HZ)
        read = file.readframes(file.getnframes())
    return np.frombuffer(read, "<i2").astype(np.float64) / 32768


def test_a_menu_lasts_as_long_as_a_person_needs_to_say_it(folder: Path) -> None:
    seconds = {name: samples(folder / f"en/{name}.wav").size / RATE_HZ for name in MENU}
    assert 2 < seconds["welcome"] < 5
    assert 3 < seconds["main-menu"] < 9
    assert 0.3 < seconds["number-7"] < 1.2


@pytest.mark.parametrize("name", MENU)
def test_every_prompt_is_spoken_at_one_level_and_clips_nowhere(folder: Path, name: str) -> None:
    sound = samples(folder / f"en/{name}.wav")
    assert loudness.speech_level_dbm0(sound) == pytest.approx(speech.SPEECH_LEVEL_DBM0, abs=1)
    assert np.abs(sound).max() <= loudness.PEAK + 1e-4


@pytest.mark.parametrize("name", MENU)
def test_a_prompt_begins_and_ends_close_to_its_words(folder: Path, name: str) -> None:
    sound = samples(folder / f"en/{name}.wav")
    loud = np.flatnonzero(np.abs(sound) > np.abs(sound).max() / 20)
    assert loud[0] < 0.2 * RATE_HZ
    assert sound.size - loud[-1] < 0.4 * RATE_HZ


def test_no_prompt_music_or_tone_is_taken_for_a_key(folder: Path) -> None:
    played = sorted(folder.rglob("*.wav"))
    assert len(played) == len(MENU) + 2
    heard = {path.name: Detector().feed(_pcm(samples(path))) for path in played}
    assert {name: events for name, events in heard.items() if events} == {}


def test_music_played_over_and_over_is_never_taken_for_a_key() -> None:
    assert Detector().feed(_pcm(np.tile(music.piece(), 3))) == []


def _pcm(sound: Sound) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.frombuffer(loudness.pcm(sound), "<i2").astype(np.int16)


def test_no_partial_of_the_music_is_one_that_a_key_could_have() -> None:
    distances = [
        abs(partial / tone - 1)
        for _, note, _ in music.notes()
        for partial in music.partials_hz(note)
        for tone in LOW_GROUP_HZ
    ]
    assert min(distances) > 0.035


def test_the_music_lasts_half_a_minute_and_leaves_no_caller_in_silence() -> None:
    piece = music.piece()
    assert piece.size >= 30 * RATE_HZ
    assert piece.size % (RATE_HZ // 50) == 0
    assert loudness.level_dbm0(piece) == pytest.approx(music.LEVEL_DBM0, abs=0.1)
    eighths = piece.reshape(-1, music.EIGHTH)
    assert min(loudness.level_dbm0(eighth) for eighth in eighths) > -40


def test_the_music_begins_again_without_a_seam() -> None:
    piece = music.piece()
    assert abs(piece[0] - piece[-1]) <= np.abs(np.diff(piece)).max()
    around = np.concatenate([piece[-80:], piece[:80]])
    assert loudness.level_dbm0(around) < loudness.level_dbm0(piece) + 10


def test_what_was_rendered_once_needs_no_voice_again(
    folder: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hibari", None)
    for prompt in speech.prompts({"en": MENU}):
        speech.render(prompt, tmp_path, cache)
    first = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.wav")}
    again = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.wav")}
    assert again == first


def test_a_machine_without_the_voice_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hibari", None)
    (prompt, *_) = speech.prompts({"en": {"new": "Words nobody has rendered."}})
    with pytest.raises(speech.SpeechError, match=r"hibari is missing.*make setup"):
        speech.render(prompt, tmp_path / "out", tmp_path / "cache")
    assert not (tmp_path / "out").exists()


def test_the_same_words_are_the_same_sound(tmp_path: Path) -> None:
    (prompt, *_) = speech.prompts({"en": {"welcome": "Good morning."}})
    for cache in ("one", "two"):
        speech.render(prompt, tmp_path / cache, tmp_path / f"cache-{cache}")
    one, two = (tmp_path / cache / "en/welcome.wav" for cache in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_other_words_under_the_same_name_are_spoken_anew(tmp_path: Path) -> None:
    for words in ("We are open.", "We are closed until Monday."):
        (prompt, *_) = speech.prompts({"en": {"hours": words}})
        speech.render(prompt, tmp_path / words, tmp_path / "cache")
    assert len({path.read_bytes() for path in tmp_path.glob("*/en/hours.wav")}) == 2


def test_a_name_cannot_lead_out_of_the_folder() -> None:
    with pytest.raises(speech.SpeechError, match="cannot be a file"):
        list(speech.prompts({"en": {"../../etc/motd": "Hello."}}))


def test_words_in_a_language_the_voice_lacks_ask_for_a_recording(tmp_path: Path) -> None:
    (prompt, *_) = speech.prompts({"es": {"welcome": "Gracias por llamar."}})
    with pytest.raises(speech.SpeechError, match="import welcome FILE --language es"):
        speech.render(prompt, tmp_path / "out", tmp_path / "cache")


def test_nothing_the_template_clinic_says_is_taken_for_a_key(tmp_path: Path) -> None:
    site = settings.read((ROOT / "firmware/template/clinic.toml").read_text("utf-8"))
    speech.render_site(site, tmp_path)
    spoken = sorted(tmp_path.glob("en/*.wav"))
    assert {path.stem for path in spoken} == set(settings.prompts_of(site)["en"])
    heard = {path.name: Detector().feed(_pcm(samples(path))) for path in spoken}
    assert {name: events for name, events in heard.items() if events} == {}
    levels = {path.name: loudness.speech_level_dbm0(samples(path)) for path in spoken}
    assert levels == dict.fromkeys(levels, pytest.approx(speech.SPEECH_LEVEL_DBM0, abs=1))


def test_a_loud_peak_is_held_down_and_not_cut_off() -> None:
    t = np.arange(RATE_HZ) / RATE_HZ
    tone = np.sin(2 * np.pi * 440 * t) * np.where((t > 0.4) & (t < 0.5), 1.0, 0.1)
    louder = loudness.amplified(tone, 12)
    assert np.abs(louder).max() <= loudness.PEAK
    assert louder[:2000] == pytest.approx(tone[:2000] * 10 ** (12 / 20))
    # Held down by a gain that changes slowly: still a sine, no flat tops.
    top = louder[int(0.44 * RATE_HZ) : int(0.46 * RATE_HZ)]
    assert np.count_nonzero(np.abs(top) > 0.999 * loudness.PEAK) < top.size / 10
