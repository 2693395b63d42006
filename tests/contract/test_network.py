"""The box's network, real and fake, is tried, kept and taken back alike. The real one writes into
folders of the story here, and what it tells `networkctl` is written down; `make proof-network` has
it speak to a real systemd-networkd."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from firmware.durable import replace_file
from hw.network import FakeNetwork, Network, Networkd, NetworkError, Port
from hw.network_files import Wish, WishError

DESK = Wish(how="fixed", address="192.168.1.20/24", gateway="192.168.1.1")
PHONES = Wish(how="fixed", address="10.1.0.9/16", vlan="20", phones_address="10.20.0.1/24")
BROKEN = Wish(how="fixed", address="10.1.0.9")


class Networkctl:
    """What was told to the machine, and the ports that it has."""

    def __init__(self, *ports: str) -> None:
        self.told: list[str] = []
        self.ports = ports

    def __call__(self, command: Sequence[str]) -> str:
        self.told.append(" ".join(command))
        return json.dumps({"Interfaces": [{"Name": name, "Type": "ether"} for name in self.ports]})

    @property
    def acts(self) -> list[str]:
        return [each for each in self.told if "list" not in each]


def real(home: Path, told: Networkctl) -> Networkd:
    (home / "etc").mkdir(exist_ok=True)
    return Networkd(replace_file, told, home / "etc", home / "run", home / "synchronized")


Make = Callable[[Path], tuple[Network, Callable[[], None]]]


def _real(home: Path) -> tuple[Network, Callable[[], None]]:
    device = real(home, Networkctl("eth0"))

    def power_cut() -> None:
        for path in (home / "run").glob("*"):
            path.unlink()  # /run is memory

    return device, power_cut


def _fake(_home: Path) -> tuple[Network, Callable[[], None]]:
    device = FakeNetwork()
    return device, device.lost_power


@pytest.fixture(params=[_real, _fake], ids=["real", "fake"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Network, Callable[[], None]]:
    make: Make = request.param
    return make(tmp_path)


def test_what_is_kept_is_in_force_and_what_was_before_is_known(
    made: tuple[Network, Callable[[], None]],
) -> None:
    device, power_cut = made
    assert device.in_force() is device.before() is device.on_trial() is None
    device.try_out(DESK)
    assert (device.on_trial(), device.in_force()) == (DESK, None)
    device.keep()
    assert (device.on_trial(), device.in_force(), device.before()) == (None, DESK, Wish())
    device.try_out(PHONES)
    device.keep()
    power_cut()
    assert (device.on_trial(), device.in_force(), device.before()) == (None, PHONES, DESK)


def test_what_is_taken_back_or_cut_off_leaves_what_was_in_force(
    made: tuple[Network, Callable[[], None]],
) -> None:
    device, power_cut = made
    device.try_out(DESK)
    device.keep()
    for end in (device.take_back, power_cut):
        device.try_out(PHONES)
        end()
        assert (device.on_trial(), device.in_force(), device.before()) == (None, DESK, Wish())


def test_what_is_done_twice_does_no_harm_and_what_cannot_be_had_is_refused(
    made: tuple[Network, Callable[[], None]],
) -> None:
    device, _ = made
    device.take_back()
    device.keep()
    assert device.in_force() is None
    with pytest.raises(WishError):
        device.try_out(BROKEN)
    assert device.on_trial() is None
    device.try_out(PHONES)
    device.try_out(DESK)
    device.keep()
    device.keep()
    assert (device.in_force(), device.before()) == (DESK, Wish())


def test_networkd_is_told_by_files_that_it_may_read_and_that_a_trial_s_come_first(
    tmp_path: Path,
) -> None:
    told = Networkctl("eth0", "phones.20", "phones.7")
    device = real(tmp_path, told)
    device.try_out(PHONES)
    run = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert run == [
        "10-careline-lan.network", "10-careline-phones.20.netdev", "10-careline-phones.20.network"
    ]  # fmt: skip
    assert told.acts == ["networkctl reload", "networkctl delete phones.7"]
    device.keep()
    etc = sorted(path.name for path in (tmp_path / "etc").iterdir())
    assert etc == [
        "50-careline-lan.network", "50-careline-phones.20.netdev", "50-careline-phones.20.network",
        "careline-lan.before",
    ]  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "etc").iterdir()} == {0o644}
    device.try_out(DESK)
    device.keep()
    left = sorted(path.name for path in (tmp_path / "etc").iterdir())
    assert left == ["50-careline-lan.network", "careline-lan.before"]
    assert "networkctl delete phones.20" in told.acts


def test_the_box_is_named_once_its_network_is_kept(tmp_path: Path) -> None:
    told = Networkctl("eth0")
    device = real(tmp_path, told)
    device.try_out(Wish(host_name="desk-2"))
    assert not any("hostname" in each for each in told.told)
    device.keep()
    assert told.told[-1] == "hostnamectl set-hostname desk-2"


def test_the_ports_are_told_as_networkctl_has_them(tmp_path: Path) -> None:
    said = {
        "Interfaces": [
            {"Name": "lo", "Type": "loopback"},
            {
                "Name": "eth0",
                "Type": "ether",
                "CarrierState": "carrier",
                "AdministrativeState": "configured",
                "Addresses": [
                    {"Family": 10, "Address": [254, 128] + [0] * 14, "PrefixLength": 64},
                    {"Family": 2, "Address": [192, 168, 1, 20], "PrefixLength": 24},
                ],
                "Routes": [
                    {"Family": 2, "Destination": [192, 168, 1, 0], "DestinationPrefixLength": 24},
                    {"Family": 2, "DestinationPrefixLength": 0, "Gateway": [192, 168, 1, 1]},
                ],
                "DNS": [{"Family": 2, "Address": [9, 9, 9, 9]}],
            },
        ]
    }
    device = Networkd(replace_file, lambda _command: json.dumps(said), tmp_path, tmp_path)
    (port,) = device.ports()
    assert (port.name, port.has_carrier, port.state) == ("eth0", True, "configured")
    assert (port.addresses, port.gateway) == (("192.168.1.20/24",), "192.168.1.1")
    assert port.dns == ("9.9.9.9",)
    silent = Networkd(replace_file, lambda _command: "no JSON", tmp_path, tmp_path)
    with pytest.raises(NetworkError):
        silent.ports()


@pytest.mark.parametrize(
    ("port", "is_read"),
    [
        ({"Addresses": None, "Routes": None, "DNS": None, "AdministrativeState": None}, True),
        ({"Addresses": [{"Family": 2, "Address": None, "PrefixLength": 24}]}, False),
        ({"Addresses": [{"Family": 2}]}, False),
        ({"Routes": 7}, False),
        ("eth0", False),
    ],
)
def test_what_networkctl_leaves_out_is_nothing_and_what_it_twists_is_told_as_such(
    tmp_path: Path, port: object, is_read: bool
) -> None:
    if isinstance(port, dict):
        port = {"Name": "eth0", "Type": "ether"} | port
    said = json.dumps({"Interfaces": [port]})
    device = Networkd(replace_file, lambda _command: said, tmp_path, tmp_path)
    if is_read:
        assert device.ports() == (Port("eth0", has_carrier=False, state=""),)
    else:
        with pytest.raises(NetworkError, match="nobody can read"):
            device.ports()
    none = Networkd(replace_file, lambda _command: '{"Interfaces": null}', tmp_path, tmp_path)
    assert none.ports() == ()


@pytest.mark.parametrize("ends", ["keep", "take_back"])
def test_what_somebody_wrote_into_the_file_in_force_stops_no_trial_and_costs_no_port(
    tmp_path: Path, ends: str
) -> None:
    told = Networkctl("eth0", "phones.20")
    device = real(tmp_path, told)
    device.try_out(PHONES)
    device.keep()
    file = tmp_path / "etc" / "50-careline-lan.network"
    file.write_text(file.read_text().replace('"10.1.0.9/16"', '"10.1.0.9 255.255.0.0"'))
    by_hand = file.read_text()
    device.take_back()
    assert "networkctl delete phones.20" not in told.acts, "the telephones go on"
    device.try_out(DESK)
    getattr(device, ends)()
    assert device.on_trial() is None
    kept = tmp_path / "etc" / "careline-lan.before" if ends == "keep" else file
    assert kept.read_text() == by_hand


def test_a_command_that_fails_or_is_not_there_is_told_as_such() -> None:
    from hw.network import tell

    assert tell(("echo", "well")) == "well\n"
    for command in (("false",), ("careline-has-no-such-program",)):
        with pytest.raises(NetworkError, match=command[0]):
            tell(command)
