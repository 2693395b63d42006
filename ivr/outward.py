"""Callers who are led to a number outside: what they hear first, and the leg that is called.

The number is called once its caller has heard so, and not before. Who answers has the caller as an
agent would who accepts; whoever is busy, silent or cannot be reached leaves the caller to the next
node. Nobody's leg rings on after its caller has gone elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ivr import commands, flow, speaking
from ivr.commands import Command
from ivr.events import (
    AudioLost,
    CalledOut,
    CallerLeft,
    CallOutEnded,
    Event,
    FellToFailsafe,
    Joined,
    JoinFailed,
)
from ivr.plan import RingOutside
from ivr.standing import Call, CallOutside, Moment, NobodyLeft, Stage, Step, StepEvent, Taken

# The network may take a little longer than the ring that was asked for.
GRACE_S = 5.0
STEP = "outside"  # of the ledger; the number itself stands in the site file alone
CALLED, ANSWERED, GONE = "called", "answered", "gone"


def begin(call: Call, node: RingOutside, at: Moment) -> Step:
    """Say what is about to be done."""
    waiting = replace(
        call,
        stage=Stage.RINGING,
        waits_since=at.now,
        asked_at=at.now if call.asked_at is None else call.asked_at,
    )
    return speaking.speak(waiting, node.prompts, at)


def told(call: Call, at: Moment) -> Step | None:
    """The caller has heard it, and the number is called; None: that has been done, or is not what
    the caller waits for."""
    node = flow.node_at(call.plan, call.place)
    if not isinstance(node, RingOutside) or call.is_outward:
        return None
    until = at.now + node.for_s + GRACE_S
    outward, music = speaking.with_music(
        replace(call, is_outward=True, patience_until=until, until=until)
    )
    note = commands.Note(call.id, STEP, CALLED)
    return outward, [note, CallOutside(node.number, node.for_s), *music]


@dataclass(slots=True)
class Outward:
    """All legs that are called for callers and not joined to them yet."""

    ids: Callable[[], str]
    legs: dict[str, str] = field(default_factory=dict)  # to the caller's call

    def calls(self, call: str, order: CallOutside) -> Command:
        leg = self.ids()
        self.legs[leg] = call
        return commands.CallOut(leg, order.number, order.ring_s)

    def hear(self, event: Event) -> tuple[commands.Note | None, str, StepEvent] | None:
        """What an event means to whose call; None: it is about none of these legs."""
        match event:
            case CalledOut(call=leg) if leg in self.legs:
                return self._note(leg, ANSWERED), self.legs[leg], Taken(leg)
            case CallOutEnded(call=leg, reason=reason) if leg in self.legs:
                return self._note(leg, reason.value), self.legs.pop(leg), NobodyLeft()
            case CallerLeft(call=leg) | AudioLost(call=leg) | FellToFailsafe(call=leg) if (
                leg in self.legs
            ):
                return self._note(leg, GONE), self.legs.pop(leg), NobodyLeft()
            case Joined(call=call, offer=leg) if self.legs.get(leg) == call:
                del self.legs[leg]
                return None, call, event
            case JoinFailed(call=call, offer=leg) if self.legs.get(leg) == call:
                return None, call, event
            case _:
                return None

    def stop(self, call: str) -> list[Command]:
        """The caller waits for nobody outside any more."""
        gone = [leg for leg, owner in self.legs.items() if owner == call]
        for leg in gone:
            del self.legs[leg]
        return [commands.Withdraw(leg) for leg in gone]

    def _note(self, leg: str, what: str) -> commands.Note:
        return commands.Note(self.legs[leg], STEP, what)
