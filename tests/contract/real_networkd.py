"""The story of a network on trial with a real systemd-networkd, in a network of its own that ends
with this program: `make proof-network` starts it as root in fresh namespaces.

The box's port and its neighbour are two ends of one virtual cable. What is in force, on trial, kept
and taken back is looked at in the kernel's own tables. Whatever networkd does not understand in a
file it says in its log, which is read at the end. A VLAN needs a kernel that has them; the program
says where this one has none.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from firmware.durable import replace_file, sync_directory
from firmware.network_trial import WishForm
from firmware.place import Place
from firmware.root import TryNetwork, ask
from hw.network import ETC, RUN, Networkd, NetworkError
from hw.network_files import Wish

NETWORKD = "/lib/systemd/systemd-networkd"
BOX, NEIGHBOUR = "eth0", "far"
WITHIN_S = 20.0
LOG = Path("/run/networkd.log")
NOT_UNDERSTOOD = ("Unknown", "Failed to parse", "Invalid", "nvalid value", "Missing")
OLD = Wish(how="fixed", address="10.9.0.2/24", gateway="10.9.0.1", dns="10.9.0.1")
NEW = Wish(how="fixed", address="10.9.0.77/24", gateway="10.9.0.1", time="10.9.0.1")
PHONES = Wish(how="fixed", address="10.9.0.2/24", vlan="20", phones_address="10.20.0.1/24")


def run(*command: str) -> str:
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=WITHIN_S
    ).stdout


@contextmanager
def machine() -> Iterator[None]:
    """Folders, a bus and a cable of our own; nobody else sees them."""
    for folder in ("/run", str(ETC)):
        run("mount", "-t", "tmpfs", "tmpfs", folder)
    run("mount", "-t", "sysfs", "-o", "ro", "sysfs", "/sys")
    for name in ("network", "netif/links", "netif/leases", "netif/lldp", "system"):
        Path("/run/systemd", name).mkdir(parents=True)
    Path("/run/dbus").mkdir()
    for path in (Path("/run/systemd/netif"), *Path("/run/systemd/netif").iterdir()):
        shutil.chown(path, "systemd-network", "systemd-network")
    run("ip", "link", "add", BOX, "type", "veth", "peer", "name", NEIGHBOUR)
    for command in (
        ("link", "set", NEIGHBOUR, "up"),
        ("addr", "add", "10.9.0.1/24", "dev", NEIGHBOUR),
    ):
        run("ip", *command)
    bus = subprocess.Popen(("dbus-daemon", "--system", "--nofork", "--nopidfile"))
    until("the bus is there", Path("/run/dbus/system_bus_socket").exists)
    with LOG.open("wb") as log:
        networkd = subprocess.Popen((NETWORKD,), stderr=log)
    try:
        yield
    finally:
        for process in (networkd, bus):
            process.kill()
            process.wait()


def until(what: str, is_so: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """Looked at again and again, for the kernel tells nobody."""
    end = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > end:
            print(run("ip", "-br", "addr"), run("networkctl", "list", "--no-pager"))  # noqa: T201
            sys.exit(f"NOT SHOWN: {what}")
        os.sched_yield()
    print(f"shown: {what}", flush=True)  # noqa: T201


def has(address: str) -> bool:
    return f" {address}" in run("ip", "-br", "-4", "addr", "show", "dev", BOX)


def main() -> None:
    with machine():
        device = Networkd(replace_file, sync_directory)
        until("networkd answers", lambda: _answers(device))
        device.try_out(OLD)
        until("what is tried is there", lambda: has("10.9.0.2/24"))
        device.keep()
        until("what is kept is there", lambda: has("10.9.0.2/24"))
        device.try_out(NEW)
        until("another address is tried", lambda: has("10.9.0.77/24") and not has("10.9.0.2/24"))
        (port,) = (each for each in device.ports() if each.name == BOX)
        assert port.addresses == ("10.9.0.77/24",), port
        assert port.has_carrier, port
        began = time.monotonic()
        device.take_back()
        until("the former one is back", lambda: has("10.9.0.2/24") and not has("10.9.0.77/24"))
        print(f"    in {time.monotonic() - began:.2f} s")  # noqa: T201
        assert not list(RUN.glob("*careline*")), "nothing is left of the trial"
        assert device.in_force() == OLD
        _killed(device)
        _phones(device)
        _understood(device)
    print("PROVEN: tried, kept and taken back by a real systemd-networkd")  # noqa: T201


def _answers(device: Networkd) -> bool:
    return any(port.state for port in device.ports() if port.name == BOX)


def _killed(device: Networkd) -> None:
    """Nobody is left to take it back: `careline root` is killed while a network is on trial, and
    there is neither page nor exchange. The next root does it before it listens."""
    place = Place(Path("/run/clinic"))
    place.home.mkdir()
    root = _root(place)
    asyncio.run(ask(place.root_socket, TryNetwork(wish=WishForm(**asdict(NEW)))))
    until("root has another address tried", lambda: has("10.9.0.77/24"))
    root.kill()
    root.wait()
    assert device.on_trial() == NEW, "nobody has taken it back"
    root = _root(place)
    until("the next root has taken it back", lambda: has("10.9.0.2/24") and not has("10.9.0.77/24"))
    asyncio.run(ask(place.root_socket, TryNetwork(wish=WishForm(**asdict(NEW)))))
    until("another address is tried once more", lambda: has("10.9.0.77/24"))
    root.terminate()
    assert root.wait(WITHIN_S) == 0
    until("a root that is ended took it back", lambda: has("10.9.0.2/24"))
    assert device.on_trial() is None
    root = _root(place)
    asyncio.run(ask(place.root_socket, TryNetwork(wish=WishForm(**asdict(NEW)))))
    until("another address is tried, and nobody says a word", lambda: has("10.9.0.77/24"))
    began = time.monotonic()
    until("the former one is back by itself", lambda: has("10.9.0.2/24"), WITHIN_S + 90)
    print(f"    after {time.monotonic() - began:.1f} s")  # noqa: T201
    root.terminate()
    root.wait(WITHIN_S)


def _root(place: Place) -> subprocess.Popen[bytes]:
    """Listening; what an earlier one left of its socket is no sign of it."""
    place.root_socket.unlink(missing_ok=True)
    command = (sys.executable, "-m", "firmware.cli", "root", "--network")
    with LOG.with_name("root.log").open("ab") as log:
        root = subprocess.Popen(
            command, env=os.environ | {"CARELINE_HOME": str(place.home)}, stdout=log, stderr=log
        )
    until("root listens", place.root_socket.exists)
    return root


def _phones(device: Networkd) -> None:
    test = ("ip", "link", "add", "link", NEIGHBOUR, "name", "probe", "type", "vlan", "id", "9")
    if subprocess.run(test, capture_output=True, timeout=WITHIN_S).returncode:
        print("NOT SHOWN: a VLAN, for this machine's kernel has none")  # noqa: T201
        return
    device.try_out(PHONES)
    until("the telephones' VLAN is there", lambda: "10.20.0.1/24" in run("ip", "-br", "addr"))
    device.take_back()
    until("it is gone again", lambda: "phones.20" not in run("ip", "-br", "link"))


def _understood(device: Networkd) -> None:
    """Each option that a wish can lead to, whether or not this kernel has what it asks for."""
    for wish in (PHONES, NEW, Wish(dns="10.9.0.1", time="10.9.0.1", port=BOX), Wish()):
        with suppress(NetworkError):
            device.try_out(wish)
    device.take_back()
    until("networkd has read the last file", lambda: has("10.9.0.2/24"))
    said = LOG.read_text("utf-8").splitlines()
    wrong = [line for line in said if any(each in line for each in NOT_UNDERSTOOD)]
    if wrong := [line for line in wrong if "Unknown device type" not in line]:
        sys.exit("\n".join(("NOT SHOWN: networkd understands each line", *wrong)))
    print(f"shown: networkd understands each line ({len(said)} lines of its log)")  # noqa: T201


if __name__ == "__main__":
    main()
