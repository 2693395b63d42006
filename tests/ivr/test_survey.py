"""After a talk: how was it?"""

from dataclasses import replace

import pytest

from ivr import events
from ivr.commands import Join, Next, Note, Outcome, Release
from ivr.plan import Plan
from ivr.standing import Stage
from tests.ivr.story import Clinic, a_clinic, finished, of, offers, spoken


def a_curious_clinic() -> Plan:
    """The desk wants to know."""
    plan = a_clinic()
    curious = replace(plan.queues["desk"], has_survey=True)
    return replace(plan, queues={**plan.queues, "desk": curious})


def a_talk(clinic: Clinic, key: str, *, was_surveyed: bool = False) -> Next:
    """A caller gets through; what is to come when the agent hangs up."""
    clinic.hears(
        events.CallArrived("anna", "main", "2025550100", "", "", was_surveyed=was_surveyed)
    )
    offer = offers(clinic.presses("anna", key))[0][0]
    (join,) = of(clinic.hears(events.OfferAccepted(offer)), Join)
    clinic.hears(events.Joined("anna", offer))
    clinic.waits(60)
    assert isinstance(join, Join)
    return join.then


def rated(clinic: Clinic) -> list[str]:
    return [c.detail for c in clinic.said if isinstance(c, Note) and c.step == "rated"]


def test_the_agent_hangs_up_and_the_caller_gives_a_four() -> None:
    clinic = Clinic(a_curious_clinic())
    assert a_talk(clinic, "1") is Next.SURVEY
    assert spoken(clinic.hears(events.CameBack("anna"))) == [("survey",)]
    clinic.prompt_ends("anna")
    assert spoken(clinic.presses("anna", "4")) == [("survey-thanks",)]
    (release,) = of(clinic.prompt_ends("anna"), Release)
    assert release == Release("anna", Next.DONE)
    said = clinic.hears(events.CallerLeft("anna"))
    assert (rated(clinic), finished(said)) == (["4"], [Outcome.ANSWERED])


@pytest.mark.parametrize("key", ["", "6", "0", "#"])
def test_a_wrong_key_or_none_is_thanked_for_all_the_same(key: str) -> None:
    clinic = Clinic(a_curious_clinic())
    a_talk(clinic, "1")
    clinic.hears(events.CameBack("anna"))
    clinic.prompt_ends("anna")
    said = clinic.presses("anna", key) if key else clinic.waits(8)
    assert spoken(said) == [("survey-thanks",)]
    assert rated(clinic) == []


def test_a_caller_who_hangs_up_on_the_question_was_answered_nonetheless() -> None:
    clinic = Clinic(a_curious_clinic())
    a_talk(clinic, "1")
    clinic.hears(events.CameBack("anna"))
    assert finished(clinic.hears(events.CallerLeft("anna"))) == [Outcome.ANSWERED]


def test_nobody_is_asked_who_was_asked_this_week_or_talked_with_a_queue_that_does_not_ask() -> None:
    assert a_talk(Clinic(a_curious_clinic()), "1", was_surveyed=True) is Next.TALKED
    assert a_talk(Clinic(a_curious_clinic()), "2") is Next.TALKED


def test_the_agent_is_free_for_the_next_caller_while_this_one_is_asked() -> None:
    clinic = Clinic(a_curious_clinic())
    a_talk(clinic, "1")
    agent = next(a for a in clinic.exchange.agents.values() if a.talks_to == "anna")
    clinic.hears(events.PhoneChanged(agent.extension, events.PhoneState.IN_USE))
    clinic.hears(events.PhoneChanged(agent.extension, events.PhoneState.IDLE))
    clinic.hears(events.CameBack("anna"))
    assert agent.talks_to is None
    assert clinic.stage("anna") is Stage.SURVEY


def test_a_question_that_our_death_cuts_off_leaves_the_call_answered() -> None:
    clinic = Clinic(a_curious_clinic())
    a_talk(clinic, "1")
    clinic.hears(events.CameBack("anna"), events.AudioLost("anna", "killed"))
    assert finished(clinic.hears(events.CallerLeft("anna"))) == [Outcome.ANSWERED]
