"""A request is durable before the caller hears so; staff takes it, notes, finishes it in time or
late; and what was keyed, who it is and what was noted is read by nobody without the machine key.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from firmware import request_topics as topics
from firmware import requests
from firmware.control import ControlError, Door
from firmware.ledger import Arrived, Ledger, MessageKept, Moment, steps_of
from firmware.machine import MachineKey
from firmware.operations import Asker, Role
from firmware.request_desk import RequestDesk
from firmware.requests import OnTime
from ivr import commands, events
from ivr.asking import Answer
from ivr.form import RequestKind

KEY = MachineKey(b"k" * 32)
MORNING = datetime(2026, 11, 23, 14, tzinfo=UTC)  # a Monday, 09:00 in New York
NUMBER, NAME, KEYED, NOTE = "2025550143", "Anna Reyes", "77441100227744", "Pharmacy on Oak Street"
ORDER = commands.KeepRequest(
    "call-1",
    7,
    RequestKind.REFILL,
    (Answer("prescription", KEYED), Answer("medicine", message="m-1")),
    NAME,
    MORNING + timedelta(hours=4),
    "nurse",
)


class Clinic:
    """An exchange's store and its desk, on a clock that the story moves."""

    def __init__(self, home: Path) -> None:
        self.home, self.now = home, MORNING
        self.told: list[events.Event] = []
        self.start()

    def start(self) -> None:
        """An exchange begins its work here, perhaps after another."""
        home = self.home
        self.ledger = Ledger(home / "calls.db", home / "ledger.log", KEY)
        self.desk = RequestDesk(
            self.ledger.store,
            KEY,
            self.told.append,
            lambda: ZoneInfo("America/New_York"),
            lambda: Moment(self.now, 0),
        )
        self.desk.open(Door())

    def left(self, order: commands.KeepRequest = ORDER) -> str:
        """A caller leaves a request, and is told; its id."""
        arrived = Arrived(order.call, "main", "2025550100", NUMBER, "", Moment(self.now, 0))
        label = MessageKept(
            "m-1",
            order.call,
            "refills",
            self.now,
            4.0,
            urgent=False,
            cut_off=False,
            moment=Moment(self.now, 0),
        )
        asyncio.run(self.ledger.write([arrived, label]))
        asyncio.run(self.desk.keep(order))
        assert self.told.pop() == events.RequestKept(order.call, order.tag)
        return self.list()[0].request

    def list(self, *, done: bool = False) -> tuple[topics.RequestLine, ...]:
        return asyncio.run(self.desk._list(topics.RequestsRequest(done=done))).requests

    def show(self, request: str) -> topics.RequestReply:
        return asyncio.run(self.desk._show(topics.RequestRequest(request=request)))

    def act(
        self,
        act: Literal["take", "note", "done", "reopen"],
        request: str,
        by: str = "rita",
        note: str = "",
        outcome: requests.Outcome = requests.Outcome.DONE,
    ) -> topics.RequestReply:
        wish = topics.ActRequest(request=request, act=act, note=note, outcome=outcome)
        return asyncio.run(self.desk._act(wish, Asker(by, Role.NURSE)))


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    standing = Clinic(tmp_path)
    yield standing
    standing.ledger.close()


def test_a_request_is_listed_with_its_due_time_and_opened_by_the_key_alone(clinic: Clinic) -> None:
    request = clinic.left()
    (line,) = clinic.list()
    assert (line.kind, line.owner, line.left_min, line.overdue) == ("refill", "nurse", 240, False)
    (answer,) = clinic.show(request[:8]).recordings
    assert (answer.question, answer.message, answer.mailbox) == ("medicine", "m-1", "refills")
    opened = clinic.ledger.store.submit(
        lambda connection: requests.opened(connection, request, KEY)
    ).result(10)
    assert (opened.patient, opened.number) == (NAME, NUMBER)
    assert opened.answers == {"prescription": KEYED}
    for secret in (NAME, NUMBER, KEYED):
        assert secret not in repr(opened)
        assert secret not in repr(ORDER)


def test_nothing_of_a_request_lies_open_on_the_disk(clinic: Clinic) -> None:
    clinic.act("note", clinic.left(), note=NOTE)
    clinic.ledger.close()
    on_disk = b"".join(each.read_bytes() for each in clinic.home.iterdir() if each.is_file())
    for secret in (NAME, NUMBER, KEYED, NOTE):
        assert secret.encode() not in on_disk
    clinic.start()


def test_what_was_promised_is_there_after_the_exchange_was_killed(clinic: Clinic) -> None:
    request = clinic.left()
    clinic.ledger.close()
    clinic.start()
    assert clinic.list()[0].request == request


def test_staff_takes_notes_finishes_and_reopens_and_each_act_stands_in_the_ledger(
    clinic: Clinic,
) -> None:
    request = clinic.left()
    clinic.act("take", request[:6])
    clinic.act("note", request, note=NOTE)
    clinic.now += timedelta(hours=3)
    clinic.act("done", request, note="sent")
    assert clinic.list() == ()
    (line,) = clinic.list(done=True)
    assert (line.owner, line.outcome, line.in_time) == ("rita", "done", True)
    with pytest.raises(ControlError, match="reopen it first"):
        clinic.act("take", request)
    clinic.now += timedelta(hours=3)
    clinic.act("reopen", request)
    assert clinic.list()[0].overdue
    told = clinic.act("done", request, outcome=requests.Outcome.DECLINED)
    assert [each.act for each in told.history] == [
        "left",
        "taken",
        "noted",
        "done",
        "noted",
        "reopened",
        "done",
    ]
    steps = clinic.ledger.store.submit(lambda c: steps_of(c, "call-1")).result(10)
    words = [step.detail.partition(" ")[2] for step in steps if step.step == "request"]
    assert words[-1] == "done by rita: declined, late"
    assert words[0].startswith("left: refill, due 2026-11-23T18:00")


def test_the_list_begins_with_the_most_pressing_and_says_how_far_the_day_has_come(
    clinic: Clinic,
) -> None:
    first = clinic.left()
    clinic.left(commands.KeepRequest("call-2", 1, RequestKind.BILLING, (), None, MORNING, None))
    clinic.now += timedelta(hours=1)
    reply = asyncio.run(clinic.desk._list(topics.RequestsRequest()))
    assert [line.kind for line in reply.requests] == ["billing", "refill"]
    assert (reply.open, reply.overdue, reply.due_today, reply.done_today) == (2, 1, 2, 0)
    clinic.act("done", first)
    day = partial(requests.on_time, since=MORNING, until=MORNING + timedelta(days=1))
    counted = clinic.ledger.store.submit(lambda c: day(c, now=clinic.now)).result(10)
    assert counted == OnTime(due=2, in_time=1, late=0, still_open=1)


def test_a_request_that_is_not_there_or_not_meant_clearly_changes_nothing(clinic: Clinic) -> None:
    clinic.left()
    with pytest.raises(ControlError, match="no such request"):
        clinic.act("done", "ffffffff-0000")
    with pytest.raises(ControlError, match="nothing to reopen"):
        clinic.act("reopen", clinic.list()[0].request)


def test_what_the_store_refuses_is_told_to_the_caller_and_not_promised(clinic: Clinic) -> None:
    def damage(connection: Connection) -> None:
        refused = "BEGIN SELECT RAISE(ABORT, 'damaged'); END"
        connection.execute(text(f"CREATE TRIGGER t BEFORE INSERT ON request_acts {refused}"))

    clinic.ledger.store.submit(damage).result(10)
    asyncio.run(clinic.desk.keep(ORDER))
    assert clinic.told == [events.RequestFailed(ORDER.call, ORDER.tag)]
    assert clinic.list() == ()  # not half of it
