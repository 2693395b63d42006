"""Who asks for a person comes to one.

    person   while all is open, from each line and each menu some key leads to a person
    zero     key 0 of each menu that a caller comes to: while the schedules on the way are open it
             leads to a person; else to somebody on call outside, a call-back or a message, even
             where nobody answers
    skill    a queue whose callers somebody can help in the end
    outside  numbers that the clinic may call
    identity a form for known callers comes after somebody could become known

Key 0 leads where the menu says, else where its flow's `zero` says, else to the front desk.
"""

from collections.abc import Iterator, Mapping

from ivr import flow, outside
from ivr.flow import Place
from ivr.form import TakeRequest
from ivr.identity import AskIdentity
from ivr.plan import CallBack, Enqueue, HoursFork, Menu, Node, Plan, Ring, RingOutside, TakeMessage
from ivr.proof.calls import Calls, Stand, steps
from ivr.proof.finding import Finding, Rule
from ivr.proof.moments import Situation
from ivr.proof.net import (
    Edge,
    Net,
    Reached,
    every,
    keys_of,
    leading_to,
    opened,
    reach,
    untouched,
    way_to,
)
from ivr.simulate import Phones


def no_person(net: Net, calls: Calls) -> Iterator[Finding]:
    cure = "lead a key, or zero of the flow, to a queue or a ring"
    for name, entrance in net.entrances().items():
        reached = reach(net, [entrance], opened)
        persons = [place for place in reached if _is_person(net.plan, net.node(place))]
        helped = leading_to(net, persons, reached, opened)
        if entrance not in helped:
            path = calls.to(entrance)
            example = path.example() if path else None
            reason = f"no way from the line {name} leads to a queue or a ring"
            where = ("lines", name, "flow")
            yield Finding(Rule.PERSON, where, str(entrance), reason, cure, example=example)
            continue
        for place in reached:
            if isinstance(net.node(place), Menu) and place not in helped:
                reason = "no key of this menu leads on to a queue or a ring"
                path = calls.to(place)
                example = path.example() if path else None
                way = way_to(reached, place)
                yield Finding(Rule.PERSON, keys_of(place), way, reason, cure, example=example)


def _is_person(plan: Plan, node: Node) -> bool:
    match node:
        case Enqueue(queues=names):
            return any(name in plan.queues and plan.queues[name].agents for name in names)
        case Ring(phones=phones):
            return any(phone in plan.phones for phone in phones)
        case RingOutside():
            return True
        case _:
            return False


# ---- key 0 ----


_NOBODY_BY_DAY = "key 0 leads to no person though the clinic is open"
_NOBODY_BY_NIGHT = (
    "while the clinic is closed, key 0 leads to nobody on call, no call-back and no message"
)


def no_zero(net: Net, calls: Calls) -> Iterator[Finding]:
    """Each menu is told once, in the first situation in which its key 0 fails."""
    told: set[Place] = set()
    for situation in calls.moments.all:
        open_ways = _come_to(net, situation, only_open=True)
        for place, edge in _come_to(net, situation, only_open=False).items():
            node = net.node(place)
            if not isinstance(node, Menu) or place in told:
                continue
            reason = _fault_of_zero(net, situation, place, is_open=place in open_ways)
            if reason is not None:
                told.add(place)
                path = calls.within(situation).to([place])
                phones = Phones.SILENT if reason is _NOBODY_BY_NIGHT else Phones.ANSWER
                yield Finding(
                    Rule.ZERO,
                    (*keys_of(place), "choices", flow.ZERO),
                    str(place) if edge is None else f"{edge.start} -({edge.by})-> {place}",
                    reason,
                    "lead key 0, or zero of the flow, to a queue or a ring that goes on to a"
                    " message where nobody answers",
                    example=path.example(flow.ZERO, phones) if path else None,
                )


def _come_to(net: Net, situation: Situation, *, only_open: bool) -> Mapping[Place, Edge | None]:
    reached: dict[Place, Edge | None] = dict.fromkeys(net.entrances().values())
    fringe = list(reached)
    for place in fringe:
        node = net.node(place)
        way = situation.way_at(node) if isinstance(node, HoursFork) else None
        if only_open and way not in (None, "open"):
            continue
        for edge, end in net.ways(place):
            if end not in reached and way in (None, edge.by):
                reached[end] = edge
                fringe.append(end)
    return reached


def _fault_of_zero(net: Net, situation: Situation, menu: Place, *, is_open: bool) -> str | None:
    """Why key 0 does not lead where it must; None: it does. A circle and a target that is not there
    are told by their own rules."""
    edge = next((e for e in net.written(menu) if e.keys == ("choices", flow.ZERO)), None)
    place = flow.FRONT_DESK if edge is None else edge.end
    seen: set[Place] = set()
    while place is not None and place not in seen:
        seen.add(place)
        node = net.node(place)
        if isinstance(node, HoursFork) and situation.way_at(node) != "open":
            is_open = False
        if is_open and _is_person(net.plan, node):
            return None
        if not is_open and isinstance(node, TakeMessage | CallBack | TakeRequest | RingOutside):
            return None
        place = _onward(net, situation, place)
    if place is not None or (edge is not None and edge.end is None):
        return None
    if is_open:
        return _NOBODY_BY_DAY
    return _NOBODY_BY_NIGHT


def _onward(net: Net, situation: Situation, place: Place) -> Place | None:
    """Where a caller who does nothing comes next, where nobody answers."""
    idle = {edge.keys for edge, _ in untouched(net, place)}
    ahead = steps(net, situation, Stand(place, ""))
    return next((end.place for edge, end in ahead if edge.keys in idle), None)


# ---- whom a place needs ----


def nobody_able(plan: Plan, net: Net, calls: Calls, reached: Reached) -> Iterator[Finding]:
    """Queues whose callers nobody could help, however long they waited. What is asked for at first
    may be beyond everybody, as long as it relaxes."""
    for queue in plan.queues.values():
        agents = [plan.phones[name].skills for name in queue.agents if name in plan.phones]
        if agents and not any(_can(skills, n) for n in queue.stages for skills in agents):
            last = ", ".join(f"{skill} {level}" for skill, level in queue.stages[-1].items())
            waits = [p for p in reached if queue.name in _queues(net.node(p))]
            path = calls.shortest(waits, calls.moments.all)
            yield Finding(
                Rule.SKILL,
                ("queues", queue.name, "relaxes" if queue.relaxes else "needs"),
                "",
                f"none of its agents has what callers need in the end: {last}",
                "give a phone of its agents these skills, at this level or better, or relax them",
                example=path.example() if path else None,
            )


def _queues(node: Node) -> tuple[str, ...]:
    return node.queues if isinstance(node, Enqueue) else ()


def _can(skills: Mapping[str, int], needs: Mapping[str, int]) -> bool:
    return all(skill in skills and skills[skill] <= worst for skill, worst in needs.items())


def not_called(plan: Plan, calls: Calls) -> Iterator[Finding]:
    """Numbers outside that the clinic's rules do not let it call. The number is not repeated: what
    is told may end in somebody's log."""
    for program in plan.flows.values():
        for name, node in program.nodes.items():
            if isinstance(node, RingOutside) and (why := outside.why_not(plan, node.number)):
                cure = "give a number to which one of [[dial_rules]] leads"
                place = Place(program.name, name)
                path = calls.to(place)
                example = path.example() if path else None
                where = (*keys_of(place), "number")
                yield Finding(Rule.OUTSIDE, where, "", why, cure, example=example)


def never_identified(net: Net, calls: Calls, reached: Reached) -> Iterator[Finding]:
    """Forms only for callers who were identified, to which no caller comes who was."""
    gates = [(place, net.node(place)) for place in reached]
    known = [
        flow.find(net.plan, place.flow, node.next)
        for place, node in gates
        if isinstance(node, AskIdentity)
    ]
    behind = reach(net, [place for place in known if place], every)
    for place in reached:
        node = net.node(place)
        if isinstance(node, TakeRequest) and node.is_gated and place not in behind:
            path = calls.to(place)
            yield Finding(
                Rule.IDENTITY,
                keys_of(place),
                way_to(reached, place),
                "it is for callers who have been identified, and nobody who comes here has been",
                "lead callers through a node of the kind identity first, or take identified out",
                example=path.example() if path else None,
            )
