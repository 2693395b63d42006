"""Calls that are answered and of which no sound comes: one is a note, several in a row an alarm.
Who says nothing, holds the call or is gone in a moment raises none."""

import pytest

from firmware import mute_trunks
from firmware.asterisk import trunk_states
from firmware.asterisk.wire import Message
from firmware.mute_trunks import ALARM_AT, NEW, Ear
from firmware.topics import Part

WELL = Part(name="trunk telco", state="well", detail="answers")
LOOK_S = 3.0


def lived(*looks: dict[str, int], ear: Ear = NEW) -> Ear:
    """What is known after these looks, each the calls that are up with the packets of each."""
    for count, up in enumerate(looks):
        asked = {call: up[call] for call in mute_trunks.to_ask(ear, up)}
        ear = mute_trunks.step(ear, up, asked, count * LOOK_S)
    return ear


def mute(call: str) -> list[dict[str, int]]:
    return [{call: 0}] * 4


def test_one_call_of_which_no_sound_comes_is_a_note_and_three_in_a_row_are_an_alarm() -> None:
    one = lived(*mute("a"))
    assert mute_trunks.told(WELL, one).state == "warning"
    three = lived(*mute("a"), *mute("b"), *mute("c"))
    part = mute_trunks.told(WELL, three)
    assert (part.state, part.detail) == ("alarm", "no sound at all came in its last 3 calls")
    assert "firewall" in part.cure


def test_three_at_once_are_as_bad_and_each_counts_once() -> None:
    ear = lived(*[{"a": 0, "b": 0, "c": 0}] * 9)
    assert ear.in_a_row == ALARM_AT


def test_one_call_that_is_heard_ends_the_alarm_though_a_mute_one_goes_on() -> None:
    ear = lived(*mute("a"), *mute("b"), {"c": 0}, {"c": 0}, {"c": 0, "d": 9}, {"c": 0}, {"c": 0})
    assert mute_trunks.told(WELL, ear) == WELL


def test_a_call_heard_late_was_not_mute() -> None:
    """A gateway that sends no silence, and a caller who listens to the whole menu."""
    assert lived(*mute("a"), {"a": 12}).in_a_row == 0


@pytest.mark.parametrize(
    "looks",
    [
        [{"a": 0}, {"a": 0}],  # not up for long
        [{"a": 7}, *[{"a": 7}] * 9],  # held since
        [{}] * 9,
    ],
)
def test_a_short_call_one_that_is_held_and_none_at_all_tell_nothing(
    looks: list[dict[str, int]],
) -> None:
    assert lived(*looks).in_a_row == 0


def test_a_call_without_a_sound_of_its_own_and_one_just_over_are_not_counted() -> None:
    ear = NEW
    for count in range(9):
        ear = mute_trunks.step(ear, ["fax"], {}, count * LOOK_S)
    assert ear == NEW
    assert trunk_states.count_said("") is None
    assert trunk_states.count_said("0") == 0


def test_a_trunk_that_fails_is_told_as_that() -> None:
    lost = WELL.model_copy(update={"state": "alarm", "detail": "lost"})
    assert mute_trunks.told(lost, lived(*mute("a"), *mute("b"), *mute("c"))) == lost


def test_only_calls_that_were_answered_are_listened_to() -> None:
    def channel(name: str, state: str) -> Message:
        told = ("Event: Status", f"Channel: {name}", f"ChannelState: {state}")
        return Message("\r\n".join(("", *told, "")).encode())

    up = trunk_states.answered(
        [channel("PJSIP/trunk-a-b-0000001", "6"), channel("PJSIP/trunk-a-b-0000002", "4")]
    )
    assert up == {"trunk-a-b": ["PJSIP/trunk-a-b-0000001"]}
