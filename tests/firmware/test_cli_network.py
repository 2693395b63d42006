"""`careline network` at the box's own keyboard, with a `careline root` beside it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from firmware.cli.network import app
from firmware.place import Place
from hw.network_files import Wish
from tests.web.rooted import SOON_S, Seen, rooted


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))
    return Place(tmp_path)


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, ["network", *words])


def test_another_network_is_tried_shown_and_confirmed(place: Place) -> None:
    device = Seen()
    with rooted(place, device):
        assert "eth0: configured; 192.0.2.17/24" in typed().output
        assert "as the box came" in typed().output
        tried = typed("try", "--address", "192.168.1.20/24", "--gateway", "192.168.1.1")
        assert "on trial for 90 s" in tried.output
        assert device.tried.wait(SOON_S)
        assert "s more: address 192.168.1.20/24, gateway 192.168.1.1" in typed().output
        assert "it stays" in typed("confirm").output
        assert device.in_force() == Wish("fixed", "192.168.1.20/24", "192.168.1.1")
        refused = typed("confirm")
        assert refused.exit_code == 1
        assert "no network is on trial" in refused.stderr


def test_what_cannot_be_had_is_said_by_its_option_and_a_trial_is_taken_back(place: Place) -> None:
    device = Seen()
    with rooted(place, device):
        refused = typed("try", "--address", "192.168.1.20", "--phones-address", "10.0.0.1/8")
        assert refused.exit_code == 1
        assert "--address: Write an address" in refused.stderr
        assert "--vlan: The telephones' address needs" in refused.stderr
        assert device.asked == []
        assert typed("try", "--dns", "192.168.1.9").exit_code == 0
        assert device.tried.wait(SOON_S)
        assert "the former one is back" in typed("back").output
        assert device.on_trial() is None


def test_without_root_or_where_the_network_is_not_the_box_s_it_says_so(place: Place) -> None:
    assert "careline root does not answer" in typed().stderr
    with rooted(place, None):
        assert "not the box's" in typed().output
        assert "not the box's" in typed("try").stderr
