"""What a restore to the same box carries forward, for it must not come back.

A backup is of a night ago, or of a year. Since then a message may have been deleted, a person
removed, a recovery code or the envelope used, a door locked after too many tries, the paper
renewed. Going back in all of this would open what was closed. So on the same box, which is the one
with the same machine key, people and their keys stay as they are, whole, and what was deleted is
deleted again, its key destroyed, before the restored site is in place.

On a spare box there is nothing to carry: what holds there is what the backup has, and it is said.
"""

import hmac
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from firmware import erasure, ledger_log, mended, people
from firmware.backup import copy_database
from firmware.backup_keys import BackupError
from firmware.ledger import Ledger, Moment, mark_deleted
from firmware.machine import MachineKey
from firmware.place import Place
from firmware.receipts import Receipt

# Tables of calls.db whose rows outlive a restore, each after the one it points to; and by what a
# row is known.
IDENTITY = {"receipts": ("id",), "holds": ("hold",), "hold_targets": ("hold", "kind", "target")}


class _OlderError(Exception):
    """The box went back further than this backup."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What of the box was kept; `why_not` says why its people were not."""

    people: bool = False
    deletions: int = 0
    why_not: str = ""


def carry(living: Place, staged: Place, *, people_too: bool) -> Carried:
    """Into a restored site that is ready and not in place yet, from the one that still is."""
    if not _is_same_box(living, staged):
        return Carried(why_not="this box was not the one that was backed up")
    deletions = _deletions(living, staged)
    if people_too:
        return Carried(deletions=deletions, why_not="as --people-too asked")
    why_not = ""
    for books in (living.page_db, mended.copy_of(living.page_db)):
        try:
            _carry_people(books, living, staged)
        except _OlderError:
            why_not = why_not or "the box's own are older than the backup"
        except (BackupError, people.PeopleError, sqlite3.Error, SQLAlchemyError):
            why_not = why_not or "the box's own page.db cannot be read"
        else:
            return Carried(people=True, deletions=deletions)
    return Carried(deletions=deletions, why_not=why_not)


def _is_same_box(living: Place, staged: Place) -> bool:
    if not living.machine_key.exists():
        return False
    return hmac.compare_digest(living.machine_key.read_bytes(), staged.machine_key.read_bytes())


def _carry_people(books: Path, living: Place, staged: Place) -> None:
    """Everything that says who may open what, and whom backups are made out to: as the box has it,
    or the last good copy of it."""
    copy = staged.page_db.with_name("page.db.carried")
    try:
        copy_database(books, copy)
        _refuse_damaged(copy)
        people.recovery_key(copy)  # there are people in it at all
        _refuse_older(copy, staged)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    copy.replace(staged.page_db)
    if living.paper_recipient.exists():
        shutil.copyfile(living.paper_recipient, staged.paper_recipient)


def _refuse_older(copy: Path, staged: Place) -> None:
    """Keys of mailboxes are never deleted: whoever lacks one could not open what is restored."""
    if not _keys_in(copy) >= _keys_in(staged.page_db):
        raise _OlderError


def _keys_in(page_db: Path) -> set[bytes]:
    with closing(sqlite3.connect(page_db)) as connection:
        return {key for (key,) in connection.execute("SELECT public_key FROM mailbox_keys")}


def _refuse_damaged(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise BackupError(f"{found}")


def _deletions(living: Place, staged: Place) -> int:
    """How many things are gone that were not when the box was backed up. What is on hold, and the
    receipts of what was destroyed, are carried with them."""
    books = (mended.copy_of(living.calls_db), living.calls_db)
    deleted = _deleted_by_log(living).union(*map(_deleted_by_rows, books))
    kept = {name: _rows(living, name) for name in IDENTITY}
    done = [Receipt(**row) for row in kept["receipts"]]

    def work(connection: Connection) -> int:
        repeated = erasure.repeat(connection, staged.messages, done, Moment.now())
        for message in deleted:
            repeated += mark_deleted(connection, message, Moment.now())
            erasure.destroy_message(staged.messages, message)
        for name, rows in kept.items():
            _add(connection, name, rows)
        return repeated

    ledger = Ledger(staged.calls_db, staged.ledger_log, MachineKey.at(staged.machine_key))
    try:
        return ledger.store.submit(work).result()
    finally:
        ledger.close()


def _add(connection: Connection, name: str, rows: Sequence[dict[str, Any]]) -> None:
    """What the older copy has not; a hold released since is released."""
    for row in rows:
        columns = ", ".join(f'"{each}"' for each in row)
        values = ", ".join(f":{each}" for each in row)
        there = " AND ".join(f'"{each}" IS :{each}' for each in IDENTITY[name])
        adding = (
            f"INSERT INTO {name} ({columns}) SELECT {values}"  # noqa: S608 - our own names
            f" WHERE NOT EXISTS (SELECT 1 FROM {name} WHERE {there})"
        )
        connection.execute(text(adding), row)
        if name == "holds" and row["released"]:
            releasing = (
                "UPDATE holds SET released = :released, released_by = :released_by"
                " WHERE hold = :hold AND released IS NULL"
            )
            connection.execute(text(releasing), row)


def _rows(living: Place, name: str) -> list[dict[str, Any]]:
    for books in (living.calls_db, mended.copy_of(living.calls_db)):
        with suppress(sqlite3.Error), closing(_reading(books)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]  # noqa: S608
    return []


def _reading(books: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{books}?mode=ro", uri=True)


def _deleted_by_rows(books: Path) -> set[str]:
    """A calls.db that is damaged or gone is why somebody restores, and tells of none."""
    with suppress(sqlite3.Error), closing(_reading(books)) as connection:
        asked = "SELECT message FROM messages WHERE deleted IS NOT NULL"
        return {message for (message,) in connection.execute(asked)}
    return set()


def _deleted_by_log(living: Place) -> set[str]:
    """As the log has it since the last copy; it outlives its database."""
    rows = (change.row for line in ledger_log.lines(living.ledger_log) for change in line.changes)
    return {str(row["message"]) for row in rows if row.get("deleted") is not None}
