"""A caller who is passed on keeps one call and one outcome, and is lost to nobody's busy phone."""

from dataclasses import replace

from ivr import events
from ivr.agent import Doing
from ivr.commands import Note, Outcome, SendOn
from ivr.events import Passing, Refusal, Transferred
from ivr.inside import INSIDE
from ivr.plan import Mailbox, Plan
from ivr.standing import Stage
from tests.ivr.story import Clinic, a_clinic, finished, of, offers, spoken


def with_numbers() -> Plan:
    """101 has a mailbox, and the nurse's queue a number."""
    plan = a_clinic()
    phones = {**plan.phones, "101": replace(plan.phones["101"], mailbox="desk")}
    queues = {**plan.queues, "nurse": replace(plan.queues["nurse"], number="602", wrap_up_s=30)}
    queues["desk"] = replace(queues["desk"], wrap_up_s=30)
    mailboxes = {"desk": Mailbox("desk", ("reception",), (), "701")}
    return replace(plan, phones=phones, queues=queues, mailboxes=mailboxes)


def talking(clinic: Clinic) -> str:
    """Ann talks with this phone."""
    ((offer, _, extension),) = offers(clinic.calls("ann", "1"))
    clinic.hears(events.OfferAccepted(offer), events.Joined("ann", offer))
    clinic.hears(events.PhoneChanged(extension, events.PhoneState.IN_USE))
    return extension


def doing(clinic: Clinic, extension: str) -> Doing:
    return clinic.exchange.agents[extension].doing(clinic.now)


def test_a_caller_sent_to_a_phone_that_is_busy_leaves_a_message_there() -> None:
    clinic = Clinic(with_numbers())
    by = talking(clinic)
    clinic.hears(Transferred("ann", by, "101", Passing.SENT))
    assert doing(clinic, "102" if by == "101" else "101") is Doing.FREE
    said = clinic.hears(events.SentOn("ann", "101"))
    if not offers(said):  # it was 101 who sent her, and still has the talk's wrap-up
        clinic.waits(5)
    for offer, *_ in offers(said):
        clinic.hears(events.OfferEnded(offer, Refusal.BUSY))
    said += clinic.waits(5)
    assert ("not-available",) in spoken(said)
    assert clinic.stage("ann") is Stage.GREETING
    clinic.hears(events.CallerLeft("ann"))
    assert finished(clinic.said) == [Outcome.ANSWERED]


def test_who_passed_the_caller_on_wraps_up_and_who_took_it_over_talks() -> None:
    clinic = Clinic(with_numbers())
    by = talking(clinic)
    clinic.hears(Transferred("ann", by, "103", Passing.JOINED))
    clinic.hears(events.PhoneChanged(by, events.PhoneState.IDLE))
    assert doing(clinic, by) is Doing.WRAPS_UP
    assert doing(clinic, "103") is Doing.TALKS
    assert Note("ann", "transferred", f"{by} to 103") in clinic.said
    clinic.hears(events.CallerLeft("ann"))
    assert doing(clinic, "103") is Doing.WRAPS_UP
    assert finished(clinic.said) == [Outcome.ANSWERED]


def test_a_caller_put_in_the_place_of_a_waiting_leg_is_fetched() -> None:
    clinic = Clinic(with_numbers())
    by = talking(clinic)
    said = clinic.hears(Transferred("ann", by, "602", Passing.MISLAID))
    assert of(said, SendOn) == [SendOn("ann", "602")]
    said = clinic.hears(events.SentOn("ann", "602"))
    assert [extension for _, _, extension in offers(said)] == ["103"]


def test_a_number_outside_is_written_down_as_no_more_than_that() -> None:
    clinic = Clinic(with_numbers())
    by = talking(clinic)
    clinic.hears(Transferred("ann", by, "92025550199", Passing.SENT))
    assert Note("ann", "transferred", f"{by} to outside") in clinic.said
    clinic.hears(events.SentOn("ann", ""))  # nobody answered there
    assert [extension for _, _, extension in offers(clinic.said)][-2:] != []
    assert clinic.stage("ann") is Stage.RINGING


def test_a_caller_parked_too_long_is_back_with_who_parked_it_and_meets_no_machine() -> None:
    clinic = Clinic(with_numbers())
    by = talking(clinic)
    clinic.hears(events.Parked("ann", "801", by))
    clinic.hears(events.PhoneChanged(by, events.PhoneState.IDLE))
    said = clinic.hears(events.SentOn("ann", f"*{by}"))
    ((offer, _, extension),) = offers(said)
    assert extension == by
    clinic.hears(events.OfferEnded(offer, Refusal.SILENT))
    said = clinic.waits(30)
    assert {extension for _, _, extension in offers(said)} == {"101", "102"}


def test_a_phone_that_dials_a_queue_waits_there_and_is_no_caller_of_the_clinic() -> None:
    clinic = Clinic(with_numbers())
    said = clinic.hears(events.CallArrived("inner", INSIDE, "602", "101", "Desk"))
    assert [extension for _, _, extension in offers(said)] == ["103"]
    said = clinic.hears(events.CallArrived("box", INSIDE, "701", "101", "Desk"))
    assert ("not-available",) in spoken(said)


def test_hold_is_written_down() -> None:
    clinic = Clinic(with_numbers())
    talking(clinic)
    said = clinic.hears(events.Held("ann"), events.Resumed("ann"))
    assert said == [Note("ann", "held", ""), Note("ann", "resumed", "")]
