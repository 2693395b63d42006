"""Words are spoken by a process that ends, once, and what cannot be said is said why."""

from pathlib import Path

import pytest

from firmware import saying, settings
from firmware.clips import samples_in
from firmware.speech import SpeechError
from tests.firmware.by_hand import SITE


def test_words_are_spoken_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    site = settings.read(SITE)
    sound = saying.said(site, "en", "welcome", "Good morning.")
    assert 0.5 < samples_in("welcome", sound).size / 8_000 < 3
    monkeypatch.setattr("sys.executable", "/nowhere")
    assert saying.said(site, "en", "welcome", "Good morning.") == sound


def test_what_cannot_be_said_is_said_why_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(SpeechError, match="the voice speaks English only"):
        saying.said(settings.read(SITE), "es", "welcome", "Hola.")
    assert not list(tmp_path.rglob("*.wav"))
