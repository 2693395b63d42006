"""The draft as it lies on the disk for whoever hears it by telephone: its text, and the sounds in
which it differs from what callers hear now.

    tried/SHA256/clinic.toml       SHA256 is the text's own
    tried/SHA256/LANGUAGE/NAME.wav  what it says otherwise than the site in force
    tried/SHA256/NAME.ics           the calendars that it names

The page lays it there and the exchange, which is told the name alone, reads it: a request at the
control socket is too short for a site file. Nothing else reads it, no backup takes it along, and
the next draft that is laid there takes its place.
"""

import re
import shutil
from collections.abc import Iterator, Mapping

from firmware import settings
from firmware.durable import make_directory, replace_file
from firmware.own_prompts import Spoken
from firmware.place import Place
from firmware.settings import SITE_FILE_MAX, Beside
from firmware.versions import sha256_of

SITE = "clinic.toml"
NAME = re.compile(r"[0-9a-f]{64}")

Sounds = Mapping[Spoken, bytes]  # whole WAV files


class TriedError(Exception):
    """There is no such draft to be heard; the text says what to do."""


def lay(place: Place, text: str, sounds: Sounds, calendars: Mapping[str, str]) -> str:
    """The name by which it can be heard. OSError: the disk refuses."""
    name = sha256_of(text)
    make_directory(place.tried)
    for old in place.tried.iterdir():
        shutil.rmtree(old, ignore_errors=True)
    folder = place.tried / name
    make_directory(folder)
    for spoken, sound in sounds.items():
        path = folder / spoken.path
        make_directory(path.parent)
        replace_file(path, sound)
    for calendar, events in calendars.items():
        replace_file(folder / calendar, events.encode())
    replace_file(folder / SITE, text.encode())
    return name


def beside(place: Place, name: str) -> Beside:
    """The calendars that were laid there with it."""
    return settings.beside(place.tried / name / SITE)


def read(place: Place, name: str) -> tuple[str, Sounds]:
    """Its text and its own sounds."""
    folder = place.tried / name
    try:
        with (folder / SITE).open(encoding="utf-8") as opened:
            text = opened.read(SITE_FILE_MAX + 1)
        sounds = dict(_sounds(place, name))
    except (OSError, ValueError) as lost:
        raise TriedError("the draft to be heard is not there any more: ask for it again") from lost
    if not NAME.fullmatch(name) or sha256_of(text) != name:
        raise TriedError("the draft to be heard has changed meanwhile: ask for it again")
    return text, sounds


def _sounds(place: Place, name: str) -> Iterator[tuple[Spoken, bytes]]:
    for path in sorted((place.tried / name).glob("*/*.wav")):
        yield Spoken(path.parent.name, path.stem), path.read_bytes()
