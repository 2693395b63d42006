"""Who waits in queues, and what each of them is still to be told.

Who is next the ACD alone knows (`ivr.matching`); here is what it has no use for. A caller whom a
rule of the queue may lead on is set aside, so that nobody has the call, until it has been seen
whether one does; and hears its place only then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ivr.overflow import Crowd
from ivr.plan import Queue, Urgency
from ivr.pressing import CALM, Pressing

# Of the queue's target, what a caller of each urgency is given.
URGENCY_SHARE = {
    Urgency.EMERGENCY: 0.0,
    Urgency.URGENT: 0.25,
    Urgency.SOON: 0.5,
    Urgency.ROUTINE: 1.0,
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A caller's place in its queues, which neither an offer nor its failure changes."""

    queues: Mapping[str, Queue]
    since: float
    urgency: Urgency | None
    may_be_led_on: bool
    pressing: Pressing = CALM

    @property
    def first(self) -> str:
        """The queue in which it has a place that is told."""
        return next(iter(self.queues))

    def urgency_in(self, queue: Queue) -> Urgency:
        """As what the call waits there."""
        return self.pressing.urgency(queue.urgency if self.urgency is None else self.urgency)

    def within_s(self) -> list[tuple[Queue, float]]:
        """Each of its queues, with the time within which the call should be answered."""
        return [
            (queue, queue.target_s * URGENCY_SHARE[self.urgency_in(queue)])
            for queue in self.queues.values()
        ]

    def deadline(self) -> float:
        """By when the call should be answered, in the most pressing of its queues."""
        return self.since + min(within_s for _, within_s in self.within_s())


@dataclass(slots=True)
class WaitingRoom:
    """All who wait. Whoever comes, goes or stands elsewhere changes everybody's chances."""

    calls: dict[str, Waiting] = field(default_factory=dict)
    has_changed: bool = False
    _unplaced: dict[str, None] = field(default_factory=dict)  # not yet told where they stand
    _aside: dict[str, None] = field(default_factory=dict)  # nobody's until seen whether led on
    _stood: dict[str, Crowd] = field(default_factory=dict)  # what each was told last

    def comes(self, call: str, waits: Waiting) -> None:
        self.calls[call] = waits
        self.has_changed = True

    def is_waited_in(self, queue: str, beside: str = "") -> bool:
        """Whether anybody waits there, beside this call."""
        return any(queue in waits.queues for call, waits in self.calls.items() if call != beside)

    def leaves(self, call: str) -> Waiting | None:
        """How it waited; None: it had not been there at all."""
        if (left := self.calls.pop(call, None)) is None:
            return None
        self._unplaced.pop(call, None)
        self._aside.pop(call, None)
        self._stood.pop(call, None)
        self.has_changed = True
        return left

    def press_on(self, call: str, pressing: Pressing) -> Waiting | None:
        """It is more urgent than it was, and nobody's yet if it is set aside, or not here: None."""
        if call not in self.calls:
            return None
        self.calls[call] = replace(self.calls[call], pressing=pressing)
        self.has_changed = True
        return None if call in self._aside else self.calls[call]

    def set_aside(self, call: str) -> None:
        """It is the ACD's again only after `back_from_aside`."""
        self._aside[call] = None

    def place_later(self, call: str) -> None:
        """It is told its place with those of `not_yet_placed`."""
        self._unplaced[call] = None

    def not_yet_placed(self) -> list[str]:
        """Who is to be told now, and then counts as told."""
        told, self._unplaced = list(self._unplaced), {}
        return told

    def back_from_aside(self) -> list[str]:
        """Who is anybody's again, the most pressing first."""
        back, self._aside = self._aside, {}
        return sorted(back, key=lambda call: self.calls[call].deadline())

    def is_news(self, call: str, crowd: Crowd) -> bool:
        """What a call was told last need not be told again."""
        return self._stood.get(call) != crowd

    def told(self, call: str, crowd: Crowd) -> None:
        self._stood[call] = crowd

    def tell_again(self, call: str) -> None:
        """The time may have made news of what it was told."""
        self._stood.pop(call, None)
