"""The marked picture of the menus, as static/flow_picture.js draws it: each flow in which anything
differs, both versions in one, with the word of its mark in each box and on each arrow that is not
as it was.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from firmware.web.flow_words import title
from firmware.web.words import Words, to_say
from ivr.difference import DrawnWay, Mark, Picture

MARKS: Mapping[Mark, str] = {
    Mark.ADDED: to_say("new"),
    Mark.GONE: to_say("gone"),
    Mark.CHANGED: to_say("changed"),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """One flow's."""

    flow: str
    graph: str  # JSON


@dataclass(frozen=True, slots=True)
class _Arrow:
    start: str
    end: str
    by: str
    mark: Mark


def drawn(both: Picture | None, words: Words) -> Iterator[Drawn]:
    """Of each flow that differs, in their order."""
    if both is None:
        return
    for flow in dict.fromkeys(place.partition("/")[0] for place in both.nodes):
        nodes = {place: mark for place, mark in both.nodes.items() if _is_of(place, flow)}
        arrows = [arrow for way in both.ways if _is_of(way.start, flow) for arrow in _arrows(way)]
        differs = any(mark is not Mark.SAME for mark in nodes.values())
        if differs or any(arrow.mark is not Mark.SAME for arrow in arrows):
            yield Drawn(flow, _graph(nodes, arrows, words))


def _is_of(place: str, flow: str) -> bool:
    return place.startswith(f"{flow}/")


def _arrows(way: DrawnWay) -> Iterator[_Arrow]:
    """A way that leads elsewhere is two: where it led, and where it leads."""
    if way.mark is Mark.SAME and way.after is not None:
        yield _Arrow(way.start, way.after, way.by, Mark.SAME)
        return
    if way.before is not None:
        yield _Arrow(way.start, way.before, way.by, Mark.GONE)
    if way.after is not None:
        yield _Arrow(way.start, way.after, way.by, Mark.ADDED)


def _graph(nodes: Mapping[str, Mark], arrows: list[_Arrow], words: Words) -> str:
    beyond = dict.fromkeys(arrow.end for arrow in arrows if arrow.end not in nodes)
    boxes = [_box(place, "node", mark, words) for place, mark in nodes.items()]
    boxes += [_box(place, "flow", Mark.SAME, words) for place in beyond]
    joined: dict[tuple[str, str], list[_Arrow]] = {}
    for arrow in arrows:
        joined.setdefault((arrow.start, arrow.end), []).append(arrow)
    made = [_together(some, words) for some in joined.values()]
    return json.dumps({"boxes": boxes, "arrows": made}, ensure_ascii=False)


def _box(place: str, what: str, mark: Mark, words: Words) -> dict[str, object]:
    flow, _, node = place.partition("/")
    name = title(node if what == "node" else place.replace("/", ": "))
    said = words.gettext(MARKS[mark]) if mark in MARKS else ""
    return {
        "id": place,
        "title": name,
        "kind": said,
        "what": what,
        "mark": "" if mark is Mark.SAME else str(mark),
        "told": "",
        "label": f"{name} {said}".strip(),
        "href": "#" if mark is Mark.GONE or " " in place else f"/menus?flow={flow}&node={node}",
        "isStart": False,
        "isApart": False,
        "isChosen": False,
    }


def _together(some: list[_Arrow], words: Words) -> dict[str, object]:
    """All ways from one box to another are one arrow, each with its own mark's word."""
    said = [
        words.told(each.by)
        if each.mark is Mark.SAME
        else words.say(
            "%(way)s, %(mark)s", way=words.told(each.by), mark=words.gettext(MARKS[each.mark])
        )
        for each in some
    ]
    marks = {each.mark for each in some}
    mark = next(iter(marks)) if len(marks) == 1 else Mark.CHANGED
    return {
        "from": some[0].start,
        "to": some[0].end,
        "label": " · ".join(said),
        "mark": "" if mark is Mark.SAME else str(mark),
    }
