"""A promise to call somebody back: durable before it is made, and kept until it is fulfilled."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ivr.plan import Urgency


class End(StrEnum):
    """What became of a call-back."""

    KEPT = "kept"  # they talked
    GOT_THROUGH = "got through"  # the caller called again, and talked with somebody
    NOT_REACHED = "not reached"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who is to be called back, and with what rank. A leg is the call that is or was made for it
    last. Times are monotonic, but for `expires`, which is the wall clock's."""

    id: str
    call: str  # by which it was asked for
    queue: str
    number: str = field(repr=False)
    urgency: Urgency
    language: str
    since: float
    expires: datetime
    about: str = ""  # the prompt for what was chosen in the menus
    tries: int = 0
    again_at: float = 0.0
    leg: str = ""
