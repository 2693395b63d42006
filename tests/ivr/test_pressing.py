"""Callers whom nobody may take for less urgent than they show themselves to be."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ivr import events
from ivr.plan import Enqueue, Line, Menu, Overflow, Plan, Urgency
from ivr.pressing import CALM, Sign
from tests.ivr.story import Clinic, a_clinic

IDLE, IN_USE = events.PhoneState.IDLE, events.PhoneState.IN_USE


def a_busy_desk(plan: Plan | None = None) -> Clinic:
    """Everybody telephones."""
    clinic = Clinic(plan)
    clinic.hears(*(events.PhoneChanged(phone, IN_USE) for phone in ("101", "102", "103")))
    return clinic


def comes_again(clinic: Clinic, name: str, key: str) -> None:
    clinic.hears(events.CallArrived(name, "main", "2025550100", "", "", came_before=True))
    clinic.presses(name, key)


def a_medical_clinic(plan: Plan) -> Plan:
    line = replace(plan.lines["main"], is_medical=True)
    return replace(plan, lines={"main": line})


def in_line(clinic: Clinic) -> list[str]:
    """Who is offered to the desk's one phone, one after another."""
    order: list[str] = []
    clinic.hears(events.PhoneChanged("101", IDLE))
    while (ringing := list(clinic.exchange.offers.values())) and len(order) < 10:
        order.append(ringing[0].call)
        clinic.hears(events.CallerLeft(ringing[0].call))
        clinic.hears(events.OfferEnded(ringing[0].id, events.Refusal.WITHDRAWN))
    return order


def test_who_calls_again_within_a_quarter_of_an_hour_goes_before_who_came_a_little_earlier() -> (
    None
):
    clinic = a_busy_desk()
    clinic.calls("first", "1")
    clinic.waits(2)
    comes_again(clinic, "worse", "1")
    assert in_line(clinic) == ["worse", "first"]


def test_a_call_that_comes_again_says_so_in_its_own_ledger_rows() -> None:
    clinic = a_busy_desk()
    comes_again(clinic, "worse", "1")
    notes = [c for c in clinic.said if getattr(c, "step", "") == "raised"]
    assert [note.detail for note in notes] == ["again within 15 minutes"]  # type: ignore[union-attr]


def test_a_third_0_while_waiting_moves_the_caller_up_at_once() -> None:
    plan = a_clinic(desk=Enqueue("desk", 60, "message", escape=None))
    clinic = a_busy_desk(plan)
    clinic.calls("patient", "1")
    clinic.calls("begging", "1")
    for _ in range(3):
        clinic.presses("begging", "0")
    assert clinic.exchange.position("begging") == 1
    assert in_line(clinic) == ["begging", "patient"]


def test_a_phone_that_rings_for_somebody_goes_on_ringing_when_another_moves_up() -> None:
    plan = a_clinic(desk=Enqueue("desk", 60, "message", escape=None))
    clinic = a_busy_desk(plan)
    clinic.hears(events.PhoneChanged("101", IDLE))
    clinic.calls("rung-for", "1")
    for _ in range(4):
        clinic.presses("rung-for", "0")
    assert [offer.call for offer in clinic.exchange.offers.values()] == ["rung-for"]


def test_who_cannot_press_a_key_on_a_medical_line_is_urgent() -> None:
    menu = Menu(("menu",), {"1": "desk"}, 5, 2, "desk")
    clinic = a_busy_desk(a_medical_clinic(a_clinic(menu=menu)))
    clinic.calls("well", "1")
    clinic.calls("silent")
    for _ in range(2):
        clinic.prompt_ends("silent")
        clinic.waits(6)
    assert in_line(clinic) == ["silent", "well"]


def test_on_any_other_line_silence_says_nothing() -> None:
    clinic = a_busy_desk()
    clinic.calls("silent")
    clinic.prompt_ends("silent")
    clinic.waits(6)
    assert not clinic.exchange.calls["silent"].pressing.signs


def test_who_is_led_on_from_the_nurses_stays_as_urgent_at_the_desk() -> None:
    led_on = Enqueue(
        "nurse", 60, "message", Urgency.URGENT, overflow=(Overflow("desk", after_s=2),)
    )
    clinic = a_busy_desk(a_clinic(nurse=led_on))
    clinic.calls("first", "1")
    clinic.calls("nurses-patient", "2")
    clinic.waits(3)
    assert in_line(clinic) == ["nurses-patient", "first"]


def test_a_site_says_which_of_its_lines_are_medical() -> None:
    assert not Line("main", "telco", (), "main", "en").is_medical


@given(
    own=st.lists(st.sampled_from(Urgency), min_size=1, max_size=4),
    signs=st.sets(st.sampled_from(Sign)),
)
def test_urgency_never_falls(own: list[Urgency], signs: set[Sign]) -> None:
    pressing, before = CALM, Urgency.ROUTINE
    for queue in own:
        for sign in signs:
            pressing = pressing.shows(sign)
        now = pressing.urgency(queue)
        assert now <= min(queue, before)
        assert now is Urgency.EMERGENCY or now >= min(Urgency.URGENT, queue)
        assert now is not Urgency.EMERGENCY or Urgency.EMERGENCY in own
        pressing, before = pressing.waited(queue), now
