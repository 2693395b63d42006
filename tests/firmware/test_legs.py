"""A call has audio and an announcement, and either may come first."""

from firmware.legs import ANNOUNCE_WITHIN_S, Legs
from ivr.events import (
    CallArrived,
    CalledOut,
    CallerLeft,
    CallOutEnded,
    OfferAccepted,
    Refusal,
    Tapped,
)

CALL = "5d6c0d5e-8a5e-4c4e-9d0e-000000000001"
OFFER = "5d6c0d5e-8a5e-4c4e-9d0e-000000000002"
ARRIVED = CallArrived(CALL, line="main", dialled="5550100", number="5550199", name="Bob")


def test_a_call_arrives_once_whichever_half_comes_first() -> None:
    audio_first, announced_first = Legs(), Legs()
    assert audio_first.opened(CALL, 7, now=0.0) == []
    assert audio_first.heard(ARRIVED) == [ARRIVED]
    assert announced_first.heard(ARRIVED) == []
    assert announced_first.opened(CALL, 7, now=0.0) == [ARRIVED]


def test_audio_that_nobody_announces_is_to_be_closed_after_two_seconds() -> None:
    legs = Legs()
    legs.opened(CALL, 7, now=10.0)
    assert legs.overdue(9.9 + ANNOUNCE_WITHIN_S) == []
    assert legs.overdue(10.0 + ANNOUNCE_WITHIN_S) == [7]
    assert legs.overdue(10.0 + ANNOUNCE_WITHIN_S) == []


def test_an_agent_sent_for_by_an_exchange_before_us_waits_for_nothing() -> None:
    """Asterisk joins them with the caller, once we let go."""
    told_first, picked_up_first = Legs(), Legs()
    told_first.orphaned(frozenset({OFFER}))
    assert told_first.opened(OFFER, 8, now=10.0) == []
    assert told_first.overdue(10.0) == [8]
    picked_up_first.opened(OFFER, 8, now=10.0)
    picked_up_first.opened(CALL, 7, now=10.0)
    picked_up_first.orphaned(frozenset({OFFER}))
    assert picked_up_first.overdue(10.0) == [8]


def test_an_agent_who_picks_up_has_accepted_the_offer() -> None:
    legs = Legs()
    legs.offered(OFFER)
    assert legs.opened(OFFER, 8, now=0.0) == [OfferAccepted(OFFER)]
    assert legs.callers() == []


def test_the_end_of_audio_is_a_loss_only_when_we_did_not_want_it() -> None:
    legs = Legs()
    legs.heard(ARRIVED)
    legs.opened(CALL, 7, now=0.0)
    assert legs.closed(7) == (CALL, False)
    legs.opened(CALL, 9, now=1.0)
    legs.leaving(CALL)
    assert legs.closed(9) == (CALL, True)
    assert legs.closed(9) is None


def test_a_caller_who_comes_again_keeps_the_new_audio_when_the_old_ends_late() -> None:
    legs = Legs()
    legs.heard(ARRIVED)
    legs.opened(CALL, 7, now=0.0)
    legs.opened(CALL, 8, now=1.0)
    legs.closed(7)
    assert legs.handle(CALL) == 8


def test_a_call_whose_audio_never_came_is_counted_all_the_same() -> None:
    legs = Legs()
    legs.heard(ARRIVED)
    left = CallerLeft(CALL)
    assert legs.heard(left) == [ARRIVED, left]
    assert legs.heard(left) == [left]


def test_whom_we_called_is_there_with_the_audio_and_has_left_at_the_end() -> None:
    legs = Legs()
    legs.called_out(CALL)
    assert legs.opened(CALL, 7, now=0.0) == [CalledOut(CALL)]
    assert legs.callers() == [CALL]
    assert legs.heard(CallerLeft(CALL)) == [CallerLeft(CALL)]


def test_who_hung_up_before_the_audio_came_was_never_reached() -> None:
    legs = Legs()
    legs.called_out(CALL)
    assert legs.heard(CallerLeft(CALL)) == [CallOutEnded(CALL, Refusal.REFUSED)]
    assert legs.overdue(0.0) == []


def test_who_answered_while_asterisk_could_not_say_so_has_left_at_the_end() -> None:
    legs = Legs()
    legs.called_out(CALL)
    legs.opened(CALL, 7, now=0.0)
    assert legs.heard(CallOutEnded(CALL, Refusal.UNREACHABLE)) == [CallerLeft(CALL)]


def test_a_leg_that_listens_to_a_talk_is_no_caller_and_needs_no_announcement() -> None:
    legs = Legs()
    legs.tapped(OFFER)
    assert legs.opened(OFFER, 3, now=0.0) == [Tapped(OFFER)]
    assert legs.is_tap(3)
    assert legs.callers() == []
    assert legs.overdue(60.0) == []
    legs.closed(3)
    assert not legs.is_tap(3)


def test_one_that_is_wanted_no_more_when_it_comes_is_a_stranger() -> None:
    legs = Legs()
    legs.tapped(OFFER)
    legs.untap(OFFER)
    assert legs.opened(OFFER, 3, now=0.0) == []
    assert legs.overdue(60.0) == [3]
