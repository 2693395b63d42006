"""Callers and those who answer them: in a menu, in a line, in a talk, under the fail-safe.

A story does one thing after another and waits for what the ledger has to say of it. In a race two
things are done at once, and whatever comes of it must come of it on both pairs.
"""

from functools import partial

from firmware.asterisk.telco import Answers, Behaviour, Busy, Refuses, Silent
from tests.contract.tale import (
    BOTH,
    BRIEF,
    BRISK,
    IF_THERE,
    INFORMATION,
    MESSAGE,
    NO_CHOICE,
    ONE,
    RING,
    SHORT,
    URGENT,
    calls_for,
    is_over,
    leaves,
    talk_ends,
    talks_with_a,
    told,
)
from tests.contract.world import ANNA, BERT, CORA, World

# ---- nobody is asked for ----


@told()
async def the_caller_hangs_up_in_the_menu(w: World) -> None:
    await w.calls()
    await leaves(w)


@told()
async def the_caller_hears_what_was_wanted(w: World) -> None:
    await calls_for(w, INFORMATION)
    await is_over(w)


@told()
async def wrong_keys_lead_to_goodbye(w: World) -> None:
    await calls_for(w, NO_CHOICE)
    await w.presses(NO_CHOICE)
    await is_over(w)


@told()
async def silence_in_a_menu_leads_to_goodbye(w: World) -> None:
    await calls_for(w, BRISK)
    await is_over(w)


@told()
async def zero_rings_people(w: World) -> None:
    await calls_for(w, "0")
    await w.sees("rings", times=3)
    await leaves(w)


# ---- talks, ended by either side ----


@told("picked up at once of a queue, and the caller ends it", key=ONE, phone="a", by_caller=True)
@told(
    "picked up at once of three phones, and the agent ends it", key=RING, phone="b", by_caller=False
)
@told("picked up at once of a queue, and the agent ends it", key=ONE, phone="a", by_caller=False)
@told(
    "picked up at once of three phones, and the caller ends it", key=RING, phone="b", by_caller=True
)
async def picked_up_at_once(w: World, key: str, phone: str, *, by_caller: bool) -> None:
    await w.behaves(phone, Answers())
    await calls_for(w, key)
    await talk_ends(w, phone, by_caller=by_caller)


@told(
    "picked up after a ring of a queue, and the caller ends it", key=ONE, phone="a", by_caller=True
)
@told(
    "picked up after a ring of three phones, and the agent ends it",
    key=RING,
    phone="b",
    by_caller=False,
)
@told(
    "picked up after a ring of a queue, and the agent ends it", key=ONE, phone="a", by_caller=False
)
@told(
    "picked up after a ring of three phones, and the caller ends it",
    key=RING,
    phone="b",
    by_caller=True,
)
async def picked_up_after_a_ring(w: World, key: str, phone: str, *, by_caller: bool) -> None:
    await calls_for(w, key)
    await w.sees("rings", times=3 if key == RING else 1)
    await w.picks_up(phone)
    await talk_ends(w, phone, by_caller=by_caller)


@told("a phone that was refused is asked again", does=Refuses(), word="refused")
@told("a phone that was busy is asked again", does=Busy(), word="busy")
async def picked_up_when_offered_again(w: World, does: Behaviour, word: str) -> None:
    await w.behaves("a", does)
    await calls_for(w, ONE)
    await w.sees(word)
    await w.behaves("a", Answers())
    await talk_ends(w, "a", by_caller=False)


@told("the next phone is asked when the first refuses", does=Refuses())
@told("the next phone is asked when the first is busy", does=Busy())
@told("the next phone is asked when the first rings", does=Silent())
async def picked_up_by_the_next(w: World, does: Behaviour) -> None:
    await w.behaves("a", does)
    await w.behaves("b", Answers())
    await calls_for(w, BOTH)
    await talk_ends(w, "b", by_caller=True)


@told()
async def the_first_phone_is_not_there(w: World) -> None:
    await w.unplugs("a")
    await w.behaves("b", Answers())
    await calls_for(w, BOTH)
    await talk_ends(w, "b", by_caller=True)


@told()
async def refused_by_hand_and_picked_up_the_next_time(w: World) -> None:
    await calls_for(w, ONE)
    await w.sees("rings")
    await w.puts_down("a")
    await w.sees("rings", times=2)
    await w.picks_up("a")
    await talk_ends(w, "a", by_caller=True)


@told()
async def the_same_caller_has_two_talks(w: World) -> None:
    await w.behaves("a", Answers())
    for who in (ANNA, BERT):
        await calls_for(w, ONE, who)
        await talk_ends(w, "a", by_caller=True, who=who)


@told()
async def keys_without_meaning_change_nothing(w: World) -> None:
    await calls_for(w, ONE)
    await w.presses("5")
    await w.sees("rings")
    await w.presses("7")
    await w.picks_up("a")
    await talk_ends(w, "a", by_caller=False)


# ---- what comes after the talk ----


@told()
async def is_asked_how_it_was_and_says_so(w: World) -> None:
    await talks_with_a(w, BOTH)
    await w.puts_down("a")
    await w.sees("surveyed")
    await w.presses("4")
    await w.sees("rated")
    await is_over(w)


@told()
async def is_asked_how_it_was_and_hangs_up(w: World) -> None:
    await talks_with_a(w, BOTH)
    await w.puts_down("a")
    await w.sees("surveyed")
    await leaves(w)


@told()
async def hangs_up_first_and_is_asked_nothing(w: World) -> None:
    await talks_with_a(w, BOTH)
    await leaves(w)


# ---- callers who wait in vain ----


@told("the caller hangs up while one rings", key=ONE, phones=1)
@told("the caller hangs up while three ring", key=RING, phones=3)
async def hangs_up_while_a_phone_rings(w: World, key: str, phones: int) -> None:
    await calls_for(w, key)
    await w.sees("rings", times=phones)
    await leaves(w)
    await w.sees("withdrawn", times=phones)


@told()
async def hangs_up_while_no_phone_is_there(w: World) -> None:
    await w.unplugs("a")
    await calls_for(w, ONE)
    await w.sees("position")
    await leaves(w)


@told()
async def the_phone_leaves_while_it_rings(w: World) -> None:
    await calls_for(w, ONE)
    await w.sees("rings")
    await w.unplugs("a")
    await leaves(w)


@told(takes_long=True)
async def waits_until_patience_is_over(w: World) -> None:
    await calls_for(w, BRIEF)
    await w.sees("message")
    await w.sees("withdrawn")
    await leaves(w)


@told()
async def leaves_the_queue_by_a_key(w: World) -> None:
    await calls_for(w, ONE)
    await w.sees("rings")
    await w.presses("0")
    await w.sees("message")
    await w.sees("withdrawn")
    await leaves(w)


@told()
async def nobody_is_there_and_the_queue_says_so(w: World) -> None:
    await w.unplugs("a")
    await calls_for(w, IF_THERE)
    await w.sees("overflow")
    await is_over(w)


@told()
async def all_phones_refuse(w: World) -> None:
    for phone in "ac":
        await w.behaves(phone, Refuses())
    await w.behaves("b", Busy())
    await calls_for(w, RING)
    await w.sees("message")
    await leaves(w)


@told()
async def some_refuse_and_one_answers(w: World) -> None:
    await w.behaves("a", Refuses())
    await w.behaves("b", Busy())
    await calls_for(w, RING)
    await w.sees("refused")
    await w.sees("busy")
    await w.sees("rings")
    await w.picks_up("c")
    await talk_ends(w, "c", by_caller=True)


@told()
async def one_is_not_there_and_another_answers(w: World) -> None:
    await w.unplugs("a")
    await calls_for(w, RING)
    await w.sees("unreachable")
    await w.sees("rings", times=2)
    await w.picks_up("b")
    await talk_ends(w, "b", by_caller=False)


# ---- several callers ----


@told("the second caller has the phone when the first has hung up", by_caller=True)
@told("the second caller has the phone when the agent ended the first talk", by_caller=False)
async def the_second_caller_has_the_phone_after_the_first(w: World, *, by_caller: bool) -> None:
    await w.behaves("a", Answers())
    await calls_for(w, ONE)
    await w.sees("joined")
    await calls_for(w, ONE, BERT)
    await w.sees("position", who=BERT)
    await talk_ends(w, "a", by_caller=by_caller)
    await talk_ends(w, "a", by_caller=True, who=BERT)


@told()
async def a_refused_caller_keeps_its_place(w: World) -> None:
    await w.behaves("a", Refuses())
    await calls_for(w, ONE)
    await w.sees("refused")
    await calls_for(w, ONE, BERT)
    await w.sees("position", "2", who=BERT)
    await w.behaves("a", Answers())
    await talk_ends(w, "a", by_caller=True)
    await talk_ends(w, "a", by_caller=True, who=BERT)


@told()
async def who_leaves_the_line_lets_the_next_one_up(w: World) -> None:
    await w.behaves("a", Answers())
    await calls_for(w, ONE)
    await w.sees("joined")
    for who in (BERT, CORA):
        await calls_for(w, ONE, who)
        await w.sees("position", who=who)
    await leaves(w, BERT)
    await talk_ends(w, "a", by_caller=True)
    await talk_ends(w, "a", by_caller=True, who=CORA)


@told()
async def the_urgent_caller_goes_first(w: World) -> None:
    await w.behaves("a", Answers())
    await calls_for(w, ONE)
    await w.sees("joined")
    await calls_for(w, ONE, BERT)
    await w.sees("position", who=BERT)
    await calls_for(w, URGENT, CORA)
    await w.sees("position", "1", who=CORA)
    await w.puts_down("a")
    await talk_ends(w, "a", by_caller=True, who=CORA)
    await talk_ends(w, "a", by_caller=True, who=BERT)
    await is_over(w)


@told()
async def a_line_too_long_is_not_joined(w: World) -> None:
    await calls_for(w, SHORT)
    await w.sees("rings")
    await calls_for(w, SHORT, BERT)
    await w.sees("overflow", who=BERT)
    await leaves(w, BERT)
    await leaves(w)


@told()
async def two_callers_ring_the_same_phones(w: World) -> None:
    await calls_for(w, RING)
    await w.sees("rings", times=3)
    await calls_for(w, RING, BERT)
    await w.sees("message", who=BERT)
    await leaves(w, BERT)
    await w.picks_up("b")
    await talk_ends(w, "b", by_caller=False)


@told()
async def everybody_has_somebody(w: World) -> None:
    for phone in "abc":
        await w.behaves(phone, Answers())
    await calls_for(w, ONE)
    await w.sees("joined")
    await calls_for(w, BOTH, BERT)
    await w.sees("joined", who=BERT)
    await calls_for(w, RING, CORA)
    await w.sees("joined", who=CORA)
    for who in (BERT, CORA, ANNA):
        await leaves(w, who)


# ---- messages ----


async def _hears_the_beep(w: World) -> None:
    """At once: the greeting is longer than anybody has patience for."""
    await calls_for(w, MESSAGE)
    await w.presses("1")
    await w.is_recorded()


@told()
async def leaves_a_message_and_presses_a_key(w: World) -> None:
    await _hears_the_beep(w)
    await w.speaks()
    await w.presses("#")
    await w.sees("kept")
    await is_over(w)


@told()
async def leaves_a_message_and_hangs_up(w: World) -> None:
    await _hears_the_beep(w)
    await w.speaks()
    await leaves(w)


@told(takes_long=True)
async def leaves_a_message_and_falls_silent(w: World) -> None:
    await _hears_the_beep(w)
    await w.speaks()
    await w.sees("kept")
    await is_over(w)


@told(takes_long=True)
async def says_nothing_after_the_beep(w: World) -> None:
    await _hears_the_beep(w)
    await w.sees("not kept")
    await w.sees("rings")
    await leaves(w)


@told()
async def hangs_up_during_the_greeting(w: World) -> None:
    await calls_for(w, MESSAGE)
    await leaves(w)


@told()
async def skips_the_greeting_and_hangs_up(w: World) -> None:
    await calls_for(w, MESSAGE)
    await w.presses("1")
    await leaves(w)


# ---- the fail-safe ----


@told()
async def is_lost_in_the_menu(w: World) -> None:
    await w.calls()
    await w.is_lost()
    await w.sees("failsafe")
    await leaves(w)


async def _is_lost_while_a_phone_rings(w: World) -> None:
    await calls_for(w, ONE)
    await w.sees("rings")
    await w.is_lost()
    await w.sees("failsafe")


@told()
async def is_lost_while_a_phone_rings(w: World) -> None:
    await _is_lost_while_a_phone_rings(w)
    await leaves(w)
    await w.sees("withdrawn")


@told("is lost while a phone rings, which is picked up, and the caller ends it", by_caller=True)
@told("is lost while a phone rings, which is picked up, and the agent ends it", by_caller=False)
async def is_lost_and_picked_up(w: World, *, by_caller: bool) -> None:
    await _is_lost_while_a_phone_rings(w)
    await w.picks_up("a")
    await talk_ends(w, "a", by_caller=by_caller)


# ---- led outside ----


@told()
async def is_led_outside_and_talks(w: World) -> None:
    await w.behaves_outside(Answers())
    await _is_led_outside(w)
    await w.sees("joined")
    await leaves(w)


@told()
async def hangs_up_while_it_rings_outside(w: World) -> None:
    await w.behaves_outside(Silent())
    await _is_led_outside(w)
    await w.sees("outside", "called")
    await leaves(w)


@told("who is called outside refuses", does=Refuses())
@told("who is called outside is busy", does=Busy())
@told("who is called outside rings", does=Silent())
async def is_led_on_from_outside(w: World, does: Behaviour) -> None:
    await w.behaves_outside(does)
    await _is_led_outside(w)
    await w.sees("message")
    await leaves(w)


async def _is_led_outside(w: World) -> None:
    await calls_for(w, BRISK)
    await w.sees("menu", times=2)
    await w.presses("2")


# ---- races ----


@told()
async def hangs_up_as_the_phone_is_picked_up(w: World) -> None:
    await calls_for(w, ONE)
    await w.sees("rings")
    await w.at_once(w.hangs_up, partial(w.picks_up, "a"))
    await is_over(w)


@told()
async def hangs_up_as_the_phone_refuses(w: World) -> None:
    await calls_for(w, ONE)
    await w.sees("rings")
    await w.at_once(w.hangs_up, partial(w.puts_down, "a"))
    await is_over(w)


@told()
async def hangs_up_as_the_phone_begins_to_ring(w: World) -> None:
    await calls_for(w, ONE)
    await leaves(w)


@told()
async def hangs_up_as_a_phone_answers_at_once(w: World) -> None:
    await w.behaves("a", Answers())
    await calls_for(w, ONE)
    await leaves(w)


@told()
async def hangs_up_as_who_is_called_outside_answers(w: World) -> None:
    await w.behaves_outside(Answers(after_s=0.2))
    await _is_led_outside(w)
    await w.sees("outside", "called")
    await leaves(w)


@told()
async def two_pick_up_at_once(w: World) -> None:
    await calls_for(w, RING)
    await w.sees("rings", times=3)
    await w.at_once(partial(w.picks_up, "a"), partial(w.picks_up, "b"))
    await w.sees("joined")
    await leaves(w)


@told()
async def all_answer_at_once(w: World) -> None:
    for phone in "abc":
        await w.behaves(phone, Answers())
    await calls_for(w, RING)
    await w.sees("joined")
    await leaves(w)


@told()
async def put_down_as_soon_as_picked_up(w: World) -> None:
    await calls_for(w, ONE)
    await w.sees("rings")
    await w.at_once(partial(w.picks_up, "a"), partial(w.puts_down, "a"), w.hangs_up)
    await is_over(w)


@told("both end at once a talk that is over then", key=ONE)
@told("both end at once a talk that would be asked about", key=BOTH)
async def both_end_the_talk_at_once(w: World, *, key: str) -> None:
    await talks_with_a(w, key)
    await w.at_once(w.hangs_up, partial(w.puts_down, "a"))
    await is_over(w)


@told()
async def leaves_the_queue_as_the_phone_is_picked_up(w: World) -> None:
    await calls_for(w, ONE)
    await w.sees("rings")
    await w.at_once(partial(w.presses, "0"), partial(w.picks_up, "a"))
    await leaves(w)
