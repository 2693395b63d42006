"""A small town for the system tests: one clinic on a real Asterisk, and its telephone company.

Each town has a directory and ports of its own, so that many may stand at once. Whoever builds a
town says which real programs the tests in it spoke to.
"""

import asyncio
import shutil
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from firmware import settings, speech
from firmware.asterisk.config import AMI_USER, Ports
from firmware.asterisk.dialplan import Timing
from firmware.asterisk.link import Link, LinkState
from firmware.asterisk.publish import Site, install
from firmware.asterisk.sandbox import Asterisk, Sandboxed, dotted, ensure_root, version
from firmware.asterisk.telco import DESK_ADDRESS, LINE_ADDRESS, Telco, TelcoPorts
from firmware.asterisk.wire import Message
from firmware.place import Place
from firmware.site_secrets import Secrets, secrets_of
from ivr.plan import Plan

TEMPLATE = Path(settings.__file__).parent / "template" / "clinic.toml"
RTP_PORTS = 200
Done = TypeVar("Done")


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses now, on any of the addresses of a town."""
    with ExitStack() as held:
        found: list[int] = []
        while len(found) < count:
            port = _free_port(held)
            if port is not None:
                found.append(port)
        return found


def _free_port(held: ExitStack) -> int | None:
    first = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    first.bind(("127.0.0.1", 0))
    port: int = first.getsockname()[1]
    for address in ("127.0.0.1", LINE_ADDRESS, DESK_ADDRESS):
        end = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        try:
            end.bind((address, port))
        except OSError:
            return None
    return port


def rtp_range(near: int) -> tuple[int, int]:
    """A range of RTP ports below those the kernel gives out, told apart by a port that is ours."""
    first = 10_000 + near % 110 * RTP_PORTS
    return first, first + RTP_PORTS - 1


def template_plan(telco_sip: int) -> Plan:
    """The template's clinic, whose trunk is this town's telephone company."""
    plan = settings.read(TEMPLATE.read_text("utf-8"))
    trunks = {
        name: replace(trunk, host=LINE_ADDRESS, port=telco_sip)
        for name, trunk in plan.trunks.items()
    }
    return replace(plan, trunks=trunks)


@dataclass(slots=True)
class Town:
    """What stands in it. Nothing of ours answers the clinic's calls until a test brings it."""

    runner: asyncio.Runner
    place: Place
    site: Site
    secrets: Secrets
    launch: Sandboxed
    clinic: Asterisk
    telco: Telco
    spoke_to: str

    def run(self, story: Coroutine[Any, Any, Done], within_s: float = 60.0) -> Done:
        """Live through a story, which may not take longer than this."""
        return self.runner.run(asyncio.wait_for(story, within_s))

    def told(self) -> "Told":
        """The exchange's own ear: what AMI tells it."""
        return Told(self.site.ports.ami, self.secrets.ami)

    def tear_down(self) -> None:
        """Nothing is left running."""
        self.runner.run(self.telco.stop())
        self.runner.run(self.clinic.stop())
        self.runner.close()


def build(
    home: Path,
    change: Callable[[Plan], Plan] = lambda plan: plan,
    timing: Timing = Timing(),  # noqa: B008 - frozen
) -> Town:
    """A clinic of the template, as `change` would have it, and its telephone company; both up."""
    root = ensure_root(lambda line: None)
    sip, ami, engine, telco_sip, telco_ami = free_ports(5)
    clinic_rtp, telco_rtp = rtp_range(sip), rtp_range(sip + 1)
    plan = change(template_plan(telco_sip))
    site = Site(TEMPLATE.read_text("utf-8"), plan, Ports(sip, ami, engine, *clinic_rtp), timing)
    place = Place(home)
    speech.render_site(plan, place.prompts)
    launch = Sandboxed(root, place.asterisk, place.prompts)
    install(place, site, launch)
    secrets = secrets_of(place.secrets, plan)
    telco = Telco(
        root,
        home / "telco",
        TelcoPorts(telco_sip, telco_ami, *telco_rtp),
        clinic_sip=sip,
        phones=secrets.phones,
        emergency_numbers=plan.emergency_numbers,
    )
    clinic = Asterisk(launch)
    numbers = dotted(version(root))
    spoke_to = f"spoke to Asterisk {numbers} (clinic) and Asterisk {numbers} (telephone company)"
    town = Town(asyncio.Runner(), place, site, secrets, launch, clinic, telco, spoke_to)
    try:
        town.runner.run(clinic.start())
        town.runner.run(telco.start())
    except BaseException:
        town.tear_down()
        raise
    return town


class Told:
    """An AMI session with the exchange's own rights, for as long as a `async with` lasts."""

    def __init__(self, port: int, secret: str) -> None:
        self.heard: list[Message] = []
        self._news = asyncio.Event()
        self._up = asyncio.Event()
        self.link = Link(
            "127.0.0.1", port, AMI_USER, secret, receive=self._receive, changed=self._changed
        )
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Told":
        self._running = asyncio.create_task(self.link.run())
        await asyncio.wait_for(self._up.wait(), 10)
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def user_event(self, name: str, within_s: float = 10.0) -> Message:
        """The first user event of this name, come or to come."""
        async with asyncio.timeout(within_s):
            while True:
                for message in self.heard:
                    if message.get("UserEvent") == name:
                        return message
                self._news.clear()
                await self._news.wait()

    def user_events(self, name: str) -> list[Message]:
        """Those that have come."""
        return [message for message in self.heard if message.get("UserEvent") == name]

    def _receive(self, message: Message) -> None:
        self.heard.append(message)
        self._news.set()

    def _changed(self, state: LinkState) -> None:
        if state is LinkState.UP:
            self._up.set()


async def within(seconds: float, what: Awaitable[Done]) -> Done:
    """The deadline of one step of a story."""
    return await asyncio.wait_for(what, seconds)


def forget(folder: Path) -> None:
    """A town's directory is large; it goes when its tests have passed."""
    shutil.rmtree(folder, ignore_errors=True)
