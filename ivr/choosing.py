"""Which agent the ACD gave a call to, and among whom: as a row of the ledger tells it, and as
another plan would have it.

A row names the phones that were free, how long each had been idle, and nothing of the caller; so
the choice can be made once more, by other skills, levels and members. Whose turn it was among the
callers is not chosen again: that moves a call in time, and not elsewhere.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ivr.agent import Agent
from ivr.matching import Matching, ms, skills_of
from ivr.plan import Plan, Urgency

NOBODY = "nobody"
# An agent who has not talked since the exchange began is idle for longer than anybody else.
NOT_BUSY_YET_S = 1e9
SEEN = "not busy yet"
ROW = re.compile(r"by the queue (\S+), \w+, after ([0-9.]+) s, of [0-9]+ free: (.+)")
FREE = re.compile(rf"(\S+) (?:idle for ([0-9.]+) s|{SEEN})")


@dataclass(frozen=True, slots=True)
class Choice:
    """The first of these had the call, which had waited so long; each with how long it was idle."""

    queue: str
    waited_s: float
    free: tuple[tuple[str, float], ...]

    @property
    def chosen(self) -> str:
        return self.free[0][0]


def in_words(
    queue: str, urgency: Urgency, since: float, chosen: Agent, free: Iterable[Agent], now: float
) -> str:
    """The row's detail. Times are told as exactly as the ACD knows them."""
    others = [agent for agent in free if agent is not chosen]
    told = [f"{agent.extension} {_idle(agent, now)}" for agent in (chosen, *others)]
    waited_s = (ms(now) - ms(since)) / 1000
    return (
        f"by the queue {queue}, {urgency.name.lower()}, after {waited_s:.3f} s,"
        f" of {len(told)} free: {', '.join(told)}"
    )


def choice_of(detail: str) -> Choice | None:
    """What a row tells; None: it is of a time when rows told less."""
    if (row := ROW.fullmatch(detail)) is None:
        return None
    queue, waited_s, told = row.groups()
    free = [FREE.fullmatch(one) for one in told.split(", ")]
    if None in free:
        return None
    idle = ((one[1], float(one[2] or NOT_BUSY_YET_S)) for one in free if one is not None)
    return Choice(queue, float(waited_s), tuple(idle))


def chosen_again(choice: Choice, plan: Plan) -> str:
    """Who would have the call by this plan, of those who were free."""
    queue = plan.queues.get(choice.queue)
    if queue is None:
        return NOBODY
    queues = tuple(plan.queues.values())
    known = [extension for extension, _ in choice.free if extension in plan.phones]
    matching = Matching()
    matching.adopt(queues, {name: skills_of(name, plan.phones, queues) for name in known})
    for place, (extension, idle_s) in enumerate(choice.free):
        # A second for each millisecond: so there is room for the row's own order among equals.
        matching.free(extension, place / 1000 - idle_s * 1000, -1.0)
    if matching.wait_aside("", [(queue, queue.target_s)], -choice.waited_s) is None:
        return NOBODY
    matching.time_is(0.0)
    return next((pair.extension for pair in matching.put_back("")), NOBODY)


def _idle(agent: Agent, now: float) -> str:
    idle_s = (ms(now) - ms(agent.idle_since)) / 1000
    return f"idle for {idle_s:.3f} s" if agent.idle_since else SEEN
