"""Which names and addresses a browser may reach this box by. Reads the kernel's own tables; asks no
network.

Only what nobody else can own is among them: `careline.local`, the box's host name with its domain
(`.local` where it has none), and addresses of ranges that are private everywhere. An address that
the internet could route to is left out, for the box's authority vouches for none
(firmware/web/authority.py).
"""

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

OWN_NAME = "careline.local"  # answered by multicast DNS (RFC 6762)
Address = IPv4Address | IPv6Address
# RFC 1918, RFC 3927, RFC 4193 and loopback: no stranger's server ever has one of them.
PRIVATE = tuple(
    ip_network(network)
    for network in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8",
        "fc00::/7", "fe80::/10", "::1/128",
    )
)  # fmt: skip

_IPV4_TABLE = Path("/proc/net/fib_trie")
_IPV6_TABLE = Path("/proc/net/if_inet6")
# A name as DNS has it; whatever else a host may call itself, no browser asks for it.
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")
_LINK_SCOPE = 0x20  # include/net/ipv6.h
# Temporary, deprecated, tentative and duplicate (include/uapi/linux/if_addr.h): gone tomorrow.
_PASSING = 0x01 | 0x20 | 0x40 | 0x08


@dataclass(frozen=True, slots=True)
class Names:
    """What stands in the certificate, always in the same order."""

    dns: tuple[str, ...]
    addresses: tuple[Address, ...]


def names_of_box() -> Names:
    """As they are now."""
    return Names(dns_of(socket.gethostname()), tuple(_addresses()))


def dns_of(host: str) -> tuple[str, ...]:
    """The names of a box that calls itself `host`. Never a name of one label: as a constraint it
    stands for all below it too, and `clinic` and `care` are domains of the internet."""
    own = host.lower().rstrip(".")
    if not _NAME.fullmatch(own) or is_address(own):
        return (OWN_NAME, "localhost")
    found = (OWN_NAME, own if "." in own else f"{own}.local", "localhost")
    return tuple(dict.fromkeys(found))


def is_address(text: str) -> bool:
    """Whether this is written as an address rather than a name."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_private(address: Address) -> bool:
    """Whether the box's authority may vouch for it."""
    return any(address.version == net.version and address in net for net in PRIVATE)


def ipv4_of(table: str) -> Iterator[IPv4Address]:
    """The machine's own addresses in `/proc/net/fib_trie`: a leaf that is a local host."""
    leaf = ""
    for line in map(str.strip, table.splitlines()):
        if line.startswith("|-- "):
            leaf = line[4:]
        elif line == "/32 host LOCAL":
            yield IPv4Address(leaf)


def ipv6_of(table: str) -> Iterator[IPv6Address]:
    """Those in `/proc/net/if_inet6` that are not bound to one link, and stay."""
    for line in table.splitlines():
        digits, _interface, _prefix, scope, flags, _name = line.split()
        if int(scope, 16) != _LINK_SCOPE and not int(flags, 16) & _PASSING:
            yield IPv6Address(int(digits, 16))


def _addresses() -> list[Address]:
    found: set[Address] = set(ipv4_of(_table(_IPV4_TABLE)))
    found.update(ipv6_of(_table(_IPV6_TABLE)))
    return sorted(filter(is_private, found), key=lambda address: (address.version, int(address)))


def _table(path: Path) -> str:
    """A kernel without IPv6 has no such table."""
    try:
        return path.read_text("ascii")
    except FileNotFoundError:
        return ""
