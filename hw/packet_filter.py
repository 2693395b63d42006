"""The machine's packet filter, as far as the guard needs it: who may not knock at the telephones'
ports for a while, and how often a stranger may.

All of it is one table of nftables, `careline_guard`; nobody else's table is read or changed. A
block closes the ports of SIP and no other, so whoever looks after the box still reaches its page.
What is spared is let through before anything else is looked at. A block ends in the kernel by
itself, and what it is for stands beside it there: nothing is kept here. An IPv6 stranger has a
whole /64 (RFC 6177) and is blocked with it. Real and fake are held together by
tests/lines/test_packet_filter.py.
"""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Any, Protocol

Address = IPv4Address | IPv6Address
Net = IPv4Network | IPv6Network

TABLE = "careline_guard"
NFT = "/usr/sbin/nft"
IP = "/usr/sbin/ip"
WITHIN_S = 10.0
# So many are blocked at once, of each kind of address: a set in the kernel must not grow for ever.
MOST_BLOCKED = 4096
MOST_PACED = 65535
# Packets to the telephones' ports. A telephone signs in with four; the rest is room for a call.
STRANGER_PER_S, STRANGER_BURST = 20, 40
# All strangers together: many addresses, or one that is forged anew in each packet.
STRANGERS_PER_S, STRANGERS_BURST = 100, 200
V6_NET = 64
MASK6 = str(IPv6Address((2**V6_NET - 1) << (128 - V6_NET)))

# Never a stranger: this machine, and what no router of the internet carries (RFC 1918, 3927, 4193).
NEARBY: tuple[Net, ...] = tuple(
    ip_network(each)
    for each in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
        "::1/128", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
# A net that a port stands in is the clinic's own, but for a provider's that holds half a town.
WIDEST_OWN = {4: 24, 6: 64}


class FilterError(Exception):
    """The machine did not do it; the text says what it said."""


@dataclass(frozen=True, slots=True)
class Block:
    """Somebody who is answered with silence."""

    address: Address  # of IPv6 the first of its /64
    for_s: int
    left_s: int
    why: str


class PacketFilter(Protocol):
    """What a box must be able to do with who knocks. Each raises FilterError: it is not done."""

    def own_nets(self) -> tuple[Net, ...]:
        """The nets that this machine's ports stand in."""

    def arrange(self, ports: Sequence[int], spared: Sequence[Net]) -> None:
        """From now on strangers at these ports are paced, and who is spared is never looked at;
        those blocked stay so."""

    def block(self, address: Address, for_s: int, why: str) -> None:
        """From now on, for so long; `why` is letters, digits and spaces."""

    def unblock(self, address: Address) -> None:
        """Who is not blocked is no fault."""

    def blocks(self) -> tuple[Block, ...]:
        """Those blocked now, the longest first."""


def source_of(address: Address) -> Address:
    """Who is meant by an address: itself, or its /64; an IPv4 address in an IPv6 one is itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv6Address(int(address) & ~(2 ** (128 - V6_NET) - 1))


def is_among(address: Address, nets: Sequence[Net]) -> bool:
    """Whether it is in one of them; of a /64, whether any of it is."""
    source = source_of(address)
    if isinstance(source, IPv4Address):
        return any(source in net for net in nets)
    whole = IPv6Network((source, V6_NET))
    return any(isinstance(net, IPv6Network) and net.overlaps(whole) for net in nets)


def own_among(interfaces: Sequence[str]) -> tuple[Net, ...]:
    """Of addresses with their prefix lengths, the nets that are a clinic's own."""
    nets = [ip_interface(each).network for each in interfaces]
    return tuple(dict.fromkeys(net for net in nets if net.prefixlen >= WIDEST_OWN[net.version]))


# ---- the text ----


def table(ports: Sequence[int], spared: Sequence[Net]) -> str:
    """What nft is given: the same again changes nothing, and no block is lost."""
    knocked = ", ".join(f"{port:d}" for port in ports)
    lines = [f"add table inet {TABLE}"]
    for kind, width in (("ipv4_addr", 4), ("ipv6_addr", 6)):
        lines += [
            f"add set inet {TABLE} spared{width} {{ type {kind}; flags interval; auto-merge; }}",
            f"add set inet {TABLE} blocked{width}"
            f" {{ type {kind}; flags timeout; size {MOST_BLOCKED}; }}",
            f"add set inet {TABLE} paced{width}"
            f" {{ type {kind}; flags dynamic,timeout; timeout 60s; size {MOST_PACED}; }}",
            f"flush set inet {TABLE} spared{width}",
        ]
        if nets := [str(net) for net in spared if net.version == width]:
            lines.append(f"add element inet {TABLE} spared{width} {{ {', '.join(nets)} }}")
    lines += [
        f"add chain inet {TABLE} arriving"
        " { type filter hook input priority -10; policy accept; }",
        f"add chain inet {TABLE} knocking",
        f"flush chain inet {TABLE} arriving",
        f"flush chain inet {TABLE} knocking",
        f"add rule inet {TABLE} arriving meta l4proto {{ tcp, udp }} th dport {{ {knocked} }}"
        " goto knocking",
        *(f"add rule inet {TABLE} knocking {rule}" for rule in _rules()),
    ]
    return "\n".join(lines) + "\n"


def _rules() -> list[str]:
    each = f"limit rate over {STRANGER_PER_S}/second burst {STRANGER_BURST} packets"
    whole = f"limit rate over {STRANGERS_PER_S}/second burst {STRANGERS_BURST} packets"
    net6 = f"ip6 saddr & {MASK6}"
    return [
        "ip saddr @spared4 accept",
        "ip6 saddr @spared6 accept",
        "ip saddr @blocked4 counter drop",
        f"{net6} @blocked6 counter drop",
        f"update @paced4 {{ ip saddr {each} }} counter drop",
        f"update @paced6 {{ {net6} {each} }} counter drop",
        f"{whole} counter drop",
    ]


def blocking(address: Address, for_s: int, why: str) -> str:
    """In one go: a block that is there already gets its new time on every kernel."""
    if not all(letter.isascii() and (letter.isalnum() or letter == " ") for letter in why):
        raise FilterError("a reason holds letters, digits and spaces")
    of = _set_of(address)
    return (
        f"add element {of} {{ {address} }}\n"
        f"delete element {of} {{ {address} }}\n"
        f'add element {of} {{ {address} timeout {for_s:d}s comment "{why}" }}\n'
    )


def unblocking(address: Address) -> str:
    """The same for its end."""
    of = _set_of(address)
    return f"add element {of} {{ {address} }}\ndelete element {of} {{ {address} }}\n"


def _set_of(address: Address) -> str:
    return f"inet {TABLE} blocked{address.version}"


# ---- the real one ----

# Runs a program with this text to read, and has what it printed. FilterError: it failed.
Tell = Callable[[Sequence[str], str], str]


def tell(command: Sequence[str], text: str) -> str:
    """The real one: no shell, and an end."""
    try:
        done = subprocess.run(
            command, input=text, check=True, capture_output=True, text=True, timeout=WITHIN_S
        )
    except subprocess.CalledProcessError as failed:
        said = str(failed.stderr).strip().splitlines()
        raise FilterError(f"{command[0]} failed: {said[0] if said else ''}") from failed
    except (OSError, subprocess.TimeoutExpired) as failed:
        raise FilterError(f"{command[0]} cannot be run: {type(failed).__name__}") from failed
    return done.stdout


class Nftables:
    """The kernel's, told by `nft`."""

    def __init__(self, tell: Tell = tell) -> None:
        self._tell = tell

    def own_nets(self) -> tuple[Net, ...]:
        try:
            every = json.loads(self._tell((IP, "-json", "address", "show"), ""))
            found = [
                f"{each['local']}/{each['prefixlen']}"
                for port in every
                for each in port.get("addr_info", ())
                if "local" in each
            ]
            return own_among(found)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise FilterError("ip said what nobody can read") from None

    def arrange(self, ports: Sequence[int], spared: Sequence[Net]) -> None:
        self._say(table(ports, spared))

    def block(self, address: Address, for_s: int, why: str) -> None:
        self._say(blocking(source_of(address), for_s, why))

    def unblock(self, address: Address) -> None:
        self._say(unblocking(source_of(address)))

    def blocks(self) -> tuple[Block, ...]:
        found: list[Block] = []
        for width in (4, 6):
            of = ("inet", TABLE, f"blocked{width}")
            found += _blocks(self._tell((NFT, "--json", "list", "set", *of), ""))
        return _longest_first(found)

    def _say(self, text: str) -> None:
        """Looked at by nft first, then done whole or not at all."""
        self._tell((NFT, "--check", "--file", "-"), text)
        self._tell((NFT, "--file", "-"), text)


def _blocks(text: str) -> list[Block]:
    try:
        (told,) = (each["set"] for each in json.loads(text)["nftables"] if "set" in each)
        return [_block(each["elem"]) for each in told.get("elem", ())]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise FilterError("nft said what nobody can read") from None


def _block(one: Any) -> Block:
    address, for_s, left_s = ip_address(one["val"]), int(one["timeout"]), int(one["expires"])
    return Block(address, for_s, left_s, str(one.get("comment", "")))


def _longest_first(blocks: Sequence[Block]) -> tuple[Block, ...]:
    return tuple(sorted(blocks, key=lambda one: (-one.left_s, one.address.version, one.address)))


@dataclass
class RememberedFilter:
    """One that lives in memory: its blocks end when somebody says how late it is."""

    nets: tuple[Net, ...] = (ip_network("192.0.2.0/24"),)
    ports: tuple[int, ...] = ()
    spared: tuple[Net, ...] = ()
    fails: bool = False
    now_s: float = 0.0
    _kept: dict[Address, tuple[float, int, str]] = field(default_factory=dict)

    def own_nets(self) -> tuple[Net, ...]:
        return self.nets

    def arrange(self, ports: Sequence[int], spared: Sequence[Net]) -> None:
        self._is_well()
        self.ports, self.spared = tuple(ports), tuple(spared)

    def block(self, address: Address, for_s: int, why: str) -> None:
        self._is_arranged()
        blocking(address, for_s, why)
        self._kept[source_of(address)] = (self.now_s + for_s, for_s, why)

    def unblock(self, address: Address) -> None:
        self._is_arranged()
        self._kept.pop(source_of(address), None)

    def blocks(self) -> tuple[Block, ...]:
        self._is_arranged()
        return _longest_first(
            [
                Block(address, for_s, int(until - self.now_s), why)
                for address, (until, for_s, why) in self._kept.items()
                if until > self.now_s
            ]
        )

    def _is_well(self) -> None:
        if self.fails:
            raise FilterError("nft failed: Operation not permitted")

    def _is_arranged(self) -> None:
        self._is_well()
        if not self.ports:
            raise FilterError("nft failed: No such file or directory")
