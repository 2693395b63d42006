"""A technician looks which sound devices there are, plays a tone and sees how loud it is heard."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from firmware.cli import subject
from routing_core.audio import tone
from tests.hw.alsa import Alsa

app = typer.Typer()
app.add_typer(subject("sound"))


@pytest.fixture
def alsa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Alsa:
    there = Alsa(tmp_path)
    monkeypatch.setenv("ALSA_CONFIG_PATH", there.environment["ALSA_CONFIG_PATH"])
    return there


def test_a_test_tone_is_played_and_the_microphones_level_is_drawn(alsa: Alsa) -> None:
    alsa.hears.write_bytes(tone(1004, dbm0=-20, ms=60_000).astype("<i2").tobytes())
    asked = ["sound", "test", "--device", "paging", "--microphone", "desk", "--seconds", "1"]
    told = CliRunner().invoke(app, asked)
    assert told.exit_code == 0, told.output
    assert "-20.0 dBm0" in told.output
    assert "played 1004 Hz at -16 dBm0 for 1 s" in told.output
    assert len(alsa.played()) > 15_000


def test_a_headset_is_told_why_no_telephone_rings(
    alsa: Alsa, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path / "home"))
    devices = ["--device", "paging", "--microphone", "desk"]
    told = CliRunner().invoke(app, ["sound", "handset", "106", *devices])
    assert told.exit_code == 1
    assert "start it" in told.output
    told = CliRunner().invoke(app, ["sound", "handset", "911911911", *devices])
    assert told.exit_code == 1
    assert "a telephone's number has 2 to 6 digits" in told.output
    alsa.unplug()
    told = CliRunner().invoke(app, ["sound", "handset", "106", *devices])
    assert told.exit_code == 1
    assert "look at its plug" in told.output


def test_a_device_that_is_not_there_is_named_with_what_to_do(alsa: Alsa) -> None:
    listed = CliRunner().invoke(app, ["sound", "list"])
    assert "paging: loudspeaker, microphone" in listed.output
    alsa.unplug()
    told = CliRunner().invoke(app, ["sound", "test", "--device", "paging"])
    assert told.exit_code == 1
    assert "no sound device is called 'paging': look at its plug" in told.output
