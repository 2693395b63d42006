"""A plan as a net: every way out of every place, and what a call has to do to go it.

A way is taken by keys, by time alone, by phones that stay silent or are not there, or by what a
schedule says. What a schedule says is an argument: the net holds the ways of all its answers.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from ivr import flow
from ivr.asking import DATE_DIGITS, Kind, Question
from ivr.flow import Place, Way
from ivr.form import TakeRequest
from ivr.identity import AskIdentity
from ivr.plan import (
    CallBack,
    Enqueue,
    Goto,
    Hangup,
    HoursFork,
    Menu,
    Node,
    Overflow,
    Plan,
    Ring,
    RingOutside,
    Say,
    SnowDay,
    TakeMessage,
)
from ivr.simulate import WORDS_PER_S, Phones

# How long is what lasts as long as people make it: only to tell a shorter call from a longer.
PROMPT_S = 4.0  # where nobody knows its length
KEY_S = 1.0
MESSAGE_S = 15.0
DECLINED_S = 20.0

Lengths = Mapping[str, Mapping[str, float]]  # language -> prompt -> seconds


def lengths_of(words: Mapping[str, Mapping[str, str]]) -> Lengths:
    """How long prompts last that are only known as words, by language."""
    return {
        language: {name: len(said.split()) / WORDS_PER_S for name, said in prompts.items()}
        for language, prompts in words.items()
    }


@dataclass(frozen=True, slots=True)
class Takes:
    """What makes a call go one way: so many seconds, keys, and phones that do no more than this.
    `closed` is a schedule that must be so. What `simulate` has no means for cannot be imagined."""

    seconds: float
    press: str = ""
    phones: Phones = Phones.ANSWER
    closed: str | None = None
    can_be_imagined: bool = True


@dataclass(frozen=True, slots=True)
class Edge:
    """One step of a caller's way; where it leads nowhere, `end` is None."""

    start: Place
    by: str
    target: str
    end: Place | None
    keys: tuple[str | int, ...]  # of the way, in the site file
    takes: Takes


@dataclass(slots=True)
class Net:
    """Edges by the place they leave, drawn once."""

    plan: Plan
    lengths: Lengths
    _edges: dict[Place, tuple[Edge, ...]] = field(default_factory=dict)
    _nodes: dict[Place, Node] = field(default_factory=dict)

    def node(self, place: Place) -> Node:
        """What stands there."""
        if (found := self._nodes.get(place)) is None:
            found = self._nodes[place] = flow.node_at(self.plan, place)
        return found

    def written(self, place: Place) -> tuple[Edge, ...]:
        """Every way that is written, key 0 by the flow's rule included."""
        if (found := self._edges.get(place)) is None:
            found = self._edges[place] = tuple(self._drawn(place))
        return found

    def ways(self, place: Place) -> Iterator[tuple[Edge, Place]]:
        """Those that lead somewhere, with where."""
        for edge in self.written(place):
            if edge.end is not None:
                yield edge, edge.end

    def entrances(self) -> dict[str, Place]:
        """Where callers of each line begin."""
        return {name: flow.start_of(self.plan, name) for name in self.plan.lines}

    def language_at(self, place: Place, spoken: str) -> str:
        """What is spoken there to somebody who came in another language."""
        if place.flow == flow.FRONT_DESK.flow:
            return spoken
        return self.plan.flows[place.flow].language or spoken

    def length_s(self, prompts: Collection[str], language: str) -> float:
        """How long they are spoken."""
        known = self.lengths.get(language, {})
        return sum(known.get(prompt, PROMPT_S) for prompt in prompts)

    def _drawn(self, place: Place) -> Iterator[Edge]:
        node = self.node(place)
        for way in flow.ways(node):
            yield self._edge(place, node, way)
        zero = flow.flow_of(self.plan, place).zero
        if isinstance(node, Menu) and flow.ZERO not in node.choices and zero is not None:
            yield self._edge(place, node, Way(f"key {flow.ZERO}", ("choices", flow.ZERO), zero))

    def _edge(self, place: Place, node: Node, way: Way) -> Edge:
        end = flow.find(self.plan, place.flow, way.target)
        language = self.language_at(place, self.plan.language)
        takes = _takes(node, way, lambda prompts: self.length_s(prompts, language))
        return Edge(place, way.by, way.target, end, way.key, takes)


Seconds = Callable[[Collection[str]], float]


def _takes(node: Node, way: Way, lasts: Seconds) -> Takes:
    match node:
        case Say(prompts=prompts):
            return Takes(lasts(prompts))
        case Menu() if way.key[0] == "choices":
            return Takes(KEY_S, press=str(way.key[1]))
        case Menu(prompts=prompts, tries=tries, timeout_s=timeout_s):
            return Takes(tries * (lasts(prompts) + timeout_s))
        case Enqueue(overflow=rules) if way.key[0] == "overflow":
            return _overflowing(rules[int(way.key[1])])
        case Enqueue(callback_key=key) if way.key[0] == "callback":
            return Takes(KEY_S, press=key)
        case Enqueue(escape=str() as key):
            return Takes(KEY_S, press=key)
        case Enqueue(patience_s=patience_s):
            return Takes(patience_s, phones=Phones.SILENT)
        case Ring(for_s=for_s) | RingOutside(for_s=for_s):
            return Takes(for_s, phones=Phones.SILENT)
        case TakeMessage(prompts=prompts):
            return Takes(lasts(prompts) + MESSAGE_S)
        case CallBack():
            return Takes(DECLINED_S)
        case TakeRequest(questions=questions) if way.key[0] == "next":
            return _answering(questions)
        case AskIdentity(questions=questions) if way.key[0] == "next":
            return _answering(questions)
        case TakeRequest() | AskIdentity():
            return Takes(KEY_S, press="*")
        case _:
            return Takes(0.0)


def _overflowing(rule: Overflow) -> Takes:
    """A place in line is other callers' doing; without an agent, one caller is too many."""
    needs_nobody = rule.no_agent or rule.per_agent is not None
    return Takes(
        rule.after_s or 0.0,
        phones=Phones.ABSENT if needs_nobody else Phones.SILENT,
        closed=rule.closed,
        can_be_imagined=not rule.place_over,
    )


def _answering(questions: Collection[Question]) -> Takes:
    pressed = "".join(map(_answer, questions))
    return Takes(KEY_S * len(pressed), press=pressed)


def _answer(question: Question) -> str:
    match question.kind:
        case Kind.CHOICE:
            return next(iter(question.choices), "0")
        case Kind.RECORDED:
            return "##"  # what has begun to be recorded is at its end
        case Kind.DATE:
            keyed, most = "04121985", DATE_DIGITS
        case Kind.DIGITS | Kind.NUMBER:
            keyed, most = "2" * max(question.least, 1), question.most
    return keyed + ("" if len(keyed) >= most else "#") + ("1" if question.is_read_back else "")


# ---- walks ----

Onward = Callable[[Net, Place], Iterator[tuple[Edge, Place]]]
# Places reached, each with the step that first led there; None at the entrance.
Reached = Mapping[Place, Edge | None]


def every(net: Net, place: Place) -> Iterator[tuple[Edge, Place]]:
    """The ways of all keys, all agents and all hours."""
    return net.ways(place)


def opened(net: Net, place: Place) -> Iterator[tuple[Edge, Place]]:
    """The ways there are while every schedule is open."""
    is_fork = isinstance(net.node(place), HoursFork)
    return ((edge, end) for edge, end in net.ways(place) if not is_fork or edge.by == "open")


# Of each node, the way of a caller who does nothing, where nobody answers. A message, a promise
# and a person are ends; a form and a proof of identity wait for keys in vain.
_UNTOUCHED = {
    Say: "then", Goto: "goto", Menu: "no key", CallBack: "no call-back", Enqueue: "nobody",
    Ring: "nobody", RingOutside: "nobody", TakeRequest: "a person", AskIdentity: "doubt",
}  # fmt: skip


def untouched(net: Net, place: Place) -> Iterator[tuple[Edge, Place]]:
    """The ways of a caller who does nothing, where nobody answers; all of a fork's."""
    node = net.node(place)
    if isinstance(node, HoursFork):
        return net.ways(place)
    by = _UNTOUCHED.get(type(node))
    return ((edge, end) for edge, end in net.ways(place) if edge.by == by)


def reach(net: Net, entrances: Collection[Place], onward: Onward) -> dict[Place, Edge | None]:
    """Every place that can be come to, by fewest steps."""
    reached: dict[Place, Edge | None] = dict.fromkeys(entrances)
    fringe = list(reached)
    for place in fringe:
        for edge, end in onward(net, place):
            if end not in reached:
                reached[end] = edge
                fringe.append(end)
    return reached


def leading_to(
    net: Net, goals: Collection[Place], places: Collection[Place], onward: Onward
) -> Collection[Place]:
    """The places, goals included, from which a goal can be come to."""
    came_from: dict[Place, list[Place]] = {}
    for place in places:
        for _, end in onward(net, place):
            came_from.setdefault(end, []).append(place)
    leading = dict.fromkeys(goals)
    fringe = list(leading)
    for place in fringe:
        for before in came_from.get(place, ()):
            if before not in leading:
                leading[before] = None
                fringe.append(before)
    return leading


def way_to(reached: Reached, place: Place) -> str:
    """The way to a place in words: `main/hours -(open)-> main/menu -(key 1)-> main/nurse`."""
    words = str(place)
    while (edge := reached.get(place)) is not None:
        words = f"{edge.start} -({edge.by})-> {words}"
        place = edge.start
    return words


def keys_of(place: Place) -> tuple[str, ...]:
    """A place by its keys in the site file."""
    return ("flows", place.flow, "nodes", place.node)


def is_end(node: Node) -> bool:
    """After it a caller is, or has been, cared for."""
    ends = Enqueue | Ring | RingOutside | TakeMessage | CallBack | SnowDay | Hangup
    return isinstance(node, ends)
