"""One try at one agent, and who has it. An agent who picks up the call that rings at a colleague's
has that try from then on, and all that follows from it: the talk, the wrap-up, the rest. Whose
phone was rung is as free as before.
"""

from dataclasses import dataclass
from enum import StrEnum

from ivr.agent import Agent


class Ringing(StrEnum):
    """How far an offer has come."""

    OPEN = "open"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    CEDED = "ceded"  # to the fail-safe, which has the caller: it joins whoever picks up


@dataclass(slots=True)
class Offering:
    """One try at one agent."""

    id: str
    call: str
    extension: str
    rest_s: float
    wrap_up_s: float
    due_at: float | None  # without an end by then, we end it
    state: Ringing = Ringing.OPEN
    is_told: bool = False  # the agent hears about the caller first


def goes_to(taker: Agent, offer: Offering, rung: Agent | None) -> str:
    """The offer is the taker's now; the one that the taker had, empty if none."""
    if rung is not None and rung.offer == offer.id:
        rung.offer = None
    own, taker.offer = taker.offer or "", offer.id
    taker.missed, offer.extension = 0, taker.extension
    return own
