"""Callers of a clinic in which something fails that all calls stand on, and comes back."""

from firmware.asterisk.telco import Answers
from tests.contract.tale import (
    BOTH,
    MESSAGE,
    ONE,
    calls_for,
    is_over,
    leaves,
    talk_ends,
    talks_with_a,
    told,
)
from tests.contract.world import ANNA, BERT, Strike, World

LINK, LONG = Strike.LINK, Strike.LINK_FOR_LONG
EXCHANGE, ASTERISK = Strike.EXCHANGE, Strike.ASTERISK


async def _passes(w: World, what: Strike) -> None:
    """It fails, and is back."""
    await w.breaks(what)
    await w.mends(what)


async def _rings(w: World) -> None:
    await calls_for(w, ONE)
    await w.sees("rings")


async def _waits(w: World) -> None:
    await w.unplugs("a")
    await calls_for(w, ONE)
    await w.sees("position")


# ---- nobody does anything meanwhile ----


@told("in the menu, and hangs up after", by=LONG, what=LONG)
@told("in the menu, and hangs up after", by=EXCHANGE, what=EXCHANGE)
async def is_in_the_menu(w: World, what: Strike) -> None:
    await w.calls()
    await _passes(w, what)
    await leaves(w)


@told("waits, and hangs up after", by=LONG, what=LONG)
@told("waits, and hangs up after", by=EXCHANGE, what=EXCHANGE)
async def waits(w: World, what: Strike) -> None:
    await _waits(w)
    await _passes(w, what)
    await leaves(w)


@told("a phone rings, and the caller hangs up after", by=LINK, what=LINK)
@told("a phone rings, and the caller hangs up after", by=LONG, what=LONG)
@told("a phone rings, and the caller hangs up after", by=EXCHANGE, what=EXCHANGE)
async def hangs_up_after_it(w: World, what: Strike) -> None:
    await _rings(w)
    await _passes(w, what)
    await leaves(w)


@told("talks, and the caller ends it after", by=LINK, what=LINK, by_caller=True)
@told("talks, and the agent ends it after", by=LINK, what=LINK, by_caller=False)
@told("talks, and the caller ends it after", by=LONG, what=LONG, by_caller=True)
@told("talks, and the agent ends it after", by=EXCHANGE, what=EXCHANGE, by_caller=False)
@told("talks, and the caller ends it after", by=EXCHANGE, what=EXCHANGE, by_caller=True)
async def talks_on(w: World, what: Strike, *, by_caller: bool) -> None:
    await talks_with_a(w)
    await _passes(w, what)
    await talk_ends(w, "a", by_caller=by_caller)


@told("a phone rings, and is picked up after", by=LINK)
async def is_picked_up_after_it(w: World) -> None:
    await _rings(w)
    await _passes(w, LINK)
    await w.picks_up("a")
    await talk_ends(w, "a", by_caller=False)


@told("a phone rings, and is picked up after", by=EXCHANGE)
async def is_picked_up_after_the_end_of_who_had_it_rung(w: World) -> None:
    """Asterisk joins them by itself."""
    await _rings(w)
    await _passes(w, EXCHANGE)
    await w.picks_up("a")
    await leaves(w)


# ---- somebody does something meanwhile ----


async def _hangs_up_meanwhile(w: World, what: Strike) -> None:
    await w.breaks(what)
    await w.hangs_up()
    await w.mends(what)
    await is_over(w)


@told("waits, and hangs up meanwhile", by=LINK, what=LINK)
@told("waits, and hangs up meanwhile", by=EXCHANGE, what=EXCHANGE)
async def waits_and_hangs_up(w: World, what: Strike) -> None:
    await _waits(w)
    await _hangs_up_meanwhile(w, what)


@told("a phone rings, and the caller hangs up meanwhile", by=LINK, what=LINK)
@told("a phone rings, and the caller hangs up meanwhile", by=EXCHANGE, what=EXCHANGE)
async def hangs_up_while_it_rings(w: World, what: Strike) -> None:
    await _rings(w)
    await _hangs_up_meanwhile(w, what)


@told("talks, and the caller ends it meanwhile", by=LINK, what=LINK, by_caller=True)
@told("talks, and the agent ends it meanwhile", by=LINK, what=LINK, by_caller=False)
@told("talks, and the caller ends it meanwhile", by=EXCHANGE, what=EXCHANGE, by_caller=True)
@told("talks, and the agent ends it meanwhile", by=EXCHANGE, what=EXCHANGE, by_caller=False)
async def the_talk_ends(w: World, what: Strike, *, by_caller: bool) -> None:
    await talks_with_a(w)
    await w.breaks(what)
    await (w.hangs_up() if by_caller else w.puts_down("a"))
    await w.mends(what)
    await is_over(w)


@told("a phone rings, and is picked up meanwhile", by=LINK, what=LINK)
@told("a phone rings, and is picked up meanwhile", by=EXCHANGE, what=EXCHANGE)
async def is_picked_up(w: World, what: Strike) -> None:
    """Asterisk joins them by itself."""
    await _rings(w)
    await w.breaks(what)
    await w.picks_up("a")
    await w.mends(what)
    await w.puts_down("a")
    await is_over(w)


@told("a phone rings, and refuses meanwhile", by=LINK)
async def is_refused(w: World) -> None:
    await _rings(w)
    await w.breaks(LINK)
    await w.puts_down("a")
    await w.mends(LINK)
    await w.sees("rings", times=2)
    await leaves(w)


@told("chooses a queue meanwhile, and is offered after", by=LINK)
async def chooses_meanwhile(w: World) -> None:
    await w.calls()
    await w.breaks(LINK)
    await w.presses(ONE)
    await w.mends(LINK)
    await w.sees("rings")
    await leaves(w)


@told("would be asked how it was, and the agent ends it meanwhile", by=LINK)
async def is_asked_nothing(w: World) -> None:
    await talks_with_a(w, BOTH)
    await w.breaks(LINK)
    await w.puts_down("a")
    await w.mends(LINK)
    await is_over(w)


@told("is recorded", by=EXCHANGE)
async def is_recorded(w: World) -> None:
    await calls_for(w, MESSAGE)
    await w.presses("1")
    await w.is_recorded()
    await _passes(w, EXCHANGE)
    await leaves(w)


# ---- every call is cut off ----


async def _calls_again(w: World) -> None:
    """And is served as if nothing had been."""
    await w.behaves("a", Answers())
    await calls_for(w, ONE, BERT)
    await talk_ends(w, "a", by_caller=True, who=BERT)


async def _is_cut_off(w: World) -> None:
    await w.breaks(ASTERISK)
    await w.mends(ASTERISK)
    await w.sees("outcome", who=ANNA)
    await _calls_again(w)


@told("in the menu", by=ASTERISK)
async def is_cut_off_in_the_menu(w: World) -> None:
    await w.calls()
    await _is_cut_off(w)


@told("while a phone rings", by=ASTERISK)
async def is_cut_off_while_a_phone_rings(w: World) -> None:
    await _rings(w)
    await _is_cut_off(w)


@told("in a talk", by=ASTERISK)
async def is_cut_off_in_a_talk(w: World) -> None:
    await talks_with_a(w)
    await _is_cut_off(w)
