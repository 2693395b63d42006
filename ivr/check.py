"""The prover: what is wrong with a plan although its form is right, and the way that shows it.

It follows every way out of every node, from each line's entrance. A finding names the place by its
keys in the site file, and the way a caller would come to it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ivr import flow, hours, lease, outside
from ivr.callback_talk import AGENT_PROMPTS, queue_prompt
from ivr.flow import Place, Way
from ivr.form import TakeRequest
from ivr.hours import WEEKDAYS, shown
from ivr.identity import AskIdentity
from ivr.plan import (
    CallBack,
    Enqueue,
    Goto,
    Hangup,
    Hours,
    HoursFork,
    Menu,
    Node,
    Plan,
    Ring,
    RingOutside,
    Say,
    SnowDay,
    Span,
    TakeMessage,
    Times,
)

# Nodes after which a caller is, or has been, cared for.
ENDS = Enqueue | Ring | RingOutside | TakeMessage | CallBack | SnowDay | Hangup


class Rule(StrEnum):
    """What a plan must not have."""

    DANGLING = "dangling target"
    DEAD_END = "dead end"
    LOOP = "loop without exit"
    PROMPT = "missing prompt"
    PERSON = "no way to a person in open hours"
    HOURS = "overlapping hours"
    NEVER_OPEN = "never open"
    EXCEPTIONS = "exceptions for the same day"
    SKILL = "skills that no agent has"
    OUTSIDE = "number that callers cannot be put through to"
    IDENTITY = "nobody can be identified before it"
    UNHEARD = "an announcement that nobody hears"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule broken: where, how a caller comes to feel it, why, and what to do."""

    rule: Rule
    where: tuple[str | int, ...]
    way: str  # empty where no caller's way shows it
    reason: str
    cure: str


@dataclass(frozen=True, slots=True)
class Edge:
    """One step of a caller's way."""

    start: Place
    by: str
    end: Place


# Places reached, each with the step that first led there; None at the entrance.
Reached = Mapping[Place, Edge | None]
Edges = Callable[[Plan, Place], Iterator[Edge]]


def prove(plan: Plan, prompts: Mapping[str, Collection[str]]) -> list[Finding]:
    """Everything found; `prompts` are the names that can be spoken, by language."""
    entrances = {name: flow.start_of(plan, name) for name in plan.lines}
    reached = _reach(plan, entrances.values(), _all_edges)
    found = [
        *_dangling(plan, reached),
        *_dead_ends(plan, reached),
        *_loops(plan, reached),
        *_missing_prompts(plan, entrances, prompts),
        *_unspoken_on_call(plan, reached, prompts),
        *_unspoken_to_agents(plan, prompts),
        *_no_person(plan, entrances),
        *_overlapping_hours(plan),
        *_never_open(plan),
        *_clashing_exceptions(plan),
        *_nobody_able(plan),
        *_not_called(plan),
        *_never_identified(plan, reached),
        *_never_heard(plan, reached),
    ]
    return list(dict.fromkeys(found))


# ---- ways through a plan ----


def _ways(plan: Plan, place: Place) -> Iterator[Way]:
    """The ways out that are written, key 0 by the flow's rule included."""
    node = flow.node_at(plan, place)
    yield from flow.ways(node)
    zero = flow.flow_of(plan, place).zero
    if isinstance(node, Menu) and flow.ZERO not in node.choices and zero is not None:
        yield Way(f"key {flow.ZERO}", (), zero)


def _edge(plan: Plan, place: Place, way: Way) -> Edge | None:
    end = flow.find(plan, place.flow, way.target)
    return Edge(place, way.by, end) if end else None


def _all_edges(plan: Plan, place: Place) -> Iterator[Edge]:
    for way in _ways(plan, place):
        if edge := _edge(plan, place, way):
            yield edge


def _open_edges(plan: Plan, place: Place) -> Iterator[Edge]:
    """The ways there are while every schedule is open."""
    is_fork = isinstance(flow.node_at(plan, place), HoursFork)
    for edge in _all_edges(plan, place):
        if not (is_fork and edge.by != "open"):
            yield edge


def _idle_edges(plan: Plan, place: Place) -> Iterator[Edge]:
    """The ways of a caller who does nothing, as long as nobody is rung and nothing recorded."""
    match flow.node_at(plan, place):
        case Say() | Goto() | HoursFork() | CallBack():
            yield from _all_edges(plan, place)
        case Menu():
            yield from (edge for edge in _all_edges(plan, place) if edge.by == "no key")
        case TakeRequest():
            yield from (edge for edge in _all_edges(plan, place) if edge.by == "a person")
        case AskIdentity():
            yield from (edge for edge in _all_edges(plan, place) if edge.by == "doubt")
        case Enqueue() | Ring() | RingOutside() | TakeMessage() | Hangup():
            pass


def _reach(plan: Plan, entrances: Collection[Place], edges: Edges) -> Reached:
    """Every place that can be come to, by a shortest way."""
    reached: dict[Place, Edge | None] = dict.fromkeys(entrances)
    fringe = list(reached)
    for place in fringe:
        for edge in edges(plan, place):
            if edge.end not in reached:
                reached[edge.end] = edge
                fringe.append(edge.end)
    return reached


def _leading_to(
    plan: Plan, goals: Collection[Place], places: Collection[Place], edges: Edges
) -> Collection[Place]:
    """The places, goals included, from which a goal can be come to."""
    came_from: dict[Place, list[Place]] = {}
    for place in places:
        for edge in edges(plan, place):
            came_from.setdefault(edge.end, []).append(place)
    leading = dict.fromkeys(goals)
    fringe = list(leading)
    for place in fringe:
        for before in came_from.get(place, ()):
            if before not in leading:
                leading[before] = None
                fringe.append(before)
    return leading


def _way_to(reached: Reached, place: Place) -> str:
    """The way to a place in words: `main/hours -(open)-> main/menu -(key 1)-> main/nurse`."""
    words = str(place)
    while (edge := reached.get(place)) is not None:
        words = f"{edge.start} -({edge.by})-> {words}"
        place = edge.start
    return words


def _keys(place: Place) -> tuple[str, ...]:
    return ("flows", place.flow, "nodes", place.node)


# ---- the rules ----


def _dangling(plan: Plan, reached: Reached) -> Iterator[Finding]:
    for name, line in plan.lines.items():
        if line.phone is None and line.flow not in plan.flows:
            where = ("lines", name, "flow")
            yield _dangles(where, "", f"there is no flow {line.flow}")
    for program in plan.flows.values():
        for key, target in (("start", program.start), ("zero", program.zero)):
            if target is not None and flow.find(plan, program.name, target) is None:
                yield _dangles(("flows", program.name, key), "", f"there is no {target}")
        for name, node in program.nodes.items():
            place = Place(program.name, name)
            for way in flow.ways(node):
                if flow.find(plan, place.flow, way.target) is None:
                    shown = f"{_way_to(reached, place)} -({way.by})-> {way.target}"
                    reason = f"there is no {way.target}"
                    yield _dangles((*_keys(place), *way.key), shown, reason)


def _dangles(where: tuple[str | int, ...], way: str, reason: str) -> Finding:
    return Finding(Rule.DANGLING, where, way, reason, "add it, or name another")


def _dead_ends(plan: Plan, reached: Reached) -> Iterator[Finding]:
    """Places from which no caller comes to a person, a message or an end. Only the first of them
    on each way is told: the others are its consequence."""
    ends = [p for p in reached if isinstance(flow.node_at(plan, p), ENDS)]
    trapped = reached.keys() - _leading_to(plan, ends, reached, _all_edges)
    for place in sorted(trapped, key=str):
        edge = reached[place]
        if edge is None or edge.start not in trapped:
            yield Finding(
                Rule.DEAD_END,
                _keys(place),
                _way_to(reached, place),
                "from here nothing leads to a person, a message or an end",
                "give one of its ways a queue, a ring, a message or a hangup as target",
            )


def _loops(plan: Plan, reached: Reached) -> Iterator[Finding]:
    """Circles in which a caller who does nothing goes round for ever."""
    told: set[Place] = set()
    for place in _after_circles(plan, reached):
        circle = [] if place in told else _circle(plan, place)
        if circle and not told & set(circle):
            told |= set(circle)
            asks = any(isinstance(flow.node_at(plan, member), Menu) for member in circle)
            reason = (
                "a caller who presses no key goes round for ever"
                if asks
                else "callers go round for ever without being asked anything"
            )
            yield Finding(
                Rule.LOOP,
                _keys(place),
                " -> ".join(str(member) for member in (*circle, place)),
                reason,
                "lead one of these ways to a person, a message or a hangup",
            )


def _after_circles(plan: Plan, reached: Reached) -> list[Place]:
    """Places that lie on circles of idle edges, or behind one: what remains when every place that
    no remaining edge leads to is taken away."""
    edges = {place: [edge.end for edge in _idle_edges(plan, place)] for place in reached}
    led_to = dict.fromkeys(reached, 0)
    for ends in edges.values():
        for end in ends:
            led_to[end] += 1
    fringe = [place for place, times in led_to.items() if times == 0]
    for place in fringe:
        for end in edges[place]:
            led_to[end] -= 1
            if led_to[end] == 0:
                fringe.append(end)
    return [place for place, times in led_to.items() if times > 0]


def _circle(plan: Plan, place: Place) -> list[Place]:
    """The shortest way from a place back to itself by idle edges; empty if there is none."""
    entrances = [edge.end for edge in _idle_edges(plan, place)]
    reached = _reach(plan, entrances, _idle_edges)
    if place not in reached:
        return []
    circle: list[Place] = []
    edge = reached[place]
    while edge is not None:
        circle.insert(0, edge.start)
        edge = reached[edge.start]
    return [place, *(member for member in circle if member != place)]


def _missing_prompts(
    plan: Plan, entrances: Mapping[str, Place], prompts: Mapping[str, Collection[str]]
) -> Iterator[Finding]:
    for name, entrance in entrances.items():
        # The front desk is where every call may end up, whatever the flow says.
        reached = _reach(plan, [entrance, flow.FRONT_DESK], _all_edges)
        for place, language in _spoken_at(plan, entrance, plan.lines[name].language):
            for prompt in _prompts_at(plan, place):
                if prompt not in prompts.get(language, ()):
                    yield Finding(
                        Rule.PROMPT,
                        _keys(place),
                        _way_to(reached, place),
                        f"the prompt {prompt} has no words in the language {language}",
                        f'add {prompt} = "…" to [prompts.{language}]',
                    )


def _unspoken_on_call(
    plan: Plan, reached: Reached, prompts: Mapping[str, Collection[str]]
) -> Iterator[Finding]:
    """People who are called are spoken to in the clinic's own language."""
    for place in reached:
        node = flow.node_at(plan, place)
        if not (isinstance(node, TakeMessage) and node.oncall):
            continue
        for prompt in lease.PROMPTS:
            if prompt not in prompts.get(plan.language, ()):
                yield Finding(
                    Rule.PROMPT,
                    _keys(place),
                    "",
                    f"people on call cannot be told {prompt} in the language {plan.language}",
                    f'add {prompt} = "…" to [prompts.{plan.language}]',
                )


def _prompts_at(plan: Plan, place: Place) -> tuple[str, ...]:
    """What callers may hear at a place, be it a schedule's announcement."""
    node = flow.node_at(plan, place)
    if isinstance(node, HoursFork) and node.hours in plan.hours:
        return hours.announcements(plan.hours[node.hours])
    return flow.prompts_of(node)


def _spoken_at(plan: Plan, entrance: Place, language: str) -> Collection[tuple[Place, str]]:
    """Every place with each language that it may be spoken in: a flow may change it, and the front
    desk may be come to from everywhere."""
    first = flow.flow_of(plan, entrance).language or language
    reached = dict.fromkeys([(entrance, first), (flow.FRONT_DESK, first)])
    fringe = list(reached)
    for place, spoken in fringe:
        ends = [edge.end for edge in _all_edges(plan, place)]
        for end in (*ends, flow.FRONT_DESK):
            state = (end, flow.flow_of(plan, end).language or spoken)
            if state not in reached:
                reached[state] = None
                fringe.append(state)
    return reached


def _unspoken_to_agents(plan: Plan, prompts: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    """Whoever calls somebody back hears first who it is."""
    for queue in plan.queues.values():
        heard = (queue_prompt(queue.name), *AGENT_PROMPTS) if queue.callbacks else ()
        for prompt in heard:
            if prompt not in prompts.get(plan.language, ()):
                yield Finding(
                    Rule.PROMPT,
                    ("queues", queue.name, "callbacks"),
                    "",
                    f"the prompt {prompt} has no words in the language {plan.language}",
                    f'add {prompt} = "…" to [prompts.{plan.language}]',
                )


def _no_person(plan: Plan, entrances: Mapping[str, Place]) -> Iterator[Finding]:
    cure = "lead a key, or zero of the flow, to a queue or a ring"
    for name, entrance in entrances.items():
        reached = _reach(plan, [entrance], _open_edges)
        persons = [place for place in reached if _is_person(plan, flow.node_at(plan, place))]
        helped = _leading_to(plan, persons, reached, _open_edges)
        if entrance not in helped:
            reason = f"no way from the line {name} leads to a queue or a ring"
            yield Finding(Rule.PERSON, ("lines", name, "flow"), str(entrance), reason, cure)
            continue
        for place in reached:
            if isinstance(flow.node_at(plan, place), Menu) and place not in helped:
                reason = "no key of this menu leads on to a queue or a ring"
                way = _way_to(reached, place)
                yield Finding(Rule.PERSON, _keys(place), way, reason, cure)


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


def _overlapping_hours(plan: Plan) -> Iterator[Finding]:
    for schedule in plan.hours.values():
        for one, other in hours.overlaps(schedule):
            yield Finding(
                Rule.HOURS,
                ("hours", schedule.name, WEEKDAYS[one.weekday].lower()[:3]),
                "",
                f"on {WEEKDAYS[one.weekday]}, {one.opens:%H:%M}-{one.closes:%H:%M} overlaps"
                f" {other.opens:%H:%M}-{other.closes:%H:%M}",
                "make one span of them, or part them",
            )

    for schedule in plan.hours.values():
        for name, times, again in _overlapping_times(schedule):
            yield Finding(
                Rule.HOURS,
                ("hours", schedule.name, "exceptions"),
                "",
                f"in the exception {name}, {shown(times)} overlaps {shown(again)}",
                "make one span of them, or part them",
            )


def _overlapping_times(schedule: Hours) -> Iterator[tuple[str, Times, Times]]:
    for exceptional in schedule.exceptions:
        rule = exceptional.rule
        spans = tuple(Span(0, times.opens, times.closes) for times in rule.times)
        for one, other in hours.overlaps(Hours("", spans)):
            yield (rule.name, Times(one.opens, one.closes), Times(other.opens, other.closes))


def _never_open(plan: Plan) -> Iterator[Finding]:
    for schedule in plan.hours.values():
        if not hours.ever_opens(schedule):
            yield Finding(
                Rule.NEVER_OPEN,
                ("hours", schedule.name),
                "",
                "no day of the week and no exception opens it",
                'give a day its hours, like mon = ["08:00-17:00"], or take the schedule out',
            )


def _clashing_exceptions(plan: Plan) -> Iterator[Finding]:
    for schedule in plan.hours.values():
        for one, other in hours.clashes(schedule):
            yield Finding(
                Rule.EXCEPTIONS,
                ("hours", schedule.name, "exceptions"),
                "",
                f"{hours.named(one)} and {hours.named(other)} are for the same day, and neither is"
                " for fewer days",
                "keep one of them, or let one cover fewer days: that one wins",
            )


def _nobody_able(plan: Plan) -> Iterator[Finding]:
    """Queues whose callers nobody could help, however long they waited. What is asked for at first
    may be beyond everybody, as long as it relaxes."""
    for queue in plan.queues.values():
        agents = [plan.phones[name].skills for name in queue.agents if name in plan.phones]
        if agents and not any(_can(skills, n) for n in queue.stages for skills in agents):
            last = ", ".join(f"{skill} {level}" for skill, level in queue.stages[-1].items())
            yield Finding(
                Rule.SKILL,
                ("queues", queue.name, "relaxes" if queue.relaxes else "needs"),
                "",
                f"none of its agents has what callers need in the end: {last}",
                "give a phone of its agents these skills, at this level or better, or relax them",
            )


def _not_called(plan: Plan) -> Iterator[Finding]:
    """Numbers outside that the clinic's rules do not let it call. The number is not repeated: what
    is told may end in somebody's log."""
    for program in plan.flows.values():
        for name, node in program.nodes.items():
            if isinstance(node, RingOutside) and (why := outside.why_not(plan, node.number)):
                cure = "give a number to which one of [[dial_rules]] leads"
                where = (*_keys(Place(program.name, name)), "number")
                yield Finding(Rule.OUTSIDE, where, "", why, cure)


def _never_identified(plan: Plan, reached: Reached) -> Iterator[Finding]:
    """Forms only for callers who were identified, to which no caller comes who was."""
    gates = [(place, flow.node_at(plan, place)) for place in reached]
    known = [flow.find(plan, p.flow, n.next) for p, n in gates if isinstance(n, AskIdentity)]
    behind = _reach(plan, [place for place in known if place], _all_edges)
    for place in reached:
        node = flow.node_at(plan, place)
        if isinstance(node, TakeRequest) and node.is_gated and place not in behind:
            yield Finding(
                Rule.IDENTITY,
                _keys(place),
                _way_to(reached, place),
                "it is for callers who have been identified, and nobody who comes here has been",
                "lead callers through a node of the kind identity first, or take identified out",
            )


def _never_heard(plan: Plan, reached: Reached) -> Iterator[Finding]:
    """Announcements are spoken where callers come to a schedule, and nowhere else."""
    nodes = {place: flow.node_at(plan, place) for place in reached}
    asked = {node.hours for node in nodes.values() if isinstance(node, HoursFork)}
    for place, node in nodes.items():
        for index, name in enumerate(node.hours if isinstance(node, SnowDay) else ()):
            if name not in asked:
                yield Finding(
                    Rule.UNHEARD,
                    (*_keys(place), "hours", index),
                    _way_to(reached, place),
                    f"no caller comes to a node that asks whether {name} is open",
                    "lead a line through a node of the kind hours with it, or name another",
                )


def _can(skills: Mapping[str, int], needs: Mapping[str, int]) -> bool:
    return all(skill in skills and skills[skill] <= worst for skill, worst in needs.items())
