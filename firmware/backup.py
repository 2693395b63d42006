"""A backup: all that a spare box needs, in one `age` file, made while calls go on.

Inside is a plain tar archive, so that `age` and `tar` open it where there is no CareLine. What it
holds is of one moment: first the messages, then the end of `ledger.log`, then the two databases,
and between these the messages that came meanwhile. So each message that is not deleted is there,
with the keys that open it, and the log runs no further than its database. The manifest stands last,
with each file's size and SHA-256.

Nothing of it lies in memory but one piece of a file, and nothing on the disk but the databases'
copies. The box's own keys to messages (`messages/spare`) are left out: they are destroyed when
their time is over, and no copy may outlive them.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO
from uuid import uuid4

import pyrage

from firmware import backup_keys, draft, people, spoken_before, trial, vault
from firmware.backup_keys import BackupError
from firmware.durable import replace_file
from firmware.place import Place
from firmware.shelf import Folder, Shelf
from firmware.vault import SEALED, Label, Sealing
from ivr.canary import SELFTEST

FORMAT = 1
HEAD, MANIFEST = "careline.json", "manifest.json"
CANARY = "canary"  # the folder of the message by which a drill knows that the vault opens
PIECE = 1 << 20
# A message may be deleted while its row is being copied; that happens once, seldom twice.
ROUNDS = 5
SCRATCH = "backup-"
SPOKEN, DRAFT = "spoken", "draft"  # in the scratch folder
# What a site is, beside its databases, its log and its messages; a box may lack some of them.
SINGLE = ("machine.key", "secrets.toml", "paper.recipient", "page-authority.pem", "trusted.pem")
LOOSE = ("calls.db", "page.db", "ledger.log", "clinic.toml")

Shown = Callable[[int], None]  # how many more bytes are done


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a backup."""

    file: str
    at: str
    files: int
    bytes: int  # of what it holds
    seconds: float
    missing: tuple[str, ...]  # messages that have a row, and no file here either


@dataclass(slots=True)
class _Manifest:
    files: list[dict[str, str | int]] = field(default_factory=list)
    held: set[str] = field(default_factory=set)

    def add(self, name: str, size: int, digest: str) -> None:
        self.files.append({"name": name, "size": size, "sha256": digest})
        self.held.add(name)


class _Reader:
    """What `age` reads from: pieces as they come, and the fault that ended them."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, memoryview(b"")
        self.fault: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            while not self._rest:
                self._rest = memoryview(next(self._pieces))
        except StopIteration:
            return b""
        except Exception as fault:
            self.fault = fault
            raise
        given = self._rest[: size if size >= 0 else None]
        self._rest = self._rest[len(given) :]
        return bytes(given)


# ---- to a shelf, or wherever a stream goes ----


def to_shelf(place: Place, shelf: Shelf, keep: int, shown: Shown) -> Made:
    """A new backup, whole and durable under its name, or none; then the oldest are removed."""
    if isinstance(shelf, Folder) and shelf.folder.resolve().is_relative_to(place.home.resolve()):
        raise BackupError(f"{shelf.where} lies within the site itself: a backup belongs elsewhere")
    in_place = on_shelf(place, shelf)  # a shelf that is not there says so before anything is read
    began = datetime.now(UTC)
    name = f"{_beginning(place)}{began:%Y%m%dT%H%M%S.%fZ}.age"
    with _alone(place), shelf.writing(name) as out:
        made = _write(place, out, shown, name)
    told = {"to": shelf.where, **_told(made)}
    replace_file(place.backup_told, json.dumps(told).encode())
    for old in in_place[max(0, keep - 1) :]:
        shelf.remove(old)
    return made


def on_shelf(place: Place, shelf: Shelf) -> list[str]:
    """This clinic's backups, the newest first; any clinic's on a box that has none yet."""
    known = people.is_set_up(place.page_db)
    beginning = _beginning(place) if known else ""
    return sorted((each for each in shelf.names() if each.startswith(beginning)), reverse=True)


def last_made(place: Place) -> dict[str, str]:
    """What was told of the last one: where `to`, its `file`, when `at`; empty if none was made."""
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        told = json.loads(place.backup_told.read_bytes())
        return {name: str(told[name]) for name in ("to", "file", "at")}
    return {}


def _beginning(place: Place) -> str:
    return f"careline-{people.recovery_key(place.page_db).id.hex()[:8]}-"


def to_stream(place: Place, out: BinaryIO, shown: Shown) -> Made:
    """One backup, written as it is read."""
    with _alone(place):
        return _write(place, out, shown, "-")


def _write(place: Place, out: BinaryIO, shown: Shown, name: str) -> Made:
    recipients = [backup_keys.paper_recipient(place), backup_keys.of_drill(place).recipient]
    began, manifest = datetime.now(UTC), _Manifest()
    with _scratch(place) as scratch:
        archive = _Archive(place, scratch, manifest, began, shown)
        _sealed(_Reader(archive.pieces()), out, recipients)
    total = sum(int(each["size"]) for each in manifest.files)
    seconds = (datetime.now(UTC) - began).total_seconds()
    at = began.isoformat(timespec="seconds")
    return Made(name, at, len(manifest.files), total, seconds, tuple(archive.missing))


def _sealed(reader: _Reader, out: BinaryIO, recipients: list[str]) -> None:
    try:
        loaded = [pyrage.x25519.Recipient.from_str(each) for each in recipients]
        pyrage.encrypt_io(reader, out, loaded)
    except (pyrage.EncryptError, pyrage.RecipientError, OSError) as refused:
        if reader.fault is not None:
            raise reader.fault from None
        raise BackupError(
            f"the backup cannot be written ({refused}): is there room, and is a file of this size"
            " allowed there? FAT holds 4 GB at most, exFAT and ext4 more"
        ) from None


def size_of(place: Place) -> int:
    """About how many bytes a backup will hold, for whoever waits."""
    paths = [place.calls_db, place.page_db, place.ledger_log]
    paths += [*place.messages.glob("*" + SEALED), *_files_below(place.prompts)]
    total = 0
    for path in paths:
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


# ---- what it holds ----


class _Archive:
    """The archive's bytes, in their order."""

    def __init__(
        self, place: Place, scratch: Path, manifest: _Manifest, began: datetime, shown: Shown
    ) -> None:
        self._place, self._scratch, self._manifest = place, scratch, manifest
        self._began, self._shown = began, shown
        self._log = scratch / "ledger.log"
        self._tried = trial.pending(place)
        if self._tried is not None:
            spoken_before.link(place, scratch / SPOKEN)
        self.missing: list[str] = []

    def pieces(self) -> Iterator[bytes]:
        head = {"format": FORMAT, "version": version("careline"), "made": self._began.isoformat()}
        yield from self._text(HEAD, head)
        yield from self._messages()
        log_end = yield from self._databases()
        if self._log.exists():
            yield from self._file("ledger.log", self._log, log_end)
        yield from self._site()
        yield from self._draft()
        canary = sealed_canary(self._place, self._scratch, self._began)
        yield from self._file(f"{CANARY}/{canary.name}", canary)
        told = {**head, "current": self._current(), "files": self._manifest.files}
        yield from self._text(MANIFEST, told)
        yield bytes(2 * tarfile.BLOCKSIZE)

    def _messages(self) -> Iterator[bytes]:
        for path in sorted(self._place.messages.glob("*" + SEALED)):
            name = f"messages/{path.name}"
            if name not in self._manifest.held:
                with suppress(FileNotFoundError):  # deleted meanwhile
                    yield from self._file(name, path)

    def _databases(self) -> Generator[bytes, None, int]:
        """Both, of a moment at which all their messages are in the archive; how far the log went
        just before."""
        calls, page = self._scratch / "calls.db", self._scratch / "page.db"
        for _ in range(ROUNDS):
            log_end = self._log_until_now()
            copy_database(self._place.calls_db, calls)
            yield from self._messages()
            before = self.missing
            self.missing = [each for each in messages_of(calls) if not self._has(each)]
            if not self.missing or self.missing == before:
                break
        copy_database(self._place.page_db, page)
        yield from self._file("calls.db", calls)
        yield from self._file("page.db", page)
        return log_end

    def _log_until_now(self) -> int:
        """How far the log goes. It may begin anew at any time: what it was until then has another
        name, of ours."""
        self._log.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            self._log.hardlink_to(self._place.ledger_log)
        return whole_lines(self._log)

    def _has(self, message: str) -> bool:
        return f"messages/{message}{SEALED}" in self._manifest.held

    def _site(self) -> Iterator[bytes]:
        """The published versions, or a site file that never was published; keys; what is spoken.
        A clinic's own recordings lie among the prompts, and a spare box may have no voice."""
        home = self._place.home
        paths = [home / name for name in SINGLE]
        if not self._place.site_file.is_symlink():
            paths += [self._place.site_file, *sorted(home.glob("*.ics"))]
        versions = self._place.asterisk / "versions"
        if versions.is_dir():
            numbered = [each for each in sorted(versions.iterdir()) if each.name.isdecimal()]
            paths += [path for each in numbered for path in _files_below(each)]
        for path in (*paths, *_files_below(self._place.prompts)):
            if path.is_file():
                yield from self._file(path.relative_to(home).as_posix(), self._as_confirmed(path))

    def _draft(self) -> Iterator[bytes]:
        """What the admin is in the middle of, as it is between two changes."""
        copied = self._scratch / DRAFT
        draft.copy(self._place, copied)
        for path in _files_below(copied):
            yield from self._file(f"{DRAFT}/{path.name}", path)

    def _as_confirmed(self, path: Path) -> Path:
        """What a version on trial speaks otherwise, as it was spoken before: the spare box takes up
        the one before, for nobody confirms a trial there."""
        if path.is_relative_to(self._place.prompts):
            kept = self._scratch / SPOKEN / path.relative_to(self._place.prompts)
            return kept if kept.is_file() else path
        return path

    def _current(self) -> str | None:
        """The version a spare box takes up."""
        if self._tried is not None:
            return str(self._tried.before)
        link = self._place.asterisk / "current"
        return link.readlink().name if link.is_symlink() else None

    def _file(self, name: str, path: Path, end: int | None = None) -> Iterator[bytes]:
        if not is_possible(name):
            raise BackupError(f"{name!r} cannot be in a backup: give the file another name")
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            size = state.st_size if end is None else end
            yield _member(name, size, int(state.st_mtime))
            digest, rest = hashlib.sha256(), size
            while rest:
                piece = file.read(min(rest, PIECE))
                if not piece:
                    raise BackupError(f"{name} became shorter while it was read: begin again")
                digest.update(piece)
                self._shown(len(piece))
                rest -= len(piece)
                yield piece
        yield bytes(-size % tarfile.BLOCKSIZE)
        self._manifest.add(name, size, digest.hexdigest())

    def _text(self, name: str, told: object) -> Iterator[bytes]:
        text = json.dumps(told, indent=1).encode()
        yield _member(name, len(text), int(self._began.timestamp())) + text
        yield bytes(-len(text) % tarfile.BLOCKSIZE)


def is_possible(name: str) -> bool:
    """Whether a file of a backup may be called so: nothing outside the site, nothing beside what is
    known of one."""
    parts = name.split("/")
    if not all(part.isprintable() and part not in ("", ".", "..") for part in parts):
        return False
    match parts:
        case [single]:
            return single in (*SINGLE, *LOOSE) or single.endswith(".ics")
        case ["messages" | "canary", message]:
            return message.endswith(SEALED)
        case ["asterisk", "versions", number, _, *_]:
            return number.isdecimal()
        case ["prompts", _, *_]:
            return True
        case ["draft", file]:
            return draft.is_of_draft(file)
        case _:
            return False


def sealed_canary(place: Place, directory: Path, began: datetime) -> Path:
    """A message of one second to the self-test mailbox, as a caller's is sealed: to its members and
    the paper, and to the drill identity as well. Its sound is known."""
    label = Label(str(uuid4()), str(uuid4()), SELFTEST, int(began.timestamp() * 1000), urgent=False)
    sealed_to = people.recipients(place.page_db, SELFTEST)
    drill = backup_keys.of_drill(place).canary.public
    sealer = Sealing(directory, label, [*sealed_to, drill])
    sealer.add(memoryview(canary_sound(label.message)), last=True)
    return sealer.finish()


def canary_sound(message: str) -> bytes:
    """What is heard in it."""
    return hashlib.shake_256(b"careline canary" + message.encode()).digest(vault.CHUNK_BYTES)


def copy_database(database: Path, copy: Path) -> None:
    """All of it at one moment; whoever writes to it goes on meanwhile."""
    if not database.exists():
        raise BackupError(
            f"{database} does not exist yet: start the exchange once, or run `careline setup`"
        )
    copy.unlink(missing_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # all of it in the one file
    except sqlite3.Error as refused:
        raise BackupError(
            f"{database.name} cannot be copied ({refused}): check the disk's space and health"
        ) from None


def messages_of(calls_db: Path) -> list[str]:
    """Those that are not deleted."""
    with closing(sqlite3.connect(f"file:{calls_db}?mode=ro", uri=True)) as connection:
        asked = "SELECT message FROM messages WHERE deleted IS NULL ORDER BY message"
        return [message for (message,) in connection.execute(asked)]


def whole_lines(log: Path) -> int:
    """How many bytes of a log that is being written are whole lines."""
    if not log.exists():
        return 0
    with log.open("rb") as file:
        at = os.fstat(file.fileno()).st_size
        while at > 0:
            start = max(0, at - PIECE)
            file.seek(start)
            if found := file.read(at - start).rfind(b"\n") + 1:
                return start + found
            at = start
    return 0


def _member(name: str, size: int, mtime: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = size, mtime, 0o640
    return entry.tobuf(tarfile.PAX_FORMAT)


def _files_below(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """One backup at a time."""
    with (place.home / "backup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError("another backup is being made just now: wait for its end") from None
        yield


@contextmanager
def _scratch(place: Place) -> Iterator[Path]:
    """A directory beside the originals: what is copied there leaves the box's own disk only sealed.
    One that a crash left behind goes first."""
    for left in place.home.glob(SCRATCH + "*.part"):
        shutil.rmtree(left)
    scratch = Path(mkdtemp(".part", SCRATCH, place.home))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch)


def _told(made: Made) -> dict[str, object]:
    return {name: getattr(made, name) for name in Made.__slots__}
