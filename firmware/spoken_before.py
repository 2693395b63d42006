"""What a site spoke before it was changed, so that a version which comes back says its own words.

Prompts lie beside the versions and not in them, for a clinic's recordings are of all versions: one
that is made meanwhile (firmware/own_prompts.py) is spoken by whichever version comes back.
Rendering puts a new file in the place of an old one; the old one is kept under a second name until
nobody can want it any more. Each step may be the last: what is kept is complete once it has its
name, and putting it back may be done twice.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from firmware import own_prompts
from firmware.durable import sync_directory
from firmware.place import Place


def keep(place: Place) -> None:
    """All that can be spoken now, instead of what was kept before."""
    forget(place)
    fresh = place.spoken_before.with_name(f"{place.spoken_before.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for spoken in _files(place.prompts):
        kept = fresh / spoken.relative_to(place.prompts)
        kept.parent.mkdir(parents=True, exist_ok=True)
        _link(spoken, kept)
    fresh.mkdir(parents=True, exist_ok=True)
    for folder in (*(each for each in fresh.rglob("*") if each.is_dir()), fresh):
        sync_directory(folder)
    fresh.rename(place.spoken_before)
    sync_directory(place.asterisk)


def link(place: Place, folder: Path) -> None:
    """What is kept, under other names, so that it stays when nobody else wants it any more."""
    for kept in _files(place.spoken_before):
        target = folder / kept.relative_to(place.spoken_before)
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # the trial has just ended
            _link(kept, target)


def put_back(place: Place) -> None:
    """Whatever was spoken otherwise meanwhile is spoken as before."""
    with own_prompts.alone(place.prompts):
        for kept in _files(place.spoken_before):
            _put(kept, place.prompts / kept.relative_to(place.spoken_before))


def overtake(place: Place, spoken: Path) -> None:
    """What people have put in force meanwhile is spoken by the version that comes back, too."""
    if place.spoken_before.is_dir():
        _put(place.prompts / spoken, place.spoken_before / spoken)


def _put(source: Path, target: Path) -> None:
    if not (target.exists() and target.read_bytes() == source.read_bytes()):
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}.part")
        fresh.unlink(missing_ok=True)
        _link(source, fresh)
        fresh.replace(target)
        sync_directory(target.parent)


def forget(place: Place) -> None:
    """Nobody wants it back."""
    shutil.rmtree(place.spoken_before, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    spoken = [each for each in sorted(folder.rglob("*.wav")) if each.is_file()]
    return [each for each in spoken if own_prompts.OWN not in each.relative_to(folder).parts]


def _link(source: Path, target: Path) -> None:
    """A second name costs no room; where the file is another user's, a copy does."""
    with suppress(OSError):
        os.link(source, target)
        return
    shutil.copyfile(source, target)
