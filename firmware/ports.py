"""Where a site's services listen: the box's own ports, or those drawn for others beside it."""

import dataclasses
import random
import socket
import tomllib
from contextlib import ExitStack
from pathlib import Path

import tomlkit

from firmware.asterisk.config import Ports
from firmware.place import Place

RTP_PORTS = 300  # of one drawn range: two a call
# SIP and RTP on every interface, for phones and trunks are other machines; the rest on loopback.
BOX_PORTS = Ports(
    sip=5060,
    ami=5038,
    engine=5039,
    rtp_first=10_000,
    rtp_last=11_999,
    sip_address="0.0.0.0",  # noqa: S104
)


def ports_of(place: Place) -> Ports:
    """The ports of a site."""
    if not place.ports.exists():
        return BOX_PORTS
    return Ports(**tomllib.loads(place.ports.read_text("utf-8")))


def keep_ports(place: Place, ports: Ports) -> None:
    """Write down a rehearsal's ports, for every program that takes part in it."""
    place.ports.write_text(tomlkit.dumps(dataclasses.asdict(ports)), "utf-8")


# ---- drawing ports ----


def free_ports(count: int, *addresses: str) -> list[int]:
    """Ports that nobody uses now: TCP on loopback, UDP there and on these addresses."""
    with ExitStack() as held:
        found: list[int] = []
        while len(found) < count:
            port = _free_port(held, addresses)
            if port is not None:
                found.append(port)
        return found


def _free_port(held: ExitStack, addresses: tuple[str, ...]) -> int | None:
    port = random.choice(_never_given_out())  # noqa: S311 - no secret
    ends = [(socket.SOCK_STREAM, "127.0.0.1")]
    ends += [(socket.SOCK_DGRAM, host) for host in ("127.0.0.1", *addresses)]
    for kind, host in ends:
        end = held.enter_context(socket.socket(socket.AF_INET, kind))
        try:
            end.bind((host, port))
        except OSError:
            return None
    return port


def _never_given_out() -> range:
    """Ports outside the kernel's own range (ip(7)): one of those may become any connection's near
    end before we have come to use it. RTP lies between 10,000 and 32,000."""
    last = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[1])
    above = range(last + 1, 65_536)
    return above if len(above) > 1_000 else range(4_000, 10_000)


def rtp_range(near: int) -> tuple[int, int]:
    """A range of RTP ports below those the kernel gives out, told apart by a port that is ours."""
    first = 10_000 + near % 73 * RTP_PORTS
    return first, first + RTP_PORTS - 1
