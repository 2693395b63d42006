"""The store: nobody hears of work before it is on the disk, and nobody's failure is another's."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from firmware.store import CHECKPOINT_EVERY, MIGRATIONS, BehindError, Store, StoreError, open_reader


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "calls.db", "calls")
    yield opened
    opened.close()


def note(connection: Connection, detail: str) -> None:
    connection.execute(
        text("INSERT INTO steps (call, at, mono_ms, step, detail) VALUES ('c', 't', 0, 's', :d)"),
        {"d": detail},
    )


def details(connection: Connection) -> list[str]:
    return list(connection.scalars(text("SELECT detail FROM steps ORDER BY id")))


def test_every_commit_is_synced_and_the_journal_is_a_write_ahead_log(store: Store) -> None:
    def pragmas(connection: Connection) -> tuple[str, int]:
        journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        return journal, connection.exec_driver_sql("PRAGMA synchronous").scalar_one()

    assert store.submit(pragmas).result(5) == ("wal", 2)  # 2 is FULL


def test_what_is_committed_reaches_the_file_while_the_writer_goes_on(store: Store) -> None:
    for number in range(20 * CHECKPOINT_EVERY):
        store.submit(lambda connection: note(connection, "x")).result(60)
        if number % 20 == 0 and in_the_file_alone(store.path):
            return
    raise AssertionError("everything still lies in the write-ahead log")


def in_the_file_alone(path: Path) -> int:
    """What a reader finds who knows of no write-ahead log; nothing in one half written."""
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as file:
        try:
            return int(file.execute("SELECT count(*) FROM steps").fetchone()[0])
        except sqlite3.DatabaseError:
            return 0


def test_work_is_done_in_the_order_it_was_handed_in(store: Store) -> None:
    def noting(number: int) -> None:
        store.submit(lambda connection: note(connection, str(number)))

    for number in range(500):
        noting(number)
    assert store.submit(details).result(5) == [str(number) for number in range(500)]


def test_what_waits_for_a_sync_shares_the_next_commit(tmp_path: Path) -> None:
    commits: list[int] = []
    began, held = threading.Event(), threading.Event()

    def count(connection: Connection) -> None:
        commits.append(len(details(connection)))

    store = Store(tmp_path / "calls.db", "calls", after_commit=[count])
    try:

        def hold(_connection: Connection) -> None:
            began.set()
            held.wait(5)

        first = store.submit(hold)
        assert began.wait(5)
        rest = [store.submit(lambda connection: note(connection, "x")) for _ in range(100)]
        held.set()
        first.result(5)
        for future in rest:
            future.result(5)
    finally:
        store.close()
    assert commits == [0, 0, 100]  # at the start, the piece that held the writer, all the others


def test_a_piece_that_fails_takes_nothing_else_with_it(store: Store) -> None:
    def half_done(connection: Connection) -> None:
        note(connection, "half")
        raise RuntimeError("the second half is missing")

    before = store.submit(lambda connection: note(connection, "before"))
    failed = store.submit(half_done)
    refused = store.submit(
        lambda connection: connection.execute(text("INSERT INTO nowhere VALUES (1)"))
    )
    after = store.submit(lambda connection: note(connection, "after"))
    before.result(5)
    after.result(5)
    with pytest.raises(RuntimeError, match="second half"):
        failed.result(5)
    with pytest.raises(Exception, match="nowhere"):
        refused.result(5)
    assert store.submit(details).result(5) == ["before", "after"]


def test_a_hook_that_fails_keeps_the_promise_back_and_the_writer_alive(tmp_path: Path) -> None:
    broken = False

    def log_is_full(_connection: Connection) -> None:
        if broken:
            raise OSError(28, "No space left on device")

    store = Store(tmp_path / "calls.db", "calls", after_commit=[log_is_full])
    try:
        broken = True
        with pytest.raises(BehindError, match="check the disk's space"):
            store.submit(lambda connection: note(connection, "unpromised")).result(5)
        # A nurse opens her mailbox all the same, and what a telephone was told to do it does.
        assert asyncio.run(store.written(details)) == ["unpromised"]
        broken = False
        store.submit(lambda connection: note(connection, "promised")).result(5)
        assert store.submit(details).result(5) == ["unpromised", "promised"]
    finally:
        store.close()


def test_the_loop_goes_on_while_the_disk_is_slow(store: Store) -> None:
    """A commit that hangs holds back its own promise and nothing else."""
    held = threading.Event()

    async def story() -> list[str]:
        slow = asyncio.create_task(store.write(lambda _connection: held.wait(5)))
        said = []
        for turn in range(3):
            await asyncio.sleep(0)
            said.append(f"turn {turn}")
        assert not slow.done()
        held.set()
        await slow
        return said

    assert asyncio.run(story()) == ["turn 0", "turn 1", "turn 2"]


def test_a_second_writer_is_refused_with_the_cure(store: Store) -> None:
    with pytest.raises(StoreError, match="stop the running exchange"):
        Store(store.path, "calls")


def test_a_reader_sees_what_is_durable_and_can_write_nothing(store: Store) -> None:
    store.submit(lambda connection: note(connection, "seen")).result(5)
    reader = open_reader(store.path)
    with reader.connect() as connection:
        assert details(connection) == ["seen"]
        with pytest.raises(Exception, match="readonly"):
            note(connection, "never")
    reader.dispose()


def test_all_that_a_reader_reads_is_of_one_moment(store: Store) -> None:
    """Else a sum read while calls end would not hold."""
    reader = open_reader(store.path)
    with reader.connect() as connection:
        assert details(connection) == []
        store.submit(lambda writing: note(writing, "meanwhile")).result(5)
        assert details(connection) == []
        connection.rollback()
        assert details(connection) == ["meanwhile"]
    reader.dispose()


def test_a_reader_of_nothing_is_told_to_start_the_exchange(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="start the exchange once"):
        open_reader(tmp_path / "calls.db")


def test_a_database_from_the_future_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    Store(path, "calls").close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.execute("PRAGMA user_version = 0")  # as before a database said who can use it
    with pytest.raises(StoreError, match="newer"):
        Store(path, "calls")


def test_a_box_that_went_back_from_an_update_goes_on_with_its_books(tmp_path: Path) -> None:
    """What the newer version added stays, and is there when it comes again."""
    path = tmp_path / "calls.db"
    first = Store(path, "calls")
    first.submit(lambda connection: note(connection, "before")).result(5)
    first.close()
    with sqlite3.connect(path) as newer:
        newer.execute("ALTER TABLE steps ADD COLUMN mood TEXT")
        newer.execute("CREATE TABLE moods (name TEXT PRIMARY KEY)")
        newer.execute("INSERT INTO moods VALUES ('calm')")
        newer.execute("UPDATE alembic_version SET version_num = '9998'")
    for _ in range(2):
        back = Store(path, "calls")
        back.submit(lambda connection: note(connection, "after")).result(5)
        assert back.submit(details).result(5)[:2] == ["before", "after"]
        back.close()
    with sqlite3.connect(path) as newer:
        assert newer.execute("SELECT name FROM moods").fetchall() == [("calm",)]
        assert newer.execute("SELECT version_num FROM alembic_version").fetchone() == ("9998",)
        newer.execute("PRAGMA user_version = 9998")  # it has changed what was there
    with pytest.raises(StoreError, match="newer"):
        Store(path, "calls")


def test_opening_an_old_database_keeps_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    first = Store(path, "calls")
    first.submit(lambda connection: note(connection, "kept")).result(5)
    first.close()
    second = Store(path, "calls")
    assert second.submit(details).result(5) == ["kept"]
    second.close()


WRITER = """
import sys
from pathlib import Path
from sqlalchemy import text
from firmware.store import Store

store = Store(Path(sys.argv[1]), "calls")
insert = text("INSERT INTO steps (call, at, mono_ms, step, detail) VALUES ('c', 't', :n, 's', '')")
number = 0
while True:
    number += 1
    store.submit(lambda connection, n=number: connection.execute(insert, {"n": n})).result()
    print(number, flush=True)
"""


def test_what_was_promised_before_a_kill_is_there_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        promised = [child.stdout.readline() for _ in range(200)]
        os.kill(child.pid, signal.SIGKILL)
        promised += child.stdout.readlines()
    whole = [int(line) for line in promised if line.endswith("\n")]
    store = Store(path, "calls")
    kept = set(store.submit(lambda c: c.scalars(text("SELECT mono_ms FROM steps")).all()).result(5))
    store.close()
    assert len(whole) >= 200
    assert set(whole) <= kept


@pytest.mark.parametrize("schema", ["calls", "page"])
def test_migrations_are_one_row_each_with_the_number_of_its_file(schema: str) -> None:
    """Two that were written at the same time, and stand side by side, would open no database."""
    files = sorted((MIGRATIONS / schema / "versions").glob("[0-9]*.py"))
    numbers = [file.stem[:4] for file in files]
    assert numbers == [f"{number:04}" for number in range(1, len(files) + 1)]
    for file, before in zip(files, [None, *numbers], strict=False):
        written = file.read_text("utf-8").splitlines()
        assert f'revision = "{file.stem[:4]}"' in written
        assert f'down_revision = "{before}"' in written or before is None
