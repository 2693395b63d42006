"""A message is deleted while somebody forwards it or gives it up: it is gone or it is there, whole,
and whoever comes second is told so."""

import asyncio
import fcntl
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from firmware import erasure, message_acts, people, receipts, vault
from firmware.control import ControlError
from firmware.erasure import NotAllowedError, Rule
from firmware.ledger import Ledger, Moment, mark_heard
from firmware.machine import MachineKey
from firmware.message_acts import MessageActRequest
from firmware.opening import Opening, held_by
from firmware.place import Place
from firmware.retention import Eraser
from tests.firmware.members import PASSWORD, Clinic
from tests.firmware.voice import voice

SPOKEN = voice(0.5).tobytes()
WAIT_S = 30.0


@pytest.fixture(scope="module")
def set_up_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with pytest.MonkeyPatch.context() as patched:
        place = Place(tmp_path_factory.mktemp("clinic"))
        place.messages.mkdir()
        yield Clinic(place, patched).set_up()


class Box:
    """The books while an exchange has them, and what its people do at one moment."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic, self.place = clinic, clinic.place
        self.key = MachineKey.at(self.place.machine_key)
        self.message = clinic.leave()
        self.books = Ledger(self.place.calls_db, self.place.ledger_log, self.key)
        self.eraser = Eraser(self.books.store, self.key, self.place.messages)

    def before(self, who: str) -> Opening:
        ring = people.sign_in(self.place.page_db, who, PASSWORD)
        (it,) = held_by(self.place, ring.mailboxes)
        return Opening(self.place, ring, it, lambda _act, _about: None)

    def do(self, wish: MessageActRequest) -> None:
        asyncio.run(message_acts.act(wish, self.place.page_db, self.books.write))

    def delete(self, rule: Rule) -> bool:
        return asyncio.run(self.eraser.message(self.message, rule))

    def files(self) -> list[Path]:
        return sorted(self.place.messages.iterdir())


@pytest.fixture
def box(set_up_once: Clinic) -> Iterator[Box]:
    there = Box(set_up_once.empty())
    yield there
    there.books.close()


def nina_s(*mailboxes: str) -> Rule:
    return Rule("deleted by hand", "nina", frozenset(mailboxes))


def test_deleted_in_the_midst_of_its_forwarding_it_does_not_come_back(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deletion is through, or waits for its turn, before the forwarding goes on."""
    copy, lock, came = shutil.copyfileobj, fcntl.flock, threading.Event()

    def deletes() -> None:
        box.delete(nina_s("nurse"))
        came.set()

    deleting = threading.Thread(target=deletes)

    def asks(fd: int, how: int) -> None:
        if threading.current_thread() is not threading.main_thread():
            came.set()
        lock(fd, how)

    def copies(*files: Any) -> None:
        deleting.start()
        assert came.wait(WAIT_S)
        copy(*files)

    forwards = box.before("nina")
    monkeypatch.setattr(fcntl, "flock", asks)
    monkeypatch.setattr(shutil, "copyfileobj", copies)
    with pytest.raises((ControlError, OSError)):
        forwards.forward("desk", box.do)
    deleting.join(WAIT_S)
    assert box.files() == []
    (receipt,) = box.eraser.read_now(receipts.read)
    assert (receipt.what, receipt.destroyed is None) == (box.message, False)


def test_forwarded_in_the_midst_of_its_deletion_it_does_not_come_back(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deletion has its file open already, and goes on when the forwarding waits for it, or is
    about to put its own in place."""
    open_, replace, lock = Path.open, Path.replace, fcntl.flock
    is_at_it, may_go_on = threading.Event(), threading.Event()
    deleting = threading.Thread(target=box.delete, args=(nina_s("nurse"),))

    def opens(path: Path, mode: str = "r", *more: Any) -> Any:
        if mode == "r+b" and path.suffix == vault.SEALED:
            is_at_it.set()
            assert may_go_on.wait(WAIT_S)
        return open_(path, mode, *more)

    def asks(fd: int, how: int) -> None:
        if threading.current_thread() is not deleting:
            may_go_on.set()
        lock(fd, how)

    def replaces(path: Path, new: Path) -> Path:
        may_go_on.set()
        deleting.join(WAIT_S)
        return replace(path, new)

    forwards = box.before("nina")
    monkeypatch.setattr(fcntl, "flock", asks)
    monkeypatch.setattr(Path, "open", opens)
    monkeypatch.setattr(Path, "replace", replaces)
    deleting.start()
    assert is_at_it.wait(WAIT_S)
    with pytest.raises((ControlError, OSError)):
        forwards.forward("desk", box.do)
    deleting.join(WAIT_S)
    assert box.files() == []


def test_once_its_deletion_is_decided_it_is_made_out_to_nobody_else(box: Box) -> None:
    forwards = box.before("nina")
    decide = partial(
        erasure.decide_message,
        message=box.message,
        found=erasure.lying_there(box.place.messages, box.message),
        rule=nina_s("nurse"),
        key=box.key,
        at=Moment.now(),
    )
    box.books.store.submit(decide).result()
    with pytest.raises(FileNotFoundError, match="no such message any more"):
        forwards.forward("desk", box.do)
    with pytest.raises(vault.NotForThisKeyError):
        box.clinic.hears("remy", box.message)
    asyncio.run(box.eraser.carry_out())
    assert box.files() == []


def test_forwarded_just_before_it_is_not_deleted_for_those_who_have_it_now(box: Box) -> None:
    box.before("nina").forward("desk", box.do)
    with pytest.raises(NotAllowedError, match="lies in desk too"):
        box.delete(nina_s("nurse"))
    assert box.clinic.hears("remy", box.message) == SPOKEN
    assert box.clinic.hears("nina", box.message) == SPOKEN
    assert box.delete(nina_s("nurse", "desk"))
    assert box.files() == []


def test_forwarded_just_before_it_is_new_there_and_no_night_destroys_it(box: Box) -> None:
    """It was due when the night began."""
    at = Moment.now()
    box.books.store.submit(lambda c: mark_heard(c, box.message, at)).result()
    later = at.at + timedelta(days=100)
    due = erasure.messages_due(later)
    assert box.eraser.read_now(partial(erasure.due, due, 50)) == [box.message]
    box.before("nina").forward("desk", box.do)
    with pytest.raises(NotAllowedError):
        box.delete(Rule("messages are kept 90 days", "retention", still=due))
    assert box.clinic.hears("remy", box.message) == SPOKEN


def test_an_exchange_that_starts_meanwhile_takes_nothing_from_who_forwards_and_waits_for_nobody(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copyfileobj

    def copies(*files: Any) -> None:
        assert vault.adopt(box.place.messages, {box.message}) == []
        copy(*files)

    monkeypatch.setattr(shutil, "copyfileobj", copies)
    box.before("nina").forward("desk", box.do)
    assert box.clinic.hears("remy", box.message) == SPOKEN
    assert len(box.files()) == 1


def test_two_who_forward_it_at_one_moment_forward_it_to_both(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And neither file is the other's half."""
    copy, lock, came = shutil.copyfileobj, fcntl.flock, threading.Event()
    nina, maria = box.before("nina"), box.before("maria")
    people.agree(
        box.place.page_db,
        {"nurse": ["maria", "nina"], "desk": ["maria", "remy"], "doctor": ["maria"]},
    )
    people.sign_in(box.place.page_db, "maria", PASSWORD)
    other = threading.Thread(target=maria.forward, args=("doctor", box.do))

    def asks(fd: int, how: int) -> None:
        if threading.current_thread() is other:
            came.set()
        lock(fd, how)

    def copies(*files: Any) -> None:
        if threading.current_thread() is not other:
            other.start()
            assert came.wait(WAIT_S)
        copy(*files)

    monkeypatch.setattr(fcntl, "flock", asks)
    monkeypatch.setattr(shutil, "copyfileobj", copies)
    nina.forward("desk", box.do)
    other.join(WAIT_S)
    assert message_acts_lie_in(box) == {"nurse", "desk", "doctor"}
    for who in ("nina", "remy", "maria"):
        assert box.clinic.hears(who, box.message) == SPOKEN
    pairs = people.sign_in(box.place.page_db, "maria", PASSWORD).mailboxes["doctor"]
    assert vault.hear(box.files()[0], *pairs).audio == SPOKEN
    assert len(box.files()) == 1


def test_whoever_gives_it_up_and_finds_that_nobody_else_has_it_changes_nothing(box: Box) -> None:
    gives_up = box.before("nina")
    assert gives_up.take_out(["nurse"], box.do) == []
    assert message_acts_lie_in(box) == {"nurse"}
    assert box.clinic.hears("nina", box.message) == SPOKEN


def test_forwarded_just_before_it_is_given_up_it_stays_where_it_came(box: Box) -> None:
    gives_up = box.before("nina")
    box.before("nina").forward("desk", box.do)
    assert gives_up.take_out(["nurse"], box.do) == ["desk"]
    assert box.clinic.hears("remy", box.message) == SPOKEN
    with pytest.raises(vault.NotForThisKeyError):
        box.clinic.hears("nina", box.message)


def test_given_up_just_before_it_is_forwarded_by_nobody_who_has_it_no_more(box: Box) -> None:
    box.before("nina").forward("desk", box.do)
    forwards = box.before("nina")
    box.before("nina").take_out(["nurse"], box.do)
    with pytest.raises(FileNotFoundError, match="no such message any more"):
        forwards.forward("nurse", box.do)
    assert message_acts_lie_in(box) == {"desk"}


def message_acts_lie_in(box: Box) -> set[str]:
    return box.eraser.read_now(partial(message_acts.mailboxes_of, message=box.message))
