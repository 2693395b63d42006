"""A mailbox is listened to at a desk: by PIN, with again, slower, next, done and call back."""

from dataclasses import replace

import pytest

from firmware.settings import standard_prompts
from ivr import events, inside
from ivr.at_the_desk import STEP
from ivr.commands import (
    CallLeft,
    Command,
    MarkLeft,
    Note,
    OpenBox,
    Outcome,
    PlayLeft,
    Release,
)
from ivr.left import Left
from ivr.listening import PROMPTS
from ivr.plan import Mailbox, Plan
from ivr.standing import Stage
from tests.ivr.story import Clinic, a_clinic, finished, of, spoken

PIN = "246813"
CALL = "desk"
FIRST, SECOND, OLD = Left("first", True), Left("second", True), Left("old", False)
TWO_NEW = ("number-2", "box-new", "number-1", "box-heard")


def a_clinic_with_mailboxes() -> Plan:
    """101 has the nurse's, and 704 is the desk's number."""
    plan = a_clinic()
    boxes = {
        "nurse": Mailbox("nurse", ("nina",), ()),
        "desk": Mailbox("desk", ("remy",), (), "704"),
    }
    nurse = replace(plan.phones["101"], mailbox="nurse")
    return replace(plan, mailboxes=boxes, phones={**plan.phones, "101": nurse})


class Desk(Clinic):
    """Somebody at telephone 101."""

    def __init__(self) -> None:
        super().__init__(a_clinic_with_mailboxes())

    def dials(self, code: str = "*97101") -> list[Command]:
        return self.hears(events.CallArrived(CALL, inside.INSIDE, code, "101", ""))

    def keys(self, keys: str) -> list[Command]:
        return [said for key in keys for said in self.presses(CALL, key)]

    def opens(self, *left: Left) -> list[Command]:
        """By a PIN that is right."""
        self.dials()
        assert of(self.keys(f"{PIN}#"), OpenBox) == [OpenBox(CALL, "nurse", PIN)]
        return self.hears(events.BoxOpened(CALL, "nina", left=left))

    def hears_first(self) -> list[Command]:
        """Two new ones and one that was heard before, up to the first."""
        assert spoken(self.opens(FIRST, SECOND, OLD)) == [TWO_NEW]
        return self.prompt_ends(CALL)


def played(said: list[Command]) -> list[tuple[str, bool]]:
    return [(each.message, each.slowly) for each in said if isinstance(each, PlayLeft)]


def marked(said: list[Command]) -> list[tuple[str, bool]]:
    return [(each.message, each.is_done) for each in said if isinstance(each, MarkLeft)]


def test_the_new_ones_are_played_in_turn_and_what_was_heard_to_its_end_is_heard() -> None:
    desk = Desk()
    assert played(desk.hears_first()) == [("first", False)]
    said = desk.prompt_ends(CALL)
    assert (marked(said), spoken(said)) == ([("first", False)], [("box-menu",)])
    assert played(desk.keys("3")) == [("second", False)]
    assert played(desk.keys("3")) == [("old", False)]
    said = desk.keys("3")
    assert (marked(said), spoken(said)) == ([], [("box-last", "goodbye")])
    assert of(desk.prompt_ends(CALL), Release)
    assert finished(desk.hears(events.CallerLeft(CALL))) == [Outcome.SELF_SERVED]


def test_no_message_is_opened_and_no_key_is_written_down_before_the_pin() -> None:
    desk = Desk()
    desk.dials()
    said = desk.keys("24681")
    assert played(said) == []
    assert of(said, OpenBox) == []
    written = " ".join(each.detail for each in desk.said if isinstance(each, Note))
    assert PIN[:5] not in written
    assert [each.detail for each in desk.said if isinstance(each, Note) and each.step == STEP] == [
        "asks: pin"
    ]


def test_a_wrong_pin_may_be_keyed_again_and_a_locked_mailbox_says_so() -> None:
    desk = Desk()
    desk.dials()
    for prompts in [("lease-pin-wrong",), ("lease-pin-wrong",), ("goodbye",)]:
        desk.keys("135790#")
        assert spoken(desk.hears(events.BoxOpened(CALL, ""))) == [prompts]
    desk = Desk()
    desk.dials()
    desk.keys("135790#")
    assert spoken(desk.hears(events.BoxOpened(CALL, "", is_locked=True))) == [
        ("box-locked", "goodbye")
    ]


def test_slower_and_again_begin_anew_and_twice_back_is_the_one_before() -> None:
    desk = Desk()
    desk.hears_first()
    assert played(desk.keys("2")) == [("first", True)]
    assert played(desk.keys("3")) == [("second", True)]
    assert played(desk.keys("2")) == [("second", False)]
    assert played(desk.keys("1")) == [("second", False)]
    assert played(desk.keys("1")) == [("first", False)]
    assert played(desk.keys("1")) == [("first", False)]
    desk.prompt_ends(CALL)
    assert played(desk.keys("1")) == [("first", False)]


def test_done_is_said_once_it_is_written() -> None:
    desk = Desk()
    desk.hears_first()
    said = desk.keys("7")
    assert of(said, MarkLeft) == [MarkLeft(CALL, "first", "nurse", "nina", True, True)]
    assert spoken(said) == []
    assert spoken(desk.hears(events.LeftMarked(CALL, is_written=True))) == [("box-done",)]
    assert played(desk.prompt_ends(CALL)) == [("second", False)]
    desk.keys("7")
    assert spoken(desk.hears(events.LeftMarked(CALL, is_written=False))) == [
        ("code-failed", "box-menu")
    ]


def test_what_is_kept_is_heard_and_the_next_one_comes() -> None:
    desk = Desk()
    desk.hears_first()
    said = desk.keys("9")
    assert (marked(said), spoken(said)) == ([("first", False)], [("box-kept",)])
    assert played(desk.prompt_ends(CALL)) == [("second", False)]


def test_the_caller_is_called_and_the_call_has_left_us_as_no_transferred_caller() -> None:
    """Nobody called the clinic: it is a desk that heard what it wanted."""
    desk = Desk()
    desk.hears_first()
    assert of(desk.keys("5"), CallLeft) == [CallLeft(CALL, "first", "nina")]
    desk.hears(events.LeftCalled(CALL, is_called=True))
    assert desk.stage(CALL) is Stage.LEAVING
    assert desk.waits(600) == []
    desk.hears(events.Joined(CALL, ""))
    assert finished(desk.hears(events.CallerLeft(CALL))) == [Outcome.SELF_SERVED]


def test_who_cannot_be_called_is_said_so_and_the_message_stays() -> None:
    desk = Desk()
    desk.hears_first()
    desk.keys("5")
    assert spoken(desk.hears(events.LeftCalled(CALL, is_called=False))) == [
        ("lease-no-number", "box-menu")
    ]
    assert played(desk.keys("1")) == [("first", False)]


def test_an_empty_mailbox_and_a_silent_listener_end_the_call() -> None:
    desk = Desk()
    assert spoken(desk.opens()) == [("box-empty", "goodbye")]
    desk = Desk()
    desk.hears_first()
    desk.prompt_ends(CALL)
    desk.prompt_ends(CALL)
    assert spoken(desk.waits(9)) == [("box-menu",)]
    desk.prompt_ends(CALL)
    assert spoken(desk.waits(9)) == [("goodbye",)]


def test_a_star_ends_it_and_another_key_tells_what_there_is_to_press() -> None:
    desk = Desk()
    desk.hears_first()
    assert spoken(desk.keys("8")) == [("box-menu",)]
    assert spoken(desk.keys("*")) == [("goodbye",)]


@pytest.mark.parametrize(
    ("code", "node"),
    [("*97101", "listen-nurse"), ("*97704", "listen-desk")],
)
def test_a_telephones_own_number_or_a_mailboxs_leads_there(code: str, node: str) -> None:
    assert inside.leads_to(a_clinic_with_mailboxes(), code) == (inside.OURS, node)


@pytest.mark.parametrize("code", ["*97102", "*97999"])
def test_a_number_without_a_mailbox_says_so(code: str) -> None:
    desk = Desk()
    assert spoken(desk.dials(code)) == [("greeting-no-mailbox",)]


def test_no_caller_of_the_clinic_comes_there_by_dialling() -> None:
    desk = Desk()
    said = desk.hears(events.CallArrived("outside", "main", "*97101", "2025550143", ""))
    assert of(said, OpenBox) == []
    assert spoken(said) == [("menu",)]


def test_every_prompt_is_one_of_the_products() -> None:
    assert set(PROMPTS) <= set(standard_prompts()["en"])
