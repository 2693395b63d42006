"""Callers who are passed on, held and parked, by a telephone's own key and by codes."""

from firmware.asterisk.fake import Means
from firmware.asterisk.telco import Answers, Busy, Refuses
from tests.contract.tale import BOTH, is_over, leaves, talk_ends, talks_with_a, told
from tests.contract.world import World

KEY, CODE = Means.KEY, Means.CODE


@told("passed on by a key, and the caller ends it there", means=KEY, by_caller=True)
@told("passed on by a key, and the agent ends it there", means=KEY, by_caller=False)
@told("passed on by a code, and the caller ends it there", means=CODE, by_caller=True)
@told("passed on by a code, and the agent ends it there", means=CODE, by_caller=False)
async def is_passed_on_and_talks_there(w: World, means: Means, *, by_caller: bool) -> None:
    await w.behaves("b", Answers())
    await talks_with_a(w)
    await w.passes_on("a", "b", means)
    await w.sees("joined", times=2)
    await talk_ends(w, "b", by_caller=by_caller)


@told("passed on by a key, and hangs up while it rings", means=KEY)
@told("passed on by a code, and hangs up while it rings", means=CODE)
async def is_passed_on_and_hangs_up_while_it_rings(w: World, means: Means) -> None:
    await talks_with_a(w)
    await w.passes_on("a", "b", means)
    await w.sees("rings", times=2)
    await leaves(w)
    await w.sees("withdrawn")


@told("passed on by a key to one who is busy", means=KEY)
@told("passed on by a code to one who is busy", means=CODE)
async def is_passed_on_in_vain(w: World, means: Means) -> None:
    """Whoever is there is rung instead."""
    await w.behaves("b", Busy())
    await talks_with_a(w)
    await w.passes_on("a", "b", means)
    await w.sees("busy")
    await leaves(w)


async def _hands_over(w: World, means: Means, to: str = "b") -> None:
    await w.behaves(to, Answers())
    await w.asks("a", to, means)
    await (w.hands_over("a") if means is KEY else w.puts_down("a"))
    await w.sees("transferred")


@told("handed over by a second call, and the caller ends it there", means=KEY, by_caller=True)
@told("handed over by a second call, and the agent ends it there", means=KEY, by_caller=False)
@told("handed over by a code, and the caller ends it there", means=CODE, by_caller=True)
@told("handed over by a code, and the agent ends it there", means=CODE, by_caller=False)
async def is_handed_over(w: World, means: Means, *, by_caller: bool) -> None:
    await talks_with_a(w)
    await _hands_over(w, means)
    await talk_ends(w, "b", by_caller=by_caller)


@told("handed over by a second call, and asked how it was", means=KEY)
@told("handed over by a code, and asked how it was", means=CODE)
async def is_handed_over_and_asked_how_it_was(w: World, means: Means) -> None:
    await talks_with_a(w, BOTH)
    await _hands_over(w, means)
    await w.puts_down("b")
    await w.sees("surveyed")
    await leaves(w)


@told()
async def who_is_asked_refuses_and_they_talk_on(w: World) -> None:
    await talks_with_a(w)
    await w.behaves("b", Refuses())
    await w.asks("a", "b", CODE)
    await w.sees("resumed")
    await talk_ends(w, "a", by_caller=False)


@told()
async def who_was_asked_hangs_up_and_they_talk_on(w: World) -> None:
    await talks_with_a(w)
    await w.behaves("b", Answers())
    await w.asks("a", "b", CODE)
    await w.puts_down("b")
    await w.sees("resumed")
    await talk_ends(w, "a", by_caller=True)


@told("hangs up while another is asked by a second call", means=KEY)
@told("hangs up while another is asked by a code", means=CODE)
async def hangs_up_while_another_is_asked(w: World, means: Means) -> None:
    await talks_with_a(w)
    await w.behaves("b", Answers())
    await w.asks("a", "b", means)
    await leaves(w)
    await w.puts_down("a")


@told("handed over by a code, and passed on at once by a key", means=KEY)
@told("handed over by a code, and passed on at once by a code", means=CODE)
async def is_handed_over_and_passed_on(w: World, means: Means) -> None:
    """Sooner than Asterisk has merged what stands between the two."""
    await talks_with_a(w)
    await _hands_over(w, CODE)
    await w.behaves("c", Answers())
    await w.passes_on("b", "c", means)
    await w.sees("joined", times=2)
    await talk_ends(w, "c", by_caller=True)


# ---- hold ----


@told("held, and talks on", ends_held=False)
@told("held, and hangs up", ends_held=True)
async def is_held(w: World, *, ends_held: bool) -> None:
    await talks_with_a(w)
    await w.holds("a")
    await w.sees("held")
    if not ends_held:
        await w.takes_back("a")
        await w.sees("resumed")
    await leaves(w)


# ---- parking ----


async def _is_parked(w: World) -> None:
    await talks_with_a(w)
    await w.parks("a")
    await w.sees("parked")


@told("parked and taken up, and the caller ends it there", by_caller=True)
@told("parked and taken up, and the agent ends it there", by_caller=False)
async def is_parked_and_taken_up(w: World, *, by_caller: bool) -> None:
    await _is_parked(w)
    await w.takes_up("b")
    await w.sees("taken up")
    await talk_ends(w, "b", by_caller=by_caller)


@told()
async def is_parked_and_hangs_up(w: World) -> None:
    await _is_parked(w)
    await leaves(w)


@told(takes_long=True)
async def is_parked_too_long_and_comes_back(w: World) -> None:
    await _is_parked(w)
    await w.sees("sent on")
    await w.sees("joined", times=2)
    await w.puts_down("a")
    await is_over(w)
