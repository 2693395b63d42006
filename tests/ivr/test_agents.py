"""Who is there to answer: pauses, signing out, and phones that ring for nobody."""

from dataclasses import replace

import pytest

from ivr import commands, events
from ivr.agent import AWAY, Doing
from ivr.events import PhoneState, Refusal
from ivr.plan import Enqueue, Overflow, Plan
from tests.ivr.story import Clinic, a_clinic, of, offers


def a_clinic_that_counts_misses(limit: int) -> Plan:
    plan = a_clinic()
    queues = {name: replace(queue, misses=limit, rest_s=0.0) for name, queue in plan.queues.items()}
    return replace(plan, queues=queues)


def doing(clinic: Clinic, extension: str) -> Doing:
    return clinic.exchange.agents[extension].doing(clinic.now)


def notes(said: list[commands.Command]) -> list[tuple[str, str]]:
    return [
        (c.step, c.detail)
        for c in of(said, commands.Note)
        if isinstance(c, commands.Note) and c.call == commands.NO_CALL
    ]


def test_who_pauses_is_offered_nothing_and_who_is_back_gets_the_next_caller() -> None:
    clinic = Clinic()
    said = clinic.hears(events.AgentPaused("101", "lunch"))
    assert notes(said) == [("paused", "101 lunch")]
    assert doing(clinic, "101") is Doing.PAUSED
    assert offers(clinic.calls("anna", "1")) == [("offer-1", "anna", "102")]
    assert offers(clinic.calls("bert", "1")) == []
    assert offers(clinic.hears(events.AgentResumed("101"))) == [("offer-2", "bert", "101")]


def test_nobody_is_offered_a_caller_before_asterisk_has_told_who_talks() -> None:
    clinic = Clinic()
    clinic.hears(events.PhonesWatched(watched=False))
    assert offers(clinic.calls("anna", "1")) == []
    assert offers(clinic.hears(events.PhoneChanged("101", PhoneState.IN_USE))) == []
    assert offers(clinic.waits(5)) == []
    said = clinic.hears(events.PhonesWatched(watched=True))
    assert offers(said) == [("offer-1", "anna", "102")]


def test_a_link_that_broke_keeps_the_next_caller_until_the_phones_are_known_again() -> None:
    clinic = Clinic()
    clinic.calls("anna", "1")
    clinic.hears(events.PhonesWatched(watched=False))
    clinic.hears(events.OfferAccepted("offer-1"), events.Joined("anna", "offer-1"))
    assert offers(clinic.calls("bert", "1")) == []
    clinic.hears(events.PhoneChanged("102", PhoneState.IN_USE))
    assert offers(clinic.hears(events.PhonesWatched(watched=True))) == []
    said = clinic.hears(events.PhoneChanged("102", PhoneState.IDLE))
    assert offers(said) == [("offer-2", "bert", "102")]


def test_a_pause_while_the_phone_rings_is_for_the_calls_after_it() -> None:
    clinic = Clinic()
    clinic.calls("anna", "1")
    clinic.hears(events.AgentPaused("101", ""))
    clinic.hears(events.OfferAccepted("offer-1"), events.Joined("anna", "offer-1"))
    assert doing(clinic, "101") is Doing.TALKS
    clinic.hears(events.CallerLeft("anna"))
    assert doing(clinic, "101") is Doing.PAUSED


def test_who_signs_out_is_gone_for_every_queue_and_rules_know_it() -> None:
    desk = Enqueue("desk", 600, "message", overflow=(Overflow("message", no_agent=True),))
    clinic = Clinic(a_clinic(desk=desk))
    for phone in ("101", "102"):
        clinic.hears(events.PhoneChanged(phone, PhoneState.IN_USE))
    clinic.calls("anna", "1")
    clinic.hears(events.AgentSignedOut("101"))
    assert clinic.exchange.calls["anna"].place.node == "desk"
    clinic.hears(events.AgentSignedOut("102"))
    assert clinic.exchange.calls["anna"].place.node == "message"
    clinic.hears(events.AgentSignedIn("102"), events.PhoneChanged("102", PhoneState.IDLE))
    assert offers(clinic.calls("bert", "1")) == [("offer-1", "bert", "102")]


def test_a_phone_that_rang_for_nobody_too_often_is_left_alone_until_it_is_used() -> None:
    clinic = Clinic(a_clinic_that_counts_misses(2))
    clinic.hears(events.PhoneChanged("102", PhoneState.IN_USE))
    clinic.calls("anna", "1")
    said = clinic.hears(events.OfferEnded("offer-1", Refusal.SILENT))
    assert notes(said) == []
    assert offers(clinic.waits(2)) == [("offer-2", "anna", "101")]
    said = clinic.hears(events.OfferEnded("offer-2", Refusal.SILENT))
    assert notes(said) == [("paused", f"101 {AWAY}")]
    assert offers(clinic.waits(30)) == []
    assert notes(clinic.hears(events.PhoneChanged("101", PhoneState.IN_USE))) == [
        ("resumed", "101")
    ]
    said = clinic.hears(events.PhoneChanged("101", PhoneState.IDLE))
    assert offers(said) == [("offer-3", "anna", "101")]


def test_the_last_agent_of_a_queue_is_rung_however_often_nobody_came() -> None:
    clinic = Clinic(a_clinic_that_counts_misses(2))
    clinic.calls("anna", "2")
    for number in range(1, 8):
        said = clinic.hears(events.OfferEnded(f"offer-{number}", Refusal.SILENT))
        assert notes(said) == []
        assert offers(clinic.waits(2)) == [(f"offer-{number + 1}", "anna", "103")]


def test_misses_are_counted_in_a_row_and_only_while_they_ring() -> None:
    clinic = Clinic(a_clinic_that_counts_misses(2))
    clinic.hears(events.PhoneChanged("102", PhoneState.IN_USE))
    clinic.calls("anna", "1")
    clinic.hears(events.OfferEnded("offer-1", Refusal.SILENT))
    clinic.waits(2)
    clinic.hears(events.OfferAccepted("offer-2"), events.JoinFailed("anna", "offer-2"))
    clinic.hears(events.OfferEnded("offer-2", Refusal.BUSY))
    clinic.waits(2)
    clinic.hears(events.OfferEnded("offer-3", Refusal.BUSY))
    clinic.waits(2)
    assert notes(clinic.hears(events.OfferEnded("offer-4", Refusal.SILENT))) == []


@pytest.mark.parametrize("word", [events.AgentPaused("999", "lunch"), events.AgentSignedOut("999")])
def test_a_word_for_a_phone_that_is_not_ours_changes_nothing(word: events.AgentEvent) -> None:
    clinic = Clinic()
    assert clinic.hears(word) == []
