"""Texts: what may go, what those that come ask, and that none of either is lost or sent to whoever
wishes none."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from firmware import audit, outgoing, requests, sent_texts, settings, sms_store, texts_desk
from firmware.admin_notices import word_of
from firmware.audit import Act, Entry
from firmware.control import ControlError
from firmware.ledger import Arrived, Ledger, Moment
from firmware.machine import MachineKey
from firmware.modem_line import ModemLine
from firmware.notify import Notice, Notices, Refused, Untaken
from firmware.operations import Asker, Role
from firmware.outgoing import Outgoing
from firmware.requests import Left, Outcome
from firmware.sms_desk import LACKS_A_PART, NOT_NOW, UNREADABLE, SmsDesk
from firmware.sms_rule import (
    MOST_CHARACTERS,
    SAID,
    Asked,
    Sent,
    asked_by,
    may_be_answered,
    said,
    why_not,
)
from firmware.staff_texts import StaffTexts
from firmware.store import StoreError, open_reader
from firmware.texts_desk import AllowTextsRequest, StopLine, TextsDesk, TextsRequest
from hw.modem.commands import Slot
from hw.modem.events import ReportCame, SmsCame, SmsUnreadable, Stand
from hw.modem.pdu import Delivery
from hw.modem.simulated_port import SimulatedPort
from hw.modem.simulator import SimulatedModem
from ivr.asking import Answer
from ivr.form import RequestKind
from ivr.plan import BY_TEXT, Modem, Plan, Sms

T = TypeVar("T")
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
KEY = MachineKey(bytes(32))
PATIENT, NATIONAL = "+12025550143", "2025550143"
SAYS = "Can I come on Tuesday instead? QUILLFEATHER"
CALL = "11111111-1111-4111-8111-111111111111"
WITHIN_S = 30.0


# ---- rules ----


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("STOP", Asked.STOP),
        (" stop! ", Asked.STOP),
        ("Opt-Out", Asked.STOP),
        ("baja", Asked.STOP),
        ("Sí", Asked.START),
        ("start", Asked.START),
        ("help?", Asked.HELP),
        ("Please stop the pain", Asked.NOTHING),
        ("I cannot stop coughing", Asked.NOTHING),
        ("", Asked.NOTHING),
    ],
)
def test_a_stop_word_stands_alone_and_a_sentence_with_it_is_a_sentence(
    text: str, asked: Asked
) -> None:
    assert asked_by(text) is asked


@given(st.integers(0, 300), st.integers(0, 20), st.booleans())
def test_nothing_goes_to_who_wishes_none_or_over_what_a_day_has(
    to_all: int, to_one: int, is_stopped: bool
) -> None:
    may = not why_not(Sent(to_all, to_one), 100, 5, is_stopped=is_stopped)
    assert may == (not is_stopped and to_all < 100 and to_one < 5)


@given(st.sampled_from(sorted(SAID)), st.sampled_from(["en", "es", "fr"]), st.text(max_size=200))
def test_what_the_box_says_is_one_text_whatever_a_clinic_is_called(
    what: str, language: str, clinic: str
) -> None:
    words = said(
        what, language, clinic=clinic, number="+12025550100", mailboxes="desk, nurse", text=""
    )
    assert len(words) <= MOST_CHARACTERS


def test_a_number_is_one_number_however_it_is_written(books: Ledger) -> None:
    def work(connection: Any) -> None:
        sms_store.stop(connection, PATIENT, Moment.now(), KEY)
        for way in (PATIENT, NATIONAL, "1" + NATIONAL):
            assert sms_store.is_stopped(connection, way, KEY)
        sms_store.start(connection, NATIONAL, KEY)
        assert not sms_store.is_stopped(connection, PATIENT, KEY)

    books.store.submit(work).result()


# ---- the desk, with a real driver and a simulated modem ----


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Ledger]:
    kept = Ledger(tmp_path / "calls.db", tmp_path / "log", KEY)
    yield kept
    kept.close()


def the_plan(**sms: Any) -> Plan:
    site = settings.read(Path("firmware/template/clinic.toml").read_text("utf-8"))
    return replace(site, sms=Sms("mobile", **sms))


@dataclass
class Box:
    """One life of an exchange, as far as texts go."""

    books: Ledger
    folder: Path
    plan: Plan = field(default_factory=the_plan)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    again_s: tuple[float, ...] = (0.05,)
    grace_s: float = 0.0

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.add(asyncio.create_task(work))

    def plug_in(self) -> None:
        self.modem = SimulatedModem()
        self.port = SimulatedPort(self.modem, self.folder)
        self.line = ModemLine(
            Modem("mobile", self.port.at_path, self.port.voice_path),
            pin=None,
            is_ready=lambda: True,
            bring=lambda _leg, _number: asyncio.sleep(0),
            answered=lambda: None,
            start=self.start,
            texts=lambda event: self.desk.heard("mobile", event),
        )
        self.desk = SmsDesk(
            store=self.books.store,
            key=KEY,
            plan=lambda: self.plan,
            line=lambda _name: self.line,
            local=lambda: NOW,
            start=self.start,
        )
        self.shelf = Outgoing(self.books.store, KEY)
        self.tried = asyncio.Event()
        self.notices = Notices(self.way, self.start, self.shelf, self.again_s)
        self.staff = StaffTexts(
            self.desk, self.notices, self.shelf, lambda: self.plan, self.grace_s
        )
        self.texts = TextsDesk(
            store=self.books.store,
            key=KEY,
            plan=lambda: self.plan,
            shelf=self.shelf,
            notices=self.notices,
        )

    async def until(self, holds: Any) -> Any:
        """What it gives, once it gives something."""
        changed = asyncio.Event()
        self.port.changed = changed.set
        async with asyncio.timeout(WITHIN_S):
            while not (found := holds()):
                changed.clear()
                await changed.wait()
        return found

    def work(self) -> list[requests.Request]:
        return self._read(lambda open_: requests.listed(open_, closed=False, limit=50))

    def opened(self, request: str) -> requests.Opened:
        return self._read(lambda open_: requests.opened(open_, request, KEY))

    def way(self) -> SmsDesk:
        """By which a text is tried, just before it is."""
        self.tried.set()
        return self.desk

    async def writes(self, words: str) -> str:
        """Staff answers the patient; the text's name."""
        text = self.staff.made("r" * 8, NATIONAL, words, Moment.now())
        await self.books.store.written(lambda open_: self.staff.queue(open_, text))
        self.staff.send(text)
        return text.name

    def became(self, text: str) -> tuple[str, str]:
        found = self._read(lambda open_: sent_texts.one(open_, text, KEY))
        assert found is not None
        return found.state, found.why

    async def stops(self) -> tuple[StopLine, ...]:
        return (await self.texts.listed(TextsRequest())).stops

    async def allow(self, *, number: str = "", person: str = "") -> None:
        asked = texts_desk.Asked.IN_PERSON
        wish = AllowTextsRequest(number=number, person=person, asked=asked)
        await self.texts.allow(wish, Asker("nina", Role.FRONT_DESK))

    def entries(self, act: Act) -> list[Entry]:
        return self._read(lambda open_: [one for one in audit.read(open_) if one.act == act])

    def entered(self, act: Act) -> list[tuple[str, str]]:
        return [(one.who, one.about) for one in self.entries(act)]

    def newest(self, act: Act) -> Entry:
        return self.entries(act)[-1]

    def _read(self, query: Callable[[Connection], T]) -> T:
        reader = open_reader(self.books.store.path)
        try:
            with reader.connect() as connection:
                return query(connection)
        finally:
            reader.dispose()

    def sent(self) -> list[tuple[str, str]]:
        return [(one.number, one.text) for one in self.modem.network.texts_taken]

    def lies_in_the_modem(self) -> int:
        return sum(len(held) for held in self.modem.network.memories.values())


@contextmanager
def up(box: Box) -> Iterator[asyncio.Task[None]]:
    box.plug_in()
    running = asyncio.create_task(box.line.run())
    try:
        yield running
    finally:
        running.cancel()
        box.port.pull_out()


def tell(books: Ledger, folder: Path, story: Any, **sms: Any) -> None:
    async def told() -> None:
        box = Box(books, folder, the_plan(**sms))
        with up(box):
            await box.until(lambda: box.line.stand == "registered")
            await story(box)

    asyncio.run(told())


def a_request_of_last_week(books: Ledger) -> str:
    """A refill that the patient left on the telephone, and that was done."""
    moment = Moment.now()
    answers = (Answer("medicine", "1234"),)
    left = Left("r" * 8, CALL, RequestKind.REFILL, moment.at, None, answers, None, moment)

    def work(connection: Any) -> None:
        requests.record(connection, left, KEY)
        requests.done(connection, left.request, "nina", Outcome.DONE, moment)

    books.submit([Arrived(CALL, "main", "2025550100", PATIENT, "", moment)]).result()
    books.store.submit(work).result()
    return left.request


def test_a_strangers_text_becomes_work_and_then_leaves_the_modem(
    books: Ledger, tmp_path: Path
) -> None:
    async def story(box: Box) -> None:
        box.modem.network.text(PATIENT, SAYS, 0.0)
        (request,) = await box.until(box.work)
        assert request.kind == "other"
        assert box.opened(request.request).answers == {"text": SAYS, "number": PATIENT}
        ((number, words),) = await box.until(box.sent)
        assert number.endswith(NATIONAL)
        assert "we have your text" in words
        await box.until(lambda: not box.modem.network.memories["ME"])

    tell(books, tmp_path, story)
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"QUILLFEATHER" not in held
    assert NATIONAL.encode() not in held


def test_a_reply_is_a_note_of_the_request_that_its_number_left_and_opens_it_again(
    books: Ledger, tmp_path: Path
) -> None:
    request = a_request_of_last_week(books)

    async def story(box: Box) -> None:
        box.modem.network.text(PATIENT, SAYS, 0.0)
        (again,) = await box.until(box.work)
        assert again.request == request
        ((_, by, note),) = box.opened(request).notes
        assert (by, note) == (sms_store.BY_CALLER, SAYS)

    tell(books, tmp_path, story)


def test_what_cannot_be_read_is_work_too_and_nobody_is_answered(
    books: Ledger, tmp_path: Path
) -> None:
    async def story(box: Box) -> None:
        place = (Slot("ME", 1, "digest"),)
        box.desk.heard("mobile", SmsUnreadable(place, "0791FF"))
        box.desk.heard(
            "mobile", SmsCame((Slot("ME", 2, "d"),), PATIENT, NOW, "o\x1b[2Jn\r\ne", (2,))
        )
        await box.until(lambda: len(box.work()) == 2)
        texts = {box.opened(one.request).answers["text"] for one in box.work()}
        assert texts == {
            f"{UNREADABLE} 0791FF",
            f"o\N{REPLACEMENT CHARACTER}[2Jn\ne {LACKS_A_PART}",
        }
        await box.until(box.sent)
        assert len(box.sent()) == 1

    tell(books, tmp_path, story)


def test_who_writes_three_times_has_left_one_request(books: Ledger, tmp_path: Path) -> None:
    async def story(box: Box) -> None:
        for number in range(3):
            box.modem.network.text(PATIENT, f"{SAYS} {number}", float(number))
        await box.until(lambda: len(box.sent()) == 3)
        (request,) = box.work()
        noted = [note for _, _, note in box.opened(request.request).notes]
        assert noted == [f"{SAYS} 1", f"{SAYS} 2"]

    tell(books, tmp_path, story)


def test_who_writes_stop_is_answered_once_and_gets_nothing_until_they_write_start(
    books: Ledger, tmp_path: Path
) -> None:
    notice = Notice(NATIONAL, "", "Maple Street: words", NOW, way=BY_TEXT)

    async def story(box: Box) -> None:
        box.modem.network.text(PATIENT, "Stop", 0.0)
        ((_, words),) = await box.until(box.sent)
        assert "no more texts" in words
        assert box.work() == []
        with pytest.raises(Refused, match="wishes no texts"):
            await box.desk.deliver(notice)
        box.modem.network.text(PATIENT, "START", 1.0)
        await box.until(lambda: len(box.sent()) == 2)
        await box.desk.deliver(notice)
        assert len(box.sent()) == 3

    tell(books, tmp_path, story)


def test_who_asks_for_texts_again_is_found_by_their_number_told_and_entered(
    books: Ledger, tmp_path: Path
) -> None:
    async def story(box: Box) -> None:
        box.modem.network.text(PATIENT, "Stop", 0.0)
        await box.until(box.sent)
        ((shown, whose),) = [(one.number, one.person) for one in await box.stops()]
        assert (shown, whose) == ("··· 43", "")
        with pytest.raises(ControlError, match="did not write STOP"):
            await box.allow(number="(202) 555-0144")
        await box.allow(number="(202) 555-0143")
        assert await box.stops() == ()
        await box.until(lambda: len(box.sent()) == 2)
        assert "you get texts again" in box.sent()[1][1]
        ((who, about),) = box.entered(Act.ALLOWED_TEXTS)
        assert (who, about.split(", ")[1]) == ("nina", "who asked in person")
        assert NATIONAL not in about

    tell(books, tmp_path, story)
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert NATIONAL.encode() not in held


def test_a_stop_from_a_number_of_the_clinics_own_is_an_alarm_until_somebody_asked_them(
    books: Ledger, tmp_path: Path
) -> None:
    async def story(box: Box) -> None:
        people = box.plan.people
        box.plan = replace(
            box.plan, people={**people, "lee": replace(people["brandt"], text=NATIONAL)}
        )
        assert [part.state for part in box.desk.parts()] == ["well"]
        for moment in (0.0, 1.0):  # told twice, it is one alarm and one entry
            box.modem.network.text(PATIENT, "STOP", moment)
        await box.until(lambda: len(box.sent()) == 2)
        _, alarm = box.desk.parts()
        assert (alarm.name, alarm.state) == ("texts to lee", "alarm")
        assert "careline texts allow lee" in alarm.cure
        assert box.entered(Act.HEARD_STOP) == [("exchange", "lee")]
        told = word_of(box.newest(Act.HEARD_STOP))
        assert "STOP" in told
        assert "lee" not in told
        ((_, whose),) = [(one.number, one.person) for one in await box.stops()]
        assert whose == "lee"
        await box.allow(person="lee")
        assert [part.state for part in box.desk.parts()] == ["well"]

    tell(books, tmp_path, story)


LONG = "Please bring your papers. " * 9


@pytest.mark.parametrize(
    ("status", "became"),
    [
        (0x00, ("delivered", "")),
        (0x62, ("failed", "that telephone did not answer")),
        (0x46, ("failed", "that telephone was off or away for four days")),
        (0x7F, ("failed", "the network could not deliver it")),
    ],
)
def test_staff_sees_whether_a_text_came_and_if_not_why(
    books: Ledger, tmp_path: Path, status: int, became: tuple[str, str]
) -> None:
    async def story(box: Box) -> None:
        box.modem.network.status = status
        text = await box.writes(LONG)  # in parts, each with a report
        await box.until(lambda: box.became(text) == became)
        assert len(box.sent()) > 1
        await box.until(lambda: not box.modem.network.memories["SR"])  # nothing stays there

    tell(books, tmp_path, story)


def test_what_the_network_says_after_a_restart_is_of_the_text_that_went_before_it(
    books: Ledger, tmp_path: Path
) -> None:
    texts: list[str] = []

    async def before(box: Box) -> None:
        box.modem.network.reports = False
        texts.append(await box.writes("Tomorrow at nine."))
        await box.until(lambda: box.became(texts[0]) == ("sent", ""))

    async def after(box: Box) -> None:
        assert box.became(texts[0]) == ("sent", "")
        slots = (Slot("SR", 1, "digest"),)
        for number, state in (("+12025550199", "sent"), (PATIENT, "delivered")):
            report = ReportCame(slots, None, 1, number, Delivery.DELIVERED, 0x00, NOW)
            box.desk.heard("mobile", report)
            await asyncio.gather(*box.tasks)
            assert box.became(texts[0]) == (state, "")

    tell(books, tmp_path, before)
    tell(books, tmp_path, after)
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert NATIONAL.encode() not in held


def test_a_text_is_taken_back_while_it_waits_and_never_after_it_went(
    books: Ledger, tmp_path: Path
) -> None:
    async def story(box: Box) -> None:
        box.modem.network.is_registered = False
        box.line.stand = Stand.SEARCHING
        text = await box.writes("Tomorrow at nine. Sorry, this was for somebody else.")
        assert box.became(text) == ("queued", "")
        async with asyncio.timeout(WITHIN_S):
            await box.tried.wait()
        assert box.notices.take_back(text)
        assert box.notices.fault == NOT_NOW
        await asyncio.gather(*box.tasks)
        assert box.became(text) == ("taken back", "")
        assert outgoing.left(box.books.store.path, KEY) == []
        box.modem.network.is_registered = True
        box.line.stand = Stand.HOME
        went = await box.writes("On Tuesday at nine.")
        await box.until(lambda: box.became(went)[0] == "delivered")
        assert not box.notices.take_back(went)
        assert ["somebody else" in words for _, words in box.sent()] == [False]

    tell(books, tmp_path, story)


def test_a_text_waits_some_seconds_in_which_whoever_sees_a_mistake_takes_it_back(
    books: Ledger, tmp_path: Path
) -> None:
    async def story(box: Box) -> None:
        wrong = StaffTexts(box.desk, box.notices, box.shelf, lambda: box.plan, 60.0)
        text = wrong.made("r" * 8, NATIONAL, "This is wrong.", Moment.now())
        await box.books.store.written(lambda open_: wrong.queue(open_, text))
        wrong.send(text)
        assert wrong.take_back(text.name)
        await asyncio.gather(*box.tasks)
        assert outgoing.left(box.books.store.path, KEY) == []
        assert box.sent() == []

    tell(books, tmp_path, story)


def test_a_text_that_the_day_has_no_room_for_says_so_where_it_was_written(
    books: Ledger, tmp_path: Path
) -> None:
    async def story(box: Box) -> None:
        first, second = await box.writes("one"), await box.writes("two")
        await asyncio.gather(*box.tasks)
        states = {box.became(first)[0], box.became(second)[0]}
        assert "failed" in states
        whys = {box.became(first)[1], box.became(second)[1]}
        assert "1 texts a day go to one number" in whys

    tell(books, tmp_path, story, most_a_number=1)


@given(st.lists(st.sampled_from([None, 0x00, 0x30, 0x46]), min_size=1, max_size=5))
def test_a_text_in_parts_came_only_if_each_of_them_came(told: list[int | None]) -> None:
    reports = {str(at): status for at, status in enumerate(told) if status is not None}
    state, why = sent_texts.state_of(range(len(told)), reports)
    assert (state == "delivered") == (set(told) == {0x00})
    assert (state == "failed") == (0x46 in told) == bool(why)


def test_a_yes_or_a_cancel_is_read_by_whoever_asked(books: Ledger, tmp_path: Path) -> None:
    request = a_request_of_last_week(books)

    async def story(box: Box) -> None:
        box.modem.network.text(PATIENT, "Yes!", 0.0)
        ((_, answer),) = await box.until(box.sent)
        assert "we have your text" in answer
        box.modem.network.text(PATIENT, "Cancelar", 1.0)
        await box.until(lambda: len(box.sent()) == 2)
        assert "no more texts" in box.sent()[1][1]
        assert [note for _, _, note in box.opened(request).notes] == ["Yes!", "Cancelar"]
        with pytest.raises(Refused, match="wishes no texts"):
            await box.desk.send(PATIENT, "words")

    tell(books, tmp_path, story)


def test_strangers_who_text_all_day_leave_the_clinics_own_people_their_texts(
    books: Ledger, tmp_path: Path
) -> None:
    async def story(box: Box) -> None:
        people = box.plan.people
        own = next(iter(people))
        told = {**people, own: replace(people[own], text=NATIONAL)}
        box.plan = replace(box.plan, people=told)
        for last in range(4):
            await box.desk.send(f"202555017{last}", "words")
        with pytest.raises(Refused, match="texts a day go out"):
            await box.desk.send("2025550179", "words")
        assert box.desk.why_not("2025550179")
        await box.desk.send(PATIENT, "somebody calls")

    tell(books, tmp_path, story, most_a_day=5)


@pytest.mark.parametrize("number", ["22395", "+1899", "BANK", ""])
def test_a_machine_is_no_number_to_answer(number: str) -> None:
    assert may_be_answered(PATIENT)
    assert not may_be_answered(number)


def test_a_machine_that_texts_is_heard_and_not_answered(books: Ledger, tmp_path: Path) -> None:
    async def story(box: Box) -> None:
        box.modem.network.text("22395", SAYS, 0.0)
        box.modem.network.text(PATIENT, SAYS, 1.0)
        await box.until(lambda: len(box.work()) == 2)
        ((number, _),) = await box.until(box.sent)
        assert number.endswith(NATIONAL)

    tell(books, tmp_path, story)


def test_a_day_has_so_many_texts_and_not_one_more(books: Ledger, tmp_path: Path) -> None:
    async def story(box: Box) -> None:
        for last in range(3):
            await box.desk.send(f"202555017{last}", "words")
        with pytest.raises(Refused, match="3 texts a day go out"):
            await box.desk.send("2025550179", "words")
        assert len(box.sent()) == 3

    tell(books, tmp_path, story, most_a_day=3)


def test_what_the_network_does_not_take_is_no_text_of_the_day(
    books: Ledger, tmp_path: Path
) -> None:
    async def story(box: Box) -> None:
        box.modem.network.is_registered = False
        with pytest.raises(Untaken):
            await box.desk.send(NATIONAL, "words")
        box.modem.network.is_registered = True
        await box.desk.send(NATIONAL, "words")
        assert [text for _, text in box.sent()] == ["words"]

    tell(books, tmp_path, story, most_a_day=1)


def test_a_disk_that_refuses_leaves_the_text_in_the_modem_and_says_so(
    books: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(_work: Any) -> None:
        raise StoreError("no room")

    async def story(box: Box) -> None:
        monkeypatch.setattr(box.books.store, "write", refused)
        box.modem.network.text(PATIENT, SAYS, 0.0)
        await box.until(lambda: box.desk.fault)
        part = box.desk.part()
        assert (part.state, box.lies_in_the_modem()) == ("alarm", 1)
        monkeypatch.undo()
        assert box.work() == []

    tell(books, tmp_path, story)
