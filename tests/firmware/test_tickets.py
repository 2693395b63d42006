"""Promised call-backs on the disk: sealed, in their rank whatever happened, kept or closed."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from structlog.testing import capture_logs

from firmware import backlog, tickets, topics
from firmware.backlog import Backlog
from firmware.callback_desk import CallbackDesk
from firmware.control import ControlError
from firmware.ledger import JOINED, Arrived, Ledger, Moment, Noted, steps_of
from firmware.machine import MachineKey
from firmware.store import open_reader
from firmware.tickets import Closed, Opened, Tried
from ivr import events
from ivr.commands import KeepTicket
from ivr.exchange import Exchange
from ivr.plan import Urgency
from ivr.ticket import End, Ticket
from tests.firmware.test_backlog import full_disk
from tests.ivr.test_callbacks import NUMBER, calling_back

KEY = MachineKey(b"k" * 32)
ASKED = Moment(datetime(2026, 11, 23, 15, tzinfo=UTC), 5_000_000)
TICKET = Ticket(
    id="71c4e7",
    call="call-1",
    queue="desk",
    number=NUMBER,
    urgency=Urgency.SOON,
    language="en",
    since=4_900.0,
    expires=ASKED.at + timedelta(hours=30),
    about="about-refill",
)


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To make a ledger takes longer than any of these stories."""
    home = tmp_path_factory.mktemp("blank")
    with books(home):
        return home


@pytest.fixture
def tmp_path(tmp_path: Path, blank: Path) -> Path:
    """Where an empty ledger lies."""
    shutil.copytree(blank, tmp_path, dirs_exist_ok=True)
    return tmp_path


def later(seconds: float, wall_jumps: timedelta = timedelta()) -> Moment:
    at = ASKED.at + timedelta(seconds=seconds) + wall_jumps
    return Moment(at, ASKED.mono_ms + round(seconds * 1000))


@contextmanager
def books(home: Path) -> Iterator[Ledger]:
    ledger = Ledger(home / "calls.db", home / "ledger.log", KEY)
    try:
        yield ledger
    finally:
        ledger.close()


def write(ledger: Ledger, *rows: Any) -> None:
    asyncio.run(ledger.write(rows))


def arrived(call: str, number: str, moment: Moment) -> Arrived:
    return Arrived(call, "main", "2025550100", number, "Ann", moment)


def left_open(home: Path, now: Moment, boot: str = "this life") -> list[Ticket]:
    reader = open_reader(home / "calls.db")
    with reader.connect() as connection:
        return tickets.still_open(connection, KEY, now, boot, {"desk": 600.0})


def got_through(home: Path) -> list[str]:
    reader = open_reader(home / "calls.db")
    with reader.connect() as connection:
        return tickets.got_through(connection)


def test_a_ticket_lies_sealed_and_comes_back_as_it_was_promised(tmp_path: Path) -> None:
    with books(tmp_path) as ledger:
        write(ledger, arrived("call-1", NUMBER, ASKED), Opened(TICKET, "this life", ASKED))
        assert left_open(tmp_path, later(60)) == [replace(TICKET, again_at=5_060.0)]
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert NUMBER.encode() not in stored
    assert NUMBER not in repr(TICKET)
    assert NUMBER not in repr(Opened(TICKET, "", ASKED))


def test_one_life_of_the_machine_knows_the_rank_whatever_the_wall_clock_did(tmp_path: Path) -> None:
    with books(tmp_path) as ledger:
        write(ledger, Opened(TICKET, "this life", ASKED))
        jumped = later(60, timedelta(days=-9000))
        assert [ticket.since for ticket in left_open(tmp_path, jumped)] == [4_900.0]


def test_after_a_power_cut_the_wall_clock_tells_since_when_but_no_wait_is_negative(
    tmp_path: Path,
) -> None:
    second = replace(TICKET, id="72", since=4_950.0)
    with books(tmp_path) as ledger:
        write(
            ledger, Opened(second, "a life before", ASKED), Opened(TICKET, "a life before", ASKED)
        )
        now = Moment(ASKED.at + timedelta(seconds=300), 20_000)
        assert [t.since for t in left_open(tmp_path, now)] == [20 - 400.0, 20 - 350.0]
        in_1970 = Moment(datetime(1970, 1, 1, tzinfo=UTC), 20_000)
        assert [(t.id, t.since) for t in left_open(tmp_path, in_1970)] == [
            ("71c4e7", 20),
            ("72", 20),
        ]


def test_who_was_tried_before_our_death_rests_as_long_as_ever(tmp_path: Path) -> None:
    with books(tmp_path) as ledger:
        write(ledger, Opened(TICKET, "this life", ASKED), Tried("71c4e7", "leg-1", later(10)))
        [ticket] = left_open(tmp_path, later(110))
        assert (ticket.tries, ticket.leg, ticket.again_at) == (1, "leg-1", 5_110.0 + 500.0)
        [ticket] = left_open(tmp_path, later(110, timedelta(days=-9000)))
        assert ticket.again_at == 5_110.0 + 600.0  # a clock set back makes nobody wait for years


def test_a_ticket_is_closed_once_and_its_call_says_how(tmp_path: Path) -> None:
    with books(tmp_path) as ledger:
        write(ledger, arrived("call-1", NUMBER, ASKED), Opened(TICKET, "this life", ASKED))
        write(
            ledger, Closed("71c4e7", End.KEPT, later(9)), Closed("71c4e7", End.CANCELLED, later(9))
        )
        assert left_open(tmp_path, later(60)) == []
        reader = open_reader(tmp_path / "calls.db")
        with reader.connect() as connection:
            told = [s.detail for s in steps_of(connection, "call-1") if s.step == tickets.CLOSED]
            assert told == ["71c4e7 kept"]
            assert tickets.promised(connection) == {"call-1"}
            assert tickets.open_by_queue(connection) == {}


@pytest.mark.parametrize("number", [NUMBER, f"1{NUMBER}", f"+1{NUMBER}", "+442071838750"])
def test_who_calls_again_and_talks_with_somebody_is_known_however_the_number_is_written(
    tmp_path: Path, number: str
) -> None:
    """By the number that was keyed, or by the one that asked."""
    with books(tmp_path) as ledger:
        asking = arrived("call-1", "+442071838750", later(-60))
        write(ledger, asking, Noted("call-1", JOINED, "", later(-50)))
        write(ledger, Opened(TICKET, "this life", ASKED))
        assert got_through(tmp_path) == []
        write(ledger, arrived("call-2", number, later(60)))
        assert got_through(tmp_path) == []
        write(ledger, Noted("call-2", JOINED, "", later(70)))
        assert got_through(tmp_path) == ["71c4e7"]


def test_why_a_call_back_went_as_it_did_is_told_with_the_call_that_asked_for_it(
    tmp_path: Path,
) -> None:
    with books(tmp_path) as ledger:
        write(ledger, arrived("call-1", NUMBER, ASKED), Opened(TICKET, "x", ASKED))
        write(ledger, Noted("71c4e7", "offer", "101", later(1)), Noted("else", "menu", "", ASKED))
        reader = open_reader(tmp_path / "calls.db")
        with reader.connect() as connection:
            told = [step.step for step in tickets.steps_of(connection, "call-1")]
    assert told == ["offered", tickets.OPENED, "offer"]


def test_who_was_not_reached_is_shown_to_the_staff_for_a_week(tmp_path: Path) -> None:
    with books(tmp_path) as ledger:
        rows = [Opened(replace(TICKET, id=end.value), "x", ASKED) for end in End]
        write(ledger, *rows, *(Closed(end.value, end, later(9)) for end in End))
        reader = open_reader(tmp_path / "calls.db")
        with reader.connect() as connection:
            shown = tickets.came_to_nothing(connection, ASKED.at)
            assert {row["ticket"] for row in shown} == {"not reached", "expired"}
            assert tickets.came_to_nothing(connection, ASKED.at + timedelta(days=7)) == []


def from_the_log_alone(home: Path) -> list[tuple[str, str, str]]:
    """What `ledger.log` knows of promises not kept yet, in the order of rank: name, queue and
    number. The database is gone."""
    with TemporaryDirectory() as scratch:
        shutil.copy(home / "ledger.log", scratch)
        with books(Path(scratch)):
            left = left_open(Path(scratch), ASKED)
    return [(ticket.id, ticket.queue, ticket.number) for ticket in left]


def test_the_log_alone_knows_who_is_still_to_be_called_and_in_which_order(tmp_path: Path) -> None:
    sooner = replace(TICKET, id="72", call="call-2", since=4_800.0)
    kept = replace(TICKET, id="73", call="call-3", since=4_700.0)
    with books(tmp_path) as ledger:
        write(ledger, *(Opened(each, "a life", ASKED) for each in (TICKET, kept, sooner)))
        write(ledger, Closed("73", End.KEPT, later(9)))
    assert from_the_log_alone(tmp_path) == [("72", "desk", NUMBER), ("71c4e7", "desk", NUMBER)]
    assert NUMBER.encode() not in (tmp_path / "ledger.log").read_bytes()


class Desk:
    """The call-backs of one exchange between a real disk and the call logic."""

    def __init__(self, home: Path, ledger: Ledger) -> None:
        self.told: list[events.Event] = []
        self.when_told: Callable[[], None] = lambda: None
        self.exchange = Exchange(calling_back(), lambda: "an-id")
        self.backlog = Backlog(ledger)
        self._tasks: list[asyncio.Task[None]] = []
        self.desk = CallbackDesk(
            self.exchange, self.backlog, home / "calls.db", KEY, self._hear, self._start
        )

    def _hear(self, event: events.Event) -> None:
        self.told.append(event)
        self.when_told()
        self.exchange.receive(event, 5_100.0, ASKED.at)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    async def done(self) -> None:
        """Whatever was begun has come to its end."""
        while tasks := self._tasks:
            self._tasks = []
            await asyncio.gather(*tasks)

    async def settled(self) -> None:
        """And all of it is on the disk."""
        await self.done()
        await self.backlog.promise()


def at_a_desk(home: Path, story: Callable[[Desk], Coroutine[Any, Any, None]]) -> None:
    async def lived(ledger: Ledger) -> None:
        desk = Desk(home, ledger)
        writing = asyncio.create_task(desk.backlog.run())
        async with asyncio.timeout(30):
            await story(desk)
            await desk.settled()
        writing.cancel()

    with books(home) as ledger:
        asyncio.run(lived(ledger))


def test_a_promise_is_told_once_it_is_durable_and_with_a_full_disk_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "RETRY_S", 0.01)

    async def story(desk: Desk) -> None:
        desk.desk.perform(KeepTicket(TICKET))
        await desk.settled()
        assert desk.told == [events.TicketOpened(TICKET)]
        with capture_logs(), full_disk():  # nor may what is said of it go to a file
            desk.desk.perform(KeepTicket(replace(TICKET, id="72")))
            await desk.done()
            assert desk.told[1:] == [events.TicketFailed("call-1", "72")]
        await desk.settled()

    at_a_desk(tmp_path, story)
    with books(tmp_path):
        assert [ticket.id for ticket in left_open(tmp_path, later(60))] == ["71c4e7"]


@pytest.mark.parametrize("half_written", [b"", b"\x00" * 700, b"\x37\x7f\x06\x82" * 1400])
def test_what_was_promised_survives_a_power_cut_in_the_very_next_moment(
    tmp_path: Path, half_written: bytes
) -> None:
    """The disk as it is when the caller is told, and of what was being written then a torn piece:
    by then all of the promise must be there (that it is synced too, `test_store` holds)."""
    disk = tmp_path / "disk"

    def power_is_cut() -> None:
        disk.mkdir()
        for file in ("calls.db", "calls.db-wal", "ledger.log"):
            shutil.copy(tmp_path / file, disk / file)

    async def story(desk: Desk) -> None:
        desk.when_told = power_is_cut
        desk.desk.perform(KeepTicket(TICKET))
        await desk.settled()
        assert desk.told == [events.TicketOpened(TICKET)]

    at_a_desk(tmp_path, story)
    for file in ("calls.db-wal", "ledger.log"):
        with (disk / file).open("ab") as torn:
            torn.write(half_written)
    with books(disk) as ledger:
        booted = Moment(ASKED.at + timedelta(seconds=300), 20_000)
        [ticket] = left_open(disk, booted, boot="the next life")
        assert (ticket.id, ticket.number, ticket.expires) == ("71c4e7", NUMBER, TICKET.expires)
        assert from_the_log_alone(disk) == [("71c4e7", "desk", NUMBER)]
        write(ledger, Closed("71c4e7", End.KEPT, booted))
    assert from_the_log_alone(disk) == []


def test_a_queue_that_calls_nobody_back_any_more_is_an_alarm_and_its_callers_stay_on_the_list(
    tmp_path: Path,
) -> None:
    async def story(desk: Desk) -> None:
        desk.desk.perform(KeepTicket(TICKET))
        await desk.settled()
        assert desk.desk.part().state == "well"
        with_none = {"desk": replace(desk.exchange.plan.queues["desk"], callbacks=None)}
        without = replace(desk.exchange.plan, queues={**desk.exchange.plan.queues, **with_none})
        desk.exchange.receive(events.PlanAdopted(without), 5_100.0, ASKED.at)
        told = desk.desk.part()
        assert told.state == "alarm"
        assert told.detail == "nobody calls 1 who were promised it: no callbacks in desk"
        assert "publish" in told.cure
        [line] = (await desk.desk.listed(topics.CallbacksRequest())).callbacks
        assert line.doing == "nobody: its queue has no callbacks now"
        with capture_logs() as logs:
            desk.desk.resume([])
        assert [(entry["log_level"], entry["count"]) for entry in logs] == [("warning", 1)]

    at_a_desk(tmp_path, story)


def test_after_a_restart_who_talks_has_been_called_back_and_the_others_are_in_line(
    tmp_path: Path,
) -> None:
    rows = [Opened(replace(TICKET, id=name), "x", ASKED) for name in ("talks", "waits", "through")]
    with books(tmp_path) as ledger:
        write(ledger, *rows, Tried("talks", "leg-1", later(1)), Tried("waits", "leg-2", later(1)))
        write(ledger, Closed("through", End.GOT_THROUGH, later(2)))

    async def story(desk: Desk) -> None:
        desk.desk.resume(["leg-1", "another"])
        await desk.settled()
        assert [e.ticket.id for e in desk.told if isinstance(e, events.TicketOpened)] == ["waits"]

    at_a_desk(tmp_path, story)
    reader = open_reader(tmp_path / "calls.db")
    with reader.connect() as connection:
        told = [(step.step, step.detail) for step in steps_of(connection, "call-1")]
    assert ("called back", "talks") in told
    assert (tickets.CLOSED, "talks kept") in told


def test_the_staff_see_who_waits_but_not_who_it_is_and_can_cancel_it(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        desk.desk.perform(KeepTicket(TICKET))
        await desk.settled()
        listed = await desk.desk.listed(topics.CallbacksRequest())
        assert NUMBER not in listed.model_dump_json()
        [line] = listed.callbacks
        assert (line.ticket, line.queue, line.tries) == ("71c4e7", "desk", 0)
        with pytest.raises(ControlError, match="0 call-backs have a name that begins so"):
            await desk.desk.cancel(topics.CancelCallbackRequest(ticket="beef"))
        assert listed.broken == ()
        left = await desk.desk.cancel(topics.CancelCallbackRequest(ticket="71c4"))
        assert left.callbacks == ()
        assert not desk.exchange.tickets()

    at_a_desk(tmp_path, story)
    with books(tmp_path):
        assert left_open(tmp_path, later(60)) == []
