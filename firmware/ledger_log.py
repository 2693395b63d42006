"""`ledger.log`: what each commit changed, one line for each, so that a damaged database can be made
again from its last good copy.

A line is JSON: a checksum over the rest, the number of the commit, the schema's version, and every
row as the commit left it, in whatever table, or that it is gone. What is sealed in the database is
sealed here. Rows are put back whole, so that to put them back twice is to put them back once.

The commit and its line are made durable side by side, and nobody is told before both are. After a
power cut one may be there without the other: the database holds its newest line itself
(`newest_line`), so the next start adds the line that is missing, or cuts off the one of a commit
that never was.
"""

import json
import math
import os
import sqlite3
from base64 import b64decode, b64encode
from binascii import crc32
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware.durable import mode_in, sync_directory, write_all

# What can be counted again from the rest, and what the log itself needs.
UNLOGGED = frozenset({"alembic_version", "newest_line", "tallies", "tallies_state"})
# A line that is longer is not kept in the database as well: a power cut in its commit then costs a
# new copy, and nothing else.
KEPT_MOST = 1 << 20

Value = str | int | float | bytes | None
_CRC_CHARS = len('{"crc":"01234567",')
_BEFORE_NUMBER = _CRC_CHARS + len('"commit":')


class OlderError(Exception):
    """The database is older than its log: it is not the one that the log is of."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row as a commit left it; `is_gone`: `row` holds only what it was known by."""

    table: str
    row: dict[str, Value]
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """What one commit changed."""

    number: int
    schema: str
    changes: tuple[Change, ...]

    def text(self) -> bytes:
        told = {
            "commit": self.number,
            "schema": self.schema,
            "rows": [_told(change) for change in self.changes],
        }
        rest = json.dumps(told, separators=(",", ":")).encode()[1:] + b"\n"
        return b'{"crc":"%08x",' % crc32(rest) + rest


@dataclass(frozen=True, slots=True)
class _Table:
    """A table whose changes are logged, and the columns that a row of it is known by."""

    name: str
    columns: tuple[str, ...]
    known_by: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """All of a row's columns, and what it is known by if none of them says it."""
        return tuple(dict.fromkeys((*self.known_by, *self.columns)))

    def spot(self, row: str) -> str:
        """SQL that tells what a row is known by, as SQL again."""
        return "||','||".join(f'quote({row}."{each}")' for each in self.known_by)

    def read(self, spot: str) -> str:
        """SQL that reads the row."""
        known_by = _names(self.known_by)
        return f'SELECT {_names(self.all)} FROM main."{self.name}" WHERE ({known_by})=({spot})'  # noqa: S608 - all of it is our own

    def triggers(self) -> Iterator[str]:
        for act, rows in (("INSERT", ["NEW"]), ("UPDATE", ["OLD", "NEW"]), ("DELETE", ["OLD"])):
            noted = "".join(
                f"INSERT INTO changed SELECT '{self.name}', {self.spot(row)};" for row in rows
            )
            yield (
                f'CREATE TEMP TRIGGER "logged_{self.name}_{act}" AFTER {act}'
                f' ON main."{self.name}" BEGIN {noted} END'
            )


class LedgerLog:
    """The writing side, of the one writer of a database; all of it in that writer's thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lacks = 0  # commits that neither the log nor the copy before it holds
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = _opened(path)
        sync_directory(path.parent)
        self._size, self._unsynced = 0, b""
        self._number, self._schema = 0, ""
        self._tables: dict[str, _Table] = {}
        self._syncer = ThreadPoolExecutor(1, "ledger.log")
        self._syncing: Future[None] | None = None
        self._line = b""

    def begin(self, database: sqlite3.Connection, schema: str, *, is_new: bool) -> None:
        """Notice from now on what this connection changes. What the log and the database have of
        each other is made one. A new database was made just now, where there was none."""
        self._schema = schema
        self._tables = {table.name: table for table in _tables(database)}
        database.execute("PRAGMA temp_store=MEMORY")
        database.execute("CREATE TEMP TABLE changed (name TEXT, spot TEXT)")
        for table in self._tables.values():
            for trigger in table.triggers():
                database.execute(trigger)
        number, newest = database.execute("SELECT number, line FROM newest_line").fetchone()
        self._number, self._unsynced, self._line = number, b"", b""
        self._level(newest.encode() if newest else b"", ahead_most=0 if is_new else 1)

    def gather(self, database: sqlite3.Connection) -> None:
        """Within the transaction, last of all: write down what it has changed, and begin to sync
        it."""
        changes = tuple(self._changes(database))
        self._line = b""
        if changes:
            self._line = Line(self._number + 1, self._schema, changes).text()
            kept = self._line.decode() if len(self._line) <= KEPT_MOST else None
            database.execute("UPDATE newest_line SET number=number+1, line=?", (kept,))
        self._write_down()

    def committed(self) -> None:
        """Return when the log is on the disk too; OSError: the next commit tries it again."""
        syncing, self._syncing = self._syncing, None
        if self._line:
            self._number += 1
            self._unsynced += self._line
            self._line = b""
        if syncing is not None:
            syncing.result()
            self._size += len(self._unsynced)
            self._unsynced = b""

    def taken_back(self) -> None:
        """The transaction never was."""
        syncing, self._syncing, self._line = self._syncing, None, b""
        if syncing is not None:
            with suppress(OSError):
                syncing.result()

    def restart(self, through: int, kept: Sequence[Change] = ()) -> None:
        """A copy holds every commit up to this one, so the log begins anew after it. `kept` are
        rows that the log is to show all the same."""
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.unlink(missing_ok=True)
        head = Line(through, self._schema, tuple(kept)).text()
        with self.path.open("rb") as old:
            rest = [
                text for text in old.read(self._size).splitlines(True) if _number(text) > through
            ]
        fd = _opened(fresh)
        try:
            write_all(fd, b"".join([head, *rest]))
            os.fdatasync(fd)
            fresh.rename(self.path)
            sync_directory(self.path.parent)
        except BaseException:
            os.close(fd)
            raise
        os.close(self._fd)
        self._fd, self._size, self.lacks = fd, os.fstat(fd).st_size, 0

    @property
    def size(self) -> int:
        return self._size

    def close(self) -> None:
        self._syncer.shutdown()
        os.close(self._fd)

    def _changes(self, database: sqlite3.Connection) -> Iterator[Change]:
        spots = database.execute("SELECT DISTINCT name, spot FROM changed").fetchall()
        if spots:
            database.execute("DELETE FROM changed")
        for name, spot in spots:
            table = self._tables[name]
            if (row := database.execute(table.read(spot)).fetchone()) is not None:
                yield Change(name, dict(zip(table.all, row, strict=True)))
            else:
                known = database.execute(f"SELECT {spot}").fetchone()
                yield Change(name, dict(zip(table.known_by, known, strict=True)), is_gone=True)

    def _level(self, newest: bytes, ahead_most: int) -> None:
        _, newest_there = _last_line(self._fd)
        if newest_there > self._number + ahead_most:
            raise OlderError(f"it holds {self._number} commits, and its log {newest_there}")
        end, found = _last_line(self._fd, through=self._number)
        os.ftruncate(self._fd, end)
        self._size = end
        if found == self._number:
            return
        if newest and _number(newest) == self._number:
            self._unsynced = newest
            found += 1
            with suppress(OSError):  # then it goes there with the next commit's own
                self._write_down()
        self.lacks = self._number - found

    def _write_down(self) -> None:
        if unsynced := self._unsynced + self._line:
            os.ftruncate(self._fd, self._size)  # whatever a commit that never was has left here
            write_all(self._fd, unsynced)
            self._syncing = self._syncer.submit(os.fdatasync, self._fd)


def lines(path: Path) -> Iterator[Line]:
    """Every whole line, in order; one that is torn or changed is passed over."""
    with suppress(FileNotFoundError), path.open("rb") as log:
        for text in log:
            if (line := _parsed(text)) is not None:
                yield line


def _parsed(text: bytes) -> Line | None:
    if not _is_whole(text):
        return None
    told = json.loads(text)
    return Line(told["commit"], told["schema"], tuple(_change(row) for row in told["rows"]))


def _told(change: Change) -> dict[str, Any]:
    row = {
        name: [b64encode(value).decode()] if isinstance(value, bytes) else value
        for name, value in change.row.items()
    }
    return {"in": change.table, "gone" if change.is_gone else "row": row}


def _change(told: dict[str, Any]) -> Change:
    is_gone = "gone" in told
    row = {
        name: b64decode(value[0]) if isinstance(value, list) else value
        for name, value in told["gone" if is_gone else "row"].items()
    }
    return Change(told["in"], row, is_gone)


def _is_whole(text: bytes) -> bool:
    return text.endswith(b"\n") and text[:_CRC_CHARS] == b'{"crc":"%08x",' % crc32(
        text[_CRC_CHARS:]
    )


def _number(text: bytes) -> int:
    """Of a line that is whole; -1 if it is not."""
    return int(text[_BEFORE_NUMBER:].partition(b",")[0]) if _is_whole(text) else -1


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{each}"' for each in columns)


def _opened(path: Path) -> int:
    flags = os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
    return os.open(path, flags, mode_in(path.parent, 0o640))


def _last_line(fd: int, through: float = math.inf) -> tuple[int, int]:
    """Where the last whole line ends that is of no later commit than this, and its number; 0 for
    none. Read from the end: a power cut can have torn only what was not synced yet."""
    end, tail = os.fstat(fd).st_size, b""
    while end > 0:
        start = max(0, end - 65_536)
        tail = os.pread(fd, end - start, start) + tail
        end = start
        if (last := _last_within(tail, through, is_all=start == 0)) is not None:
            return start + last[0], last[1]
    return 0, 0


def _last_within(tail: bytes, through: float, *, is_all: bool) -> tuple[int, int] | None:
    end = tail.rfind(b"\n") + 1
    while end > 0:
        start = tail.rfind(b"\n", 0, end - 1) + 1
        if start == 0 and not is_all:
            return None
        number = _number(tail[start:end])
        if 0 <= number <= through:
            return end, number
        end = start
    return None


def _tables(database: sqlite3.Connection) -> Iterator[_Table]:
    asked = (
        "SELECT name, wr FROM pragma_table_list WHERE schema='main' AND type='table'"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    for name, is_without_rowid in database.execute(asked).fetchall():
        if name not in UNLOGGED:
            columns = database.execute("SELECT name, type, pk FROM pragma_table_info(?)", (name,))
            yield _table(name, columns.fetchall(), is_without_rowid=bool(is_without_rowid))


def _table(name: str, columns: list[tuple[str, str, int]], *, is_without_rowid: bool) -> _Table:
    names = tuple(column for column, _, _ in columns)
    key = tuple(column for column, _, place in columns if place)
    is_the_rowid = [kind.upper() for _, kind, place in columns if place] == ["INTEGER"]
    return _Table(name, names, key if is_without_rowid or is_the_rowid else ("rowid",))
