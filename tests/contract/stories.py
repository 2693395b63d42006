"""Stories of callers and of those who answer them, told alike on the fake pair and on the real one.

A story does one thing after another and waits for what the ledger has to say of it. In a race two
things are done at once, and whatever comes of it must come of it on both pairs.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from firmware.asterisk.telco import Answers, Behaviour, Busy, Refuses, Silent

ANNA, BERT, CORA = "anna", "bert", "cora"
ONE, BOTH, MESSAGE, RING, INFORMATION, BRIEF, URGENT, SHORT, BRISK, IF_THERE = "123456789*"
NO_CHOICE = "#"


class World(Protocol):
    """One lane of the clinic. Its phones `a`, `b` and `c` ring in vain until told otherwise."""

    async def calls(self, who: str = ANNA) -> None:
        """Somebody calls, and hears the menu begin."""

    async def presses(self, key: str, who: str = ANNA) -> None: ...

    async def speaks(self, who: str = ANNA) -> None:
        """The caller says something, for a second."""

    async def is_recorded(self, who: str = ANNA) -> None:
        """The beep has been heard."""

    async def hangs_up(self, who: str = ANNA) -> None: ...

    async def is_lost(self, who: str = ANNA) -> None:
        """The engine loses the caller, for whom the fail-safe then rings people."""

    async def behaves(self, phone: str, does: Behaviour) -> None: ...

    async def behaves_outside(self, does: Behaviour) -> None:
        """Whoever is called where callers are led outside."""

    async def picks_up(self, phone: str) -> None: ...

    async def puts_down(self, phone: str) -> None:
        """Ends the talk, or refuses what rings."""

    async def passes_on(self, phone: str, to: str) -> None:
        """Who talks there sends the caller to another phone, without asking."""

    async def unplugs(self, phone: str) -> None:
        """Off the clinic's register, and known to be."""

    async def at_once(self, *acts: Callable[[], Awaitable[None]]) -> None: ...

    async def sees(self, step: str, detail: str = "", *, who: str = ANNA, times: int = 1) -> None:
        """The ledger has so many such steps of the caller."""


Story = Callable[[World], Awaitable[None]]
OUTCOME = "outcome"


async def _calls_for(w: World, key: str, who: str = ANNA) -> None:
    await w.calls(who)
    await w.presses(key, who)


async def _is_over(w: World, *who: str) -> None:
    for each in who or (ANNA,):
        await w.sees(OUTCOME, who=each)


async def _leaves(w: World, who: str = ANNA) -> None:
    await w.hangs_up(who)
    await w.sees(OUTCOME, who=who)


# ---- nobody is asked for ----


async def the_caller_hangs_up_in_the_menu(w: World) -> None:
    await w.calls()
    await _leaves(w)


async def the_caller_hears_what_was_wanted(w: World) -> None:
    await _calls_for(w, INFORMATION)
    await _is_over(w)


async def wrong_keys_lead_to_goodbye(w: World) -> None:
    await _calls_for(w, NO_CHOICE)
    await w.presses(NO_CHOICE)
    await _is_over(w)


async def silence_in_a_menu_leads_to_goodbye(w: World) -> None:
    await _calls_for(w, BRISK)
    await _is_over(w)


async def zero_rings_people(w: World) -> None:
    await _calls_for(w, "0")
    await w.sees("rings", times=3)
    await _leaves(w)


# ---- talks, ended by either side ----


async def _talk_ends(w: World, phone: str, *, by_caller: bool, who: str = ANNA) -> None:
    await w.sees("joined", who=who)
    await (w.hangs_up(who) if by_caller else w.puts_down(phone))
    await _is_over(w, who)


async def picked_up_at_once(w: World, key: str, phone: str, *, by_caller: bool) -> None:
    await w.behaves(phone, Answers())
    await _calls_for(w, key)
    await _talk_ends(w, phone, by_caller=by_caller)


async def picked_up_after_a_ring(w: World, key: str, phone: str, *, by_caller: bool) -> None:
    await _calls_for(w, key)
    await w.sees("rings", times=3 if key == RING else 1)
    await w.picks_up(phone)
    await _talk_ends(w, phone, by_caller=by_caller)


async def picked_up_when_offered_again(w: World, does: Behaviour, word: str) -> None:
    await w.behaves("a", does)
    await _calls_for(w, ONE)
    await w.sees(word)
    await w.behaves("a", Answers())
    await _talk_ends(w, "a", by_caller=False)


async def picked_up_by_the_next(w: World, does: Behaviour) -> None:
    await w.behaves("a", does)
    await w.behaves("b", Answers())
    await _calls_for(w, BOTH)
    await _talk_ends(w, "b", by_caller=True)


async def the_first_phone_is_not_there(w: World) -> None:
    await w.unplugs("a")
    await w.behaves("b", Answers())
    await _calls_for(w, BOTH)
    await _talk_ends(w, "b", by_caller=True)


async def refused_by_hand_and_picked_up_the_next_time(w: World) -> None:
    await _calls_for(w, ONE)
    await w.sees("rings")
    await w.puts_down("a")
    await w.sees("rings", times=2)
    await w.picks_up("a")
    await _talk_ends(w, "a", by_caller=True)


async def the_same_caller_has_two_talks(w: World) -> None:
    await w.behaves("a", Answers())
    for who in (ANNA, BERT):
        await _calls_for(w, ONE, who)
        await _talk_ends(w, "a", by_caller=True, who=who)


async def keys_without_meaning_change_nothing(w: World) -> None:
    await _calls_for(w, ONE)
    await w.presses("5")
    await w.sees("rings")
    await w.presses("7")
    await w.picks_up("a")
    await _talk_ends(w, "a", by_caller=False)


# ---- what comes after the talk ----


async def _talks_with_a(w: World, key: str = ONE) -> None:
    await w.behaves("a", Answers())
    await _calls_for(w, key)
    await w.sees("joined")


async def is_asked_how_it_was_and_says_so(w: World) -> None:
    await _talks_with_a(w, BOTH)
    await w.puts_down("a")
    await w.sees("surveyed")
    await w.presses("4")
    await w.sees("rated")
    await _is_over(w)


async def is_asked_how_it_was_and_hangs_up(w: World) -> None:
    await _talks_with_a(w, BOTH)
    await w.puts_down("a")
    await w.sees("surveyed")
    await _leaves(w)


async def hangs_up_first_and_is_asked_nothing(w: World) -> None:
    await _talks_with_a(w, BOTH)
    await _leaves(w)


async def is_passed_on_and_talks_there(w: World, *, by_caller: bool) -> None:
    await w.behaves("b", Answers())
    await _talks_with_a(w)
    await w.passes_on("a", "b")
    await w.sees("joined", times=2)
    await _talk_ends(w, "b", by_caller=by_caller)


async def is_passed_on_and_hangs_up_while_it_rings(w: World) -> None:
    await _talks_with_a(w)
    await w.passes_on("a", "b")
    await w.sees("rings", times=2)
    await _leaves(w)
    await w.sees("withdrawn")


# ---- callers who wait in vain ----


async def hangs_up_while_a_phone_rings(w: World, key: str, phones: int) -> None:
    await _calls_for(w, key)
    await w.sees("rings", times=phones)
    await _leaves(w)
    await w.sees("withdrawn", times=phones)


async def hangs_up_while_no_phone_is_there(w: World) -> None:
    await w.unplugs("a")
    await _calls_for(w, ONE)
    await w.sees("position")
    await _leaves(w)


async def the_phone_leaves_while_it_rings(w: World) -> None:
    await _calls_for(w, ONE)
    await w.sees("rings")
    await w.unplugs("a")
    await _leaves(w)


async def waits_until_patience_is_over(w: World) -> None:
    await _calls_for(w, BRIEF)
    await w.sees("message")
    await w.sees("withdrawn")
    await _leaves(w)


async def leaves_the_queue_by_a_key(w: World) -> None:
    await _calls_for(w, ONE)
    await w.sees("rings")
    await w.presses("0")
    await w.sees("message")
    await w.sees("withdrawn")
    await _leaves(w)


async def nobody_is_there_and_the_queue_says_so(w: World) -> None:
    await w.unplugs("a")
    await _calls_for(w, IF_THERE)
    await w.sees("overflow")
    await _is_over(w)


async def all_phones_refuse(w: World) -> None:
    for phone in "ac":
        await w.behaves(phone, Refuses())
    await w.behaves("b", Busy())
    await _calls_for(w, RING)
    await w.sees("message")
    await _leaves(w)


async def some_refuse_and_one_answers(w: World) -> None:
    await w.behaves("a", Refuses())
    await w.behaves("b", Busy())
    await _calls_for(w, RING)
    await w.sees("refused")
    await w.sees("busy")
    await w.sees("rings")
    await w.picks_up("c")
    await _talk_ends(w, "c", by_caller=True)


async def one_is_not_there_and_another_answers(w: World) -> None:
    await w.unplugs("a")
    await _calls_for(w, RING)
    await w.sees("unreachable")
    await w.sees("rings", times=2)
    await w.picks_up("b")
    await _talk_ends(w, "b", by_caller=False)


# ---- several callers ----


async def the_second_caller_has_the_phone_after_the_first(w: World, *, by_caller: bool) -> None:
    await w.behaves("a", Answers())
    await _calls_for(w, ONE)
    await w.sees("joined")
    await _calls_for(w, ONE, BERT)
    await w.sees("position", who=BERT)
    await _talk_ends(w, "a", by_caller=by_caller)
    await _talk_ends(w, "a", by_caller=True, who=BERT)


async def a_refused_caller_keeps_its_place(w: World) -> None:
    await w.behaves("a", Refuses())
    await _calls_for(w, ONE)
    await w.sees("refused")
    await _calls_for(w, ONE, BERT)
    await w.sees("position", "2", who=BERT)
    await w.behaves("a", Answers())
    await _talk_ends(w, "a", by_caller=True)
    await _talk_ends(w, "a", by_caller=True, who=BERT)


async def who_leaves_the_line_lets_the_next_one_up(w: World) -> None:
    await w.behaves("a", Answers())
    await _calls_for(w, ONE)
    await w.sees("joined")
    for who in (BERT, CORA):
        await _calls_for(w, ONE, who)
        await w.sees("position", who=who)
    await _leaves(w, BERT)
    await _talk_ends(w, "a", by_caller=True)
    await _talk_ends(w, "a", by_caller=True, who=CORA)


async def the_urgent_caller_goes_first(w: World) -> None:
    await w.behaves("a", Answers())
    await _calls_for(w, ONE)
    await w.sees("joined")
    await _calls_for(w, ONE, BERT)
    await w.sees("position", who=BERT)
    await _calls_for(w, URGENT, CORA)
    await w.sees("position", "1", who=CORA)
    await w.puts_down("a")
    await _talk_ends(w, "a", by_caller=True, who=CORA)
    await _talk_ends(w, "a", by_caller=True, who=BERT)
    await _is_over(w)


async def a_line_too_long_is_not_joined(w: World) -> None:
    await _calls_for(w, SHORT)
    await w.sees("rings")
    await _calls_for(w, SHORT, BERT)
    await w.sees("overflow", who=BERT)
    await _leaves(w, BERT)
    await _leaves(w)


async def two_callers_ring_the_same_phones(w: World) -> None:
    await _calls_for(w, RING)
    await w.sees("rings", times=3)
    await _calls_for(w, RING, BERT)
    await w.sees("message", who=BERT)
    await _leaves(w, BERT)
    await w.picks_up("b")
    await _talk_ends(w, "b", by_caller=False)


async def everybody_has_somebody(w: World) -> None:
    for phone in "abc":
        await w.behaves(phone, Answers())
    await _calls_for(w, ONE)
    await w.sees("joined")
    await _calls_for(w, BOTH, BERT)
    await w.sees("joined", who=BERT)
    await _calls_for(w, RING, CORA)
    await w.sees("joined", who=CORA)
    for who in (BERT, CORA, ANNA):
        await _leaves(w, who)


# ---- messages ----


async def _hears_the_beep(w: World) -> None:
    """At once: the greeting is longer than anybody has patience for."""
    await _calls_for(w, MESSAGE)
    await w.presses("1")
    await w.is_recorded()


async def leaves_a_message_and_presses_a_key(w: World) -> None:
    await _hears_the_beep(w)
    await w.speaks()
    await w.presses("#")
    await w.sees("kept")
    await _is_over(w)


async def leaves_a_message_and_hangs_up(w: World) -> None:
    await _hears_the_beep(w)
    await w.speaks()
    await _leaves(w)


async def leaves_a_message_and_falls_silent(w: World) -> None:
    await _hears_the_beep(w)
    await w.speaks()
    await w.sees("kept")
    await _is_over(w)


async def says_nothing_after_the_beep(w: World) -> None:
    await _hears_the_beep(w)
    await w.sees("not kept")
    await w.sees("rings")
    await _leaves(w)


async def hangs_up_during_the_greeting(w: World) -> None:
    await _calls_for(w, MESSAGE)
    await _leaves(w)


async def skips_the_greeting_and_hangs_up(w: World) -> None:
    await _calls_for(w, MESSAGE)
    await w.presses("1")
    await _leaves(w)


# ---- the fail-safe ----


async def is_lost_in_the_menu(w: World) -> None:
    await w.calls()
    await w.is_lost()
    await w.sees("failsafe")
    await _leaves(w)


async def is_lost_while_a_phone_rings(w: World) -> None:
    await _calls_for(w, ONE)
    await w.sees("rings")
    await w.is_lost()
    await w.sees("failsafe")
    await w.sees("withdrawn")
    await _leaves(w)


# ---- led outside ----


async def is_led_outside_and_talks(w: World) -> None:
    await w.behaves_outside(Answers())
    await _is_led_outside(w)
    await w.sees("joined")
    await _leaves(w)


async def hangs_up_while_it_rings_outside(w: World) -> None:
    await w.behaves_outside(Silent())
    await _is_led_outside(w)
    await w.sees("outside", "called")
    await _leaves(w)


async def is_led_on_from_outside(w: World, does: Behaviour) -> None:
    await w.behaves_outside(does)
    await _is_led_outside(w)
    await w.sees("message")
    await _leaves(w)


async def _is_led_outside(w: World) -> None:
    await _calls_for(w, BRISK)
    await w.sees("menu", times=2)
    await w.presses("2")


# ---- races ----


async def hangs_up_as_the_phone_is_picked_up(w: World) -> None:
    await _calls_for(w, ONE)
    await w.sees("rings")
    await w.at_once(w.hangs_up, partial(w.picks_up, "a"))
    await _is_over(w)


async def hangs_up_as_the_phone_refuses(w: World) -> None:
    await _calls_for(w, ONE)
    await w.sees("rings")
    await w.at_once(w.hangs_up, partial(w.puts_down, "a"))
    await _is_over(w)


async def hangs_up_as_the_phone_begins_to_ring(w: World) -> None:
    await _calls_for(w, ONE)
    await _leaves(w)


async def hangs_up_as_a_phone_answers_at_once(w: World) -> None:
    await w.behaves("a", Answers())
    await _calls_for(w, ONE)
    await _leaves(w)


async def hangs_up_as_who_is_called_outside_answers(w: World) -> None:
    await w.behaves_outside(Answers())
    await _is_led_outside(w)
    await w.sees("outside", "called")
    await _leaves(w)


async def two_pick_up_at_once(w: World) -> None:
    await _calls_for(w, RING)
    await w.sees("rings", times=3)
    await w.at_once(partial(w.picks_up, "a"), partial(w.picks_up, "b"))
    await w.sees("joined")
    await _leaves(w)


async def all_answer_at_once(w: World) -> None:
    for phone in "abc":
        await w.behaves(phone, Answers())
    await _calls_for(w, RING)
    await w.sees("joined")
    await _leaves(w)


async def put_down_as_soon_as_picked_up(w: World) -> None:
    await _calls_for(w, ONE)
    await w.sees("rings")
    await w.picks_up("a")
    await w.puts_down("a")
    await w.hangs_up()
    await _is_over(w)


async def both_end_the_talk_at_once(w: World, *, key: str) -> None:
    await _talks_with_a(w, key)
    await w.at_once(w.hangs_up, partial(w.puts_down, "a"))
    await _is_over(w)


async def leaves_the_queue_as_the_phone_is_picked_up(w: World) -> None:
    await _calls_for(w, ONE)
    await w.sees("rings")
    await w.at_once(partial(w.presses, "0"), partial(w.picks_up, "a"))
    await _leaves(w)


BY = {"the caller": True, "the agent": False}
STORIES: dict[str, Story] = {
    told.__name__: told
    for told in (
        # The longest first, so that nobody waits for them in the end.
        says_nothing_after_the_beep,
        leaves_a_message_and_falls_silent,
        waits_until_patience_is_over,
        the_caller_hangs_up_in_the_menu,
        the_caller_hears_what_was_wanted,
        wrong_keys_lead_to_goodbye,
        silence_in_a_menu_leads_to_goodbye,
        zero_rings_people,
        the_first_phone_is_not_there,
        refused_by_hand_and_picked_up_the_next_time,
        the_same_caller_has_two_talks,
        keys_without_meaning_change_nothing,
        hangs_up_while_no_phone_is_there,
        the_phone_leaves_while_it_rings,
        leaves_the_queue_by_a_key,
        nobody_is_there_and_the_queue_says_so,
        all_phones_refuse,
        some_refuse_and_one_answers,
        one_is_not_there_and_another_answers,
        a_refused_caller_keeps_its_place,
        who_leaves_the_line_lets_the_next_one_up,
        the_urgent_caller_goes_first,
        a_line_too_long_is_not_joined,
        two_callers_ring_the_same_phones,
        everybody_has_somebody,
        leaves_a_message_and_presses_a_key,
        leaves_a_message_and_hangs_up,
        hangs_up_during_the_greeting,
        skips_the_greeting_and_hangs_up,
        is_led_outside_and_talks,
        hangs_up_while_it_rings_outside,
        is_lost_in_the_menu,
        is_lost_while_a_phone_rings,
        is_asked_how_it_was_and_says_so,
        is_asked_how_it_was_and_hangs_up,
        hangs_up_first_and_is_asked_nothing,
        is_passed_on_and_hangs_up_while_it_rings,
        hangs_up_as_the_phone_is_picked_up,
        hangs_up_as_the_phone_refuses,
        hangs_up_as_the_phone_begins_to_ring,
        hangs_up_as_a_phone_answers_at_once,
        hangs_up_as_who_is_called_outside_answers,
        two_pick_up_at_once,
        all_answer_at_once,
        put_down_as_soon_as_picked_up,
        leaves_the_queue_as_the_phone_is_picked_up,
    )
}
for by, by_caller in BY.items():
    for key, phone, where in ((ONE, "a", "a queue"), (RING, "b", "three phones")):
        STORIES |= {
            f"picked up at once of {where}, and {by} ends it": partial(
                picked_up_at_once, key=key, phone=phone, by_caller=by_caller
            ),
            f"picked up after a ring of {where}, and {by} ends it": partial(
                picked_up_after_a_ring, key=key, phone=phone, by_caller=by_caller
            ),
        }
    STORIES[f"passed on to another phone, and {by} ends it there"] = partial(
        is_passed_on_and_talks_there, by_caller=by_caller
    )
    STORIES[f"the second caller has the phone when {by} ended the first talk"] = partial(
        the_second_caller_has_the_phone_after_the_first, by_caller=by_caller
    )
for key, then in ((ONE, "is over"), (BOTH, "would be asked about")):
    STORIES[f"both end at once a talk that {then}"] = partial(both_end_the_talk_at_once, key=key)
AGAIN: dict[str, Behaviour] = {"refused": Refuses(), "busy": Busy()}
for word, does in AGAIN.items():
    STORIES[f"a phone that was {word} is asked again"] = partial(
        picked_up_when_offered_again, does=does, word=word
    )
THEN_NEXT: dict[str, Behaviour] = {"refuses": Refuses(), "is busy": Busy(), "rings": Silent()}
for word, does in THEN_NEXT.items():
    STORIES[f"the next phone is asked when the first {word}"] = partial(
        picked_up_by_the_next, does=does
    )
    STORIES[f"who is called outside {word}"] = partial(is_led_on_from_outside, does=does)
for key, phones in ((ONE, 1), (RING, 3)):
    STORIES[f"the caller hangs up while {phones} ring"] = partial(
        hangs_up_while_a_phone_rings, key=key, phones=phones
    )
