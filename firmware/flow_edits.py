"""Changes of a flow as edits of the site file: a node goes with the ways that lead to it, and what
is added begins with what the clinic has.

The document is the site file as tomllib reads it, faults and all; nothing here judges it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from firmware.dashed import dashed
from firmware.edits import Edit, EditError, Put, Remove, Rename
from firmware.forms import WORD
from firmware.node_fields import ways_of
from firmware.settings import NODES_MAX
from firmware.toml_lines import Path
from ivr.plan import FLOW_PREFIX

Document = Mapping[str, Any]
Nodes = Mapping[str, Any]
NAME_MOST = 40


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a node or a flow is named."""

    path: Path
    target: str


def flows_of(document: Document) -> Mapping[str, Any]:
    return _table(document.get("flows"))


def nodes_of(document: Document, flow: str) -> Nodes:
    """Of a flow; none, if there is none of this name."""
    return _table(_table(flows_of(document).get(flow)).get("nodes"))


def names_in(document: Document, section: Sequence[str]) -> list[str]:
    """What can be named of a section, like `("oncall", "layers")`."""
    found: Mapping[str, Any] = document
    for part in section:
        found = _table(found.get(part))
    return list(found)


def language_of(document: Document, flow: str) -> str:
    """In which a flow speaks to callers of a line that has none of its own."""
    own = _table(flows_of(document).get(flow)).get("language")
    clinic = _table(document.get("clinic")).get("language")
    return next((each for each in (own, clinic) if isinstance(each, str) and each), "en")


def named(wished: str) -> str:
    """A name that somebody typed, as a site file has it: `Nurse, upstairs` is nurse-upstairs. Empty
    if nothing is left of it."""
    slug = dashed(wished)[:NAME_MOST].strip("-")
    return slug if re.fullmatch(WORD, slug) else ""


def free_name(nodes: Nodes, wished: str, *also: str) -> str:
    """The name, or the next number behind it that nobody has."""
    name, number = wished, 1
    while name in nodes or name in also:
        number += 1
        name = f"{wished[: NAME_MOST - len(str(number)) - 1]}-{number}"
    return name


def references(document: Document, flow: str, node: str) -> Iterator[Reference]:
    """Every place that leads to a node: only its own flow can."""
    here = ("flows", flow)
    table = _table(flows_of(document).get(flow))
    for key in ("start", "zero"):
        if table.get(key) == node:
            yield Reference((*here, key), node)
    for name, each in nodes_of(document, flow).items():
        for way in ways_of(each):
            if way.target == node:
                yield Reference((*here, "nodes", name, *way.key), node)


def renamed(document: Document, flow: str, node: str, wished: str) -> tuple[list[Edit], str]:
    """A node under another name, and everything that leads to it with it."""
    nodes, name = nodes_of(document, flow), named(wished)
    _there(nodes, node)
    if not name:
        raise EditError("a name begins with a letter: give another")
    if name == node:
        return [], node
    if name in nodes:
        raise EditError(f"there is a {name} already: take another name")
    led: list[Edit] = [Put(each.path, name) for each in references(document, flow, node)]
    return [*led, Rename(("flows", flow, "nodes", node), name)], name


def duplicated(document: Document, flow: str, node: str) -> tuple[list[Edit], str]:
    """The same once more under a name of its own; nothing leads there yet."""
    nodes = nodes_of(document, flow)
    _there(nodes, node)
    _room(nodes)
    name = free_name(nodes, node)
    return [Put(("flows", flow, "nodes", name), deepcopy(nodes[node]))], name


def removed(document: Document, flow: str, node: str, heir: str = "") -> list[Edit]:
    """Nothing is left of a node. What led to it leads to the heir; without one, keys that led there
    mean nothing any more, and what must lead somewhere is left for the prover to find."""
    nodes = nodes_of(document, flow)
    _there(nodes, node)
    if heir and heir not in nodes and not heir.startswith(FLOW_PREFIX):
        raise EditError(f"there is no {heir}: choose where callers go instead")
    edits: list[Edit] = []
    for each in references(document, flow, node):
        if each.path[:4] == ("flows", flow, "nodes", node):
            continue
        if heir and heir != node:
            if each.path[2:] == ("start",) and heir.startswith(FLOW_PREFIX):
                raise EditError("a flow begins at a node of its own: choose another")
            edits.append(Put(each.path, heir))
        elif "choices" in each.path or each.path[-1] in OPTIONAL:
            edits.append(Remove(each.path))
    return [*edits, Remove(("flows", flow, "nodes", node))]


OPTIONAL = frozenset({"zero", "lunch", "holiday", "callback"})


def heir_of(document: Document, flow: str, node: str) -> str:
    """Where whoever comes to a node and does nothing goes on."""
    ways = [way for way in ways_of(nodes_of(document, flow).get(node)) if way.target != node]
    onward = (way.target for each in ONWARD for way in ways if way.key[0] == each)
    return next(onward, ways[0].target if ways else "")


ONWARD = ("next", "otherwise", "open", "target")


# ---- common pieces ----


@dataclass(frozen=True, slots=True)
class Piece:
    """Nodes to be added, the first of which callers come to, and the words they speak."""

    nodes: Mapping[str, Mapping[str, Any]]
    words: Mapping[str, str]

    @property
    def first(self) -> str:
        return next(iter(self.nodes))

    def edits(self, flow: str, language: str) -> list[Edit]:
        nodes: list[Edit] = [
            Put(("flows", flow, "nodes", name), node) for name, node in self.nodes.items()
        ]
        return [*nodes, *(Put(("prompts", language, name), text)
                          for name, text in self.words.items())]  # fmt: skip


# What can be added, the common pieces first.
PIECES = (
    *("menu", "queue-with-message", "hours", "queue", "ring", "message", "say", "hangup"),
    *("callback", "outside", "goto", "form", "identity", "snow-day"),
)


def piece(document: Document, flow: str, wished: str, name: str = "") -> Piece:
    """A common piece, made of what the clinic has: its first queue, mailbox, schedule."""
    if wished not in PIECES:
        raise EditError("there is no such piece")
    nodes = nodes_of(document, flow)
    _room(nodes)
    at = free_name(nodes, name or BEGUN.get(wished, wished))
    return _Making(document, flow, nodes).piece(wished, at)


BEGUN = {"queue-with-message": "waiting", "queue": "waiting", "hangup": "goodbye", "say": "words"}


@dataclass(frozen=True, slots=True)
class _Making:
    """What a new node finds in the site file."""

    document: Document
    flow: str
    nodes: Nodes

    def piece(self, wished: str, at: str) -> Piece:
        end = self._end(at)
        rest: dict[str, Mapping[str, Any]] = (
            {} if end in self.nodes else {end: {"kind": "hangup", "prompts": ["goodbye"]}}
        )
        match wished:
            case "menu":
                words = self._unsaid(f"{at[:34]}-words")
                to = self._someone() or end
                menu: Any = {
                    "kind": "menu",
                    "prompts": ["emergency-first", words] if self._is_first() else [words],
                    "choices": {"0": to},
                    "otherwise": to,
                }
                made = {at: menu} if to != end else {at: menu, **rest}
                return Piece(made, {words: "To speak with the front desk, press 0."})
            case "queue-with-message":
                message = free_name(self.nodes, f"{at[:32]}-message", at)
                return Piece(
                    {
                        at: self._queue(message),
                        message: self._message(["all-busy", "leave-a-message"], end),
                        **rest,
                    },
                    {},
                )
            case "hours":
                is_open = self._someone() or end
                closed = self._of_kind("message") or end
                fork: Any = {"kind": "hours", "hours": self._first("hours"), "open": is_open}
                made = {at: {**fork, "closed": closed}}
                return Piece(made if end not in (is_open, closed) else {**made, **rest}, {})
            case "say":
                words = self._unsaid(f"{at[:34]}-words")
                say: Any = {"kind": "say", "prompts": [words], "next": end}
                return Piece({at: say, **rest}, {words: "Please stay on the line."})
            case "hangup":
                return Piece({at: {"kind": "hangup", "prompts": ["goodbye"]}}, {})
            case "message":
                return Piece({at: self._message(["leave-a-message"], end), **rest}, {})
            case "goto":
                return Piece({at: {"kind": "goto", "target": self._someone() or end}}, {})
            case "snow-day":
                people, hours = self._first("people"), self._first("hours")
                return Piece({at: {"kind": "snow-day", "people": [people], "hours": [hours]}}, {})
            case "form":
                question = {"name": "reason", "kind": "recorded", "prompts": ["ask-reason"]}
                node: Any = {
                    "kind": "form",
                    "request": "appointment",
                    "mailbox": self._first("mailboxes"),
                    "questions": [question],
                    "next": end,
                    "person": self._someone() or end,
                }
                said = {} if self._is_said("ask-reason") else {"ask-reason": ASK_REASON}
                return Piece({at: node, **rest}, said)
            case _:
                return Piece({at: self._single(wished, end), **rest}, {})

    def _single(self, kind: str, end: str) -> Mapping[str, Any]:
        otherwise = self._of_kind("message") or end
        match kind:
            case "queue":
                return self._queue(otherwise)
            case "ring":
                phones = self._front_desk()
                return {"kind": kind, "phones": phones, "for_s": 30, "otherwise": otherwise}
            case "callback":
                queue = self._first("queues")
                return {"kind": kind, "queue": queue, "otherwise": self._someone() or otherwise}
            case "outside":
                return {"kind": kind, "number": "", "for_s": 30, "otherwise": otherwise}
            case _:  # identity
                ask, doubt = ["birth-date", "phone"], self._someone() or otherwise
                return {"kind": kind, "ask": ask, "next": doubt, "doubt": doubt}

    def _queue(self, otherwise: str) -> Mapping[str, Any]:
        queue = self._first("queues")
        return {"kind": "queue", "queue": queue, "patience_s": 180, "otherwise": otherwise}

    def _message(self, prompts: list[str], end: str) -> Mapping[str, Any]:
        mailbox = self._first("mailboxes")
        return {"kind": "message", "mailbox": mailbox, "prompts": prompts, "next": end}

    def _is_first(self) -> bool:
        return not self.nodes

    def _end(self, *also: str) -> str:
        """The goodbye of the flow, or the name of one that is to be added."""
        return self._of_kind("hangup") or free_name(self.nodes, "goodbye", *also)

    def _someone(self) -> str:
        """Where a person answers, zero's place first."""
        zero = _table(flows_of(self.document).get(self.flow)).get("zero")
        if isinstance(zero, str) and zero in self.nodes:
            return zero
        return self._of_kind("queue") or self._of_kind("ring")

    def _of_kind(self, kind: str) -> str:
        of = (name for name, node in self.nodes.items() if _table(node).get("kind") == kind)
        return next(of, "")

    def _first(self, section: str) -> str:
        return next(iter(names_in(self.document, (section,))), "")

    def _front_desk(self) -> list[str]:
        desk = _table(self.document.get("clinic")).get("front_desk")
        return [each for each in desk if isinstance(each, str)] if isinstance(desk, list) else []

    def _unsaid(self, prompt: str) -> str:
        language = language_of(self.document, self.flow)
        said = names_in(self.document, ("prompts", language))
        return free_name(dict.fromkeys(said), prompt)

    def _is_said(self, prompt: str) -> bool:
        language = language_of(self.document, self.flow)
        return prompt in names_in(self.document, ("prompts", language))


ASK_REASON = (
    "After the tone, please say your name, and what you need the appointment for. Then press the"
    " pound key."
)


NEW = "new:"  # before a kind of piece: a target that is not there yet


def with_new(
    document: Document, flow: str, node: str, table: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Edit]]:
    """A node in whose form new pieces were chosen as targets: it leads to them, and the edits add
    them."""
    nodes: dict[str, Any] = {**nodes_of(document, flow), node: table}
    written, edits = deepcopy(dict(table)), list[Edit]()
    for way in [each for each in ways_of(table) if each.target.startswith(NEW)]:
        flows = {
            **flows_of(document),
            flow: {**_table(flows_of(document).get(flow)), "nodes": nodes},
        }
        made = piece({**document, "flows": flows}, flow, way.target.removeprefix(NEW))
        nodes |= made.nodes
        edits += made.edits(flow, language_of(document, flow))
        holder: Any = written
        for key in way.key[:-1]:
            holder = holder[key]
        holder[way.key[-1]] = made.first
    return written, edits


def new_flow(document: Document, wished: str) -> tuple[list[Edit], str]:
    """A flow of a menu, a queue and a message, to which nothing leads yet."""
    name = named(wished)
    if not name:
        raise EditError("a name begins with a letter: give another")
    if name in flows_of(document):
        raise EditError(f"there is a {name} already: take another name")
    language = language_of(document, name)
    here = ("flows", name)
    waiting = piece(document, name, "queue-with-message", "front-desk")
    said = dict.fromkeys(names_in(document, ("prompts", language)))
    words = free_name(said, f"{name[:34]}-words")
    menu: Any = {
        "kind": "menu",
        "prompts": ["emergency-first", words],
        "choices": {"0": waiting.first},
        "otherwise": waiting.first,
    }
    begun: list[Edit] = [
        Put(here, {"start": "menu", "zero": waiting.first}),
        Put((*here, "nodes", "menu"), menu),
        Put(("prompts", language, words), "To speak with the front desk, press 0."),
    ]
    return [*begun, *waiting.edits(name, language)], name


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _there(nodes: Nodes, node: str) -> None:
    if node not in nodes:
        raise EditError(f"there is no {node} any more: somebody may have changed it meanwhile")


def _room(nodes: Nodes) -> None:
    if len(nodes) >= NODES_MAX:
        raise EditError(f"a flow has at most {NODES_MAX} nodes: begin another flow")
