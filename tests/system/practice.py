"""A small practice for stories about calls: its every prompt is a tone, so that what a caller hears
says where the caller is.

One menu leads to each kind of node. A phone rings longer than a story waits for anything, so that
one which falls silent does so for the story's own reasons; but for those of the queue `brisk`. The
exchange of a story is the real one under its watchdog; its ledger's steps are what a story waits
for.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from firmware import ledger, topics
from firmware.asterisk.telco import LiveCall, Telco
from firmware.control import ControlError, ask_async, follow_async
from firmware.place import Place
from firmware.ports import keep_ports
from firmware.rehearsal import EXCHANGE
from firmware.store import open_reader
from firmware.watchdog import Supervisor
from ivr.agent import Doing
from ivr.plan import Plan
from tests.sites import head
from tests.system import ear, town
from tests.system.town import SOON_S, Town, soon

Line = TypeVar("Line")

ROOT = Path(__file__).parents[2]
NUMBER = "2025550100"
READY = "exchange is ready"
READ_UP_AFTER_S = 1.0
SILENCE_AT_MOST_S = 1.0
MUSIC_HZ = 1500
MENU_HZ = 1050
# Each prompt's tone and length in seconds.
TONES = {
    "main-menu": (MENU_HZ, 8.0),
    "second-menu": (1150, 8.0),
    "information": (1250, 0.8),
    "please-wait": (1700, 0.3),
    "you-are-next": (1800, 0.4),
    "you-are-number": (1900, 0.4),
    "number-2": (2000, 0.4),
    "connecting": (2100, 0.3),
    "leave-a-message": (2200, 1.5),
    "message-kept": (2300, 0.4),
    "goodbye": (2400, 0.4),
    "survey": (2600, 0.8),
    "survey-thanks": (2700, 0.4),
}

PHONES = ("101", "102", "103", "104", "105", "106", "107", "108", "109", "110")
SITE = (
    head(PHONES)
    + """
[[dial_rules]]
prefix = "9"
digits = 10
trunk = "telco"
shows = "2025550100"

[mailboxes.desk]
members = ["reception"]
lamps = ["101"]

[queues.desk]
agents = ["101", "102"]
target_s = 20
offer_s = 60
rest_s = 1
announce_s = 10

[queues.all]
agents = ["101", "102", "103", "104", "105", "106", "107", "108", "109", "110"]
target_s = 20
offer_s = 60
rest_s = 1
announce_s = 10

[queues.brisk]
agents = ["101", "102", "103", "104", "105", "106", "107", "108", "109", "110"]
target_s = 20
offer_s = 5
rest_s = 1
announce_s = 10
survey = true

[queues.one]
agents = ["101"]
target_s = 20
offer_s = 60
rest_s = 1
announce_s = 10

[flows.main]
start = "menu"
zero = "desk"

[flows.main.nodes.menu]
kind = "menu"
prompts = ["main-menu"]
timeout_s = 2
tries = 2
otherwise = "desk"

[flows.main.nodes.menu.choices]
1 = "desk"
2 = "information"
3 = "message"
4 = "ring"
5 = "second"
6 = "all"
7 = "one"
8 = "brisk"

[flows.main.nodes.second]
kind = "menu"
prompts = ["second-menu"]
choices = { 5 = "information" }
timeout_s = 2
tries = 2
otherwise = "desk"

[flows.main.nodes.information]
kind = "say"
prompts = ["information"]
next = "goodbye"

[flows.main.nodes.desk]
kind = "queue"
queue = "desk"
patience_s = 60
otherwise = "message"

[flows.main.nodes.all]
kind = "queue"
queue = "all"
patience_s = 60
otherwise = "message"

[flows.main.nodes.brisk]
kind = "queue"
queue = "brisk"
patience_s = 60
otherwise = "message"

[flows.main.nodes.one]
kind = "queue"
queue = "one"
patience_s = 60
otherwise = "message"

[flows.main.nodes.ring]
kind = "ring"
phones = ["103", "104"]
for_s = 60
otherwise = "message"

[flows.main.nodes.message]
kind = "message"
mailbox = "desk"
prompts = ["leave-a-message"]
longest_s = 30
next = "goodbye"

[flows.main.nodes.goodbye]
kind = "hangup"
prompts = ["goodbye"]

[prompts.en]
main-menu = "Menu."
second-menu = "Menu."
information = "Menu."
"""
)


def build(
    home: Path,
    site: str = SITE,
    tones: Mapping[str, tuple[float, float]] = TONES,
    change: Callable[[Plan], Plan] = lambda plan: plan,
) -> Town:
    """The practice and its telephone company, without an exchange."""
    standing = town.build(home, change, site_text=site)
    prompts = standing.place.prompts
    for name, (tone_hz, seconds) in tones.items():
        ear.write_tone(prompts / "en" / f"{name}.wav", tone_hz, seconds)
    ear.write_tone(prompts / "music.wav", MUSIC_HZ, 30)
    return standing


@dataclass(slots=True)
class Story:
    """What one exchange did, step by durable step."""

    place: Place
    log: Path
    supervisor: Supervisor = field(init=False)
    steps: list[topics.StepLine] = field(default_factory=list)
    _read: list[topics.StepLine] = field(default_factory=list)  # before they were told
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _ready: asyncio.Queue[None] = field(default_factory=asyncio.Queue)
    _dialling: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def call(self, telco: Telco, **how: Any) -> tuple[LiveCall, str]:
        """Somebody calls and hears the menu begin: the line, and the name the exchange gave it."""

        async def dial() -> LiveCall:
            line = await telco.call(NUMBER, **how)
            await soon(line.answered)
            return line

        return await self.named(dial)

    async def named(
        self, dial: Callable[[], Awaitable[Line]], begins: str = "menu"
    ) -> tuple[Line, str]:
        """What `dial` gives, and the name the exchange gave to the call that it placed."""
        async with self._dialling:
            before = len(self._arrived())
            line = await dial()
            await self.until(lambda: len(self._arrived()) > before)
            call = self._arrived()[before].call
        await self.step(call, begins)
        return line, call

    async def step(
        self, call: str, name: str, detail: str = "", within_s: float = SOON_S
    ) -> topics.StepLine:
        """The first such step of a call, come or to come."""

        def found() -> list[topics.StepLine]:
            mine = (step for step in self.steps if (step.call, step.step) == (call, name))
            return [step for step in mine if detail in step.detail]

        await self.until(lambda: bool(found()), within_s)
        return found()[0]

    def details(self, call: str, name: str) -> list[str]:
        """What a call's steps of this name told, in order."""
        return [step.detail for step in self.steps if (step.call, step.step) == (call, name)]

    def when(self, call: str, name: str) -> float:
        """The monotonic time of a call's first such step."""
        of_call = (step for step in self.steps if (step.call, step.step) == (call, name))
        return next(of_call).mono_ms / 1000

    async def status(self) -> topics.StatusReply:
        return await ask_async(self.place.control_socket, topics.STATUS, topics.StatusRequest())

    async def becomes(self, extension: str, *doing: Doing) -> None:
        """Until an agent does so."""
        async with asyncio.timeout(SOON_S):
            while True:
                reply = await ask_async(
                    self.place.control_socket, topics.AGENTS, topics.AgentsRequest()
                )
                (line,) = (each for each in reply.agents if each.extension == extension)
                if line.doing in doing:
                    return

    async def outcome(self, call: str) -> str:
        """How the call ended, once it has, and that this was told once."""
        await self.step(call, "outcome")
        (only,) = self.details(call, "outcome")
        assert (await self.status()).balanced
        return only

    async def listen(self) -> None:
        """Until cancelled, to one exchange after another."""
        while True:
            await self._ready.get()
            with suppress(ControlError, ConnectionError):
                async for step in follow_async(
                    self.place.control_socket, topics.WATCH, topics.WatchRequest()
                ):
                    self._tell(step)
                    async with self._news:
                        self._news.notify_all()

    def told(self, line: str) -> None:
        """What the supervisor tells."""
        if line == READY:
            self._ready.put_nowait(None)

    def _arrived(self) -> list[topics.StepLine]:
        return [step for step in self.steps if step.step == "arrived"]

    async def until(self, holds: Callable[[], bool], within_s: float = SOON_S) -> None:
        """Until something holds of the steps."""
        try:
            async with asyncio.timeout(within_s):
                while not holds():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(READ_UP_AFTER_S), self._news:
                            await self._news.wait_for(holds)
                    self._read_up()
        except TimeoutError:
            told = "\n".join(f"{s.mono_ms} {s.call[:8]} {s.step} {s.detail}" for s in self.steps)
            raise AssertionError(f"waited {within_s:g} s in vain; the ledger has\n{told}") from None

    def _read_up(self) -> None:
        """What an exchange wrote down before it knew of this listener stands in the ledger only: an
        exchange that was killed begins its next life with such steps."""
        reader = open_reader(self.place.calls_db)
        with reader.connect() as connection:
            calls = dict.fromkeys(step.call for step in self.steps)
            written = [_line(row) for call in calls for row in ledger.steps_of(connection, call)]
        reader.dispose()
        unheard = list((Counter(written) - Counter(self.steps)).elements())
        self.steps += unheard
        self._read += unheard

    def _tell(self, step: topics.StepLine) -> None:
        if step in self._read:
            self._read.remove(step)
        else:
            self.steps.append(step)


def _line(row: ledger.Step) -> topics.StepLine:
    return topics.StepLine(
        call=row.call, at=row.at, mono_ms=row.mono_ms, step=row.step, detail=row.detail
    )


@asynccontextmanager
async def exchange(standing: Town, program: Sequence[str] = EXCHANGE) -> AsyncIterator[Story]:
    """The running exchange of a story; what it says of itself goes to `log`. It works in a folder
    of its own, where a core of it may lie."""
    home = standing.place.home
    folder, log = home / "work", home / "exchange.log"
    folder.mkdir(exist_ok=True)
    command = ("env", "-C", str(folder), f"PYTHONPATH={ROOT}", *program)
    story = Story(standing.place, log)
    listening = asyncio.create_task(story.listen())
    try:
        async with standing.rehearsal.exchange(command=command, told=story.told) as supervisor:
            story.supervisor = supervisor
            yield story
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        # A story that went wrong leaves nothing in the next one's way.
        await standing.telco.asterisk.rx("channel request hangup all")
        await standing.telco.desks_registered()


async def silence_falls(standing: Town) -> None:
    """No channel is left at the clinic's Asterisk."""
    async with asyncio.timeout(SOON_S):
        while "0 active channels" not in await standing.clinic.rx("core show channels count"):
            pass  # each question takes Asterisk's command line a while


class Cable:
    """The way from the exchange to Asterisk's manager, which can be cut and mended."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def mend(self) -> None:
        """Whoever connects is through to Asterisk."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Every connection is reset, and no new one is taken."""
        if self._server is not None:
            self._server.close()
        for end in self._ends:
            end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        except ConnectionError:  # Asterisk is not there
            writer.close()
            return
        ends = {writer, far_writer}
        self._ends |= ends
        try:
            await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))
        finally:
            self._ends -= ends


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def cable_to_manager(standing: Town) -> AsyncIterator[Cable]:
    """An exchange that starts meanwhile reaches Asterisk's manager by this cable."""
    ports = standing.site.ports
    cable = Cable(ports.ami)
    await cable.mend()
    keep_ports(standing.place, replace(ports, ami=cable.port))
    try:
        yield cable
    finally:
        keep_ports(standing.place, ports)
        cable.cut()
