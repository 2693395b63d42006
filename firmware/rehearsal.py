"""A whole clinic on this machine, with a telephone company of its own: `make run` and the tests.

Two real Asterisks, the exchange as a process of its own under a watchdog, and desk phones that do
as they are told; all on loopback, on ports that were free. Everything lies in one directory and
ends with the rehearsal, whatever way that ends.
"""

import asyncio
import os
import random
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import tomlkit

from firmware import people, settings, speech
from firmware.asterisk import publish
from firmware.asterisk.config import Ports
from firmware.asterisk.sandbox import Asterisk, Sandboxed, find_root
from firmware.asterisk.telco import LINE_ADDRESS, Telco, TelcoPorts
from firmware.keys import KeyPair
from firmware.place import Place
from firmware.ports import keep_ports
from firmware.site_secrets import secrets_of
from firmware.watchdog import Supervisor
from ivr.plan import Plan

TEMPLATE = Path(__file__).parent / "template" / "clinic.toml"
# RTP ports of the two Asterisks: below the ports that the kernel gives to connections.
RTP_FIRST, RTP_LAST, RTP_EACH = 12_000, 30_000, 400
EXCHANGE = (sys.executable, "-m", "firmware.cli", "exchange")


def drawn_ports(draw: random.Random) -> tuple[Ports, TelcoPorts]:
    """Ports that are free now, for the clinic and for the telephone company."""
    sip, telco_sip = _free_ports(socket.SOCK_DGRAM, 2)
    ami, engine, telco_ami = _free_ports(socket.SOCK_STREAM, 3)
    rtp, telco_rtp = draw.sample(range(RTP_FIRST, RTP_LAST, RTP_EACH), 2)
    return (
        Ports(sip=sip, ami=ami, engine=engine, rtp_first=rtp, rtp_last=rtp + RTP_EACH - 1),
        TelcoPorts(telco_sip, telco_ami, telco_rtp, telco_rtp + RTP_EACH - 1),
    )


def _free_ports(kind: socket.SocketKind, count: int) -> list[int]:
    ends = [socket.socket(socket.AF_INET, kind) for _ in range(count)]
    try:
        for end in ends:
            end.bind(("0.0.0.0", 0))  # noqa: S104 - free on every address of the loopback range
        return [end.getsockname()[1] for end in ends]
    finally:
        for end in ends:
            end.close()


def on_this_trunk(site_text: str, telco: TelcoPorts) -> str:
    """The site file with its trunks leading to our own telephone company."""
    document = tomlkit.parse(site_text)
    for trunk in cast("Mapping[str, dict[str, object]]", document.get("trunks", {})).values():
        trunk["host"], trunk["port"] = LINE_ADDRESS, telco.sip
        for unused in ("username", "registers"):
            trunk.pop(unused, None)
    return tomlkit.dumps(document)


@dataclass(slots=True)
class Rehearsal:
    """The running parts. The exchange is started and stopped by `exchange`, the rest is up."""

    place: Place
    plan: Plan
    asterisk: Asterisk
    telco: Telco
    supervisor: Supervisor

    @asynccontextmanager
    async def exchange(self) -> AsyncIterator[Supervisor]:
        """The exchange, up and watched, for as long as the context lasts."""
        running = asyncio.create_task(self.supervisor.run())
        try:
            ready = asyncio.create_task(self.supervisor.ready.wait())
            await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            yield self.supervisor
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def rehearse(
    home: Path,
    *,
    site_text: str | None = None,
    person: tuple[str, str] | None = ("rehearsal", "a rehearsal's password"),
    command: Sequence[str] = EXCHANGE,
    told: Callable[[str], None] = lambda line: None,
    draw: random.Random | None = None,
) -> AsyncIterator[Rehearsal]:
    """A clinic in `home`, from the template unless another site is given; `person` may open every
    mailbox."""
    ports, telco_ports = drawn_ports(draw or random.SystemRandom())
    text = on_this_trunk(site_text or TEMPLATE.read_text("utf-8"), telco_ports)
    plan = settings.read(text)
    place = Place(home)
    place.run.mkdir(parents=True, exist_ok=True)
    root = find_root()
    told("prompts")
    speech.render_site(plan, place.prompts)
    launch = Sandboxed(root, place.asterisk, place.prompts)
    publish.install(place, publish.Site(text, plan, ports), launch)
    keep_ports(place, ports)
    if person is not None:
        name, password = person
        # Nobody keeps this clinic's recovery paper: it ends with the rehearsal.
        people.set_up(place.page_db, KeyPair.fresh().public, name, password, list(plan.mailboxes))
    asterisk = Asterisk(launch)
    telco = Telco(
        root,
        home / "telco",
        telco_ports,
        clinic_sip=ports.sip,
        phones=secrets_of(place.secrets, plan).phones,
        emergency_numbers=plan.emergency_numbers,
    )
    supervisor = Supervisor(
        command,
        name="exchange",
        notify_at=place.run / "notify",
        environment=os.environ | {"CARELINE_HOME": str(home)},
        told=told,
    )
    try:
        told("the clinic's Asterisk")
        await asterisk.start()
        told("the telephone company")
        await telco.start()
        yield Rehearsal(place, plan, asterisk, telco, supervisor)
    finally:
        await telco.stop()
        await asterisk.stop()
