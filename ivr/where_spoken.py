"""Where a prompt is spoken: which parts of the site file say it, in which language, on which lines.

A flow may change the language, and the front desk may be come to from everywhere; so every line is
walked with the language that its callers hear. What no part of the file says, the box says by
itself: to those who dial a code, or when the exchange fails.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ivr import consent, flow, hours, lease, survey, whisper
from ivr.callback_talk import AGENT_PROMPTS, queue_prompt
from ivr.flow import Place
from ivr.plan import HoursFork, Menu, Plan, RingOutside


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """One part of the site file that speaks a prompt; no lines where it is not callers who hear
    it, or nobody comes there."""

    where: tuple[str, ...]  # its keys in the file
    language: str
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        match self.where:
            case ("flows", flow.FRONT_DESK.flow, _, node):
                part = f"the box's own {node}"
            case ("flows", program, _, node):
                part = f"flow {program}, node {node}"
            case (section, name):
                part = f"{SINGULAR.get(section, section)} {name}"
            case _:
                part = ", ".join(self.where)
        on = f" (lines: {', '.join(self.lines)})" if self.lines else ""
        return f"{part}{on}"


SINGULAR = {"queues": "queue", "phones": "phone", "lines": "line"}


def uses(plan: Plan) -> Mapping[str, tuple[Use, ...]]:
    """Every prompt that the site's own parts speak."""
    heard: dict[tuple[str, tuple[str, ...], str], set[str]] = {}
    for line, place, language in _walked(plan):
        for prompt in _prompts_at(plan, place):
            on = heard.setdefault((prompt, _keys(place), language), set())
            on |= {line} if line else set()
    for prompt, where in _beside(plan):
        heard.setdefault((prompt, where, plan.language), set())
    found: dict[str, list[Use]] = {}
    for (prompt, where, language), lines in sorted(heard.items()):
        found.setdefault(prompt, []).append(Use(where, language, tuple(sorted(lines))))
    return {prompt: tuple(told) for prompt, told in found.items()}


def _walked(plan: Plan) -> Iterator[tuple[str, Place, str]]:
    """Each place with each line and language by which it is come to; no line, if by none."""
    met: set[Place] = set()
    for line in plan.lines.values():
        for place, language in _reached(plan, line.name, line.language):
            met.add(place)
            yield line.name, place, language
    for program in plan.flows.values():
        for node in program.nodes:
            if (place := Place(program.name, node)) not in met:
                yield "", place, program.language or plan.language


def _reached(plan: Plan, line: str, language: str) -> dict[tuple[Place, str], None]:
    entrance = flow.start_of(plan, line)
    first = flow.flow_of(plan, entrance).language or language
    reached = dict.fromkeys([(entrance, first), (flow.FRONT_DESK, first)])
    fringe = list(reached)
    for place, spoken in fringe:
        for end in _ends(plan, place):
            state = (end, flow.flow_of(plan, end).language or spoken)
            if state not in reached:
                reached[state] = None
                fringe.append(state)
    return reached


def _ends(plan: Plan, place: Place) -> Iterator[Place]:
    node = flow.node_at(plan, place)
    for way in flow.ways(node):
        if (end := flow.find(plan, place.flow, way.target)) is not None:
            yield end
    if isinstance(node, Menu):
        yield flow.zero_of(plan, place)


def _prompts_at(plan: Plan, place: Place) -> tuple[str, ...]:
    node = flow.node_at(plan, place)
    if isinstance(node, HoursFork) and node.hours in plan.hours:
        return hours.announcements(plan.hours[node.hours])
    return flow.prompts_of(node)


def _keys(place: Place) -> tuple[str, ...]:
    return "flows", place.flow, "nodes", place.node


def _beside(plan: Plan) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What is said beside the flows: to agents, to people on call, and before a talk is
    recorded."""
    for program in plan.flows.values():
        for name, node in program.nodes.items():
            where = ("flows", program.name, "nodes", name)
            if isinstance(node, Menu):
                yield from ((prompt, where) for prompt in node.about.values())
            if isinstance(node, RingOutside) and node.confirm:
                yield flow.OUTSIDE_TAKE, where
    for queue in plan.queues.values():
        alone = replace(plan, lines={}, queues={queue.name: queue})
        said = list(consent.prompts_of(alone))
        if queue.whisper:
            said += [queue.whisper, *whisper.PROMPTS]
        if queue.callbacks:
            said += [queue_prompt(queue.name), *AGENT_PROMPTS]
        if queue.has_survey:
            said += [survey.QUESTION, survey.THANKS]
        yield from ((prompt, ("queues", queue.name)) for prompt in said)
    for line in plan.lines.values():
        alone = replace(plan, lines={line.name: line}, queues={})
        yield from ((prompt, ("lines", line.name)) for prompt in consent.prompts_of(alone))
    for phone in plan.phones.values():
        yield phone.location_prompt, ("phones", phone.extension)
        greeting = f"greeting-{phone.extension}"
        if any(greeting in texts for texts in plan.texts.values()):
            yield greeting, ("phones", phone.extension)
    if plan.rota is not None:
        yield from ((prompt, ("oncall",)) for prompt in lease.PROMPTS)
