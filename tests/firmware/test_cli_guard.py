"""`careline guard` at the box's own keyboard, with a `careline root` beside it."""

import asyncio
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from firmware.cli.guard import app
from firmware.guard_acts import ArrangeGuard, BlockAddress, GuardTold, OfGuard
from firmware.guard_rule import Sign
from firmware.place import Place
from firmware.root import RootError, ask
from hw.packet_filter import RememberedFilter
from tests.web.rooted import rooted

SCANNER = ip_address("203.0.113.9")
ARRANGED = ArrangeGuard(ports=(5060, 5061), spared=(ip_network("198.51.100.7/32"),))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))
    return Place(tmp_path)


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, ["guard", *words])


def asked(place: Place, act: OfGuard) -> str:
    return asyncio.run(ask(place.root_socket, act))


def test_who_is_blocked_is_shown_and_let_in_again(place: Place) -> None:
    packets = RememberedFilter()
    with rooted(place, None, packets):
        told = GuardTold.model_validate_json(asked(place, ARRANGED))
        assert {str(net) for net in told.spared} >= {"192.0.2.0/24", "198.51.100.7/32"}
        assert "nobody is blocked" in typed("list").output
        asked(place, BlockAddress(address=SCANNER, for_s=600, sign=Sign.WRONG_PASSWORD))
        shown = typed("list").output
        assert shown == "203.0.113.9: blocked for 10 min, 0:10:00 left: wrong passwords\n"
        assert "blocked no longer" in typed("unblock", "203.0.113.9").output
        assert packets.blocks() == ()


@pytest.mark.parametrize("near", ["127.0.0.1", "192.168.1.20", "192.0.2.9", "fe80::1", "fd00::7"])
def test_nobody_of_the_clinics_own_network_is_blocked_whoever_asks(place: Place, near: str) -> None:
    packets = RememberedFilter()
    with rooted(place, None, packets):
        asked(place, ARRANGED)
        wish = BlockAddress(address=ip_address(near), for_s=600, sign=Sign.WRONG_PASSWORD)
        with pytest.raises(RootError, match="own network is never blocked"):
            asked(place, wish)
        assert packets.blocks() == ()


def test_half_the_internet_is_not_spared_for_a_line(place: Place) -> None:
    packets = RememberedFilter()
    with rooted(place, None, packets), pytest.raises(RootError, match="too wide"):
        asked(place, ArrangeGuard(ports=(5060,), spared=(ip_network("0.0.0.0/0"),)))
    assert packets.ports == ()


def test_without_root_or_where_the_filter_is_not_the_box_s_it_says_so(place: Place) -> None:
    assert "careline root does not answer" in typed("list").stderr
    assert "no address" in typed("unblock", "nonsense").stderr
    with rooted(place, None):
        assert "not the box's" in typed("list").output
        assert "not the box's" in typed("unblock", "203.0.113.9").stderr
