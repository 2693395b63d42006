"""`careline check` and `careline simulate`, as an admin types them."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware.cli.site import FAULTY, app
from firmware.tickets import Opened
from tests.firmware.test_settings import TEMPLATE, TWENTY, faulty
from tests.firmware.test_tickets import ASKED, TICKET, books, write

AFTER_HOURS = ["--at", "2026-12-25 02:30", "--press", "1,wait 5,2"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "clinic.toml"


def test_the_template_is_in_order(site: Path) -> None:
    site.write_text(TEMPLATE)
    result = CliRunner().invoke(app, ["check", str(site)])
    assert result.exit_code == 0
    assert "is in order" in result.stdout


def test_twenty_faults_are_twenty_messages_and_status_two(site: Path) -> None:
    text = faulty()
    site.write_text(text)
    result = CliRunner().invoke(app, ["check", str(site)])
    assert result.exit_code == FAULTY
    for _, wrong, _, _ in TWENTY:
        line = 1 + text[: text.index(wrong)].count("\n")
        assert f"clinic.toml:{line}: " in result.stderr
    assert result.stderr.count("→") >= len(TWENTY)
    assert "Traceback" not in result.output


def test_what_is_proved_is_told_with_line_way_and_cure(site: Path) -> None:
    text = TEMPLATE.replace('otherwise = "front-desk"', 'otherwise = "menu"', 1)
    site.write_text(text)
    result = CliRunner().invoke(app, ["check", str(site)])
    line = 1 + text[: text.index("[flows.main.nodes.menu]")].count("\n")
    assert result.exit_code == FAULTY
    assert f"clinic.toml:{line}: flows.main.nodes.menu" in result.stderr
    assert "main/menu -> main/menu" in result.stderr


SERVICE = """
[flows.main.nodes.service]
kind = "outside"
number = "2025550199"
for_s = 30
otherwise = "desk-message"
"""


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("911", "an emergency number is called by people only"),
        ("9115550100", "an emergency number is called by people only"),
        ("442071838750", "no dial rule leads to it"),
        ("101", 'it is rung by a node of the kind "ring"'),
        ("+12025550100", "the clinic's own number"),
    ],
)
def test_a_number_that_callers_cannot_be_put_through_to_is_refused_with_its_line(
    site: Path, number: str, reason: str
) -> None:
    right = TEMPLATE.replace("[prompts.en]", f"{SERVICE}\n[prompts.en]")
    site.write_text(right)
    assert CliRunner().invoke(app, ["check", str(site)]).exit_code == 0
    text = right.replace('number = "2025550199"', f'number = "{number}"')
    site.write_text(text)
    result = CliRunner().invoke(app, ["check", str(site)])
    line = 1 + text[: text.index(f'number = "{number}"\nfor_s')].count("\n")
    assert result.exit_code == FAULTY
    assert f"clinic.toml:{line}: flows.main.nodes.service.number" in result.stderr
    assert reason in " ".join(result.stderr.split())
    assert "→ give a number to which one of [[dial_rules]] leads" in result.stderr
    assert f'"{number}"' not in result.stderr


def test_a_site_without_call_backs_that_somebody_still_waits_for_is_warned_of(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))
    node = TEMPLATE[TEMPLATE.index("[flows.main.nodes.call-back]") :].partition("\n\n")[0]
    lines = TEMPLATE.replace(node, "").splitlines(keepends=True)
    text = "".join(
        line for line in lines if not line.startswith(("callbacks = ", 'callback = "call'))
    )
    site.write_text(text)
    with books(tmp_path) as ledger:
        assert "warning" not in CliRunner().invoke(app, ["check", str(site)]).stderr
        write(ledger, Opened(replace(TICKET, queue="front-desk"), "a life", ASKED))
        result = CliRunner().invoke(app, ["check", str(site)])
    line = 1 + text[: text.index("[queues.front-desk]")].count("\n")
    assert result.exit_code == 0
    assert f"clinic.toml:{line}: queues.front-desk" in result.stderr
    assert "1 who were promised a call-back" in " ".join(result.stderr.split())


def test_faults_and_findings_are_told_together_and_none_is_false(site: Path) -> None:
    text = TEMPLATE.replace("port = 5070", "port = 0")
    text = text.replace('tue = ["08:00-17:00"]', 'tue = ["08:00-17:00", "09:00-10:00"]')
    text = text.replace('kind = "say"', 'kind = "speak"', 1)
    site.write_text(text)
    result = CliRunner().invoke(app, ["check", str(site)])
    assert result.stderr.count("→") == 3


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"[", b"a = 1\n" * 60_000])
def test_a_file_that_is_no_site_file_is_refused_in_words(site: Path, content: bytes) -> None:
    site.write_bytes(content)
    result = CliRunner().invoke(app, ["check", str(site)])
    assert result.exit_code == FAULTY
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_file_that_is_not_there_is_named(site: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(site)])
    assert result.exit_code == FAULTY
    assert "No such file" in result.stderr


def test_a_call_on_christmas_night_is_walked(site: Path) -> None:
    site.write_text(TEMPLATE)
    result = CliRunner().invoke(app, ["simulate", str(site), *AFTER_HOURS])
    assert result.exit_code == 0
    assert "hours main/hours closed" in result.stdout
    assert "records a message for front-desk" in result.stdout
    assert "outcome: message" in result.stdout


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--press", "one"], "wait SECONDS"),
        (["--at", "noon"], "is no time"),
        (["--line", "fax"], "the clinic has: main"),
    ],
)
def test_a_walk_that_cannot_be_walked_says_why(site: Path, wrong: list[str], told: str) -> None:
    site.write_text(TEMPLATE)
    result = CliRunner().invoke(app, ["simulate", str(site), *wrong], env={"COLUMNS": "200"})
    assert result.exit_code == FAULTY
    assert told in result.stderr


def test_a_rule_that_opens_half_the_world_is_warned_of_and_refuses_nothing(site: Path) -> None:
    rule = '[[dial_rules]]\nprefix = "9"\nstarts = "0114"\ndigits = 14\ntrunk = "telco"\n'
    site.write_text(f'{TEMPLATE}\n{rule}shows = "2025550100"\n')
    result = CliRunner().invoke(app, ["check", str(site)])
    assert result.exit_code == 0
    assert "leads to every country whose code begins with 4" in result.stderr
    site.write_text(site.read_text().replace('"0114"', '"01144"'))
    assert "country" not in CliRunner().invoke(app, ["check", str(site)]).stderr
