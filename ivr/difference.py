"""What differs between two plans, down to the last field, and how that looks on a flow's picture.

The walk knows only fields, keys and places in a list: a field that somebody adds to the plan is
compared from then on without a word here. Plans that are equal differ nowhere, and plans that are
not differ somewhere. Two orders count although equality does not see them: that of the trunks, for
an emergency call tries them one after the other, and that of the on-call layers.

What a plan keeps out of its `repr` is compared like the rest; whoever tells of it says that it
changed, and no more (`Change.is_told`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum, StrEnum
from typing import Any

from ivr.flow import Place, find, start_of, ways, zero_of
from ivr.plan import Flow, Hours, Menu, Plan

Key = object  # a field's name, a mapping's key, or a place in a list, counted from 1

# By which order something is tried, although these are mappings.
TRIED_IN_ORDER = (("trunks",), ("rota", "layers"))


class Absent(Enum):
    """Where there is nothing to compare with."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was: where, and what stood and stands there. `owners` are what
    each key of `where` is a part of, as they are now, or were if they are gone."""

    where: tuple[Key, ...]
    owners: tuple[object, ...] = field(repr=False)
    before: object = field(repr=False)
    after: object = field(repr=False)
    is_told: bool = True  # whether what it was and is may be shown

    @property
    def is_added(self) -> bool:
        return self.before is ABSENT

    @property
    def is_gone(self) -> bool:
        return self.after is ABSENT


@dataclass(frozen=True, slots=True)
class _At:
    """A spot of the walk."""

    where: tuple[Key, ...] = ()
    owners: tuple[object, ...] = ()
    is_told: bool = True

    def below(self, owner: object, key: Key, *, is_told: bool = True) -> "_At":
        return _At((*self.where, key), (*self.owners, owner), self.is_told and is_told)

    def change(self, before: object, after: object) -> Change:
        return Change(self.where, self.owners, before, after, self.is_told)


def differences(before: Plan, after: Plan) -> Iterator[Change]:
    """All of them, in the order of the plan's own fields."""
    yield from _between(before, after, _At())


def _between(before: Any, after: Any, at: _At) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _between_mappings(before, after, at)
    elif type(before) is not type(after):
        if before != after:
            yield at.change(before, after)
    elif is_dataclass(before):
        for each in fields(before):
            below = at.below(after, each.name, is_told=each.repr)
            was, becomes = getattr(before, each.name), getattr(after, each.name)
            if isinstance(before, Hours) and each.name == "spans":
                yield from _between_weeks(was, becomes, below)
            else:
                yield from _between(was, becomes, below)
    elif isinstance(before, tuple) and _has_parts(before) and _has_parts(after):
        yield from _between_lists(before, after, at)
    elif before != after:
        yield at.change(before, after)


def _between_mappings(
    before: Mapping[Any, Any], after: Mapping[Any, Any], at: _At
) -> Iterator[Change]:
    for key in dict.fromkeys((*before, *after)):
        was, becomes = before.get(key, ABSENT), after.get(key, ABSENT)
        below = at.below(before if becomes is ABSENT else after, key)
        if ABSENT in (was, becomes):
            yield below.change(was, becomes)
        else:
            yield from _between(was, becomes, below)
    if at.where in TRIED_IN_ORDER:
        stayed = [
            [key for key in each if key in before and key in after] for each in (before, after)
        ]
        if stayed[0] != stayed[1]:
            yield at.change(tuple(before), tuple(after))


def _between_weeks(before: Sequence[Any], after: Sequence[Any], at: _At) -> Iterator[Change]:
    """The spans of an office's week, day by day."""
    days = sorted({span.weekday for span in (*before, *after)})
    for day in days:
        was, becomes = (tuple(s for s in each if s.weekday == day) for each in (before, after))
        if was != becomes:
            yield at.below(after, day).change(was or ABSENT, becomes or ABSENT)
    if before != after and all(
        [s for s in before if s.weekday == day] == [s for s in after if s.weekday == day]
        for day in days
    ):
        yield at.change(before, after)  # only the order of the days


def _has_parts(value: tuple[Any, ...]) -> bool:
    """Whether it is a list of things that have fields of their own; an empty one may be."""
    return all(is_dataclass(each) for each in value)


def _between_lists(before: tuple[Any, ...], after: tuple[Any, ...], at: _At) -> Iterator[Change]:
    """What stands in both, in its order, is the same; between that, pairs have changed and the rest
    has come or gone."""
    was = becomes = 0
    for alike, also in (*_in_both(before, after), (len(before), len(after))):
        paired = min(alike - was, also - becomes)
        for step in range(paired):
            below = at.below(after, becomes + step + 1)
            yield from _between(before[was + step], after[becomes + step], below)
        for place in range(was + paired, alike):
            yield at.below(before, place + 1).change(before[place], ABSENT)
        for place in range(becomes + paired, also):
            yield at.below(after, place + 1).change(ABSENT, after[place])
        was, becomes = alike + 1, also + 1


def _in_both(before: tuple[Any, ...], after: tuple[Any, ...]) -> list[tuple[int, int]]:
    """The longest sequence of what stands in both, by its places in each."""
    # longest[i][j]: of before[i:] and after[j:]
    longest = [[0] * (len(after) + 1) for _ in range(len(before) + 1)]
    for i in reversed(range(len(before))):
        for j in reversed(range(len(after))):
            if before[i] == after[j]:
                longest[i][j] = longest[i + 1][j + 1] + 1
            else:
                longest[i][j] = max(longest[i + 1][j], longest[i][j + 1])
    found, i, j = [], 0, 0
    while i < len(before) and j < len(after):
        if before[i] == after[j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif longest[i + 1][j] >= longest[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


# ---- the picture ----


class Mark(StrEnum):
    """How a node or a way of the picture is drawn."""

    SAME = "same"
    ADDED = "added"
    GONE = "gone"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class DrawnWay:
    """A way from a node, or from a line, by what takes it; where it led, and where it leads."""

    start: str
    by: str
    before: str | None  # None: there was no such way
    after: str | None  # None: there is no such way any more

    @property
    def mark(self) -> Mark:
        if self.before is None:
            return Mark.ADDED
        if self.after is None:
            return Mark.GONE
        return Mark.SAME if self.before == self.after else Mark.CHANGED


@dataclass(frozen=True, slots=True)
class Picture:
    """Every node, by its flow and name, and every way, of both plans at once."""

    nodes: Mapping[str, Mark]
    ways: tuple[DrawnWay, ...]


def picture(before: Plan, after: Plan) -> Picture:
    """Both plans' flows, marked. A node is changed too where what it speaks or uses by name is."""
    was, becomes = _nodes(before), _nodes(after)
    touched = _touched(before, after)
    marks = {}
    for place in dict.fromkeys((*was, *becomes)):
        if place not in was:
            marks[place] = Mark.ADDED
        elif place not in becomes:
            marks[place] = Mark.GONE
        else:
            is_same = was[place] == becomes[place] and not _uses(becomes[place]) & touched
            marks[place] = Mark.SAME if is_same else Mark.CHANGED
    led, leads = _ways(before), _ways(after)
    drawn = [
        DrawnWay(start, by, led.get(each, (by, None))[1], leads.get(each, (by, None))[1])
        for each in dict.fromkeys((*led, *leads))
        for start, by in [(each[0], (leads.get(each) or led[each])[0])]
    ]
    return Picture(marks, tuple(drawn))


def _nodes(plan: Plan) -> dict[str, object]:
    return {
        str(Place(flow.name, name)): node
        for flow in plan.flows.values()
        for name, node in flow.nodes.items()
    }


def _ways(plan: Plan) -> dict[tuple[str, object], tuple[str, str]]:
    """By where each begins and its key in the site file: what takes it, and where it leads."""
    found: dict[tuple[str, object], tuple[str, str]] = {
        (f"line {line}", "begins"): ("calls", str(start_of(plan, line))) for line in plan.lines
    }
    for flow in plan.flows.values():
        for name, node in flow.nodes.items():
            here = Place(flow.name, name)
            for way in ways(node):
                found[str(here), way.key] = (way.by, _leads(plan, flow, way.target))
            if isinstance(node, Menu) and "0" not in node.choices:
                found[str(here), ("choices", "0")] = ("key 0", str(zero_of(plan, here)))
    return found


def _leads(plan: Plan, flow: Flow, target: str) -> str:
    """A draft may lead nowhere; its picture shows so."""
    return str(find(plan, flow.name, target) or f"{target}, which is not there")


def _touched(before: Plan, after: Plan) -> set[tuple[str, str]]:
    """Prompts, queues, schedules and mailboxes that are not as they were, by kind and name."""
    kinds = {"queues": "queue", "hours": "hours", "mailboxes": "mailbox"}
    found = set()
    for change in differences(before, after):
        match change.where:
            case ("texts", _, name, *_):
                found.add(("prompts", str(name)))
            case (str() as section, name, *_) if section in kinds:
                found.add((kinds[section], str(name)))
            case ("texts", _):  # a whole language
                words = change.before if change.is_gone else change.after
                assert isinstance(words, Mapping)
                found |= {("prompts", str(name)) for name in words}
            case _:
                pass
    return found


def _uses(node: object) -> set[tuple[str, str]]:
    """What a node names: by the names of its fields, which the kinds of nodes share."""
    used = {
        (name, str(getattr(node, name)))
        for name in ("queue", "hours", "mailbox")
        if isinstance(getattr(node, name, None), str)
    }
    queues = getattr(node, "also", ())
    prompts = getattr(node, "prompts", ())
    return used | {("queue", each) for each in queues} | {("prompts", each) for each in prompts}
