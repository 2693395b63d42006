"""Sounds that somebody has brought for a prompt and not kept yet: they are looked at, cut and heard
first, and no caller hears them.

    brought/NAME.wav    8 kHz mono 16 bit, whole
    brought/NAME.json   for which prompt, how it was made, by whom, what is said in it

A name is random and known only to whoever brought it. There are never more than a few: the oldest
make room. They are nobody's loss: no backup has them, and a power cut may take them.
"""

import re
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import Field, ValidationError

from firmware import own_prompts, recorded, speech
from firmware.clips import RATE_HZ, samples_in
from firmware.durable import make_directory, replace_file
from firmware.own_prompts import Made, Spoken, Strict
from firmware.place import Place
from firmware.recorded import Cut
from routing_core.audio import Pcm

# The longest has 2.9 MB.
MOST = 20
NAME = r"[0-9a-f]{32}"
NEARLY_S = 0.01  # as near to its end as a handle goes
PRIVATE = 0o600


class Note(Strict):
    """What is known of a sound beside itself."""

    language: str
    prompt: str
    made: Made
    by: str = Field(max_length=64)
    words: str = Field(default="", max_length=1000)


@dataclass(frozen=True, slots=True)
class Brought:
    """One of them."""

    name: str
    prompt: Spoken
    made: Made
    by: str
    words: str
    samples: Pcm

    @property
    def seconds(self) -> float:
        return float(self.samples.size / RATE_HZ)

    @property
    def meant(self) -> Cut:
        """What will most likely be kept: what a voice has said is close to its words already."""
        return Cut(0.0, self.seconds) if self.is_finished else recorded.words_of(self.samples)

    @property
    def is_finished(self) -> bool:
        return self.made is Made.TYPED

    def finished(self, cut: Cut) -> bytes:
        """As it would be kept: this part of it, close to its words, at the level of all prompts.
        RecordingError: it cannot be a prompt."""
        is_whole = cut.start_s == 0 and (cut.end_s is None or cut.end_s > self.seconds - NEARLY_S)
        if self.is_finished and is_whole:
            return speech.wav(self.samples.astype(float) / 32767)
        return recorded.prompt_of(self.samples, cut)


def lay(place: Place, prompt: Spoken, made: Made, by: str, sound: bytes, words: str = "") -> str:
    """Put down a whole prompt file; the name by which it is found again."""
    make_directory(place.brought, 0o700)
    _make_room(place.brought)
    name = secrets.token_hex(16)
    note = Note(
        language=prompt.language, prompt=prompt.name, made=made, by=by[:64], words=words[:1000]
    )
    replace_file(place.brought / f"{name}.wav", sound, PRIVATE)
    replace_file(place.brought / f"{name}.json", note.model_dump_json().encode(), PRIVATE)
    return name


def find(place: Place, name: str, by: str) -> Brought | None:
    """What this person has brought under this name; None: it was kept, or had to make room."""
    if not re.fullmatch(NAME, name):
        return None
    path = place.brought / f"{name}.json"
    try:
        note = Note.model_validate_json(path.read_bytes())
        sound = samples_in(name, path.with_suffix(".wav").read_bytes())
    except (OSError, ValidationError, ValueError):
        return None
    if note.by != by[:64]:
        return None
    prompt = own_prompts.spoken(note.language, note.prompt)
    return Brought(name, prompt, note.made, note.by, note.words, sound)


def drop(place: Place, name: str) -> None:
    """It is kept, or not wanted."""
    for path in (place.brought / f"{name}.json", place.brought / f"{name}.wav"):
        path.unlink(missing_ok=True)


def nameless(place: Place) -> IO[bytes]:
    """A private file for what is on its way in: it has no name, so none is left behind."""
    make_directory(place.brought, 0o700)
    return tempfile.TemporaryFile(dir=place.brought)


def _make_room(folder: Path) -> None:
    def since(path: Path) -> int:
        try:
            return path.stat().st_mtime_ns
        except FileNotFoundError:  # somebody else has kept it meanwhile
            return 0

    for old in sorted(folder.glob("*.wav"), key=since)[: -(MOST - 1)]:
        old.with_suffix(".json").unlink(missing_ok=True)
        old.unlink(missing_ok=True)
