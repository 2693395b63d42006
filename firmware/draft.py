"""The draft: the site file while the admin changes it on the page. The box has one, which begins as
the file in force, and nothing of it is heard by any caller until it is published.

Every change is a step that can be undone and done again; whoever changes it says which step they
saw, so that two people never write over each other. A step's text is on the disk before the note
that counts it: whoever is killed in between has lost the last key pressed, and nothing before it.
A calendar that a step has brought lies beside its text, under a name that no other calendar ever
has (firmware/calendars.py), and goes with the last step that names it.
"""

import fcntl
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firmware import settings
from firmware.audit import WHO_MOST
from firmware.durable import make_directory, replace_file, sync_directory
from firmware.forms import CALENDAR_NAME
from firmware.place import Place
from firmware.settings import SITE_FILE_MAX, Beside
from firmware.versions import sha256_of

# So many steps can be undone.
STEPS_KEPT = 200
WHAT_MOST = 120
NOTE = "steps.json"
STEP = re.compile(r"[0-9]{1,9}\.toml", re.ASCII)
CALENDAR = re.compile(CALENDAR_NAME, re.ASCII)
CALENDARS = "*.ics"
NONE: Mapping[str, str] = MappingProxyType({})
# Each has a megabyte at most; a clinic brings one or two a year.
CALENDARS_MOST = 20


class DraftError(Exception):
    """The draft cannot be changed like that; the text says what to do."""


class ChangedMeanwhileError(DraftError):
    """Somebody else has changed it since it was read."""


class Step(BaseModel):
    """One change: who made it, when, and what it was in a few words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int
    upon: int  # the step whose text it changed
    who: str = Field(max_length=WHO_MOST)
    at: datetime
    what: str = Field(max_length=WHAT_MOST)


class _Steps(BaseModel):
    """The note: the first text is the file that was in force, by its hash and as step 0."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str
    done: tuple[Step, ...] = ()  # of these two, one is never empty
    undone: tuple[Step, ...] = ()  # the next to be done again is the last
    highest: int = 0  # no number is given twice


class Kept(BaseModel):
    """The draft as it is. Before the first change it is the file in force, at step 0."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    step: int = 0
    done: tuple[Step, ...] = ()  # the last is what undo takes back
    redo: Step | None = None
    is_overtaken: bool = False  # another file was put in force since it was begun


def read(place: Place) -> Kept:
    """The draft, or the file in force where there is none. OSError: there is neither."""
    with _alone(place):
        return _read(place)


def beside(place: Place) -> Beside:
    """What lies beside the draft: the calendars in force, and those that its steps have brought."""
    in_force, brought = settings.beside(place.site_file), settings.beside(place.draft / NOTE)

    def text_of(name: str) -> str:
        try:
            return in_force(name)
        except FileNotFoundError:
            return brought(name)

    return text_of


def keep(
    place: Place,
    text: str,
    who: str,
    what: str,
    seen: int,
    now: datetime,
    calendars: Mapping[str, str] = NONE,
) -> Kept:
    """A change, with the calendars that it brings, by their names; durable when this returns. What
    had been undone cannot be done again. Without any difference nothing is kept. DraftError: it is
    too long, or ChangedMeanwhileError."""
    if len(text) > SITE_FILE_MAX:
        raise DraftError(
            f"the site file would have {len(text)} characters and may have {SITE_FILE_MAX}: take"
            " something away first"
        )
    with _alone(place):
        before = _seen(place, seen)
        if text == before.text:
            return before
        steps = _steps(place)
        if steps is None:
            # Something that is no draft any more may lie there: nothing of it comes back.
            shutil.rmtree(place.draft, ignore_errors=True)
            make_directory(place.draft)
            replace_file(_file(place, 0), before.text.encode())
            steps = _Steps(base=sha256_of(before.text))
        _lay(place, calendars)
        number = steps.highest + 1
        fresh = Step(
            number=number, upon=before.step, who=who[:WHO_MOST], at=now, what=what[:WHAT_MOST]
        )
        replace_file(_file(place, number), text.encode())
        done = (*steps.done, fresh)[-STEPS_KEPT:]
        steps = _Steps(base=steps.base, done=done, highest=number)
        _note(place, steps)
        _tidy(place, steps)
        return _read(place)


def _lay(place: Place, calendars: Mapping[str, str]) -> None:
    there = {path.name for path in place.draft.glob(CALENDARS)}
    if calendars and len(there | calendars.keys()) > CALENDARS_MOST:
        raise DraftError(
            f"the draft holds {CALENDARS_MOST} calendars already: publish it, or discard it, first"
        )
    for name, text in calendars.items():
        replace_file(place.draft / name, text.encode())


def undo(place: Place, seen: int) -> Kept:
    """Back by one step. DraftError: there is none."""
    with _alone(place):
        _seen(place, seen)
        steps = _steps(place)
        if steps is None or not steps.done:
            raise DraftError("nothing was changed that could be undone")
        undone = (*steps.undone, steps.done[-1])
        _note(place, steps.model_copy(update={"done": steps.done[:-1], "undone": undone}))
        return _read(place)


def redo(place: Place, seen: int) -> Kept:
    """Forward again by one step that was undone. DraftError: there is none."""
    with _alone(place):
        _seen(place, seen)
        steps = _steps(place)
        if steps is None or not steps.undone:
            raise DraftError("nothing was undone that could be done again")
        done = (*steps.done, steps.undone[-1])
        _note(place, steps.model_copy(update={"done": done, "undone": steps.undone[:-1]}))
        return _read(place)


def discard(place: Place, seen: int) -> Kept:
    """All of it goes; what is left is the file in force."""
    with _alone(place):
        _seen(place, seen)
        (place.draft / NOTE).unlink(missing_ok=True)
        if place.draft.is_dir():
            sync_directory(place.draft)
        shutil.rmtree(place.draft, ignore_errors=True)
        return _read(place)


def copy(place: Place, to: Path) -> None:
    """Into this folder, as it is between two changes; nothing where there is no draft."""
    with _alone(place):
        for path in sorted(place.draft.glob("*")):
            if is_of_draft(path.name) and path.is_file() and not path.is_symlink():
                to.mkdir(exist_ok=True)
                shutil.copyfile(path, to / path.name)


def is_of_draft(name: str) -> bool:
    """Whether a file of the draft may be called so."""
    return name == NOTE or any(each.fullmatch(name) for each in (STEP, CALENDAR))


def _seen(place: Place, seen: int) -> Kept:
    kept = _read(place)
    if kept.step != seen:
        by = f" by {kept.done[-1].who}" if kept.done else ""
        raise ChangedMeanwhileError(
            f"the draft was changed{by} while you looked at it: look again, nothing was lost"
        )
    return kept


def _read(place: Place) -> Kept:
    steps = _steps(place)
    if steps is None:
        return Kept(text=place.site_file.read_text("utf-8"))
    step = steps.done[-1].number if steps.done else steps.undone[-1].upon
    return Kept(
        text=_file(place, step).read_text("utf-8"),
        step=step,
        done=steps.done,
        redo=steps.undone[-1] if steps.undone else None,
        is_overtaken=steps.base != sha256_of(place.site_file.read_text("utf-8")),
    )


def _steps(place: Place) -> _Steps | None:
    """None: nothing is being changed, or what is there cannot be read any more."""
    try:
        steps = _Steps.model_validate_json((place.draft / NOTE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return steps if steps.done or steps.undone else None


def _note(place: Place, steps: _Steps) -> None:
    replace_file(place.draft / NOTE, steps.model_dump_json().encode())


def _tidy(place: Place, steps: _Steps) -> None:
    """Texts go that no step leads to or from, and calendars that none of them names."""
    wanted = {f"{number}.toml" for each in steps.done for number in (each.number, each.upon)}
    for path in place.draft.glob("*.toml"):
        if path.name not in wanted:
            path.unlink(missing_ok=True)
    if calendars := list(place.draft.glob(CALENDARS)):
        texts = [(place.draft / name).read_text("utf-8") for name in wanted]
        for path in calendars:
            if not any(path.name in text for text in texts):
                path.unlink(missing_ok=True)


def _file(place: Place, number: int) -> Path:
    return place.draft / f"{number}.toml"


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """Two who change it at one moment do so one after the other."""
    with (place.home / "draft.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
