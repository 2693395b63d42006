"""What an exchange answers about messages and requests, at a clinic's own control socket: its real
desks, in a thread of their own, without a telephone."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4
from zoneinfo import ZoneInfo

from firmware import (
    account,
    holds,
    message_acts,
    mobile_call,
    outgoing,
    people,
    settings,
    sms_store,
    topics,
)
from firmware.audit import Act, Audited
from firmware.audit import read as audited
from firmware.call_me import CALL_ME, CallMeReply, CallMeRequest
from firmware.calling_out import CALL_OUT, CallOutReply, CallOutRequest
from firmware.control import ControlError, Door, Strict
from firmware.doctor.topics import (
    DOCTOR,
    DOCTOR_LINE,
    DOCTOR_PHONES,
    DOCTOR_STOP,
    DoctorLine,
    DoctorLineRequest,
    DoctorStopReply,
    DoctorStopRequest,
)
from firmware.doorkeeper import Doorkeeper
from firmware.erasure import Rule
from firmware.holds import HeldError
from firmware.ledger import Arrived, Ledger, MessageKept, Moment
from firmware.lines_desk import LINES, LineNow, LinesReply, LinesRequest
from firmware.machine import MachineKey
from firmware.mobile_call import CALL_MOBILE, Became, CallMobileReply, CallMobileRequest
from firmware.notify import Notices
from firmware.operations import Asker
from firmware.outgoing import Outgoing
from firmware.outside_desk import (
    ALLOW,
    OUTSIDE,
    AllowReply,
    AllowRequest,
    OutsideReply,
    OutsideRequest,
    StopNow,
)
from firmware.place import Place
from firmware.request_desk import RequestDesk, who_may_have_one
from firmware.retention import Eraser
from firmware.retention_desk import BY_HAND
from firmware.sms_desk import SmsDesk
from firmware.staff_texts import StaffTexts
from firmware.store import open_reader
from firmware.texts_desk import TextsDesk
from firmware.vault import CHUNK_BYTES, Label, Sealing
from ivr import commands, events
from ivr.asking import Answer
from ivr.form import RequestKind
from ivr.plan import Plan
from tests.firmware.voice import voice

NUMBER = "+12025550143"
ZONE = ZoneInfo("America/New_York")


@dataclass(slots=True)
class Exchange:
    """The desks, and the books they write."""

    place: Place
    books: Ledger
    desk: RequestDesk
    told: list[events.Event]
    rung: list[tuple[str, str, str]] = field(default_factory=list)  # who, which call, which phone
    heard: list[CallMeRequest] = field(default_factory=list)  # drafts, by telephone
    came: list[str] = field(default_factory=list)
    mobiles: list[str] = field(default_factory=list)  # that were called, to try the line
    becomes: Became = Became.HEARD
    lines: list[LineNow] = field(default_factory=list)
    doctored: list[DoctorLine] = field(default_factory=list)  # what the doctor tells next
    measured: list[tuple[str, bool]] = field(default_factory=list)  # numbers, and with keys or not
    refusal: ControlError | None = None  # of the doctor's
    at_work: threading.Event = field(default_factory=threading.Event)  # its lines are told
    stopped: list[StopNow] = field(default_factory=list)

    def leave(
        self,
        mailbox: str = "desk",
        *,
        urgent: bool = False,
        seconds: float = 2.5,
        ago: timedelta = timedelta(minutes=5),
        number: str = NUMBER,
    ) -> str:
        """Somebody calls and leaves a message; its id."""
        started = datetime.now(UTC) - ago
        label = Label(
            str(uuid4()), str(uuid4()), mailbox, int(started.timestamp() * 1000), urgent=urgent
        )
        to = people.recipients(self.place.page_db, mailbox)
        sealing, raw = Sealing(self.place.messages, label, to), voice(seconds).tobytes()
        for at in range(0, len(raw), CHUNK_BYTES):
            second = memoryview(raw)[at : at + CHUNK_BYTES]
            sealing.add(second, last=at + CHUNK_BYTES >= len(raw))
        sealing.finish()
        moment = Moment.now()
        kept = MessageKept(
            label.message, label.call, mailbox, started, seconds, urgent, False, moment
        )
        arrived = Arrived(label.call, "main", "2025550100", number, "A CALLER", moment)
        self.books.submit([arrived, kept]).result()
        return label.message

    def ask(
        self,
        answers: Sequence[Answer],
        *,
        kind: RequestKind = RequestKind.REFILL,
        due: timedelta = timedelta(hours=2),
        patient: str | None = "Anna Reyes",
    ) -> str:
        """Somebody leaves a request; its id."""
        call = str(uuid4())
        self.books.submit(
            [Arrived(call, "main", "2025550100", NUMBER, "A CALLER", Moment.now())]
        ).result()
        order = commands.KeepRequest(
            call, 1, kind, tuple(answers), patient, datetime.now(UTC) + due, None
        )
        asyncio.run(self.desk.keep(order))
        reader = open_reader(self.place.calls_db)
        with reader.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT request FROM requests WHERE call = ?", (call,)
            ).scalar_one()
        reader.dispose()
        return str(found)

    def to_go(self) -> list[tuple[str, str]]:
        """Texts that wait: to whom, and what they say."""
        lying = outgoing.left(self.place.calls_db, MachineKey.at(self.place.machine_key))
        return [(each.address, each.text) for each in lying]

    def writes_stop(self, number: str) -> None:
        """Somebody texts it; their number gets none from now on."""
        key = MachineKey.at(self.place.machine_key)
        stop = partial(sms_store.stop, number=number, moment=Moment.now(), key=key)
        self.books.store.submit(stop).result(60)

    def hold(self, message: str) -> None:
        """Somebody has it kept for a court."""
        wish = holds.Wish("somebody", holds.Kind.MESSAGE, message, "a court asks", {})
        key = MachineKey.at(self.place.machine_key)
        placed = partial(holds.place, wish=wish, key=key, moment=Moment.now())
        self.books.store.submit(placed).result(60)

    def audited(self) -> list[tuple[str, str]]:
        """What was done since somebody signed in, and about what; without who told of it."""
        reader = open_reader(self.place.calls_db)
        with reader.connect() as connection:
            found = [(each.act, each.about.split(", told by")[0]) for each in audited(connection)]
        reader.dispose()
        return [each for each in found if each[0] != Act.SIGNED_IN]


@contextmanager
def exchange_of(place: Place) -> Iterator[Exchange]:
    """Listening, for as long as the context lasts."""
    key, told = MachineKey.at(place.machine_key), list[events.Event]()
    books = Ledger(place.calls_db, place.ledger_log, key)
    ready, over, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()

    def plan() -> Plan:
        return settings.read(place.site_file.read_text("utf-8"))

    sms = SmsDesk(  # its modem is away: what is to go waits
        store=books.store,
        key=key,
        plan=plan,
        line=lambda _name: None,
        local=lambda: datetime.now(UTC),
        start=loop.create_task,
    )
    shelf = Outgoing(books.store, key)
    notices = Notices(lambda: sms, loop.create_task, shelf)

    desk = RequestDesk(
        books.store,
        key,
        told.append,
        lambda: ZONE,
        may_have=partial(who_may_have_one, place.page_db),
        texts=StaffTexts(sms, notices, shelf, plan),
    )
    texts = TextsDesk(store=books.store, key=key, plan=plan, shelf=shelf, notices=notices)
    exchange = Exchange(place, books, desk, told)
    eraser = Eraser(books.store, key, place.messages)

    async def entered(entry: Audited) -> None:
        await books.write([entry])

    async def heard(request: topics.MarkMessageRequest) -> topics.MarkMessageReply:
        if request.mark == "deleted":
            return await deleted(request)
        known = await books.heard(request.message, Moment.now(), request.mailbox)
        return topics.MarkMessageReply(known=known)

    async def deleted(request: topics.MarkMessageRequest) -> topics.MarkMessageReply:
        try:
            known = await eraser.message(request.message, Rule(BY_HAND, "somebody"))
        except HeldError as held:
            raise ControlError("nothing was deleted", str(held)) from held
        return topics.MarkMessageReply(known=known)

    def may_delete() -> bool:
        return settings.read(place.site_file.read_text("utf-8")).retention.by_hand

    async def rings(request: CallOutRequest, asker: Asker) -> CallOutReply:
        exchange.rung.append((asker.name, request.call, request.phone))
        return CallOutReply()

    async def draft(request: CallMeRequest) -> CallMeReply:
        exchange.heard.append(request)
        return CallMeReply()

    async def mobile(request: CallMobileRequest) -> CallMobileReply:
        if request.number == "911":
            raise mobile_call.EMERGENCY
        exchange.mobiles.append(request.number)
        return CallMobileReply(became=exchange.becomes)

    async def lines(_request: LinesRequest) -> LinesReply:
        return LinesReply(lines=tuple(exchange.lines))

    async def stopped(_request: OutsideRequest) -> OutsideReply:
        return OutsideReply(stops=tuple(exchange.stopped))

    async def allow(wish: AllowRequest) -> AllowReply:
        exchange.stopped = [each for each in exchange.stopped if each.phone != wish.phone]
        return AllowReply()

    at_work: list[asyncio.Task[object]] = []

    async def doctor(request: Strict) -> AsyncGenerator[DoctorLine, None]:
        if isinstance(request, DoctorLineRequest):
            exchange.measured.append((request.number, request.keys))
        if exchange.refusal is not None:
            raise exchange.refusal
        task = asyncio.current_task()
        assert task is not None
        at_work.append(task)
        for line in exchange.doctored:
            yield line
        exchange.at_work.set()
        await over.wait()

    async def stop(_request: DoctorStopRequest) -> DoctorStopReply:
        at_work.pop().cancel()
        return DoctorStopReply(was_at_work=True)

    async def answering() -> None:
        door = Door(Doorkeeper(place.page_db, entered).admit)
        door.answer(LINES, lines)
        door.follow(DOCTOR, doctor)
        door.follow(DOCTOR_LINE, doctor)
        door.follow(DOCTOR_PHONES, doctor)
        door.answer(DOCTOR_STOP, stop)
        door.answer(OUTSIDE, stopped)
        door.answer(ALLOW, allow)
        account.answer_at(door, entered)
        message_acts.answer_at(door, place.page_db, books.write, exchange.came.append, may_delete)
        desk.open(door)
        texts.answer_at(door)
        door.answer(topics.MARK_MESSAGE, heard)
        door.answer_to(CALL_OUT, rings)
        door.answer(CALL_ME, draft)
        door.answer(CALL_MOBILE, mobile)
        async with door.open(place.control_socket):
            ready.set()
            await over.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(answering(),))
    thread.start()
    assert ready.wait(60)
    try:
        yield exchange
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
        books.close()
