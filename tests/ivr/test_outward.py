"""A queue that is too full, too slow, deserted or closed leads its callers to whoever the clinic
names: another queue, phones, a number outside, people on call, a call-back or a message."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import time

import pytest

from ivr import commands, events
from ivr.commands import CallOut, Join, Offer, Outcome, Record, Release, Withdraw
from ivr.events import PhoneState, Refusal
from ivr.plan import (
    CallBack,
    Enqueue,
    Hours,
    Node,
    Overflow,
    Plan,
    Ring,
    RingOutside,
    Span,
    TakeMessage,
)
from ivr.simulate import Phones, simulate
from ivr.standing import Stage
from tests.ivr.story import NOON, Clinic, finished, of, spoken
from tests.ivr.test_callbacks import calling_back
from tests.ivr.test_replay import Written
from tests.ivr.test_urgent_in_calls import a_clinic_at_night

SERVICE = "2025550199"
OUTSIDE = RingOutside(SERVICE, 25, "message")
TO: dict[str, Node] = {
    "another-queue": Enqueue("nurse", 600, "message"),
    "phones": Ring(("103",), 20, "message"),
    "outside": OUTSIDE,
    "on-call": TakeMessage("desk", ("leave-a-message",), 60, "bye", urgent=True, oncall=("first",)),
    "call-back": CallBack("desk", "message"),
    "message": TakeMessage("desk", ("leave-a-message",), 60, "bye"),
}
CLOSES = Hours("closes", (Span(0, time(8), time(12, 1)),))


def a_clinic_leading(rule: Overflow) -> Plan:
    """Key 1 leads to the desk, and from there this rule to every kind of place."""
    plan, rota = calling_back(), a_clinic_at_night()
    desk = Enqueue("desk", 600, "message", overflow=(rule,))
    flow = replace(plan.flows["main"], nodes={**plan.flows["main"].nodes, **TO, "desk": desk})
    hours = {**plan.hours, "closes": CLOSES}
    return replace(plan, flows={"main": flow}, hours=hours, people=rota.people, rota=rota.rota)


def waited(clinic: Clinic) -> None:
    clinic.calls("ann", "1")
    clinic.waits(29)
    assert clinic.stage("ann") is Stage.QUEUED
    clinic.waits(2)


def too_long(clinic: Clinic) -> None:
    clinic.calls("bob", "1")
    assert clinic.stage("bob") is Stage.QUEUED
    clinic.calls("ann", "1")


def too_few_agents(clinic: Clinic) -> None:
    too_long(clinic)
    assert clinic.stage("ann") is Stage.QUEUED
    clinic.hears(events.PhoneChanged("102", PhoneState.UNREACHABLE))


def deserted(clinic: Clinic) -> None:
    clinic.calls("ann", "1")
    for phone in ("101", "102"):
        assert clinic.stage("ann") is Stage.QUEUED
        clinic.hears(events.PhoneChanged(phone, PhoneState.UNREACHABLE))


def closed(clinic: Clinic) -> None:
    clinic.calls("ann", "1")
    assert clinic.stage("ann") is Stage.QUEUED
    clinic.waits(62)


BY: dict[str, tuple[Overflow, Callable[[Clinic], None]]] = {
    "wait": (Overflow("", after_s=30), waited),
    "length": (Overflow("", place_over=1), too_long),
    "ratio": (Overflow("", per_agent=1), too_few_agents),
    "no agent": (Overflow("", no_agent=True), deserted),
    "hours": (Overflow("", closed="closes"), closed),
}


def is_there(target: str, clinic: Clinic) -> bool:
    """The caller is where the rule leads, and what is done there has begun."""
    match target:
        case "another-queue":
            return list(clinic.exchange.waiting()["ann"].queues) == ["nurse"]
        case "phones":
            return [o.extension for o in clinic.said if isinstance(o, Offer)] == ["103"]
        case "outside":
            clinic.prompt_ends("ann")
            return [o.number for o in clinic.said if isinstance(o, CallOut)] == [SERVICE]
        case "on-call" | "message":
            clinic.prompt_ends("ann")
            taken = next(o for o in clinic.said if isinstance(o, Record))
            return taken.urgent is taken.is_played_back is (target == "on-call")
        case _:
            return clinic.stage("ann") is Stage.OFFERING


@pytest.mark.parametrize("target", TO)
@pytest.mark.parametrize("by", BY)
def test_each_kind_of_rule_leads_to_each_kind_of_place(by: str, target: str) -> None:
    rule, comes_about = BY[by]
    clinic = Clinic(a_clinic_leading(replace(rule, to=target)))
    busy = ("101", "102") if target == "phones" else ("101", "102", "103")
    clinic.hears(*(events.PhoneChanged(phone, PhoneState.IN_USE) for phone in busy))
    comes_about(clinic)
    assert clinic.exchange.calls["ann"].place.node == target
    assert is_there(target, clinic)


# ---- the number outside ----


def led_outside(*, confirm: bool = False) -> tuple[Written, str]:
    """A caller whom nobody at the desk is there for, and the leg that rings outside."""
    plan = a_clinic_leading(Overflow("outside", no_agent=True))
    nodes = {**plan.flows["main"].nodes, "outside": replace(OUTSIDE, confirm=confirm)}
    clinic = Written(replace(plan, flows={"main": replace(plan.flows["main"], nodes=nodes)}))
    for phone in ("101", "102"):
        clinic.hears(events.PhoneChanged(phone, PhoneState.UNREACHABLE))
    clinic.calls("ann", "1")
    said = clinic.prompt_ends("ann")
    (leg,) = [order.call for order in said if isinstance(order, CallOut)]
    return clinic, leg


def test_the_caller_hears_first_that_somebody_outside_is_called_and_then_music() -> None:
    clinic = Clinic(a_clinic_leading(Overflow("outside", no_agent=True)))
    for phone in ("101", "102"):
        clinic.hears(events.PhoneChanged(phone, PhoneState.UNREACHABLE))
    said = clinic.calls("ann", "1")
    assert spoken(said)[-1] == ("connecting-outside",)
    assert not of(said, CallOut)
    said = clinic.prompt_ends("ann")
    assert [(c.number, c.ring_s) for c in said if isinstance(c, CallOut)] == [(SERVICE, 25)]
    assert of(said, commands.StartMusic)
    assert SERVICE not in "".join(map(repr, [*clinic.said, *clinic.exchange.calls.values()]))


def test_who_answers_outside_has_the_caller_and_the_ledger_one_outcome() -> None:
    clinic, leg = led_outside()
    said = clinic.hears(events.CalledOut(leg))
    assert [(o.call, o.offer) for o in said if isinstance(o, Join)] == [("ann", leg)]
    said = clinic.hears(events.Joined("ann", leg))
    assert not [order for order in said if isinstance(order, Withdraw)]
    clinic.hears(events.CallerLeft("ann"), events.CallerLeft(leg))
    assert finished(clinic.said) == [Outcome.TRANSFERRED]
    assert clinic.exchange.outward.legs == {}
    told = [(row.step, row.detail) for _, row in clinic.rows if row.step == "outside"]
    assert told == [("outside", "called"), ("outside", "answered")]
    compared = clinic.again("ann")
    assert compared.is_same
    assert str(compared.recorded).endswith("ring main/outside → transferred")


def joins(said: Sequence[object]) -> list[tuple[str, str]]:
    return [(order.call, order.offer) for order in said if isinstance(order, Join)]


def test_who_answers_a_mobile_is_asked_and_has_the_caller_with_a_key() -> None:
    clinic, leg = led_outside(confirm=True)
    said = clinic.hears(events.CalledOut(leg))
    assert [(o.call, o.prompts) for o in said if isinstance(o, commands.Play)] == [
        (leg, ("outside-take", "outside-take"))
    ]
    assert not joins(said)
    assert not joins(clinic.hears(events.KeyBegan(leg, "5")))
    clinic.waits(19)
    said = clinic.hears(events.KeyBegan(leg, "1"))
    assert joins(said) == [("ann", leg)]
    assert commands.StopPlaying(leg) in said
    assert not joins(clinic.hears(events.KeyBegan(leg, "1")))
    clinic.hears(events.Joined("ann", leg), events.CallerLeft("ann"), events.CallerLeft(leg))
    assert finished(clinic.said) == [Outcome.TRANSFERRED]
    told = [row.detail for _, row in clinic.rows if row.step == "outside"]
    assert told == ["called", "answered", "takes the caller"]
    assert clinic.again("ann").is_same


def test_a_mobiles_voicemail_takes_no_caller() -> None:
    clinic, leg = led_outside(confirm=True)
    clinic.waits(24)
    clinic.hears(events.CalledOut(leg), events.PromptEnded(leg, 1))
    clinic.waits(19)
    assert clinic.stage("ann") is Stage.RINGING
    said = clinic.waits(2)
    assert [order for order in said if isinstance(order, Withdraw)] == [Withdraw(leg)]
    assert clinic.exchange.calls["ann"].place.node == "message"
    assert not joins(clinic.said)


def test_a_caller_who_leaves_while_a_mobile_is_asked_leaves_nobody_talking_to_nothing() -> None:
    clinic, leg = led_outside(confirm=True)
    clinic.hears(events.CalledOut(leg))
    said = clinic.hears(events.CallerLeft("ann"))
    assert [order for order in said if isinstance(order, Withdraw)] == [Withdraw(leg)]
    assert not joins(clinic.hears(events.KeyBegan(leg, "1")))


@pytest.mark.parametrize("reason", [Refusal.BUSY, Refusal.SILENT, Refusal.REFUSED,
                                    Refusal.UNREACHABLE])  # fmt: skip
def test_busy_no_answer_and_no_way_there_lead_to_the_next_node(reason: Refusal) -> None:
    clinic, leg = led_outside()
    clinic.hears(events.CallOutEnded(leg, reason))
    clinic.waits(3)
    assert clinic.exchange.calls["ann"].place.node == "message"
    clinic.prompt_ends("ann")
    clinic.hears(events.CallerLeft("ann"))
    assert finished(clinic.said) == []  # the message is being sealed
    clinic.seals("ann")
    assert finished(clinic.said) == [Outcome.MESSAGE]
    assert ("outside", reason.value) in [(row.step, row.detail) for _, row in clinic.rows]


def test_whatever_is_not_told_of_the_leg_the_caller_goes_on_in_time() -> None:
    clinic, leg = led_outside()
    said = clinic.waits(31)
    assert [order for order in said if isinstance(order, Withdraw)] == [Withdraw(leg)]
    assert clinic.exchange.calls["ann"].place.node == "message"
    # Too late: nobody outside is left listening to nothing.
    said = clinic.hears(events.CalledOut(leg))
    assert [order.call for order in said if isinstance(order, Release)] == [leg]


def test_a_prompt_whose_end_is_never_told_keeps_nobody_from_being_called() -> None:
    clinic = Clinic(a_clinic_leading(Overflow("outside", no_agent=True)))
    for phone in ("101", "102"):
        clinic.hears(events.PhoneChanged(phone, PhoneState.UNREACHABLE))
    clinic.calls("ann", "1")
    assert of(clinic.waits(181), CallOut)


def test_a_caller_who_leaves_ends_the_call_outside_and_one_who_left_there_loses_nobody() -> None:
    clinic, leg = led_outside()
    said = clinic.hears(events.CallerLeft("ann"))
    assert [order for order in said if isinstance(order, Withdraw)] == [Withdraw(leg)]
    assert finished(clinic.said) == [Outcome.SHORT_ABANDONED]
    clinic, leg = led_outside()
    clinic.hears(events.CalledOut(leg), events.CallerLeft(leg))
    clinic.hears(events.JoinFailed("ann", leg))
    clinic.waits(6)
    assert clinic.exchange.calls["ann"].place.node == "message"


def test_a_talk_that_cannot_be_joined_lets_go_of_who_answered_and_goes_on() -> None:
    clinic, leg = led_outside()
    clinic.hears(events.CalledOut(leg))
    said = clinic.hears(events.JoinFailed("ann", leg))
    assert [order for order in said if isinstance(order, Withdraw)] == [Withdraw(leg)]
    assert clinic.exchange.calls["ann"].place.node == "message"


def test_without_our_audio_the_fail_safe_has_the_caller_and_nobody_outside_is_rung_on() -> None:
    clinic, leg = led_outside()
    said = clinic.hears(events.AudioLost("ann", "killed"))
    assert [order for order in said if isinstance(order, Withdraw)] == [Withdraw(leg)]
    assert clinic.stage("ann") is Stage.LOST


@pytest.mark.parametrize(
    ("phones", "outcome"),
    [
        (Phones.ANSWER, "transferred"),
        (Phones.SILENT, "message"),
        (Phones.BUSY, "message"),
        (Phones.REFUSE, "message"),
    ],
)
def test_an_imagined_call_goes_outside_too(phones: Phones, outcome: str) -> None:
    plan = a_clinic_leading(Overflow("outside", after_s=1))
    menu = replace(plan.flows["main"].nodes["menu"], choices={"1": "outside"})  # type: ignore[arg-type]
    flow = replace(plan.flows["main"], nodes={**plan.flows["main"].nodes, "menu": menu})
    told = simulate(replace(plan, flows={"main": flow}), {}, "main", NOON, "1", phones)
    assert told[-1].endswith(f"outcome: {outcome}")
