"""The whole exchange, with its Asterisk in the test's own hands: AMI and AudioSocket are real
sockets on loopback, and what a test does not say never happens.
"""

import asyncio
import signal
import struct
import uuid
import wave
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware import control, ledger, people, settings, topics
from firmware.app import App
from firmware.asterisk.config import Ports
from firmware.asterisk.strangers import GUARD_USER
from firmware.keys import KeyPair
from firmware.passwords import Cost
from firmware.place import Place
from firmware.ports import free_ports, keep_ports
from firmware.store import open_reader
from tests.firmware.asterisk.peer import Fields, Talk, block, listening, success
from tests.sites import head

SOON_S = 60.0
STEP_S = 30.0
READ_UP_AFTER_S = 1.0
QUICK = Cost(passes=1, memory_kib=64, lanes=1)

SITE = (
    head(("101", "102"))
    + """
[mailboxes.desk]
members = ["reception"]
[queues.desk]
agents = ["101", "102"]
[flows.main]
start = "menu"
zero = "desk"
[flows.main.nodes.menu]
kind = "menu"
prompts = ["emergency-first", "welcome"]
choices = { 1 = "desk", 2 = "message" }
otherwise = "desk"
[flows.main.nodes.desk]
kind = "queue"
queue = "desk"
patience_s = 60
otherwise = "message"
[flows.main.nodes.message]
kind = "message"
mailbox = "desk"
prompts = ["leave-a-message"]
next = "bye"
[flows.main.nodes.bye]
kind = "hangup"
prompts = ["goodbye"]
[prompts.en]
welcome = "Welcome."
"""
)


def site_at(home: Path, text: str = SITE, paper: KeyPair | None = None) -> Place:
    """A published site, set up, with the shortest of prompts."""
    place = Place(home)
    plan = settings.read(text)
    place.site_file.write_text(text, "utf-8")
    for language, texts in settings.prompts_of(plan).items():
        for name in texts:
            write_wav(place.prompts / language / f"{name}.wav", 400)
    write_wav(place.prompts / "music.wav", 1600, MUSIC)
    write_wav(place.prompts / "beep.wav", 16_000, BEEP)
    public = (paper or KeyPair.fresh()).public
    people.set_up(place.page_db, public, "doe", "seven quiet lamps", ["desk"], QUICK)
    return place


def write_wav(path: Path, samples: int, level: int = 1) -> None:
    """A prompt that is known by its one level."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(struct.pack("<h", level) * samples)


class Asterisk:
    """Its manager: says yes unless told to refuse, and tells what the test says."""

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.mute: set[str] = set()  # actions that get no answer
        self.channels: list[bytes] = []  # blocks of a Status
        self.asked: dict[str, asyncio.Queue[Fields]] = defaultdict(asyncio.Queue)
        self.told: list[Fields] = []  # all that was asked, in order
        self._talk: Talk | None = None
        self._ended = asyncio.Event()

    async def story(self, talk: Talk) -> None:
        if (await talk.welcome())["Username"] == GUARD_USER:
            await talk.answer_all()
        self._talk, self._ended = talk, asyncio.Event()
        answering = asyncio.create_task(self._answer(talk))
        ended = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait({answering, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answering.cancel()
            ended.cancel()

    async def _answer(self, talk: Talk) -> None:
        while True:
            action = await talk.action()
            name = action["Action"]
            self.told.append(action)
            self.asked[name].put_nowait(action)
            if name in self.mute:
                continue
            if name in self.refuses:
                asked = f"ActionID: {action['ActionID']}"
                await talk.say(block("Response: Error", asked, "Message: No such channel"))
            elif name in ("Status", "DeviceStateList"):
                await talk.say(success(action, "EventList: start"))
                asked = f"ActionID: {action['ActionID']}"
                for channel in self.channels if name == "Status" else []:
                    await talk.say(block("Event: Status", asked)[:-2] + channel)
                await talk.say(block(f"Event: {name}Complete", asked, "EventList: Complete"))
            else:
                await talk.say(success(action))

    async def tell(self, event: str, **fields: str) -> None:
        assert self._talk is not None
        await self._talk.say(
            block(f"Event: {event}", *(f"{name}: {value}" for name, value in fields.items()))
        )

    def drop(self) -> None:
        """The connection ends; the exchange comes again by itself."""
        self._ended.set()


SILENCE, MUSIC, BEEP = 0, 2, 3  # levels by which they are known


class Leg:
    """A channel in TryExec(AudioSocket): a caller's, or an agent's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._heard: dict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._frame = asyncio.Event()
        self.gone = asyncio.create_task(self._listen())

    @classmethod
    async def open(cls, port: int, name: str) -> "Leg":
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(struct.pack(">BH", 0x01, 16) + uuid.UUID(name).bytes)
        return cls(reader, writer)

    async def hears(self, level: int) -> None:
        """Wait for a prompt of this level."""
        await self._heard[level].wait()

    async def falls_silent(self) -> None:
        """Wait until what is heard now is over."""
        self._heard[SILENCE].clear()
        await self.hears(SILENCE)

    async def _listen(self) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while frame := await self._reader.readexactly(323):
                self._heard[struct.unpack_from("<h", frame, 3)[0]].set()
                self._frame.set()
        self._writer.close()

    def press(self, digit: str) -> None:
        self._writer.write(struct.pack(">BH", 0x03, 1) + digit.encode())

    async def keys(self, digits: str) -> None:
        """One after another, at the pace of frames: the engine takes more for nonsense."""
        for digit in digits:
            self.press(digit)
            await self.frame()

    async def frame(self) -> None:
        """Wait for the next that is heard."""
        self._frame.clear()
        await self._frame.wait()

    def speak(self) -> None:
        """A frame of 20 ms that nobody can miss."""
        loud = struct.pack("<hh", 9_000, -9_000) * 80
        self._writer.write(struct.pack(">BH", 0x10, len(loud)) + loud)

    def hang_up(self) -> None:
        self._writer.write(b"\x00\x00\x00")
        self._writer.close()


@dataclass(slots=True)
class ByHand:
    """A running exchange, and both ends of it."""

    place: Place
    ports: Ports
    asterisk: Asterisk
    running: asyncio.Task[None]
    steps: list[topics.StepLine] = field(default_factory=list)
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    async def announce(self, call: str, **changed: str) -> str:
        """Asterisk tells of a call; its channel's Uniqueid."""
        uniqueid = f"179.{call[-6:]}"
        told = {
            "UserEvent": "CareLineCall",
            "Channel": f"PJSIP/trunk-telco-{call[-6:]}",
            "Uniqueid": uniqueid,
            "CallerIDNum": "2025550199",
            "CallerIDName": "Bob Patient",
            "CallUUID": call,
            "Line": "main",
            "Dialled": "2025550100",
        }
        await self.asterisk.tell("UserEvent", **{**told, **changed})
        return uniqueid

    async def caller(self) -> tuple[str, str, Leg]:
        """Somebody calls: the call, its channel, its audio."""
        call = str(uuid.uuid4())
        uniqueid = await self.announce(call)
        return call, uniqueid, await self.leg(call)

    async def leg(self, name: str) -> Leg:
        return await Leg.open(self.ports.engine, name)

    async def agent(self) -> tuple[str, Leg]:
        """The next phone that is rung picks up: its offer and its audio."""
        originated = await self.asterisk.asked["Originate"].get()
        offer = originated["ChannelId"]
        await self.asterisk.tell("Newchannel", Uniqueid=offer)
        return offer, await self.leg(offer)

    async def bridge(self, *legs: Leg) -> None:
        """Asterisk does as it was asked: both leave the engine."""
        await self.asterisk.asked["Bridge"].get()
        for leg in legs:
            leg.hang_up()

    async def talk(self, *uniqueids: str) -> None:
        """Asterisk tells that they are joined."""
        for channel in uniqueids:
            await self.asterisk.tell("BridgeEnter", Uniqueid=channel, BridgeUniqueid="b")

    async def leaves(self, uniqueid: str) -> None:
        """The caller's channel is gone."""
        await self.asterisk.tell("Hangup", Uniqueid=uniqueid, Cause="16")

    async def step(self, call: str, step: str, part: str = "") -> str:
        """The detail of a call's step, of which this is a part, once it is durable. What the
        exchange wrote before it knew of this listener stands in the ledger only."""
        try:
            async with asyncio.timeout(STEP_S):
                while (found := self._told(call, step, part)) is None:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(READ_UP_AFTER_S), self._more:
                            await self._more.wait_for(lambda: self._find(call, step, part))
        except TimeoutError:
            told = [(each.step, each.detail) for each in self.steps if each.call == call]
            raise AssertionError(f"no {step!r} within {STEP_S:g} s, but {told}") from None
        return found.detail

    def _told(self, call: str, step: str, part: str) -> topics.StepLine | ledger.Step | None:
        return self._find(call, step, part) or self._written(call, step, part)

    def _find(self, call: str, step: str, part: str) -> topics.StepLine | None:
        of_call = (s for s in self.steps if (s.call, s.step) == (call, step))
        return next((s for s in of_call if part in s.detail), None)

    def _written(self, call: str, step: str, part: str) -> ledger.Step | None:
        reader = open_reader(self.place.calls_db)
        with reader.connect() as connection:
            steps = ledger.steps_of(connection, call)
        reader.dispose()
        return next((s for s in steps if s.step == step and part in s.detail), None)

    async def part(self, name: str) -> topics.Part:
        """How a part of the exchange says it is."""
        status = await control.ask_async(
            self.place.control_socket, topics.STATUS, topics.StatusRequest()
        )
        return next(part for part in status.parts if part.name == name)

    async def watch(self) -> None:
        request = topics.WatchRequest()
        async for step in control.follow_async(self.place.control_socket, topics.WATCH, request):
            async with self._more:
                self.steps.append(step)
                self._more.notify_all()


@asynccontextmanager
async def exchange_at(place: Place, asterisk: Asterisk | None = None) -> AsyncIterator[ByHand]:
    """The exchange, logged in and settled; asked to stop at the end, as systemd asks."""
    asterisk = asterisk or Asterisk()
    kept = ExitStack()
    async with listening(asterisk.story) as ami:
        sip, engine = free_ports(kept, 2)
        ports = Ports(sip, ami, engine, 10_000, 10_100)
        keep_ports(place, ports)
        running = asyncio.create_task(App(place).run())
        by_hand = ByHand(place, ports, asterisk, running)
        try:
            await asterisk.asked["DeviceStateList"].get()
            watching = asyncio.create_task(by_hand.watch())
            yield by_hand
        finally:
            if not running.done():
                signal.raise_signal(signal.SIGTERM)
            await asyncio.wait({running})
            kept.close()
            watching.cancel()
            for step in by_hand.steps:  # shown when the story failed
                print(step.mono_ms, step.call[:4], step.step, step.detail)  # noqa: T201
        running.result()


def live(story: Coroutine[Any, Any, None]) -> None:
    """A story has some seconds."""

    async def within() -> None:
        async with asyncio.timeout(SOON_S):
            await story

    asyncio.run(within())
