"""A technician's monitor looks at a clinic's box from elsewhere: it sees figures, and whether
somebody has to go there, and never a word that somebody wrote."""

import ast
import asyncio
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from firmware import looks, topics, watching
from firmware.board import BoardReply, CallingLine, WaitingLine
from firmware.cli.calls import app as calls
from firmware.cli.watching import app as commands
from firmware.watched_words import CRITICAL, OK, WARNING, exposition, plugin_line, status_of
from firmware.watching import GRAVITY, Kind, State, Watched, kind_of
from tests.firmware.by_hand import exchange_at, live, site_at

NAMED = "trunk Quillon"


def status(*parts: tuple[str, State], balanced: bool = True) -> topics.StatusReply:
    return topics.StatusReply(
        version="0.1.0",
        pid=1,
        up_s=3.5,
        offered=1_234_567,
        outcomes={"answered": 1_234_565, "message": 1},
        in_progress=1,
        balanced=balanced,
        parts=tuple(
            topics.Part(name=name, state=state, detail="of Quillon", cure="ask Quillon")
            for name, state in parts
        ),
    )


BUSY = BoardReply(
    waiting=(
        WaitingLine(queue="quillon", urgency="urgent", waits_s=4.0, rings=True),
        WaitingLine(queue="quillon", urgency="routine", waits_s=70.0, rings=False),
        WaitingLine(queue="quillon", urgency="routine", waits_s=9.0, rings=False),
    ),
    hours=(),
    calling=(CallingLine(call="x", phones=("101",), talks=True),),
)


def told(*parts: tuple[str, State], balanced: bool = True) -> Watched:
    return watching.watched(status(*parts, balanced=balanced), BUSY, 0.5, 51.25)


def strings(schema: Any) -> Iterator[dict[str, Any]]:
    """Each place of a form where a word may stand."""
    if isinstance(schema, dict):
        if schema.get("type") == "string":
            yield schema
        for inner in schema.values():
            yield from strings(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from strings(inner)


def test_no_field_of_what_leaves_the_box_takes_a_word_that_is_not_of_a_closed_list() -> None:
    schema = Watched.model_json_schema()
    found = list(strings(schema))
    assert found
    open_ = [each for each in found if not {"enum", "const", "pattern"} & set(each)]
    assert open_ == []
    assert [each["pattern"] for each in found if "pattern" in each] == [r"^[0-9][0-9a-z.+]{0,30}$"]
    assert schema["additionalProperties"] is False


def test_what_a_clinic_calls_its_trunk_stays_in_the_box() -> None:
    one = told((NAMED, "alarm"), ("trunk other", "well"), ("nobody knows this", "well"))
    trunk, other = sorted(one.parts, key=lambda each: each.kind, reverse=True)
    assert (trunk.kind, trunk.state, trunk.parts) == (Kind.TRUNK, "alarm", 2)
    assert other.kind is Kind.OTHER
    for said in (one.model_dump_json(), plugin_line(one), exposition(one)):
        assert "uillon" not in said


def test_each_part_that_the_exchange_names_has_a_kind_of_its_own() -> None:
    named = set()
    for path in Path("firmware").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Part", "topics.Part"):
                for given in node.keywords:
                    if given.arg == "name" and isinstance(given.value, ast.Constant):
                        named.add(str(given.value.value))
    assert len(named) > 15
    assert {name for name in named if kind_of(name) is Kind.OTHER} == set()


@pytest.mark.parametrize(
    ("parts", "balanced", "expected", "said"),
    [
        ([("clock", "well")], True, OK, "CARELINE OK - all is well |"),
        ([("clock", "warning")], True, WARNING, "CARELINE WARNING - clock warning |"),
        ([("clock", "alarm")], True, CRITICAL, "CARELINE CRITICAL - clock alarm |"),
        ([], False, CRITICAL, "CARELINE CRITICAL - the ledger does not balance |"),
    ],
)
def test_a_box_ends_as_nagios_plugins_do(
    parts: list[tuple[str, State]], balanced: bool, expected: int, said: str
) -> None:
    one = told(*parts, balanced=balanced)
    assert status_of(one) == expected
    assert plugin_line(one).startswith(said)
    assert plugin_line(one).endswith("| calls=1 waiting=3 longest=70s offered=1234567c load=0.5")


def test_prometheus_own_reader_takes_the_metrics_and_each_figure_arrives() -> None:
    families = {
        family.name: family
        for family in text_string_to_metric_families(exposition(told(("clock", "warning"))))
    }
    figures = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert figures["careline_up",] == 1
    assert figures["careline_offered_calls_total",] == 1_234_567
    assert figures["careline_ended_calls_total", "answered"] == 1_234_565
    assert figures["careline_waiting_callers", "routine"] == 2
    assert figures["careline_longest_wait_seconds", "routine"] == 70
    assert figures["careline_part_state", "clock"] == GRAVITY.index("warning")
    assert math.isclose(figures["careline_temperature_celsius",], 51.2, abs_tol=0.1)
    for family in families.values():
        assert family.documentation, family.name
        assert family.type == ("counter" if "calls" in family.name and "ed_" in family.name
                               else "gauge")  # fmt: skip


def test_a_running_clinic_is_watched_and_one_that_is_down_is_critical(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))
    place = site_at(tmp_path)

    async def story() -> None:
        async with exchange_at(place):
            look = await asyncio.to_thread(looks.look, place.control_socket)
            assert look.told is not None
            assert look.status == GRAVITY.index(look.told.state)
            shown = await asyncio.to_thread(
                CliRunner().invoke, calls, ["status", "--monitor", "--json"]
            )
            assert shown.exit_code == look.status, shown.output
            assert Watched.model_validate(json.loads(shown.output)["told"]).offered == 0

    live(story())
    down = CliRunner().invoke(calls, ["status", "--monitor"])
    assert (down.exit_code, down.output) == (2, "CARELINE CRITICAL - no exchange answers\n")
    nothing = CliRunner().invoke(commands, ["metrics"])
    assert nothing.exit_code == 0
    assert nothing.output.endswith("careline_up 0\n")
