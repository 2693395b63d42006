"""A gateway to analog lines: what a site may say of it, and what it is told itself."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from firmware import gateways, settings
from firmware.cli.lines import app
from firmware.place import Place
from firmware.settings import SiteFaults
from ivr.plan import Plan
from tests.firmware.by_hand import SITE

NUMBERS = ("2025550100", "2025550101")
BOX = "192.0.2.1"
SERVED = {47: f"{BOX}:5060", 3607: "ch1:2025550100;ch2:2025550101;", 3605: "ch1-8:Y;"}


def site(gateway: str, *more: str, numbers: tuple[str, ...] = NUMBERS) -> str:
    """A clinic whose numbers come by this gateway."""
    lines = ", ".join(f'"{each}"' for each in numbers)
    text = SITE.replace("[trunks.telco]", "\n".join(["[trunks.telco]", gateway, *more]))
    return re.sub(r'numbers = \["2025550100"\]', f"numbers = [{lines}]", text)


def plan(gateway: str, *more: str) -> Plan:
    return settings.read(site(f'gateway = "{gateway}"', *more))


def told(gateway: str) -> dict[str, str]:
    """By the names on its pages."""
    read = plan(gateway)
    found = gateways.settings_of(read, read.trunks["telco"], BOX, 5060)
    return {each.name: each.value for each in found}


def typed(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["lines", "settings", *words], env={"CARELINE_HOME": str(home)})


def test_an_ht813_sends_its_line_to_the_box_and_tells_a_hang_up_by_the_countrys_tone() -> None:
    found = told("ht813")
    assert found["Unconditional Call Forward to VOIP: User ID"] == "2025550100"
    assert found["PSTN Disconnect Tone"] == "f1=480@-32,f2=620@-32,c=500/500;"
    assert found["Preferred DTMF method (Priority 1)"] == "RFC2833"
    assert plan("ht813").trunks["telco"].port == 5062  # of its FXO port, as it comes


def test_a_gxw_has_a_number_at_each_port_and_any_other_is_told_what_matters_in_words() -> None:
    forward = "Unconditional Call Forward to VOIP: User ID"
    assert told("gxw4104")[forward] == "ch1:2025550100;ch2:2025550101;"
    assert told("generic")["every call from the line goes to"] == f"2025550101@{BOX}:5060"


@pytest.mark.parametrize("gateway", ["ht813", "gxw4104", "gxw4108", "generic"])
def test_no_password_and_no_person_is_among_the_settings(gateway: str) -> None:
    for value in told(gateway).values():
        assert "Desk" not in value
        assert "Maple" not in value


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ('ports = ["2025550199"]', "a port carries a number that no line of this trunk has"),
        (f"ports = {list(NUMBERS)}".replace("'", '"'), "the gateway has fewer ports"),
        ("silence_s = -1", ""),
    ],
)
def test_what_does_not_fit_the_gateway_is_refused_with_its_line(more: str, reason: str) -> None:
    with pytest.raises(SiteFaults) as refused:
        plan("ht813", more)
    assert reason in str(refused.value)


def test_the_settings_are_printed_and_another_trunk_has_none(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(site('gateway = "gxw4108"'), "utf-8")
    printed = typed(tmp_path, "telco", "--site", str(file), "--box", BOX)
    assert printed.exit_code == 0, printed.output
    assert "P3607" in printed.output
    file.write_text(SITE, "utf-8")
    refused = typed(tmp_path, "telco", "--site", str(file))
    assert refused.exit_code == 1
    assert "say in [trunks.telco] gateway = which it is" in refused.output


def test_what_is_typed_in_by_hand_is_shown_whole_on_a_narrow_terminal(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(site('gateway = "ht813"'), "utf-8")
    narrow = {"CARELINE_HOME": str(tmp_path), "COLUMNS": "80"}
    asked = ["lines", "settings", "telco", "--site", str(file), "--box", BOX]
    printed = CliRunner().invoke(app, asked, env=narrow).output
    assert "…" not in printed
    assert "500/500;" in printed


def test_the_file_of_a_gateway_holds_what_is_printed_by_its_p_values() -> None:
    read = plan("gxw4108")
    found = gateways.settings_of(read, read.trunks["telco"], BOX, 5060)
    tree = ElementTree.fromstring(gateways.file_of(found, "000b82aabbcc"))  # noqa: S314 - ours
    assert tree.findtext("mac") == "000b82aabbcc"
    for p_value, text in SERVED.items():
        assert tree.findtext(f"config/P{p_value}") == text


@pytest.mark.parametrize(
    ("gateway", "device", "why"),
    [("gxw4108", "no mac", "12 signs"), ("ht813", "00:0b:82:aa:bb:cc", "fetches nothing")],
)
def test_no_link_is_made_for_what_cannot_fetch(
    gateway: str, device: str, why: str, tmp_path: Path
) -> None:
    file = tmp_path / "site.toml"
    file.write_text(site(f'gateway = "{gateway}"'), "utf-8")
    refused = typed(tmp_path, "telco", "--site", str(file), "--link", device)
    assert refused.exit_code == 1
    assert why in refused.output
    assert not Place(tmp_path).page_db.exists()
