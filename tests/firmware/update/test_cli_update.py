"""`careline update` at the box's own keyboard: what waits is seen, put off and dropped."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from firmware.cli.update import app
from firmware.place import Place
from firmware.update import kept as state
from firmware.update.bundle import Bundle
from firmware.update.kept import Gate, Look
from firmware.update.release import Release
from tests.firmware.by_hand import SITE, site_at

NEW = Release("careline-pc", "0.2.0+20261117000000")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))
    return site_at(tmp_path, SITE)


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, ["update", *words])


def bring(place: Place, *, closes_a_hole: bool = False) -> None:
    brought = place.home / "stick.raucb"
    brought.write_bytes(b"a new version")
    bundle = Bundle(NEW, closes_a_hole, "Calls are better.")
    state.bring(place, brought, bundle, datetime.now(UTC))


def test_a_box_to_which_nothing_was_brought_says_what_runs(place: Place) -> None:
    shown = typed()
    assert shown.exit_code == 0
    assert shown.output.startswith("runs     a checkout")
    assert "no update waits" in typed("postpone").output
    assert "no update waits" in typed("drop").output


def test_one_that_waits_is_put_off_by_a_week_and_then_dropped(place: Place) -> None:
    bring(place)
    before = typed().output
    assert "waits    0.2.0+20261117000000" in before
    assert "Calls are better." in before
    assert "03:00, while nobody is on the telephone" in before
    put_off = typed("postpone")
    assert put_off.exit_code == 0, put_off.output
    assert put_off.output != before
    assert place.update_bundle.read_bytes() == b"a new version"
    assert "is forgotten" in typed("drop").output
    assert not place.update_bundle.exists()
    assert "dropped" in typed().output


def test_one_that_closes_a_hole_is_put_off_once(place: Place) -> None:
    bring(place, closes_a_hole=True)
    assert "which closes a hole" in typed().output
    for _ in range(4):
        last = typed("postpone")
    assert last.exit_code == 1
    assert "14 days at most" in last.output


def test_one_that_is_written_is_dropped_no_more(place: Place) -> None:
    bring(place)
    state.of_waiting(place, written_in="this life")
    refused = typed("drop")
    assert refused.exit_code == 1
    assert "is written already" in refused.output
    assert place.update_bundle.exists()


def test_what_the_gate_found_wanting_is_told_and_for_programs_too(place: Place) -> None:
    bring(place)
    state.settle(place, "went back", datetime.now(UTC))
    looks = (
        Look(about="the page", is_well=False, figure="nobody answers"),
        Look(about="the programs", is_well=True, figure="all of them"),
    )
    told = Gate(version=NEW.version, at=datetime.now(UTC), looks=looks)
    state.change(place, lambda kept: kept.model_copy(update={"gate": told}))
    shown = typed()
    assert shown.exit_code == 1, "a warning"
    assert "not passed by 0.2.0" in shown.output
    assert "the page: nobody answers" in shown.output
    assert "the programs" not in shown.output
    as_json = json.loads(typed("--json").output)
    assert as_json["last"]["ended"] == "went back"
    assert as_json["gate"]["looks"][0]["figure"] == "nobody answers"


def test_a_machine_that_is_no_box_takes_no_bundle(place: Place) -> None:
    brought = place.home / "stick.raucb"
    brought.write_bytes(b"something")
    for command in (("check", str(brought)), ("install", str(brought))):
        refused = typed(*command)
        assert refused.exit_code == 2
        assert "does not run from CareLine's image" in refused.output
    assert state.load(place).waiting is None


def test_a_file_that_a_later_version_has_left_ends_nothing(place: Place) -> None:
    place.update_told.write_text('{"of": "a later version"}')
    assert typed().exit_code == 0
