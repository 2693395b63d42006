"""Callers who are led to a number outside: what they hear first, and the leg that is called.

The number is called once its caller has heard so, and not before. Who answers has the caller as an
agent would who accepts, where it is to be confirmed only by a key, for a mobile's voicemail answers
too; whoever is busy, silent or cannot be reached leaves the caller to the next node. Nobody's leg
rings on after its caller has gone elsewhere.
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
    DigitPressed,
    Event,
    FellToFailsafe,
    Joined,
    JoinFailed,
)
from ivr.plan import RingOutside
from ivr.standing import (
    Asked,
    Call,
    CallOutside,
    Moment,
    NobodyLeft,
    Stage,
    Step,
    StepEvent,
    Taken,
)

# The network may take a little longer than the ring that was asked for.
GRACE_S = 5.0
STEP = "outside"  # of the ledger; the number itself stands in the site file alone
CALLED, ANSWERED, TAKES, GONE = "called", "answered", "takes the caller", "gone"
TAKE_KEY = "1"
TAKE_S = 20.0  # the question twice, and a moment to find the key


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
    asks_in = call.plan.language if node.confirm else ""
    return outward, [note, CallOutside(node.number, node.for_s, asks_in), *music]


def asked(call: Call, at: Moment) -> Step:
    """Somebody has answered: the caller waits until they can have pressed the key."""
    until = at.now + TAKE_S
    return replace(call, patience_until=until, until=until), []


@dataclass(frozen=True, slots=True)
class Leg:
    """Whom it is called for, and in which language whoever answers is asked to confirm, if so."""

    call: str
    asks_in: str
    is_asked: bool = False


Heard = tuple[list[Command], str, StepEvent]


@dataclass(slots=True)
class Outward:
    """All legs that are called for callers and not joined to them yet."""

    ids: Callable[[], str]
    legs: dict[str, Leg] = field(default_factory=dict)

    def calls(self, call: str, order: CallOutside) -> Command:
        leg = self.ids()
        self.legs[leg] = Leg(call, order.asks_in)
        return commands.CallOut(leg, order.number, order.ring_s)

    def hear(self, event: Event) -> Heard | None:
        """What an event means to whose call; None: it is about none of these legs."""
        match event:
            case CalledOut(call=name) if leg := self.legs.get(name):
                return self._answered(name, leg)
            case DigitPressed(call=name, digit=digit) if leg := self.legs.get(name):
                return self._key(name, leg, digit)
            case CallOutEnded(call=name, reason=reason) if leg := self.legs.get(name):
                return self._gone(name, leg, reason.value)
            case CallerLeft(call=name) | AudioLost(call=name) | FellToFailsafe(call=name) if (
                leg := self.legs.get(name)
            ):
                return self._gone(name, leg, GONE)
            case Joined(call=call, offer=name) if self._is_for(name, call):
                del self.legs[name]
                return [], call, event
            case JoinFailed(call=call, offer=name) if self._is_for(name, call):
                return [], call, event
            case _:
                return None

    def stop(self, call: str) -> list[Command]:
        """The caller waits for nobody outside any more."""
        gone = [name for name, leg in self.legs.items() if leg.call == call]
        for name in gone:
            del self.legs[name]
        return [commands.Withdraw(name) for name in gone]

    def _is_for(self, name: str, call: str) -> bool:
        return name in self.legs and self.legs[name].call == call

    def _answered(self, name: str, leg: Leg) -> Heard:
        note = commands.Note(leg.call, STEP, ANSWERED)
        if not leg.asks_in:
            return [note], leg.call, Taken(name)
        self.legs[name] = replace(leg, is_asked=True)
        twice = (flow.OUTSIDE_TAKE, flow.OUTSIDE_TAKE)
        return [note, commands.Play(name, twice, leg.asks_in, 1)], leg.call, Asked()

    def _key(self, name: str, leg: Leg, digit: str) -> Heard | None:
        if not leg.is_asked or digit != TAKE_KEY:
            return None
        self.legs[name] = replace(leg, is_asked=False)
        taken = commands.Note(leg.call, STEP, TAKES)
        return [taken, commands.StopPlaying(name)], leg.call, Taken(name)

    def _gone(self, name: str, leg: Leg, why: str) -> Heard:
        del self.legs[name]
        return [commands.Note(leg.call, STEP, why)], leg.call, NobodyLeft()
