"""Who picks up a colleague's ringing phone is busy with the caller; the colleague is not."""

from dataclasses import replace

import pytest

from ivr import events
from ivr.agent import Doing
from ivr.commands import Note, Play, Withdraw
from ivr.events import OfferAccepted, OfferEnded, OfferPickedUp, PhoneState, Refusal
from ivr.standing import Stage
from tests.ivr.story import Clinic, a_clinic, offers


def wrapping_up() -> Clinic:
    """The desk's two and the nurse have half a minute after each talk."""
    plan = a_clinic()
    queues = {name: replace(queue, wrap_up_s=30) for name, queue in plan.queues.items()}
    return Clinic(replace(plan, queues=queues))


def doing(clinic: Clinic, extension: str) -> Doing:
    return clinic.exchange.agents[extension].doing(clinic.now)


@pytest.mark.parametrize("is_told_late", [False, True])
def test_who_really_answered_talks_is_written_and_wraps_up(is_told_late: bool) -> None:
    clinic = wrapping_up()
    ((offer, _, rung),) = offers(clinic.calls("ann", "1"))
    clinic.hears(events.PhoneChanged(rung, PhoneState.RINGING))
    clinic.hears(events.PhoneChanged("103", PhoneState.IN_USE))
    told = [OfferPickedUp(offer, "103"), OfferAccepted(offer)]
    said = clinic.hears(*(reversed(told) if is_told_late else told))
    assert Note("ann", "picked up", f"103 for {rung}") in said
    assert [n.detail for n in said if isinstance(n, Note) and n.step == "accepted"][-1] == "103"
    clinic.hears(events.PhoneChanged(rung, PhoneState.IDLE), events.Joined("ann", offer))
    assert doing(clinic, "103") is Doing.TALKS
    assert doing(clinic, rung) is Doing.FREE
    other = "102" if rung == "101" else "101"
    clinic.hears(events.PhoneChanged(other, PhoneState.IN_USE))
    ((_, _, next_rung),) = offers(clinic.calls("bob", "1"))
    assert next_rung == rung
    clinic.hears(events.CallerLeft("ann"), events.PhoneChanged("103", PhoneState.IDLE))
    assert doing(clinic, "103") is Doing.WRAPS_UP
    assert offers(clinic.calls("eve", "2")) == []


def test_what_rings_at_the_colleagues_own_phone_finds_another_and_is_no_miss() -> None:
    clinic = Clinic()
    ((first, _, rung),) = offers(clinic.calls("ann", "1"))
    ((second, _, taker),) = offers(clinic.calls("bob", "1"))
    clinic.hears(events.PhoneChanged(taker, PhoneState.IN_USE))
    said = clinic.hears(OfferPickedUp(first, taker))
    assert Withdraw(second) in said
    clinic.hears(OfferAccepted(first), events.PhoneChanged(rung, PhoneState.IDLE))
    said = clinic.hears(OfferEnded(second, Refusal.WITHDRAWN))
    assert [(call, extension) for _, call, extension in offers(said)] == [("bob", rung)]
    assert clinic.exchange.agents[taker].missed == 0
    clinic.hears(events.Joined("ann", first))
    assert doing(clinic, taker) is Doing.TALKS


def test_of_phones_that_all_ring_the_one_that_picks_up_another_stops_ringing_itself() -> None:
    clinic = Clinic()
    rings = {extension: offer for offer, _, extension in offers(clinic.calls("ann", "5"))}
    clinic.hears(OfferPickedUp(rings["101"], "102"))
    said = clinic.hears(OfferAccepted(rings["101"]))
    assert {c.offer for c in said if isinstance(c, Withdraw)} == {rings["102"], rings["103"]}
    for extension in ("102", "103"):
        clinic.hears(OfferEnded(rings[extension], Refusal.WITHDRAWN))
    clinic.hears(events.Joined("ann", rings["101"]))
    assert [doing(clinic, each) for each in ("101", "102", "103")] == [
        Doing.FREE,
        Doing.TALKS,
        Doing.IDLE if not clinic.exchange.agents["103"].skills else Doing.FREE,
    ]


def test_who_picks_up_hears_who_it_is_and_may_think_better_of_it() -> None:
    plan = a_clinic()
    nurse = replace(plan.queues["nurse"], whisper="for-the-nurse")
    clinic = Clinic(replace(plan, queues={**plan.queues, "nurse": nurse}))
    ((offer, _, _),) = offers(clinic.calls("ann", "2"))
    said = clinic.hears(OfferPickedUp(offer, "101"), OfferAccepted(offer))
    assert [c.prompts for c in said if isinstance(c, Play)] == [("for-the-nurse",)]
    said = clinic.hears(OfferEnded(offer, Refusal.REFUSED))
    assert clinic.stage("ann") is Stage.QUEUED
    assert [extension for _, _, extension in offers(said)] == ["103"]
    assert doing(clinic, "101") is Doing.WRAPS_UP  # the rest of who lets a call go
