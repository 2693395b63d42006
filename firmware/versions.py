"""Published versions of a site: each is kept with who published it, when and under which name, and
can be read, compared and published again.

A version's directory has a note from the moment before it came into force; without one it never
did, or it is older than these notes. The newest 30 are kept, and whichever is in force or may come
back.
"""

import hashlib
import shutil
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from firmware import settings
from firmware.asterisk.publish import SITE_FILE
from firmware.audit import WHO_MOST
from firmware.durable import replace_file, sync_directory
from firmware.place import Place
from firmware.walks_section import SECTION
from ivr.difference_words import Saying, Told, in_english, in_words
from ivr.plan import Plan

KEPT = 30
# Sections that stand in no plan, what is said of them, and of their keys.
BESIDE = {"backup": "The nightly backup", "updates": "The box's updates"}
KEYS_BESIDE = {
    "to": "where it is put",
    "at": "at what time",
    "drill_at": "when it is tried",
    "keep": "how many stay",
    "own_disk": "on the box's own disk",
    "postponed_until": "put off until",
}
NOTE = "published.json"
NAME_MOST = 60


class VersionError(Exception):
    """There is no such version, or it cannot be used; the text says what to do."""


def sayable(name: str) -> str:
    """A person's word for a version: one line, and nothing that could upset a terminal."""
    if not name.isprintable() or len(name) > NAME_MOST:
        raise ValueError(f"a version's name is one line of at most {NAME_MOST} characters")
    return name.strip()


class Note(BaseModel):
    """What a version's directory says of its publishing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    who: str = Field(max_length=WHO_MOST)
    at: datetime
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    name: Annotated[str, AfterValidator(sayable)] = ""
    returned: bool = False  # it was tried and not confirmed


@dataclass(frozen=True, slots=True)
class Version:
    """One of them; `note` is None where it is older than notes."""

    number: int
    folder: Path
    note: Note | None
    is_in_force: bool

    @property
    def site_file(self) -> Path:
        return self.folder / SITE_FILE

    @property
    def text(self) -> str:
        return self.site_file.read_text("utf-8")

    @property
    def is_whole(self) -> bool:
        """Whether its site file is still what was published."""
        return self.note is None or sha256_of(self.text) == self.note.sha256


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def kept(place: Place) -> list[Version]:
    """All that came into force, the newest first."""
    current = in_force(place)
    found = [_version(folder, current) for folder in _folders(place)]
    return [each for each in reversed(found) if each.note or each.number <= (current or 0)]


def newest(place: Place) -> Version | None:
    """The one with the highest number that came into force; the others are not read."""
    current = in_force(place)
    found = (_version(folder, current) for folder in reversed(_folders(place)))
    return next((each for each in found if each.note or each.number <= (current or 0)), None)


def in_force(place: Place) -> int | None:
    """The number of the version in force; None before the first."""
    name = (place.asterisk / "current").resolve().name
    return int(name) if name.isdecimal() else None


def find(place: Place, number: int) -> Version:
    """A version by its number."""
    for version in kept(place):
        if version.number == number:
            return version
    raise VersionError(
        f"there is no version {number}: `careline versions` lists those that are kept"
    )


def note(folder: Path, told: Note) -> None:
    """Durable when this returns."""
    replace_file(folder / NOTE, told.model_dump_json().encode())


def mark_returned(place: Place, number: int) -> None:
    """It was tried and not confirmed."""
    folder = place.versions / str(number)
    if (told := _note(folder)) is not None:
        note(folder, told.model_copy(update={"returned": True}))


def prune(place: Place, spared: Collection[int] = ()) -> None:
    """The oldest go, until there are so many as are kept."""
    current = in_force(place)
    for version in kept(place)[KEPT:]:
        if version.number not in (*spared, current):
            drop(place, version.number)


def drop_unused(place: Place) -> None:
    """What a publish that was broken off has left: it never came into force."""
    current = in_force(place)
    for folder in _folders(place):
        if int(folder.name) > (current or 0) and _note(folder) is None:
            shutil.rmtree(folder)
    for unfinished in place.versions.glob("*.unfinished"):
        shutil.rmtree(unfinished)


def drop(place: Place, number: int) -> None:
    """Its name goes first, so that no half of one is ever taken for a version."""
    folder = place.versions / str(number)
    going = folder.with_name(f"{number}.unfinished")
    folder.rename(going)
    sync_directory(place.versions)
    shutil.rmtree(going)


def plan_of(version: Version) -> Plan:
    """VersionError: by today's rules its site file has faults of form."""
    if not version.is_whole:
        raise VersionError(
            f"version {version.number} is not what was published: its site file was changed by hand"
        )
    try:
        return settings.read(version.text, settings.beside(version.site_file))
    except settings.SiteFaults as faults:
        first = faults.faults[0]
        raise VersionError(
            f"version {version.number} cannot be read any more: {first}; copy"
            f" {version.site_file}, mend it, and publish that"
        ) from None


def compare_texts(
    before_text: str, before: Plan, after_text: str, after: Plan, say: Saying = in_english
) -> list[Told]:
    """What differs between two site files: in their plans, in what only the box itself reads
    ([backup], [updates]), or at least in how they are written; nothing if they are the same."""
    told = [*in_words(before, after, say), *_of_sections(before_text, after_text, say)]
    told += _of_walks(before_text, after_text, say)
    if not told and before_text != after_text:
        words = "Only comments, or how the file is written, differ: every call goes as before"
        return [Told("file", say(words), ())]
    return told


def _of_sections(before: str, after: str, say: Saying) -> list[Told]:
    """What only the box itself reads (firmware/backup_section.py, firmware/updates_section.py)."""
    return [told for section in BESIDE for told in _of_section(section, before, after, say)]


def _of_section(section: str, before: str, after: str, say: Saying) -> list[Told]:
    was, becomes = (_section(text, section) for text in (before, after))
    words = "%(what)s: %(now)s; before, %(before)s"
    return [
        Told(
            section,
            say(
                words,
                what=_named(section, key, say),
                now=becomes.get(key, say("none")),
                before=was.get(key, say("none")),
            ),
            (section, key),
        )
        for key in dict.fromkeys((*was, *becomes))
        if was.get(key) != becomes.get(key)
    ]


def _named(section: str, key: str, say: Saying) -> str:
    about, called = BESIDE[section], KEYS_BESIDE.get(key, key)
    return f"{say(about)}, {say(called)}"


def _of_walks(before: str, after: str, say: Saying) -> list[Told]:
    """Nor do these (firmware/walks_section.py)."""
    was, becomes = (tomllib.loads(text).get(SECTION, {}) for text in (before, after))
    return [
        Told("walks", say(_come_or_gone(name in was, name in becomes), name=name), ())
        for name in dict.fromkeys((*was, *becomes))
        if was.get(name) != becomes.get(name)
    ]


def _come_or_gone(was: bool, is_: bool) -> str:
    if was and is_:
        return "The kept call `%(name)s` goes another way"
    return "The kept call `%(name)s` is new" if is_ else "The kept call `%(name)s` is gone"


def _section(text: str, name: str) -> Mapping[str, object]:
    section: Mapping[str, object] = tomllib.loads(text).get(name, {})
    return section


def _folders(place: Place) -> list[Path]:
    """In the order of their numbers."""
    if not place.versions.is_dir():
        return []
    numbered = [each for each in place.versions.iterdir() if each.name.isdecimal()]
    return sorted(numbered, key=lambda each: int(each.name))


def _version(folder: Path, current: int | None) -> Version:
    number = int(folder.name)
    return Version(number, folder, _note(folder), number == current)


def _note(folder: Path) -> Note | None:
    try:
        return Note.model_validate_json((folder / NOTE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
