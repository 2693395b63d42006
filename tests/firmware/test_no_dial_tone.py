"""A gateway behind which the telephone line is dead refuses calls, and is told; one that says that
the number is wrong, the line engaged or the callee away is not."""

import pytest

from firmware import no_dial_tone
from firmware.asterisk.wire import Message
from firmware.topics import Part

WELL = Part(name="trunk wall", state="well", detail="answers")


def hangup(cause: str, state: str = "0", channel: str = "PJSIP/trunk-the-wall-0000002a") -> Message:
    told = ("Event: Hangup", f"Channel: {channel}", f"ChannelState: {state}", f"TechCause: {cause}")
    return Message("\r\n".join(("", *told, "")).encode())


@pytest.mark.parametrize("cause", ["480", "500", "503", "504"])
def test_a_call_that_the_gateway_takes_no_further_is_refused(cause: str) -> None:
    assert no_dial_tone.refused(hangup(cause)) == "trunk-the-wall"


@pytest.mark.parametrize(
    "message",
    [
        hangup("404"),
        hangup("486"),
        hangup("487"),
        hangup("603"),
        hangup(""),
        hangup("503", state="5"),  # it rang
        hangup("503", state="6"),  # somebody talked
        hangup("503", channel="Local/1@by-rule-1-00000001;2"),
        Message(b"\r\nEvent: Newchannel\r\nTechCause: 503\r\n"),
    ],
)
def test_whatever_else_ends_a_call_is_not(message: Message) -> None:
    assert no_dial_tone.refused(message) == ""


def test_the_first_is_a_note_the_second_an_alarm_and_a_lost_gateway_is_told_as_that() -> None:
    assert no_dial_tone.told(WELL, 0) == WELL
    assert no_dial_tone.told(WELL, 1).state == "warning"
    part = no_dial_tone.told(WELL, 2)
    assert (part.state, part.detail) == ("alarm", no_dial_tone.SEVERAL)
    assert "cable" in part.cure
    lost = WELL.model_copy(update={"state": "alarm", "detail": "lost"})
    assert no_dial_tone.told(lost, 2) == lost
