"""A flow as a list and as a picture: the way callers take through it, from its start.

Both are drawn of the site file as it is written, faults and all. Who is led to by several ways
stands in the list once, where a caller comes to it first, and is only named at the others; in the
picture it is one box with several arrows. Where nobody comes is told apart, and what is not there
is drawn as gone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from firmware.flow_edits import Document, flows_of, nodes_of
from firmware.node_fields import ways_of
from ivr.plan import FLOW_PREFIX

Key = tuple[str | int, ...]  # of a way, in its node's form


class Is(StrEnum):
    """What stands at a place of the list."""

    NODE = "node"
    AGAIN = "again"  # a node that stands above
    FLOW = "flow"  # another flow
    GONE = "gone"  # nothing of this name


@dataclass(frozen=True, slots=True)
class Row:
    """One place of the list: how callers come to it from the row that it hangs on, and what it
    is."""

    what: Is
    name: str  # a node's, or a flow's
    depth: int
    above: str  # the node it hangs on; empty at the start
    keys: tuple[Key, ...]  # the ways that lead here from there
    node: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outline:
    """All of a flow."""

    rows: tuple[Row, ...]
    apart: tuple[Row, ...]  # nobody comes there


@dataclass(frozen=True, slots=True)
class Box:
    """In the picture."""

    what: Is
    name: str
    node: Mapping[str, Any]
    is_start: bool = False
    is_apart: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    start: str
    end: str  # a box's id
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes by their ids; where they are drawn is the browser's to find."""

    boxes: Mapping[str, Box]
    arrows: tuple[Arrow, ...]


def outline(document: Document, flow: str) -> Outline:
    """The list, a caller's first ways first."""
    nodes = nodes_of(document, flow)
    start = _start(document, flow)
    seen: set[str] = set()
    rows = tuple(_below(document, nodes, seen, start, "", ()))
    apart: list[Row] = []
    for name in nodes:
        if name not in seen:
            apart += _below(document, nodes, seen, name, "", ())
    return Outline(rows, tuple(apart))


def picture(document: Document, flow: str) -> Picture:
    """The same as boxes and arrows."""
    shown = outline(document, flow)
    boxes: dict[str, Box] = {}
    arrows: list[Arrow] = []
    for is_apart, rows in ((False, shown.rows), (True, shown.apart)):
        for row in rows:
            here = box_id(row.what, row.name)
            if row.what is not Is.AGAIN and here not in boxes:
                is_start = not row.above and not is_apart
                boxes[here] = Box(row.what, row.name, row.node, is_start, is_apart)
            if row.above:
                arrows.append(Arrow(box_id(Is.NODE, row.above), here, row.keys))
    return Picture(boxes, tuple(arrows))


def box_id(what: Is, name: str) -> str:
    """A node may be called as a flow is."""
    kind = Is.NODE if what is Is.AGAIN else what
    return f"{kind}:{name}"


def _start(document: Document, flow: str) -> str:
    table = flows_of(document).get(flow)
    start = table.get("start") if isinstance(table, Mapping) else None
    return start if isinstance(start, str) else ""


def _below(
    document: Document,
    nodes: Mapping[str, Any],
    seen: set[str],
    first: str,
    above: str,
    keys: tuple[Key, ...],
) -> Iterator[Row]:
    """A place and all that hangs on it; with a stack, for a flow may be 200 nodes deep."""
    waiting = [(first, above, keys, 0)] if first else []
    while waiting:
        target, above, keys, depth = waiting.pop()
        row = _row(document, nodes, seen, target, above, keys, depth)
        yield row
        if row.what is Is.NODE:
            seen.add(target)
            ways: dict[str, list[Key]] = {}
            for way in ways_of(row.node):
                ways.setdefault(way.target, []).append(way.key)
            waiting += [(end, target, tuple(led), depth + 1) for end, led in reversed(ways.items())]


def _row(
    document: Document,
    nodes: Mapping[str, Any],
    seen: set[str],
    target: str,
    above: str,
    keys: tuple[Key, ...],
    depth: int,
) -> Row:
    if target.startswith(FLOW_PREFIX):
        name = target.removeprefix(FLOW_PREFIX)
        what = Is.FLOW if name in flows_of(document) else Is.GONE
        return Row(what, name if what is Is.FLOW else target, depth, above, keys, {})
    node = nodes.get(target)
    if node is None:
        return Row(Is.GONE, target, depth, above, keys, {})
    table = node if isinstance(node, Mapping) else {}
    return Row(Is.AGAIN if target in seen else Is.NODE, target, depth, above, keys, table)
