"""A caller who talks and is passed on, parked or held: what is written down of it, and who has the
caller then. The caller's call stays one call, with one outcome."""

from typing import assert_never

from ivr import commands, inside
from ivr.commands import Command
from ivr.desks import When
from ivr.events import Held, Parked, Passing, Refusal, Resumed, TalkEvent, Transferred
from ivr.plan import Plan

NOBODY = ""


def told(event: TalkEvent, plan: Plan, of: str) -> list[Command]:
    """For the ledger, of the call `of`; and a caller in the wrong place is sent on to the right
    one."""
    match event:
        case Transferred(call=call, by=by, number=number, passing=how):
            to = inside.named(plan, number) if number else "nobody"
            note = commands.Note(of, "transferred", f"{by} to {to}")
            lost = how is Passing.MISLAID
            return [note, commands.SendOn(call, number)] if lost else [note]
        case Held():
            return [commands.Note(of, "held", "")]
        case Resumed():
            return [commands.Note(of, "resumed", "")]
        case Parked(slot=slot, by=by, is_over=is_over):
            word = "taken up" if is_over else "parked"
            return [commands.Note(of, word, f"{by or 'somebody'} at {slot}")]
        case _:
            assert_never(event)


def taker(event: Transferred | Parked) -> str:
    """The phone that talks with the caller now, as far as Asterisk has told."""
    match event:
        case Transferred(passing=Passing.JOINED, number=number):
            return number
        case Parked(is_over=True, by=by):
            return by
        case _:
            return NOBODY


def became(reason: Refusal) -> When:
    """What a telephone said that was rung in vain."""
    return When.BUSY if reason in (Refusal.BUSY, Refusal.REFUSED) else When.SILENT
