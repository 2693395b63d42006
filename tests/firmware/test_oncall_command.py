"""`careline oncall`, and what `careline check` says of the coming weeks, as an admin types them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware.cli import oncall
from firmware.cli import site as site_commands
from tests.firmware.test_settings import TEMPLATE

NOW = ["--at", "2026-11-25 09:00"]
WEEKLY = 'turn = "weekly"\nbegins = 2026-01-05\nhand_off = "08:00"\n'
NIGHTS = f'{WEEKLY}only = {{ weekdays = ["17:00-08:00"] }}\n'
AGREED = """
[[oncall.overrides]]
layer = "first"
person = "alvarez"
starts = "2026-12-01 17:00"
ends = "2026-12-02 08:00"
"""


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    file = tmp_path / "clinic.toml"
    file.write_text(TEMPLATE)
    return file


@pytest.fixture
def holed(clinic: Path) -> Path:
    """The first layer is only there on nights of the week; the second has one override too many."""
    assert WEEKLY in TEMPLATE
    clinic.write_text(TEMPLATE.replace(WEEKLY, NIGHTS, 1) + AGREED)
    return clinic


TERMINAL = {"COLUMNS": "120", "TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": None}
PAPER = {"COLUMNS": "120", "TERM": "xterm", "FORCE_COLOR": None, "NO_COLOR": None}


def run(*arguments: str, on: dict[str, str | None] = PAPER) -> str:
    result = CliRunner().invoke(oncall.app, ["oncall", *arguments], env=on)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_who_is_on_call_and_who_is_next_is_told_in_a_glance(clinic: Path) -> None:
    told = run(str(clinic), *NOW)
    assert "first   Dr. Brandt  until Mon 2026-11-30 08:00" in told
    assert "second  Dr. Chen    until Mon 2026-11-30 08:00" in told
    assert "goes to Dr. Brandt, then to Dr. Chen, then to everybody at once" in told
    assert "then to Answering service\n" in told
    assert "Mon 2026-12-07 08:00  first: Dr. Alvarez, second: Dr. Brandt" in told


def test_any_time_may_be_asked_about(clinic: Path) -> None:
    told = run(str(clinic), "--at", "2027-07-04 23:00")
    assert "Sun 2027-07-04 23:00 (America/New_York)" in told
    assert "first   Dr. Chen     until Mon 2027-07-05 08:00" in told


def test_a_month_shows_its_gaps_and_double_bookings_in_words(holed: Path) -> None:
    lines = run(str(holed), *NOW, "--days", "30").splitlines()
    (holiday,) = [line for line in lines if line.split()[:2] == ["Thu", "2026-11-26"]]
    assert holiday.split()[2:] == ["08:00", "17:00", "NOBODY", "Dr.", "Chen", "gap"]
    (override,) = [line for line in lines if "(override)" in line]
    assert override.rstrip().endswith("  Dr. Alvarez twice")
    assert any(line.startswith("in 30 days: ") for line in lines)


def test_a_gap_is_red_and_said_in_words_too(holed: Path) -> None:
    told = run(str(holed), *NOW, "--days", "2", on=TERMINAL)
    assert "\x1b[1;31mNOBODY" in told
    assert "\x1b[1;31mgap" in told


def test_programs_get_the_same_in_the_clinics_own_time(holed: Path) -> None:
    told = json.loads(run(str(holed), *NOW, "--json", "--days", "7"))
    assert told["at"] == "2026-11-25T09:00:00-05:00"
    assert told["now"][0] == {
        "layer": "first", "person": None, "name": None, "by": "nobody",
        "until": "2026-11-25T17:00:00-05:00",
    }  # fmt: skip
    gaps = [(row["start"], row["end"]) for row in told["rows"] if row["is_gap"]]
    assert gaps == [
        ("2026-11-26T08:00:00-05:00", "2026-11-26T17:00:00-05:00"),
        ("2026-11-28T08:00:00-05:00", "2026-11-30T08:00:00-05:00"),
    ]
    assert told["ladder"][-1] == {"why": "last resort", "people": ["answering-service"]}
    assert told["names"]["chen"] == "Dr. Chen"


@pytest.mark.parametrize("how", [[], ["--days", "60"], ["--json"]])
def test_nobodys_number_is_shown(clinic: Path, how: list[str]) -> None:
    assert "20255501" in TEMPLATE
    assert "20255501" not in run(str(clinic), *NOW, *how)


def test_without_a_file_it_is_the_published_one(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARELINE_HOME", str(clinic.parent))
    assert run(*NOW) == run(str(clinic), *NOW)


def test_a_clinic_without_a_rota_is_told_how_to_have_one(clinic: Path) -> None:
    text = TEMPLATE[: TEMPLATE.index("[oncall]")] + TEMPLATE[TEMPLATE.index("[queues.") :]
    lines = text.splitlines()
    clinic.write_text("\n".join(line for line in lines if not line.startswith("oncall = ")))
    result = CliRunner().invoke(oncall.app, ["oncall", str(clinic)], env=PAPER)
    assert result.exit_code == oncall.NO_ROTA
    assert "add [oncall]" in result.stderr


@pytest.mark.parametrize("at", ["noon", "2026-02-30 08:00", "9999-12-31 08:00"])
def test_a_time_that_cannot_be_is_refused(clinic: Path, at: str) -> None:
    result = CliRunner().invoke(oncall.app, ["oncall", str(clinic), "--at", at])
    assert result.exit_code == site_commands.FAULTY


# ---- careline check ----


def check(file: Path) -> str:
    result = CliRunner().invoke(site_commands.app, ["check", str(file), *NOW], env=PAPER)
    assert result.exit_code == 0, result.output
    assert "is in order" in result.stdout
    return result.stderr


def test_the_templates_rota_gives_nothing_to_warn_of(clinic: Path) -> None:
    assert check(clinic) == ""


def test_gaps_and_double_bookings_of_the_coming_days_are_warnings_with_line_and_cure(
    holed: Path,
) -> None:
    told = check(holed)
    text = holed.read_text()
    line = 1 + text[: text.index("[[oncall.layers.first]]")].count("\n")
    assert f"clinic.toml:{line}: oncall.layers.first\n" in told
    assert "nobody is on call in first on Thu 2026-11-26 08:00 to 17:00" in told
    assert "go to chen of a later layer" in told
    assert "alvarez is on call in first and second at once on Tue 2026-12-01 17:00" in told
    assert told.count("nobody is on call in first") == 3
    assert "times more after that" in told
    assert told.count("→") == told.count("warning ") == 4
