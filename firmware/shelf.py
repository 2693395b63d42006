"""Where backups lie: a directory, a mounted stick, or a server that is reached by SFTP.

A file has its name there only once it is whole and durable; until then it is called otherwise, and
whatever a power cut left under such a name goes before the next. Only what bears the name of a
backup is ever listed or removed: a shelf may hold other people's things.

A stick that is not plugged in leaves its mount point behind, an empty directory on the box's own
disk. What is written by itself, at night, therefore goes nowhere but to another file system.
"""

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from firmware.backup_keys import BackupError
from firmware.durable import sync_directory
from firmware.place import Place

PIECE = 1 << 20
UNFINISHED = ".part"
NAME = re.compile(r"careline-[0-9a-f]{8}-\d{8}T\d{6}\.\d{6}Z\.age")
MEDIA = Path("/media")  # where sticks are mounted, each under its label
STICK, SFTP = "usb", "sftp://"


class Shelf(Protocol):
    """One place of backups."""

    @property
    def where(self) -> str:
        """As the site file writes it."""

    def names(self) -> list[str]:
        """Of whole backups, in no order, whichever clinic's they are."""

    def writing(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A new one, which is there when the context ends well, and not at all when it does not."""

    def reading(self, name: str) -> AbstractContextManager[BinaryIO]:
        """One of them, from its beginning."""

    def size(self, name: str) -> int:
        """Its bytes."""

    def remove(self, name: str) -> None:
        """It is not needed any more."""

    def close(self) -> None:
        """Let go of whatever was held to reach it."""


class Folder:
    """A directory, as of a mounted stick or of a network drive."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def where(self) -> str:
        return str(self.folder.resolve())

    def names(self) -> list[str]:
        if not self.folder.is_dir():
            raise BackupError(f"{self.folder} is no directory: is the stick plugged in?")
        return [each.name for each in self.folder.iterdir() if NAME.fullmatch(each.name)]

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        clinic = name[: len("careline-00000000-")]
        for left in self.folder.glob(f"{clinic}*{UNFINISHED}"):
            left.unlink()
        part, path = self.folder / (name + UNFINISHED), self.folder / name
        try:
            fd = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o640)
            with os.fdopen(fd, "wb", PIECE) as out:
                yield out
                out.flush()
                os.fsync(out.fileno())
        except BaseException:
            with suppress(OSError):  # a stick that was pulled out keeps what it has
                part.unlink(missing_ok=True)
            raise
        part.rename(path)
        sync_directory(self.folder)

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        with (self.folder / name).open("rb") as file:
            yield file

    def size(self, name: str) -> int:
        return (self.folder / name).stat().st_size

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    def close(self) -> None:
        """Nothing is held."""


def shelf_of(place: Place, where: str) -> Shelf:
    """What the site file's or the command's words lead to."""
    if where.startswith(SFTP):
        from firmware.sftp import Remote  # only those who need it wait for its library

        return Remote.at(place, where)
    if where == STICK or where.startswith(f"{STICK}:"):
        return Folder(stick(where.removeprefix(STICK).removeprefix(":")))
    return Folder(Path(where))


def stick(label: str, media: Path = MEDIA) -> Path:
    """The mounted stick of this label; without one, the only stick there is."""
    mounted = {each.name: each for each in sticks(media)}
    if label:
        if label not in mounted:
            raise BackupError(f"no stick {label!r} is mounted below {media}: plug it in")
        return mounted[label]
    if not mounted:
        raise BackupError(f"no stick is mounted below {media}: plug it in")
    if len(mounted) > 1:
        named = ", ".join(f"usb:{each}" for each in sorted(mounted))
        raise BackupError(f"several sticks are mounted: say which in the site file: {named}")
    return next(iter(mounted.values()))


def sticks(media: Path = MEDIA) -> list[Path]:
    """Those that are mounted."""
    return [each for each in _below(media) if each.is_mount()]


def _below(media: Path) -> Iterator[Path]:
    """Desktops mount below a folder of the user's name."""
    for each in sorted(media.glob("*")):
        if each.is_dir():
            yield each
            if not each.is_mount():
                yield from (inner for inner in sorted(each.glob("*")) if inner.is_dir())


def refuse_own_disk(place: Place, shelf: Shelf) -> None:
    """What takes the box's disk would take the backup, and nobody watches at night."""
    if isinstance(shelf, Folder) and on_own_disk(place, shelf.folder):
        raise BackupError(
            f"{shelf.folder} lies on the box's own disk: is the stick plugged in and mounted? If it"
            " is meant so, say own_disk = true in [backup] of the site file"
        )


def on_own_disk(place: Place, folder: Path) -> bool:
    """Whether one file system holds both."""
    return folder.is_dir() and folder.stat().st_dev == place.home.stat().st_dev
