"""What a caller's line says by itself: a fax machine is led to the clinic's own, and a call whose
caller has gone is ended as one whose caller hung up; a talk is ended by nobody but who talks."""

from dataclasses import replace

import pytest

from ivr import commands, events
from ivr.commands import Outcome
from ivr.plan import Plan
from ivr.says import Says
from ivr.standing import Stage
from tests.ivr.story import Clinic, a_clinic, finished, of, offers


def with_a_fax() -> Plan:
    """At 103 stands a fax machine."""
    plan = a_clinic()
    phones = {**plan.phones, "103": replace(plan.phones["103"], fax=True)}
    return replace(plan, phones=phones)


def says(what: Says) -> events.LineSaid:
    return events.LineSaid("ann", what)


@pytest.mark.parametrize("key", ["", "1", "4"])
def test_a_fax_machine_in_the_menu_the_queue_or_a_message_is_led_to_the_clinics_own(
    key: str,
) -> None:
    clinic = Clinic(with_a_fax())
    clinic.calls("ann", key)
    said = clinic.hears(says(Says.FAX))
    assert of(said, commands.LeadToFax) == [commands.LeadToFax("ann", "103")]
    assert bool(of(said, commands.Withdraw)) == (key == "1")  # nobody's phone rings on
    assert clinic.stage("ann") is Stage.LEAVING
    assert not of(clinic.waits(600), commands.Play, commands.Offer)  # it is left alone
    assert not of(clinic.hears(says(Says.FAX)), commands.LeadToFax)
    clinic.hears(events.Joined("ann", ""), events.CallerLeft("ann"))
    assert finished(clinic.said) == [Outcome.TRANSFERRED]


def test_without_a_fax_machine_a_fax_stays_with_people() -> None:
    clinic = Clinic()
    clinic.calls("ann")
    assert clinic.hears(says(Says.FAX)) == []
    assert clinic.stage("ann") is not Stage.LEAVING


def test_a_fax_that_cannot_be_led_there_falls_to_the_failsafe() -> None:
    clinic = Clinic(with_a_fax())
    clinic.calls("ann")
    clinic.hears(says(Says.FAX), events.FellToFailsafe("ann"), events.CallerLeft("ann"))
    assert finished(clinic.said) == [Outcome.FAILSAFE]


@pytest.mark.parametrize("what", [Says.HUNG_UP, Says.SILENT])
def test_a_call_whose_caller_has_gone_is_ended_and_counts_as_hung_up(what: Says) -> None:
    clinic = Clinic()
    clinic.calls("ann", "1")
    clinic.waits(20)
    said = clinic.hears(says(what))
    assert of(said, commands.HangUp) == [commands.HangUp("ann")]
    assert clinic.stage("ann") is Stage.QUEUED  # until Asterisk says that the caller is gone
    clinic.hears(events.CallerLeft("ann"))
    assert finished(clinic.said) == [Outcome.ABANDONED]


def test_a_message_spoken_before_the_busy_tone_is_kept() -> None:
    clinic = Clinic()
    clinic.calls("ann", "4")
    clinic.prompt_ends("ann")
    assert clinic.stage("ann") is Stage.RECORDING
    assert of(clinic.hears(says(Says.HUNG_UP)), commands.HangUp)
    said = clinic.hears(events.CallerLeft("ann"), events.RecordingKept("ann", "m", 3.0))
    assert finished(said) == [Outcome.MESSAGE]


@pytest.mark.parametrize("what", list(Says))
def test_no_talk_of_people_is_ended_by_what_a_line_said_late(what: Says) -> None:
    clinic = Clinic(with_a_fax())
    ((offer, *_),) = offers(clinic.calls("ann", "1"))[:1]
    clinic.hears(events.OfferAccepted(offer))
    assert clinic.stage("ann") is Stage.JOINING
    assert clinic.hears(says(what)) == []
    clinic.hears(events.Joined("ann", offer))
    assert clinic.hears(says(what)) == []
    assert clinic.stage("ann") is Stage.TALKING
