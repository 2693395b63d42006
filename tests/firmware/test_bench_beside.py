"""Figures beside figures: who takes turns with whom, what is compared, and when an aim is met."""

import inspect
import json
import random
import tempfile
from contextlib import ExitStack
from importlib import import_module
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware.bench import beside, crowd, figures, promised, vault
from firmware.bench.beside import Aim, Compared, Report, Runs, in_turn, together
from firmware.bench.figures import Figure, Spread, at_most
from firmware.bench.page import page
from firmware.cli.bench import BESIDE, app

OURS = Runs((3.0, 1.0, 2.0))
PEER = Runs((4.0, 5.0, 3.0))


def compared(aim: Aim | None) -> Compared:
    return Compared("a decision", "us", OURS, {"a loop": PEER}, aim)


def test_the_sides_take_turns_and_the_first_round_only_warms_them_up() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return float(len(order))

    runs, noise = in_turn({"a": lambda: side("a"), "b": lambda: side("b")}, rounds=2)
    assert order == ["a", "b"] * 3
    assert runs == {"a": Runs((3.0, 5.0)), "b": Runs((4.0, 6.0))}
    assert len(noise.values) == 2
    assert noise.low > 0


def test_medians_are_compared() -> None:
    assert compared(None).ratio("a loop") == 0.5


@pytest.mark.parametrize(
    ("aim", "is_met"),
    [
        (None, None),
        (Aim(0.5, "a loop"), True),
        (Aim(0.49, "a loop"), False),
        (Aim(2.0), True),
        (Aim(1.9), False),
        (Aim(0.5, "a loop", at_most=False), True),
        (Aim(0.6, "a loop", at_most=False), False),
        (Aim(0.5, "a peer that is not installed"), None),
    ],
)
def test_an_aim_is_met_missed_or_cannot_be_told(aim: Aim | None, is_met: bool | None) -> None:
    assert compared(aim).is_met is is_met


def test_the_noise_is_how_far_the_same_work_wandered() -> None:
    assert Report((), Runs((10.0, 11.0, 12.0))).noise_percent == pytest.approx(100 * 2 / 11)


def test_reports_are_told_as_one() -> None:
    one = Report((compared(None),), Runs((1.0,)), ("a note",))
    both = together([one, one])
    assert len(both.figures) == 2
    assert both.noise.values == (1.0, 1.0)
    assert both.notes == ("a note", "a note")


@pytest.mark.parametrize("name", BESIDE)
def test_every_bench_that_the_command_offers_can_be_asked_to_measure(name: str) -> None:
    assert callable(import_module(f"firmware.bench.{name}").measure)


def test_the_stores_bench_tells_rows_beside_plain_sqlite() -> None:
    told = CliRunner().invoke(app, ["bench", "store", "--rounds", "1", "--json"])
    assert told.exit_code == 0, told.output
    report = json.loads(told.stdout)
    assert {figure["unit"] for figure in report["figures"]} == {"ms", "a second"}
    for figure in report["figures"]:
        assert figure["median"] > 0
        assert figure["ratios"]["plain sqlite3"] > 0


def test_thirty_callers_speak_at_once_and_each_to_the_end() -> None:
    speaking: dict[str, int] = {}
    ended = 0
    last_at = 0.0
    for at, spoken in islice(promised.paced(random.Random(1)), 2_000):
        assert at >= last_at
        assert spoken.number == speaking.get(spoken.uuid, 0)
        last_at, speaking[spoken.uuid] = at, spoken.number + 1
        assert len(speaking) <= promised.AT_ONCE
        if spoken.last:
            assert promised.SECONDS[0] <= speaking.pop(spoken.uuid) <= promised.SECONDS[1] + 1
            ended += 1
        else:
            assert spoken.samples == 8_000
    assert ended > promised.AT_ONCE


def test_a_message_kept_by_hand_is_timed(tmp_path: Path) -> None:
    (tmp_path / "messages").mkdir()
    waits = promised.by_hand_ms(tmp_path, 3)
    assert len(waits) == 3
    assert min(waits) > 0


def test_what_a_message_of_three_minutes_takes_to_open_is_told() -> None:
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        opening = vault.Opening.of(Path(home), stack)
        assert opening.ours_ms() > 0
        assert opening.plain_ms() > 0


def test_the_page_of_results_holds_each_figure_with_what_it_aimed_at() -> None:
    first = Spread(20.0, 30.0, 35.0, 100)
    told = page(
        "2026-01-01",
        "2 cores",
        {beside: Report((compared(Aim(0.4, "a loop")),), Runs((1.0,)), ("a note",))},
        (figures, [Figure("call to first prompt", first, None, at_most(150, first))]),
        (crowd, crowd.Crowd(first, 1000, 0, 10, 10)),
    )
    assert "| a decision | us | 2 | 1 .. 3 | 4 (0.5 x) |" in told
    assert "- **missed**: a decision, at most 0.4 x a loop" in told
    assert "- a note" in told
    assert "| call to first prompt | 20.0 / 30.0 |  |  |" in told
    assert "- met: call to first prompt, p99 at most 150 ms" in told
    assert "keys lost: 0 of 1000" in told
    assert inspect.cleandoc(beside.__doc__ or "") in told
