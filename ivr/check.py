"""The prover: what is wrong with a plan although its form is right, and the shortest call that
shows it.

For every key at every node, at every minute of the coming days (`ivr.proof.moments`), for every
state of agents and hours, each call must end with a person, a message, a call-back or a spoken
goodbye; `ivr.proof` has a file for each family of rules. A finding names the place by its keys in
the site file, the way a caller would come to it, and an example: what `careline simulate` has to be
told to walk that call. What is refused must not be published; a warning may be.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.plan import Enqueue, HoursFork, Plan
from ivr.proof import menus, persons, schedules, spoken, targets
from ivr.proof.calls import Calls
from ivr.proof.example import Example
from ivr.proof.finding import Finding, Grade, Rule
from ivr.proof.moments import Moments, moments
from ivr.proof.net import Lengths, Net, Reached, every, reach

__all__ = ["Example", "Finding", "Grade", "Moments", "Proof", "Rule", "examine", "prove"]


@dataclass(frozen=True, slots=True)
class Proof:
    """All that was found, and the moments for which it holds."""

    findings: tuple[Finding, ...]
    moments: Moments

    @property
    def refusals(self) -> list[Finding]:
        return [each for each in self.findings if each.grade is Grade.REFUSED]

    @property
    def warnings(self) -> list[Finding]:
        return [each for each in self.findings if each.grade is Grade.WARNED]


def prove(plan: Plan, prompts: Mapping[str, Collection[str]], now: datetime) -> list[Finding]:
    """What refuses a plan."""
    return examine(plan, prompts, now).refusals


def examine(
    plan: Plan,
    prompts: Mapping[str, Collection[str]],
    now: datetime,
    lengths: Lengths | None = None,
) -> Proof:
    """Everything found. `prompts` are the names that can be spoken, by language, with their words
    where they are known; `lengths` their seconds."""
    net = Net(plan, lengths or {})
    local = now.astimezone(ZoneInfo(plan.timezone))
    reached = reach(net, net.entrances().values(), every)
    held = moments(plan, _met(net, reached), local)
    calls = Calls(net, held)
    found = dict.fromkeys(_found(net, calls, reached, prompts, local))
    return Proof(tuple(found), held)


def _met(net: Net, reached: Reached) -> list[str]:
    """Schedules that lead a caller of some line, in the order in which they may be met."""
    names: dict[str, None] = {}
    for place in reached:
        match net.node(place):
            case HoursFork(hours=name):
                names[name] = None
            case Enqueue(overflow=rules):
                names.update(dict.fromkeys(rule.closed for rule in rules if rule.closed))
            case _:
                pass
    return list(names)


def _found(
    net: Net,
    calls: Calls,
    reached: Reached,
    prompts: Mapping[str, Collection[str]],
    local: datetime,
) -> Iterator[Finding]:
    plan = net.plan
    yield from targets.dangling(net, calls, reached)
    yield from targets.dead_ends(net, calls, reached)
    yield from targets.loops(net, calls, reached)
    yield from targets.silent_ends(net, calls, reached)
    yield from spoken.missing_prompts(net, calls, prompts)
    yield from spoken.unspoken_on_call(net, calls, reached, prompts)
    yield from spoken.unspoken_to_agents(plan, prompts)
    yield from spoken.unspoken_consent(plan, prompts)
    yield from spoken.no_advice(net, calls, prompts)
    yield from persons.no_person(net, calls)
    yield from persons.no_zero(net, calls)
    yield from schedules.overlapping(net, calls, reached, local)
    yield from schedules.never_open(net, calls, reached)
    yield from schedules.clashing(net)
    yield from persons.nobody_able(net.plan, net, calls, reached)
    yield from persons.not_called(plan, calls)
    yield from persons.never_identified(net, calls, reached)
    yield from schedules.never_heard(net, calls, reached)
    yield from menus.hard_menus(net, calls, reached)
