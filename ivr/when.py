"""What a caller on a line would meet at a time, before it comes: through schedules and what is only
spoken, to the first place at which the caller chooses, waits, is rung for or is let go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ivr import flow, hours
from ivr.call import SILENT_HOPS_MAX
from ivr.errors import UnknownLineError
from ivr.flow import Place
from ivr.form import TakeRequest
from ivr.hours import Answer, Switch
from ivr.identity import AskIdentity
from ivr.plan import (
    CallBack,
    Enqueue,
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


@dataclass(frozen=True, slots=True)
class Step:
    """A place on the way: what it is, what is spoken there, and by which answer of which schedule
    it leads on."""

    place: Place
    what: str
    prompts: tuple[str, ...] = ()
    language: str = ""
    schedule: str = ""
    answer: Answer | None = None
    changes: datetime | None = None  # when the schedule opens or closes next


@dataclass(frozen=True, slots=True)
class Outlook:
    """A plan at a time: what is switched by hand, and whether the clock is to be trusted."""

    plan: Plan
    local: datetime
    switches: Mapping[str, Switch] = field(default_factory=dict)
    trusted: bool = True


def ahead(outlook: Outlook, line: str) -> list[Step]:
    """The way of a caller who presses no key yet."""
    plan = outlook.plan
    if line not in plan.lines:
        known = ", ".join(plan.lines) or "none"
        raise UnknownLineError(f"there is no line {line!r}; the clinic has: {known}")
    place, language = flow.start_of(plan, line), plan.lines[line].language
    steps: list[Step] = []
    # As in a call, a circle leads to a person.
    for _ in range(SILENT_HOPS_MAX):
        language = flow.flow_of(plan, place).language or language
        node = flow.node_at(plan, place)
        step = _step(outlook, place, node, language)
        steps.append(step)
        onward = _onward(node, step)
        if onward is None:
            return steps
        place = flow.resolve(plan, place.flow, onward)
    return [*steps, _step(outlook, flow.FRONT_DESK, flow.node_at(plan, flow.FRONT_DESK), language)]


def _onward(node: Node, step: Step) -> str | None:
    match node:
        case HoursFork() if step.answer is not None:
            return hours.way_of(node, step.answer)
        case Say(next=target) | Goto(target=target):
            return target
        case _:
            return None


def _step(outlook: Outlook, place: Place, node: Node, language: str) -> Step:
    match node:
        case HoursFork(hours=name):
            return _at_hours(outlook, place, name, language)
        case Goto(target=target):
            return Step(place, f"goes on to {target}")
        case Say(prompts=prompts):
            return Step(place, "hears", prompts, language)
        case Menu(prompts=prompts):
            return Step(place, "hears a menu", prompts, language)
        case Enqueue(queues=queues):
            return Step(place, f"waits for {' and '.join(queues)}")
        case Ring(phones=phones):
            return Step(place, f"has rung {', '.join(phones)}")
        case RingOutside(prompts=prompts):
            return Step(place, "is put through to a number outside", prompts, language)
        case TakeMessage(mailbox=mailbox, prompts=prompts):
            return Step(place, f"is asked for a message to {mailbox}", prompts, language)
        case TakeRequest(request=kind, questions=questions):
            return Step(place, f"is asked for a request ({kind})", questions[0].prompts, language)
        case AskIdentity(ask=ask):
            return Step(place, f"is asked for {' and '.join(ask)}")
        case CallBack(queue=queue):
            return Step(place, f"is offered to be called back by {queue}")
        case SnowDay():
            return Step(place, "is asked for a PIN")
        case OwnGreeting():
            return Step(place, "records a greeting")
        case ListenByPhone():
            return Step(place, "listens to a mailbox by PIN")
        case Hangup(prompts=prompts):
            return Step(place, "is let go", prompts, language)


def _at_hours(outlook: Outlook, place: Place, name: str, language: str) -> Step:
    switch, schedule = outlook.switches.get(name), outlook.plan.hours.get(name)
    given = hours.answer_in(outlook.plan, name, outlook.local, switch, trusted=outlook.trusted)
    said = (given.why.say,) if given.why.say else ()
    changes = (
        hours.next_change(schedule, outlook.local, switch) if schedule and outlook.trusted else None
    )
    return Step(place, f"{name} is {hours.in_words(given)}", said, language, name, given, changes)
