"""A flow changed as edits of its site file: what led to a step leads to it under its new name, and
what is taken away leaves no way into nothing that nobody chose."""

import tomllib
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from firmware import flow_edits, node_fields, proving, settings
from firmware.edits import Edit, EditError, Put, edited
from firmware.flow_edits import PIECES, Document
from firmware.flow_outline import Is, outline, picture
from firmware.node_fields import Control, fields_of, typed_node, ways_of
from firmware.proving import UnprovenError
from firmware.rehearsal import TEMPLATE
from firmware.settings import EVERY_NODE_FORM
from ivr import flow
from ivr.plan import Plan

TEXT = TEMPLATE.read_text("utf-8")


def read(text: str = TEXT) -> Document:
    return tomllib.loads(text)


def a_monday(plan: Plan) -> datetime:
    return datetime(2026, 3, 2, 9, 30, tzinfo=ZoneInfo(plan.timezone))


def refused(edits: Sequence[Edit], text: str = TEXT) -> list[str]:
    """Where the changed site file is refused."""
    try:
        proving.proven(edited(text, edits), settings.nothing_beside, a_monday)
    except UnprovenError as wrong:
        return [one.where for one in wrong.faults]
    return []


def test_a_form_has_a_field_for_every_key_of_every_kind_of_step() -> None:
    for kind, form in EVERY_NODE_FORM.items():
        names = {field.name for field in fields_of(kind)}
        assert names == form.model_fields.keys() - {"kind"}
    typed = {
        (kind, field.name)
        for kind in EVERY_NODE_FORM
        for field in fields_of(kind)
        if field.control is Control.TEXT and field.name != "note"
    }
    assert typed == {("outside", "number"), ("queue", "callback_key")}


def test_ways_out_of_a_step_as_written_are_those_of_the_plan() -> None:
    for name, written in settings.read(TEXT).flows.items():
        for node, table in flow_edits.nodes_of(read(), name).items():
            meant = {way.key: way.target for way in flow.ways(written.nodes[node])}
            assert {way.key: way.target for way in ways_of(table)} == meant


def test_what_is_filled_in_is_what_stands_in_the_site_file() -> None:
    typed = {
        "prompts.0": "emergency-first",
        "prompts.1": "main-menu",
        "prompts.2": "",
        "choices.2": "nurse",
        "choices.0": "front-desk",
        "choices.7": "",
        "timeout_s": "7.5",
        "tries": "2",
        "otherwise": "front-desk",
        "wrong": "wrong-key",
        "note": "asked for by Dr. Chen",
    }
    assert typed_node("menu", typed, {"tries": 2}) == {
        "kind": "menu",
        "prompts": ["emergency-first", "main-menu"],
        "choices": {"2": "nurse", "0": "front-desk"},
        "timeout_s": 7.5,
        "tries": 2,
        "otherwise": "front-desk",
        "note": "asked for by Dr. Chen",
    }
    queue = {"queue": "nurse", "patience_s": "soon", "otherwise": "bye", "escape": ""}
    rule = {"overflow.0.to": "bye", "overflow.0.no_agent": "on", "overflow.1.to": ""}
    assert typed_node("queue", queue | rule, {}) == {
        "kind": "queue",
        "queue": "nurse",
        "patience_s": "soon",  # which is told beside it
        "otherwise": "bye",
        "escape": "",
        "overflow": [{"to": "bye", "no_agent": True}],
    }


def test_a_step_is_renamed_with_everything_that_leads_to_it() -> None:
    edits, name = flow_edits.renamed(read(), "main", "front-desk", "Reception, downstairs")
    assert name == "reception-downstairs"
    text = edited(TEXT, edits)
    assert refused(edits) == []
    assert list(flow_edits.references(read(text), "main", "front-desk")) == []
    led = flow_edits.references(read(TEXT), "main", "front-desk")
    assert len(list(flow_edits.references(read(text), "main", name))) == len(list(led)) > 4
    with pytest.raises(EditError, match="there is a nurse already"):
        flow_edits.renamed(read(), "main", "front-desk", "nurse")


def test_where_a_step_was_its_callers_go_on_to_the_heir() -> None:
    assert flow_edits.heir_of(read(), "main", "nurse") == "nurse-message"
    assert flow_edits.heir_of(read(), "main", "front-desk") == "desk-message"
    assert flow_edits.heir_of(read(), "main", "hours") == "menu"
    assert flow_edits.heir_of(read(), "main", "goodbye") == ""
    edits = flow_edits.removed(read(), "main", "nurse", "nurse-message")
    assert refused(edits) == []
    choices = read(edited(TEXT, edits))["flows"]["main"]["nodes"]["menu"]["choices"]
    assert choices["2"] == "nurse-message"


def test_without_an_heir_keys_are_freed_and_what_must_lead_somewhere_is_refused() -> None:
    edits = flow_edits.removed(read(), "main", "nurse")
    assert "2" not in read(edited(TEXT, edits))["flows"]["main"]["nodes"]["menu"]["choices"]
    assert refused(flow_edits.removed(read(), "main", "nurse-message")) == [
        "flows.main.nodes.nurse.otherwise"
    ]


def test_a_duplicate_is_the_same_under_a_name_of_its_own() -> None:
    edits, name = flow_edits.duplicated(read(), "main", "menu")
    nodes = flow_edits.nodes_of(read(edited(TEXT, edits)), "main")
    assert name == "menu-2"
    assert nodes[name] == nodes["menu"]
    assert refused(edits) == []


@pytest.mark.parametrize("wished", [each for each in PIECES if each != "outside"])
def test_a_common_piece_stands_on_what_the_clinic_has(wished: str) -> None:
    made = flow_edits.piece(read(), "main", wished)
    assert refused(made.edits("main", "en")) == []


def test_a_number_outside_is_asked_for_and_never_guessed() -> None:
    made = flow_edits.piece(read(), "main", "outside")
    assert refused(made.edits("main", "en")) == ["flows.main.nodes.outside.number"]


def test_a_new_menu_ends_every_call_well_once_a_key_leads_to_it() -> None:
    edits, name = flow_edits.new_flow(read(), "Evening clinic")
    assert name == "evening-clinic"
    led = Put(("flows", "main", "nodes", "menu", "choices", "5"), f"flow:{name}")
    assert refused([*edits, led]) == []


def test_something_new_is_chosen_as_a_target_and_is_there() -> None:
    menu = read()["flows"]["main"]["nodes"]["menu"]
    table = {
        **menu,
        "choices": {**menu["choices"], "5": "new:queue-with-message", "6": "new:queue"},
    }
    written, edits = flow_edits.with_new(read(), "main", "menu", table)
    assert written["choices"]["5"] == "waiting"
    assert written["choices"]["6"] == "waiting-2"
    assert refused([*edits, Put(("flows", "main", "nodes", "menu"), written)]) == []


def test_a_shared_step_stands_once_in_the_list_and_once_in_the_picture() -> None:
    shown = outline(read(), "main")
    again = [(row.above, row.name) for row in shown.rows if row.what is Is.AGAIN]
    assert ("nurse-message", "goodbye") in again
    assert sum(row.name == "goodbye" and row.what is Is.NODE for row in shown.rows) == 1
    assert [row.name for row in shown.rows if row.depth == 0] == ["hours"]
    assert shown.apart == ()
    drawn = picture(read(), "main")
    assert sum(arrow.end == "node:goodbye" for arrow in drawn.arrows) == 3
    assert set(drawn.boxes) == {f"node:{n}" for n in flow_edits.nodes_of(read(), "main")} | {
        "flow:after-hours"
    }


def test_what_is_not_there_and_where_nobody_comes_is_drawn_too() -> None:
    text = edited(TEXT, flow_edits.removed(read(), "main", "nurse-message"))
    edits, _ = flow_edits.duplicated(read(text), "main", "refill")
    shown = outline(read(edited(text, edits)), "main")
    assert [row.name for row in shown.rows if row.what is Is.GONE] == ["nurse-message"]
    assert [row.name for row in shown.apart] == ["refill-2", "goodbye"]


@pytest.mark.parametrize("broken", ["flows = 3", "[flows]\nmain = 3", "[flows.main]\nnodes = 3\n"])
def test_a_flow_that_makes_no_sense_is_shown_as_empty(broken: str) -> None:
    assert outline(read(broken), "main").rows == ()
    assert list(ways_of({"kind": "menu", "choices": 3, "otherwise": []})) == []
    assert node_fields.fields_of("no-such-kind") == ()


def test_an_accent_is_left_off_a_name_and_not_the_letter_that_bears_it() -> None:
    assert flow_edits.named("Recepción, niños") == "recepcion-ninos"
    assert flow_edits.named("ÜBER Straße") == "uber-strasse"
    assert flow_edits.named("Søren Łódź") == "soren-lodz"
    assert flow_edits.named("診療") == ""
