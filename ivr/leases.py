"""All urgent messages that are open: which leg is about which of them, and what is due when.

Each decides for itself in `ivr.lease`; here its legs' events find it. A leg that is about none of
them is not ours.
"""

from dataclasses import dataclass, field

from ivr import digits, lease
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
    KeyBegan,
    KeyEnded,
    LeaseClosed,
    LeaseOpened,
    LeaseOwned,
    LeaseResumed,
    LeaseUnwritten,
    PinChecked,
    PromptEnded,
    ToneHeard,
)
from ivr.lease import Instant, Lease, TimeCame


@dataclass(slots=True)
class Leases:
    """Open urgent messages, by their name."""

    open: dict[str, Lease] = field(default_factory=dict)
    _of_leg: dict[str, str] = field(default_factory=dict)
    _keys: dict[str, digits.Keys] = field(default_factory=dict)

    def receive(self, event: Event, at: Instant) -> list[Command] | None:
        """What is to be done about an event; None: it is none of ours."""
        if not self.open and not isinstance(event, LeaseOpened | LeaseUnwritten | LeaseResumed):
            return None
        match event:
            case LeaseOpened(urgent=urgent) | LeaseUnwritten(urgent=urgent):
                if urgent.id in self.open:
                    return []
                return self._apply(lease.begin(urgent, at))
            case LeaseResumed(urgent=urgent, owner=owner):
                begun = lease.resume(urgent, owner, at) if owner else lease.begin(urgent, at)
                return self._apply(begun)
            case LeaseOwned(lease=name) | LeaseClosed(lease=name):
                return self._step(name, event, at)
            case ToneHeard() | KeyBegan() | KeyEnded():
                return self._press(event, at)
            case (
                CalledOut(call=leg)
                | CallOutEnded(call=leg)
                | PromptEnded(call=leg)
                | CallerLeft(call=leg)
                | AudioLost(call=leg)
                | FellToFailsafe(call=leg)
                | Joined(call=leg)
                | JoinFailed(call=leg)
                | PinChecked(call=leg)
            ):
                return self._step(self._of_leg[leg], event, at) if leg in self._of_leg else None
            case _:
                return None

    def next_deadline(self) -> float | None:
        """When `time_came` is wanted next."""
        due = [each.deadline for each in self.open.values()]
        return min((at for at in due if at is not None), default=None)

    def time_came(self, at: Instant) -> list[Command]:
        """What is to be done because of the time."""
        due = [
            name
            for name, each in self.open.items()
            if each.deadline is not None and each.deadline <= at.now
        ]
        return [order for name in due for order in self._step(name, TimeCame(), at)]

    def _press(self, event: digits.KeyEvent, at: Instant) -> list[Command] | None:
        name = self._of_leg.get(event.call)
        if name is None:
            return None
        self._keys[event.call], is_new = digits.fuse(self._keys.get(event.call, ()), event, at.now)
        if not is_new:
            return []
        return self._step(name, DigitPressed(event.call, event.digit), at)

    def _step(self, name: str, event: lease.StepEvent, at: Instant) -> list[Command]:
        known = self.open.get(name)
        return [] if known is None else self._apply(lease.step(known, event, at))

    def _apply(self, stepped: lease.Step) -> list[Command]:
        after, orders = stepped
        name = after.urgent.id
        before = self.open[name].legs if name in self.open else frozenset()
        for leg in before - after.legs:
            del self._of_leg[leg]
            self._keys.pop(leg, None)
        self._of_leg |= dict.fromkeys(after.legs, name)
        self.open[name] = after
        if after.is_over:
            del self.open[name]
        return orders
