"""A whole clinic on this machine, with a telephone company of its own: `make run` and the tests.

Two real Asterisks, the exchange as a process of its own under a watchdog, and desk phones that do
as they are told; all on loopback, on ports that were free. Everything lies in one directory and
ends with the rehearsal, whatever way that ends.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import tomlkit

from firmware import backup_keys, people, settings, speech
from firmware.asterisk import publish
from firmware.asterisk.config import Ports
from firmware.asterisk.dialplan import Timing
from firmware.asterisk.sandbox import Asterisk, Sandboxed, find_root
from firmware.asterisk.telco import DESK_ADDRESS, LINE_ADDRESS, Encrypting, Telco, TelcoPorts
from firmware.keys import KeyPair
from firmware.place import Place
from firmware.ports import free_ports, keep_ports, rtp_range
from firmware.site_secrets import Secrets, secrets_of
from firmware.watchdog import WATCHDOG_S, Supervisor
from firmware.web.addresses import names_of_box
from firmware.web.authority import authority_of
from ivr.plan import Plan

TEMPLATE = Path(settings.__file__).parent / "template" / "clinic.toml"
EXCHANGE = (sys.executable, "-m", "firmware.cli", "exchange")
ROOT = (sys.executable, "-m", "firmware.cli", "root")
WEB = (sys.executable, "-m", "firmware.cli", "web")
HERE = "127.0.0.1"
# Who may open every mailbox of a rehearsal. It is no secret: the clinic ends with the rehearsal.
PERSON, PASSWORD = "rehearsal", "only for this rehearsal"
# A service that says nothing for so long has ended again and again.
READY_WITHIN_S = 60.0


class NotReadyError(Exception):
    """A service does not start; the text says what it said last."""


@dataclass(slots=True)
class Rehearsal:
    """What belongs to one clinic and its telephone company; nothing runs until it is started."""

    place: Place
    site: publish.Site
    launch: Sandboxed
    asterisk: Asterisk
    telco: Telco
    https_port: int  # of its page, and of how to trust it
    http_port: int
    kept: ExitStack  # the ports are ours until it is closed

    @property
    def plan(self) -> Plan:
        return self.site.plan

    async def start(self, told: Callable[[str], None] = lambda line: None) -> None:
        """Both Asterisks up, every desk phone registered; no exchange yet."""
        told("the clinic's Asterisk starts")
        await self.asterisk.start()
        told("the telephone company starts, and the desk phones register")
        await self.telco.start()

    async def stop(self) -> None:
        """Nothing is left running."""
        await self.telco.stop()
        await self.asterisk.stop()
        self.kept.close()

    def exchange(
        self,
        *,
        command: Sequence[str] = EXCHANGE,
        told: Callable[[str], None] = lambda line: None,
    ) -> AbstractAsyncContextManager[Supervisor]:
        """The exchange, up and watched, for as long as the context lasts."""
        return serving(self.place, "exchange", command, told, watchdog_s=WATCHDOG_S)

    def root(
        self, told: Callable[[str], None] = lambda line: None, *, guards: bool = False
    ) -> AbstractAsyncContextManager[Supervisor]:
        """`careline root`, with no more rights here than the runner's own; one that guards keeps
        the packet filter of the network that it runs in."""
        return serving(self.place, "root", (*ROOT, *(("--guard",) if guards else ())), told)

    def web(
        self, told: Callable[[str], None] = lambda line: None
    ) -> AbstractAsyncContextManager[Supervisor]:
        """`careline web`, for browsers on this machine."""
        ports = ("--https-port", str(self.https_port), "--http-port", str(self.http_port))
        return serving(self.place, "web", (*WEB, "--host", HERE, *ports), told)

    @property
    def address(self) -> str:
        """Of the page."""
        return f"https://localhost:{self.https_port}"


@asynccontextmanager
async def serving(
    place: Place,
    name: str,
    command: Sequence[str],
    told: Callable[[str], None],
    *,
    watchdog_s: float | None = None,
    ready_within_s: float = READY_WITHIN_S,
) -> AsyncIterator[Supervisor]:
    """A service, up and watched, for as long as the context lasts."""
    log = place.home / f"{name}.log"
    supervisor = Supervisor(
        command,
        name=name,
        notify_at=place.run / f"{name}.notify",
        environment=os.environ | {"CARELINE_HOME": str(place.home)},
        told=told,
        log=log,
        watchdog_s=watchdog_s,
    )
    running = asyncio.create_task(supervisor.run())
    ready = asyncio.create_task(supervisor.ready.wait())
    try:
        done, _ = await asyncio.wait(
            {running, ready}, timeout=ready_within_s, return_when=asyncio.FIRST_COMPLETED
        )
        if running in done:
            running.result()
        if not done:
            raise NotReadyError(f"the {name} does not start; the end of {log}:\n{_end_of(log)}")
        yield supervisor
    finally:
        for task in (running, ready):
            task.cancel()
        await asyncio.gather(running, ready, return_exceptions=True)


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-5:])


def build(
    home: Path,
    *,
    site_text: str | None = None,
    change: Callable[[Plan], Plan] = lambda plan: plan,
    timing: Timing = Timing(),  # noqa: B008 - frozen
) -> Rehearsal:
    """A clinic in `home`: the template's, open at all hours, unless another site is given. What
    `change` changes, Asterisk alone knows: the exchange reads the site file."""
    root = find_root()
    kept = ExitStack()
    ours = free_ports(kept, 10, LINE_ADDRESS, DESK_ADDRESS)
    sip, ami, engine, telco_sip, telco_ami, https_port, http_port, sip_tls, http, modems = ours
    clinic_rtp, telco_rtp = rtp_range(kept), rtp_range(kept)
    text = on_our_trunk(site_text or always_open(TEMPLATE.read_text("utf-8")), telco_sip)
    plan = change(settings.read(text))
    listens = Ports(sip, ami, engine, *clinic_rtp, sip_tls=sip_tls, http=http, modems=modems)
    site = publish.Site(text, plan, listens, timing)
    place = Place(home)
    place.run.mkdir(parents=True, exist_ok=True)
    speech.render_site(plan, place.prompts)
    launch = Sandboxed(root, place.asterisk, place.prompts)
    publish.install(place, site, launch)
    keep_ports(place, site.ports)
    paper = KeyPair.fresh()  # which nobody keeps; backups can be tried all the same
    people.set_up(place.page_db, paper.public, PERSON, PASSWORD, list(plan.mailboxes))
    backup_keys.remember_paper(place, paper)
    telco = Telco(
        root,
        home / "telco",
        TelcoPorts(telco_sip, telco_ami, *telco_rtp),
        clinic_sip=sip,
        phones=_on_desks(plan, secrets_of(place.secrets, plan)),
        emergency_numbers=plan.emergency_numbers,
        encrypting=_encrypting(place, plan, sip_tls),
    )
    asterisk = Asterisk(launch)
    return Rehearsal(place, site, launch, asterisk, telco, https_port, http_port, kept)


def _on_desks(plan: Plan, secrets: Secrets) -> dict[str, str]:
    """Passwords of the telephones that the rehearsal itself plays."""
    return {
        number: secrets.phones[number] for number, one in plan.phones.items() if not one.browser
    }


def _encrypting(place: Place, plan: Plan, clinic_tls: int) -> Encrypting | None:
    desks = frozenset(phone.extension for phone in plan.phones.values() if phone.secure)
    if not desks:
        return None
    authority = authority_of(place, names_of_box()).pem.decode()
    return Encrypting(desks, clinic_tls, authority)


# ---- the site file of a rehearsal ----


def on_our_trunk(site_text: str, telco_sip: int) -> str:
    """The site file with every trunk leading to our own telephone company."""
    document = tomlkit.parse(site_text)
    for trunk in _tables(document, "trunks"):
        trunk["host"], trunk["port"] = LINE_ADDRESS, telco_sip
        for unused in ("provider", "username", "registers", "transport", "srtp", "card"):
            trunk.pop(unused, None)
    return tomlkit.dumps(document)


def always_open(site_text: str) -> str:
    """The site file with every schedule open at all hours, so that it does not matter when a
    rehearsal is held."""
    document = tomlkit.parse(site_text)
    for schedule in _tables(document, "hours"):
        schedule.clear()
        schedule["holidays"] = False
        for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"):
            schedule[day] = ["00:00-00:00"]
    return tomlkit.dumps(document)


def _tables(document: Mapping[str, Any], section: str) -> list[MutableMapping[str, Any]]:
    return list(cast("Mapping[str, MutableMapping[str, Any]]", document.get(section, {})).values())
