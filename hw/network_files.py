"""The box's own network: what can be said of it, what cannot be, and the files in which
systemd-networkd is told. Text in, text out; nothing here touches the machine.

Whoever fills it in and whoever keeps it has the same words (`Wish`), so what stood in a form stands
in the file, too: in its first line, by which the file in force says itself what it came of. Without
a wish the box asks its network for an address (DHCP). Names and options are those of
systemd.network(5) and systemd.netdev(5).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv4Interface, IPv4Network, NetmaskValueError

LAN = "lan.network"
PHONES_PORT = "phones"  # and behind a dot the number of its VLAN: another number is another port
VLAN_LEAST, VLAN_MOST = 1, 4094  # IEEE 802.1Q: 0 and 4095 are reserved
DNS_MOST, TIME_MOST = 3, 4
FIELD_MOST = 300
MARK = "# careline "
# Whatever has a plug; what the kernel makes by itself is called otherwise.
WIRED = "en* eth*"

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(_LABEL)
_DNS_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_PORT = re.compile(r"[a-z][a-z0-9]{0,14}")  # IFNAMSIZ is 16 (linux/if.h)
_SEVERAL = re.compile(r"[\s,;]+")


class Fault(StrEnum):
    """What can be wrong with a field."""

    HOW = "Choose one of those offered."
    ADDRESS = "Write an address with the length of its net, like 192.168.1.20/24."
    NET_SIZE = "The net's length is a number from 8 to 30, like the 24 of 192.168.1.20/24."
    NO_HOST = "This is the net itself or its broadcast address: give the box one of its own."
    SPECIAL = "No box can have this address: take one of the clinic's own net."
    GATEWAY = "Write the router's address, like 192.168.1.1, or leave it empty."
    GATEWAY_OUTSIDE = "The router does not lie in the box's own net."
    GATEWAY_IS_BOX = "This is the box's own address: the router has another."
    PORT = "Write a port's name, like eth0 or enp1s0, or leave it empty for all of them."
    VLAN = "Write the VLAN's number, 1 to 4094, or leave it empty."
    VLAN_MISSING = "The telephones' address needs the number of their VLAN."
    PHONES_MISSING = "The box needs an address of its own among the telephones."
    OVERLAP = "The telephones' net and the clinic's net overlap: take another one."
    DNS = "Write up to three addresses of name servers, like 192.168.1.1, with spaces between."
    TIME = "Write up to four names or addresses of time servers, with spaces between."
    HOST_NAME = "Write a name of letters, digits and dashes, like careline."


@dataclass(frozen=True, slots=True)
class Wish:
    """The network in the words of whoever fills it in; several servers have spaces between."""

    how: str = "dhcp"  # or "fixed"
    address: str = ""
    gateway: str = ""
    port: str = ""
    vlan: str = ""
    phones_address: str = ""
    dns: str = ""
    time: str = ""
    host_name: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """The same, understood. Without `address` the network gives one."""

    address: IPv4Interface | None
    gateway: IPv4Address | None
    port: str
    vlan: int | None
    phones_address: IPv4Interface | None
    dns: tuple[str, ...]
    time: tuple[str, ...]
    host_name: str


class WishError(ValueError):
    """It cannot be had; what is wrong, by field."""

    def __init__(self, faults: Mapping[str, Fault]) -> None:
        super().__init__("; ".join(f"{name}: {fault}" for name, fault in faults.items()))
        self.faults = faults


def understood(wish: Wish) -> Settings:
    """WishError: with a fault for each field that has one."""
    faults: dict[str, Fault] = {}
    fixed = wish.how == "fixed"
    if wish.how not in ("dhcp", "fixed"):
        faults["how"] = Fault.HOW
    address = _address(wish.address, "address", faults) if fixed else None
    gateway = _gateway(wish.gateway, address, faults) if fixed else None
    vlan, phones = _phones(wish, address, faults)
    dns = _servers(wish.dns, DNS_MOST, _is_address, "dns", Fault.DNS, faults)
    time = _servers(wish.time, TIME_MOST, _is_name, "time", Fault.TIME, faults)
    if wish.port and not _PORT.fullmatch(wish.port):
        faults["port"] = Fault.PORT
    if wish.host_name and not _HOST_NAME.fullmatch(wish.host_name):
        faults["host_name"] = Fault.HOST_NAME
    if faults:
        raise WishError(faults)
    host_name = wish.host_name.lower()
    return Settings(address, gateway, wish.port, vlan, phones, dns, time, host_name)


def _address(text: str, name: str, faults: dict[str, Fault]) -> IPv4Interface | None:
    try:
        found = IPv4Interface(text)
    except (AddressValueError, NetmaskValueError, ValueError):
        faults[name] = Fault.ADDRESS
        return None
    if "/" not in text:
        faults[name] = Fault.ADDRESS
    elif not 8 <= found.network.prefixlen <= 30:
        faults[name] = Fault.NET_SIZE
    elif _is_special(found.ip):
        faults[name] = Fault.SPECIAL
    elif found.ip in (found.network.network_address, found.network.broadcast_address):
        faults[name] = Fault.NO_HOST
    return None if name in faults else found


def _is_special(one: IPv4Address) -> bool:
    """Of the machine itself, of one link only, of many machines, or of none."""
    nothing = IPv4Network("0.0.0.0/8")
    return one.is_loopback or one.is_link_local or one.is_multicast or one >= _CLASS_E or (
        one in nothing
    )  # fmt: skip


_CLASS_E = IPv4Address("240.0.0.0")


def _gateway(
    text: str, address: IPv4Interface | None, faults: dict[str, Fault]
) -> IPv4Address | None:
    """None where there is none: a clinic without internet has telephones all the same."""
    if not text:
        return None
    try:
        found = IPv4Address(text)
    except AddressValueError:
        faults["gateway"] = Fault.GATEWAY
        return None
    if address is None:
        return found
    edges = (address.network.network_address, address.network.broadcast_address)
    if found not in address.network or found in edges:
        faults["gateway"] = Fault.GATEWAY_OUTSIDE
    elif found == address.ip:
        faults["gateway"] = Fault.GATEWAY_IS_BOX
    return found


def _phones(
    wish: Wish, lan: IPv4Interface | None, faults: dict[str, Fault]
) -> tuple[int | None, IPv4Interface | None]:
    if not wish.vlan and not wish.phones_address:
        return None, None
    if not wish.vlan:
        faults["vlan"] = Fault.VLAN_MISSING
    elif not _is_vlan(wish.vlan):
        faults["vlan"] = Fault.VLAN
    if not wish.phones_address:
        faults["phones_address"] = Fault.PHONES_MISSING
        return None, None
    phones = _address(wish.phones_address, "phones_address", faults)
    if phones and lan and phones.network.overlaps(lan.network):
        faults["phones_address"] = Fault.OVERLAP
    return (None if "vlan" in faults else int(wish.vlan)), phones


def _is_vlan(text: str) -> bool:
    is_number = text.isascii() and text.isdigit() and len(text) <= 4
    return is_number and VLAN_LEAST <= int(text) <= VLAN_MOST


def _servers(
    text: str,
    most: int,
    is_one: Callable[[str], bool],
    name: str,
    fault: Fault,
    faults: dict[str, Fault],
) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(each for each in _SEVERAL.split(text) if each))
    if len(found) > most or not all(is_one(each) for each in found):
        faults[name] = fault
    return found


def _is_address(text: str) -> bool:
    try:
        return not _is_special(IPv4Address(text))
    except AddressValueError:
        return False


def _is_name(text: str) -> bool:
    """Four numbers with dots are an address, and a name never ends in a number (RFC 3696)."""
    if text.rpartition(".")[2].isdigit():
        return _is_address(text)
    return _DNS_NAME.fullmatch(text) is not None


# ---- the files ----


def phones_port(settings: Settings) -> str:
    """What the port of the telephones' VLAN is called; empty without one."""
    return f"{PHONES_PORT}.{settings.vlan}" if settings.vlan else ""


def files_of(wish: Wish) -> Mapping[str, str]:
    """Each file's text by its name, in the order in which they may be written: the last one names
    the others, and another VLAN's are called otherwise, so where it is cut off in between the
    former network still stands there whole."""
    settings = understood(wish)
    found = {}
    if port := phones_port(settings):
        assert settings.phones_address is not None
        found[f"{port}.netdev"] = _section("NetDev", [("Name", port), ("Kind", "vlan")]) + _section(
            "VLAN", [("Id", str(settings.vlan))]
        )
        found[f"{port}.network"] = _section("Match", [("Name", port)]) + _section(
            "Network",
            [
                ("Address", str(settings.phones_address)),
                ("LinkLocalAddressing", "no"),
                ("IPv6AcceptRA", "no"),
            ],
        )
    found[LAN] = f"{MARK}{json.dumps(asdict(wish))}\n{''.join(_lan(settings))}"
    return found


def _lan(settings: Settings) -> Iterator[str]:
    yield _section("Match", [("Name", settings.port or WIRED)])
    lines = [("DHCP", "ipv4")] if settings.address is None else [("Address", str(settings.address))]
    if settings.gateway:
        lines.append(("Gateway", str(settings.gateway)))
    lines += [("DNS", each) for each in settings.dns]
    lines += [("NTP", each) for each in settings.time]
    if port := phones_port(settings):
        lines.append(("VLAN", port))
    yield _section("Network", lines)
    if settings.address is None:
        # Whoever names servers means these, and not those of the net beside them.
        yield _section(
            "DHCPv4",
            [
                ("UseDNS", "no" if settings.dns else "yes"),
                ("UseNTP", "no" if settings.time else "yes"),
                ("UseHostname", "no"),
            ],
        )


def _section(name: str, lines: list[tuple[str, str]]) -> str:
    return f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in lines) + "\n"


def wish_in(text: str) -> Wish | None:
    """What a file of ours came of; None: it is no such file."""
    first = text.partition("\n")[0]
    if not first.startswith(MARK):
        return None
    try:
        told = json.loads(first.removeprefix(MARK))
    except ValueError:
        return None
    names = {each.name for each in fields(Wish)}
    if not isinstance(told, dict) or not all(
        name in names and isinstance(value, str) for name, value in told.items()
    ):
        return None
    return Wish(**told)
