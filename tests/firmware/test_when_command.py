"""`careline when`, as an admin asks it before the day comes; and `careline switch`."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from firmware import wallclock
from firmware.cli.hours import app
from firmware.store import Store
from firmware.switches import keep
from firmware.wallclock import Reading
from ivr.hours import Switch
from tests.firmware.test_settings import TEMPLATE

NEW_YORK = ZoneInfo("America/New_York")
CHRISTMAS = ["when", "--line", "main", "--at", "2026-12-25 02:30"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site in force, on which no exchange has run yet."""
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))
    (tmp_path / "clinic.toml").write_text(TEMPLATE)
    return tmp_path


@pytest.mark.usefixtures("place")
def test_christmas_night_is_answered_ahead() -> None:
    result = CliRunner().invoke(app, CHRISTMAS)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:3] == [
        "Fri 2026-12-25 02:30 (America/New_York), a caller on main:",
        "  main/hours: office is closed: the holiday Christmas Day, until Sat 2026-12-26 00:00",
        "      it opens on Mon 2026-12-28 at 08:00",
    ]
    assert "  after-hours/menu: hears a menu" in result.stdout
    assert "Our office is closed now." in result.stdout


@pytest.mark.usefixtures("place")
def test_programs_get_the_same() -> None:
    told = json.loads(CliRunner().invoke(app, [*CHRISTMAS, "--json"]).stdout)
    hours, menu = told["way"]
    assert told["at"] == "2026-12-25T02:30:00-05:00"
    assert hours["hours"] == {
        "schedule": "office",
        "open": False,
        "by": "holiday",
        "name": "Christmas Day",
        "until": "2026-12-26T00:00:00-05:00",
        "changes": "2026-12-28T08:00:00-05:00",
    }
    assert menu["place"] == "after-hours/menu"
    assert menu["hours"] is None


def test_a_file_that_is_not_yet_in_force_may_be_asked(tmp_path: Path, place: Path) -> None:
    draft = tmp_path / "draft.toml"
    before, _, after = TEMPLATE.partition("[holidays]")
    german = '[holidays]\ncountry = "DE"\n\n[requests' + after.partition("[requests")[2]
    draft.write_text(before + german)
    asked = ["when", "--at", "2027-10-03 10:00", "--file", str(draft)]
    assert "the holiday German Unity Day" in CliRunner().invoke(app, asked).stdout
    assert place == tmp_path


def test_what_is_switched_on_the_box_is_told_ahead_until_it_runs_out(place: Path) -> None:
    store = Store(place / "calls.db", "calls")
    opened = Switch("office", True, datetime(2026, 12, 25, 12, tzinfo=NEW_YORK))
    asyncio.run(keep(store, {"office": opened}))
    store.close()
    told = CliRunner().invoke(app, CHRISTMAS).stdout
    assert "office is open: switched by hand, until Fri 2026-12-25 12:00" in told
    assert "it closes on Fri 2026-12-25 at 12:00" in told
    at_noon = ["when", "--at", "2026-12-25 12:00"]
    assert "the holiday Christmas Day" in CliRunner().invoke(app, at_noon).stdout


@pytest.mark.usefixtures("place")
def test_now_is_told_by_a_clock_that_is_to_be_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wallclock, "read", lambda place: Reading(0.0, 0.0, is_in_step=False))
    told = CliRunner().invoke(app, ["when"]).stdout
    assert "office is open: the clock cannot be trusted yet" in told
    assert "nothing is closed until a time service has set the clock" in told


@pytest.mark.usefixtures("place")
def test_an_unknown_line_or_time_is_refused_in_words() -> None:
    result = CliRunner().invoke(app, ["when", "--line", "fax"])
    assert result.exit_code == 2
    assert "there is no line" in result.stderr
    assert CliRunner().invoke(app, ["when", "--at", "Christmas"]).exit_code == 2


@pytest.mark.usefixtures("place")
def test_without_an_exchange_nothing_is_switched_and_it_says_so() -> None:
    result = CliRunner().invoke(app, ["switch", "closed"])
    assert result.exit_code == 1
    assert result.stderr
    assert CliRunner().invoke(app, ["switch", "shut"]).exit_code == 2
