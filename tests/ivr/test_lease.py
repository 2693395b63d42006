"""An urgent message at night: who is called, what they hear, and that it cannot end in silence."""

from dataclasses import replace

import pytest

from ivr import commands, events
from ivr.events import Refusal
from ivr.lease import PAUSES_S, PROMPTS
from ivr.plan import Plan
from tests.ivr.night import NIGHT, PATIENT, PEOPLE, URGENT, Night, called, legs, notes, prompts

ALVAREZ, ALVAREZ_AT_HOME = PEOPLE["alvarez"].numbers
BRANDT, CHEN, SERVICE = (PEOPLE[name].numbers[0] for name in ("brandt", "chen", "service"))


def a_night(plan: Plan | None = None) -> tuple[Night, str]:
    """Somebody left an urgent message, and the first telephone rings."""
    night = Night(plan)
    (leg,) = legs(night.hears(events.LeaseOpened(URGENT)))
    return night, leg


def test_the_one_on_call_rings_at_once_and_is_told_by_notice() -> None:
    night, _ = a_night()
    assert called(night.said) == [ALVAREZ]
    assert [order for order in night.said if isinstance(order, commands.SendNotice)] == [
        commands.SendNotice("message-1", ("alvarez",))
    ]


@pytest.mark.parametrize("why", [Refusal.BUSY, Refusal.REFUSED, Refusal.UNREACHABLE])
def test_who_cannot_be_had_leads_at_once_to_the_next_number_and_the_next_person(
    why: Refusal,
) -> None:
    night, leg = a_night()
    (home,) = legs(said := night.hears(events.CallOutEnded(leg, why)))
    assert called(said) == [ALVAREZ_AT_HOME]
    assert called(night.hears(events.CallOutEnded(home, why))) == [BRANDT]


def test_nobody_answers_and_the_night_goes_on_round_by_round() -> None:
    night, _ = a_night()
    night.waits(3600)
    one_round = [ALVAREZ, ALVAREZ_AT_HOME, BRANDT, ALVAREZ, BRANDT, CHEN, ALVAREZ_AT_HOME, SERVICE]
    rounds = len(called(night.said)) // len(one_round)
    assert rounds >= 8
    assert called(night.said)[: rounds * len(one_round)] == one_round * rounds


def test_before_the_pin_nothing_is_spoken_that_tells_of_a_message() -> None:
    night, leg = a_night()
    night.answers(leg)
    night.presses(leg, "12345#")
    night.hears(events.PinChecked(leg, fits=False))
    assert prompts(night.said, leg) == ["lease-pin", "lease-pin-wrong"]
    assert not any(isinstance(order, commands.PlayMessage) for order in night.said)


def test_an_answering_machine_presses_no_pin_and_the_next_number_rings() -> None:
    night, leg = a_night()
    night.answers(leg)
    night.prompt_ends(leg)
    said = night.waits(11)
    assert called(said) == [ALVAREZ_AT_HOME]
    assert commands.Release(leg, commands.Next.DONE) in said


def test_three_wrong_pins_ring_the_next_person() -> None:
    night, leg = a_night()
    night.answers(leg)
    for _ in range(3):
        night.presses(leg, "999999#")
        said = night.hears(events.PinChecked(leg, fits=False))
    assert called(said) == [BRANDT]
    assert prompts(said, leg) == ["goodbye"]


def test_a_pin_of_too_many_keys_is_not_cut_to_one_that_fits() -> None:
    night, leg = a_night()
    night.answers(leg)
    said = night.presses(leg, "24681024681024681#")
    (check,) = (order for order in said if isinstance(order, commands.CheckPin))
    assert len(check.pin) > 12
    assert "24681" not in repr(check)


def test_who_declines_is_thanked_while_the_next_telephone_rings() -> None:
    night, leg = a_night()
    night.shows_pin(leg)
    said = night.presses(leg, "9")
    assert (called(said), prompts(said, leg)) == ([BRANDT], ["lease-passed"])
    night.hears(events.CallOutEnded(legs(said)[0], Refusal.BUSY))
    # Everybody at once, but for who has passed it on.
    assert called(night.said)[-2:] == [BRANDT, CHEN]


def test_who_listens_and_presses_nothing_is_asked_again_and_then_the_next_one_rings() -> None:
    night, leg = a_night()
    night.shows_pin(leg)
    said = night.waits(300)
    assert prompts(said, leg).count("lease-menu") == 2
    assert called(said)[0] == BRANDT


def test_it_is_theirs_only_once_that_is_written() -> None:
    night, leg = a_night()
    night.shows_pin(leg)
    said = night.presses(leg, "1")
    assert commands.OwnLease("message-1", "alvarez") in said
    assert prompts(said, leg) == []
    said = night.hears(events.LeaseOwned("message-1", "alvarez"))
    spoken = prompts(said, leg)
    assert spoken[0] == "lease-yours"
    assert [p[-1] for p in spoken if p.startswith("number-")] == list(PATIENT)


def test_when_nothing_can_be_written_they_are_told_so_and_asked_again() -> None:
    night, leg = a_night()
    night.shows_pin(leg)
    night.presses(leg, "1")
    assert prompts(night.waits(10), leg) == ["code-failed", "lease-menu"]
    assert night.lease.owner is None


def test_of_all_who_ring_at_once_the_first_to_take_it_has_it() -> None:
    night, leg = a_night()
    for busy in (leg, "leg-2", "leg-3"):
        night.hears(events.CallOutEnded(busy, Refusal.BUSY))
    alvarez, brandt, chen = legs(night.said)[-3:]
    night.shows_pin(brandt)
    night.answers(chen)
    said = night.takes(alvarez)
    assert prompts(said, brandt) == ["lease-taken"]
    assert prompts(said, chen) == ["goodbye"]  # who showed no PIN is told nothing
    assert night.lease.owner == "alvarez"


def test_the_patient_is_called_asked_for_a_key_and_joined() -> None:
    night, leg = a_night()
    said = night.takes(leg, "2")
    assert called(said) == [PATIENT]
    (patient,) = legs(said)
    assert prompts(night.answers(patient), patient) == ["lease-patient"]
    assert commands.Join(patient, leg) in night.presses(patient, "1")
    night.hears(events.Joined(patient, leg))
    night.now += 90
    said = night.hears(events.CallerLeft(patient))
    assert commands.CloseLease("message-1", "alvarez", "talked with the patient") in said
    night.hears(events.LeaseClosed("message-1", "alvarez", "talked with the patient"))
    assert night.leases.open == {}


def test_a_patient_who_cannot_be_reached_stays_the_owners_to_call() -> None:
    night, leg = a_night()
    (patient,) = legs(night.takes(leg, "2"))
    said = night.hears(events.CallOutEnded(patient, Refusal.BUSY))
    assert prompts(said, leg)[0] == "lease-unreached"
    (again,) = legs(night.presses(leg, "2"))
    night.answers(again)
    assert prompts(night.waits(80), leg)[0] == "lease-unreached"  # a machine pressed no key
    assert night.lease.owner == "alvarez"


def test_a_talk_that_was_cut_off_closes_nothing() -> None:
    night, leg = a_night()
    (patient,) = legs(night.takes(leg, "2"))
    night.answers(patient)
    night.presses(patient, "1")
    night.hears(events.Joined(patient, leg))
    night.now += 3
    said = night.hears(events.CallerLeft(leg))
    assert not any(isinstance(order, commands.CloseLease) for order in said)
    assert called(night.waits(1800)) == [ALVAREZ]


def test_a_talk_whose_end_is_never_told_does_not_keep_it_open_in_silence() -> None:
    night, leg = a_night()
    (patient,) = legs(night.takes(leg, "2"))
    night.answers(patient)
    night.presses(patient, "1")
    night.hears(events.Joined(patient, leg))
    assert called(night.waits(3600)) == []
    assert called(night.waits(3700))[0] == ALVAREZ


def test_the_owner_closes_it_by_a_key() -> None:
    night, leg = a_night()
    night.takes(leg)
    assert commands.CloseLease("message-1", "alvarez", "done") in night.presses(leg, "5")
    said = night.hears(events.LeaseClosed("message-1", "alvarez", "done"))
    assert prompts(said, leg) == ["lease-done"]
    night.prompt_ends(leg)
    assert night.leases.open == {}


def test_an_owner_who_hung_up_is_asked_after_a_while_and_loses_it_if_not_reached() -> None:
    night, leg = a_night()
    night.takes(leg)
    night.hears(events.CallerLeft(leg))
    assert called(night.waits(1790)) == []
    said = night.waits(20)
    assert called(said) == [ALVAREZ]
    said = night.waits(90)
    assert commands.FreeLease("message-1") in said
    assert called(said)[:2] == [ALVAREZ_AT_HOME, BRANDT]


def test_an_owner_who_is_asked_hears_whose_it_is_and_may_pass_it_on() -> None:
    night, leg = a_night()
    night.takes(leg)
    night.hears(events.CallerLeft(leg))
    (asked,) = legs(night.waits(1801))
    night.shows_pin(asked)
    assert prompts(night.said, asked)[1] == "lease-remind"
    said = night.presses(asked, "9")
    assert called(said) == [BRANDT]
    assert commands.FreeLease("message-1") in said


def test_an_owner_who_was_asked_and_goes_on_owning_it_is_asked_again() -> None:
    night, leg = a_night()
    night.takes(leg)
    night.hears(events.CallerLeft(leg))
    for _ in range(3):
        (asked,) = legs(night.waits(1801))
        night.shows_pin(asked)
        night.hears(events.CallerLeft(asked))
    assert night.lease.owner == "alvarez"


def test_a_closed_message_lets_every_telephone_fall_silent() -> None:
    night, leg = a_night()
    said = night.hears(events.LeaseClosed("message-1", "reception", "the patient called again"))
    assert commands.Withdraw(leg) in said
    assert night.leases.open == {}
    assert night.waits(7200) == []


def test_an_exchange_that_starts_anew_goes_on_with_what_was_open() -> None:
    first = Night()
    assert called(first.hears(events.LeaseResumed(URGENT, ""))) == [ALVAREZ]
    owned = Night()
    assert called(owned.hears(events.LeaseResumed(URGENT, "brandt"))) == []
    assert called(owned.waits(1801)) == [BRANDT]


def test_while_the_clock_cannot_be_trusted_everybody_rings() -> None:
    night = Night()
    night.trusts_clock = False
    assert called(night.hears(events.LeaseOpened(URGENT))) == [ALVAREZ, BRANDT, CHEN]


def test_a_rota_that_was_unpublished_meanwhile_is_waited_for() -> None:
    night, leg = a_night()
    whole = night.plan
    night.plan = replace(whole, rota=None)
    for busy in (leg, "leg-2", "leg-3", "leg-4", "leg-5", "leg-6", "leg-7", "leg-8"):
        night.hears(events.CallOutEnded(busy, Refusal.BUSY))
    assert called(night.waits(3 * PAUSES_S[-1])) == []
    night.plan = whole
    assert called(night.waits(PAUSES_S[-1]))[0] == ALVAREZ


def test_nothing_noted_holds_the_patients_number() -> None:
    night, leg = a_night()
    night.takes(leg, "2")
    assert not any(PATIENT in detail for detail in notes(night.said))
    assert PATIENT not in repr(night.lease)
    assert PATIENT not in repr(night.said)
    assert NIGHT.hour == 2


def test_every_prompt_spoken_to_people_is_one_of_the_listed() -> None:
    night, leg = a_night()
    night.takes(leg, "2")
    spoken = {p for order in night.said if isinstance(order, commands.Play) for p in order.prompts}
    assert {p for p in spoken if not p.startswith("number-")} <= set(PROMPTS)
