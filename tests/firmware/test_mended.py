"""A damaged database: set aside and made again, with everything that was promised in it."""

import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from firmware import audit, ledger_log, mended
from firmware.audit import Act, Audited
from firmware.ledger import Arrived, Finished, Ledger, Moment, Noted
from firmware.machine import MachineKey
from firmware.store import DamagedError, Store, StoreError, make_at, newest_version, open_reader
from ivr.commands import Outcome

KEY = MachineKey(b"k" * 32)
NOW = Moment(datetime(2026, 3, 2, 9, 30, tzinfo=UTC), 1_000)
SEEDS = range(int(os.environ.get("SEEDS", "3")))


class Clinic:
    """Its books on a disk, which may be damaged at any time."""

    def __init__(self, home: Path) -> None:
        self.home, self.path = home, home / "calls.db"
        self.ledger = self.opened()

    def opened(self) -> Ledger:
        return Ledger(self.path, self.home / "ledger.log", KEY)

    def restarted(self) -> None:
        self.ledger.close()
        self.ledger = self.opened()

    def calls(self, *names: str) -> None:
        for name in names:
            self.ledger.submit(
                [
                    Arrived(name, "main", "5555550100", "+15555550142", "Dolores", NOW),
                    Finished(name, Outcome.ANSWERED, NOW),
                ]
            ).result(10)

    def copy(self) -> None:
        number = mended.copy(self.path)
        self.ledger.restart_log(number).result(10)

    def do(self, statement: str) -> None:
        self.ledger.store.submit(lambda c: c.execute(text(statement))).result(10)

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        return rows_of(self.path)


def rows_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as database:
        asked = "SELECT name FROM sqlite_master WHERE type='table' ORDER BY name"
        names = [name for (name,) in database.execute(asked).fetchall()]
        return {
            name: sorted(database.execute("SELECT * FROM " + name).fetchall(), key=repr)  # noqa: S608
            for name in names
        }


def scratch(path: Path) -> None:
    """What a worn-out card does: pieces of the file are not what was written."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        for at in range(4096, size, 8192):
            file.seek(at)
            file.write(b"\xa5" * 4096)


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    there = Clinic(tmp_path)
    yield there
    there.ledger.close()


def test_a_database_damaged_in_the_night_is_there_in_the_morning_with_every_call(
    clinic: Clinic,
) -> None:
    clinic.calls("a", "b")
    clinic.copy()
    clinic.calls("c", "d")
    before = clinic.everything()
    clinic.ledger.close()
    scratch(clinic.path)
    assert mended.damage(clinic.path)
    mended.suspect(clinic.path)
    clinic.ledger = clinic.opened()
    assert clinic.everything() == before
    [told] = mended.set_aside(clinic.home)
    assert told.startswith("calls.db.damaged-")
    assert told.endswith("from its last good copy and 2 commits of its log; nothing is lost")
    clinic.calls("e")
    assert len(clinic.everything()["calls"]) == 5


def test_the_look_at_the_start_finds_the_damage_by_itself(clinic: Clinic) -> None:
    clinic.calls("a")
    clinic.ledger.close()
    scratch(clinic.path)
    clinic.ledger = Ledger(clinic.path, clinic.home / "ledger.log", KEY, look_s=30.0)
    assert len(clinic.everything()["calls"]) == 1


def test_a_clinic_whose_place_is_named_by_the_way_to_it_from_here_is_looked_after_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("clinic").mkdir()
    clinic = Clinic(Path("clinic"))
    clinic.calls("a")
    clinic.copy()
    assert mended.number_of(mended.copy_of(clinic.path)) == 1
    clinic.ledger.close()
    scratch(clinic.path)
    clinic.ledger = Ledger(clinic.path, clinic.home / "ledger.log", KEY, look_s=30.0)
    clinic.ledger.close()
    assert len(clinic.everything()["calls"]) == 1
    assert list(mended.set_aside(clinic.home))


@pytest.mark.parametrize("garbage", [b"", b"x", b"\x00" * 4096, b"not a database" * 1000])
def test_a_file_that_is_no_database_any_more_is_made_again_from_the_log_alone(
    clinic: Clinic, garbage: bytes
) -> None:
    clinic.calls("a", "b")
    before = clinic.everything()
    clinic.ledger.close()
    clinic.path.write_bytes(garbage)
    clinic.path.with_name("calls.db-wal").unlink(missing_ok=True)
    clinic.ledger = clinic.opened()
    assert clinic.everything() == before


def test_a_power_cut_between_setting_aside_and_putting_in_place_costs_nothing(
    clinic: Clinic,
) -> None:
    clinic.calls("a")
    clinic.copy()
    clinic.calls("b")
    before = clinic.everything()
    clinic.ledger.close()
    clinic.path.rename(clinic.home / "calls.db.damaged-2026-03-02T09-30-00Z")
    clinic.ledger = clinic.opened()
    assert clinic.everything() == before


def test_damage_found_while_calls_come_is_mended_while_calls_come(clinic: Clinic) -> None:
    """Who is promised something at that moment is not; the next one is."""
    clinic.calls(*(f"call-{number}" for number in range(300)))
    clinic.copy()
    clinic.calls("since")
    clinic.restarted()  # so that nothing of it lies in memory
    before = clinic.everything()
    scratch(clinic.path)
    with pytest.raises(StoreError):
        clinic.calls(*(f"{word}-{number}" for number in range(300) for word in ("call", "later")))
    clinic.calls("after")
    now = clinic.everything()
    assert set(before["calls"]) <= set(now["calls"])
    assert ("after",) in [row[:1] for row in now["calls"]]
    assert not mended.damage(clinic.path)


def test_what_somebody_else_found_damaged_is_made_again_at_once(clinic: Clinic) -> None:
    clinic.calls("a")
    before = clinic.everything()
    with pytest.raises(DamagedError, match="page 7"):
        clinic.ledger.store.damaged("page 7 is torn").result(10)
    clinic.calls("b")
    assert set(before["calls"]) < set(clinic.everything()["calls"])
    assert len(list(mended.set_aside(clinic.home))) == 1


def test_whoever_reads_what_is_damaged_is_told_so_and_it_is_looked_through(clinic: Clinic) -> None:
    clinic.calls(*(f"call-{number}" for number in range(100)))
    clinic.ledger.close()
    scratch(clinic.path)
    reader = open_reader(clinic.path)
    with reader.connect() as connection, pytest.raises(DamagedError, match="ask again"):
        connection.execute(text("SELECT * FROM steps ORDER BY call, detail")).all()
    reader.dispose()
    assert mended.is_suspected(clinic.path)
    clinic.ledger = clinic.opened()
    assert len(clinic.everything()["calls"]) == 100
    assert not mended.is_suspected(clinic.path)


def test_what_is_lost_with_a_copy_that_is_damaged_as_well_is_said(clinic: Clinic) -> None:
    clinic.calls("a", "b")
    clinic.copy()
    clinic.calls("c")
    clinic.ledger.close()
    for path in (clinic.path, mended.copy_of(clinic.path)):
        scratch(path)
    mended.suspect(clinic.path)
    clinic.ledger = clinic.opened()
    [told] = mended.set_aside(clinic.home)
    assert "it had no good copy" in told
    assert told.endswith("what it held before is lost: restore a backup")
    assert [row[0] for row in clinic.everything()["calls"]] == ["c"]


def test_a_copy_starts_the_log_anew_and_the_audit_still_has_its_end(clinic: Clinic) -> None:
    entry = Audited("maria", Act.LISTENED, "11111111", NOW)
    clinic.ledger.submit([entry]).result(10)
    clinic.calls("a", "b", "c")
    mark = audit.newest_mark(clinic.home / "ledger.log")
    before = (clinic.home / "ledger.log").stat().st_size
    clinic.copy()
    assert audit.newest_mark(clinic.home / "ledger.log") == mark != ""
    assert (clinic.home / "ledger.log").stat().st_size < before


def test_commits_made_during_a_copy_stay_in_the_log(clinic: Clinic) -> None:
    clinic.calls("a")
    number = mended.copy(clinic.path)
    clinic.calls("b")
    clinic.ledger.restart_log(number).result(10)
    clinic.calls("c")
    numbers = [line.number for line in ledger_log.lines(clinic.home / "ledger.log")]
    assert numbers == [number, number + 1, number + 2]


def test_a_line_that_a_power_cut_has_taken_is_put_back_from_the_database(clinic: Clinic) -> None:
    clinic.calls("a", "b")
    whole = (clinic.home / "ledger.log").read_bytes()
    clinic.ledger.close()
    for torn in (b"", b'{"crc":"0', whole.splitlines(True)[-1][:-5], b"\x00" * 70_000):
        first = whole.splitlines(True)[0]
        (clinic.home / "ledger.log").write_bytes(first + torn)
        clinic.opened().close()
        assert (clinic.home / "ledger.log").read_bytes() == whole
    clinic.ledger = clinic.opened()


def test_a_line_of_a_commit_that_never_was_is_cut_off(clinic: Clinic) -> None:
    clinic.calls("a")
    whole = (clinic.home / "ledger.log").read_bytes()
    clinic.ledger.close()
    [line] = ledger_log.lines(clinic.home / "ledger.log")
    ghost = ledger_log.Line(line.number + 1, line.schema, line.changes)
    (clinic.home / "ledger.log").write_bytes(whole + ghost.text())
    clinic.ledger = clinic.opened()
    assert (clinic.home / "ledger.log").read_bytes() == whole


def test_the_line_of_a_very_first_commit_that_never_was_is_cut_off_and_nothing_is_called_damaged(
    tmp_path: Path,
) -> None:
    new = Clinic(tmp_path)
    new.ledger.close()
    rows = (ledger_log.Change("holds", {}),)
    ghost = ledger_log.Line(1, newest_version("calls"), rows)
    (tmp_path / "ledger.log").write_bytes(ghost.text())
    new.opened().close()
    assert (tmp_path / "ledger.log").read_bytes() == b""
    assert list(mended.set_aside(tmp_path)) == []


def test_a_log_that_was_lost_is_known_to_lack_something_until_the_next_copy(
    clinic: Clinic,
) -> None:
    clinic.calls("a", "b", "c")
    clinic.ledger.close()
    (clinic.home / "ledger.log").unlink()
    clinic.ledger = clinic.opened()
    assert clinic.ledger.log.lacks == 2  # the newest is in the database itself
    clinic.copy()
    assert clinic.ledger.log.lacks == 0


def test_a_copy_of_an_older_version_is_brought_to_this_one_before_the_log_is_put_in(
    clinic: Clinic,
) -> None:
    make_at(mended.copy_of(clinic.path), "calls", "0011")  # before there was such a log
    clinic.calls("a")
    before = clinic.everything()
    clinic.ledger.close()
    scratch(clinic.path)
    mended.suspect(clinic.path)
    clinic.ledger = clinic.opened()
    assert clinic.everything() == before


STATEMENTS = (
    "INSERT INTO steps (call, at, mono_ms, step, detail) VALUES ('{name}', 't', 0, 's', '')",
    "DELETE FROM steps WHERE id % 3 = {n} % 3",
    "REPLACE INTO switches VALUES ('{name}', {n} % 2, 't{n}', NULL)",
    "UPDATE switches SET hours = hours || '{name}' WHERE hours = '{name}'",
    "DELETE FROM switches WHERE hours = '{name}'",
    "INSERT INTO identity_tries VALUES ('d', X'00ff', 1) ON CONFLICT DO UPDATE SET tries = tries+1",
    "INSERT OR IGNORE INTO identity_tries VALUES ('a,b', X'', {n})",
    "DELETE FROM identity_tries WHERE tries > {n} % 5",
    "INSERT OR REPLACE INTO desks VALUES ('{name}', 'it''s, AND = 1', X'{hex}')",
    "INSERT INTO missed (extension, at, call, number) VALUES ('{name}', 't', '', X'')",
    "DELETE FROM missed WHERE id = (SELECT min(id) FROM missed)",
    "INSERT INTO messages (message, call, mailbox, started, seconds, urgent, cut_off)"
    " VALUES ('m{n}', 'c', '{name}', 't', 0.1, 0, 0)",
    "UPDATE messages SET deleted = 't', seconds = 1e-7 WHERE mailbox = '{name}'",
    "UPDATE messages SET message = 'x' || message WHERE mailbox = '{name}'",
)


def anything(dice: random.Random, number: int) -> str:
    """A statement of the kinds that our programs use, on the kinds of tables that there are."""
    told = dice.choice(STATEMENTS)
    return told.format(name=dice.choice("abcdef"), n=number, hex=f"{number:04x}")


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_done_to_whichever_table_the_log_does_it_again(
    clinic: Clinic, seed: int
) -> None:
    dice = random.Random(seed)
    for number in range(120):

        def work(connection: Connection, number: int = number) -> None:
            for _ in range(dice.randrange(1, 4)):
                connection.execute(text(anything(dice, number)))
            if number % 11 == 0:
                raise ZeroDivisionError  # and all of this piece never was

        future = clinic.ledger.store.submit(work)
        assert isinstance(future.exception(10), IntegrityError | ZeroDivisionError | None)
        if number == 60:
            clinic.copy()
        if number % 40 == 7:
            clinic.restarted()
    before = clinic.everything()
    clinic.ledger.close()
    clinic.path.write_bytes(b"nothing")
    clinic.ledger = clinic.opened()
    assert clinic.everything() == before


def test_a_database_of_people_is_copied_whenever_its_writer_closes_it(tmp_path: Path) -> None:
    page_db = tmp_path / "page.db"
    store = Store(page_db, "page")
    store.submit(
        lambda c: c.execute(text("INSERT INTO failures VALUES ('ben', 'password', 1, 't')"))
    ).result(10)
    store.close()
    before = rows_of(page_db)
    scratch(page_db)
    Store(page_db, "page", look_s=30.0).close()
    assert rows_of(page_db) == before
    assert len(list(mended.set_aside(tmp_path))) == 1


def test_nobody_waits_for_a_store_that_is_closed(tmp_path: Path) -> None:
    store = Store(tmp_path / "calls.db", "calls")
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.submit(lambda _connection: None).result(10)


def test_the_log_is_as_sealed_as_the_database(clinic: Clinic) -> None:
    clinic.calls("a")
    clinic.ledger.submit([Noted("a", "menu", "main menu", NOW)]).result(10)
    clinic.copy()
    clinic.calls("b")
    for path in clinic.home.iterdir():
        for word in (b"5555550142", b"Dolores"):
            assert word not in path.read_bytes(), path
