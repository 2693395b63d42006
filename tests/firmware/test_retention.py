"""What was kept long enough is destroyed with a receipt; what is on hold, unheard or needed stays;
and what is full takes no more, and loses nothing."""

import asyncio
import hashlib
import json
import re
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DatabaseError
from typer.testing import CliRunner, Result

from firmware import account, audit, erasure, holds, receipts, requests, room, settings
from firmware.audit import Act, Audited
from firmware.cli.messages import app as message_commands
from firmware.cli.retention import app as retention_commands
from firmware.control import ControlError
from firmware.erasure import NotAllowedError
from firmware.holds import HeldError, Kind, UnknownTargetError
from firmware.ledger import (
    Ledger,
    Moment,
    balance,
    calls,
    messages,
    messages_in,
)
from firmware.notify import Mail, Notices
from firmware.retention import Passed, empty_wal, standing
from firmware.retention_desk import RetentionDesk
from firmware.room import Level, Measured, Room
from firmware.spool import Laid
from firmware.store import open_reader
from ivr.commands import Outcome
from ivr.plan import MailServer, Person, Plan, Retention
from tests.firmware.by_hand import SITE, exchange_at, live, site_at, write_wav
from tests.firmware.keeping import HAND, LONG_AGO, NAME, NOW, NUMBER, PASSWORD, RULES, Clinic
from tests.firmware.test_notify import PostOffice
from tests.firmware.test_notify import standing as standing_office

COMMANDS = typer.Typer()
COMMANDS.add_typer(message_commands)
COMMANDS.add_typer(retention_commands)


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    there = Clinic(tmp_path)
    yield there
    there.ledger.close()


# ---- by age ----


def test_a_message_heard_ninety_days_ago_is_destroyed_and_its_receipt_says_what_and_why(
    clinic: Clinic,
) -> None:
    old, young = clinic.message(NOW - timedelta(days=91)), clinic.message(NOW - timedelta(days=89))
    digest = hashlib.sha256(clinic.path(old).read_bytes()).hexdigest()
    assert clinic.night() == Passed(messages=1)
    assert not clinic.path(old).exists()
    assert clinic.path(young).exists()
    (receipt,) = clinic.read(receipts.read)
    assert (receipt.kind, receipt.what, receipt.digest) == ("message", old, digest)
    assert (receipt.rule, receipt.by) == ("messages are kept 90 days", "retention")
    assert receipt.destroyed is not None
    assert clinic.verdict() == receipts.Verdict(1, 0)
    assert clinic.night() == Passed()


def test_a_message_that_nobody_has_heard_is_kept_however_old_and_told_of(clinic: Clinic) -> None:
    unheard = clinic.message(LONG_AGO, is_heard=False)
    assert clinic.night().messages == 0
    assert clinic.path(unheard).exists()
    assert clinic.read(partial(standing, RULES, NOW)).unheard == 1


def test_without_a_word_in_the_site_file_nothing_is_ever_destroyed_by_age(clinic: Clinic) -> None:
    message = clinic.message(LONG_AGO)
    assert clinic.night(settings.read(SITE).retention) == Passed()
    assert clinic.path(message).exists()


def test_a_requests_words_go_after_seven_years_with_its_spoken_answer_and_its_figures_stay(
    clinic: Clinic,
) -> None:
    request, answer = clinic.request(LONG_AGO)
    young, young_answer = clinic.request(NOW - timedelta(days=800))
    assert clinic.night() == Passed(requests=1, callers=1)
    opened = clinic.read(lambda c: requests.opened(c, request, clinic.key))
    assert (opened.patient, opened.number, opened.answers, opened.notes) == (None, "", {}, ())
    assert not clinic.path(answer).exists()
    assert clinic.path(young_answer).exists(), "it goes with its request, not with messages"
    kept = clinic.read(lambda c: requests.opened(c, young, clinic.key))
    assert (kept.patient, kept.number, kept.answers["number"]) == (NAME, NUMBER, NUMBER)
    told = clinic.read(lambda c: requests.history(c, request))
    assert [each.act for each in told] == ["left", "noted", "done"]
    assert clinic.verdict() == receipts.Verdict(3, 0)


def test_who_called_two_years_ago_is_forgotten_and_that_somebody_did_is_not(clinic: Clinic) -> None:
    call = clinic.call(NOW - timedelta(days=731), Outcome.ANSWERED)
    sealed = clinic.read(
        lambda c: c.execute(select(calls.c.number, calls.c.name, calls.c.number_hash)).one()
    )
    asyncio.run(clinic.copies.renew())
    clinic.hold(Kind.MAILBOX, "nurse")  # the newest line of the log tells of something else
    assert all(each in clinic.raw() for each in sealed)
    before = clinic.read(balance)
    assert clinic.night() == Passed(callers=1)
    row = clinic.read(lambda c: c.execute(select(calls).where(calls.c.call == call)).one())
    assert (row.number, row.name, row.number_hash) == (None, None, None)
    assert row.outcome == Outcome.ANSWERED
    assert clinic.read(balance) == before
    assert not any(each in clinic.raw() for each in sealed), "nor in pages that are free"
    assert not any(b64encode(each) in clinic.raw() for each in sealed), "nor in ledger.log"
    assert clinic.verdict() == receipts.Verdict(1, 0)


def test_who_called_is_known_as_long_as_what_they_left(clinic: Clinic) -> None:
    clinic.message(LONG_AGO, is_heard=False)
    clinic.request(NOW - timedelta(days=800), spoken=False)
    assert clinic.night() == Passed()


def test_what_somebody_reads_just_now_has_its_receipt_when_they_have_read(clinic: Clinic) -> None:
    clinic.call(LONG_AGO)
    reader = open_reader(clinic.place.calls_db)
    with reader.connect() as connection:
        connection.execute(text("SELECT count(*) FROM calls"))
        assert clinic.night() == Passed(callers=1)
        assert clinic.verdict().unfinished == 1
        assert not empty_wal(clinic.place.calls_db)
    reader.dispose()
    assert asyncio.run(clinic.eraser.carry_out()) == 1
    assert clinic.verdict() == receipts.Verdict(1, 0)


def test_a_recorded_talk_goes_by_its_own_days_and_not_by_those_of_messages(clinic: Clinic) -> None:
    old, young = (clinic.recording(NOW - timedelta(days=days)) for days in (61, 59))
    older = clinic.recording(NOW - timedelta(days=500))
    clinic.hold(Kind.MESSAGE, older)
    assert clinic.night(replace(RULES, recordings_days=None)) == Passed()
    assert clinic.night() == Passed(recordings=1)
    there = {each: clinic.path(each).exists() for each in (old, young, older)}
    assert there == {old: False, young: True, older: True}
    assert clinic.verdict() == receipts.Verdict(1, 0)


def entered(clinic: Clinic, *days_ago: int) -> None:
    rows = [
        Audited("maria", Act.SIGNED_IN, str(days), Moment(NOW - timedelta(days=days), 0))
        for days in days_ago
    ]
    clinic.ledger.submit(rows).result()


def test_the_audit_is_cut_off_after_six_years_and_says_so_itself(clinic: Clinic) -> None:
    entered(clinic, 2300, 2250, 2200, 2191, 3)
    rules = Retention(audit_days=2192)
    assert clinic.night(rules) == Passed(entries=True)
    assert clinic.night(rules) == Passed()
    chain = clinic.read(lambda c: list(audit.read(c)))
    assert [each.about for each in chain[:2]] == ["2191", "3"]
    assert chain[0].id == 4
    public, end = audit.signer(clinic.key).public_key(), audit.newest_mark(clinic.place.ledger_log)
    assert audit.verify(chain, public, end) == audit.Verdict(len(chain))
    assert clinic.verdict() == receipts.Verdict(1, 0)
    (receipt,) = clinic.read(receipts.read)
    assert (receipt.kind, receipt.what) == ("audit", "entries before 4")
    for beginning in (chain[1:], [replace(chain[0], who="ben"), *chain[1:]]):
        assert audit.verify(beginning, public, end).first_bad == 1
    changed = [chain[0], replace(chain[1], who="ben"), *chain[2:]]
    assert audit.verify(changed, public, end).first_bad == 5
    said = [
        replace(each, about="4 after what was") if each.act == Act.CUT else each for each in chain
    ]
    assert audit.verify(said, public, end).first_bad == 1
    with pytest.raises(DatabaseError, match="only ever added to"):
        clinic.write(lambda c: c.execute(text("DELETE FROM audit WHERE id = 4")))


def test_an_audit_all_of_which_is_old_is_cut_step_by_step(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "ENTRIES_AT_ONCE", 2)
    entered(clinic, 3000, 2900, 2800, 2700, 2600)
    assert clinic.night(Retention(audit_days=2192)).entries
    chain = clinic.read(lambda c: list(audit.read(c)))
    assert {each.who for each in chain} == {"retention"}
    assert audit.verify(chain, audit.signer(clinic.key).public_key()) == audit.Verdict(len(chain))
    assert clinic.verdict().wrong == ""


def test_while_anything_is_on_hold_all_of_the_audit_is_kept(clinic: Clinic) -> None:
    entered(clinic, 3000, 3)
    held = clinic.hold(Kind.MAILBOX, "nurse")
    assert clinic.night(Retention(audit_days=2192)) == Passed()
    clinic.write(lambda c: holds.release(c, held.hold, "maria", Moment(NOW, 0)))
    assert clinic.night(Retention(audit_days=2192)).entries


def test_nobody_but_the_exchange_says_that_the_audit_was_cut(clinic: Clinic) -> None:
    for form in (partial(account.AuditRequest, about="4 after 00"), partial(Laid, at=NOW)):
        with pytest.raises(ValueError, match="only the exchange"):
            form(who="ben", act=Act.CUT)


# ---- legal hold ----


@pytest.mark.parametrize("kind", Kind)
def test_what_is_on_hold_is_destroyed_neither_by_age_nor_by_hand_until_it_is_released(
    clinic: Clinic, kind: Kind
) -> None:
    request, _ = clinic.request(LONG_AGO)
    message = clinic.message(LONG_AGO)
    call = clinic.read(
        lambda c: c.scalar(select(messages.c.call).where(messages.c.message == message))
    )
    target = {Kind.MESSAGE: message[:8], Kind.MAILBOX: "nurse", Kind.PERSON: "maria"}
    held = clinic.hold(kind, target.get(kind, str(call)))
    clinic.night()
    assert clinic.path(message).exists()
    if kind in (Kind.MAILBOX, Kind.PERSON, Kind.CALLER):
        assert clinic.read(lambda c: requests.opened(c, request, clinic.key)).patient == NAME
    with pytest.raises(HeldError, match="legal hold"):
        asyncio.run(clinic.eraser.message(message, HAND))
    clinic.write(lambda c: holds.release(c, held.hold[:8], "maria", Moment(NOW, 0)))
    clinic.night()
    assert not clinic.path(message).exists()
    assert clinic.read(lambda c: requests.opened(c, request, clinic.key)).patient is None


def test_why_something_is_held_lies_sealed_and_a_hold_is_never_taken_out(clinic: Clinic) -> None:
    held = clinic.hold(Kind.MESSAGE, clinic.message(NOW))
    assert clinic.read(lambda c: holds.why_of(c, held.hold, clinic.key)) == "a lawyer's letter"
    assert b"lawyer" not in clinic.raw()
    with pytest.raises(DatabaseError, match="never deleted"):
        clinic.write(lambda c: c.execute(text("DELETE FROM holds")))
    clinic.write(lambda c: holds.release(c, held.hold, "maria", Moment(NOW, 0)))
    with pytest.raises(UnknownTargetError, match="no hold that stands"):
        clinic.write(lambda c: holds.release(c, held.hold, "maria", Moment(NOW, 0)))


@pytest.mark.parametrize(
    ("kind", "target", "cure"),
    [
        (Kind.CALL, "0000", "careline calls"),
        (Kind.MESSAGE, "0000", "careline messages list"),
        (Kind.MAILBOX, "doctors", "no such mailbox"),
        (Kind.PERSON, "ben", "no such member of a mailbox"),
    ],
)
def test_what_is_not_there_cannot_be_held_and_the_cure_is_told(
    clinic: Clinic, kind: Kind, target: str, cure: str
) -> None:
    with pytest.raises(UnknownTargetError, match=cure):
        clinic.hold(kind, target)


# ---- by hand, and what a power cut leaves ----


def test_an_answer_of_a_request_goes_with_the_request_and_not_by_hand(clinic: Clinic) -> None:
    _, answer = clinic.request(NOW)
    with pytest.raises(NotAllowedError, match="goes with it"):
        asyncio.run(clinic.eraser.message(answer, HAND))
    assert clinic.path(answer).exists()


def test_a_deletion_cut_short_by_a_power_cut_is_ended_at_the_next_start(clinic: Clinic) -> None:
    message = clinic.message(NOW)
    found = erasure.lying_there(clinic.place.messages, message)
    at = Moment(NOW, 0)
    clinic.write(lambda c: erasure.decide_message(c, message, found, HAND, clinic.key, at))
    assert clinic.path(message).exists(), "the power was cut here"
    assert clinic.verdict() == receipts.Verdict(1, 1)
    assert clinic.read(lambda c: messages_in(c, ["nurse"])) == [], "and nobody is shown it any more"
    assert asyncio.run(clinic.eraser.carry_out()) == 1
    assert not clinic.path(message).exists()
    assert clinic.verdict() == receipts.Verdict(1, 0)


def test_a_message_whose_header_is_damaged_is_destroyed_all_the_same(clinic: Clinic) -> None:
    message = clinic.message(NOW)
    content = bytearray(clinic.path(message).read_bytes())
    content[0] ^= 1
    clinic.path(message).write_bytes(content)
    with clinic.path(message).open("rb") as still_open:
        assert asyncio.run(clinic.eraser.message(message, HAND))
        assert not still_open.read().strip(b"\0"), "every wrap of its key is overwritten"
    assert not clinic.path(message).exists()


def test_a_restored_older_copy_loses_what_the_newer_box_had_destroyed(
    clinic: Clinic, tmp_path: Path
) -> None:
    message, (request, _) = clinic.message(NOW), clinic.request(LONG_AGO, spoken=False)
    older = Clinic(tmp_path / "older")
    with (
        closing(sqlite3.connect(clinic.place.calls_db)) as source,
        closing(sqlite3.connect(tmp_path / "copy.db")) as target,
    ):
        source.backup(target)
    older.ledger.close()
    (tmp_path / "copy.db").rename(older.place.calls_db)
    for beside in ("calls.db-wal", "calls.db-shm", "ledger.log"):
        (older.place.home / beside).unlink(missing_ok=True)
    older.ledger = Ledger(older.place.calls_db, older.place.ledger_log, clinic.key)
    older.path(message).parent.mkdir(exist_ok=True)
    older.path(message).write_bytes(clinic.path(message).read_bytes())
    asyncio.run(clinic.eraser.message(message, HAND))
    clinic.night()
    done = clinic.read(receipts.read)
    again = partial(
        erasure.repeat, directory=older.place.messages, done=done, moment=Moment(NOW, 0)
    )
    assert older.write(again) == 2
    assert not older.path(message).exists()
    assert older.read(lambda c: requests.opened(c, request, clinic.key)).patient is None
    older.ledger.close()


# ---- receipts ----


@pytest.mark.parametrize(
    ("done_to_it", "named"),
    [
        ("UPDATE receipts SET rule = 'by nobody' WHERE id = 2", "receipt 2 was changed"),
        ("UPDATE receipts SET digest = '' WHERE id = 3", "receipt 3 was changed"),
        ("DELETE FROM receipts WHERE id = 2", "receipt 2 is missing"),
        ("DELETE FROM receipts WHERE id = 3", "receipts 3 to 3 are missing"),
    ],
)
def test_a_receipt_that_was_changed_or_taken_out_is_named(
    clinic: Clinic, done_to_it: str, named: str
) -> None:
    for _ in range(3):
        clinic.message(LONG_AGO)
    clinic.night(replace(RULES, ledger_days=None))
    with pytest.raises(DatabaseError):
        clinic.write(lambda c: c.execute(text(done_to_it)))
    for trigger in ("signed_receipts_stay", "receipts_are_never_deleted"):
        clinic.write(partial(_without, trigger=trigger))
    clinic.write(lambda c: c.execute(text(done_to_it)))
    assert named in clinic.verdict().wrong


def _without(connection: Connection, trigger: str) -> None:
    connection.execute(text(f"DROP TRIGGER {trigger}"))


# ---- when ----


class Box:
    """A desk, and its clocks in the test's hand."""

    def __init__(self, clinic: Clinic, plan: Plan) -> None:
        self.local = datetime(2026, 11, 23, 2, 59, tzinfo=UTC)
        self.is_trusted = True
        self.start: Callable[[Coroutine[Any, Any, None]], object] = lambda work: work.close()
        self.mail: Mail | None = None
        self.plan = plan
        self.desk = RetentionDesk(
            store=clinic.ledger.store,
            key=clinic.key,
            place=clinic.place,
            plan=lambda: self.plan,
            local=lambda: self.local,
            trusted=lambda: self.is_trusted,
            notices=Notices(
                lambda: self.mail, lambda work: self.start(work), now=lambda: self.local
            ),
            eraser=clinic.eraser,
        )
        self.later = self.desk._up_since + 600


def test_it_is_done_once_a_night_and_never_by_a_clock_that_cannot_be_trusted(
    clinic: Clinic,
) -> None:
    message = clinic.message(LONG_AGO)
    box = Box(clinic, replace(settings.read(SITE), retention=RULES))
    assert not box.desk.is_due(box.later), "before three"
    box.local += timedelta(minutes=1)
    assert box.desk.is_due(box.later)
    assert not box.desk.is_due(box.later - 1), "a start has other things to do"
    box.is_trusted = False
    assert not box.desk.is_due(box.later)
    assert "until the clock can be trusted" in box.desk.part().detail
    box.is_trusted = True
    asyncio.run(box.desk.one_night())
    assert not clinic.path(message).exists()
    assert not box.desk.is_due(box.later)
    assert "last night destroyed 1 messages" in box.desk.part().detail
    box.local += timedelta(days=1)
    assert box.desk.is_due(box.later)


def test_a_night_that_a_disk_refuses_is_told_and_tried_again(clinic: Clinic) -> None:
    message = clinic.message(LONG_AGO)
    box = Box(clinic, replace(settings.read(SITE), retention=RULES))
    clinic.place.messages.chmod(0o500)
    kept, aside = clinic.path(message), clinic.place.messages.with_name("aside")
    clinic.place.messages.chmod(0o700)
    clinic.place.messages.rename(aside)
    clinic.place.messages.write_text("no directory")
    asyncio.run(box.desk.one_night())
    assert box.desk.part().state == "warning"
    clinic.place.messages.unlink()
    aside.rename(clinic.place.messages)
    asyncio.run(box.desk.one_night())
    assert box.desk.part().state == "well"
    assert not kept.exists()


# ---- the room ----


def test_the_room_is_what_the_clinic_allows_and_the_disk_has_less_the_reserve(
    clinic: Clinic,
) -> None:
    clinic.message(NOW)
    used = clinic.path(clinic.message(NOW)).stat().st_size * 2
    allowed = room.measure(clinic.place.messages, Retention(most_bytes=used + 1_000))
    assert (allowed.used, allowed.left) == (used, 1_000)
    assert room.measure(clinic.place.messages, Retention(most_bytes=used)).level is Level.FULL
    assert room.measure(clinic.place.messages, Retention(reserve_bytes=1 << 60)).left == 0
    assert room.measure(clinic.place.messages, Retention(reserve_bytes=0)).level is Level.ROOMY


def test_it_is_said_in_how_many_days_it_is_full_at_the_pace_of_the_last_weeks(
    clinic: Clinic,
) -> None:
    assert clinic.read(partial(room.growth_per_day, now=NOW)) is None
    clinic.message(NOW - timedelta(days=3))
    assert clinic.read(partial(room.growth_per_day, now=NOW)) is None, "too few days"
    clinic.message(NOW - timedelta(days=40))
    per_day = clinic.read(partial(room.growth_per_day, now=NOW))
    assert per_day is not None
    assert per_day == pytest.approx(0.25 * room.SECOND_BYTES / 28)
    measured = Measured(used=1_000_000_000, left=int(100.5 * per_day), per_day=per_day)
    assert "full in 100 days" in str(measured)
    assert "it does not fill up" in str(replace(measured, per_day=-1.0))
    assert "too few weeks" in str(replace(measured, per_day=None))


def test_people_are_told_once_when_it_becomes_worse_and_not_a_word_of_a_patient() -> None:
    told: list[Level] = []
    there = Room(lambda level, _measured: told.append(level))
    shares = (79, 80, 85, 100, 100, 60, 90)
    for share in shares:
        there.judge(Measured(used=share, left=100 - share))
    assert told == [Level.FILLING, Level.FULL, Level.FILLING]
    assert not there.is_full
    there.judge(Measured(used=100, left=0))
    assert there.is_full
    assert there.part().state == "alarm"
    subject, words = room.notice_of(Level.FULL, Measured(100, 0), "Maple Street")
    assert subject == "Maple Street: no message can be taken"
    assert "Nothing that is kept has been or will be removed" in words


def test_who_is_in_charge_has_it_by_e_mail_and_each_address_once(clinic: Clinic) -> None:
    async def story() -> None:
        office = PostOffice()
        async with standing_office(office) as port:
            mail = MailServer(
                *("127.0.0.1", port, "none", None, "careline@example.com"),
                admins=("office@example.com", "maria@example.com"),
            )
            maria = Person("maria", "Maria", ("101",), "maria@example.com")
            plan = replace(settings.read(SITE), mail=mail, people={"maria": maria})
            box = Box(clinic, replace(plan, retention=Retention(reserve_bytes=1 << 60)))
            tasks: list[asyncio.Task[None]] = []
            box.start = lambda work: tasks.append(asyncio.create_task(work))
            box.mail = Mail(mail, "")
            await box.desk.measure()
            await box.desk.measure()
            await asyncio.gather(*tasks)
        assert sorted(letter.rcpt_tos for letter in office.taken) == [
            ["maria@example.com"],
            ["office@example.com"],
        ]
        assert all("no message can be taken" in str(letter.content) for letter in office.taken)

    clinic.message(NOW)
    asyncio.run(story())


# ---- the site file ----


def test_the_section_alone_is_a_decision_and_each_of_its_days_may_be_another() -> None:
    assert settings.read(SITE).retention.messages_days is None
    decided = settings.read(f"{SITE}\n[retention]\n").retention
    assert (decided.messages_days, decided.requests_days, decided.ledger_days) == (90, 2557, 730)
    assert (decided.recordings_days, decided.audit_days) == (90, 2192)
    own = "messages_days = 30\nrecordings_gb = 8\ndelete_by_hand = false\n"
    own_rules = settings.read(f"{SITE}\n[retention]\n{own}").retention
    assert (own_rules.messages_days, own_rules.most_bytes) == (30, 8_000_000_000)
    assert not own_rules.by_hand
    with pytest.raises(settings.SiteFaults, match="six years"):
        settings.read(f"{SITE}\n[retention]\naudit_days = 365\n")
    with pytest.raises(settings.SiteFaults, match="from 1 to 36525"):
        settings.read(f"{SITE}\n[retention]\nmessages_days = 0\n")


# ---- in the running exchange, and at its commands ----


def test_where_there_is_no_room_a_caller_is_told_so_and_a_person_is_rung(tmp_path: Path) -> None:
    async def story() -> None:
        full = f"{SITE}\n[retention]\nreserve_gb = 100000\n"
        async with exchange_at(site_at(tmp_path, full)) as box:
            call, channel, leg = await box.caller()
            await box.step(call, "menu")
            leg.press("2")
            await box.step(call, "not kept")
            rung = await box.asterisk.asked["Originate"].get()
            assert rung["Channel"].endswith(("101", "102"))
            assert (await box.part("room")).state == "alarm"
            leg.hang_up()
            await box.leaves(channel)
            await box.step(call, "outcome")
            assert "recording" not in {each.step for each in box.steps}

    live(story())


@pytest.mark.parametrize("is_running", [False, True])
def test_an_admin_holds_a_message_and_nobody_deletes_it_until_it_is_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_running: bool
) -> None:
    clinic = Clinic(tmp_path)
    message = clinic.message(NOW)
    clinic.ledger.close()
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))
    clinic.place.site_file.write_text(SITE.replace('["reception"]', '["maria"]'), "utf-8")

    def careline(*words: str) -> Result:
        return CliRunner().invoke(COMMANDS, words, input=f"{PASSWORD}\n")

    def story() -> None:
        why = ("--why", "a lawyer's letter", "--password-stdin")
        held = careline("hold", "message", message[:8], *why)
        assert "held until it is released" in held.stderr
        hold = re.findall(r"release ([0-9a-f]{8})", held.stderr)[0]
        listed = careline("holds", "--why", "--password-stdin")
        assert hold in listed.stdout
        assert "lawyer" in listed.stdout
        assert "lawyer" not in careline("holds").stdout
        delete = ("messages", "delete", message[:8], "--yes", "--password-stdin")
        refused = careline(*delete)
        assert "legal hold" in refused.stderr
        assert clinic.path(message).exists()
        assert "nothing has been destroyed" in careline("retention", "receipts").stdout
        assert careline("release", hold, "--password-stdin").exit_code == 0
        assert careline(*delete).exit_code == 0
        assert not clinic.path(message).exists()
        shown = careline("retention", "receipts", str(tmp_path / "receipts.jsonl"))
        assert "all 1 receipts are as they were signed" in shown.stderr
        assert json.loads((tmp_path / "receipts.jsonl").read_text())["what"] == message
        assert "for ever" in careline("retention").stdout

    async def beside() -> None:
        for language, texts in settings.prompts_of(settings.read(SITE)).items():
            for name in texts:
                write_wav(clinic.place.prompts / language / f"{name}.wav", 400)
        for name in ("music", "beep"):
            write_wav(clinic.place.prompts / f"{name}.wav", 1600)
        async with exchange_at(clinic.place):
            await asyncio.to_thread(story)

    if is_running:
        live(beside())
    else:
        story()
    acts = clinic.read(lambda c: [entry.act for entry in audit.read(c)])
    assert acts.count("deleted") == 1
    assert {"put on legal hold", "released the legal hold on"} <= set(acts)


def test_what_lies_in_a_mailbox_of_others_too_is_deleted_by_nobody_alone(clinic: Clinic) -> None:
    message = clinic.message(NOW)
    box = Box(clinic, replace(settings.read(SITE), retention=RULES))
    with pytest.raises(ControlError, match="lies in nurse too"):
        asyncio.run(box.desk.delete(message, "somebody of no mailbox"))
    assert clinic.path(message).exists()
    assert asyncio.run(box.desk.delete(message, "maria"))
    assert not clinic.path(message).exists()


def test_a_clinic_may_let_nobody_delete_by_hand(clinic: Clinic) -> None:
    message = clinic.message(NOW)
    box = Box(clinic, replace(settings.read(SITE), retention=replace(RULES, by_hand=False)))
    with pytest.raises(ControlError, match="nobody delete by hand"):
        asyncio.run(box.desk.delete(message, "maria"))
    assert clinic.path(message).exists()
