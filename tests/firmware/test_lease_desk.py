"""Urgent messages on the disk: what is told has been written, and what a crash leaves goes on."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from firmware import audit, leases, mended, people, pins, settings, spare_key, topics
from firmware.cli import oncall
from firmware.control import ControlError
from firmware.copies import Copies
from firmware.handover import Night
from firmware.keys import KeyPair
from firmware.lease_desk import LeaseDesk
from firmware.ledger import Arrived, Finished, Ledger, MessageKept, Moment, steps_of
from firmware.ledger_log import Change, Line
from firmware.machine import MachineKey
from firmware.notify import Notices
from firmware.operations import Asker, Role
from firmware.passwords import Cost
from firmware.place import Place
from firmware.store import make_at, open_reader
from firmware.vault import Label, Sealing
from ivr import commands, events
from ivr.commands import NO_CALL, Outcome
from ivr.plan import Plan
from ivr.urgent import Urgent
from tests.firmware.canaries import found_in

TEMPLATE = Path(settings.__file__).parent / "template" / "clinic.toml"
PATIENT = "2025550123"
OWNERS = KeyPair.fresh()
WORDS = bytes(16_000)
CHEAP = Cost(1, 8, 1)


@dataclass
class Box:
    """One box; each `desk` is one life of its exchange."""

    place: Place
    plan: Plan
    told: list[events.Event] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @contextmanager
    def life(self) -> Iterator["Life"]:
        key = MachineKey.at(self.place.machine_key)
        ledger = Ledger(self.place.calls_db, self.place.ledger_log, key)
        try:
            yield Life(self, ledger, key)
        finally:
            ledger.close()

    def steps(self, call: str) -> list[tuple[str, str]]:
        reader = open_reader(self.place.calls_db)
        with reader.connect() as connection:
            found = [(step.step, step.detail) for step in steps_of(connection, call)]
        reader.dispose()
        return found


class Life:
    """The desk of one exchange, and the ledger that it writes."""

    def __init__(self, box: Box, ledger: Ledger, key: MachineKey) -> None:
        self.box, self.ledger, self.key = box, ledger, key
        self.desk = LeaseDesk(
            store=ledger.store,
            key=key,
            place=box.place,
            plan=lambda: box.plan,
            tell=box.told.append,
            start=self._start,
            notices=Notices(lambda: None, self._start),
        )

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self.box.tasks.append(asyncio.create_task(work))

    async def does(self, *orders: commands.LeaseCommand) -> list[events.Event]:
        """What is told once all of it is done, and what follows from that."""
        before = len(self.box.told)
        for order in orders:
            self.desk.perform(order)
        await self.rests()
        return self.box.told[before:]

    async def rests(self) -> None:
        async with asyncio.timeout(30):
            while self.box.tasks:
                await self.box.tasks.pop()

    async def a_message(self, call: str, number: str = PATIENT, *, ends: bool = False) -> str:
        """A caller leaves one, and perhaps hangs up."""
        message, moment = str(uuid4()), Moment.now()
        label = Label(message, call, "doctor", 0, urgent=True)
        directory = self.box.place.messages

        def spare(name: str, own: bytes) -> None:
            spare_key.keep(directory, name, own, self.key)

        sealing = Sealing(directory, label, [OWNERS.public], spare)
        sealing.add(memoryview(WORDS), last=True)
        sealing.finish()
        is_known = any(step == "offered" for step, _ in self.box.steps(call))
        arrived = Arrived(call, "main", "2025550100", f"+1{number}", "Ann", moment)
        kept = MessageKept(message, call, "doctor", datetime.now(UTC), 1.0, True, False, moment)
        await self.ledger.write([*([] if is_known else [arrived]), kept])
        if ends:
            await self.ledger.write([Finished(call, Outcome.MESSAGE, Moment.now())])
        return message


@pytest.fixture
def box(tmp_path: Path) -> Box:
    place = Place(tmp_path)
    place.site_file.write_text(TEMPLATE.read_text("utf-8"), "utf-8")
    place.messages.mkdir()
    return Box(place, settings.read(TEMPLATE.read_text("utf-8")))


def urgent(call: str, message: str) -> Urgent:
    return Urgent(call, message, PATIENT, "en", ("first",))


def test_it_is_opened_owned_by_the_first_and_closed_with_a_receipt_for_its_key(box: Box) -> None:
    async def story() -> None:
        call = str(uuid4())
        with box.life() as life:
            message = await life.a_message(call)
            opened = urgent(call, message)
            assert await life.does(commands.OpenLease(opened)) == [events.LeaseOpened(opened)]
            assert await life.does(commands.OwnLease(message, "alvarez")) == [
                events.LeaseOwned(message, "alvarez")
            ]
            assert await life.does(commands.OwnLease(message, "brandt")) == []
            assert (await life.desk.samples(message)) is not None
            used = [about for step, about in box.steps(NO_CALL) if step == audit.AUDITED]
            assert len(used) == 1  # that the box has opened it stands in the audit
            assert await life.does(commands.CloseLease(message, "alvarez", "done")) == [
                events.LeaseClosed(message, "alvarez", "done")
            ]
            assert await life.does(commands.CloseLease(message, "brandt", "done")) == []
            assert spare_key.held(box.place.messages) == []
            assert await life.desk.samples(message) is None
        receipts = [detail for step, detail in box.steps(call) if step == leases.DESTROYED]
        assert receipts == [f"this box can open {message} no more"]
        raw = b"".join(path.read_bytes() for path in box.place.home.glob("calls.db*"))
        assert PATIENT.encode() not in raw + box.place.ledger_log.read_bytes()

    asyncio.run(story())


def test_after_a_kill_an_open_message_goes_on_as_whose_it_was(box: Box) -> None:
    async def story() -> None:
        call = str(uuid4())
        with box.life() as life:
            message = await life.a_message(call)
            await life.does(commands.OpenLease(urgent(call, message)))
            await life.does(commands.OwnLease(message, "alvarez"), commands.FreeLease(message))
            await life.does(commands.OwnLease(message, "brandt"))
        box.told.clear()
        with box.life() as life:
            life.desk.resume()
            await life.rests()
            (resumed,) = box.told
            assert resumed == events.LeaseResumed(urgent(call, message), "brandt")
            assert isinstance(resumed, events.LeaseResumed)
            assert resumed.urgent.number == PATIENT
            assert (await life.desk.samples(message)) is not None

    asyncio.run(story())


def test_a_caller_who_hung_up_without_a_word_has_left_it_all_the_same(box: Box) -> None:
    """The box may even have died in between: of two recordings the last is meant."""

    async def story() -> None:
        call, talking = str(uuid4()), str(uuid4())
        with box.life() as life:
            first = await life.a_message(call)
            await life.a_message(talking)  # that caller is still there
            last = await life.a_message(call, ends=True)
        with box.life() as life:
            life.desk.resume()
            life.desk.look(0.0)
            await life.rests()
            (opened,) = box.told
            assert isinstance(opened, events.LeaseOpened)
            assert (opened.urgent.message, opened.urgent.number) == (last, PATIENT)
            held = spare_key.held(box.place.messages)
            assert (first in held, last in held, len(held)) == (False, True, 2)
            life.desk.look(100.0)
            await life.rests()
            assert len(box.told) == 1
        assert [step for step, _ in box.steps(call)].count(leases.DESTROYED) == 1

    asyncio.run(story())


def test_what_a_crash_left_of_a_key_is_put_right(box: Box) -> None:
    """A key to a second that was never spoken goes; a receipt that is missing is written."""

    async def story() -> None:
        call = str(uuid4())
        with box.life() as life:
            spare_key.keep(box.place.messages, str(uuid4()), bytes(32), life.key)
            message = await life.a_message(call)
            await life.does(commands.OpenLease(urgent(call, message)))
            spare_key.destroy(box.place.messages, message)
            await life.ledger.store.write(
                lambda c: leases.close(c, message, "alvarez", "done", Moment.now())
            )
        with box.life() as life:
            life.desk.resume()
            await life.rests()
            assert spare_key.held(box.place.messages) == []
        assert leases.DESTROYED in [step for step, _ in box.steps(call)]
        assert box.told[1:] == []

    asyncio.run(story())


def test_a_pin_is_checked_and_a_page_db_without_any_lets_nobody_in(box: Box) -> None:
    async def story() -> None:
        with box.life() as life:
            asked = commands.CheckPin("leg-1", "alvarez", "902146")
            assert await life.does(asked) == [events.PinChecked("leg-1", fits=False)]
            pins.keep(box.place.page_db, "alvarez", "902146", CHEAP)
            assert await life.does(asked) == [events.PinChecked("leg-1", fits=True)]
            wrong = replace(asked, pin="902147")
            assert await life.does(wrong) == [events.PinChecked("leg-1", fits=False)]

    asyncio.run(story())


def test_somebody_of_the_clinic_takes_and_closes_by_command_with_a_note(box: Box) -> None:
    async def story() -> None:
        call = str(uuid4())
        with box.life() as life:
            message = await life.a_message(call)
            await life.does(commands.OpenLease(urgent(call, message)))
            assert life.desk.part().state == "alarm"
            settle = partial(life.desk._settle, asker=Asker("ann", Role.NURSE))
            for wrong, why in (({"lease": "ffff-"}, "no open one"), ({"person": "nobody"}, "no")):
                asked = {"lease": message[:8], "to": "accept", "person": "chen", **wrong}
                with pytest.raises(ControlError, match=why):
                    await settle(topics.SettleLeaseRequest.model_validate(asked))
            asked = {"lease": message[:8], "to": "accept", "person": "chen", "note": "by pager"}
            reply = await settle(topics.SettleLeaseRequest.model_validate(asked))
            assert [line.owner for line in reply.leases] == ["chen"]
            closing = topics.SettleLeaseRequest(lease=message[:8], to="close", note="seen at home")
            assert (await settle(closing)).leases == ()
            await life.rests()
            assert box.told[-1] == events.LeaseClosed(message, "ann", "seen to")
            assert box.steps(call).count(("on call", "a note by ann")) == 2
            assert notes_in(box, message, life.key) == ["by pager", "seen at home"]
            assert notes_in(box, message, None) == [None, None]
        assert found_in([box.place.home], re.compile(b"by pager|seen at home")) == []

    asyncio.run(story())


def test_a_note_that_an_older_version_wrote_in_plain_is_sealed_and_lies_nowhere_any_more(
    box: Box,
) -> None:
    call, message = str(uuid4()), str(uuid4())
    box.place.home.mkdir(parents=True, exist_ok=True)
    make_at(box.place.calls_db, "calls", "0017")
    left = (message, call, "", "en", b"", "2026-11-01", "chen", "2026-11-02", "ann", "seen at home")
    said = ("chen: by pager", "chen: wrong PIN", "chen took it", "closed by ann: seen at home")
    with closing(sqlite3.connect(box.place.calls_db)) as older, older:
        older.execute("INSERT INTO leases VALUES (?,?,?,?,?,?,?,?,?,?)", left)
        older.executemany(
            "INSERT INTO steps (call, at, mono_ms, step, detail) VALUES (?, '', 0, 'on call', ?)",
            [(call, each) for each in said],
        )
    plain = re.compile(b"by pager|seen at home")
    mended.copy(box.place.calls_db)
    rows = (Change("leases", {"message": message, "how": "seen at home"}),)
    box.place.ledger_log.write_bytes(Line(0, "0017", rows).text())
    assert len(found_in([box.place.home], plain)) >= 3

    async def one_quiet_moment(life: Life) -> None:
        copies = Copies(box.place.calls_db, life.ledger, lambda: True)
        looking = asyncio.create_task(copies.run())
        async with asyncio.timeout(30):
            while found_in([box.place.home], plain):  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0)
        looking.cancel()
        await asyncio.wait([looking])
        assert not found_in([box.place.home], plain)

    with box.life() as life:
        assert set(notes_in(box, message, life.key)) == {"by pager", "seen at home"}
        assert [detail for _, detail in box.steps(call)] == [
            "a note by chen",
            "chen: wrong PIN",
            "chen took it",
            "closed by ann: seen to",
        ]
        asyncio.run(one_quiet_moment(life))


def notes_in(box: Box, message: str, key: MachineKey | None) -> list[str | None]:
    reader = open_reader(box.place.calls_db)
    with reader.connect() as connection:
        found = [note.words for note in leases.notes_on(connection, message, key)]
    reader.dispose()
    return found


def test_the_status_names_who_has_no_pin(box: Box) -> None:
    with box.life() as life:
        part = life.desk.part()
        assert (part.state, "alvarez" in part.detail) == ("alarm", True)
        for person in ("alvarez", "brandt", "chen"):
            pins.keep(box.place.page_db, person, "902146", CHEAP)
        part = life.desk.part()
        assert (part.state, part.cure) == (
            "warning",
            "run `careline oncall pin answering-service`",
        )
        pins.keep(box.place.page_db, "answering-service", "902146", CHEAP)
        assert life.desk.part().state == "well"


def test_the_sheet_tells_the_night_and_no_number_and_open_ones_are_listed(box: Box) -> None:
    async def story() -> tuple[str, str]:
        call, other = str(uuid4()), str(uuid4())
        with box.life() as life:
            message = await life.a_message(call)
            await life.does(commands.OpenLease(urgent(call, message)))
            await life.does(commands.OwnLease(message, "brandt"))
            second = await life.a_message(other)
            await life.does(commands.OpenLease(urgent(other, second)))
            await life.does(commands.CloseLease(second, "alvarez", "talked with the patient"))
        return message, second

    def sheet_of(night: Night) -> str:
        words = ["oncall", "sheet", "--night", f"{night.start:%Y-%m-%d}"]
        return CliRunner().invoke(oncall.app, words, env=env).stdout

    zone = ZoneInfo(box.plan.timezone)
    env = {"CARELINE_HOME": str(box.place.home)}
    nights = {Night.last(datetime.now(zone))}
    first, second = asyncio.run(story())
    nights.add(Night.last(datetime.now(zone)))  # noon may have come in between
    sheet = "".join(sheet_of(night) for night in nights)
    assert "OPEN, taken by Dr. Brandt" in sheet
    assert "by Dr. Alvarez: talked with the patient" in sheet
    assert "On call, first: Dr." in sheet
    assert "locked: --unlock shows it" in sheet
    assert PATIENT not in sheet
    people.set_up(
        box.place.page_db, KeyPair.fresh().public, "ann", "four words in a row", (), CHEAP
    )
    unlock = ["oncall", "sheet", "--unlock", "--password-stdin", "--night"]
    days = [f"{night.start:%Y-%m-%d}" for night in nights]
    typed = [
        [CliRunner().invoke(oncall.app, [*unlock, day], input=f"{password}\n", env=env)
         for day in days]
        for password in ("four words in a row", "another password")
    ]  # fmt: skip
    assert PATIENT in "".join(done.stdout for done in typed[0])
    assert PATIENT not in "".join(done.stdout for done in typed[1])
    assert "do not belong together" in typed[1][0].stderr
    earlier = CliRunner().invoke(oncall.app, ["oncall", "sheet", "--night", "2020-01-01"], env=env)
    assert "Urgent messages: 0, of which open: 0" in earlier.stdout
    listed = CliRunner().invoke(oncall.app, ["oncall", "leases", "--json"], env=env).stdout
    assert [row["message"] for row in json.loads(listed)] == [first]
    assert second[:8] not in listed


def test_a_pin_is_set_by_asking_twice_and_what_is_wrong_is_told(box: Box) -> None:
    env = {"CARELINE_HOME": str(box.place.home)}
    words = "four words in a row"
    people.set_up(box.place.page_db, KeyPair.fresh().public, "ann", words, (), CHEAP)

    def pin(name: str, typed: str) -> tuple[int, str]:
        typed = f"{words}\n{typed}"
        done = CliRunner().invoke(oncall.app, ["oncall", "pin", name], input=typed, env=env)
        return done.exit_code, done.stderr

    assert pin("alvarez", "902146\n902146\n")[0] == 0
    assert pins.fits(box.place.page_db, "alvarez", "902146")
    status, said = pin("alvarez", "123456\n123456\n")
    assert (status, "guessed first" in said) == (1, True)
    status, said = pin("nobody", "902146\n902146\n")
    assert (status, "answering-service" in said) == (2, True)
    assert pins.fits(box.place.page_db, "alvarez", "902146")
