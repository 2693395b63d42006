"""`careline requests` and `careline patients`, as staff types them."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console
from sqlalchemy import Connection, text
from typer.testing import CliRunner, Result

from firmware import account, people
from firmware.cli import patients as patient_commands
from firmware.cli import requests as request_commands
from firmware.control import Door
from firmware.doorkeeper import Doorkeeper
from firmware.keys import KeyPair
from firmware.ledger import Arrived, Ledger, MessageKept, Moment, steps_of
from firmware.machine import MachineKey
from firmware.passwords import Cost
from firmware.people import Role
from firmware.place import Place
from firmware.request_desk import RequestDesk, who_may_have_one
from ivr import commands
from ivr.asking import Answer
from ivr.form import RequestKind

PERSON, PASSWORD = "Rita Sommer", "seven quiet lamps"
CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
SECRETS = ("Anna Reyes", "77441100227744", "2025550143", "Oak Street")


class Clinic:
    """A clinic whose exchange answers about requests, and nothing else."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place = Place(home)
        monkeypatch.setenv("CARELINE_HOME", str(home))
        # CliRunner's own streams are what rich must write to, as wide as a screen.
        for module in (request_commands, patient_commands):
            monkeypatch.setattr(module, "say", Console(highlight=False, width=160))
        self.key = MachineKey.at(self.place.machine_key)
        self.ledger = Ledger(self.place.calls_db, self.place.ledger_log, self.key)
        people.set_up(
            self.place.page_db, KeyPair.fresh().public, PERSON, PASSWORD, ["refills"], CHEAP
        )

    @contextmanager
    def answering(self) -> Iterator[None]:
        """The exchange runs, in a thread of its own."""
        desk = RequestDesk(
            self.ledger.store,
            self.key,
            lambda told: None,
            lambda: ZoneInfo("UTC"),
            may_have=partial(who_may_have_one, self.place.page_db),
        )
        began, loop = threading.Event(), asyncio.new_event_loop()
        stop = asyncio.Event()

        async def serve() -> None:
            entered = lambda entry: self.ledger.write([entry])  # noqa: E731
            door = Door(Doorkeeper(self.place.page_db, entered).admit)
            account.answer_at(door, entered)
            desk.open(door)
            async with door.open(self.place.control_socket):
                began.set()
                await stop.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
        thread.start()
        try:
            assert began.wait(30)
            yield
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(30)
            loop.close()

    def left(self, due: timedelta, *, whole: bool = True) -> None:
        """A caller left a refill, or the half of one."""
        now = Moment.now()
        order = commands.KeepRequest(
            "call-1",
            1,
            RequestKind.REFILL,
            (Answer("prescription", "77441100227744"), Answer("medicine", message="m-1")),
            "Anna Reyes",
            now.at + due,
            "nurse",
            is_whole=whole,
        )
        arrived = Arrived("call-1", "main", "2025550100", "2025550143", "", now)
        spoken = MessageKept("m-1", "call-1", "refills", now.at, 4, urgent=False, cut_off=False,
                             moment=now)  # fmt: skip
        desk = RequestDesk(self.ledger.store, self.key, lambda told: None, lambda: ZoneInfo("UTC"))
        asyncio.run(self.ledger.write([arrived, spoken]))
        asyncio.run(desk.keep(order))


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    standing = Clinic(tmp_path, monkeypatch)
    yield standing
    standing.ledger.close()


ACTS = {"take", "give", "note", "done", "reopen", "import", "forget"}
SIGNED_IN = f"{PASSWORD}\n"


def requests(*words: str, said: str = SIGNED_IN) -> Result:
    return CliRunner().invoke(request_commands.app, ["requests", *by_password(words)], input=said)


def patients(*words: str, said: str = SIGNED_IN) -> Result:
    return CliRunner().invoke(patient_commands.app, ["patients", *by_password(words)], input=said)


def by_password(words: tuple[str, ...]) -> tuple[str, ...]:
    return (*words, "--password-stdin") if ACTS & {*words[:1]} else words


def test_staff_sees_what_presses_takes_it_notes_and_finishes_it(clinic: Clinic) -> None:
    clinic.left(due=timedelta(minutes=-90))
    with clinic.answering():
        listed = requests().output
        assert "OVERDUE by 1 h 3" in listed
        assert "1 open, 1 overdue" in listed
        name = listed.splitlines()[1].split()[0]
        shown = requests("show", name).output
        assert "careline messages play m-1" in shown
        assert "--open` asks for your password" in shown
        assert "Rita Sommer has it" in requests("take", name).output
        assert requests("note", name, "Pharmacy on Oak Street").exit_code == 0
        opened = requests("show", name, "--open", "--password-stdin", said=f"{PASSWORD}\n").output
        for secret in SECRETS:
            assert secret in opened
            assert secret not in listed + shown
        assert "opened" not in shown
        assert "opened by Rita Sommer" in requests("show", name).output
        assert "passed-on, late" in requests("done", name, "--outcome", "passed-on").output
        assert "0 open;" in requests().output
        assert "passed-on, late" in requests("--done").output
        assert "OVERDUE" in requests("reopen", name, "--note", "they called again").output


def test_a_request_is_given_to_a_colleague_or_back_to_nobody_and_it_is_entered(
    clinic: Clinic,
) -> None:
    clinic.left(due=timedelta(hours=2))
    now, page_db = datetime.now(UTC), clinic.place.page_db
    for name, role in (("Nia Okafor", Role.NURSE), ("ben", Role.TECHNICIAN)):
        code = people.invite(page_db, name, role, now)
        people.accept(page_db, name, code, PASSWORD, now, CHEAP)
    with clinic.answering():
        request = requests().output.splitlines()[1].split()[0]
        assert "Nia Okafor has it" in requests("give", request, "Nia Okafor", "--as", PERSON).output
        refused = requests("give", request, "ben", "--as", PERSON)
        assert refused.exit_code == 1
        assert "ben sees to no requests" in refused.output
        assert "Nia Okafor" in requests().output
        assert "nobody has it" in requests("give", request, "", "--as", PERSON).output
        assert "given by Rita Sommer: to nobody" in requests("show", request).output
    with closing(sqlite3.connect(clinic.place.calls_db)) as raw:
        entered = raw.execute("SELECT who, act FROM audit WHERE act LIKE 'gave%'").fetchall()
    assert [who for who, _ in entered] == [PERSON, PERSON]


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.AUDITOR])
def test_who_looks_after_the_box_reads_no_request(clinic: Clinic, role: Role) -> None:
    clinic.left(due=timedelta(hours=2))
    now, page_db = datetime.now(UTC), clinic.place.page_db
    people.accept(page_db, "ben", people.invite(page_db, "ben", role, now), PASSWORD, now, CHEAP)
    with clinic.answering():
        name = requests().output.splitlines()[1].split()[0]
        words = ("show", name, "--open", "--as", "ben", "--password-stdin")
        refused = requests(*words, said=f"{PASSWORD}\n")
        assert f"ben is {role} and may not read who called" in refused.output
        for secret in SECRETS:
            assert secret not in refused.output
        assert "opened by" not in requests("show", name).output
    with closing(sqlite3.connect(clinic.place.calls_db)) as raw:
        (*_, last) = raw.execute("SELECT who, act FROM audit ORDER BY id").fetchall()
    assert last == ("ben", "was refused")


def test_what_is_sealed_opens_by_no_wrong_password(clinic: Clinic) -> None:
    clinic.left(due=timedelta(hours=2))
    with clinic.answering():
        name = requests().output.splitlines()[1].split()[0]
        refused = requests("show", name, "--open", "--password-stdin", said="not the password\n")
        assert "opened" not in requests("show", name).output
    assert refused.exit_code == 1
    assert not any(secret in refused.output for secret in SECRETS)


def test_who_hung_up_before_the_end_is_listed_as_such_and_staff_reads_what_there_is(
    clinic: Clinic,
) -> None:
    clinic.left(due=timedelta(hours=2), whole=False)
    with clinic.answering():
        listed = requests().output
        assert "min left, hung up before the end" in listed
        name = listed.splitlines()[1].split()[0]
        shown = requests("show", name).output
        assert "the caller hung up before the end: no promise was made" in shown
        opened = requests("show", name, "--open", "--password-stdin", said=f"{PASSWORD}\n").output
        assert "prescription: 77441100227744" in opened
        assert "done, in time" in requests("done", name).output


def test_nobody_reads_what_is_sealed_without_a_row_that_says_who_and_when(clinic: Clinic) -> None:
    clinic.left(due=timedelta(hours=2))
    with clinic.answering():
        name = requests().output.splitlines()[1].split()[0]
        requests("show", name, "--open", "--password-stdin", said=f"{PASSWORD}\n")
    (row,) = [
        step
        for step in clinic.ledger.store.submit(lambda c: steps_of(c, "call-1")).result(30)
        if step.step == "request" and "opened" in step.detail
    ]
    assert row.detail.endswith(" opened by Rita Sommer")
    assert row.detail.startswith(name)
    with clinic.answering():
        clinic.ledger.store.submit(no_more_rows).result(30)
        refused = requests("show", name, "--open", "--password-stdin", said=f"{PASSWORD}\n")
    assert refused.exit_code == 1
    assert not any(secret in refused.output for secret in SECRETS)


def no_more_rows(connection: Connection) -> None:
    """A disk on which nothing can be written down any more."""
    connection.execute(
        text(
            "CREATE TRIGGER full BEFORE INSERT ON request_acts"
            " BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    )


def test_each_slip_is_told_in_a_sentence_and_so_is_an_exchange_that_is_not_there(
    clinic: Clinic,
) -> None:
    refused = requests()
    assert refused.exit_code == 1
    assert "no exchange answers" in refused.output
    with clinic.answering():
        assert "there is no request" in requests("show", "abc").output
        assert "there is no such request" in requests("done", "abc").output
        assert "request: " in requests("done", "what?").output
        assert requests("done", "abc", "--outcome", "eaten").exit_code == 2


def test_the_list_is_imported_whole_told_with_its_date_and_forgotten(
    clinic: Clinic, tmp_path: Path
) -> None:
    with clinic.answering():
        file = tmp_path / "patients.csv"
        assert "there is no list" in patients().output
        file.write_text("name,birth_date,phone\nAnna Reyes,1985-04-12,202-555-0143\n")
        told = patients("import", str(file))
        assert "1 patient is known now" in told.output
        assert "1/1" in told.output  # the bar at its end
        file.write_text("name,birth_date,phone\nBen,1985-04-12,5550143\nCleo,1985-13-12,5550144\n")
        refused = patients("import", str(file))
        assert refused.exit_code == 2
        assert "patients.csv:3: birth_date does not fit" in refused.output
        assert "write it like 1985-04-12" in refused.output
        assert "nothing was imported" in refused.output
        assert "1 patient, imported on" in patients().output
        assert "nothing was forgotten" in patients("forget", said=f"{PASSWORD}\nn\n").output
        assert "the list is forgotten" in patients("forget", "--yes").output
        assert "there was no list" in patients("forget", "--yes").output
        assert "No such file" in patients("import", str(tmp_path / "none.csv")).output
