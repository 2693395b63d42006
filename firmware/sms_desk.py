"""The texts of one running exchange. Those that come are work: a note of the request that their
number left, else a request of its own; kept before the modem may forget them. Those that go are
short, say nothing of anybody, and go to nobody who wishes none.

What the box itself is asked, by a stop word and its like, it answers by itself. A text of which the
modem never said what became of it is sent once more: it may come twice, and is not lost.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar, assert_never
from uuid import uuid4

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from firmware import sent_texts, sms_store, topics
from firmware.audit import Act, Audited
from firmware.ledger import Moment, add_step
from firmware.machine import MachineKey
from firmware.modem_line import ModemLine
from firmware.notify import Notice, Refused, Untaken
from firmware.showable import marked
from firmware.sms_rule import (
    Asked,
    asked_by,
    is_an_answer,
    may_be_answered,
    most_for,
    said,
    why_not,
)
from firmware.sms_store import Came
from firmware.store import Store, StoreError, open_reader
from firmware.survived import starting
from firmware.texts_desk import own_numbers, own_stopped
from hw.modem import events
from hw.modem.commands import Keep, SendSms, Slot
from hw.modem.events import REGISTERED, Event
from ivr.due import due_at
from ivr.form import RequestKind
from ivr.plan import Plan

T = TypeVar("T")
TAKEN_WITHIN_S = 180.0  # by the network: a text of several parts, each tried for a minute
NOT_NOW = "the modem cannot send texts now"
LACKS_A_PART = "[a part of this text never came]"
UNREADABLE = "[a text that cannot be read, as the modem has it:]"
NEVER_SAID = "the modem never said what became of a text"

log = structlog.get_logger(__name__)


class SmsDesk:
    """What the modems tell of texts, and the way by which notices go as texts."""

    def __init__(
        self,
        *,
        store: Store,
        key: MachineKey,
        plan: Callable[[], Plan],
        line: Callable[[str], ModemLine | None],
        local: Callable[[], datetime],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._store, self._key, self._plan, self._line = store, key, plan, line
        self._local, self._start = local, starting(start, "texts")
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self._full = ""  # the modem whose storage is
        self.fault = ""  # why a text that came is not kept

    # ---- what goes ----

    async def deliver(self, notice: Notice) -> None:
        """Return when the network has taken it. Untaken, Refused: it has not."""
        await self.send(notice.address, notice.text, notice.name)

    async def send(
        self, number: str, text: str, name: str = "", *, is_answer: bool = False
    ) -> None:
        """The same for any text; one that only answers whoever wrote goes to who wishes none. What
        becomes of it is kept where it has a name."""
        plan = self._plan()
        line = self._line(plan.sms.modem) if plan.sms else None
        if plan.sms is None:
            raise Refused("the site has no [sms]")
        if line is None or line.stand not in REGISTERED:
            raise Untaken(NOT_NOW)
        day, most = self._local().date().isoformat(), plan.sms
        most_a_day = most_for(most.most_a_day, is_own=_is_own(plan, number))
        why = await self._store.written(
            lambda open_: self._counted(
                open_, day, number, most_a_day, most.most_a_number, is_answer=is_answer
            )
        )
        if why:
            raise Refused(why)
        try:
            await self._sent(line, number, text, name or str(uuid4()))
        except Untaken as unsent:
            if str(unsent) != NEVER_SAID:
                await self._store.written(
                    lambda open_: sms_store.uncount_one(open_, day, number, self._key)
                )
            raise

    def why_not(self, number: str) -> str:
        """Why no text may go to this number now; empty: one may. It reads the store."""
        plan = self._plan()
        if plan.sms is None:
            return "the site has no [sms]"
        day, key = self._local().date().isoformat(), self._key
        is_stopped, sent = self._read(
            lambda open_: (
                sms_store.is_stopped(open_, number, key),
                sms_store.sent_on(open_, day, number, key),
            )
        )
        most_a_day = most_for(plan.sms.most_a_day, is_own=_is_own(plan, number))
        return why_not(sent, most_a_day, plan.sms.most_a_number, is_stopped=is_stopped)

    def _counted(
        self,
        connection: Connection,
        day: str,
        number: str,
        most_a_day: int,
        most_a_number: int,
        *,
        is_answer: bool,
    ) -> str:
        """Why it may not go; empty: it may, and is counted."""
        key = self._key
        is_stopped = sms_store.is_stopped(connection, number, key) and not is_answer
        sent = sms_store.sent_on(connection, day, number, key)
        why = why_not(sent, most_a_day, most_a_number, is_stopped=is_stopped)
        if not why:
            sms_store.count_one(connection, day, number, key)
        return why

    async def _sent(self, line: ModemLine, number: str, text: str, name: str) -> None:
        taken = self._under_way[name] = asyncio.get_running_loop().create_future()
        try:
            line.driver.order(SendSms(name, number, text))
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await taken
        except ValueError as unfit:
            raise Refused("no text can go to this number") from unfit
        except TimeoutError as never:
            raise Untaken(NEVER_SAID) from never
        finally:
            self._under_way.pop(name, None)

    def _over(self, name: str, why: Untaken | None) -> None:
        waiting = self._under_way.get(name)
        if waiting is None or waiting.done():
            return
        if why is None:
            waiting.set_result(None)
        else:
            waiting.set_exception(why)

    # ---- what comes ----

    def heard(self, modem: str, event: Event) -> None:
        """What a modem tells of texts."""
        match event:
            case events.SmsCame(slots=slots, number=number, text=text, missing=missing):
                whole = f"{text} {LACKS_A_PART}" if missing else text
                came = Came(slots, marked(number), _lines(whole), Moment.now())
                self._start(self._come(modem, came))
            case events.SmsUnreadable(slots=slots, pdu=pdu):
                came = Came(slots, "", f"{UNREADABLE} {pdu}", Moment.now())
                self._start(self._come(modem, came))
            case events.ReportCame():
                self._start(self._report(modem, event))
            case events.SmsSent(sms=name, references=references):
                self._start(self._keep_sent(name, references))
            case events.SmsRefused(sms=name):
                self._over(name, Untaken("the network did not take a text"))
            case events.SmsUnsure(sms=name):
                self._over(name, Untaken(NEVER_SAID))
            case events.StorageFilled():
                self._full = modem
            case _:
                pass

    async def _come(self, modem: str, came: Came) -> None:
        try:
            answer = await self._kept(came)
        except (StoreError, SQLAlchemyError) as refused:
            self.fault = str(refused)
            log.warning("a text stays in its modem: it cannot be kept", why=str(refused))
            return  # the modem tells it again
        self.fault = ""
        self._forget(modem, came.slots)
        if answer and may_be_answered(came.number):
            try:
                await self.send(came.number, answer, is_answer=True)
            except (Untaken, StoreError, SQLAlchemyError) as unsent:
                log.warning("a text was not answered", why=str(unsent))

    async def _keep_sent(self, name: str, references: tuple[int | None, ...]) -> None:
        """Before its reports are, for the writer has one order."""
        try:
            await self._store.written(lambda open_: sent_texts.went(open_, name, references))
        except (StoreError, SQLAlchemyError) as refused:
            log.warning("it is not kept that a text went", why=str(refused))
        self._over(name, None)

    async def _report(self, modem: str, report: events.ReportCame) -> None:
        """A report leaves the modem once it is kept."""

        def keep(connection: Connection) -> None:
            name = report.sms or sent_texts.named_by(
                connection, report.reference, report.number, self._key
            )
            if name is not None:
                sent_texts.reported(connection, name, report.reference, report.status)

        try:
            await self._store.written(keep)
        except (StoreError, SQLAlchemyError) as refused:
            log.warning("a report on a text stays in its modem", why=str(refused))
            return  # the modem tells it again
        self._forget(modem, report.slots)

    async def _kept(self, came: Came) -> str:
        """What is answered; nothing to one that was kept before."""
        plan = self._plan()
        due = due_at(plan, RequestKind.OTHER, self._local(), {})

        def keep(connection: Connection) -> Asked | None:
            if sms_store.is_kept(connection, came.slots):
                return None
            asked = self._done(connection, came)
            if asked is Asked.NOTHING or is_an_answer(came.text):
                sms_store.keep(connection, came, due, self._key)
            else:
                sms_store.mark_kept(connection, came, self._key)
            return asked

        asked = await self._store.written(keep)
        return _answer_to(asked, plan) if asked is not None and plan.sms else ""

    def _done(self, connection: Connection, came: Came) -> Asked:
        """What it asks of the box, which is done: who gets texts has nothing to start."""
        asked = asked_by(came.text)
        match asked:
            case Asked.STOP:
                self._stop(connection, came)
            case Asked.START if sms_store.is_stopped(connection, came.number, self._key):
                sms_store.start(connection, came.number, self._key)
            case Asked.START:
                return Asked.NOTHING
            case Asked.HELP | Asked.NOTHING:
                pass
            case _:
                assert_never(asked)
        return asked

    def _stop(self, connection: Connection, came: Came) -> None:
        """A sender is easily forged: where it is the number of the clinic's own, those in charge
        hear of it."""
        name = own_numbers(self._plan()).get(sms_store.one_way(came.number))
        if name and not sms_store.is_stopped(connection, came.number, self._key):
            entry = Audited("exchange", Act.HEARD_STOP, name, came.moment)
            for noted in entry.record(connection, self._key):
                add_step(connection, noted.call, noted.step, noted.detail, noted.moment)
        sms_store.stop(connection, came.number, came.moment, self._key)

    def _forget(self, modem: str, slots: tuple[Slot, ...]) -> None:
        line = self._line(modem)
        if line is not None:
            line.driver.order(Keep(slots))
            self._full = "" if self._full == modem else self._full

    # ---- how they stand ----

    def parts(self) -> tuple[topics.Part, ...]:
        """For the status: how texts go, and who of the clinic gets none."""
        plan = self._plan()
        own = self._read(lambda open_: own_stopped(open_, plan, self._key)) if plan.sms else []
        return (self.part(), *(_silenced(name) for name in own))

    def part(self) -> topics.Part:
        """How texts go."""
        if self.fault:
            return topics.Part(
                name="texts",
                state="alarm",
                detail="a text that came cannot be kept, and waits in the modem",
                cure="make room on the disk",
            )
        if self._full:
            return topics.Part(
                name="texts",
                state="warning",
                detail="a modem's storage was full, and the network keeps what comes",
                cure="wait until it is empty; it goes on by itself",
            )
        plan = self._plan()
        if plan.sms is None:
            return topics.Part(name="texts", state="well", detail="none go out")
        return topics.Part(name="texts", state="well", detail=f"{self._today()} went out today")

    def _today(self) -> int:
        day = self._local().date().isoformat()
        return self._read(lambda open_: sms_store.sent_on(open_, day, "", self._key)).to_all

    def _read(self, query: Callable[[Connection], T]) -> T:
        reader = open_reader(self._store.path)
        try:
            with reader.connect() as connection:
                return query(connection)
        finally:
            reader.dispose()


def _silenced(name: str) -> topics.Part:
    return topics.Part(
        name=f"texts to {name}",
        state="alarm",
        detail="STOP came from their number, so no texts go to them, on-call ones either",
        cure=f"ask them; if it was not they, `careline texts allow {name}`",
    )


def _lines(text: str) -> str:
    """A stranger's text, as it may be shown."""
    return marked(text.replace("\r\n", "\n").replace("\r", "\n"), kept="\n")


def _is_own(plan: Plan, number: str) -> bool:
    """Whether it is somebody's of the clinic."""
    return sms_store.one_way(number) in own_numbers(plan)


def _answer_to(asked: Asked, plan: Plan) -> str:
    words = {
        Asked.STOP: "stopped",
        Asked.START: "started",
        Asked.HELP: "help",
        Asked.NOTHING: "kept",
    }
    numbers = [number for line in plan.lines.values() for number in line.numbers]
    number = numbers[0] if numbers else ""
    return said(words[asked], plan.language, clinic=plan.name, number=number)
