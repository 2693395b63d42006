"""When a waiting caller is led on before the patience of the queue is used up.

The crowd is looked at whenever it changes: who comes last goes first, for a rule about length or
about callers per agent speaks of a place in line and never reaches those who stand before it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ivr.plan import Enqueue, Overflow

_CROWD = re.compile(r"\(place (?P<place>[0-9]+), agents (?P<agents>[0-9]+)\)$")
# A schedule that a rule asks about is looked at this often while somebody waits.
SCHEDULE_EVERY_S = 60.0
# Who came and waited so long has waited a sum, whose last bit is nobody's: without this a rule that
# was to be looked at now would not quite hold yet, and be looked at now again, for ever.
MOMENT_S = 1e-6


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a caller's chances are: the place in line, 1 being next, and how many agents of the
    caller's queues are there, talking or not."""

    place: int
    agents: int

    def __str__(self) -> str:
        return f"place {self.place}, agents {self.agents}"


def rule_that_holds(
    node: Enqueue, crowd: Crowd, waited_s: float, is_open: Mapping[str, bool]
) -> Overflow | None:
    """The first rule by which the caller goes on now. A schedule that nobody knows is open."""
    return next((r for r in node.overflow if _holds(r, crowd, waited_s, is_open)), None)


def look_again_s(node: Enqueue, waited_s: float) -> float | None:
    """After how many more seconds of waiting time alone may make a rule hold; None: it never
    will."""
    times = [r.after_s - waited_s for r in node.overflow if r.after_s is not None]
    if any(rule.closed is not None for rule in node.overflow):
        times.append(SCHEDULE_EVERY_S)
    return min((each for each in times if each > MOMENT_S), default=None)


def why(rule: Overflow) -> str:
    """The rule in words, for the ledger."""
    said = []
    if rule.after_s is not None:
        said.append(f"waited {rule.after_s:g} s")
    if rule.place_over is not None:
        said.append(f"beyond place {rule.place_over}")
    if rule.per_agent is not None:
        said.append(f"more than {rule.per_agent:g} callers an agent")
    if rule.no_agent:
        said.append("no agent is there")
    if rule.closed is not None:
        said.append(f"{rule.closed} is closed")
    return " and ".join(said)


def crowd_of(text: str) -> Crowd | None:
    """The crowd that the ledger names with a rule that held."""
    found = _CROWD.search(text)
    return Crowd(int(found["place"]), int(found["agents"])) if found else None


def _holds(rule: Overflow, crowd: Crowd, waited_s: float, is_open: Mapping[str, bool]) -> bool:
    return (
        (rule.after_s is None or waited_s >= rule.after_s - MOMENT_S)
        and (rule.place_over is None or crowd.place > rule.place_over)
        and (rule.per_agent is None or crowd.place > rule.per_agent * crowd.agents)
        and (not rule.no_agent or crowd.agents == 0)
        and (rule.closed is None or not is_open.get(rule.closed, True))
    )
