"""A clinic's own prompts: recorded, uploaded or typed, each version kept, one of them in force.

    prompts/_own/LANGUAGE/NAME/versions.json   which versions there are, and which is in force
    prompts/_own/LANGUAGE/NAME/7.wav           one of them, never changed
    prompts/LANGUAGE/NAME.wav                  what callers hear (firmware/speech.py)

A version in force stands before the words that the site file has for this prompt; number 0 is these
words. A version is durable before the list names it, and the list before anybody hears it; so after
a power cut the list is right, and whoever renders a site sets what is heard right by it. They lie
among the prompts, so that a backup takes them along and a restore puts them back.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firmware.durable import make_directory, replace_file, sync_directory
from firmware.forms import WORD

OWN = "_own"  # no language is called so: a name begins with a letter
VERSIONS = "versions.json"
SITES_WORDS = 0
READABLE = 0o644  # Asterisk, which plays some of them, is another user
# A recording as long as can be is 2.9 MB; nobody tries so often, and a disk is not filled by it.
VERSIONS_MOST = 200

Number = Annotated[int, Field(ge=1, le=VERSIONS_MOST)]


class OwnPromptError(Exception):
    """It cannot be done with this prompt; the text says what to do."""


class Made(StrEnum):
    """Where a version came from."""

    TYPED = "typed"
    RECORDED = "recorded"
    UPLOADED = "uploaded"
    TRIMMED = "trimmed"


@dataclass(frozen=True, slots=True, order=True)
class Spoken:
    """One prompt in one language."""

    language: str
    name: str

    def __str__(self) -> str:
        return f"{self.language}/{self.name}"

    @property
    def path(self) -> Path:
        """What callers hear, below the prompts."""
        return Path(self.language, f"{self.name}.wav")


class Strict(BaseModel):
    """Nothing but what is named here."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Version(Strict):
    """One sound that a prompt has had."""

    number: Number
    made: Made
    by: str = Field(max_length=64)
    at: str = Field(max_length=40)  # ISO 8601, with its zone
    seconds: float = Field(ge=0)
    words: str = Field(default="", max_length=1000)  # what is said in it, as far as it is known


class Versions(Strict):
    """All of them, the oldest first, and which is in force."""

    in_force: int = Field(default=SITES_WORDS, ge=SITES_WORDS)
    versions: tuple[Version, ...] = ()

    def numbered(self, number: int) -> Version | None:
        """The one of this number."""
        return next((each for each in self.versions if each.number == number), None)

    @property
    def spoken(self) -> Version | None:
        """What callers hear; None: the words of the site file."""
        return self.numbered(self.in_force)

    @property
    def before(self) -> int:
        """The number one back from what is in force; the site's words are before the first."""
        older = [each.number for each in self.versions if each.number < self.in_force]
        return max(older, default=SITES_WORDS)


def spoken(language: str, name: str) -> Spoken:
    """A prompt by names that somebody has typed."""
    for word in (language, name):
        if not re.fullmatch(WORD, word):
            raise OwnPromptError(
                f"{word!r} cannot be a prompt's name or language: small letters, digits and dashes,"
                " a letter first"
            )
    return Spoken(language, name)


# ---- reading ----


def all_of(prompts: Path) -> dict[Spoken, Versions]:
    """Every prompt that has had a sound of its own."""
    lists = sorted((prompts / OWN).glob(f"*/*/{VERSIONS}"))
    named = [Spoken(path.parent.parent.name, path.parent.name) for path in lists]
    return {each: versions_of(prompts, each) for each in named}


def versions_of(prompts: Path, prompt: Spoken) -> Versions:
    """What is known of one; nothing, if it never had one."""
    path = _folder(prompts, prompt) / VERSIONS
    try:
        return Versions.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Versions()
    except (ValidationError, ValueError) as fault:
        raise OwnPromptError(
            f"the list of versions of {prompt} is damaged: restore {path} from a backup, or remove"
            " its folder and record the prompt again"
        ) from fault


def sound_of(prompts: Path, prompt: Spoken, number: int) -> bytes:
    """The whole file of one version."""
    try:
        return (_folder(prompts, prompt) / f"{number}.wav").read_bytes()
    except FileNotFoundError:
        raise OwnPromptError(
            f"version {number} of {prompt} is lost: restore it from a backup, or go to another"
            f" version (`careline prompts back {prompt.name} --to NUMBER`)"
        ) from None


def heard(prompts: Path) -> dict[Path, bytes]:
    """What stands before the site's words, by its place below the prompts."""
    return {
        prompt.path: sound_of(prompts, prompt, held.in_force)
        for prompt, held in all_of(prompts).items()
        if held.in_force != SITES_WORDS
    }


# ---- writing ----


@contextmanager
def alone(prompts: Path) -> Iterator[None]:
    """Nobody else changes a prompt meanwhile; to be held around reading and writing."""
    prompts.mkdir(parents=True, exist_ok=True)
    make_directory(prompts / OWN)
    fd = os.open(prompts / OWN, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def next_number(held: Versions, prompt: Spoken) -> int:
    """What a new version will be called."""
    number = max((each.number for each in held.versions), default=SITES_WORDS) + 1
    if number > VERSIONS_MOST:
        raise OwnPromptError(
            f"{prompt} has had {VERSIONS_MOST} versions, and each is kept: give the prompt another"
            " name in the site file"
        )
    return number


def keep(prompts: Path, prompt: Spoken, version: Version, sound: bytes) -> None:
    """A new version is in force."""
    folder = _folder(prompts, prompt)
    make_directory(folder)
    replace_file(folder / f"{version.number}.wav", sound)
    held = versions_of(prompts, prompt)
    _write(prompts, prompt, Versions(in_force=version.number, versions=(*held.versions, version)))
    put(prompts, prompt, sound)


def choose(prompts: Path, prompt: Spoken, number: int, sound: bytes) -> None:
    """An older one is in force again, or the site's words, of which this is the sound."""
    held = versions_of(prompts, prompt)
    _write(prompts, prompt, held.model_copy(update={"in_force": number}))
    put(prompts, prompt, sound)


def put(prompts: Path, prompt: Spoken, sound: bytes) -> None:
    """Callers hear it: whole, and after a power cut too."""
    path = prompts / prompt.path
    make_directory(path.parent, 0o755)
    fresh = path.with_suffix(".fresh")
    replace_file(fresh, sound)
    fresh.chmod(READABLE)
    fresh.rename(path)
    sync_directory(path.parent)


def _write(prompts: Path, prompt: Spoken, held: Versions) -> None:
    path = _folder(prompts, prompt) / VERSIONS
    replace_file(path, held.model_dump_json(indent=1).encode())


def _folder(prompts: Path, prompt: Spoken) -> Path:
    return prompts / OWN / prompt.language / prompt.name
