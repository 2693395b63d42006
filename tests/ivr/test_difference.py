"""Two plans beside each other: each field of each thing has its sentence, and the picture shows
what came, went and leads elsewhere."""

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from datetime import date, datetime, time
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import pytest

from ivr.difference import Mark, picture
from ivr.difference_words import in_words
from ivr.plan import DialRule, Flow, Menu, Person, Plan, Trunk
from tests.ivr.story import a_clinic

MANY = 300  # fields of a plan, those of its things among them
LEAVES: Mapping[type, tuple[object, ...]] = {
    str: ("one", "two", "", "one  "),
    int: (1, 2),
    float: (1.0, 1.00000001),
    bool: (False, True),
    date: (date(2027, 5, 28), date(2027, 5, 31)),
    time: (time(8), time(8, 30), time(8, 0, 1)),
    datetime: (datetime(2027, 5, 28, 8), datetime(2027, 5, 28, 9)),  # noqa: DTZ001 - wall clocks
    ZoneInfo: (ZoneInfo("America/New_York"), ZoneInfo("America/Chicago")),
    types.NoneType: (None,),
}


@cache
def values(hint: Any) -> tuple[Any, ...]:
    """Values of a type, whatever it is made of: the first is plain, and each of the others differs
    from it in one field, however deep."""
    if hint in LEAVES:
        return LEAVES[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return tuple(hint)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        names = [each.name for each in dataclasses.fields(hint)]
        plain = hint(**{name: values(hints[name])[0] for name in names})  # type: ignore[operator]
        others = ((name, other) for name in names for other in values(hints[name])[1:])
        return (plain, *(replace(plain, **{name: other}) for name, other in others))
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return tuple(value for each in inside for value in values(each))
    if origin is tuple:
        if inside[-1] is not Ellipsis:
            return tuple(tuple(values(each)[at] for each in inside) for at in (0, 1))
        each = values(inside[0])
        return ((each[0],), (), (each[0], each[-1]), *((one,) for one in each[1:]))
    if origin is frozenset:
        each = values(inside[0])
        return (frozenset(each[:1]), frozenset(), frozenset(each[1:]))
    assert issubclass(origin, Mapping), f"{hint}: a plan has never held one; say how it differs"
    keys, held = values(inside[0]), values(inside[1])
    return ({keys[0]: held[0]}, {}, {keys[1]: held[0]}, *({keys[0]: one} for one in held[1:]))


def test_whatever_differs_between_two_plans_has_a_sentence_and_what_does_not_has_none() -> None:
    plain, *others = values(Plan)
    assert len(others) > MANY
    assert not in_words(plain, plain)
    for each, other in enumerate(others):
        before, after = (plain, other) if each % 2 else (other, plain)
        told = in_words(before, after)
        assert bool(told) == (before != after), (before, after)
        assert all(one.sentence.strip() and "\n" not in one.sentence for one in told)


def sentences(before: Plan, after: Plan) -> list[str]:
    return [each.sentence for each in in_words(before, after)]


def with_node(clinic: Plan, name: str, **changed: object) -> Plan:
    flow = clinic.flows["main"]
    node: Any = replace(flow.nodes[name], **changed)  # type: ignore[arg-type]
    return replace(clinic, flows={**clinic.flows, "main": with_nodes(flow, {name: node})})


def with_nodes(flow: Flow, nodes: Mapping[str, Any]) -> Flow:
    return replace(flow, nodes={**flow.nodes, **nodes})


def test_a_key_that_leads_elsewhere_is_told_with_where_it_led() -> None:
    clinic = a_clinic()
    menu = clinic.flows["main"].nodes["menu"]
    assert isinstance(menu, Menu)
    choices = {**{k: v for k, v in menu.choices.items() if k != "4"}, "3": "nurse", "6": "desk"}
    assert sentences(clinic, with_node(clinic, "menu", choices=choices)) == [
        "Key 3 of the menu `main/menu` now leads to `nurse`; before, to `address`",
        "Key 4 of the menu `main/menu` means nothing any more; before, it led to `message`",
        "Key 6 of the menu `main/menu` now leads to `desk`; before, it meant nothing",
    ]


@pytest.mark.parametrize(
    ("node", "changed", "says"),
    [
        ("menu", {"timeout_s": 8}, "The menu `main/menu`, silence allowed: 8 s; before, 5 s"),
        ("menu", {"otherwise": "bye"}, "who gets nothing there goes to `bye`; before, to `desk`"),
        ("desk", {"callback": "bye"}, "to `bye`; before, to nothing of its own"),
        ("ring", {"phones": ("101",)}, "phones: 101; before, 101, 102, 103"),
    ],
)
def test_what_changed_in_a_node_is_told_in_its_own_words(
    node: str, changed: dict[str, object], says: str
) -> None:
    clinic = a_clinic()
    [told] = sentences(clinic, with_node(clinic, node, **changed))
    assert says in told


def test_numbers_of_people_are_told_to_nobody() -> None:
    clinic = replace(a_clinic(), people={"doe": Person("doe", "Dr. Doe", ("2025550171",))})
    person = replace(clinic.people["doe"], numbers=("2025550172",))
    moved = replace(clinic, people={"doe": person})
    [told] = sentences(clinic, moved)
    assert told == "The person `doe` (Dr. Doe), numbers: changed (it is not shown here)"
    gone = sentences(clinic, replace(clinic, people={}))
    new = sentences(replace(clinic, people={}), clinic)
    assert not any("20255501" in each for each in (*gone, *new))


def test_a_rule_put_in_the_middle_of_a_list_moves_none_of_the_others() -> None:
    clinic = a_clinic()
    rules = values(DialRule)[:3]
    before = replace(clinic, dial_rules=(rules[0], rules[2]))
    [told] = sentences(before, replace(clinic, dial_rules=rules))
    assert told.startswith("The dial rule 2 is new: ")


def test_the_order_in_which_an_emergency_call_tries_the_trunks_is_a_difference() -> None:
    one, other = (Trunk(name, "127.0.0.2", 5060, None, False) for name in ("one", "other"))
    before = replace(a_clinic(), trunks={"one": one, "other": other})
    after = replace(before, trunks={"other": other, "one": one})
    assert before == after
    assert sentences(before, after) == ["The trunk: other, one; before, one, other"]


def test_long_words_are_told_from_where_they_differ() -> None:
    clinic = a_clinic()
    before, after = (replace(clinic, texts={"en": {"x": "so " * 200 + end}}) for end in "ab")
    [told] = sentences(before, after)
    assert "so b; before, …" in told
    assert told.endswith("so a")


def test_the_picture_shows_what_came_what_went_and_what_leads_elsewhere() -> None:
    before = a_clinic()
    flow = before.flows["main"]
    nodes = {name: node for name, node in flow.nodes.items() if name != "ring"}
    nodes["bye-bye"] = nodes["bye"]
    menu = nodes["menu"]
    assert isinstance(menu, Menu)
    nodes["menu"] = replace(menu, choices={"1": "nurse", "2": "nurse", "3": "address", "9": "bye"})
    flows = {**before.flows, "main": replace(flow, nodes=nodes)}
    drawn = picture(before, replace(before, flows=flows))
    assert {node: mark for node, mark in drawn.nodes.items() if mark is not Mark.SAME} == {
        "main/menu": Mark.CHANGED,
        "main/ring": Mark.GONE,
        "main/bye-bye": Mark.ADDED,
    }
    changed = {(way.by, way.mark): way for way in drawn.ways if way.start == "main/menu"}
    assert changed["key 1", Mark.CHANGED].before == "main/desk"
    assert changed["key 1", Mark.CHANGED].after == "main/nurse"
    assert changed["key 4", Mark.GONE].before == "main/message"
    assert changed["key 9", Mark.ADDED].after == "main/bye"
    assert ("key 2", Mark.SAME) in changed


def test_a_node_whose_words_or_queue_changed_is_marked_and_a_line_has_a_way_of_its_own() -> None:
    before = a_clinic()
    lines = {"main": replace(before.lines["main"], flow="other")}
    other = Flow("other", "bye", {"bye": before.flows["main"].nodes["bye"]})
    desk = replace(before.queues["desk"], target_s=5)
    after = replace(
        before,
        lines=lines,
        flows={**before.flows, "other": other},
        queues={**before.queues, "desk": desk},
        texts={**before.texts, "en": {**before.texts.get("en", {}), "address": "Elsewhere."}},
    )
    drawn = picture(before, after)
    assert drawn.nodes["main/desk"] is Mark.CHANGED
    assert drawn.nodes["main/address"] is Mark.CHANGED
    assert drawn.nodes["main/bye"] is Mark.SAME
    [entrance] = [way for way in drawn.ways if way.start == "line main"]
    assert (entrance.mark, entrance.after) == (Mark.CHANGED, "other/bye")
