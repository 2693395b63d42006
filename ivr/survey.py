"""How was it? After a talk, where the queue asks so, the caller gives 1 to 5 by a key, once.

The agent must hang up first: who hangs up has said enough. Nobody is asked twice in a week, and a
wrong key or none ends it with the same thanks.
"""

from ivr.commands import Next
from ivr.flow import Place, node_at
from ivr.plan import Enqueue, Plan

NOT_AGAIN_WITHIN_S = 7 * 24 * 3600.0
ANSWER_S = 7.0  # after the question; some look for their keys first
MARKS = frozenset("12345")

QUESTION = "survey"
THANKS = "survey-thanks"
# Steps for the ledger.
ASKED = "surveyed"
RATED = "rated"


def next_after(plan: Plan, place: Place, *, was_asked: bool) -> Next:
    """What becomes of a caller whose agent hangs up."""
    node = node_at(plan, place)
    queue = plan.queues.get(node.queue) if isinstance(node, Enqueue) else None
    return Next.SURVEY if queue and queue.has_survey and not was_asked else Next.TALKED
