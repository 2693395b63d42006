"""Where a site's services listen: the box's own ports, or those a rehearsal has drawn."""

import dataclasses
import tomllib

import tomlkit

from firmware.asterisk.config import Ports
from firmware.place import Place

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
