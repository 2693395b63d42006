"""A database of ours: SQLite, one writer, every commit on the disk before anybody is told of it.

The writer is a thread that owns the only writing connection. Work is queued to it from anywhere and
never blocks the one who asks; whatever has gathered while the last commit was being synced goes
into the next one together, so that a slow card costs time but not throughput. Work is carried out
in the order it was handed in, each piece whole or not at all, and its future resolves only when the
commit that holds it is durable, and with it the line of `ledger.log` that tells what it changed,
where the database has such a log.

What was committed is brought from SQLite's own log into the file beside the writer's work, so that
no promise waits for it.

Readers open the file read-only, at any time, from any process.
"""

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import (
    Connection,
    Engine,
    ExceptionContext,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from firmware import mended
from firmware.durable import mode_in
from firmware.ledger_log import LedgerLog, OlderError

T = TypeVar("T")
Work = Callable[[Connection], T]
# Each hook sees what has just become durable; the future of a piece of work waits for all of them.
AfterCommit = Callable[[Connection], None]

MIGRATIONS = Path(__file__).with_name("migrations")
# A group that never ends would hold back every promise; this many pieces are some milliseconds of
# work.
GROUP_MAX = 128
# So many commits after one another make SQLite's log some megabytes long: time to empty it.
CHECKPOINT_EVERY = 100
# The writer empties it itself only if it has grown so long all the same: 64 MB.
PAGES_MOST = 16_384
# A reader may have to wait for a checkpoint, never for a writer (WAL).
BUSY_MS = 2_000
# What damages a database again sooner than this is no accident, and not mended by trying.
MEND_AGAIN_S = 600.0

READERS_KEPT = 8  # databases

log = structlog.get_logger(__name__)


# What SQLite says of a file that is no database any more, or not all of one.
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# What SQLite says when the disk, and not the work, is at fault (its primary result codes).
OF_THE_DISK = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
        *DAMAGED,
    }
)


class StoreError(Exception):
    """The database cannot be opened or written; the message says what to do."""


class LockedError(StoreError):
    """Another process writes it."""


class DamagedError(StoreError):
    """What the file holds is not what was written; it must be made again (firmware/mended.py)."""


class BehindError(StoreError):
    """The work is durable, but what follows each commit could not be done; the next one tries."""


@dataclass(slots=True)
class _Job:
    """One piece of work and what came of it."""

    work: Work[Any]
    future: Future[Any]
    result: Any = None
    failure: BaseException | None = None

    def run(self, connection: Connection) -> None:
        """Do the work inside a savepoint of its own, so that its failure is nobody else's."""
        try:
            with connection.begin_nested():
                self.result = self.work(connection)
        except DBAPIError as refused:
            if _is_of_the_disk(refused) or not _is_open(connection):
                raise  # no other work of the group has a better chance
            self.failure = refused
        except DamagedError:
            raise
        except Exception as refused:
            self.failure = refused

    def settle(self, failure: BaseException | None) -> None:
        """Tell the one who waits: the group's failure counts for every piece in it."""
        if (reason := failure or self.failure) is not None:
            self.future.set_exception(reason)
        else:
            self.future.set_result(self.result)


class Store:
    """The one writer of one database. A second one, in whatever process, is refused."""

    def __init__(
        self,
        path: Path,
        schema: str,
        after_commit: Sequence[AfterCommit] = (),
        log: LedgerLog | None = None,
        look_s: float = 0.0,
    ) -> None:
        """`look_s`: for how long the file may be looked through for damage before it is opened."""
        self.path = path
        self._schema = schema
        self._after_commit = tuple(after_commit)
        self._log = log
        self._closing = threading.Lock()
        self._is_closed = False
        self._mended_at: float | None = None
        self._was = 0  # how many rows were changed when it was opened
        self._commits = 0  # since the last checkpoint
        self._beside = ThreadPoolExecutor(1, f"checkpoints of {path.name}")
        self._checkpoint: Future[None] | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock_fd = lock(path)
        self._connection: Connection | None = None
        try:
            self._open_sound(look_s)
        except BaseException:
            os.close(self._lock_fd)
            raise
        self._thread = threading.Thread(
            target=self._write_until_closed, name=f"writer of {path.name}", daemon=True
        )
        self._thread.start()

    def submit(self, work: Work[T]) -> Future[T]:
        """Queue `work`; the future holds its result once that is durable."""
        future: Future[T] = Future()
        with self._closing:
            if not self._is_closed:
                self._jobs.put(_Job(work, future))
                return future
        future.set_exception(StoreError(f"{self.path.name} is closed: start the exchange again"))
        return future

    async def write(self, work: Work[T]) -> T:
        """The result of `work`, once it is durable. The loop never waits for the disk."""
        return await asyncio.wrap_future(self.submit(work))

    async def written(self, work: Work[T]) -> T:
        """The same for work that counts although what follows its commit is behind: the next commit
        makes up for that, and the log says so. StoreError: it is not written."""
        result: list[T] = []

        def kept(connection: Connection) -> None:
            result[:] = [work(connection)]

        try:
            await self.write(kept)
        except BehindError as behind:
            log.warning("written, though what follows it is behind", why=str(behind))
        return result[0]

    def close(self) -> None:
        """Write what is queued, then let the file go."""
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
            self._jobs.put(None)
        self._thread.join()
        self._let_go()
        self._beside.shutdown()
        os.close(self._lock_fd)

    def damaged(self, why: str) -> Future[None]:
        """Somebody has looked through the file and found this: it is made again at once."""

        def tell(_connection: Connection) -> None:
            raise DamagedError(f"{self.path.name} is damaged: {why}")

        return self.submit(tell)

    # ---- in the writer's thread ----

    def _open_sound(self, look_s: float) -> None:
        """Open it, and make it again first if it is damaged."""
        all_of_it = None if mended.is_suspected(self.path) else look_s
        wrong = mended.damage(self.path, all_of_it) or self._opened()
        mended.cleared(self.path)
        if wrong:
            log.error("a database is damaged", file=self.path.name, why=wrong)
            self._mend()

    def _opened(self) -> str:
        """How it is damaged, if that shows only now."""
        try:
            self._open()
        except Exception as refused:
            self._let_go()
            if not _is_damage(refused):
                raise
            return str(refused)
        return ""

    def _open(self) -> None:
        self._engine = _writing_engine(self.path)
        is_new, version = _migrate(self._engine, self._schema, self.path)
        _own_only(self.path)
        self._connection = self._engine.connect()
        if self._log is not None:
            self._log.begin(_driver(self._connection), version, is_new=is_new)
        self._follow_up(self._connection)
        self._was = _driver(self._connection).total_changes

    def _mend(self) -> None:
        self._mended_at = time.monotonic()
        self._let_go()
        try:
            path = None if self._log is None else self._log.path
            mended.mend(self.path, path, self._migrate_to, datetime.now(UTC))
        except (sqlite3.Error, OSError) as refused:
            raise DamagedError(
                f"{self.path.name} is damaged, and cannot be made again ({refused}): restore a"
                " backup"
            ) from refused
        self._open()

    def _migrate_to(self, path: Path, version: str) -> None:
        make_at(path, self._schema, version)

    def _let_go(self) -> None:
        """Close the file; one without a log is copied if it was changed."""
        if self._connection is None:
            return
        if self._checkpoint is not None:
            self._checkpoint.result()
        changed = _driver(self._connection).total_changes != self._was
        self._connection.close()
        self._connection = None
        self._engine.dispose()
        if changed and self._log is None and self._is_closed:
            _copy(self.path)

    def _count(self) -> None:
        self._commits += 1
        is_free = self._checkpoint is None or self._checkpoint.done()
        if self._commits >= CHECKPOINT_EVERY and is_free:
            self._commits = 0
            self._checkpoint = self._beside.submit(_checkpointed, self.path)

    def _catch_up(self, connection: Connection) -> None:
        """Hooks see what is durable; at the start, what was committed before they knew of it."""
        for hook in self._after_commit:
            hook(connection)
        connection.rollback()

    def _write_until_closed(self) -> None:
        while (first := self._jobs.get()) is not None:
            group, closing = self._gather(first)
            self._commit(group)
            if closing:
                return

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        """Everything that is waiting now, up to the bound; and whether the end was asked for."""
        group = [first]
        with suppress(queue.Empty):
            while len(group) < GROUP_MAX:
                if (job := self._jobs.get_nowait()) is None:
                    return group, True
                group.append(job)
        return group, False

    def _commit(self, group: list[_Job]) -> None:
        wanted = [job for job in group if job.future.set_running_or_notify_cancel()]
        failure = self._tried(wanted)
        for job in wanted:
            job.settle(failure)
        self._count()
        if isinstance(failure, DamagedError) and self._may_mend():
            try:
                self._mend()
            except Exception:
                log.exception("a damaged database could not be made again", file=self.path.name)

    def _tried(self, wanted: Sequence[_Job]) -> StoreError | None:
        connection = self._connection
        if connection is None:
            return DamagedError(f"{self.path.name} is damaged, and not made again yet")
        return self._carry_out(connection, wanted) or self._follow_up(connection)

    def _may_mend(self) -> bool:
        """Once in a while: what damages it at once again is not mended by trying."""
        return self._mended_at is None or time.monotonic() - self._mended_at > MEND_AGAIN_S

    def _carry_out(self, connection: Connection, wanted: Sequence[_Job]) -> StoreError | None:
        try:
            with connection.begin():
                for job in wanted:
                    job.run(connection)
                if self._log is not None:
                    self._log.gather(_driver(connection))
        except Exception as refused:
            connection.rollback()
            if self._log is not None:
                self._log.taken_back()
            return self._refused(refused, StoreError, "cannot be written")
        return None

    def _follow_up(self, connection: Connection) -> StoreError | None:
        try:
            if self._log is not None:
                self._log.committed()
            self._catch_up(connection)
        except Exception as refused:
            connection.rollback()
            return self._refused(refused, BehindError, "is written, but not what follows it")
        return None

    def _refused(self, why: Exception, kind: type[StoreError], what: str) -> StoreError:
        log.error("a commit failed", file=self.path.name, why=str(why))
        kind = DamagedError if _is_damage(why) else kind
        failure = kind(f"{self.path.name} {what} ({why}): check the disk's space and health")
        failure.__cause__ = why
        return failure


def _is_damage(refused: BaseException | None) -> bool:
    """Whether it says, itself or what it came from, that the file is not what was written."""
    while refused is not None:
        code = getattr(getattr(refused, "orig", refused), "sqlite_errorcode", None)
        if isinstance(refused, DamagedError | OlderError) or (
            code is not None and code & 0xFF in DAMAGED
        ):
            return True
        refused = refused.__cause__
    return False


def _checkpointed(path: Path) -> None:
    """As much as can be without anybody's waiting."""
    try:
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except sqlite3.Error as refused:
        log.warning("a checkpoint failed", file=path.name, why=str(refused))


def _copy(path: Path) -> None:
    try:
        mended.copy(path)
    except (sqlite3.Error, OSError) as refused:
        log.warning("a database could not be copied", file=path.name, why=str(refused))


def _is_of_the_disk(refused: DBAPIError) -> bool:
    code = getattr(refused.orig, "sqlite_errorcode", None)
    return refused.connection_invalidated or (code is not None and code & 0xFF in OF_THE_DISK)


def _is_open(connection: Connection) -> bool:
    """Whether the transaction stands: SQLite itself rolls it back when its disk is full."""
    return not connection.invalidated and _driver(connection).in_transaction


def _driver(connection: Connection) -> sqlite3.Connection:
    """SQLite's own connection beneath."""
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def open_reader(path: Path) -> Engine:
    """The database for reading only; close it with `dispose()`."""
    if not path.exists():
        raise StoreError(
            f"{path} does not exist yet: start the exchange once, or run `careline setup`"
        )
    _undo_first_moment(path)
    return _reading_engine(path)


@lru_cache(maxsize=READERS_KEPT)
def _reading_engine(path: Path) -> Engine:
    """It holds no connection between two, but what was once made of a question: anew for each, that
    took a screen of the page longer than SQLite's answer."""
    engine = _engine(f"file:{path}?mode=ro&uri=true")

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "handle_error")
    def _say(refused: ExceptionContext) -> None:
        why = refused.original_exception
        if _is_damage(why):
            mended.suspect(path)
            raise DamagedError(
                f"{path.name} is damaged ({why}): the exchange makes it again from its last good"
                " copy; ask again in a minute"
            ) from why

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")  # all that one connection reads is of one moment

    return engine


def _undo_first_moment(path: Path) -> None:
    """Before it has SQLite's own log beside it a database has a journal. What the power cut short
    then, no reader may undo, and without that it cannot read."""
    if path.with_name(path.name + "-journal").exists():
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with suppress(sqlite3.Error), closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _engine(database: str, **arguments: bool) -> Engine:
    """Without the rows in its errors' texts, which go into logs."""
    return create_engine(
        f"sqlite:///{database}", poolclass=NullPool, connect_args=arguments, hide_parameters=True
    )


def _writing_engine(path: Path) -> Engine:
    engine = _engine(str(path), check_same_thread=False)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: sqlite3's own guessing is off
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(
            "PRAGMA synchronous=FULL"
        )  # NORMAL loses acknowledged rows at a power cut
        connection.execute(f"PRAGMA wal_autocheckpoint={PAGES_MOST}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _migrate(engine: Engine, schema: str, path: Path) -> tuple[bool, str]:
    """Bring the file to this program's version; a newer one is left as it is, and refused unless it
    says that we can use it. Whether it was empty, or not there, and which version it is now."""
    try:
        with engine.begin() as connection:
            version = _version_in(connection)
            if version != newest_version(schema) and not _is_usable(connection, version, schema):
                _upgrade(connection, schema)
            if _reach_in(connection) < int(REACH[schema]):  # a newer one's word stays
                connection.exec_driver_sql(f"PRAGMA user_version={int(REACH[schema])}")
            return not version, _version_in(connection)
    except Exception as refused:
        if isinstance(refused, DBAPIError) and _is_of_the_disk(refused) and not _is_damage(refused):
            raise StoreError(
                f"{path} cannot be opened ({refused.orig}): the disk does not take it; make room"
                " on it, or replace it"
            ) from refused
        raise StoreError(
            f"{path} cannot be brought to this version ({refused}): it was written by a newer"
            " CareLine, or is damaged; restore a backup or install the newer version"
        ) from refused


def _version_in(connection: Connection) -> str:
    """The last of the migrations that it has seen; empty: it is new."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    versions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
    return "".join(versions)


def _is_usable(connection: Connection, version: str, schema: str) -> bool:
    """Whether a newer program made it, as on a box that went back from an update, and has left all
    that we know as it was."""
    newest = newest_version(schema)
    return version > newest and 0 < _reach_in(connection) <= int(newest)


def _reach_in(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


# The oldest version whose programs can still use what ours make of a database: each migration after
# it only adds (tests/house/test_house_rules.py). A database says it by its own user_version, so
# that the former version, to which a box goes back from an update, goes on with the same books.
REACH = {"calls": "0022", "page": "0010"}


def newest_version(schema: str) -> str:
    """What this program's databases of a schema are."""
    return max(file.stem[:4] for file in (MIGRATIONS / schema / "versions").glob("[0-9]*.py"))


def make_at(path: Path, schema: str, version: str) -> None:
    """A database as an earlier version of ours made it, or brought to it."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.begin() as connection:
        _upgrade(connection, schema, version)
    engine.dispose()


def _upgrade(connection: Connection, schema: str, version: str = "head") -> None:
    # Read here: for a tenth of a second callers would wait for it, and it is nearly never needed.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS / schema).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def _own_only(path: Path) -> None:
    """The owner writes, its group may read; nobody else looks."""
    path.chmod(mode_in(path.parent, 0o640))


def lock(path: Path) -> int:
    """Be the only writer of this database, for as long as the file descriptor is open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flags, mode = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, mode_in(path.parent, 0o600)
    fd = os.open(path.with_name(path.name + ".lock"), flags, mode)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise LockedError(
            f"{path} is being written by another process: stop the running exchange first,"
            " or ask it over its control socket"
        ) from None
    return fd
