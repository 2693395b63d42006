"""Whoever reads on Today what to do is led to the screen where it is done, and to no command."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import firmware
from firmware.operations import ROUTES, Asker, Role
from firmware.topics import Part
from firmware.web.cures import CURES, cure_of
from firmware.web.today import view
from tests.web.test_today import ENGLISH, NOW, PLAN, standing

AT_THE_BOX = ("`careline setup`",)  # before there is a page


def said_at_the_console() -> Iterator[str]:
    """Each cure of a part that can be unwell, and each sentence that cures are made of."""
    for module in Path(firmware.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name("Part") | ast.Attribute(attr="Part")):
                    given = [each.value for each in node.keywords if each.arg == "cure"]
                case ast.Call(func=ast.Name("_warning")):
                    given = node.args[1:]
                case ast.Assign(targets=[ast.Name(name)]) if name.startswith("CURE"):
                    given = [node.value]
                case _:
                    given = []
            yield from map(ast.unparse, given)


def test_each_cure_that_names_a_command_or_the_site_file_has_a_screen() -> None:
    cures = list(said_at_the_console())
    assert len(cures) > 25
    lacking = [
        cure
        for cure in cures
        if re.search(r"`careline|site file", cure)
        and cure_of(cure) is None
        and not any(piece in cure for piece in AT_THE_BOX)
    ]
    assert lacking == []


def test_each_screen_that_a_cure_leads_to_is_there() -> None:
    sections = {cure.href for cure in CURES.values() if cure.href.startswith("/rooms/")}
    assert {f"GET {cure.href}" for cure in CURES.values() if cure.href not in sections} <= set(
        ROUTES
    )
    of_the_site = ("queues", "email", "retention", "trunks", "speakers")
    assert sections == {f"/rooms/{section}" for section in of_the_site}


def test_a_cure_leads_to_its_screen_and_any_other_is_said_as_it_came() -> None:
    backups = Part(
        name="backups",
        state="warning",
        detail="none is made by itself",
        cure="add [backup] to the site file, and publish it",
    )
    clock = Part(name="clock", state="warning", detail="cannot be trusted", cure="set it")
    shown = view(standing(backups, clock), PLAN, {"desk"}, ENGLISH, NOW).tables["alarms"]
    assert [(row.cells[-1], row.href) for row in shown] == [
        ("Set up the nightly backup", "/backups"),
        ("set it", ""),
    ]


def test_whoever_may_not_open_the_screen_of_a_cure_is_told_who_may() -> None:
    parts = (
        Part(name="backups", state="warning", detail="", cure="add [backup] to the site file"),
        Part(name="on call", state="warning", detail="", cure="run `careline oncall pin lee`"),
        Part(name="stores", state="warning", detail="", cure="run `careline restore`"),
        Part(name="clock", state="warning", detail="", cure="set it"),
    )

    def told(role: Role) -> list[tuple[object, str]]:
        may = Asker("somebody", role).may
        shown = view(standing(*parts), PLAN, {"desk"}, ENGLISH, NOW, may=may).tables["alarms"]
        return [(row.cells[-1], row.href) for row in shown]

    nobody_s = ("Tell an administrator", "")
    for role in (Role.FRONT_DESK, Role.NURSE, Role.PROVIDER, Role.AUDITOR):
        assert told(role) == [nobody_s, nobody_s, nobody_s, ("set it", "")]
    assert told(Role.TECHNICIAN) == [
        ("Set up the nightly backup", "/backups"),
        nobody_s,
        ("run `careline restore`", ""),
        ("set it", ""),
    ]
    assert told(Role.ADMIN)[1] == ("Give them a PIN", "/pins")


def test_work_leads_to_where_it_is_done() -> None:
    todo = view(standing(), PLAN, {"desk"}, ENGLISH, NOW).tables["todo"]
    assert {row.href for row in todo if row.cells[0] != "call-backs"} == {"/messages"}
