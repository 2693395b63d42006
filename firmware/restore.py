"""A restore: first the whole backup lies beside the site, proven; then it is put in its place.

Until then nothing of the site is touched, and a damaged backup changes nothing. From then on, which
is one file made durable, the restore is decided: a power cut in the middle is made good by
whichever command comes next (`go_on`), and nobody ever meets half of one site and half of another.
What was there before is set aside under a name with the time; nothing is removed but the box's own
keys to messages, whose end nobody would watch over any more.

`age` says that a backup was made by somebody who knows whom to make it out to, and that nothing of
it was changed; not who that was. So names out of a backup are held to those that a backup can have.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any, BinaryIO

import pyrage

from firmware import mended, spare_key, vault
from firmware.backup import FORMAT, HEAD, MANIFEST, PIECE, SINGLE, Shown, is_possible
from firmware.backup_keys import BackupError, Identity
from firmware.carried import Carried, carry
from firmware.durable import make_directory, mode_in, replace_file, sync_directory
from firmware.place import Place
from firmware.shelf import Folder, Shelf
from firmware.store import lock
from firmware.vault import SEALED, VaultError

STAGED, ASIDE = "restore-", "before-restore-"
# What is put in place, and what is set aside: each is renamed as a whole.
ITEMS = (
    *(
        f"{name}{beside}"
        for name in ("calls.db", "page.db")
        for beside in ("", "-wal", "-shm", mended.COPY)  # the copy is of what is set aside
    ),
    "ledger.log",
    "messages",
    "clinic.toml",
    "prompts",
    "draft",
    "asterisk/versions",
    "asterisk/current",
    *SINGLE,
)
# A box with one of these has lived.
LIVED = ("calls.db", "page.db", "ledger.log", "machine.key")

_NEEDED = ("calls.db", "page.db", "machine.key")


class WrongKeyError(BackupError):
    """The backup was not made out to this paper or identity."""


class DamagedError(BackupError):
    """The backup is not what was written; the message names the first file that is bad."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as the manifest tells of it."""

    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A backup as it lies on its shelf."""

    shelf: Shelf
    name: str

    @classmethod
    def at(cls, path: Path) -> "Sealed":
        """A file that somebody has at hand, whatever it is called."""
        return cls(Folder(path.parent), path.name)

    @property
    def size(self) -> int:
        return self.shelf.size(self.name)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A proven backup's contents, on the disk."""

    folder: Path
    version: str
    made: str
    current: str | None
    files: Mapping[str, Listed] = field(repr=False)

    @property
    def bytes(self) -> int:
        return sum(each.size for each in self.files.values())


# ---- opening ----


def unpack(file: Sealed, identity: Identity, folder: Path, shown: Shown) -> Unpacked:
    """All of a backup, below this folder, each file proven by its hash. Raises what is wrong."""
    with (
        file.shelf.reading(file.name) as sealed,
        _decrypted(sealed, identity, shown) as (plain, fault),
    ):
        found, told = _Found(folder), _Progress()
        try:
            _take_apart(plain, found, told)
        except (tarfile.TarError, EOFError) as broken:
            _drain(plain)
            reason = fault() or str(broken)
            raise DamagedError(_damaged(file, told.at, reason)) from None
        _drain(plain)
        if (why := fault()) is not None:
            raise DamagedError(_damaged(file, told.at, why))
    return _proven(file, found)


def _drain(plain: IO[bytes]) -> None:
    """To the end, so that what comes after the archive is proven as well."""
    while plain.read(PIECE):
        pass


@dataclass(slots=True)
class _Found:
    folder: Path
    texts: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, Listed] = field(default_factory=dict)


@dataclass(slots=True)
class _Progress:
    at: str = HEAD


def _take_apart(plain: IO[bytes], found: _Found, told: _Progress) -> None:
    with tarfile.open(fileobj=plain, mode="r|", bufsize=PIECE) as archive:
        for member in archive:
            told.at = member.name
            content = archive.extractfile(member) if member.isreg() else None
            if content is None:
                raise DamagedError(f"{member.name!r} is no file, and no backup of ours has it")
            if member.name in (HEAD, MANIFEST):
                found.texts[member.name] = content.read()
                if member.name == HEAD:
                    _refuse_newer(found.texts[HEAD])
                continue
            if not is_possible(member.name) or member.name in found.files:
                raise DamagedError(f"{member.name!r} cannot be in a backup of ours")
            found.files[member.name] = _write(content, found.folder / member.name)
            archive.members = []  # type: ignore[attr-defined]  # it only grows


def _write(content: IO[bytes], path: Path) -> Listed:
    make_directory(path.parent)
    digest, size = hashlib.sha256(), 0
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    fd = os.open(path, flags, mode_in(path.parent, 0o640))
    with os.fdopen(fd, "wb") as file:
        while piece := content.read(PIECE):
            digest.update(piece)
            file.write(piece)
            size += len(piece)
    return Listed(size, digest.hexdigest())


def _refuse_newer(head: bytes) -> None:
    told = _parsed(HEAD, head)
    if told.get("format") != FORMAT:
        raise BackupError(
            f"the backup was made by CareLine {told.get('version')}: install that version, and"
            " restore with it"
        )


def _proven(file: Sealed, found: _Found) -> Unpacked:
    if MANIFEST not in found.texts:
        raise DamagedError(_damaged(file, MANIFEST, "it ends before its manifest"))
    told = _parsed(MANIFEST, found.texts[MANIFEST])
    try:
        listed = {
            str(each["name"]): Listed(int(each["size"]), str(each["sha256"]))
            for each in told["files"]
        }
        current = None if told["current"] is None else str(int(told["current"]))
        head = (str(told["version"]), str(told["made"]))
    except (KeyError, TypeError, ValueError) as wrong:
        raise DamagedError(_damaged(file, MANIFEST, f"it is no manifest: {wrong}")) from None
    for name, wanted in listed.items():
        if name not in found.files:
            raise DamagedError(_damaged(file, name, "it is in the manifest and not in the backup"))
        if found.files[name] != wanted:
            raise DamagedError(_damaged(file, name, "its content is not what was backed up"))
    for name in found.files:
        if name not in listed:
            raise DamagedError(_damaged(file, name, "it is not in the manifest"))
    in_force = [] if current is None else [f"asterisk/versions/{current}/clinic.toml"]
    for name in (*_NEEDED, *in_force):
        if name not in listed:
            raise DamagedError(_damaged(file, name, "no box can do without it"))
    return Unpacked(found.folder, *head, current, listed)


def _parsed(name: str, text: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        if isinstance(told := json.loads(text), dict):
            return told
    raise DamagedError(f"{name} cannot be read: take an older backup")


def _damaged(file: Sealed, name: str, why: str) -> str:
    return (
        f"{file.name} is damaged, first at {name}: {why}. Nothing was changed; take another copy"
        " of it, or an older backup"
    )


@contextmanager
def _decrypted(
    sealed: BinaryIO, identity: Identity, shown: Shown
) -> Iterator[tuple[IO[bytes], Callable[[], str | None]]]:
    """What `age` gives out, to be read; and, at its end, what was wrong. Decrypting has a thread of
    its own, since it pushes while an archive is read by pulling."""
    identity_loaded = identity.loaded()
    read_fd, write_fd = os.pipe()
    faults: list[Exception] = []

    def work() -> None:
        with suppress(BrokenPipeError), os.fdopen(write_fd, "wb") as out:
            try:
                pyrage.decrypt_io(_Watched(sealed, shown), out, [identity_loaded])
            except (pyrage.DecryptError, OSError) as fault:
                faults.append(fault)

    thread = threading.Thread(target=work, name="decrypts a backup", daemon=True)
    thread.start()

    def fault() -> str | None:
        thread.join()
        for each in faults:
            if "No matching keys" in str(each):
                raise WrongKeyError(
                    f"the backup does not open with {identity.name}: it was made out to another"
                    " clinic's paper or to an earlier one; a box's drill identity opens only its"
                    " own backups"
                )
            return f"it is cut short or changed ({each})"
        return None

    try:
        with os.fdopen(read_fd, "rb") as plain:
            yield plain, fault
    finally:
        thread.join()


class _Watched:
    """A file that tells how far it was read."""

    def __init__(self, file: BinaryIO, shown: Shown) -> None:
        self._file, self._shown = file, shown

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._shown(len(piece))
        return piece


# ---- putting in place ----


@dataclass(frozen=True, slots=True)
class Restored:
    """What is in place now, what of the box was carried forward into it, and under which name lies
    what was there before; empty if there was nothing."""

    unpacked: Unpacked
    carried: Carried
    aside: str


def restore(
    file: Sealed,
    identity: Identity,
    place: Place,
    shown: Shown,
    *,
    replace: bool,
    people_too: bool = False,
) -> Restored:
    """This site as the backup has it, but for what must not come back; what was there is set aside
    if `replace` says so."""
    go_on(place)
    place.home.mkdir(parents=True, exist_ok=True)
    if not replace:
        _refuse_if_lived(place)
    refuse_if_full(file, place.home)
    with _writers_kept_out(place):
        for left in place.home.glob(STAGED + "*.part"):
            shutil.rmtree(left)
        staged = Path(mkdtemp(".part", STAGED, place.home))
        try:
            unpacked = unpack(file, identity, staged, shown)
            make_ready(unpacked)
            carried = carry(place, Place(staged), people_too=people_too)
            _sync_below(staged)
        except BaseException:
            shutil.rmtree(staged)
            raise
        aside = f"{ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        decided = {"staged": staged.name, "aside": aside, "items": _items_in(staged)}
        replace_file(place.restoring, json.dumps(decided).encode())
        go_on(place)
    return Restored(unpacked, carried, aside if (place.home / aside).exists() else "")


def go_on(place: Place) -> None:
    """Carry a decided restore to its end, if there is one; each step may have been done already."""
    try:
        decided = json.loads(place.restoring.read_bytes())
    except FileNotFoundError:
        return
    staged, aside = place.home / decided["staged"], place.home / decided["aside"]
    make_directory(aside)
    for name in ITEMS:
        is_new = name in decided["items"]
        was_moved = is_new and not _is_there(staged / name)
        if _is_there(place.home / name) and not was_moved:
            _move(place.home / name, aside / name)
        if is_new and not was_moved:
            _move(staged / name, place.home / name)
    for why in (spare_key.SPARE, spare_key.BY_PHONE):  # nobody ends their time any more
        for message in spare_key.held(aside / "messages", why):
            spare_key.destroy(aside / "messages", message, why)
    for folder in (place.home, place.asterisk, aside):
        if folder.is_dir():
            sync_directory(folder)
    place.restoring.unlink()
    sync_directory(place.home)
    shutil.rmtree(staged, ignore_errors=True)
    with suppress(OSError):
        aside.rmdir()  # there was nothing before


def make_ready(unpacked: Unpacked) -> None:
    """What belongs to the site and is no file of the archive: its links, and no message that its
    database has as deleted, which the archive may have caught just before. A link that sets up a
    telephone is good once, and may have been fetched by since: none is good again."""
    folder = unpacked.folder
    _end_telephone_links(folder / "page.db")
    with closing(sqlite3.connect(folder / "calls.db")) as connection:
        try:
            asked = "SELECT message FROM messages WHERE deleted IS NOT NULL"
            deleted = [message for (message,) in connection.execute(asked)]
        except sqlite3.Error as refused:
            raise BackupError(f"the backup's calls.db cannot be read: {refused}") from None
    for message in deleted:
        path = vault.sealed_path(folder / "messages", message)
        if path.exists():
            with suppress(VaultError):
                vault.destroy(path)
            path.unlink(missing_ok=True)
    if unpacked.current is not None:
        (folder / "asterisk").mkdir(exist_ok=True)
        (folder / "asterisk" / "current").symlink_to(Path("versions") / unpacked.current)
        (folder / "clinic.toml").symlink_to(Path("asterisk") / "current" / "clinic.toml")
    for secret in ("machine.key", "secrets.toml"):
        if (folder / secret).exists():
            (folder / secret).chmod(mode_in(folder, 0o600))


def _end_telephone_links(page_db: Path) -> None:
    """Those that nobody has fetched by are gone; of the others it is told still who did."""
    with closing(sqlite3.connect(page_db)) as connection, connection:
        try:
            asked = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'phone_links'"
            if connection.execute(asked).fetchone() is None:
                return  # of before there were any
            connection.execute("DELETE FROM phone_links WHERE fetched IS NULL")
            connection.execute("UPDATE phone_links SET token = randomblob(32)")
        except sqlite3.Error as refused:
            raise BackupError(f"the backup's page.db cannot be read: {refused}") from None


def refuse_if_full(file: Sealed, folder: Path) -> None:
    """Said before, not after half an hour."""
    needed, free = file.size, shutil.disk_usage(folder).free
    if needed > free:
        raise BackupError(
            f"the backup needs {needed / 1e6:.0f} MB in {folder} and {free / 1e6:.0f} MB are free:"
            " make room, for example by moving what an earlier restore set aside"
        )


def has_lived(place: Place) -> bool:
    """Whether there is a clinic that a restore would set aside."""
    lived = any(_is_there(place.home / name) for name in LIVED)
    return lived or any(place.messages.glob("*" + SEALED))


def _refuse_if_lived(place: Place) -> None:
    there = [name for name in LIVED if _is_there(place.home / name)]
    if has_lived(place):
        raise BackupError(
            f"{place.home} already holds a clinic ({', '.join(there) or 'messages'}): give"
            " --replace to set it aside under a name with the time, and restore"
        )


@contextmanager
def _writers_kept_out(place: Place) -> Iterator[None]:
    """Refused while the exchange runs, or somebody writes to the people."""
    held: list[int] = []
    try:
        held.extend(lock(each) for each in (place.calls_db, place.page_db))
        yield
    finally:
        for fd in held:
            os.close(fd)


def _items_in(staged: Path) -> list[str]:
    return [name for name in ITEMS if _is_there(staged / name)]


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _move(old: Path, new: Path) -> None:
    make_directory(new.parent)
    old.rename(new)


def _sync_below(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_symlink():
            continue
        if path.is_dir():
            sync_directory(path)
        else:
            fd = os.open(path, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
    sync_directory(folder)
