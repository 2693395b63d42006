"""What the page changes in a site file, it changes there and nowhere else, and the clinic's own
notes stay where they stood."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import firmware
from firmware.edits import Edit, EditError, Move, Put, Remove, Rename, edited

TEMPLATE = (Path(firmware.__file__).parent / "template" / "clinic.toml").read_text("utf-8")

SMALL = """\
# Maple Street

[clinic]
name = "Maple Street"  # as callers hear it
front_desk = ["101"]

# The desk itself.
[phones.101]
name = "Front desk"

# Rooms come below.

[phones.102]
name = "Nurse"          # Ann
"quoted key" = 'x # y'

[flows.main]
start = "menu"

[flows.main.nodes.menu]
kind = "menu"
choices = { 1 = "desk", 2 = "nurse" }   # as on the card
rows = [
  { after_s = 60, to = "a" },           # soon
  { after_s = 90, to = "b" },
]

[[dial_rules]]
prefix = "9"                            # nine
[[dial_rules]]
prefix = "8"
"""


def read(text: str) -> dict[str, Any]:
    return tomllib.loads(text)


def test_a_phone_gets_a_new_name_and_nothing_else_changes() -> None:
    changed = edited(SMALL, [Put(("phones", "102", "name"), "Triage")])
    assert changed == SMALL.replace('"Nurse"', '"Triage"')


def test_a_form_that_is_kept_as_it_was_changes_nothing() -> None:
    site = read(TEMPLATE)
    assert edited(TEMPLATE, [Put((name,), part) for name, part in site.items()]) == TEMPLATE


def test_a_new_phone_stands_behind_the_last_one() -> None:
    changed = edited(SMALL, [Put(("phones", "103"), {"name": "Room 1", "lamps": ["101"]})])
    assert changed == SMALL.replace(
        "'x # y'\n\n", '\'x # y\'\n\n[phones.103]\nname = "Room 1"\nlamps = ["101"]\n\n'
    )


def test_a_phone_goes_with_the_note_that_touches_it_and_no_other() -> None:
    changed = edited(SMALL, [Remove(("phones", "101"))])
    assert "# The desk itself." not in changed
    assert "# Rooms come below." in changed
    assert read(changed)["phones"].keys() == {"102"}


def test_a_key_of_a_menu_leads_elsewhere_and_its_note_stays() -> None:
    choice = ("flows", "main", "nodes", "menu", "choices", "1")
    changed = edited(SMALL, [Put(choice, "hours"), Put((*choice[:-1], "3"), "desk")])
    assert '{ 1 = "hours", 2 = "nurse", 3 = "desk"' in changed
    assert "   # as on the card" in changed


def test_a_rule_of_a_row_changes_alone() -> None:
    row = ("flows", "main", "nodes", "menu", "rows")
    changed = edited(SMALL, [Put((*row, 0, "after_s"), 30)])
    assert changed == SMALL.replace("after_s = 60", "after_s = 30")


def test_a_node_takes_another_name_where_it_stood() -> None:
    changed = edited(SMALL, [Rename(("flows", "main", "nodes", "menu"), "welcome menu")])
    assert changed == SMALL.replace("nodes.menu]", 'nodes."welcome menu"]')
    changed = edited(SMALL, [Rename(("flows", "main"), "day")])
    assert changed == SMALL.replace("flows.main", "flows.day")
    changed = edited(SMALL, [Rename(("phones", "102", "quoted key"), "room")])
    assert changed == SMALL.replace('"quoted key"', "room")


def test_a_rule_for_dialling_goes_before_another() -> None:
    changed = edited(SMALL, [Move(("dial_rules", 1), before=0)])
    assert [rule["prefix"] for rule in read(changed)["dial_rules"]] == ["8", "9"]
    assert "# nine" in changed
    assert edited(SMALL, [Move(("dial_rules", 0), before=None)]).count("# nine") == 1


def test_a_file_without_a_section_gets_it() -> None:
    added = edited("", [Put(("clinic", "name"), "Maple"), Put(("dial_rules", 0), {"prefix": "9"})])
    assert added == '[clinic]\nname = "Maple"\n\n[[dial_rules]]\nprefix = "9"\n'
    node = ("flows", "main", "nodes", "bye")
    assert edited(added, [Put(node, {"kind": "hangup"})]).endswith(
        '\n\n[flows.main.nodes.bye]\nkind = "hangup"\n'
    )


def test_the_first_of_a_row_makes_the_row() -> None:
    changed = edited("", [Put(("oncall", "swaps", 0), {"layer": "first"})])
    assert changed.startswith("[oncall]\nswaps = [")
    assert read(changed) == {"oncall": {"swaps": [{"layer": "first"}]}}


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (Remove(("phones", "199")), "there is no '199'"),
        (Rename(("phones", "101"), "102"), "another name"),
        (Put(("clinic", "name", "deeper"), "x"), "clinic.name holds no parts"),
        (Put(("phones", "101"), "x"), "stays one"),
        (Put(("dial_rules", 5), {"prefix": "7"}), "not so many"),
    ],
)
def test_what_cannot_be_changed_is_said(edit: Edit, why: str) -> None:
    with pytest.raises(EditError, match=why):
        edited(SMALL, [edit])


def test_a_file_that_is_no_toml_is_not_touched() -> None:
    with pytest.raises(EditError, match="mend its text first"):
        edited("[clinic\n", [Put(("clinic", "name"), "x")])


words = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)
leaves = st.one_of(words, st.integers(-9, 9), st.booleans(), st.dates())
names = st.one_of(st.sampled_from(["menu", "101", "main", "x-1"]), words.filter(bool))
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
tables = st.dictionaries(names, values, max_size=3)


def like(part: Any) -> st.SearchStrategy[Any]:
    """What could stand in this place too: a form gives no number where a table is asked for."""
    if isinstance(part, dict):
        of_tables = part and all(isinstance(each, dict) for each in part.values())
        return st.dictionaries(names, tables, max_size=3) if of_tables else tables
    if isinstance(part, list) and part and isinstance(part[0], dict):
        return st.lists(tables, max_size=3)
    return values


def places(part: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path] if path else []
    if isinstance(part, dict | list):
        for key, inner in part.items() if isinstance(part, dict) else enumerate(part):
            found += places(inner, (*path, key))
    return found


@settings(max_examples=50, deadline=None)
@given(st.data(), st.sampled_from([SMALL, TEMPLATE]))
def test_whatever_is_changed_can_be_read_as_it_was_wished(data: st.DataObject, text: str) -> None:
    """`edited` itself compares what is read with what was wished, and would refuse."""
    for _ in range(data.draw(st.integers(1, 4))):
        before = read(text)
        place = data.draw(st.sampled_from([each for each in places(before) if len(each) > 1]))
        wish = data.draw(st.sampled_from(["put", "add", "remove", "rename"]))
        holder: Any = before
        for key in place[:-1]:
            holder = holder[key]
        value = data.draw(like(holder[place[-1]]))
        name = data.draw(names)
        if wish == "put":
            text = edited(text, [Put(place, value)])
        elif wish == "remove":
            text = edited(text, [Remove(place)])
        elif isinstance(holder, list):
            text = edited(text, [Put((*place[:-1], len(holder)), value)])
        elif name not in holder and wish == "add":
            text = edited(text, [Put((*place[:-1], name), value)])
        elif name not in holder:
            text = edited(text, [Rename(place, name)])


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_what_was_added_and_taken_away_leaves_every_note(data: st.DataObject) -> None:
    section = data.draw(st.sampled_from(["phones", "queues", "people", "trunks"]))
    name = data.draw(names.filter(lambda name: name not in read(TEMPLATE)[section]))
    part = data.draw(st.dictionaries(names, leaves, min_size=1, max_size=3))
    with_it = edited(TEMPLATE, [Put((section, name), part)])
    without = edited(with_it, [Remove((section, name))])
    assert without.count("#") >= TEMPLATE.count("#")
    assert read(without) == read(TEMPLATE)
