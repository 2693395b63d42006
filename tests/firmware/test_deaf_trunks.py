"""Calls of which the telephone company reports that it hears nothing: one is a note, several in a
row an alarm. Who writes no reports, or never what was heard, is not blamed for it."""

import pytest

from firmware import deaf_trunks
from firmware.asterisk import trunk_states
from firmware.asterisk.trunk_states import Report
from firmware.asterisk.wire import Message
from firmware.deaf_trunks import NEW, Mouth
from firmware.topics import Part

WELL = Part(name="trunk telco", state="well", detail="answers")
EVERY_S = 5.0  # a report each: RFC 3550, 6.2


def report(call: str, *, blocks: int = 0, is_ours: bool = False, sent: bool = True) -> Report:
    return Report("trunk-telco", call, is_ours, sent, blocks)


def lived(*reports: Report, mouth: Mouth = NEW) -> Mouth:
    """What is known after these reports, the company's each 5 s after the one before."""
    now_s = 0.0
    for each in reports:
        now_s += 0 if each.is_ours else EVERY_S
        mouth = deaf_trunks.reported(mouth, each, now_s)
    return mouth


def deaf(call: str) -> tuple[Report, ...]:
    return (report(call, is_ours=True), *[report(call)] * 3)


HEARD = (report("before", is_ours=True), report("before", blocks=1))


def test_one_call_of_which_the_company_hears_nothing_is_a_note_and_three_in_a_row_an_alarm() -> (
    None
):
    one = lived(*HEARD, *deaf("a"))
    assert deaf_trunks.told(WELL, one).state == "warning"
    part = deaf_trunks.told(WELL, lived(*HEARD, *deaf("a"), *deaf("b"), *deaf("c")))
    assert part.state == "alarm"
    assert "heard nothing of the clinic in its last 3 calls" in part.detail
    assert "firewall" in part.cure


def test_one_call_that_is_heard_ends_the_alarm_and_each_deaf_one_counts_once() -> None:
    three = lived(*HEARD, *deaf("a"), *deaf("a"), *deaf("b"), *deaf("c"))
    assert three.in_a_row == 3
    heard = lived(report("d", is_ours=True), report("d", blocks=1), *deaf("a"), mouth=three)
    assert deaf_trunks.told(WELL, heard) == WELL


@pytest.mark.parametrize(
    "reports",
    [
        deaf("a")[:-1],  # not for ten seconds
        deaf("a")[1:],  # no sound went out
        (report("a", is_ours=True, sent=False), *deaf("a")[1:]),
        (report("a", is_ours=True), report("a", blocks=1), *deaf("a")[1:]),  # held since
        (report("a", is_ours=True),) * 9,  # the company reports nothing
    ],
)
def test_a_short_call_a_silent_clinic_a_held_call_and_a_company_without_reports_tell_nothing(
    reports: tuple[Report, ...],
) -> None:
    assert deaf_trunks.told(WELL, lived(*reports)) == WELL


def test_a_company_that_never_wrote_what_it_heard_may_not_know_how_and_is_no_alarm() -> None:
    part = deaf_trunks.told(WELL, lived(*deaf("a"), *deaf("b"), *deaf("c"), *deaf("d")))
    assert part.state == "warning"


def test_what_was_worse_before_stays_told() -> None:
    lost = WELL.model_copy(update={"state": "alarm", "detail": "lost"})
    assert deaf_trunks.told(lost, lived(*HEARD, *deaf("a"), *deaf("b"), *deaf("c"))) == lost
    mute = WELL.model_copy(update={"state": "warning", "detail": "mute"})
    assert deaf_trunks.told(mute, lived(*deaf("a"))) == mute


def test_what_is_over_is_forgotten_but_for_how_often() -> None:
    mouth = deaf_trunks.over(lived(*HEARD, *deaf("a"), *deaf("b")), ["b"])
    assert mouth.deaf == mouth.sent == {"b"}
    assert (mouth.heard, mouth.in_a_row) == (frozenset(), 2)


def told(*fields: str) -> Message:
    return Message("\r\n".join(("", *fields, "")).encode())


def test_a_report_is_read_as_asterisk_tells_it() -> None:
    up = ("Channel: PJSIP/trunk-a-b-0000001", "ChannelState: 6")
    ours = trunk_states.reported(told("Event: RTCPSent", *up, "PT: 200(SR)", "ReportCount: 0"))
    assert ours == Report("trunk-a-b", "PJSIP/trunk-a-b-0000001", True, True, 0)
    theirs = trunk_states.reported(
        told("Event: RTCPReceived", *up, "PT: 201(RR)", "ReportCount: 1")
    )
    assert theirs == Report("trunk-a-b", "PJSIP/trunk-a-b-0000001", False, False, 1)


@pytest.mark.parametrize(
    "fields",
    [
        ("Event: Newstate", "Channel: PJSIP/a-1", "ChannelState: 6"),
        ("Event: RTCPReceived", "Channel: PJSIP/a-1", "ChannelState: 5"),
        ("Event: RTCPReceived", "Channel: AudioSocket/a-1", "ChannelState: 6"),
    ],
)
def test_what_is_no_report_of_a_talk_by_a_trunk_is_none(fields: tuple[str, ...]) -> None:
    assert trunk_states.reported(told(*fields)) is None
