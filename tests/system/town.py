"""A small town for the system tests: one clinic on a real Asterisk, and its telephone company.

Each town has a directory and ports of its own, so that many may stand at once. Whoever builds a
town says which real programs the tests in it spoke to.

A test waits for what must happen, and far longer than it takes (`soon`): only a story that went
wrong waits in vain, on a busy machine too. How long it may take, where the issue says so, is a
figure of its own: a story that missed one is told again (`run_on_time`).
"""

import asyncio
import shutil
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from firmware import rehearsal
from firmware.asterisk.config import AMI_USER, Ports
from firmware.asterisk.dialplan import Timing
from firmware.asterisk.link import Link, LinkState
from firmware.asterisk.publish import Site
from firmware.asterisk.sandbox import Asterisk, Sandboxed, dotted, ensure_root, version
from firmware.asterisk.telco import Telco
from firmware.asterisk.wire import Message
from firmware.place import Place
from firmware.rehearsal import Rehearsal
from firmware.site_secrets import Secrets, secrets_of
from ivr.plan import Plan

Done = TypeVar("Done")

SOON_S = 30.0
STORY_S = 200.0
TIMES_TOLD = 5
SAID_LINES = 40


@dataclass(slots=True)
class Figures:
    """How long things took, beside how long they may take, and what was heard undisturbed. The
    machine may be busy, so one that was missed is only noted, and the story goes on."""

    missed: list[str] = field(default_factory=list)

    def at_most(self, allowed_s: float, took_s: float, what: str) -> None:
        if took_s > allowed_s:
            self.missed.append(f"{what}: {took_s:.2f} s, allowed {allowed_s:g}")

    def at_least(self, asked_s: float, took_s: float, what: str) -> None:
        if took_s < asked_s:
            self.missed.append(f"{what}: {took_s:.2f} s, asked for {asked_s:g}")

    def heard(self, is_heard: bool, what: str) -> None:
        if not is_heard:
            self.missed.append(f"{what} not heard")


@dataclass(slots=True)
class Town:
    """What stands in it. Nothing of ours answers the clinic's calls until a test brings it."""

    runner: asyncio.Runner
    rehearsal: Rehearsal
    secrets: Secrets
    spoke_to: str

    @property
    def place(self) -> Place:
        return self.rehearsal.place

    @property
    def site(self) -> Site:
        return self.rehearsal.site

    @property
    def launch(self) -> Sandboxed:
        return self.rehearsal.launch

    @property
    def clinic(self) -> Asterisk:
        return self.rehearsal.asterisk

    @property
    def telco(self) -> Telco:
        return self.rehearsal.telco

    def run(self, story: Coroutine[Any, Any, Done], within_s: float = STORY_S) -> Done:
        """Live through a story."""
        return self.runner.run(within(within_s, story))

    def run_on_time(self, story: Callable[[Figures], Coroutine[Any, Any, None]]) -> None:
        """Live through a story whose figures hold wherever the machine has time for it. Another
        program may have had the processor when it was told the first time, but not each time."""
        for _ in range(TIMES_TOLD):
            figures = Figures()
            self.run(story(figures))
            if not figures.missed:
                return
            warnings.warn(f"late: {', '.join(figures.missed)}", stacklevel=2)
        raise AssertionError(f"late each of {TIMES_TOLD} times, at last: {figures.missed}")

    def said(self) -> str:
        """The last of what its exchange has said, in whichever life."""
        log = self.place.home / "exchange.log"
        lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
        return "\n".join(lines[-SAID_LINES:])

    def told(self) -> "Told":
        """The exchange's own ear: what AMI tells it."""
        return Told(self.site.ports, self.secrets.ami)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is left running, and nothing on the disk: a town's directory is large."""
        self.runner.run(self.rehearsal.stop())
        self.runner.close()
        shutil.rmtree(self.place.home, ignore_errors=True)


def build(
    home: Path,
    change: Callable[[Plan], Plan] = lambda plan: plan,
    timing: Timing = Timing(),  # noqa: B008 - frozen
    site_text: str | None = None,
) -> Town:
    """A clinic of the template, as `change` would have it, and its telephone company; both up."""
    ensure_root(lambda line: None)
    made = rehearsal.build(home, site_text=site_text, change=change, timing=timing)
    numbers = dotted(version(made.launch.root))
    spoke_to = f"spoke to Asterisk {numbers} (clinic) and Asterisk {numbers} (telephone company)"
    town = Town(asyncio.Runner(), made, secrets_of(made.place.secrets, made.plan), spoke_to)
    with ExitStack() as unless_it_stands:
        unless_it_stands.enter_context(town)
        town.runner.run(made.start())
        unless_it_stands.pop_all()
    return town


class Told:
    """An AMI session with the exchange's own rights, for as long as a `async with` lasts. Asterisk
    takes it for the exchange: where no engine listens, callers are let go at once."""

    def __init__(self, ports: Ports, secret: str) -> None:
        self.heard: list[Message] = []
        self._news = asyncio.Event()
        self._up = asyncio.Event()
        self.link = Link(
            "127.0.0.1", ports.ami, AMI_USER, secret, receive=self._receive, changed=self._changed
        )
        self._engine_port = ports.engine
        self._door: asyncio.Server | None = None
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Told":
        with suppress(OSError):  # the test's own engine listens there
            self._door = await asyncio.start_server(_let_go, "127.0.0.1", self._engine_port)
        self._running = asyncio.create_task(self.link.run())
        await soon(self._up.wait())
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
        if self._door is not None:
            self._door.close()

    async def event(self, name: str, **has: str) -> Message:
        """The first event of this name with these fields, come or to come."""
        (first,) = await self.events(1, name, **has)
        return first

    async def events(self, count: int, name: str, **has: str) -> list[Message]:
        """So many of them; what else tells of the same things is another connection, and may be
        ahead of this one."""
        wanted = {"Event": name, **has}
        async with asyncio.timeout(SOON_S):
            while len(found := [each for each in self.heard if _has(each, wanted)]) < count:
                self._news.clear()
                await self._news.wait()
        return found[:count]

    async def user_event(self, name: str) -> Message:
        """The first user event of this name, come or to come."""
        return await self.event("UserEvent", UserEvent=name)

    def user_events(self, name: str) -> list[Message]:
        """Those that have come."""
        return [message for message in self.heard if message.get("UserEvent") == name]

    def _receive(self, message: Message) -> None:
        self.heard.append(message)
        self._news.set()

    def _changed(self, state: LinkState) -> None:
        if state is LinkState.UP:
            self._up.set()


def _has(message: Message, wanted: Mapping[str, str]) -> bool:
    return all(message.get(field) == value for field, value in wanted.items())


def _let_go(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def within(limit_s: float, what: Awaitable[Done]) -> Done:
    """`wait_for`, which on Python 3.11 loses an end that comes as the answer does."""
    async with asyncio.timeout(limit_s):
        return await what


async def soon(what: Awaitable[Done]) -> Done:
    """One step of a story."""
    return await within(SOON_S, what)
