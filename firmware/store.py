"""A database of ours: SQLite, one writer, every commit on the disk before anybody is told of it.

The writer is a thread that owns the only writing connection. Work is queued to it from anywhere and
never blocks the one who asks; whatever has gathered while the last commit was being synced goes
into the next one together, so that a slow card costs time but not throughput. Work is carried out
in the order it was handed in, each piece whole or not at all, and its future resolves only when the
commit that holds it is durable.

Readers open the file read-only, at any time, from any process.
"""

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

T = TypeVar("T")
Work = Callable[[Connection], T]
# Each hook sees what has just become durable; the future of a piece of work waits for all of them.
AfterCommit = Callable[[Connection], None]

MIGRATIONS = Path(__file__).with_name("migrations")
# A group that never ends would hold back every promise; this many pieces are some milliseconds of
# work.
GROUP_MAX = 128
# A reader may have to wait for a checkpoint, never for a writer (WAL).
BUSY_MS = 2_000

log = structlog.get_logger(__name__)


# What SQLite says when the disk, and not the work, is at fault (its primary result codes).
OF_THE_DISK = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_BUSY,
    }
)


class StoreError(Exception):
    """The database cannot be opened or written; the message says what to do."""


class LockedError(StoreError):
    """Another process writes it."""


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

    def __init__(self, path: Path, schema: str, after_commit: Sequence[AfterCommit] = ()) -> None:
        self.path = path
        self._after_commit = tuple(after_commit)
        self._lock_fd = lock(path)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._engine = _writing_engine(path)
        try:
            _migrate(self._engine, schema, path)
            _own_only(path)
            self._connection = self._engine.connect()
            self._follow_up()
        except BaseException:
            self._engine.dispose()
            os.close(self._lock_fd)
            raise
        self._thread = threading.Thread(
            target=self._write_until_closed, name=f"writer of {path.name}", daemon=True
        )
        self._thread.start()

    def submit(self, work: Work[T]) -> Future[T]:
        """Queue `work`; the future holds its result once that is durable."""
        future: Future[T] = Future()
        self._jobs.put(_Job(work, future))
        return future

    async def write(self, work: Work[T]) -> T:
        """The result of `work`, once it is durable. The loop never waits for the disk."""
        return await asyncio.wrap_future(self.submit(work))

    def close(self) -> None:
        """Write what is queued, then let the file go."""
        self._jobs.put(None)
        self._thread.join()
        self._connection.close()
        self._engine.dispose()
        os.close(self._lock_fd)

    def _catch_up(self) -> None:
        """Hooks see what is durable; at the start, what was committed before they knew of it."""
        for hook in self._after_commit:
            hook(self._connection)
        self._connection.rollback()

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
        failure = self._carry_out(wanted) or self._follow_up()
        for job in wanted:
            job.settle(failure)

    def _carry_out(self, wanted: Sequence[_Job]) -> StoreError | None:
        try:
            with self._connection.begin():
                for job in wanted:
                    job.run(self._connection)
        except Exception as refused:
            self._connection.rollback()
            return self._refused(refused, StoreError, "cannot be written")
        return None

    def _follow_up(self) -> StoreError | None:
        try:
            self._catch_up()
        except Exception as refused:
            self._connection.rollback()
            return self._refused(refused, BehindError, "is written, but not what follows it")
        return None

    def _refused(self, why: Exception, kind: type[StoreError], what: str) -> StoreError:
        log.error("a commit failed", file=self.path.name, why=str(why))
        failure = kind(f"{self.path.name} {what} ({why}): check the disk's space and health")
        failure.__cause__ = why
        return failure


def _is_of_the_disk(refused: DBAPIError) -> bool:
    code = getattr(refused.orig, "sqlite_errorcode", None)
    return refused.connection_invalidated or (code is not None and code & 0xFF in OF_THE_DISK)


def _is_open(connection: Connection) -> bool:
    """Whether the transaction stands: SQLite itself rolls it back when its disk is full."""
    driver = connection.connection.dbapi_connection
    return driver is not None and bool(driver.in_transaction)


def open_reader(path: Path) -> Engine:
    """The database for reading only; close it with `dispose()`."""
    if not path.exists():
        raise StoreError(
            f"{path} does not exist yet: start the exchange once, or run `careline setup`"
        )
    engine = _engine(f"file:{path}?mode=ro&uri=true")

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")  # all that one connection reads is of one moment

    return engine


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
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _migrate(engine: Engine, schema: str, path: Path) -> None:
    """Bring the file to this program's version; a newer one is left alone and refused."""
    try:
        with engine.begin() as connection:
            if not _is_current(connection, schema):
                _upgrade(connection, schema)
    except Exception as refused:
        raise StoreError(
            f"{path} cannot be brought to this version ({refused}): it was written by a newer"
            " CareLine, or is damaged; restore a backup or install the newer version"
        ) from refused


def _is_current(connection: Connection, schema: str) -> bool:
    """Whether the newest of our migrations, which their files' names number, was the last one."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    newest = max(file.stem[:4] for file in (MIGRATIONS / schema / "versions").glob("[0-9]*.py"))
    versions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
    return versions.all() == [newest]


def make_at(path: Path, schema: str, version: str) -> None:
    """A database as an earlier version of ours made it, for whoever must know that it still
    opens."""
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
    path.chmod(0o640)


def lock(path: Path) -> int:
    """Be the only writer of this database, for as long as the file descriptor is open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise LockedError(
            f"{path} is being written by another process: stop the running exchange first,"
            " or ask it over its control socket"
        ) from None
    return fd
