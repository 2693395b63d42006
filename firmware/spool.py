"""Entries for the audit that wait for an exchange: laid down by whoever finds none, and entered
when one runs.

Each is a file of its own, whole and on the disk under its name or not there at all, so those who
lay down need no lock and know nothing of each other. An entry keeps its own time; its place in the
chain is where the chain was when it was entered. What was entered is taken away after that is
durable: a power cut between the two leaves it there, and it is known again by its time and words.
What nobody can read is set aside and told.
"""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import structlog
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from firmware.audit import ABOUT_MOST, WHO_MOST, Act, Audited, told_from_outside
from firmware.durable import make_directory, mode_in, sync_directory, write_all
from firmware.ledger import Moment
from firmware.store import StoreError

LAID, BAD = ".json", ".bad"
FILE_MOST = 4096  # bytes; an entry has a few hundred
# The exchange's user takes away what others of its group have laid down.
MODE = 0o770
FILE_MODE = 0o640
LOOK_EVERY_S = 60.0

log = structlog.get_logger(__name__)


class Laid(BaseModel):
    """What a file holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: datetime
    who: str = Field(min_length=1, max_length=WHO_MOST)
    act: Annotated[Act, AfterValidator(told_from_outside)]
    about: str = Field(default="", max_length=ABOUT_MOST)


def lay(folder: Path, entry: Audited) -> None:
    """On the disk when this returns. OSError: it is not."""
    _make(folder)
    name = f"{time.time_ns():020}-{os.getpid()}-{os.urandom(4).hex()}"
    laid = Laid(at=entry.moment.at, who=entry.who, act=entry.act, about=entry.about)
    part = folder / f"{name}.part"
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    fd = os.open(part, flags, mode_in(folder, FILE_MODE))
    try:
        write_all(fd, laid.model_dump_json().encode())
        if os.geteuid() == 0:
            owner = folder.stat()
            os.fchown(fd, owner.st_uid, owner.st_gid)
        os.fsync(fd)
    finally:
        os.close(fd)
    part.rename(folder / f"{name}{LAID}")
    sync_directory(folder)


async def drain(
    folder: Path,
    is_entered: Callable[[Audited], bool],
    promise: Callable[[Audited], Awaitable[None]],
) -> int:
    """Enter what waits, the oldest first; how many. StoreError: the rest waits on."""
    count = 0
    for path in _waiting(folder):
        try:
            laid = _read(path)
        except FileNotFoundError:
            continue
        except (ValidationError, ValueError) as unfit:
            why = type(unfit).__name__  # its words may repeat what is in the file
            log.warning("an entry for the audit cannot be read, and is set aside", why=why)
            path.rename(path.with_suffix(BAD))
            continue
        moment = Moment(laid.at.astimezone(UTC), Moment.now().mono_ms)
        entry = Audited(laid.who, laid.act, laid.about, moment)
        if not await asyncio.to_thread(is_entered, entry):
            await promise(entry)
            count += 1
        path.unlink()
        sync_directory(folder)
    return count


async def run(
    folder: Path,
    is_entered: Callable[[Audited], bool],
    promise: Callable[[Audited], Awaitable[None]],
    every_s: float = LOOK_EVERY_S,
) -> None:
    """Until cancelled: drained at the start, and looked at now and then."""
    while True:
        try:
            if count := await drain(folder, is_entered, promise):
                log.info("entries that waited stand in the audit", count=count)
        except (StoreError, OSError) as refused:
            log.warning("entries wait for the audit", why=str(refused))
        await asyncio.sleep(every_s)


def set_aside(folder: Path) -> int:
    """How many nobody can read."""
    return len(list(folder.glob(f"*{BAD}"))) if folder.exists() else 0


def _make(folder: Path) -> None:
    """Whoever owns the site owns it, also where root was the first to need it."""
    if folder.exists():
        return
    make_directory(folder, MODE)
    if os.geteuid() == 0:
        owner = folder.parent.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)


def _waiting(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        return sorted(path for path in folder.iterdir() if path.suffix == LAID)
    return []


def _read(path: Path) -> Laid:
    if path.is_symlink():
        raise ValueError(f"{path.name} is a link")
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as opened:
        content = opened.read(FILE_MOST + 1)
    if len(content) > FILE_MOST:
        raise ValueError(f"{path.name} is longer than {FILE_MOST} bytes")
    return Laid.model_validate(json.loads(content))
