"""The drill: a backup is one only when it has been restored.

Each night the newest backup is restored into a scratch directory with the box's drill identity, by
the same code as a real restore, and looked through; then an exchange of its own starts on it, and
answers a call. One is held at a time: by the clock, by a press on the page, or at the shell. The
drill opens what the box itself may: the canary of the self-test mailbox and the columns sealed
under the machine key. A caller's message it cannot open; of each it proves that it is there, whole
as it was backed up, and for whom.
"""

import fcntl
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp

from sqlalchemy import Connection

from firmware import audit, backup, backup_keys, vault
from firmware.backup import CANARY, Shown
from firmware.backup_keys import BackupError
from firmware.durable import replace_file
from firmware.machine import MachineKey
from firmware.place import Place
from firmware.restore import Sealed, Unpacked, make_ready, refuse_if_full, unpack
from firmware.shelf import Shelf
from firmware.store import open_reader
from firmware.vault import SEALED

SCRATCH = "drill-"
# Every night, and two hours for whatever came between.
STALE = timedelta(hours=26)
SHOWN_AT_MOST = 3

# Places a call on the self-test line of a restored site; how it went. Raises why it did not.
Calls = Callable[[Place, Place], str]


@dataclass(frozen=True, slots=True)
class Told:
    """How a drill went."""

    file: str
    at: str
    wrong: str  # in words; empty if all was well
    seconds: float
    bytes: int = 0
    made: str = ""  # when the backup was made that was tried
    called: str = ""  # how the call on the restored box's self-test line went; empty: none was made

    @property
    def is_well(self) -> bool:
        return not self.wrong


def drill(
    place: Place, shelf: Callable[[], Shelf], scratch: Path | None, shown: Shown, call: Calls
) -> Told:
    """Try the newest backup, and write down how it went, whatever came of it. BackupError: another
    is tried just now."""
    with _alone(place):
        told = _tried(place, shelf, scratch, shown, call)
        replace_file(place.drill_told, json.dumps(asdict(told)).encode())
    return told


def _tried(
    place: Place, shelf: Callable[[], Shelf], scratch: Path | None, shown: Shown, call: Calls
) -> Told:
    began, file = datetime.now(UTC), "no backup"
    held, made, wrong, called = 0, "", "", ""
    try:
        with closing(shelf()) as opened:
            newest = newest_backup(place, opened)
            file = newest.name
            with _scratch(scratch or place.home) as folder:
                refuse_if_full(newest, folder)
                unpacked = unpack(newest, backup_keys.of_drill(place), folder, shown)
                held, made = unpacked.bytes, unpacked.made
                make_ready(unpacked)
                wrong = "; ".join(look_through(unpacked, place))
                called = "" if wrong else call(place, Place(folder))
    except Exception as failed:  # told in the morning, whatever it was
        wrong = str(failed) or type(failed).__name__
    seconds = (datetime.now(UTC) - began).total_seconds()
    return Told(file, began.isoformat(timespec="seconds"), wrong, seconds, held, made, called)


def no_call(_place: Place, _restored: Place) -> str:
    """For a box, or a test, that has no Asterisk to spare."""
    return ""


def last(place: Place) -> Told | None:
    """How the last one went; none if there was none, or nobody can tell any more."""
    try:
        return Told(**json.loads(place.drill_told.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def alarm(place: Place, now: datetime) -> str:
    """What is wrong with this site's backups, in words; empty if nothing is."""
    if unmet := last_failure(place):
        return unmet
    told = last(place)
    if told is None:
        return "no backup has been tried yet: run `careline drill`"
    if told.wrong:
        return f"{told.file}: {told.wrong}"
    if now - datetime.fromisoformat(told.at) > STALE:
        return f"the last drill was at {told.at}: is the timer on, and the stick plugged in?"
    if now - datetime.fromisoformat(told.made) > STALE:
        return f"the newest backup is of {told.made[:16]}Z: is the timer on, and the stick there?"
    return ""


def last_failure(place: Place) -> str:
    """What the timer tried last without success, in words; empty if it succeeded."""
    told = _failure(place)
    return f"the {told['job']} of {told['at'][:16]}Z failed: {told['wrong']}" if told else ""


def failed_job(place: Place) -> str:
    """Which of the timer's it was; empty if all is well."""
    return _failure(place).get("job", "")


def _failure(place: Place) -> dict[str, str]:
    try:
        told = json.loads(place.night_told.read_bytes())
        return {name: str(told[name]) for name in ("job", "at", "wrong")}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def newest_backup(place: Place, shelf: Shelf) -> Sealed:
    """The one that was made last, if it went there: which one that was a box remembers, since its
    clock may have been wrong when it named an earlier one."""
    there, told = backup.on_shelf(place, shelf), backup.last_made(place)
    if not there:
        raise BackupError(f"{shelf.where} holds no backup of this clinic: is the stick plugged in?")
    is_last = told.get("to") == shelf.where and told.get("file") in there
    return Sealed(shelf, told["file"] if is_last else there[0])


def look_through(unpacked: Unpacked, place: Place) -> Iterator[str]:
    """What is wrong with a restored site, each in a sentence."""
    restored = Place(unpacked.folder)
    for database in (restored.calls_db, restored.page_db):
        yield from _quick_check(database)
    looks: tuple[Callable[[Connection], Iterator[str]], ...] = (
        lambda connection: _audit(connection, restored),
        lambda connection: _columns(connection, restored),
        lambda connection: _messages(connection, restored),
    )
    reader = open_reader(restored.calls_db)
    try:
        with reader.connect() as connection:
            for look in looks:
                yield from look(connection)
    finally:
        reader.dispose()
    yield from _canary(unpacked.folder / CANARY, place)


def _quick_check(database: Path) -> Iterator[str]:
    with closing(sqlite3.connect(database)) as connection:
        try:
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
        except sqlite3.Error as refused:
            found = [str(refused)]
    if found != ["ok"]:
        yield f"{database.name} is damaged: {'; '.join(found)}"


def _audit(connection: Connection, restored: Place) -> Iterator[str]:
    public = audit.signer(MachineKey.at(restored.machine_key)).public_key()
    end = audit.newest_mark(restored.ledger_log)
    verdict = audit.verify(audit.read(connection), public, end)
    if verdict.wrong:
        yield f"the audit does not hold: {verdict.wrong}"


def _columns(connection: Connection, restored: Place) -> Iterator[str]:
    """The machine key is the one under which callers' numbers are sealed."""
    asked = "SELECT call, number FROM calls WHERE number IS NOT NULL ORDER BY rowid DESC LIMIT 1"
    key = MachineKey.at(restored.machine_key)
    for call, number in connection.exec_driver_sql(asked):
        key.open(number, f"calls.number {call}")  # raises, in words
    yield from ()


def _messages(connection: Connection, restored: Place) -> Iterator[str]:
    asked = "SELECT message FROM messages WHERE deleted IS NULL ORDER BY message"
    lacking = [
        message
        for (message,) in connection.exec_driver_sql(asked)
        if not vault.sealed_path(restored.messages, message).exists()
    ]
    if lacking:
        named = ", ".join(lacking[:SHOWN_AT_MOST])
        yield f"{len(lacking)} messages have no file, neither on the box nor here: {named}"


def _canary(folder: Path, place: Place) -> Iterator[str]:
    found = list(folder.glob("*" + SEALED))
    if len(found) != 1:
        yield f"{len(found)} canaries where one should be"
        return
    heard = vault.hear(found[0], backup_keys.of_drill(place).canary)
    if heard.audio != backup.canary_sound(found[0].stem) or heard.cut_off:
        yield "the canary opens, and does not sound as it should"


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """One drill at a time: each clears away what an earlier one left of its scratch directory."""
    with (place.home / "drill.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError("another drill is under way just now: wait for its end") from None
        yield


@contextmanager
def _scratch(beside: Path) -> Iterator[Path]:
    for left in beside.glob(SCRATCH + "*.part"):
        shutil.rmtree(left)
    folder = Path(mkdtemp(".part", SCRATCH, beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
