"""A talk that is recorded: whether the caller agrees, when it begins, and every gap in it."""

from dataclasses import replace

import pytest

from ivr import commands, consent, events
from ivr.check import prove
from ivr.commands import Command, Note, RecordPart, SoundTone, StopPart, Tap, Untap
from ivr.events import Passing, TalkKey
from ivr.forewarn import untold
from ivr.plan import Consent, Plan, Recorded, Recording
from ivr.recording import AGAIN_S, OVER_WITHIN_S, RESUME_S, TAPPED_WITHIN_S
from ivr.standing import Stage
from tests.ivr.story import NOON, Clinic, a_clinic, of, offers, spoken

ALWAYS = Recording(Recorded.ALWAYS, Consent.ANNOUNCE, "talks")
ON_REQUEST = replace(ALWAYS, when=Recorded.ON_REQUEST)
NEVER = Recording(Recorded.NEVER)


def a_clinic_that(*, desk: Recording | None = None, line: Recording | None = None) -> Plan:
    """Its desk, or its line, records."""
    plan = a_clinic()
    queues = {**plan.queues, "desk": replace(plan.queues["desk"], recording=desk)}
    return replace(plan, queues=queues, lines={"main": replace(plan.lines["main"], recording=line)})


def at_the_desk(rule: Recording) -> Clinic:
    """Anna chose the desk, and is told or asked of the recording."""
    clinic = Clinic(a_clinic_that(desk=rule))
    clinic.calls("anna", "1")
    return clinic


def joined(clinic: Clinic) -> list[Command]:
    """The first phone that rings for anna is picked up."""
    offer = offers(clinic.said)[-1][0]
    clinic.hears(events.OfferAccepted(offer))
    return clinic.hears(events.Joined("anna", offer))


def told(clinic: Clinic, step: str) -> list[str]:
    return [c.detail for c in clinic.said if isinstance(c, Note) and c.step == step]


def parts(clinic: Clinic) -> list[str]:
    """`on` and why `off`, as the recording began and stopped."""
    both = of(clinic.said, RecordPart, StopPart)
    return [each.why if isinstance(each, StopPart) else "on" for each in both]


def a_recorded_talk(rule: Recording = ALWAYS) -> Clinic:
    """Anna stays when she is told, and talks with the desk."""
    clinic = at_the_desk(rule)
    clinic.prompt_ends("anna")
    clinic.waits(consent.TOLD_S)
    said = joined(clinic)
    if rule.when is Recorded.ALWAYS:
        (tap,) = of(said, Tap)
        assert isinstance(tap, Tap)
        assert tap.call == "anna"
        clinic.hears(events.Tapped(tap.tap))
    return clinic


def tap_of(clinic: Clinic) -> str:
    return clinic.exchange.recordings.talks["anna"].tap


# ---- consent ----


def test_a_caller_is_told_once_and_before_anybody_is_rung() -> None:
    clinic = at_the_desk(ALWAYS)
    assert spoken(clinic.said)[-1] == ("record-announce",)
    assert (clinic.stage("anna"), offers(clinic.said)) == (Stage.CONSENT, [])
    clinic.prompt_ends("anna")
    assert offers(clinic.waits(consent.TOLD_S))
    assert told(clinic, "consent") == ["given: by staying, after record-announce in en"]


def test_who_presses_two_comes_to_the_same_person_unrecorded() -> None:
    clinic = at_the_desk(ALWAYS)
    assert offers(clinic.presses("anna", "2"))
    joined(clinic)
    assert of(clinic.said, Tap) == []
    assert told(clinic, "consent") == ["refused: key 2, after record-announce in en"]
    assert told(clinic, "recorded") == ["not at all: the caller refused"]


@pytest.mark.parametrize(
    ("key", "is_recorded"), [("1", True), ("2", False), ("", False), ("7", False)]
)
def test_by_key_only_a_one_is_consent(key: str, is_recorded: bool) -> None:
    clinic = at_the_desk(replace(ALWAYS, consent=Consent.KEY))
    assert spoken(clinic.said)[-1] == ("record-ask",)
    clinic.prompt_ends("anna")
    if key:
        clinic.presses("anna", key)
    clinic.waits(consent.ASKED_S)
    joined(clinic)
    assert bool(of(clinic.said, Tap)) is is_recorded


def test_without_consent_by_the_sites_rule_nobody_is_asked_and_check_warns() -> None:
    rule = replace(ALWAYS, consent=Consent.NONE)
    clinic = at_the_desk(rule)
    assert ("record-announce",) not in spoken(clinic.said)
    joined(clinic)
    assert of(clinic.said, Tap)
    (warning,) = untold(a_clinic_that(desk=rule))
    assert warning.where == ("queues", "desk", "consent")
    assert untold(a_clinic_that(desk=ALWAYS)) == []


def test_a_caller_who_hangs_up_on_the_question_had_asked_for_a_person() -> None:
    clinic = at_the_desk(ALWAYS)
    clinic.waits(12)
    clinic.hears(events.CallerLeft("anna"))
    assert told(clinic, "because")[0].endswith("after asking for a person")


def test_a_site_whose_language_lacks_the_words_is_refused() -> None:
    plan = a_clinic_that(line=ALWAYS)
    known = {"en": {"record-announce"}}
    cures = {found.cure for found in prove(plan, known, NOON)}
    assert 'add record-announce = "…" to [prompts.en]' not in cures
    assert 'add record-announce = "…" to [prompts.en]' in {f.cure for f in prove(plan, {}, NOON)}


# ---- which talks ----


def test_a_queues_own_rule_goes_before_the_lines() -> None:
    clinic = Clinic(a_clinic_that(desk=NEVER, line=ALWAYS))
    clinic.calls("anna", "1")
    joined(clinic)
    assert of(clinic.said, Tap) == []
    clinic = Clinic(a_clinic_that(line=ALWAYS))
    assert spoken(clinic.calls("bob", "2"))[-1] == ("record-announce",)


def test_a_talk_is_recorded_from_its_begin_to_its_end() -> None:
    clinic = a_recorded_talk()
    assert of(clinic.said, RecordPart) == [RecordPart(tap_of(clinic), "anna", "talks")]
    tap = tap_of(clinic)
    clinic.hears(events.CallerLeft("anna"))
    assert parts(clinic) == ["on", "the talk is over"]
    assert of(clinic.said, Untap) == [Untap(tap)]
    assert told(clinic, "recorded")[-1] == "to its end: the talk is over"


def test_on_request_nothing_listens_until_the_agent_asks() -> None:
    clinic = a_recorded_talk(ON_REQUEST)
    assert of(clinic.said, Tap) == []
    clinic.hears(events.TalkKeyed("anna", TalkKey.RECORD))
    clinic.hears(events.Tapped(tap_of(clinic)))
    assert parts(clinic) == ["on"]


def test_where_nothing_may_be_recorded_the_agents_key_does_nothing_but_leave_a_trace() -> None:
    clinic = at_the_desk(ON_REQUEST)
    clinic.presses("anna", "2")
    joined(clinic)
    said = clinic.hears(events.TalkKeyed("anna", TalkKey.RECORD))
    assert of(said, Tap, SoundTone) == []
    assert told(clinic, "recorded")[-1] == "asked for at the desk, and not allowed"


# ---- gaps ----


def test_the_agent_stops_and_starts_it_and_both_hear_a_tone() -> None:
    clinic = a_recorded_talk()
    for _ in range(2):
        clinic.hears(events.TalkKeyed("anna", TalkKey.RECORD))
    assert parts(clinic) == ["on", "stopped at the desk", "on"]
    tones = [c.sound for c in of(clinic.said, SoundTone) if isinstance(c, SoundTone)]
    assert tones == [commands.Sound.OFF, commands.Sound.ON]


def test_a_card_number_that_is_spoken_is_left_out_until_the_agent_says_so() -> None:
    clinic = a_recorded_talk()
    clinic.hears(events.TalkKeyed("anna", TalkKey.CARD))
    clinic.waits(300)
    assert parts(clinic) == ["on", "paused for a card number"]
    clinic.hears(events.TalkKeyed("anna", TalkKey.CARD))
    assert parts(clinic)[-1] == "on"


def test_a_card_number_that_is_keyed_pauses_it_from_its_first_key_until_after_its_last() -> None:
    clinic = a_recorded_talk()
    for _ in range(16):
        clinic.presses("anna", "4")
        clinic.waits(RESUME_S - 2)
    assert parts(clinic) == ["on", "the caller keys"]
    clinic.waits(2.5)
    assert parts(clinic) == ["on", "the caller keys", "on"]
    assert "4" not in {c.detail for c in clinic.said if isinstance(c, Note)}


def test_tones_in_the_audio_itself_pause_it_as_keys_do() -> None:
    clinic = a_recorded_talk()
    clinic.hears(events.ToneHeard(tap_of(clinic), "4"))
    assert parts(clinic) == ["on", "the caller keys"]


def test_keys_within_a_pause_of_the_agents_do_not_end_it() -> None:
    clinic = a_recorded_talk()
    clinic.hears(events.TalkKeyed("anna", TalkKey.CARD))
    clinic.presses("anna", "4")
    clinic.waits(RESUME_S + 1)
    assert parts(clinic) == ["on", "paused for a card number"]


def test_nothing_is_recorded_on_hold_or_while_parked() -> None:
    clinic = a_recorded_talk()
    clinic.hears(events.Held("anna"), events.Resumed("anna"))
    clinic.hears(events.Parked("anna", "801", "101", is_over=False))
    clinic.hears(events.Parked("anna", "801", "102", is_over=True))
    assert parts(clinic) == ["on", "on hold", "on", "parked", "on"]


def test_who_is_passed_on_to_a_queue_that_never_records_is_recorded_no_more() -> None:
    plan = a_clinic_that(desk=ALWAYS)
    nurse = replace(plan.queues["nurse"], recording=NEVER, number="722")
    clinic = Clinic(replace(plan, queues={**plan.queues, "nurse": nurse}))
    clinic.calls("anna", "1")
    clinic.prompt_ends("anna")
    clinic.waits(consent.TOLD_S)
    joined(clinic)
    tap = tap_of(clinic)
    clinic.hears(events.Tapped(tap))
    clinic.hears(events.Transferred("anna", "101", "722", Passing.SENT))
    clinic.hears(events.SentOn("anna", "722"))
    joined(clinic)
    assert parts(clinic) == ["on", "passed on"]
    assert of(clinic.said, Tap) == [Tap(tap, "anna")]


def test_by_the_lines_rule_whoever_was_consulted_is_recorded_too() -> None:
    clinic = Clinic(a_clinic_that(line=ALWAYS))
    clinic.calls("anna", "1")
    clinic.prompt_ends("anna")
    clinic.waits(consent.TOLD_S)
    joined(clinic)
    clinic.hears(events.Tapped(tap_of(clinic)))
    clinic.hears(events.Transferred("anna", "101", "103", Passing.JOINED))
    assert parts(clinic) == ["on"]


# ---- faults ----


def test_a_part_that_cannot_be_kept_is_a_gap_and_the_next_is_tried_later() -> None:
    clinic = a_recorded_talk()
    clinic.hears(events.PartFailed(tap_of(clinic), "no space left on device"))
    assert clinic.stage("anna") is Stage.TALKING
    assert told(clinic, "recorded")[-1] == "cannot be: no space left on device"
    assert clinic.exchange.recordings.fault == "no space left on device"
    clinic.waits(AGAIN_S)
    assert parts(clinic) == ["on", "a fault", "on"]


def test_a_tap_that_does_not_come_is_tried_again_and_the_talk_goes_on() -> None:
    clinic = at_the_desk(ALWAYS)
    clinic.prompt_ends("anna")
    clinic.waits(consent.TOLD_S)
    joined(clinic)
    first = tap_of(clinic)
    clinic.waits(TAPPED_WITHIN_S)
    assert told(clinic, "recorded") == ["cannot be: Asterisk does not let it be heard"]
    clinic.waits(AGAIN_S)
    assert tap_of(clinic) != first
    assert of(clinic.hears(events.Tapped(first)), Untap) == [Untap(first)]
    assert clinic.stage("anna") is Stage.TALKING


def test_a_tap_that_ends_with_its_talk_is_no_fault() -> None:
    clinic = a_recorded_talk()
    clinic.hears(events.TapEnded(tap_of(clinic), "hung up"), events.CallerLeft("anna"))
    assert parts(clinic) == ["on", "the talk is over"]
    assert not clinic.exchange.recordings.fault


def test_a_tap_that_ends_before_its_talk_is_a_fault() -> None:
    clinic = a_recorded_talk()
    clinic.hears(events.TapEnded(tap_of(clinic), "lost"))
    clinic.waits(OVER_WITHIN_S)
    assert told(clinic, "recorded")[-1] == "cannot be: lost"
    clinic.waits(AGAIN_S)
    assert len(of(clinic.said, Tap)) == 2
