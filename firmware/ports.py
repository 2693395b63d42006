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

RTP_PORTS = 600  # of one drawn range: two a leg, and under the fail-safe a caller has many
# SIP and RTP on every interface, for phones and trunks are other machines; the rest on loopback.
BOX_PORTS = Ports(
    sip=5060,
    ami=5038,
    engine=5039,
    modems=5037,
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


def free_ports(kept: ExitStack, count: int, *addresses: str) -> list[int]:
    """Ports that nobody uses now: TCP on loopback, UDP there and on these addresses. Nobody else
    draws one of them until `kept` is closed, for it may take a while until they are used."""
    with ExitStack() as tried:
        found: list[int] = []
        while len(found) < count:
            port = random.choice(_never_given_out())  # noqa: S311 - no secret
            if _is_free(tried, port, addresses) and _promised(kept, f"port {port}"):
                found.append(port)
        return found


def rtp_range(kept: ExitStack) -> tuple[int, int]:
    """A range of RTP ports below those the kernel gives out; nobody else draws it until `kept` is
    closed."""
    ranges = [range(first, first + RTP_PORTS) for first in range(10_000, 32_000, RTP_PORTS)]
    for ports in random.sample(ranges, len(ranges)):
        if _promised(kept, f"rtp {ports[0]}"):
            return ports[0], ports[-1]
    raise OSError("every range of RTP ports is taken: end a rehearsal that runs on this machine")


def _is_free(tried: ExitStack, port: int, addresses: tuple[str, ...]) -> bool:
    ends = [(socket.SOCK_STREAM, "127.0.0.1")]
    ends += [(socket.SOCK_DGRAM, host) for host in ("127.0.0.1", *addresses)]
    for kind, host in ends:
        end = tried.enter_context(socket.socket(socket.AF_INET, kind))
        try:
            end.bind((host, port))
        except OSError:
            return False
    return True


def _promised(kept: ExitStack, what: str) -> bool:
    """An abstract name (unix(7)) has one owner on a machine, and none once that process is gone."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0careline {what}")
    except OSError:
        name.close()
        return False
    kept.enter_context(name)
    return True


def _never_given_out() -> range:
    """Ports outside the kernel's own range (ip(7)): one of those may become any connection's near
    end before we have come to use it. RTP lies between 10,000 and 32,000."""
    last = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[1])
    above = range(last + 1, 65_536)
    return above if len(above) > 1_000 else range(4_000, 10_000)
