"""All calls at once: stories of a clinic's morning, and what must hold whatever happens."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import call, commands, events
from ivr.canary import SELFTEST
from ivr.commands import Cede, Command, Finish, Outcome, Play, Withdraw
from ivr.events import PhoneState, Refusal
from ivr.matching import AGENTS_MAX, agent_of
from ivr.offering import Ringing
from ivr.plan import (
    Enqueue,
    Flow,
    HoursFork,
    Menu,
    Node,
    Overflow,
    Phone,
    Plan,
    Relaxing,
    Say,
)
from ivr.standing import Stage
from tests.ivr.story import NOON, Clinic, a_clinic, finished, of, offers, spoken


def test_a_caller_presses_a_key_and_talks_with_the_desk() -> None:
    clinic = Clinic()
    assert spoken(clinic.calls("anna")) == [("menu",)]
    said = clinic.presses("anna", "1")
    assert offers(said) == [("offer-1", "anna", "101")]
    assert spoken(said) == [("please-wait", "you-are-next")]
    assert of(said, commands.StartMusic)
    clinic.hears(events.OfferRang("offer-1"))
    assert commands.Join("anna", "offer-1") in clinic.hears(events.OfferAccepted("offer-1"))
    clinic.hears(events.Joined("anna", "offer-1"))
    assert finished(clinic.hears(events.CallerLeft("anna"))) == [Outcome.ANSWERED]
    assert not clinic.exchange.calls


def test_a_silent_phone_rests_while_the_caller_keeps_its_rank() -> None:
    clinic = Clinic()
    clinic.hears(events.PhoneChanged("102", PhoneState.IN_USE))
    clinic.calls("anna", "1")
    clinic.calls("bert", "1")
    clinic.waits(15)
    assert not offers(clinic.hears(events.OfferEnded("offer-1", Refusal.SILENT)))
    assert clinic.exchange.position("anna") == 1
    assert clinic.exchange.position("bert") == 2
    assert not offers(clinic.waits(19))
    assert offers(clinic.waits(1.5)) == [("offer-2", "anna", "101")]


def test_a_phone_that_frees_up_is_offered_at_once_to_the_longest_waiting() -> None:
    clinic = Clinic()
    for extension in ("101", "102"):
        clinic.hears(events.PhoneChanged(extension, PhoneState.IN_USE))
    clinic.calls("anna", "1")
    assert spoken(clinic.calls("bert", "1"))[-1] == ("please-wait", "you-are-number", "number-2")
    said = clinic.hears(events.PhoneChanged("102", PhoneState.IDLE))
    assert offers(said) == [("offer-1", "anna", "102")]


def test_an_agent_who_talks_is_offered_nobody_until_the_talk_ends() -> None:
    clinic = Clinic()
    clinic.calls("anna", "2")
    clinic.hears(events.OfferAccepted("offer-1"), events.Joined("anna", "offer-1"))
    assert not offers(clinic.calls("bert", "2"))
    assert offers(clinic.hears(events.CallerLeft("anna"))) == [("offer-2", "bert", "103")]


def a_skilled_clinic() -> Plan:
    """101 speaks some Spanish, 102 none; the desk's callers want it good, and for a minute only."""
    plan = a_clinic()
    phones = {**plan.phones, "101": replace(plan.phones["101"], skills={"spanish": 3})}
    rules = Relaxing(20, {"spanish": 3}), Relaxing(40, {})
    desk = replace(plan.queues["desk"], needs={"spanish": 1}, relaxes=rules)
    return replace(plan, phones=phones, queues={**plan.queues, "desk": desk})


def test_a_caller_settles_for_less_the_longer_it_waits() -> None:
    clinic = Clinic(a_skilled_clinic())
    assert not offers(clinic.calls("anna", "1"))
    assert not offers(clinic.waits(19.9))
    assert offers(clinic.waits(0.2)) == [("offer-1", "anna", "101")]
    clinic.hears(events.PhoneChanged("101", PhoneState.IN_USE))
    clinic.hears(events.OfferEnded("offer-1", Refusal.REFUSED))
    assert offers(clinic.waits(20)) == [("offer-2", "anna", "102")]


def test_after_a_talk_an_agent_has_time_to_write_it_down() -> None:
    plan = a_clinic()
    nurse = replace(plan.queues["nurse"], wrap_up_s=25)
    clinic = Clinic(replace(plan, queues={**plan.queues, "nurse": nurse}))
    clinic.calls("anna", "2")
    clinic.hears(events.OfferAccepted("offer-1"), events.Joined("anna", "offer-1"))
    clinic.calls("bert", "2")
    assert not offers(clinic.hears(events.CallerLeft("anna")))
    assert not offers(clinic.waits(24.9))
    assert offers(clinic.waits(0.2)) == [("offer-2", "bert", "103")]


def test_who_waits_in_two_queues_is_rung_for_by_the_first_who_is_free_and_leaves_both() -> None:
    clinic = Clinic(a_clinic(desk=Enqueue("desk", 60, "message", also=("nurse",))))
    for extension in ("101", "102", "103"):
        clinic.hears(events.PhoneChanged(extension, PhoneState.IN_USE))
    clinic.calls("anna", "1")
    clinic.calls("bert", "1")
    clinic.calls("cora", "2")
    said = clinic.hears(events.PhoneChanged("103", PhoneState.IDLE))
    assert offers(said) == [("offer-1", "cora", "103")]  # hers is the more urgent
    said = clinic.hears(events.PhoneChanged("102", PhoneState.IDLE))
    assert offers(said) == [("offer-2", "anna", "102")]
    clinic.hears(events.OfferAccepted("offer-2"), events.Joined("anna", "offer-2"))
    assert clinic.exchange.waiting().keys() == {"bert", "cora"}
    assert clinic.exchange.position("bert") == 1


def test_a_new_plan_teaches_agents_and_old_callers_keep_their_queue() -> None:
    clinic = Clinic(a_skilled_clinic())
    clinic.calls("anna", "1")
    plan = a_skilled_clinic()
    phones = {**plan.phones, "102": replace(plan.phones["102"], skills={"spanish": 1})}
    renamed = {"front": replace(plan.queues["desk"], name="front"), "desk": plan.queues["desk"]}
    adopted = events.PlanAdopted(replace(plan, phones=phones, queues=renamed))
    assert offers(clinic.hears(adopted)) == [("offer-1", "anna", "102")]


def test_a_caller_who_leaves_takes_the_ringing_phone_along() -> None:
    clinic = Clinic()
    clinic.calls("anna", "1")
    said = clinic.hears(events.CallerLeft("anna"))
    assert of(said, Withdraw) == [Withdraw("offer-1")]
    assert finished(said) == [Outcome.SHORT_ABANDONED]
    clinic.hears(events.OfferEnded("offer-1", Refusal.WITHDRAWN))
    assert offers(clinic.calls("bert", "1")) == [("offer-2", "bert", "101")]


def test_patience_over_leads_to_a_message_that_is_promised_only_when_kept() -> None:
    clinic = Clinic()
    clinic.calls("anna", "1")
    for number in range(1, 5):
        clinic.hears(events.OfferEnded(f"offer-{number}", Refusal.REFUSED))
    said = clinic.waits(60)
    assert ("leave-a-message",) in spoken(said)
    said = clinic.prompt_ends("anna")
    assert commands.Record("anna", "desk", 120, False) in said
    said = clinic.presses("anna", "#")
    assert of(said, commands.StopRecording)
    assert ("message-kept",) not in spoken(said)
    said = clinic.hears(events.RecordingKept("anna", "m1", 7.0))
    assert spoken(said) == [("message-kept",)]
    assert spoken(clinic.prompt_ends("anna")) == [("goodbye",)]
    assert of(clinic.prompt_ends("anna"), commands.Release)
    assert finished(clinic.hears(events.CallerLeft("anna"))) == [Outcome.MESSAGE]


def test_a_message_that_cannot_be_kept_is_confessed_and_a_person_rung() -> None:
    clinic = Clinic()
    clinic.calls("anna", "4")
    clinic.prompt_ends("anna")
    clinic.hears(events.SpeechEnded("anna"))
    assert spoken(clinic.hears(events.RecordingFailed("anna", "disk full"))) == [
        ("message-failed",)
    ]
    said = clinic.prompt_ends("anna")
    assert [extension for _, _, extension in offers(said)] == ["101", "102"]


def test_a_message_for_which_there_is_no_room_is_refused_aloud_and_a_person_rung() -> None:
    clinic = Clinic()
    clinic.calls("anna", "4")
    clinic.prompt_ends("anna")
    refused = events.RecordingFailed("anna", "there is no room", is_full=True)
    assert spoken(clinic.hears(refused)) == [("message-refused",)]
    said = clinic.prompt_ends("anna")
    assert [extension for _, _, extension in offers(said)] == ["101", "102"]


def test_who_says_nothing_after_the_beep_goes_to_a_person() -> None:
    clinic = Clinic()
    clinic.calls("anna", "4")
    clinic.prompt_ends("anna")
    said = clinic.hears(events.NobodySpoke("anna"))
    assert of(said, commands.StopRecording) == [commands.StopRecording("anna")]
    assert spoken(said) == [("message-failed",)]
    clinic.hears(events.RecordingFailed("anna", "nothing was said"))
    said = clinic.prompt_ends("anna")
    assert [extension for _, _, extension in offers(said)] == ["101", "102"]


def test_hanging_up_while_speaking_keeps_the_message() -> None:
    clinic = Clinic()
    clinic.calls("anna", "4")
    clinic.prompt_ends("anna")
    said = clinic.hears(events.AudioLost("anna", "closed"), events.CallerLeft("anna"))
    assert of(said, commands.StopRecording) == [commands.StopRecording("anna")]
    assert finished(said) == []
    kept = clinic.hears(events.RecordingKept("anna", "m1", 3.0))
    assert finished(kept) == [Outcome.MESSAGE]


def test_hanging_up_before_a_word_is_no_message() -> None:
    clinic = Clinic()
    clinic.calls("anna", "4")
    clinic.prompt_ends("anna")
    clinic.hears(events.CallerLeft("anna"))
    assert finished(clinic.hears(events.RecordingFailed("anna", "no sound"))) == [
        Outcome.SHORT_ABANDONED
    ]


def test_who_is_matched_is_among_those_said_to_be_free() -> None:
    """The ACD counts milliseconds: a rest may end for it a moment before it does for us."""
    clinic = Clinic()
    clinic.hears(events.PhoneChanged("102", PhoneState.UNREACHABLE))
    clinic.now += 0.0004
    clinic.calls("anna", "1")
    clinic.hears(events.OfferEnded("offer-1", Refusal.REFUSED))
    (matched,) = (
        c for c in clinic.waits(30) if isinstance(c, commands.Note) and c.step == "matched"
    )
    assert "of 1 free: 101" in matched.detail


def test_all_phones_ring_the_first_has_the_caller_and_the_others_stop() -> None:
    clinic = Clinic()
    said = clinic.calls("anna", "5")
    assert [extension for _, _, extension in offers(said)] == ["101", "102", "103"]
    said = clinic.hears(events.OfferAccepted("offer-2"))
    assert of(said, Withdraw) == [Withdraw("offer-1"), Withdraw("offer-3")]
    assert of(said, commands.Join) == [commands.Join("anna", "offer-2")]
    late = clinic.hears(events.OfferAccepted("offer-3"))
    assert not of(late, commands.Join)


def test_when_every_phone_refuses_the_caller_goes_on_without_waiting_out_the_time() -> None:
    clinic = Clinic()
    clinic.calls("anna", "5")
    for number in (1, 2, 3):
        clinic.hears(events.OfferEnded(f"offer-{number}", Refusal.BUSY))
    assert ("leave-a-message",) in spoken(clinic.waits(call.LEAST_RING_S))


def test_a_failed_join_puts_the_caller_back_before_those_who_came_later() -> None:
    clinic = Clinic()
    clinic.hears(events.PhoneChanged("102", PhoneState.UNREACHABLE))
    clinic.calls("anna", "1")
    clinic.calls("bert", "1")
    clinic.hears(events.OfferAccepted("offer-1"))
    said = clinic.hears(events.JoinFailed("anna", "offer-1"))
    assert of(said, Withdraw) == [Withdraw("offer-1")]
    assert clinic.exchange.position("anna") == 1
    clinic.hears(events.OfferEnded("offer-1", Refusal.WITHDRAWN))
    assert clinic.exchange.offers["offer-2"].call == "anna"


def test_a_silent_caller_is_asked_again_and_then_brought_to_a_person() -> None:
    clinic = Clinic()
    clinic.calls("anna")
    clinic.prompt_ends("anna")
    assert spoken(clinic.waits(5)) == [("nothing-heard", "menu")]
    clinic.prompt_ends("anna")
    assert offers(clinic.waits(5))


def test_silence_for_a_key_is_filled_with_music_within_a_second() -> None:
    clinic = Clinic()
    clinic.calls("anna")
    clinic.prompt_ends("anna")
    assert of(clinic.waits(0.9), commands.StartMusic)
    assert of(clinic.presses("anna", "3"), commands.StopMusic)


def test_zero_leads_to_a_person_from_a_menu_that_does_not_use_it() -> None:
    clinic = Clinic()
    assert offers(clinic.calls("anna", "0"))


def test_a_key_may_change_the_language() -> None:
    plan = a_clinic(address=Say(("welcome",), "flow:es"))
    menu: dict[str, Node] = {"menu": Menu(("menu",), {"1": "flow:main"}, 5, 2, "menu")}
    spanish = Flow("es", "menu", menu, None, "es")
    clinic = Clinic(replace(plan, flows={**plan.flows, "es": spanish}))
    clinic.calls("anna", "3")
    assert [c.language for c in clinic.prompt_ends("anna") if isinstance(c, Play)] == ["es"]
    assert [c.language for c in clinic.presses("anna", "1") if isinstance(c, Play)] == ["es"]


def test_a_wrong_key_is_named_and_the_menu_spoken_again() -> None:
    clinic = Clinic()
    assert spoken(clinic.calls("anna", "9"))[-1] == ("wrong-key", "menu")


def test_who_hears_the_address_and_leaves_has_served_himself() -> None:
    clinic = Clinic()
    clinic.calls("anna", "3")
    clinic.prompt_ends("anna")
    assert finished(clinic.hears(events.CallerLeft("anna"))) == [Outcome.SELF_SERVED]


def test_a_call_that_fell_to_the_failsafe_says_so() -> None:
    clinic = Clinic()
    clinic.calls("anna", "1")
    clinic.hears(events.AudioLost("anna", "reset"), events.FellToFailsafe("anna"))
    assert finished(clinic.hears(events.CallerLeft("anna"))) == [Outcome.FAILSAFE]


def test_a_kept_message_counts_though_word_of_the_hangup_came_late() -> None:
    clinic = Clinic()
    clinic.calls("anna", "4")
    clinic.prompt_ends("anna")
    clinic.hears(events.AudioLost("anna", "closed"), events.RecordingKept("anna", "m1", 3.0))
    clinic.waits(5)
    assert finished(clinic.hears(events.CallerLeft("anna"))) == [Outcome.MESSAGE]


def test_lost_audio_and_no_word_of_a_hangup_is_the_failsafe_too() -> None:
    clinic = Clinic()
    clinic.calls("anna", "1")
    clinic.hears(events.AudioLost("anna", "reset"))
    clinic.waits(20)
    assert finished(clinic.hears(events.CallerLeft("anna"))) == [Outcome.FAILSAFE]


def test_the_position_is_said_again_while_the_caller_waits() -> None:
    clinic = Clinic()
    clinic.hears(events.PhoneChanged("103", PhoneState.IN_USE))
    clinic.calls("anna", "2")
    assert spoken(clinic.waits(59)) == [("please-wait", "you-are-next")]


def test_a_wall_clock_that_jumps_an_hour_throws_nobody_out_of_the_queue() -> None:
    clinic = Clinic()
    clinic.hears(events.PhoneChanged("103", PhoneState.IN_USE))
    clinic.calls("anna", "2")
    clinic.now += 10
    assert not clinic.exchange.time_came(clinic.now, NOON + timedelta(hours=1))
    assert clinic.stage("anna") is Stage.QUEUED


def test_an_offer_nobody_ends_is_ended_by_us() -> None:
    clinic = Clinic()
    clinic.hears(events.PhoneChanged("102", PhoneState.UNREACHABLE))
    clinic.calls("anna", "1")
    said = clinic.waits(21)
    assert Withdraw("offer-1") in said
    assert offers(clinic.waits(20)) == [("offer-2", "anna", "101")]


def test_audio_that_ends_because_two_are_joined_is_not_lost() -> None:
    clinic = Clinic()
    clinic.calls("anna", "1")
    clinic.hears(events.OfferAccepted("offer-1"), events.AudioLost("anna", "closed"))
    assert not of(clinic.hears(events.Joined("anna", "offer-1")), Withdraw)
    clinic.waits(60)
    assert finished(clinic.hears(events.CallerLeft("anna"))) == [Outcome.ANSWERED]


def test_audio_lost_and_then_not_joined_is_lost() -> None:
    clinic = Clinic()
    clinic.calls("anna", "1")
    clinic.hears(events.OfferAccepted("offer-1"), events.AudioLost("anna", "closed"))
    said = clinic.hears(events.JoinFailed("anna", "offer-1"))
    assert of(said, Cede) == [Cede("offer-1")]
    assert clinic.stage("anna") is Stage.LOST


def test_who_picks_up_as_the_caller_falls_to_the_failsafe_is_left_for_it_to_join() -> None:
    clinic = Clinic()
    clinic.calls("anna", "5")
    assert not of(clinic.hears(events.FellToFailsafe("anna")), Withdraw)
    said = clinic.hears(events.OfferAccepted("offer-2"))
    assert of(said, Cede) == [Cede("offer-2")]
    assert of(said, Withdraw) == [Withdraw("offer-1"), Withdraw("offer-3")]
    clinic.hears(events.Joined("anna", "offer-2"))
    assert clinic.exchange.agents["102"].talks_to == "anna"
    assert finished(clinic.hears(events.CallerLeft("anna"))) == [Outcome.ANSWERED]


def test_who_had_picked_up_before_the_caller_fell_is_left_for_the_failsafe_too() -> None:
    clinic = Clinic()
    clinic.calls("anna", "1")
    clinic.hears(events.OfferAccepted("offer-1"))
    said = clinic.hears(events.FellToFailsafe("anna"))
    assert of(said, Cede) == [Cede("offer-1")]
    assert not of(said, Withdraw)


def test_phones_ring_for_a_caller_who_fell_no_longer_than_the_caller_is_there() -> None:
    clinic = Clinic()
    clinic.calls("anna", "1")
    clinic.hears(events.FellToFailsafe("anna"))
    assert of(clinic.hears(events.CallerLeft("anna")), Withdraw) == [Withdraw("offer-1")]
    clinic.calls("bert", "1")
    clinic.hears(events.AudioLost("bert", "reset"))
    assert of(clinic.waits(60), Withdraw)[:1] == [Withdraw("offer-2")]


def test_who_talks_waits_no_more_and_stands_before_nobody() -> None:
    clinic = Clinic()
    clinic.hears(events.PhoneChanged("102", PhoneState.IN_USE))
    clinic.calls("anna", "1")
    clinic.hears(events.OfferAccepted("offer-1"), events.Joined("anna", "offer-1"))
    assert not clinic.exchange.waiting()
    assert spoken(clinic.calls("bert", "1"))[-1] == ("please-wait", "you-are-next")


def test_a_late_word_about_an_old_offer_does_not_touch_the_new_one() -> None:
    clinic = Clinic()
    clinic.calls("anna", "1")
    clinic.hears(events.OfferAccepted("offer-1"), events.JoinFailed("anna", "offer-1"))
    clinic.hears(events.OfferAccepted("offer-2"))
    assert not clinic.hears(events.JoinFailed("anna", "offer-1"))
    assert clinic.stage("anna") is Stage.JOINING


def test_a_join_that_comes_after_the_caller_left_holds_no_phone() -> None:
    clinic = Clinic()
    clinic.calls("anna", "2")
    clinic.hears(events.OfferAccepted("offer-1"))
    assert Withdraw("offer-1") in clinic.hears(events.CallerLeft("anna"))
    clinic.hears(events.Joined("anna", "offer-1"))
    clinic.hears(events.OfferEnded("offer-1", Refusal.WITHDRAWN))
    assert offers(clinic.calls("bert", "2")) == [("offer-2", "bert", "103")]


def test_the_echo_of_an_arrival_does_not_begin_a_call_anew() -> None:
    clinic = Clinic()
    clinic.calls("anna")
    clinic.hears(events.CallerLeft("anna"))
    assert not clinic.calls("anna")


def test_a_phone_that_hangs_up_is_free_though_its_caller_was_passed_on() -> None:
    clinic = Clinic()
    clinic.calls("anna", "2")
    clinic.hears(events.OfferAccepted("offer-1"), events.Joined("anna", "offer-1"))
    clinic.hears(events.PhoneChanged("103", PhoneState.IN_USE))
    assert not offers(clinic.calls("bert", "2"))
    assert offers(clinic.hears(events.PhoneChanged("103", PhoneState.IDLE)))


def test_a_slow_card_is_waited_for_with_music_and_then_confessed() -> None:
    clinic = Clinic()
    clinic.calls("anna", "4")
    clinic.prompt_ends("anna")
    clinic.presses("anna", "#")
    assert of(clinic.waits(1.0), commands.StartMusic)
    assert spoken(clinic.waits(call.KEEP_S)) == [("message-failed",)]
    clinic.hears(events.RecordingKept("anna", "m1", 3.0))
    assert finished(clinic.hears(events.CallerLeft("anna"))) == [Outcome.MESSAGE]


def test_a_new_plan_is_for_new_calls() -> None:
    clinic = Clinic()
    clinic.calls("anna")
    clinic.hears(events.PlanAdopted(a_clinic(menu=Say(("moved",), "bye"))))
    assert offers(clinic.presses("anna", "1"))
    assert spoken(clinic.calls("bert")) == [("moved",)]


def test_phones_that_come_and_go_with_new_plans_leave_room_for_others() -> None:
    clinic = Clinic()
    clinic.calls("anna", "2")
    clinic.hears(events.OfferAccepted("offer-1"), events.Joined("anna", "offer-1"))
    for number in range(1000, 1000 + 2 * AGENTS_MAX):
        plan = a_clinic()
        queues = {"desk": replace(plan.queues["desk"], agents=(str(number),))}
        phones = {str(number): Phone(str(number), "new", "here", "1")}
        clinic.hears(events.PlanAdopted(replace(plan, phones=phones, queues=queues)))
    assert set(clinic.exchange.agents) == {SELFTEST, "103", str(number)}
    assert [extension for _, _, extension in offers(clinic.calls("bert", "1"))] == [str(number)]


def test_a_circle_without_speech_ends_at_the_front_desk() -> None:
    clinic = Clinic(a_clinic(menu=HoursFork("office", "menu", "menu")))
    said = clinic.calls("anna")
    assert [extension for _, _, extension in offers(said)] == ["101", "102"]


def test_an_unknown_line_and_a_dangling_target_ring_the_front_desk() -> None:
    clinic = Clinic(a_clinic(address=Say(("address",), "nowhere")))
    assert offers(clinic.hears(events.CallArrived("anna", "fax", "", "", "")))
    clinic.hears(events.CallerLeft("anna"))
    for number in (1, 2):
        clinic.hears(events.OfferEnded(f"offer-{number}", Refusal.WITHDRAWN))
    clinic.calls("bert", "3")
    assert offers(clinic.prompt_ends("bert"))


# ---- whatever happens ----

CALLS = ("anna", "bert", "carl")
PHONES = ("101", "102", "103")


def _events_of(name: str) -> st.SearchStrategy[Callable[[Clinic], list[events.Event]]]:
    """Events of one call, some of them about the offers or the prompt it has just then."""

    def about_offers(kind: Callable[[str], events.Event]) -> Callable[[Clinic], list[events.Event]]:
        return lambda clinic: [
            kind(offer.id) for offer in clinic.exchange.offers.values() if offer.call == name
        ][:1]

    def plain(event: events.Event) -> Callable[[Clinic], list[events.Event]]:
        return lambda _: [event]

    def prompt(clinic: Clinic) -> list[events.Event]:
        known = clinic.exchange.calls.get(name)
        return [events.PromptEnded(name, known.tag)] if known else []

    def accept_and_join(clinic: Clinic) -> list[events.Event]:
        accepted = about_offers(events.OfferAccepted)(clinic)
        return accepted + about_offers(lambda offer: events.Joined(name, offer))(clinic)

    facts: list[events.Event] = [
        events.SpeechEnded(name),
        events.NobodySpoke(name),
        events.RecordingKept(name, "m", 1.0),
        events.RecordingFailed(name, "full"),
        events.CallerLeft(name),
        events.AudioLost(name, "reset"),
        events.FellToFailsafe(name),
    ]
    return st.one_of(
        st.just(plain(events.CallArrived(name, "main", "", "", ""))),
        st.just(prompt),
        st.sampled_from("0123459#").map(lambda key: plain(events.KeyBegan(name, key))),
        st.sampled_from("0123459#").map(lambda key: plain(events.ToneHeard(name, key))),
        st.sampled_from(facts).map(plain),
        st.just(about_offers(events.OfferRang)),
        st.just(about_offers(events.OfferAccepted)),
        st.just(about_offers(lambda offer: events.Joined(name, offer))),
        st.just(accept_and_join),
        st.just(about_offers(lambda offer: events.JoinFailed(name, offer))),
        st.sampled_from(Refusal).map(
            lambda reason: about_offers(lambda offer: events.OfferEnded(offer, reason))
        ),
    )


HAPPENINGS = st.lists(
    st.one_of(
        st.sampled_from(CALLS).flatmap(_events_of),
        st.builds(
            lambda phone, state: lambda _: [events.PhoneChanged(phone, state)],
            st.sampled_from(PHONES),
            st.sampled_from(PhoneState),
        ),
        st.sampled_from([0.1, 1.0, 6.0, 31.0, 70.0, 400.0]),
    ),
    max_size=60,
)


# Whose callers wait as long as they like, and whose are led on for every reason there is.
CLINICS = st.sampled_from(
    [
        a_clinic(),
        a_clinic(
            desk=Enqueue(
                "desk",
                60,
                "message",
                overflow=(
                    Overflow("nurse", place_over=1),
                    Overflow("message", no_agent=True, after_s=5),
                ),
            ),
            nurse=Enqueue(
                "nurse",
                60,
                "ring",
                also=("desk",),
                overflow=(Overflow("desk", per_agent=1), Overflow("address", closed="night")),
            ),
        ),
    ]
)


def _let_happen(clinic: Clinic, happenings: list[object]) -> Iterator[None]:
    for name in CALLS:
        clinic.calls(name)
    for happening in happenings:
        if callable(happening):
            clinic.hears(*happening(clinic))
        elif isinstance(happening, float):
            clinic.waits(happening)
        yield


@settings(max_examples=300)
@given(HAPPENINGS, CLINICS)
def test_each_call_has_one_outcome_and_only_after_its_caller_left(
    happenings: list[object], plan: Plan
) -> None:
    clinic = Clinic(plan)
    for _ in _let_happen(clinic, happenings):
        outcomes = [c.call for c in clinic.said if isinstance(c, Finish)]
        assert len(outcomes) == len(set(outcomes))
        assert not set(outcomes) & clinic.exchange.calls.keys()
        assert set(outcomes) | clinic.exchange.calls.keys() == set(CALLS)
    clinic.hears(*(events.CallerLeft(name) for name in CALLS))
    clinic.waits(call.KEEP_S)
    assert sorted(c.call for c in clinic.said if isinstance(c, Finish)) == sorted(CALLS)
    assert not clinic.exchange.calls
    assert not clinic.exchange.waiting()


@settings(max_examples=300)
@given(HAPPENINGS, CLINICS)
def test_no_waiting_caller_is_forgotten_while_somebody_is_free(
    happenings: list[object], plan: Plan
) -> None:
    clinic = Clinic(plan)
    exchange = clinic.exchange
    for _ in _let_happen(clinic, happenings):
        offered = {o.call for o in exchange.offers.values() if o.state is not Ringing.WITHDRAWN}
        for name, waiting in exchange.waiting().items():
            members = {agent_of(queue) for queue in waiting.queues}
            helpers = [
                a
                for a in exchange.agents.values()
                if a.is_idle() and a.free_from <= clinic.now and a.skills.keys() & members
            ]
            assert name in offered or not helpers
        for agent in exchange.agents.values():
            assert agent.offer is None or agent.offer in exchange.offers
        for name, known in exchange.calls.items():
            assert (name in exchange.waiting()) <= (known.stage in {Stage.QUEUED, Stage.JOINING})


@settings(max_examples=300)
@given(HAPPENINGS, CLINICS)
def test_every_stage_has_a_deadline_or_ends_with_the_caller(
    happenings: list[object], plan: Plan
) -> None:
    clinic = Clinic(plan)
    for _ in _let_happen(clinic, happenings):
        for known in clinic.exchange.calls.values():
            assert known.deadline is not None or known.stage in {
                Stage.TALKING,
                Stage.LEAVING,
                Stage.LOST,
            }


class Ear:
    """What each caller hears, were the engine to do just as it is told."""

    def __init__(self) -> None:
        self.speech: set[str] = set()
        self.music: set[str] = set()

    def listens(self, said: list[Command]) -> None:
        for command in said:
            match command:
                case Play(call=name):
                    self.speech.add(name)
                case commands.StopPlaying(call=name):
                    self.speech.discard(name)
                case commands.StartMusic(call=name):
                    self.music.add(name)
                case commands.StopMusic(call=name):
                    self.music.discard(name)
                case _:
                    pass

    def is_told(self, event: events.Event) -> None:
        """A prompt ends before anybody decides what follows. A key stops nothing by itself: the
        engine is told to play on until the call logic says StopPlaying."""
        if isinstance(event, events.PromptEnded):
            self.speech.discard(event.call)

    def silent(self, clinic: Clinic) -> set[str]:
        """Callers in our hands who hear nothing; who is recorded is the one who speaks."""
        elsewhere = {Stage.TALKING, Stage.LEAVING, Stage.LOST, Stage.ENDING, Stage.RECORDING}
        ours = {c.id for c in clinic.exchange.calls.values() if c.stage not in elsewhere}
        return ours - self.speech - self.music


@settings(max_examples=300)
@given(HAPPENINGS, CLINICS)
def test_no_caller_hears_silence_for_more_than_a_second(
    happenings: list[object], plan: Plan
) -> None:
    clinic, ear = Clinic(plan), Ear()
    for name in CALLS:
        ear.listens(clinic.calls(name))
    for happening in happenings:
        for event in happening(clinic) if callable(happening) else ():
            ear.is_told(event)
            ear.listens(clinic.hears(event))
        ear.listens(clinic.waits(happening if isinstance(happening, float) else 0.1))
        if silent := ear.silent(clinic):
            ear.listens(clinic.waits(1.0))
            assert not silent & ear.silent(clinic)


@settings(max_examples=200)
@given(HAPPENINGS, CLINICS)
def test_when_the_callers_have_left_every_phone_is_free_again(
    happenings: list[object], plan: Plan
) -> None:
    clinic = Clinic(plan)
    for _ in _let_happen(clinic, happenings):
        pass
    clinic.hears(*(events.CallerLeft(name) for name in CALLS))
    clinic.hears(*(events.PhoneChanged(phone, PhoneState.IDLE) for phone in PHONES))
    clinic.waits(200)
    assert not clinic.exchange.offers
    assert all(agent.is_idle() for agent in clinic.exchange.agents.values())
    assert clinic.exchange.next_deadline() is None


def test_somebody_called_for_nobody_any_more_is_let_go() -> None:
    clinic = Clinic()
    assert clinic.hears(events.CalledOut("out")) == [commands.Release("out", commands.Next.DONE)]
    assert clinic.hears(events.CallOutEnded("out", events.Refusal.BUSY)) == []
