"""A damaged database is set aside under its name and the time, and made again from its last good
copy and from what `ledger.log` has written down since. Nothing that was promised is lost by it.

The copy (`calls.db.copy`) is SQLite's own, of one moment, proven before it takes the place of the
one before; with it the log begins anew. A database without a log, which people write to now and
then, is copied each time its writer closes it.

What was set aside stays, and is an alarm for as long as it does: what damaged it may do so again.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from firmware import ledger_log
from firmware.durable import mode_in, replace_file, sync_directory, sync_file
from firmware.ledger_log import Change, Line

COPY = ".copy"
ASIDE = ".damaged-"
TOLD = ".txt"  # beside what is set aside: what came of it, in a sentence
# A page of a database is no smaller (sqlite.org/fileformat.html); what is, SQLite takes for new.
SMALLEST = 512
# So many steps of SQLite's machine between two looks at the time.
LOOK_EVERY = 20_000

log = structlog.get_logger(__name__)

# Brings a database from nothing, or from an earlier version, to this one.
Migrate = Callable[[Path, str], None]


@dataclass(frozen=True, slots=True)
class Mended:
    """What came of a database that was damaged."""

    aside: str  # the name under which it lies now
    copied: bool  # there was a good copy to begin with
    commits: int  # that the log put back
    lacking: int  # that neither had

    def __str__(self) -> str:
        begun = (
            "from its last good copy" if self.copied else "from nothing, for it had no good copy"
        )
        if not self.copied and (self.lacking or not self.commits):
            lost = "what it held before is lost: restore a backup"
        else:
            lost = f"{self.lacking} commits are lost" if self.lacking else "nothing is lost"
        return f"made again {begun} and {self.commits} commits of its log; {lost}"


# ---- looking ----


def damage(database: Path, within_s: float | None = None) -> str:
    """What is wrong with a database, in SQLite's own words; empty if nothing is, or if the time did
    not suffice to find it."""
    if is_gone(database):
        return "nothing is left of it" if copy_of(database).exists() else ""
    deadline = None if within_s is None else time.monotonic() + within_s
    try:
        with closing(_for_reading(database)) as connection:
            if deadline is not None:
                connection.set_progress_handler(lambda: time.monotonic() > deadline, LOOK_EVERY)
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    except sqlite3.DatabaseError as refused:
        return str(refused) if is_damage(refused) else ""
    return "" if found == ["ok"] else "; ".join(found)


def is_gone(database: Path) -> bool:
    return not database.exists() or database.stat().st_size < SMALLEST


def is_damage(refused: BaseException) -> bool:
    """Whether SQLite says that the file is not what was written."""
    code = getattr(refused, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def suspect(database: Path) -> None:
    """Somebody has read what cannot be: all of it is to be looked through as soon as can be."""
    with suppress(OSError):
        _suspected(database).touch()


def is_suspected(database: Path) -> bool:
    return _suspected(database).exists()


def cleared(database: Path) -> None:
    """It was looked through."""
    with suppress(OSError):
        _suspected(database).unlink(missing_ok=True)


def _suspected(database: Path) -> Path:
    return database.with_name(database.name + ".suspect")


def set_aside(home: Path) -> Iterator[str]:
    """Each database that was damaged and still lies there, with what came of it."""
    for told in sorted(home.glob(f"*{ASIDE}*{TOLD}")):
        with suppress(OSError):
            yield f"{told.stem}: {told.read_text('utf-8').strip()}"


def _for_reading(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)


# ---- copying ----


def copy_of(database: Path) -> Path:
    """Where its last good copy lies."""
    return database.with_name(database.name + COPY)


def copy(database: Path) -> int:
    """A new copy in the place of the last; how many commits it holds. Whoever writes to the
    database goes on meanwhile. sqlite3.Error or OSError: there is none, and the last one stays."""
    fresh = _fresh(copy_of(database))
    try:
        with (
            closing(_for_reading(database)) as source,
            closing(sqlite3.connect(fresh)) as target,
        ):
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # all of it in the one file
            number = number_in(target)
        _prove(fresh)
        fresh.rename(copy_of(database))
        sync_directory(database.parent)
    except BaseException:
        _forget(fresh)
        raise
    return number


def number_in(database: sqlite3.Connection) -> int:
    """How many commits a database holds; 0 for one that has no log."""
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name='newest_line'").fetchone():
        return 0
    return int(database.execute("SELECT number FROM newest_line").fetchone()[0])


# ---- mending ----


def mend(database: Path, log_path: Path | None, migrate: Migrate, now: datetime) -> Mended:
    """Set the database aside and put another in its place, made from what is sound. To be called by
    whoever holds its lock, and has no connection to it."""
    began = time.monotonic()
    fresh = _fresh(database.with_name(database.name + ".new"))
    was_copied = _begin(fresh, copy_of(database), log_path, migrate)
    commits, lacking = _replay(fresh, log_path, migrate)
    _prove(fresh)
    aside = database.with_name(f"{database.name}{ASIDE}{now.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}")
    mended = Mended(aside.name, was_copied, commits, lacking)
    replace_file(aside.with_name(aside.name + TOLD), f"{mended}\n".encode())
    for beside in ("", "-wal"):
        with suppress(FileNotFoundError):
            database.with_name(database.name + beside).rename(aside.with_name(aside.name + beside))
    database.with_name(database.name + "-shm").unlink(missing_ok=True)
    fresh.rename(database)
    sync_directory(database.parent)
    log.error(
        "a damaged database was set aside and made again",
        aside=aside.name,
        told=str(mended),
        took_s=round(time.monotonic() - began, 1),
    )
    return mended


def _begin(fresh: Path, kept: Path, log_path: Path | None, migrate: Migrate) -> bool:
    """The last good copy, or an empty database as old as the log's first line."""
    if kept.exists() and not damage(kept):
        shutil.copyfile(kept, fresh)
        return True
    first = next(ledger_log.lines(log_path), None) if log_path is not None else None
    migrate(fresh, first.schema if first is not None else "head")
    return False


def _replay(fresh: Path, log_path: Path | None, migrate: Migrate) -> tuple[int, int]:
    """Put back what the log has, in one go; how many commits, and how many are missing between."""
    if log_path is None:
        return 0, 0
    commits = lacking = 0
    replayed = _Replayed(fresh)
    try:
        for line in ledger_log.lines(log_path):
            if line.number <= replayed.number:
                continue
            if line.schema != replayed.schema:
                replayed.close()
                migrate(fresh, line.schema)
                replayed = _Replayed(fresh)
            lacking += line.number - replayed.number - 1
            commits += 1
            replayed.put(line)
    finally:
        replayed.close()
    return commits, lacking


class _Replayed:
    """A database while lines are put into it. What its triggers refuse was refused when it was
    done first, so they are away meanwhile."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA synchronous=OFF")  # it is synced as a whole, at the end
        self._connection.execute("BEGIN")
        asked = "SELECT name, sql FROM sqlite_master WHERE type='trigger'"
        self._triggers = self._connection.execute(asked).fetchall()
        for name, _ in self._triggers:
            self._connection.execute(f'DROP TRIGGER "{name}"')
        [self.schema] = self._connection.execute(
            "SELECT version_num FROM alembic_version"
        ).fetchone()
        self.number = number_in(self._connection)
        self._newest: Line | None = None

    def put(self, line: Line) -> None:
        for change in line.changes:
            self._connection.execute(*_statement(change))
        self.number, self._newest = line.number, line

    def close(self) -> None:
        if (line := self._newest) is not None:
            newest = (line.number, line.text().decode())
            self._connection.execute("UPDATE newest_line SET number=?, line=?", newest)
        for _, trigger in self._triggers:
            self._connection.execute(trigger)
        self._connection.execute("COMMIT")
        self._connection.close()


def _statement(change: Change) -> tuple[str, tuple[ledger_log.Value, ...]]:
    names = ", ".join(f'"{each}"' for each in change.row)
    marks = ", ".join("?" * len(change.row))
    if change.is_gone:
        told = f'DELETE FROM "{change.table}" WHERE ({names})=({marks})'  # noqa: S608 - our own
    else:
        told = f'REPLACE INTO "{change.table}" ({names}) VALUES ({marks})'  # noqa: S608 - our own
    return told, tuple(change.row.values())


def number_of(database: Path) -> int | None:
    """How many commits a file holds, if it can be read."""
    try:
        with closing(_for_reading(database)) as connection:
            return number_in(connection)
    except sqlite3.Error:
        return None


def version_of(database: Path) -> str:
    """By which of our migrations it was last changed; empty if it cannot be read."""
    try:
        with closing(_for_reading(database)) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(found[0]) if found else ""
    except sqlite3.Error:
        return ""


def _prove(fresh: Path) -> None:
    """It is sound, and durable."""
    if wrong := damage(fresh):
        raise _damaged(wrong)
    fresh.chmod(mode_in(fresh.parent, 0o640))
    sync_file(fresh)


def _damaged(wrong: str) -> sqlite3.DatabaseError:
    found = sqlite3.DatabaseError(wrong)
    found.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return found


def _fresh(path: Path) -> Path:
    fresh = path if path.name.endswith(".new") else path.with_name(path.name + ".new")
    _forget(fresh)
    return fresh


def _forget(path: Path) -> None:
    for beside in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
