"""An imagined call that somebody kept is walked again whenever a site is proved: one that goes
elsewhere is a fault, which names both ways and can be heard."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from firmware import edits, proving, settings, versions, walks
from firmware.cli.site import app
from firmware.proving import UnprovenError
from firmware.walks import Walk
from ivr.simulate import Phones
from tests.firmware.by_hand import SITE

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("UTC"))
PLAN = settings.read(SITE)


def keeping(walk: Walk, name: str = "to-the-desk", site: str = SITE) -> str:
    goes = walks.way_of(walk.told(PLAN))
    return edits.edited(site, [edits.Put(("walks", name), walk.as_table(goes))])


def faults_of(text: str) -> list[str]:
    with pytest.raises(UnprovenError) as refused:
        proving.proven(text, settings.nothing_beside)
    return [str(each) for each in refused.value.faults]


def test_a_kept_call_that_goes_as_it_went_is_no_fault() -> None:
    text = keeping(Walk("main", NOON, "1"))
    assert 'goes = ["menu main/menu", "queue main/desk", "answered"]' in text
    assert proving.proven(text, settings.nothing_beside).plan == PLAN


def test_a_change_that_leads_a_kept_call_elsewhere_is_refused_with_both_ways() -> None:
    text = keeping(Walk("main", NOON, "1"))
    (fault,) = faults_of(text.replace('1 = "desk"', '1 = "message"'))
    assert "walks.to-the-desk" in fault
    assert "to message main/message, and before to queue main/desk" in fault
    assert "keep the call as it goes now" in fault


def test_what_single_phones_did_is_kept_too() -> None:
    walk = Walk("main", NOON, "1", Phones.SILENT, {"101": Phones.ABSENT})
    text = keeping(walk)
    ((kept, goes),) = walks.kept_in(text, PLAN).values()
    assert (kept.others, kept.phones) == ({"101": Phones.ABSENT}, Phones.SILENT)
    assert goes[-1] == "message"
    assert proving.proven(text, settings.nothing_beside)


def test_a_kept_call_of_a_line_that_is_gone_says_so() -> None:
    text = keeping(Walk("main", NOON, "1")).replace('line = "main"', 'line = "fax"')
    (fault,) = faults_of(text)
    assert "there is no line 'fax'" in fault


@pytest.mark.parametrize(
    ("was", "becomes"), [('at = "2026', 'at = "1026'), ('press = "1"', "press = 1"), ("goes", "go")]
)
def test_a_kept_call_that_cannot_be_read_is_a_fault_of_form(was: str, becomes: str) -> None:
    text = keeping(Walk("main", NOON, "1"))
    assert was in text
    assert any("walks.to-the-desk" in each for each in faults_of(text.replace(was, becomes)))


def test_careline_check_tells_of_it_and_how_it_is_heard(tmp_path: Path) -> None:
    file = tmp_path / "clinic.toml"
    file.write_text(keeping(Walk("main", NOON, "1")).replace('1 = "desk"', '1 = "message"'))
    told = CliRunner().invoke(app, ["check", str(file)])
    assert told.exit_code == 2
    assert "the kept call goes elsewhere now" in told.stderr
    heard = told.stderr.partition("careline simulate ")[2].splitlines()[0]
    assert "--press 1" in heard


def test_a_difference_names_kept_calls() -> None:
    text = keeping(Walk("main", NOON, "1"))
    said = [each.sentence for each in versions.compare_texts(SITE, PLAN, text, PLAN)]
    assert said == ["The kept call `to-the-desk` is new"]
    said = [each.sentence for each in versions.compare_texts(text, PLAN, SITE, PLAN)]
    assert said == ["The kept call `to-the-desk` is gone"]
