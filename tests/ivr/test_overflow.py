"""A queue that is too full leads its last callers on, and never those who stood before them."""

from dataclasses import replace
from datetime import time

import pytest

from ivr import events
from ivr.events import PhoneState
from ivr.overflow import Crowd, look_again_s, rule_that_holds, why
from ivr.plan import Enqueue, Hours, Overflow, Plan, Span, Urgency
from ivr.standing import Stage
from tests.ivr.story import Clinic, a_clinic, offers, spoken


def a_clinic_with(*rules: Overflow, queue: str = "desk", **more: Enqueue) -> Plan:
    """The clinic whose desk leads callers on by these rules."""
    nodes: dict[str, Enqueue] = {queue: Enqueue(queue, 600, "message", overflow=rules), **more}
    return a_clinic(**nodes)


def everybody_talks(clinic: Clinic) -> None:
    for phone in ("101", "102", "103"):
        clinic.hears(events.PhoneChanged(phone, PhoneState.IN_USE))


def node_of(clinic: Clinic, name: str) -> str:
    return clinic.exchange.calls[name].place.node


def test_who_comes_when_the_line_is_too_long_is_led_on_and_those_before_stay() -> None:
    clinic = Clinic(a_clinic_with(Overflow("message", place_over=2)))
    everybody_talks(clinic)
    for name in ("anna", "bert"):
        clinic.calls(name, "1")
    said = clinic.calls("cora", "1")
    assert node_of(clinic, "cora") == "message"
    assert ("leave-a-message",) in spoken(said)
    assert [node_of(clinic, name) for name in ("anna", "bert")] == ["desk", "desk"]


def test_one_more_urgent_than_the_rest_moves_the_last_of_them_on() -> None:
    desk = Enqueue("desk", 600, "message", overflow=(Overflow("message", place_over=1),))
    now = replace(desk, urgency=Urgency.EMERGENCY)
    clinic = Clinic(a_clinic(desk=desk, nurse=now))
    everybody_talks(clinic)
    clinic.calls("anna", "1")
    clinic.calls("bert", "2")
    assert node_of(clinic, "bert") == "nurse"
    assert node_of(clinic, "anna") == "message"


def test_when_the_last_phone_goes_dark_those_who_wait_are_led_on_at_once() -> None:
    clinic = Clinic(a_clinic_with(Overflow("message", no_agent=True)))
    everybody_talks(clinic)
    clinic.calls("anna", "1")
    clinic.hears(events.PhoneChanged("101", PhoneState.UNREACHABLE))
    assert node_of(clinic, "anna") == "desk"
    clinic.hears(events.PhoneChanged("102", PhoneState.UNREACHABLE))
    assert node_of(clinic, "anna") == "message"


def test_callers_for_each_agent_are_counted_by_the_agents_who_are_there() -> None:
    clinic = Clinic(a_clinic_with(Overflow("message", per_agent=1.5)))
    everybody_talks(clinic)
    for name in ("anna", "bert", "cora"):
        clinic.calls(name, "1")
    assert node_of(clinic, "cora") == "desk"
    clinic.hears(events.PhoneChanged("101", PhoneState.UNREACHABLE))
    assert [node_of(clinic, name) for name in ("anna", "bert", "cora")] == [
        "desk",
        "message",
        "message",
    ]


def test_after_a_time_a_caller_waits_elsewhere_with_the_rank_that_was_earned() -> None:
    clinic = Clinic(
        a_clinic_with(
            Overflow("nurse", after_s=30),
            nurse=Enqueue("nurse", 600, "message"),
        )
    )
    everybody_talks(clinic)
    clinic.calls("anna", "1")
    clinic.waits(25)
    clinic.calls("bert", "2")
    clinic.waits(6)
    assert node_of(clinic, "anna") == "nurse"
    assert clinic.exchange.position("anna") == 1
    assert clinic.exchange.position("bert") == 2


def test_who_is_led_on_hears_only_of_the_line_in_which_they_wait() -> None:
    clinic = Clinic(
        a_clinic_with(
            Overflow("nurse", place_over=1),
            nurse=Enqueue("nurse", 600, "message"),
        )
    )
    everybody_talks(clinic)
    clinic.calls("anna", "1")
    assert spoken(clinic.calls("bert", "1")) == [("menu",), ("please-wait", "you-are-next")]


def test_a_rule_holds_only_when_all_it_says_does() -> None:
    rule = Overflow("message", after_s=20, place_over=1)
    clinic = Clinic(a_clinic_with(rule))
    everybody_talks(clinic)
    for name in ("anna", "bert"):
        clinic.calls(name, "1")
    assert node_of(clinic, "bert") == "desk"
    clinic.waits(21)
    assert [node_of(clinic, name) for name in ("anna", "bert")] == ["desk", "message"]
    assert why(rule) == "waited 20 s and beyond place 1"


def test_closing_time_leads_on_those_who_still_wait_within_a_minute() -> None:
    plan = a_clinic_with(Overflow("message", closed="office"))
    office = Hours("office", tuple(Span(day, time(8), time(12, 5)) for day in range(5)))
    clinic = Clinic(replace(plan, hours={"office": office}))
    everybody_talks(clinic)
    clinic.calls("anna", "1")
    clinic.waits(4 * 60)
    assert node_of(clinic, "anna") == "desk"
    clinic.waits(2 * 60)
    assert node_of(clinic, "anna") == "message"


def test_two_queues_that_lead_to_each_other_keep_a_caller_in_the_first() -> None:
    nobody = Overflow("nurse", no_agent=True)
    back = Enqueue("nurse", 600, "message", overflow=(Overflow("desk", no_agent=True),))
    clinic = Clinic(a_clinic_with(nobody, nurse=back))
    for phone in ("101", "102", "103"):
        clinic.hears(events.PhoneChanged(phone, PhoneState.UNREACHABLE))
    clinic.calls("anna", "1")
    assert node_of(clinic, "anna") == "desk"
    assert clinic.stage("anna") is Stage.QUEUED
    clinic.waits(601)
    assert node_of(clinic, "anna") == "message"


def test_nobody_is_led_on_while_a_phone_rings_for_them() -> None:
    clinic = Clinic(a_clinic_with(Overflow("message", after_s=10)))
    assert offers(clinic.calls("anna", "1")) == [("offer-1", "anna", "101")]
    clinic.waits(12)
    assert node_of(clinic, "anna") == "desk"
    said = clinic.hears(events.OfferEnded("offer-1", events.Refusal.SILENT))
    assert node_of(clinic, "anna") == "message"
    assert offers(said) == []


@pytest.mark.parametrize("key", ["1", "2"])
def test_a_queue_without_rules_keeps_its_callers_for_all_of_their_patience(key: str) -> None:
    clinic = Clinic()
    everybody_talks(clinic)
    clinic.calls("anna", key)
    clinic.waits(59)
    assert clinic.stage("anna") is Stage.QUEUED


@pytest.mark.parametrize("since", [1000.11431563899, *(1000 + n / 7 for n in range(200))])
def test_at_the_moment_a_rule_was_to_be_looked_at_it_holds(since: float) -> None:
    """However the sums are rounded: else it would be looked at in this very moment for ever."""
    waits = Enqueue("desk", 600, "message", overflow=(Overflow("message", after_s=90),))
    crowd = Crowd(place=1, agents=1)
    now = since + 30.1
    assert rule_that_holds(waits, crowd, now - since, {}) is None
    again_s = look_again_s(waits, now - since)
    assert again_s is not None
    now += again_s
    assert rule_that_holds(waits, crowd, now - since, {}) is not None
    assert look_again_s(waits, now - since) is None
