"""How urgent a caller is: it only rises, whatever the caller or the queues do.

    called again within a quarter of an hour, pressed 0 again and again    one step each
    stays silent on a medical line                                         urgent at once

A queue that a caller is led on to may be of a lower urgency; the caller's stays. Signs never make
an emergency of a call: that is for a menu to ask, and for those who have one to say.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from ivr.plan import Urgency

# Who calls again so soon is worse, or was not helped.
AGAIN_WITHIN_S = 15 * 60.0
ZEROS = 3


class Sign(StrEnum):
    """What tells that a call is more urgent than its queue takes it for."""

    AGAIN = "again within 15 minutes"
    ZEROS = "and presses 0 again and again"
    SILENT = "and stays silent on a medical line"


@dataclass(frozen=True, slots=True)
class Pressing:
    """What is known of a call's urgency beside its queue."""

    signs: frozenset[Sign] = frozenset()
    at_least: Urgency = Urgency.ROUTINE  # of all queues it has waited in, without the signs
    zeros: int = 0

    def urgency(self, own: Urgency) -> Urgency:
        """As what the call waits in a queue that would have it wait as `own`."""
        standing = min(own, self.at_least)
        if Sign.SILENT in self.signs:
            raised = Urgency.URGENT
        else:
            raised = Urgency(max(standing - len(self.signs), Urgency.URGENT))
        return min(standing, raised)

    def waited(self, own: Urgency) -> "Pressing":
        """The call has waited in a queue that had it wait as `own`, and will not wait as less."""
        return replace(self, at_least=min(own, self.at_least))

    def shows(self, sign: Sign) -> "Pressing":
        """A sign counts once."""
        return replace(self, signs=self.signs | {sign})

    def zero(self) -> "Pressing":
        """The caller pressed 0."""
        pressed = replace(self, zeros=self.zeros + 1)
        return pressed.shows(Sign.ZEROS) if pressed.zeros >= ZEROS else pressed


CALM = Pressing()
