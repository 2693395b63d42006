"""A phone and who sits at it: whether it may be offered a call, and why not.

A phone is an agent of its queues without signing in. Who pauses or signs out is offered nothing
until they say so; who let phones ring too often is taken to be away until the phone is used again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ivr.events import PhoneState
from ivr.matching import agent_of

AWAY = "calls missed"  # the reason of a pause that nobody asked for


class Doing(StrEnum):
    """What an agent does, in the order in which one hides another."""

    SIGNED_OUT = "signed out"
    UNREACHABLE = "unreachable"
    TALKS = "talks"
    RINGS = "rings"
    IN_USE = "in use"
    LEFT_ALONE = "left alone"
    PAUSED = "paused"
    WRAPS_UP = "wraps up"
    FREE = "free"
    IDLE = "in no queue"


@dataclass(slots=True)
class Agent:
    """One phone, as the exchange knows it."""

    extension: str
    skills: Mapping[str, int] = field(default_factory=dict)  # with levels, its queues among them
    phone: PhoneState = PhoneState.IDLE  # until Asterisk says otherwise
    offer: str | None = None
    talks_to: str | None = None
    last_talk: str | None = None  # not wrapped up yet with a word
    wrap_up_s: float = 0.0  # after this talk
    idle_since: float = 0.0
    free_from: float = 0.0  # a rest or a wrap-up ends
    signed_out: bool = False
    is_left_alone: bool = False  # do not disturb
    pause: str | None = None  # its reason, which may be empty
    missed: int = 0  # offers in a row that rang for nothing

    def is_idle(self) -> bool:
        """May be offered a call, now or when its rest is over."""
        return (
            self.phone is PhoneState.IDLE
            and self.offer is None
            and self.talks_to is None
            and bool(self.skills)
            and self.is_on_duty()
        )

    def is_on_duty(self) -> bool:
        """Neither pauses nor has signed out."""
        return not self.signed_out and self.pause is None and not self.is_left_alone

    def is_there_for(self, queues: Iterable[str]) -> bool:
        """Answers calls of one of these queues, now or when the present one is over."""
        is_there = self.phone is not PhoneState.UNREACHABLE and self.is_on_duty()
        return is_there and any(agent_of(name) in self.skills for name in queues)

    def doing(self, now: float) -> Doing:
        """What a list of agents shows."""
        if self.signed_out:
            return Doing.SIGNED_OUT
        if self.phone is PhoneState.UNREACHABLE:
            return Doing.UNREACHABLE
        if self.talks_to is not None:
            return Doing.TALKS
        if self.offer is not None or self.phone is PhoneState.RINGING:
            return Doing.RINGS
        if self.phone is PhoneState.IN_USE:
            return Doing.IN_USE
        if self.is_left_alone:
            return Doing.LEFT_ALONE
        if self.pause is not None:
            return Doing.PAUSED
        if self.free_from > now:
            return Doing.WRAPS_UP
        return Doing.FREE if self.skills else Doing.IDLE
