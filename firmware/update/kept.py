"""Which update waits, and what became of the last one: one small file, which whoever changes it has
alone meanwhile. The bundle lies beside it, whole, before the file names it.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from firmware.durable import replace_file, sync_directory, sync_file
from firmware.place import Place
from firmware.update.bundle import Bundle
from firmware.update.release import Release
from firmware.update.waiting import Update

COPY = 1 << 20
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


Became = Literal["", "stayed", "went back"]


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Waiting(_Form):
    """One that was brought."""

    version: str
    board: str
    closes_a_hole: bool
    description: str
    came: datetime
    announced: datetime | None = None
    postponed_until: date | None = None
    wanted_now: bool = False
    written_in: str = ""  # the boot id of the life in which it was written into its slot
    wrong: str = ""  # why it could not be

    def update(self) -> Update:
        return Update(
            self.version, self.closes_a_hole, self.came, self.announced, self.postponed_until,
            self.wanted_now,
        )  # fmt: skip


class Last(_Form):
    """What became of one."""

    version: str
    at: datetime
    ended: Literal["stayed", "went back", "dropped"]


class Look(_Form):
    """What the health gate found."""

    about: str
    is_well: bool
    figure: str


class Gate(_Form):
    """At the last start."""

    version: str
    at: datetime
    looks: tuple[Look, ...]

    @property
    def is_passed(self) -> bool:
        return all(look.is_well for look in self.looks)


class Kept(_Form):
    """All of it."""

    waiting: Waiting | None = None
    last: Last | None = None
    gate: Gate | None = None


def load(place: Place) -> Kept:
    """Nothing, where nothing was written or nobody can read it."""
    try:
        return Kept.model_validate_json(place.update_told.read_bytes())
    except (FileNotFoundError, ValidationError):
        return Kept()


def change(place: Place, changed: Callable[[Kept], Kept]) -> Kept:
    """One at a time; what is kept after it."""
    with _alone(place):
        kept = changed(load(place))
        replace_file(place.update_told, kept.model_dump_json().encode())
        return kept


def bring(
    place: Place, file: Path, bundle: Bundle, now: datetime, *, wanted_now: bool = False
) -> Kept:
    """A copy of it waits from now on, in place of another that did. OSError: it does not fit."""
    part = part_of(place)
    try:
        with file.open("rb") as source, part.open("wb") as copy:
            while block := source.read(COPY):
                copy.write(block)
        return adopt(place, part, bundle, now, wanted_now=wanted_now)
    finally:
        part.unlink(missing_ok=True)


def part_of(place: Place) -> Path:
    """Where one lies while it comes in."""
    return place.update_bundle.with_suffix(".part")


def adopt(
    place: Place, part: Path, bundle: Bundle, now: datetime, *, wanted_now: bool = False
) -> Kept:
    """The same of what lies beside it already, whole."""
    sync_file(part)
    part.rename(place.update_bundle)
    sync_directory(place.home)
    new = Waiting(
        version=bundle.release.version, board=bundle.release.board,
        closes_a_hole=bundle.closes_a_hole, description=bundle.description, came=now,
        wanted_now=wanted_now,
    )  # fmt: skip
    return change(place, lambda kept: kept.model_copy(update={"waiting": new}))


def settle(place: Place, ended: Literal["stayed", "went back", "dropped"], now: datetime) -> Kept:
    """Nothing waits any more."""

    def settled(kept: Kept) -> Kept:
        if kept.waiting is None:
            return kept
        last = Last(version=kept.waiting.version, at=now, ended=ended)
        return kept.model_copy(update={"waiting": None, "last": last})

    kept = change(place, settled)
    place.update_bundle.unlink(missing_ok=True)
    return kept


def of_waiting(place: Place, **fields: object) -> Kept:
    """The one that waits has these words now."""

    def with_them(kept: Kept) -> Kept:
        if kept.waiting is None:
            return kept
        return kept.model_copy(update={"waiting": kept.waiting.model_copy(update=fields)})

    return change(place, with_them)


def became(found: Kept, boot_id: str, running: Release | None) -> Became:
    """Of one that was written, once the box has been restarted since; empty as long as its gate is
    not through."""
    waiting, gate = found.waiting, found.gate
    if waiting is None or waiting.written_in in ("", boot_id):
        return ""
    if running is None or running.version != waiting.version:
        return "went back"
    passed = gate is not None and gate.version == waiting.version and gate.is_passed
    return "stayed" if passed else ""


def boot_id() -> str:
    """Of this life of the machine."""
    return BOOT_ID.read_text("ascii").strip()


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    with place.update_told.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
