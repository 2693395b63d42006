"""The box's network, real and fake, is tried, kept and taken back alike. The real one writes into
folders of the story here, and what it tells `networkctl` is written down; `make proof-network` has
it speak to a real systemd-networkd."""

import errno
import itertools
import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from firmware.durable import replace_file, sync_directory
from hw.network import FakeNetwork, Network, Networkd, NetworkError, Port
from hw.network_files import Wish, WishError, files_of

DESK = Wish(how="fixed", address="192.168.1.20/24", gateway="192.168.1.1")
PHONES = Wish(how="fixed", address="10.1.0.9/16", vlan="20", phones_address="10.20.0.1/24")
BROKEN = Wish(how="fixed", address="10.1.0.9")


class Networkctl:
    """What was told to the machine, and the ports that it has."""

    def __init__(self, *ports: str) -> None:
        self.told: list[str] = []
        self.ports = ports
        self.fails = ""

    def __call__(self, command: Sequence[str]) -> str:
        self.told.append(" ".join(command))
        if self.fails and self.fails in self.told[-1]:
            raise NetworkError(f"{command[0]} failed: busy")
        return json.dumps({"Interfaces": [{"Name": name, "Type": "ether"} for name in self.ports]})

    @property
    def acts(self) -> list[str]:
        return [each for each in self.told if "list" not in each]


def real(home: Path, told: Networkctl) -> Networkd:
    (home / "etc").mkdir(exist_ok=True)
    etc, run, synchronized = home / "etc", home / "run", home / "synchronized"
    return Networkd(replace_file, sync_directory, told, etc, run, synchronized)


def saying(text: str, home: Path) -> Networkd:
    """One whose machine says always the same."""
    return Networkd(replace_file, sync_directory, lambda _command: text, home, home)


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
        "10-careline-lan.network", "10-careline-phones.20.netdev", "10-careline-phones.20.network",
        "careline-lan.trial",
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
    assert "hostnamectl set-hostname desk-2" in told.told


def test_a_name_that_the_box_cannot_take_on_leaves_the_former_network(tmp_path: Path) -> None:
    told = Networkctl("eth0")
    device = real(tmp_path, told)
    device.try_out(DESK)
    device.keep()
    former = whole(tmp_path)
    device.try_out(Wish(how="fixed", address="192.168.1.77/24", host_name="desk-2"))
    told.fails = "hostnamectl"
    with pytest.raises(NetworkError):
        device.keep()
    device.take_back()
    assert (device.in_force(), device.before()) == (DESK, Wish())
    assert whole(tmp_path) == former


def test_a_return_of_which_networkd_did_not_hear_is_not_over_yet(tmp_path: Path) -> None:
    told = Networkctl("eth0")
    device = real(tmp_path, told)
    device.try_out(DESK)
    told.fails = "reload"
    with pytest.raises(NetworkError):
        device.take_back()
    after = real(tmp_path, told)  # and here somebody killed it
    assert after.on_trial() == DESK, "networkd has it still"
    told.fails = ""
    after.take_back()
    assert after.on_trial() is None
    assert not list((tmp_path / "run").iterdir())


NURSES = Wish(how="fixed", address="10.1.0.10/16", vlan="20", phones_address="10.99.0.1/24")


class Killed(BaseException):
    """As by SIGKILL: nobody tidies up."""


class Steps:
    """Each change of a file's name and each beginning of one, before which something may happen."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, happens: BaseException) -> None:
        self.left, self.happens = -1, happens
        for name in ("open", "mkdir", "rename", "unlink", "rmdir"):
            monkeypatch.setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, does: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                raise self.happens
            return does(*given, **named)

        return counted


def whole(home: Path) -> dict[str, str]:
    """All that networkd reads."""
    return {path.name: path.read_text() for path in (home / "etc").glob("*.net*")}


@pytest.mark.parametrize("comes", ["kill", "power cut", "full disk"])
def test_a_keep_that_is_cut_off_anywhere_leaves_one_network_whole_and_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comes: str
) -> None:
    full = OSError(errno.ENOSPC, "no space")
    steps = Steps(monkeypatch, full if comes == "full disk" else Killed())
    ends = set[Wish | None]()
    for at in itertools.count(1):
        home = tmp_path / str(at)
        home.mkdir()
        device = real(home, Networkctl("eth0"))
        device.try_out(PHONES)
        device.keep()
        device.try_out(NURSES)
        steps.left = at
        with suppress(Killed, OSError):
            device.keep()
        is_over, steps.left = steps.left > 0, -1
        if comes == "power cut":
            for path in (home / "run").iterdir():
                path.unlink()
        after = real(home, Networkctl("eth0"))
        if after.on_trial() is not None:
            after.take_back()
        told = (after.in_force(), after.before(), after.on_trial())
        assert told in ((PHONES, Wish(), None), (NURSES, PHONES, None)), at
        files = files_of(told[0] or Wish()).items()
        assert whole(home) == {f"50-careline-{name}": text for name, text in files}, at
        after.try_out(DESK)
        after.keep()
        assert list(whole(home)) == ["50-careline-lan.network"], "and the next one is kept as ever"
        assert len(list((home / "etc").iterdir())) == 2, at
        ends.add(told[0])
        if is_over:
            break
    assert ends == {PHONES, NURSES}


def test_a_full_disk_leaves_the_former_network_in_force(tmp_path: Path) -> None:
    is_full: list[Path] = []

    def replace(path: Path, content: bytes, mode: int) -> None:
        if is_full and path.name.endswith("lan.network"):
            raise OSError(errno.ENOSPC, "no space")
        replace_file(path, content, mode)

    (tmp_path / "etc").mkdir()
    told = Networkctl("eth0")
    device = Networkd(replace, sync_directory, told, tmp_path / "etc", tmp_path / "run")
    device.try_out(PHONES)
    device.keep()
    former = whole(tmp_path)
    device.try_out(NURSES)
    is_full.append(tmp_path)
    with pytest.raises(OSError, match="no space"):
        device.keep()
    device.take_back()
    assert whole(tmp_path) == former
    assert (device.in_force(), device.before()) == (PHONES, Wish())


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
    device = saying(json.dumps(said), tmp_path)
    (port,) = device.ports()
    assert (port.name, port.has_carrier, port.state) == ("eth0", True, "configured")
    assert (port.addresses, port.gateway) == (("192.168.1.20/24",), "192.168.1.1")
    assert port.dns == ("9.9.9.9",)
    silent = saying("no JSON", tmp_path)
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
    device = saying(said, tmp_path)
    if is_read:
        assert device.ports() == (Port("eth0", has_carrier=False, state=""),)
    else:
        with pytest.raises(NetworkError, match="nobody can read"):
            device.ports()
    none = saying('{"Interfaces": null}', tmp_path)
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
