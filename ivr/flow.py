"""Where a target leads, and which ways lead out of a node.

Two nodes need no site file: the front desk's phones, where a caller goes whom the flow leads
nowhere, and the apology behind them. They are a flow whose name no site can give.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from ivr import asking, form, identity, inside, lease, listening, own_words, urgent
from ivr.callback_talk import PROMPTS as CALLBACK_PROMPTS
from ivr.form import TakeRequest
from ivr.identity import AskIdentity
from ivr.plan import (
    FLOW_PREFIX,
    CallBack,
    Enqueue,
    Flow,
    Goto,
    Hangup,
    HoursFork,
    ListenByPhone,
    Menu,
    Node,
    OwnGreeting,
    Plan,
    Ring,
    RingOutside,
    Say,
    SnowDay,
    TakeMessage,
)

FRONT_DESK_RING_S = 40.0  # as long as a caller listens to a ringing tone before giving up
ZERO = "0"

# Prompts that nodes speak beside their own. The position in a queue is a number up to NUMBERS_MAX.
NOTHING_HEARD = "nothing-heard"
CONNECTING = "connecting"
OUTSIDE_TAKE = "outside-take"  # heard by who answers there
PLEASE_WAIT = "please-wait"
MESSAGE_KEPT = "message-kept"
MESSAGE_FAILED = "message-failed"
MESSAGE_REFUSED = "message-refused"  # there is no room for one
NOBODY = "failsafe-nobody"
CALLBACK_OFFER = "callback-offer"
NUMBERS_MAX = 20


@dataclass(frozen=True, slots=True)
class Place:
    """A node of a flow."""

    flow: str
    node: str

    def __str__(self) -> str:
        return f"{self.flow}/{self.node}"


FRONT_DESK = Place(inside.OURS, "front-desk")
_APOLOGY = Place(inside.OURS, "apology")


@dataclass(frozen=True, slots=True)
class Way:
    """One way out of a node: what takes it, the keys it has in the site file, and its target."""

    by: str
    key: tuple[str | int, ...]
    target: str


def start_of(plan: Plan, line: str, dialled: str = "") -> Place:
    """Where a line's callers begin, or who dialled at a desk; the front desk, if the line is not
    ours."""
    if line == inside.INSIDE:
        return inside_at(plan, dialled)
    found = plan.lines.get(line)
    if found and found.phone is not None:
        return inside_at(plan, found.phone)
    flow = plan.flows.get(found.flow) if found else None
    return resolve(plan, flow.name, flow.start) if flow else FRONT_DESK


def inside_at(plan: Plan, number: str) -> Place:
    """Where an internal number leads; the front desk, if nobody has it."""
    found = inside.leads_to(plan, number)
    return Place(*found) if found else FRONT_DESK


def resolve(plan: Plan, flow: str, target: str) -> Place:
    """The place a target names, seen from a flow; the front desk, if it names none."""
    return find(plan, flow, target) or FRONT_DESK


def find(plan: Plan, flow: str, target: str) -> Place | None:
    """The place a target names, seen from a flow; None, if it names none."""
    node = target
    if target.startswith(FLOW_PREFIX):
        flow = target.removeprefix(FLOW_PREFIX)
        node = plan.flows[flow].start if flow in plan.flows else ""
    place = Place(flow, node)
    return place if node in flow_of(plan, place).nodes else None


def flow_of(plan: Plan, place: Place) -> Flow:
    """The flow of a place; an empty one, if there is none of this name."""
    if place.flow == FRONT_DESK.flow:
        ours = inside.nodes(plan, place.node, FRONT_DESK.node)
        return Flow(FRONT_DESK.flow, FRONT_DESK.node, {**_built_in(plan), **ours})
    return plan.flows.get(place.flow) or Flow(place.flow, "", {})


def node_at(plan: Plan, place: Place) -> Node:
    """The node at a place that `resolve` has given."""
    return flow_of(plan, place).nodes[place.node]


def zero_of(plan: Plan, place: Place) -> Place:
    """Where key 0 leads from a menu that does not use it."""
    return resolve(plan, place.flow, flow_of(plan, place).zero or "")


def ways(node: Node) -> Iterator[Way]:
    """Every way out that is written in a node."""
    match node:
        case Say(next=target):
            yield Way("then", ("next",), target)
        case Menu(choices=choices, otherwise=otherwise):
            for key, target in choices.items():
                yield Way(f"key {key}", ("choices", key), target)
            yield Way("no key", ("otherwise",), otherwise)
        case HoursFork(open=is_open, closed=closed, lunch=lunch, holiday=holiday):
            yield Way("open", ("open",), is_open)
            yield Way("closed", ("closed",), closed)
            for by, other in (("lunch", lunch), ("holiday", holiday)):
                if other is not None:
                    yield Way(by, (by,), other)
        case Enqueue(otherwise=otherwise, overflow=rules, callback=callback):
            if callback is not None:
                yield Way(f"key {node.callback_key}", ("callback",), callback)
            for index, rule in enumerate(rules):
                yield Way("overflow", ("overflow", index, "to"), rule.to)
            yield Way("nobody", ("otherwise",), otherwise)
        case CallBack(otherwise=otherwise):
            yield Way("no call-back", ("otherwise",), otherwise)
        case Ring(otherwise=otherwise) | RingOutside(otherwise=otherwise):
            yield Way("nobody", ("otherwise",), otherwise)
        case TakeMessage(next=target):
            yield Way("kept", ("next",), target)
        case TakeRequest(next=target, person=person):
            yield Way("kept", ("next",), target)
            yield Way("a person", ("person",), person)
        case AskIdentity(next=target, doubt=doubt):
            yield Way("identified", ("next",), target)
            yield Way("doubt", ("doubt",), doubt)
        case Goto(target=target):
            yield Way("goto", ("target",), target)
        case SnowDay() | OwnGreeting() | ListenByPhone() | Hangup():
            pass
        case _:
            assert_never(node)


def prompts_of(node: Node) -> tuple[str, ...]:
    """Every prompt that a caller may hear at a node."""
    match node:
        case Say(prompts=prompts) | Hangup(prompts=prompts) | RingOutside(prompts=prompts):
            return prompts
        case Menu(prompts=prompts, wrong=wrong):
            return (*prompts, wrong, NOTHING_HEARD)
        case CallBack():
            return CALLBACK_PROMPTS
        case Enqueue():
            numbers = range(1, NUMBERS_MAX + 2)
            said = (p for n in numbers for p in (*position_prompts(n), *wait_prompts(n)))
            return (PLEASE_WAIT, *dict.fromkeys(said), *callback_offer(node))
        case Ring():
            return (CONNECTING,)
        case TakeRequest(questions=questions):
            ends = (form.REQUEST_KEPT, form.REQUEST_FAILED, MESSAGE_FAILED, MESSAGE_REFUSED)
            return (*asking.prompts_of(questions), *ends)
        case AskIdentity(questions=questions):
            return (*asking.prompts_of(questions), identity.NOT_FOUND)
        case TakeMessage(prompts=prompts, oncall=layers):
            settled = (*urgent.PROMPTS, lease.PATIENT) if layers else ()
            return (*prompts, MESSAGE_KEPT, MESSAGE_FAILED, MESSAGE_REFUSED, *settled)
        case SnowDay():
            return own_words.prompts_of(own_words.Kind.ANNOUNCEMENT)
        case OwnGreeting():
            return own_words.prompts_of(own_words.Kind.GREETING)
        case ListenByPhone():
            return listening.PROMPTS
        case HoursFork() | Goto():
            return ()
        case _:
            assert_never(node)


def callback_offer(node: Enqueue) -> tuple[str, ...]:
    """How waiting callers are told of the key by which they are called back."""
    return () if node.callback is None else (CALLBACK_OFFER, f"number-{node.callback_key}")


def position_prompts(position: int) -> tuple[str, ...]:
    """How a place in line is said."""
    if position <= 1:
        return ("you-are-next",)
    if position <= NUMBERS_MAX:
        return ("you-are-number", f"number-{position}")
    return ("many-before-you",)


def wait_prompts(minutes: int) -> tuple[str, ...]:
    """How a wait is said."""
    if minutes > NUMBERS_MAX:
        return ("long-wait",)
    return ("answered-within", f"number-{minutes}", "minute" if minutes == 1 else "minutes")


def _built_in(plan: Plan) -> Mapping[str, Node]:
    return {
        FRONT_DESK.node: Ring(plan.front_desk, FRONT_DESK_RING_S, _APOLOGY.node),
        _APOLOGY.node: Hangup((NOBODY,)),
    }
