"""The ledger: each call has one outcome, the sum holds after every commit, and no caller's number
lies about.
"""

import asyncio
import errno
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError

from firmware import ledger as books
from firmware import ledger_log
from firmware.ledger import (
    Arrived,
    Balance,
    Finished,
    Ledger,
    MessageKept,
    Missed,
    Moment,
    Noted,
    Row,
    Step,
)
from firmware.ledger_log import Change
from firmware.machine import MachineKey
from firmware.store import StoreError
from ivr.commands import Outcome

NOW = Moment(datetime(2026, 3, 2, 9, 30, tzinfo=UTC), 1_000)
KEY = MachineKey(b"k" * 32)
NUMBER, NAME = "+15555550142", "Dolores Ünderhill"


def offered(call: str, number: str = NUMBER, name: str = NAME) -> Arrived:
    return Arrived(call, "main", "5555550100", number, name, NOW)


def message(call: str, name: str = "m-1") -> MessageKept:
    return MessageKept(name, call, "nurses", NOW.at, 12.5, urgent=False, cut_off=False, moment=NOW)


class Clinic:
    """A ledger on a disk, with the sum checked after every commit."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.heard: list[Step] = []
        self.ledger = Ledger(home / "calls.db", home / "ledger.log", KEY, self.heard.extend)

    def write(self, *rows: Row) -> None:
        asyncio.run(self.ledger.write(rows))
        assert self.balance().holds, str(self.balance())

    def balance(self) -> Balance:
        return self.ledger.store.submit(books.balance).result(5)

    def outcome(self, call: str) -> str | None:
        asked = select(books.calls.c.outcome).where(books.calls.c.call == call)
        return self.ledger.store.submit(lambda c: c.scalar(asked)).result(5)

    def steps(self) -> list[tuple[str, str]]:
        asked = select(books.steps.c.step, books.steps.c.detail).order_by(books.steps.c.id)
        rows = self.ledger.store.submit(lambda c: c.execute(asked).all()).result(5)
        return [(row.step, row.detail) for row in rows]

    def logged(self) -> list[Change]:
        """The steps that `ledger.log` holds."""
        lines = ledger_log.lines(self.home / "ledger.log")
        return [each for line in lines for each in line.changes if each.table == "steps"]

    def restart(self) -> None:
        self.ledger.close()
        self.ledger = Ledger(
            self.home / "calls.db", self.home / "ledger.log", KEY, self.heard.extend
        )


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    opened = Clinic(tmp_path)
    yield opened
    opened.ledger.close()


def test_a_call_is_in_progress_until_its_one_outcome(clinic: Clinic) -> None:
    clinic.write(offered("a"), Noted("a", "menu", "main menu", NOW))
    assert str(clinic.balance()) == "1 offered = 1 in progress"
    clinic.write(Finished("a", Outcome.ANSWERED, NOW))
    assert str(clinic.balance()) == "1 offered = 1 answered + 0 in progress"


def test_a_second_outcome_changes_nothing_and_is_written_down(clinic: Clinic) -> None:
    clinic.write(
        offered("a"), Finished("a", Outcome.MESSAGE, NOW), Finished("a", Outcome.ABANDONED, NOW)
    )
    assert clinic.outcome("a") == "message"
    assert clinic.steps()[-1] == ("contradiction", "abandoned after message")


def test_an_outcome_for_a_call_nobody_offered_is_only_written_down(clinic: Clinic) -> None:
    clinic.write(Finished("ghost", Outcome.ANSWERED, NOW))
    assert clinic.balance().offered == 0
    assert clinic.steps() == [("contradiction", "answered for a call never offered")]


def test_a_call_offered_twice_counts_once(clinic: Clinic) -> None:
    clinic.write(offered("a"), offered("a"))
    assert clinic.balance().offered == 1


def test_a_call_that_only_asterisk_had_is_counted_once(clinic: Clinic) -> None:
    missed = Missed("a", "main", "5555550100", NOW, NOW)
    clinic.write(missed)
    clinic.write(missed)
    assert str(clinic.balance()) == "1 offered = 1 failsafe + 0 in progress"


def test_a_call_that_we_had_after_all_keeps_its_own_outcome(clinic: Clinic) -> None:
    clinic.write(offered("a"), Finished("a", Outcome.ANSWERED, NOW))
    clinic.write(Missed("a", "main", "5555550100", NOW, NOW))
    assert clinic.outcome("a") == "answered"
    assert clinic.steps()[-1] == ("outcome", "answered")


def test_whoever_was_joined_when_we_died_is_known_to_have_talked(clinic: Clinic) -> None:
    clinic.write(offered("a"), Noted("a", "joined", "", NOW), offered("b"))
    assert clinic.ledger.store.submit(books.talks).result(5) == {"a"}


def test_nobodys_note_can_upset_the_sum(clinic: Clinic) -> None:
    clinic.write(offered("a"), Noted("b", "offered", "an agent's phone", NOW))
    assert clinic.balance().offered == 1
    assert clinic.steps()[-1] == ("noted offered", "an agent's phone")


def test_the_database_itself_refuses_a_changed_outcome_or_step(clinic: Clinic) -> None:
    clinic.write(offered("a"), Finished("a", Outcome.ANSWERED, NOW))

    def forge(statement: str) -> None:
        clinic.ledger.store.submit(lambda c: c.execute(text(statement))).result(5)

    with pytest.raises(IntegrityError, match="one outcome"):
        forge("UPDATE calls SET outcome = 'abandoned'")
    with pytest.raises(IntegrityError, match="never changed"):
        forge("UPDATE steps SET detail = 'nothing happened'")


def test_a_callers_number_and_name_lie_sealed_in_every_file(clinic: Clinic) -> None:
    clinic.write(offered("a"))
    lying_about = [
        path
        for path in clinic.home.iterdir()
        for word in (NUMBER, NUMBER[2:], NAME, NAME.split()[0])
        if word.encode() in path.read_bytes()
    ]
    assert lying_about == []


def test_with_the_machine_key_the_number_is_read_again_and_matched(clinic: Clinic) -> None:
    clinic.write(offered("a"), offered("b"), offered("c", number="+15555550199"))
    asked = select(books.calls).order_by(books.calls.c.call)
    rows = clinic.ledger.store.submit(lambda c: c.execute(asked).all()).result(5)
    assert KEY.open(rows[0].number, "calls.number a") == NUMBER
    assert KEY.open(rows[0].name, "calls.name a") == NAME
    assert rows[0].number_hash == rows[1].number_hash != rows[2].number_hash
    assert rows[0].number != rows[1].number  # equal numbers do not look equal to a thief


def test_callers_without_a_number_are_not_taken_for_one_person(clinic: Clinic) -> None:
    clinic.write(offered("a", number=""))
    asked = select(books.calls.c.number_hash)
    assert clinic.ledger.store.submit(lambda c: c.scalar(asked)).result(5) is None


def test_the_log_holds_each_step_once_and_in_order_over_restarts(clinic: Clinic) -> None:
    clinic.write(offered("a"), Noted("a", "menu", "main menu", NOW))
    clinic.restart()
    clinic.write(Finished("a", Outcome.ANSWERED, NOW))
    steps = [each.row for each in clinic.logged()]
    assert [step["step"] for step in steps] == ["offered", "menu", "outcome"]
    assert [step["id"] for step in steps] == [1, 2, 3]


def test_a_full_disk_leaves_no_half_line_in_the_log(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promise is held back; when there is room again, the log is whole and lacks nothing."""
    clinic.write(offered("a"))
    really_write = os.write

    def half_then_full(fd: int, content: bytes) -> int:
        really_write(fd, bytes(content)[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "write", half_then_full)
        with pytest.raises(StoreError, match="check the disk"):
            clinic.write(Noted("a", "menu", "main menu", NOW))
    clinic.write(Finished("a", Outcome.ANSWERED, NOW))
    assert [each.row["step"] for each in clinic.logged()] == ["offered", "outcome"]
    asked = select(books.steps.c.step)
    assert clinic.ledger.store.submit(lambda c: c.scalars(asked).all()).result(5) == [
        "offered",
        "outcome",
    ]


def test_whoever_watches_hears_of_a_step_only_when_it_is_durable(clinic: Clinic) -> None:
    clinic.write(offered("a"), Noted("a", "digit", "1", NOW))
    assert [(step.step, step.detail) for step in clinic.heard][-1] == ("digit", "1")


def test_a_message_is_indexed_once_heard_and_deleted(clinic: Clinic) -> None:
    clinic.write(offered("a"), message("a"), message("a"))
    assert [step for step, _ in clinic.steps()].count("sealed") == 1
    assert asyncio.run(clinic.ledger.heard("m-1", NOW))
    assert asyncio.run(clinic.ledger.deleted("m-1", NOW))
    assert not asyncio.run(clinic.ledger.deleted("m-1", NOW))
    assert not asyncio.run(clinic.ledger.heard("m-2", NOW))


rows_of_three_calls = st.lists(
    st.one_of(
        st.builds(offered, st.sampled_from("abc")),
        st.builds(Finished, st.sampled_from("abc"), st.sampled_from(Outcome), st.just(NOW)),
        st.builds(
            Noted,
            st.sampled_from("abc"),
            st.sampled_from(["menu", "offered", "outcome"]),
            st.text(max_size=20),
            st.just(NOW),
        ),
    ),
    max_size=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(rows_of_three_calls, max_size=5))
def test_whatever_facts_come_in_whatever_order_the_sum_holds(
    clinic: Clinic, batches: list[list[Row]]
) -> None:
    for batch in batches:
        clinic.write(*batch)
    ends = select(books.steps.c.call).where(books.steps.c.step == books.OUTCOME)

    def ended(connection: Connection) -> list[str]:
        return list(connection.scalars(ends))

    calls = clinic.ledger.store.submit(ended).result(5)
    assert len(calls) == len(set(calls))
