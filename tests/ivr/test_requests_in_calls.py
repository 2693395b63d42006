"""A caller leaves a request by keys or by voice, after saying who it is; whatever goes otherwise
leads to a person, and what is promised has been kept."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import events
from ivr.asking import Answer, Kind, Question
from ivr.commands import Command, Identify, KeepRequest, Note, Outcome, Record
from ivr.form import RequestKind, RequestRule, TakeRequest
from ivr.identity import AskIdentity, Factor, Pair, Verdict
from ivr.plan import Enqueue, Hours, Menu, Plan, Span
from ivr.simulate import simulate
from ivr.standing import Stage
from tests.ivr.story import NOON, Clinic, a_clinic, finished, of, offers, spoken

RECORD = Question("prescription", Kind.DIGITS, ("which-prescription",), least=2, most=8)
MEDICINE = Question("medicine", Kind.RECORDED, ("which-medicine",), longest_s=30)
REFILL = TakeRequest(
    RequestKind.REFILL, (RECORD, MEDICINE), "bye", "desk", "refills", is_gated=True
)
BILLING = TakeRequest(RequestKind.BILLING, (RECORD,), "bye", "desk")
WHO = AskIdentity((Factor.BIRTH_DATE, Factor.PHONE), "refill", "desk")
MENU = Menu(("menu",), {"1": "desk", "2": "who", "3": "billing", "4": "refill"}, 5, 2, "desk")
KNOWN = "04121985" + "0143"  # what the caller keys
PAIR = Pair((Factor.BIRTH_DATE, Factor.PHONE), ("1985-04-12", "0143"))


def a_refilling_clinic() -> Plan:
    plan = a_clinic(menu=MENU, who=WHO, refill=REFILL, billing=BILLING)
    open_hours = tuple(Span(day, NOON.time().replace(hour=8), NOON.time()) for day in range(5))
    rule = RequestRule(RequestKind.BILLING, 6 * 3600, "office", "reception")
    return replace(
        plan, hours={"office": Hours("office", open_hours)}, requests={RequestKind.BILLING: rule}
    )


def tag(clinic: Clinic) -> int:
    return clinic.exchange.calls["anna"].tag


def keyed(clinic: Clinic, keys: str) -> list[Command]:
    return [said for key in keys for said in clinic.presses("anna", key)]


def judged(clinic: Clinic, verdict: Verdict) -> list[Command]:
    return clinic.hears(events.IdentityChecked("anna", tag(clinic), verdict, "Anna Reyes"))


def test_who_is_known_leaves_a_refill_by_keys_and_by_voice_and_hears_that_it_is_kept() -> None:
    clinic = Clinic(a_refilling_clinic())
    assert spoken(clinic.calls("anna", "2"))[-1] == ("star-for-a-person", "ask-birth-date")
    said = keyed(clinic, KNOWN)
    assert of(said, Identify) == [Identify("anna", tag(clinic), PAIR)]
    assert spoken(judged(clinic, Verdict.IDENTIFIED))[-1][-1] == "which-prescription"
    keyed(clinic, "77#")
    assert spoken(clinic.presses("anna", "1"))[-1] == ("which-medicine",)
    (recording,) = of(clinic.prompt_ends("anna"), Record)
    assert recording == Record("anna", "refills", 30, urgent=False)
    clinic.hears(events.SpeechEnded("anna"))
    (kept,) = of(clinic.hears(events.RecordingKept("anna", "1a2b", 4.0)), KeepRequest)
    assert isinstance(kept, KeepRequest)
    assert kept.answers == (Answer("prescription", "77"), Answer("medicine", message="1a2b"))
    assert (kept.kind, kept.patient) == (RequestKind.REFILL, "Anna Reyes")
    assert spoken(clinic.hears(events.RequestKept("anna", kept.tag))) == [("request-kept",)]
    clinic.prompt_ends("anna")
    assert finished(clinic.hears(events.CallerLeft("anna"))) == [Outcome.MESSAGE]


def test_a_request_of_keys_alone_is_self_service_and_due_in_open_hours() -> None:
    clinic = Clinic(a_refilling_clinic())
    clinic.calls("anna", "3")
    (kept,) = of(keyed(clinic, "77#1"), KeepRequest)
    assert isinstance(kept, KeepRequest)
    # It is Monday noon and just closed: four hours of Tuesday, two of Wednesday.
    assert kept.due == NOON.replace(hour=10) + timedelta(days=2)
    assert (kept.owner, kept.patient) == ("reception", None)
    clinic.hears(events.RequestKept("anna", kept.tag))
    clinic.prompt_ends("anna")
    said = clinic.hears(events.CallerLeft("anna"))
    assert finished(said) == [Outcome.SELF_SERVED]
    assert Note("anna", "because", "the caller left a request by keys and asked for nobody") in said


def test_who_is_not_known_may_try_three_times_in_a_call_and_then_talks_to_a_person() -> None:
    clinic = Clinic(a_refilling_clinic())
    clinic.calls("anna", "2")
    for _ in range(2):
        keyed(clinic, KNOWN)
        said = judged(clinic, Verdict.UNKNOWN)
        assert spoken(said) == [("not-found", "ask-birth-date")]
    keyed(clinic, KNOWN)
    judged(clinic, Verdict.UNKNOWN)
    assert clinic.stage("anna") is Stage.QUEUED


def test_any_doubt_goes_to_a_person_at_once_and_so_does_a_list_that_does_not_answer() -> None:
    for happens in ("doubt", "nothing"):
        clinic = Clinic(a_refilling_clinic())
        clinic.calls("anna", "2")
        keyed(clinic, KNOWN)
        if happens == "doubt":
            judged(clinic, Verdict.DOUBT)
        else:
            clinic.waits(15)
        assert clinic.stage("anna") is Stage.QUEUED


def test_a_form_for_known_callers_gives_others_a_person_whatever_they_do() -> None:
    clinic = Clinic(a_refilling_clinic())
    clinic.calls("anna", "4")
    assert clinic.stage("anna") is Stage.QUEUED
    assert clinic.exchange.calls["anna"].patient is None


def test_a_request_that_the_disk_refuses_or_never_takes_is_not_promised() -> None:
    for refused in (True, False):
        clinic = Clinic(a_refilling_clinic())
        clinic.calls("anna", "3")
        keyed(clinic, "77#1")
        told = clinic.hears(events.RequestFailed("anna", tag(clinic))) if refused else []
        said = told or clinic.waits(15)
        assert ("request-failed",) in spoken(said)
        assert ("request-kept",) not in spoken(clinic.said)
        clinic.prompt_ends("anna")
        assert clinic.stage("anna") is Stage.QUEUED


def test_who_hangs_up_while_the_request_is_being_written_has_left_it() -> None:
    for way in ("hangs up", "is cut off first"):
        clinic = Clinic(a_refilling_clinic())
        clinic.calls("anna", "3")
        keyed(clinic, "77#1")
        if way == "is cut off first":
            clinic.hears(events.AudioLost("anna", ""))
        assert not finished(clinic.hears(events.CallerLeft("anna")))
        kept = events.RequestKept("anna", tag(clinic))
        assert finished(clinic.hears(kept)) == [Outcome.SELF_SERVED]
        assert len(of(clinic.said, KeepRequest)) == 1


def test_who_hangs_up_in_the_midst_of_a_form_has_left_work_and_was_promised_nothing() -> None:
    for way in ("hangs up", "is cut off first"):
        clinic = Clinic(a_refilling_clinic())
        clinic.calls("anna", "2")
        keyed(clinic, KNOWN)
        judged(clinic, Verdict.IDENTIFIED)
        keyed(clinic, "77#1")
        if way == "is cut off first":
            clinic.hears(events.AudioLost("anna", ""))
        said = clinic.hears(events.CallerLeft("anna"))
        (left,) = of(said, KeepRequest)
        assert isinstance(left, KeepRequest)
        assert left.answers == (Answer("prescription", "77"),)
        assert (left.patient, left.is_whole) == ("Anna Reyes", False)
        assert Note("anna", "broken off", "main/refill") in said
        assert not finished(said)
        # The clinic helped nobody yet: the call stays among the abandoned, to be seen to.
        said = clinic.hears(events.RequestKept("anna", left.tag))
        assert finished(said) == [Outcome.ABANDONED]
        assert ("request-kept",) not in spoken(clinic.said)


def test_a_disk_that_takes_no_half_request_keeps_no_call_open_for_ever() -> None:
    for refused in (True, False):
        clinic = Clinic(a_refilling_clinic())
        call_as_anna(clinic, "77#1")
        clinic.hears(events.CallerLeft("anna"))
        told = clinic.hears(events.RequestFailed("anna", tag(clinic))) if refused else []
        assert finished(told or clinic.waits(15)) == [Outcome.ABANDONED]


def test_who_hangs_up_while_answering_aloud_has_answered() -> None:
    for sealed in ("before the caller left", "after"):
        clinic = Clinic(a_refilling_clinic())
        call_as_anna(clinic, "77#1")
        clinic.prompt_ends("anna")
        clinic.hears(events.AudioLost("anna", ""))
        kept = events.RecordingKept("anna", "1a2b", 4.0)
        left = events.CallerLeft("anna")
        said = clinic.hears(left, kept) if sealed == "after" else clinic.hears(kept, left)
        (request,) = of(said, KeepRequest)
        assert isinstance(request, KeepRequest)
        assert request.answers == (Answer("prescription", "77"), Answer("medicine", message="1a2b"))
        assert request.is_whole  # nothing is missing of it but the promise
        told = clinic.hears(events.RequestKept("anna", request.tag))
        assert finished(told) == [Outcome.MESSAGE]


def test_who_answered_nothing_or_got_to_a_person_has_left_no_work_behind() -> None:
    clinic = Clinic(a_refilling_clinic())
    clinic.calls("anna", "3")
    keyed(clinic, "77")  # not yet said to be right
    assert finished(clinic.hears(events.CallerLeft("anna")))
    call_as_anna(clinic := Clinic(a_refilling_clinic()), "77#1*")
    assert clinic.stage("anna") is Stage.QUEUED
    assert finished(clinic.hears(events.CallerLeft("anna")))
    assert not of(clinic.said, KeepRequest)


def call_as_anna(clinic: Clinic, keys: str) -> None:
    clinic.calls("anna", "2")
    keyed(clinic, KNOWN)
    judged(clinic, Verdict.IDENTIFIED)
    keyed(clinic, keys)


def test_who_waited_in_vain_and_then_left_a_request_has_left_a_message() -> None:
    plan = a_refilling_clinic()
    nodes = {**plan.flows["main"].nodes, "desk": Enqueue("desk", 10, "billing")}
    flows = {"main": replace(plan.flows["main"], nodes=nodes)}
    clinic = Clinic(replace(plan, flows=flows))
    clinic.calls("anna", "1")
    clinic.waits(11)
    keyed(clinic, "77#1")
    clinic.hears(events.RequestKept("anna", tag(clinic)))
    assert finished(clinic.hears(events.CallerLeft("anna"))) == [Outcome.MESSAGE]


def test_a_silent_caller_hears_music_and_never_nothing_between_questions() -> None:
    clinic = Clinic(a_refilling_clinic())
    clinic.calls("anna", "3")
    clinic.prompt_ends("anna")
    clinic.waits(1)
    assert clinic.exchange.calls["anna"].music


@pytest.mark.parametrize(
    ("verdict", "ends"), [(Verdict.IDENTIFIED, "message"), (Verdict.DOUBT, "answered")]
)
def test_a_form_and_its_gate_are_walked_before_any_caller_hears_them(
    verdict: Verdict, ends: str
) -> None:
    keys = f"2,{KNOWN},77#1"
    told = simulate(a_refilling_clinic(), {}, "main", NOON, keys, verdict=verdict)
    assert any(f"asks who this is (birth-date+phone): {verdict}" in line for line in told)
    is_kept = any("keeps a request (refill), due Tue 2026-11-24 12:00" in line for line in told)
    assert is_kept is (verdict is Verdict.IDENTIFIED)
    assert told[-1].endswith(f"outcome: {ends}")


# ---- whatever a caller does ----

DEEDS = st.lists(
    st.one_of(
        st.sampled_from("0123456789*#1112####"),
        st.sampled_from(["prompt", "wait", "spoke", "kept", "lost", "known", "unknown", "doubt"]),
    ),
    max_size=60,
)
# What a caller who left the questions came to.
SETTLED = (Stage.QUEUED, Stage.RINGING, Stage.LEAVING, Stage.OVER)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from("234"), DEEDS)
def test_whatever_is_pressed_said_or_left_out_it_ends_in_a_request_kept_or_at_a_person(
    first: str, deeds: list[str]
) -> None:
    plan = a_refilling_clinic()
    nodes = {**plan.flows["main"].nodes, "desk": Enqueue("desk", 3600, "bye")}
    clinic = Clinic(replace(plan, flows={"main": replace(plan.flows["main"], nodes=nodes)}))
    clinic.calls("anna", first)
    for deed in deeds:
        do(clinic, deed)
    for _ in range(40):  # then the caller only waits: every deadline of the questions passes
        clinic.waits(20)
        answer(clinic, kept=True)
    promised = ("request-kept",) in spoken(clinic.said)
    assert promised or offers(clinic.said)
    assert promised <= bool(of(clinic.said, KeepRequest))
    # Nobody who was not identified has left a refill.
    refills = [c for c in of(clinic.said, KeepRequest) if isinstance(c, KeepRequest)]
    assert all(c.patient for c in refills if c.kind is RequestKind.REFILL)


def do(clinic: Clinic, deed: str) -> None:
    call = clinic.exchange.calls.get("anna")
    if call is None or call.stage in SETTLED:
        return
    match deed:
        case "prompt":
            clinic.prompt_ends("anna")
        case "wait":
            clinic.waits(9)
        case "spoke":
            clinic.hears(events.SpeechEnded("anna"))
        case "kept":
            answer(clinic, kept=True)
        case "lost":
            answer(clinic, kept=False)
        case "known" | "unknown" | "doubt":
            if call.stage is Stage.SENDING:
                verdicts = {"known": Verdict.IDENTIFIED, "unknown": Verdict.UNKNOWN}
                judged(clinic, verdicts.get(deed, Verdict.DOUBT))
        case key:
            clinic.presses("anna", key)


def answer(clinic: Clinic, *, kept: bool) -> None:
    """The disk takes, or refuses, whatever it was given."""
    call = clinic.exchange.calls.get("anna")
    if call is None:
        return
    if call.stage in (Stage.RECORDING, Stage.KEEPING):
        told = events.RecordingKept("anna", "1a2b", 4.0)
        clinic.hears(told if kept else events.RecordingFailed("anna", "the disk is full"))
    elif call.is_being_kept:
        failed, done = events.RequestFailed("anna", call.tag), events.RequestKept("anna", call.tag)
        clinic.hears(done if kept else failed)
