"""`careline prompts`, as an admin types it."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from firmware import own_prompts, prompt_acts
from firmware.cli.prompts import app
from firmware.clips import samples_in
from firmware.own_prompts import Made, Spoken
from firmware.place import Place
from tests.firmware.test_own_prompts import HIGH, site, small_clinic
from tests.firmware.test_recorded import saved, spoken
from tests.hw.alsa import Alsa

WELCOME = Spoken("en", "welcome")


@pytest.fixture(scope="module")
def as_set_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all stories, of which each has a copy."""
    return small_clinic(tmp_path_factory.mktemp("as-set-up")).home


@pytest.fixture
def place(as_set_up: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place(shutil.copytree(as_set_up, tmp_path / "box"))
    monkeypatch.setenv("CARELINE_HOME", str(place.home))
    return place


def run(*typed: str) -> Result:
    return CliRunner().invoke(app, ["prompts", *typed])


def recording(folder: Path, seconds: float = 2.0) -> Path:
    file = folder / "mine.flac"
    file.write_bytes(saved(spoken(8_000, seconds=seconds), 8_000, format="FLAC").getvalue())
    return file


def heard(place: Place) -> bytes:
    return (place.prompts / WELCOME.path).read_bytes()


def test_a_recording_is_brought_in_trimmed_and_taken_back(place: Place, tmp_path: Path) -> None:
    brought = run("import", "welcome", str(recording(tmp_path, 4)), "--words", "Good morning.")
    assert brought.exit_code == 0, brought.stderr
    assert "en/welcome: callers hear version 1" in brought.stderr
    whole = heard(place)
    assert 3.9 < samples_in("welcome", whole).size / 8000 < 4.4
    assert run("trim", "welcome", "--end", "2").exit_code == 0
    assert 1.7 < samples_in("welcome", heard(place)).size / 8000 < 2.2
    assert "version 1" in run("back", "welcome").stderr
    assert heard(place) == whole
    told = run("versions", "welcome").stdout
    assert "uploaded" in told
    assert "trimmed" in told
    by = {each.by for each in own_prompts.versions_of(place.prompts, WELCOME).versions}
    assert all(one.startswith("the shell (") for one in by)


def test_a_prompt_is_spoken_into_the_boxs_own_microphone(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no words, or no microphone, changes nothing."""
    alsa = Alsa(tmp_path)
    monkeypatch.setenv("ALSA_CONFIG_PATH", alsa.environment["ALSA_CONFIG_PATH"])
    ours = (0.5 * 32767 * spoken(8_000, seconds=2.0)).astype("<i2").tobytes()
    alsa.hears.write_bytes(bytes(16_000) + ours + bytes(160_000))
    asked = ("record", "welcome", "--microphone", "desk", "--seconds", "4")
    told = run(*asked, "--words", "Good morning.")
    assert told.exit_code == 0, told.stderr
    assert "speak now, within 4 s" in told.stderr
    (version,) = own_prompts.versions_of(place.prompts, WELCOME).versions
    assert (version.made, version.words) == ("recorded", "Good morning.")
    assert 1.7 < version.seconds < 2.3
    before = heard(place)
    alsa.hears.write_bytes(bytes(160_000))
    assert run(*asked).exit_code == 2
    alsa.unplug()
    refused = run(*asked)
    assert (refused.exit_code, heard(place)) == (2, before)
    assert "no sound device is called 'desk': look at its plug" in refused.stderr
    assert "speak now" not in refused.stderr


def test_what_cannot_be_a_prompt_is_refused_with_the_cure_and_changes_nothing(
    place: Place, tmp_path: Path
) -> None:
    before = heard(place)
    page = tmp_path / "page.mp3"
    page.write_bytes(b"<html>no sound</html>")
    refused = run("import", "welcome", str(page))
    assert (refused.exit_code, heard(place)) == (2, before)
    assert "save it as WAV, FLAC, OGG or MP3" in refused.stderr
    for typed in (("import", "../etc", str(page)), ("back", "welcome"), ("say", "welcome", "")):
        refused = run(*typed)
        assert refused.exit_code == 1, refused.output
        assert "careline: " in refused.stderr
    assert run("import", "welcome", str(tmp_path / "nowhere.wav")).exit_code == 1


def test_words_that_are_typed_are_spoken_and_kept_with_the_version(place: Place) -> None:
    assert run("say", "welcome", "Good morning.").exit_code == 0
    (version,) = own_prompts.versions_of(place.prompts, WELCOME).versions
    assert (version.made, version.words) == ("typed", "Good morning.")
    assert 0.4 < version.seconds < 2
    no_voice = run("say", "welcome", "Buenos días.", "--language", "es")
    assert no_voice.exit_code == 1
    assert "the voice speaks English only" in no_voice.stderr


def test_a_prompt_that_nothing_speaks_yet_is_kept_and_told_what_is_missing(
    place: Place, tmp_path: Path
) -> None:
    told = run("import", "flu-shots", str(recording(tmp_path)), "--language", "es")
    assert told.exit_code == 0
    assert 'add flu-shots = "what it says" to [prompts.es]' in told.stderr
    assert (place.prompts / "es/flu-shots.wav").exists()


def test_the_list_tells_each_prompt_for_people_and_for_programs(
    place: Place,
) -> None:
    prompt_acts.keep(place, site(), WELCOME, HIGH, Made.UPLOADED, "maria")
    listed = json.loads(run("--json").stdout)
    welcome = next(each for each in listed if each["prompt"] == "welcome")
    assert (welcome["language"], welcome["heard"]) == ("en", "version 1, uploaded")
    assert [use["words"] for use in welcome["used"]] == ["flow main, node menu (lines: main)"]
    own = json.loads(run("--own", "--json").stdout)
    assert [each["prompt"] for each in own] == ["welcome"]
    assert "leave-a-message" in run("--language", "en").stdout
    assert "no prompts" in run("--language", "xx").stdout


def test_a_prompt_is_taken_along_as_it_is_and_as_a_telephone_sounds(
    place: Place, tmp_path: Path
) -> None:
    prompt_acts.keep(place, site(), WELCOME, HIGH, Made.UPLOADED, "maria")
    plain, phone = tmp_path / "plain.wav", tmp_path / "phone.wav"
    assert run("export", "welcome", str(plain)).exit_code == 0
    assert plain.read_bytes() == heard(place)
    assert run("export", "welcome", str(phone), "--as-heard", "--version", "1").exit_code == 0
    assert phone.read_bytes() != plain.read_bytes()
    assert samples_in("phone", phone.read_bytes()).size == samples_in("x", heard(place)).size
    assert run("export", "welcome", str(phone)).exit_code == 2
    assert "has no sound" in run("export", "nothing", str(tmp_path / "n.wav")).stderr
