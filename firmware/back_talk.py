"""The talk by which a call-back was kept, from the rows of the call that asked for it.

That call had ended long before, with the promise as its outcome, and stays one call; but somebody
talked, and figures of handle time and of how busy agents were would be wrong without it. As
everything of a call it counts where the call came in.
"""

from dataclasses import dataclass

from firmware.ledger import Step
from firmware.tickets import OPENED
from ivr.callbacks import CALLED_BACK, TALKED

HELD, RESUMED, WRAPPED_UP = "held", "resumed", "wrapped up"
READ = frozenset({OPENED, CALLED_BACK, TALKED})


@dataclass(slots=True)
class BackTalk:
    """Times are monotonic milliseconds; what nobody heard the end of has no length."""

    queue: str = ""
    agent: str = ""
    begun: int | None = None
    ended: int | None = None
    held_from: int | None = None
    hold_ms: int | None = None
    wrapped_up: int | None = None

    def take(self, step: Step) -> bool:
        """Whether the row is about it."""
        at = step.mono_ms
        match step.step:
            case "call-back":
                self.queue = step.detail.rpartition(" ")[2]
            case "called back" if self.begun is None:
                self.begun = at
            case "call-back talk":
                # Passed on to a colleague it is one talk still, and its first agent's.
                self.agent, self.ended = self.agent or step.detail, at
                self._resume(at)
            case _ if self.begun is None:
                return False
            case "held":
                self.held_from = at if self.held_from is None else self.held_from
            case "resumed":
                self._resume(at)
            case "wrapped up":
                self.wrapped_up = at
            case _:
                return False
        return True

    def _resume(self, at: int) -> None:
        if (held_ms := between(self.held_from, at)) is not None:
            self.hold_ms = (self.hold_ms or 0) + held_ms
        self.held_from = None

    @property
    def talk_ms(self) -> int | None:
        together = between(self.begun, self.ended)
        return None if together is None else max(0, together - (self.hold_ms or 0))

    @property
    def wrap_up_ms(self) -> int | None:
        return between(self.ended, self.wrapped_up)


def between(begin_ms: int | None, end_ms: int | None) -> int | None:
    """Monotonic milliseconds; a clock that went back is another boot's, and tells nothing."""
    if begin_ms is None or end_ms is None or end_ms < begin_ms:
        return None
    return end_ms - begin_ms
