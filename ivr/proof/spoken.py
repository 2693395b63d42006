"""Whatever may be said can be said, in each language in which it may be; and what to do in an
emergency is said first.

Emergency advice is a prompt named `emergency-first`, or one whose words say a number of the
clinic's `emergency_numbers` ("dial 9 1 1"; spaces and dashes do not matter). The first prompt that
a flow speaks to a caller of a line must be one: of the line's first node that speaks, whatever the
hours, also after phones that rang in vain. What a schedule has spoken of a day comes before its
flow can say anything; there its own words should begin so, or a node before it, and a warning says
so. Lines that lead straight to a person's phone have no flow, and no advice.
"""

import re
from collections.abc import Collection, Iterator, Mapping

from ivr import consent, flow, hours, inside, lease
from ivr.callback_talk import AGENT_PROMPTS, queue_prompt
from ivr.flow import Place
from ivr.plan import Enqueue, HoursFork, Menu, Plan, Ring, RingOutside, TakeMessage
from ivr.proof.calls import Calls, Path, Stand, steps, wrong_key
from ivr.proof.finding import Finding, Grade, Rule
from ivr.proof.moments import Situation
from ivr.proof.net import Net, Reached, every, keys_of, reach, untouched, way_to
from ivr.simulate import Phones

Prompts = Mapping[str, Collection[str]]  # names by language; the words too, where it has them
ADVICE = "emergency-first"


def missing_prompts(net: Net, calls: Calls, prompts: Prompts) -> Iterator[Finding]:
    plan = net.plan
    for name, entrance in net.entrances().items():
        # The front desk is where every call may end up, whatever the flow says.
        reached = reach(net, [entrance, flow.FRONT_DESK], every)
        for place, language in _spoken_at(net, entrance, plan.lines[name].language):
            for prompt in _prompts_at(net, place):
                if prompt not in prompts.get(language, ()):
                    path = _heard(net, calls, place, language, prompt)
                    yield Finding(
                        Rule.PROMPT,
                        keys_of(place),
                        way_to(reached, place),
                        f"the prompt {prompt} has no words in the language {language}",
                        f'add {prompt} = "…" to [prompts.{language}]',
                        example=path.example(_to_hear(net, place, prompt)) if path else None,
                    )


def _heard(net: Net, calls: Calls, place: Place, language: str, prompt: str) -> Path | None:
    """A call to which it is spoken, or may be."""
    node = net.node(place)
    if not isinstance(node, HoursFork):
        return calls.to(place, language)
    told = calls.moments.as_written
    saying = [each for each in told if node.hours in each.told and
              each.told[node.hours].say == prompt]  # fmt: skip
    return calls.shortest([place], saying, language)


def _to_hear(net: Net, place: Place, prompt: str) -> str:
    node = net.node(place)
    is_wrong = isinstance(node, Menu) and prompt == node.wrong and prompt not in node.prompts
    return wrong_key(node) or "" if is_wrong and isinstance(node, Menu) else ""


def _prompts_at(net: Net, place: Place) -> tuple[str, ...]:
    """What callers may hear at a place, be it a schedule's announcement."""
    node = net.node(place)
    if isinstance(node, HoursFork) and node.hours in net.plan.hours:
        return hours.announcements(net.plan.hours[node.hours])
    if isinstance(node, Menu) and node.tries == 1:
        return node.prompts  # there is no second time for it to be told of
    return flow.prompts_of(node)


def _spoken_at(net: Net, entrance: Place, language: str) -> Collection[tuple[Place, str]]:
    """Every place with each language that it may be spoken in: a flow may change it, and the front
    desk may be come to from everywhere."""
    first = net.language_at(entrance, language)
    reached = dict.fromkeys([(entrance, first), (flow.FRONT_DESK, first)])
    fringe = list(reached)
    for place, spoken in fringe:
        ends = [end for _, end in net.ways(place)]
        for end in (*ends, flow.FRONT_DESK):
            state = (end, net.language_at(end, spoken))
            if state not in reached:
                reached[state] = None
                fringe.append(state)
    return reached


def unspoken_on_call(
    net: Net, calls: Calls, reached: Reached, prompts: Prompts
) -> Iterator[Finding]:
    """People who are called are spoken to in the clinic's own language."""
    plan = net.plan
    for place in reached:
        node = net.node(place)
        if not (isinstance(node, TakeMessage) and node.oncall):
            continue
        for prompt in lease.PROMPTS:
            if prompt not in prompts.get(plan.language, ()):
                path = calls.to(place)
                yield Finding(
                    Rule.PROMPT,
                    keys_of(place),
                    "",
                    f"people on call cannot be told {prompt} in the language {plan.language}",
                    f'add {prompt} = "…" to [prompts.{plan.language}]',
                    example=path.example() if path else None,
                )


def unspoken_to_agents(plan: Plan, prompts: Prompts) -> Iterator[Finding]:
    """Whoever calls somebody back hears first who it is, and whoever takes a call outside by a key
    that there is one to take."""
    heard: list[tuple[tuple[str | int, ...], str]] = [
        (("queues", queue.name, "callbacks"), prompt)
        for queue in plan.queues.values()
        if queue.callbacks
        for prompt in (queue_prompt(queue.name), *AGENT_PROMPTS)
    ]
    heard += [
        (("flows", program.name, "nodes", name, "confirm"), flow.OUTSIDE_TAKE)
        for program in plan.flows.values()
        for name, node in program.nodes.items()
        if isinstance(node, RingOutside) and node.confirm
    ]
    for where, prompt in heard:
        if prompt not in prompts.get(plan.language, ()):
            yield Finding(
                Rule.PROMPT,
                where,
                "",
                f"the prompt {prompt} has no words in the language {plan.language}",
                f'add {prompt} = "…" to [prompts.{plan.language}]',
            )


def unspoken_consent(plan: Plan, prompts: Prompts) -> Iterator[Finding]:
    """Nobody agrees to what was not said."""
    asked = consent.prompts_of(plan)
    spoken = {plan.language, *(line.language for line in plan.lines.values())}
    spoken |= {program.language for program in plan.flows.values() if program.language}
    for language in sorted(spoken):
        for prompt in asked:
            if prompt not in prompts.get(language, ()):
                yield Finding(
                    Rule.PROMPT,
                    ("prompts", language),
                    "",
                    f"callers who are to be recorded cannot be told so in the language {language}",
                    f'add {prompt} = "…" to [prompts.{language}]',
                )


# ---- what is said first ----


def no_advice(net: Net, calls: Calls, prompts: Prompts) -> Iterator[Finding]:
    """Each place that speaks first, and does not say it, once."""
    told: set[tuple[Place, Grade]] = set()
    for situation in calls.moments.all:
        for name, entrance in net.entrances().items():
            line = net.plan.lines[name]
            if entrance.flow == inside.OURS:
                continue
            stand = Stand(entrance, net.language_at(entrance, line.language))
            for place, grade in _unadvised(net, situation, stand, prompts):
                if (place, grade) not in told:
                    told.add((place, grade))
                    yield _advise(net, place, grade, _come(calls, situation, place, name))


def _come(calls: Calls, situation: Situation, place: Place, line: str) -> Path:
    """Who does nothing comes there, where nobody answers."""
    path = calls.within(situation).to([place])
    return path if path and path.line == line else Path(line, place, situation, (), 0.0)


def _advise(net: Net, place: Place, grade: Grade, path: Path) -> Finding:
    is_at_hours = isinstance(net.node(place), HoursFork)
    return Finding(
        Rule.ADVICE,
        keys_of(place),
        "",
        "callers hear of a closed day before they hear what to do in an emergency"
        if is_at_hours
        else "this is the first that callers hear, and it does not begin with what to do in an"
        " emergency",
        'lead callers through a node of the kind say with prompts = ["emergency-first"] before'
        if is_at_hours or isinstance(net.node(place), Enqueue)
        else 'begin its prompts with "emergency-first", or with words of your own that say which'
        " emergency number to dial",
        grade,
        path.example(phones=Phones.SILENT),
    )


def _unadvised(
    net: Net, situation: Situation, stand: Stand, prompts: Prompts
) -> Iterator[tuple[Place, Grade]]:
    seen: set[Place] = set()
    at: Stand | None = stand
    while at is not None and at.place not in seen:
        seen.add(at.place)
        node = net.node(at.place)
        if at.place.flow == inside.OURS or isinstance(node, Ring):
            first: tuple[str, ...] = ()
        elif isinstance(node, HoursFork):
            told = situation.told.get(node.hours)
            first = (told.say,) if told and told.say else ()
        else:
            first = flow.prompts_of(node)
        if first and not _is_advice(net.plan, prompts, at.language, first[0]):
            is_at_hours = isinstance(node, HoursFork)
            yield at.place, Grade.WARNED if is_at_hours else Grade.REFUSED
        if first and not isinstance(node, HoursFork):
            return
        idle = {edge.keys for edge, _ in untouched(net, at.place)}
        ahead = steps(net, situation, at)
        at = next((end for edge, end in ahead if edge.keys in idle), None)


def _is_advice(plan: Plan, prompts: Prompts, language: str, prompt: str) -> bool:
    spoken = prompts.get(language, ())
    words = spoken.get(prompt, "") if isinstance(spoken, Mapping) else ""
    digits = re.sub(r"(?<=[0-9])[\s-]+(?=[0-9])", "", str(words))
    named = re.findall(r"[0-9]+", digits)
    return prompt == ADVICE or any(number in named for number in plan.emergency_numbers)
