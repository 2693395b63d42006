"""One fault put into a sound site, and how a caller hears it: `faulty_site(seed)`.

Of the six kinds each is put in several ways. What shows it is told in the words of `careline
simulate`, which knows of no prover.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from tests.flows.sound import Document, sound_site

Way = tuple[Document, str]  # a table, and the key under which it names a target


@dataclass(frozen=True, slots=True)
class Fault:
    """What was done to a site, and the pattern that the imagined call shows."""

    kind: str
    what: str
    document: Document
    shown: re.Pattern[str]
    hidden: re.Pattern[str] | None = None  # what it must not show


FOR_EVER = re.compile(r"^[0-9:]+    here for the 10th time, and gives up$|^[0-9:]+  circle ", re.M)
FRONT_DESK = re.compile(r"^[0-9:]+  ring \*/front-desk$", re.M)
TALKED = re.compile(r"outcome: (answered|transferred)$", re.M)
CARED_FOR = re.compile(r"outcome: (answered|transferred|message|callback)$", re.M)
OVER = re.compile(r"outcome: ", re.M)


def faulty_site(seed: int) -> Fault:
    """A sound site with one fault; the kinds take turns."""
    random = Random(seed)
    put = KINDS[seed % len(KINDS)]
    while (fault := put(random, sound_site(random.randrange(2**32)))) is None:
        pass
    return fault


def _nodes(document: Document) -> Iterator[tuple[str, str, Document]]:
    for flow, program in document["flows"].items():
        for name, node in program["nodes"].items():
            yield flow, name, node


def _of(document: Document, *kinds: str) -> list[tuple[str, str, Document]]:
    return [each for each in _nodes(document) if each[2]["kind"] in kinds]


def _ways(document: Document) -> list[Way]:
    """Everywhere a target is named."""
    found: list[Way] = []
    for program in document["flows"].values():
        found += [(program, key) for key in ("start", "zero") if key in program]
    for _, _, node in _nodes(document):
        keys = ("next", "otherwise", "open", "closed", "lunch", "holiday", "callback", "person",
                "doubt", "target")  # fmt: skip
        found += [(node, key) for key in keys if key in node]
        found += [(node["choices"], key) for key in node.get("choices", {})]
        found += [(rule, "to") for rule in node.get("overflow", [])]
    return found


def _dangling(random: Random, document: Document) -> Fault | None:
    table, key = random.choice(_ways(document))
    table[key] = "nowhere" if key == "start" else random.choice(["nowhere", "flow:nowhere"])
    return Fault("dangling", f"{key} leads nowhere", document, FRONT_DESK)


def _loop(random: Random, document: Document) -> Fault | None:
    flow, name, node = random.choice(_of(document, "menu", "goto", "queue", "ring"))
    nodes = document["flows"][flow]["nodes"]
    key = "target" if node["kind"] == "goto" else "otherwise"
    match random.choice(("self", "goto", "say")):
        case "self":
            node[key] = name
        case "goto":
            nodes["round"] = {"kind": "goto", "target": name}
            node[key] = "round"
        case _:
            nodes["round"] = {"kind": "say", "prompts": ["goodbye"], "next": name}
            node[key] = "round"
    node.pop("overflow", None)
    return Fault("loop", f"{flow}/{name} leads to itself", document, FOR_EVER)


def _dead_end(random: Random, document: Document) -> Fault | None:
    flow, name, node = random.choice(_of(document, "menu"))
    nodes = document["flows"][flow]["nodes"]
    if random.random() < 0.5:
        for one, other in (("left", "right"), ("right", "left")):
            nodes[one] = {"kind": "menu", "prompts": ["goodbye"], "timeout_s": 5, "tries": 1,
                          "choices": {"0": other, "1": other}, "otherwise": other}  # fmt: skip
    else:
        nodes["left"] = {"kind": "say", "prompts": ["goodbye"], "next": "right"}
        nodes["right"] = {"kind": "say", "prompts": ["goodbye"], "next": "left"}
    node["choices"][random.choice("6789")] = "left"
    return Fault("dead end", f"a key of {flow}/{name} leads into it", document, FOR_EVER)


def _missing_prompt(random: Random, document: Document) -> Fault | None:
    texts = document["prompts"]["en"]
    spoken = [node for _, _, node in _nodes(document) if "prompts" in node]
    shown = re.compile(r'says ".*\[unwritten\]', re.M)
    match random.choice(("node", "wrong", "words")):
        case "node":
            node = random.choice(spoken)
            at = random.randrange(len(node["prompts"]))
            node["prompts"][at] = "unwritten"
            if at == 0:  # the emergency advice stays first, where it was
                node["prompts"][:1] = ["emergency-first", "unwritten"]
        case "wrong":
            patient = [node for _, _, node in _of(document, "menu") if node["tries"] > 1]
            if not patient:
                return None
            node = random.choice(patient)
            node["wrong"] = "unwritten"
        case _:
            used = [p for node in spoken for p in node["prompts"] if p in texts and p != "advice"]
            if not used:
                return None
            name = random.choice(used)
            for language in document["prompts"].values():
                language.pop(name, None)
            shown = re.compile(rf'says ".*\[{name}\]', re.M)
    return Fault("missing prompt", "a prompt without words", document, shown)


def _unreachable_person(random: Random, document: Document) -> Fault | None:
    flows = document["flows"]
    flows["main"]["nodes"]["away"] = {"kind": "hangup", "prompts": ["goodbye"]}
    flows["night"]["nodes"]["away"] = {"kind": "hangup", "prompts": ["goodbye"]}
    match random.choice(("zero", "skill", "line", "night", "menu")):
        case "zero":
            flows["main"]["zero"] = "away"
            return Fault("unreachable person", "zero hangs up", document, OVER, TALKED)
        case "skill":
            document["queues"]["desk"]["needs"] = {"latin": 1}
            return Fault("unreachable person", "nobody has the skill", document, OVER, TALKED)
        case "line":
            _, _, fork = _of(document, "hours")[-1]
            fork["open"] = "flow:night"
            flows["night"]["zero"] = flows["night"]["start"]
            night = [n["kind"] for n in flows["night"]["nodes"].values()]
            if "ring" in night:
                return None
            return Fault("unreachable person", "open, there is a tape", document, OVER, TALKED)
        case "menu":
            _, name, node = random.choice(_of({"flows": {"main": flows["main"]}}, "menu"))
            node["choices"]["0"] = "away"
            return Fault("unreachable person", f"0 of {name} hangs up", document, OVER, TALKED)
        case _:
            if "zero" not in flows["night"]:
                return None
            flows["night"]["zero"] = "away"
            return Fault("unreachable person", "zero at night hangs up", document, OVER, CARED_FOR)


def _overlapping_hours(random: Random, document: Document) -> Fault | None:
    asked = [node["hours"] for _, _, node in _of(document, "hours")]
    schedule = document["hours"][random.choice(asked)]
    day = random.choice([key for key in schedule if key in ("mon", "tue", "wed", "thu", "fri")])
    opens, closes = schedule[day][0].split("-")
    hour = int(opens[:2]) + random.randint(0, 2)
    schedule[day].append(f"{hour:02}:45-{int(closes[:2]) + random.choice((0, 1, 2)):02}:50")
    shown = re.compile(r"is open twice at this time", re.M)
    return Fault("overlapping hours", f"{day} is written twice", document, shown)


KINDS: list[Callable[[Random, Document], Fault | None]] = [
    _dangling, _loop, _dead_end, _missing_prompt, _unreachable_person, _overlapping_hours,
]  # fmt: skip
