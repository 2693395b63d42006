"""Every way leads somewhere, and every call comes to an end.

    dangling     a target that is not there; a call goes to the front desk instead
    dead end     a place from which no key leads to a person, a message, a call-back or a goodbye
    loop         a circle for who does nothing, where nobody answers: in some situation of the hours
    without a word   a goodbye that says nothing, after nothing was said

Who does nothing goes one way from each place, so that a circle is found by following it.
"""

from collections.abc import Iterable, Iterator, Mapping

from ivr import flow
from ivr.flow import Place
from ivr.plan import (
    FLOW_PREFIX,
    Enqueue,
    Goto,
    Hangup,
    HoursFork,
    Menu,
    Ring,
    RingOutside,
    Say,
    TakeMessage,
)
from ivr.proof.calls import Calls, Path, Stand, steps
from ivr.proof.finding import Finding, Rule
from ivr.proof.moments import Situation
from ivr.proof.net import (
    Edge,
    Net,
    Reached,
    every,
    is_end,
    keys_of,
    leading_to,
    untouched,
    way_to,
)
from ivr.simulate import Phones


def dangling(net: Net, calls: Calls, reached: Reached) -> Iterator[Finding]:
    plan = net.plan
    for name, line in plan.lines.items():
        if line.phone is None and line.flow not in plan.flows:
            yield _dangles(("lines", name, "flow"), "", line.flow, None)
    for program in plan.flows.values():
        entrance = Place(program.name, program.start)
        if flow.find(plan, program.name, program.start) is None:
            path = _into(calls, program.name, entrance)
            yield _dangles(("flows", program.name, "start"), "", program.start, path)
        if program.zero is not None and flow.find(plan, program.name, program.zero) is None:
            path = _by_zero(net, calls, program.name)
            yield _dangles(("flows", program.name, "zero"), "", program.zero, path)
        for name in program.nodes:
            place = Place(program.name, name)
            for edge in net.written(place):
                if edge.end is None and not _is_flows_zero(net, edge):
                    way = f"{way_to(reached, place)} -({edge.by})-> {edge.target}"
                    where = (*keys_of(place), *edge.keys)
                    yield _dangles(where, way, edge.target, _along(calls, edge))


def _is_flows_zero(net: Net, edge: Edge) -> bool:
    """Written for the flow, and not at this menu."""
    node = net.node(edge.start)
    return (
        isinstance(node, Menu)
        and edge.keys == ("choices", flow.ZERO)
        and flow.ZERO not in node.choices
    )


def _dangles(where: tuple[str | int, ...], way: str, target: str, path: Path | None) -> Finding:
    example = path.example() if path else None
    reason, cure = f"there is no {target}", "add it, or name another"
    return Finding(Rule.DANGLING, where, way, reason, cure, example=example)


def _along(calls: Calls, edge: Edge) -> Path | None:
    """The shortest call that goes this way, though it leads nowhere."""
    if not edge.takes.can_be_imagined:
        return None
    node = calls.net.node(edge.start)
    for situations in (calls.moments.as_written, calls.moments.switched):
        led = situations
        if isinstance(node, HoursFork):
            led = tuple(each for each in situations if each.way_at(node) == edge.by)
        if edge.takes.closed:
            led = tuple(each for each in led if each.is_closed(edge.takes.closed))
        if path := calls.shortest([edge.start], led):
            return path.then(edge)
    return None


def _into(calls: Calls, name: str, entrance: Place) -> Path | None:
    """A call that would begin this flow."""
    net = calls.net
    for line in net.plan.lines.values():
        if line.flow == name and line.phone is None:
            situation = calls.moments.as_written[0]
            return Path(line.name, entrance, situation, (), 0.0)
    leading = (
        edge
        for program in net.plan.flows.values()
        for node in program.nodes
        for edge in net.written(Place(program.name, node))
        if edge.target == f"{FLOW_PREFIX}{name}"
    )
    paths = (_along(calls, edge) for edge in leading)
    return min(filter(None, paths), key=lambda path: path.seconds, default=None)


def _by_zero(net: Net, calls: Calls, name: str) -> Path | None:
    """A call that presses the flow's zero."""
    program = net.plan.flows[name]
    edges = (
        edge
        for node in program.nodes
        for edge in net.written(Place(name, node))
        if _is_flows_zero(net, edge)
    )
    paths = (_along(calls, edge) for edge in edges)
    return min(filter(None, paths), key=lambda path: path.seconds, default=None)


def dead_ends(net: Net, calls: Calls, reached: Reached) -> Iterator[Finding]:
    """Only the first of them on each way is told: the others are its consequence."""
    ends = [place for place in reached if is_end(net.node(place))]
    trapped = reached.keys() - leading_to(net, ends, reached, every)
    for place in sorted(trapped, key=str):
        edge = reached[place]
        if edge is None or edge.start not in trapped:
            path = calls.to(place)
            yield Finding(
                Rule.DEAD_END,
                keys_of(place),
                way_to(reached, place),
                "from here nothing leads to a person, a message or an end",
                "give one of its ways a queue, a ring, a message or a hangup as target",
                example=path.example(phones=Phones.SILENT) if path else None,
            )


# ---- circles ----


def loops(net: Net, calls: Calls, reached: Reached) -> Iterator[Finding]:
    """Circles in which a caller who does nothing goes round for ever."""
    round_about = _on_circles(net, reached)
    told: set[Place] = set()
    for situation in calls.moments.all if round_about else ():
        for circle in _circles(net, situation, round_about):
            if told & set(circle):
                continue
            told |= set(circle)
            path = _around(calls, circle, situation)
            yield Finding(
                Rule.LOOP,
                keys_of(circle[0]),
                " -> ".join(str(place) for place in (*circle, circle[0])),
                _why_round(net, circle),
                "lead one of these ways to a person, a message or a hangup",
                example=path.example(phones=Phones.SILENT) if path else None,
            )


def _around(calls: Calls, circle: Iterable[Place], situation: Situation) -> Path | None:
    """The shortest call into a circle, in a situation in which it is one."""
    places = list(circle)
    for situations in (calls.moments.as_written, calls.moments.switched):
        alike = [each for each in situations if _holds(calls.net, places, each, situation)]
        if path := calls.shortest(places, alike):
            return path
    return None


def _holds(net: Net, circle: list[Place], one: Situation, other: Situation) -> bool:
    forks = [node for node in map(net.node, circle) if isinstance(node, HoursFork)]
    return all(one.way_at(fork) == other.way_at(fork) for fork in forks)


def _why_round(net: Net, circle: Iterable[Place]) -> str:
    nodes = [net.node(place) for place in circle]
    if any(isinstance(node, Enqueue | Ring | RingOutside) for node in nodes):
        return "where nobody answers, a caller goes round for ever"
    if any(isinstance(node, Menu) for node in nodes):
        return "a caller who presses no key goes round for ever"
    return "callers go round for ever without being asked anything"


def _on_circles(net: Net, reached: Reached) -> Mapping[Place, None]:
    """Places that may lie on circles, whatever the hours: what remains when every place is taken
    away that no remaining way leads to, or from."""
    ahead = {place: [end for _, end in _idle(net, place)] for place in reached}
    left = _peeled(ahead)
    behind: dict[Place, list[Place]] = {place: [] for place in left}
    for place in left:
        for end in ahead[place]:
            if end in left:
                behind[end].append(place)
    return _peeled(behind)


def _peeled(ways: Mapping[Place, list[Place]]) -> dict[Place, None]:
    led_to = dict.fromkeys(ways, 0)
    for ends in ways.values():
        for end in ends:
            if end in led_to:
                led_to[end] += 1
    fringe = [place for place, times in led_to.items() if times == 0]
    for place in fringe:
        for end in ways[place]:
            if end in led_to:
                led_to[end] -= 1
                if led_to[end] == 0:
                    fringe.append(end)
    return dict.fromkeys(place for place, times in led_to.items() if times > 0)


def _idle(net: Net, place: Place) -> Iterator[tuple[Edge, Place]]:
    """Whoever has been identified goes on by itself, too."""
    yield from untouched(net, place)
    yield from ((edge, end) for edge, end in net.ways(place) if edge.by == "identified")


def _circles(net: Net, situation: Situation, among: Mapping[Place, None]) -> Iterator[list[Place]]:
    """Those of one situation, each from the place of it that comes first."""
    seen: set[Stand] = set()
    for place in among:
        for is_known in (False, True):
            way: dict[Stand, None] = {}
            stand: Stand | None = Stand(place, "", is_known)
            while stand is not None and stand not in seen and stand not in way:
                way[stand] = None
                stand = _next(net, situation, stand, among)
            if stand is not None and stand in way:
                walked = list(way)
                yield [each.place for each in walked[walked.index(stand) :]]
            seen |= way.keys()


def _next(
    net: Net, situation: Situation, stand: Stand, among: Mapping[Place, None]
) -> Stand | None:
    idle = {edge.keys for edge, _ in untouched(net, stand.place)}
    for edge, end in steps(net, situation, stand):
        by_itself = edge.by == "identified" and not edge.takes.press
        if (edge.keys in idle or by_itself) and end.place in among:
            return Stand(end.place, "", end.is_known)
    return None


# ---- goodbyes ----


def silent_ends(net: Net, calls: Calls, reached: Reached) -> Iterator[Finding]:
    """Callers who are let go although the last that they did was to choose or to wait."""
    led: dict[Place, list[Edge]] = {}
    for place in reached:
        for edge, end in net.ways(place):
            led.setdefault(end, []).append(edge)
    for place in reached:
        node = net.node(place)
        if isinstance(node, Hangup) and not node.prompts and place.flow != flow.FRONT_DESK.flow:
            yield from _unspoken(net, calls, reached, place, led)


def _unspoken(
    net: Net, calls: Calls, reached: Reached, place: Place, led: Mapping[Place, list[Edge]]
) -> Iterator[Finding]:
    fringe = [place]
    for at in fringe:
        if reached[at] is None:
            path = calls.to(place)
        else:
            for edge in led.get(at, ()):
                if _is_mute(net, edge) and edge.start not in fringe:
                    fringe.append(edge.start)
            dropped = [edge for edge in led.get(at, ()) if _drops(net, edge)]
            paths = [_along(calls, edge) for edge in dropped]
            path = min(filter(None, paths), key=lambda each: each.seconds, default=None)
            if not dropped:
                continue
        yield Finding(
            Rule.SILENT_END,
            (*keys_of(place), "prompts"),
            way_to(reached, place),
            "callers are let go here without a word",
            'say goodbye: prompts = ["goodbye"]',
            example=path.example() if path else None,
        )
        return


def _is_mute(net: Net, edge: Edge) -> bool:
    node = net.node(edge.start)
    return isinstance(node, Goto | HoursFork) or (isinstance(node, Say) and not node.prompts)


def _drops(net: Net, edge: Edge) -> bool:
    """Nothing was said, or kept, at its start."""
    if _is_mute(net, edge) or isinstance(net.node(edge.start), Say | TakeMessage):
        return False
    return edge.by != "kept"
