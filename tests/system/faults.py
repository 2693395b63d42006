"""What can go wrong with the exchange or its way to Asterisk, and what a caller must notice of it.

A story is one call of one caller: it reaches a stage, a fault strikes, a phone rings in time, the
two hear each other, the fault ends, and the ledger tells the truth about the call.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import assert_never

from firmware import ledger, topics
from firmware.asterisk.telco import Answers, Busy, LiveCall, Ring, Silent
from firmware.control import ask_async
from firmware.ledger import CallSummary
from firmware.ports import keep_ports
from firmware.rehearsal import EXCHANGE
from firmware.store import open_reader
from firmware.watchdog import Supervisor
from tests.sites import head
from tests.system import ear, town
from tests.system.bad_line import BadLine, Wire
from tests.system.town import SOON_S, Figures, Town, soon

CLINIC = "2025550100"
CALLER_HZ = 2500
WHOLE = (
    0.4  # of a talk, torn as a busy machine tears it: one that the fault cut has next to nothing
)
FRONT_DESK, AGENT = "101", "102"
MEANWHILE_S = 1.0  # the shortest fault takes as long
BLOCKABLE = (sys.executable, "-m", "tests.system.blocked")

# The front desk and one agent; texts are the template's, which set-up has rendered.
SITE = (
    head(("101", "102", "103"))
    + """
[mailboxes.desk]
members = ["reception"]

[queues.nurse]
agents = ["102"]
offer_s = 120
rest_s = 60

[flows.main]
start = "menu"
zero = "nurse"

[flows.main.nodes.menu]
kind = "menu"
prompts = ["main-menu"]
choices = { 1 = "nurse", 2 = "message" }
otherwise = "nurse"

[flows.main.nodes.nurse]
kind = "queue"
queue = "nurse"
patience_s = 120
otherwise = "message"

[flows.main.nodes.message]
kind = "message"
mailbox = "desk"
prompts = ["closed-now"]
next = "goodbye"

[flows.main.nodes.goodbye]
kind = "hangup"
prompts = ["goodbye"]

[prompts.en]
main-menu = \"\"\"For appointments, press 1. For the nurse, press 2. \\
For a prescription refill, press 3. \\
For our hours and address, press 4. To speak with the front desk, press 0.\"\"\"
closed-now = "You have reached Maple Street Family Practice. Our office is closed now."
"""
)


# The engine's own protocol, for a stranger who speaks it: a UUID in the first frame.
STRANGER = b"\x01\x00\x10" + bytes(range(16))


class Fault(StrEnum):
    """One way in which our programs or the way to Asterisk fail."""

    KILLED = "killed"
    FROZEN = "frozen"
    BLOCKED = "blocked"
    HELD_UP = "held up"  # blocked, but not for long enough to be killed for it
    AMI_CUT = "AMI cut"
    AMI_BLACK_HOLED = "AMI black-holed"
    AMI_SLOW = "AMI slow"
    AMI_REFUSED = "AMI login refused"


class Stage(StrEnum):
    """Where the call is when the fault strikes."""

    BEFORE = "before the call"
    MENU = "in the menu"
    QUEUE = "in the queue"
    RINGING = "while the agent's phone rings"
    MESSAGE = "in the message"


WIRES = {
    Fault.AMI_CUT: Wire.CUT,
    Fault.AMI_BLACK_HOLED: Wire.BLACK_HOLED,
    Fault.AMI_SLOW: Wire.SLOW,
    Fault.AMI_REFUSED: Wire.REFUSED,
}
SIGNALS = {
    Fault.KILLED: signal.SIGKILL,
    Fault.FROZEN: signal.SIGSTOP,
    Fault.BLOCKED: signal.SIGUSR1,
    Fault.HELD_UP: signal.SIGUSR2,
}
# The figures; a call that comes after the fault is counted from its own beginning.
RINGS_WITHIN_S = {
    Fault.KILLED: 1.0,
    Fault.FROZEN: 5.0,
    Fault.BLOCKED: 3.0,
    Fault.HELD_UP: 3.0,
} | dict.fromkeys(WIRES, 5.0)
# What a caller may have to hear of nothing at all: a second, or the fail-safe's own time.
SILENT_AT_MOST_S = {
    Fault.KILLED: 1.0,
    Fault.FROZEN: 5.0,
    Fault.BLOCKED: 3.0,
    Fault.HELD_UP: 3.0,
} | dict.fromkeys(WIRES, 3.0)


@dataclass(slots=True)
class Diary:
    """The steps that one life of the exchange told over its control socket, while they happen."""

    steps: list[topics.StepLine] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def step(self, step: str, detail: str = "", within_s: float = SOON_S) -> topics.StepLine:
        """The first such step, come or to come; it is then forgotten."""
        try:
            async with asyncio.timeout(within_s):
                return await self._next(step, detail)
        except TimeoutError:
            seen = [f"{told.call[:4]} {told.step} {told.detail}" for told in self.steps]
            raise AssertionError(f"no {step!r} within {within_s:g} s, but {seen}") from None

    async def _next(self, step: str, detail: str) -> topics.StepLine:
        while True:
            for told in self.steps:
                if told.step == step and detail in told.detail:
                    self.steps.remove(told)
                    return told
            self._news.clear()
            await self._news.wait()

    async def keep(self, reader: asyncio.StreamReader) -> None:
        """Write down until the exchange ends."""
        while line := await reader.readline():
            self.steps.append(topics.StepLine.model_validate(json.loads(line)["reply"]))
            self._news.set()


@asynccontextmanager
async def diary(socket: Path) -> AsyncIterator[Diary]:
    """Follows a running exchange for as long as the context lasts."""
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(topics.WatchRequest().model_dump_json().encode() + b"\n")
    kept = Diary()
    keeping = asyncio.create_task(kept.keep(reader))
    try:
        yield kept
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        writer.close()


@dataclass(slots=True)
class Watched:
    """An exchange under its watchdog, behind a line to Asterisk that can be spoilt."""

    here: Town
    line: BadLine
    supervisor: Supervisor
    diary: Diary
    known: frozenset[str]  # calls that the ledger held before

    async def strike(self, fault: Fault) -> float:
        """When the fault began."""
        if fault in WIRES:
            self.line.become(WIRES[fault])
        else:
            assert self.supervisor.pid is not None
            os.kill(self.supervisor.pid, SIGNALS[fault])
        return time.monotonic()

    async def mend(self, fault: Fault) -> None:
        """The fault ends, and the exchange has caught up with Asterisk again."""
        match fault:
            case Fault.KILLED | Fault.FROZEN | Fault.BLOCKED:
                await self.line.until(lambda line: line.times_caught_up >= 2)
            case Fault.HELD_UP:
                pass
            case Fault.AMI_CUT | Fault.AMI_BLACK_HOLED | Fault.AMI_SLOW | Fault.AMI_REFUSED:
                before = self.line.times_caught_up
                self.line.become(Wire.GOOD)
                await self.line.until(lambda line: line.times_caught_up > before)
            case _:
                assert_never(fault)

    def calls(self) -> list[CallSummary]:
        """What the ledger holds of the calls of this story."""
        reader = open_reader(self.here.place.calls_db)
        try:
            with reader.connect() as connection:
                recent = ledger.recent_calls(connection, 100)
                return [call for call in recent if call.call not in self.known]
        finally:
            reader.dispose()

    async def the_end(self, count: int = 1) -> list[CallSummary]:
        """All the story's calls, each ended; and the sum holds."""
        async with asyncio.timeout(SOON_S), diary(self.here.place.control_socket) as after:
            while len(calls := self.calls()) < count or any(not one.outcome for one in calls):
                # What was written before the exchange knew of this follower is only in the ledger.
                with suppress(AssertionError):
                    await after.step("outcome", within_s=0.5)
        status = await ask_async(
            self.here.place.control_socket, topics.STATUS, topics.StatusRequest()
        )
        assert status.balanced
        assert status.in_progress == 0
        assert len(calls) == count
        return calls


def build(home: Path) -> Town:
    """A small clinic, for whatever may befall it."""
    return town.build(home, site_text=SITE)


CELLS = [(fault, stage) for fault in Fault for stage in Stage]
# A caller who sends nothing at all is lost to Asterisk differently (asterisk.md).
MUTE_CELLS = [(fault, stage) for fault in (Fault.FROZEN, Fault.BLOCKED) for stage in Stage]


@asynccontextmanager
async def exchange(here: Town, fault: Fault | None = None) -> AsyncIterator[Watched]:
    """The real exchange, up and caught up with Asterisk; afterwards nothing of it runs."""
    can_block = fault in (Fault.BLOCKED, Fault.HELD_UP)
    async with BadLine(here.site.ports.ami) as line:
        keep_ports(here.place, replace(here.site.ports, ami=line.port))
        async with here.rehearsal.exchange(
            command=BLOCKABLE if can_block else EXCHANGE, told=print
        ) as supervisor:
            await line.until(lambda line: line.times_caught_up >= 1)
            async with diary(here.place.control_socket) as steps:
                watched = Watched(here, line, supervisor, steps, frozenset())
                watched.known = frozenset(call.call for call in watched.calls())
                try:
                    yield watched
                finally:  # a story that failed must not end the next one's too
                    await here.telco.asterisk.rx("channel request hangup all")
    assert running_for(here.place.home) == [], "something of ours outlived its supervisor"


def running_for(home: Path) -> list[int]:
    """Processes of ours that serve this site."""
    mark = f"CARELINE_HOME={home}".encode()
    return [
        int(process.name)
        for process in Path("/proc").iterdir()
        if process.name.isdigit() and mark in _environment(process)
    ]


def _environment(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:  # it has ended, or is another's
        return []


# ---- a caller's way ----


async def reach(stage: Stage, caller: LiveCall, up: Watched, speech: Path) -> None:
    """Bring the call to where the fault shall strike."""
    telco = up.here.telco
    match stage:
        case Stage.BEFORE:
            raise AssertionError("a call is not there before it comes")
        case Stage.MENU:
            await up.diary.step("menu")
        case Stage.QUEUE:
            await telco.behave(AGENT, Busy())
            await choose("1", caller, up)
            await up.diary.step("busy", AGENT)
        case Stage.RINGING:
            rang = len(telco.desks[AGENT].rings)
            await choose("1", caller, up)
            await up.diary.step("rings", AGENT)
            await telco.next_ring(AGENT, rang)
        case Stage.MESSAGE:
            await choose("2", caller, up)
            await up.diary.step("message", "main/message")
            await caller.press("#")  # the prompt is known
            await up.diary.step("recording")
            await caller.say(speech)
        case _:
            assert_never(stage)


async def choose(key: str, caller: LiveCall, up: Watched) -> None:
    """The caller hears the menu and presses a key, which is heard."""
    await up.diary.step("menu")
    await caller.press(key)
    await up.diary.step("digit", key)


async def joined(here: Town, up: Watched, speech: Path) -> tuple[LiveCall, Ring]:
    """A caller and the agent, who talk."""
    caller, ring = await picked_up(here, up, speech)
    await up.diary.step("joined")
    return caller, ring


async def at_the_desk(here: Town) -> int:
    """Somebody sits at the front desk; other phones ring and nobody comes. How often the front
    desk's has rung so far."""
    for desk in here.telco.desks:
        await here.telco.behave(desk, Silent())
    await here.telco.behave(FRONT_DESK, Answers(after_s=0.3))
    return len(here.telco.desks[FRONT_DESK].rings)


async def survives(
    here: Town, figures: Figures, fault: Fault, stage: Stage, speech: Path, *, speaks: bool
) -> None:
    """One cell of the matrix: the caller reaches a person in time, and the ledger knows it."""
    async with exchange(here, fault) as up:
        rang = await at_the_desk(here)
        said = speech if speaks else None
        if stage is Stage.BEFORE:
            struck = await up.strike(fault)
            caller = await here.telco.call(CLINIC, speaks=said)
            since = await soon(caller.answered)
            figures.at_most(MEANWHILE_S, since - struck, "came")
            if figures.missed:  # and may have met no fault any more
                await caller.hang_up()
                return
        else:
            caller = await here.telco.call(CLINIC, speaks=said)
            await reach(stage, caller, up, speech)
            since = await up.strike(fault)
            if speaks and stage is Stage.MESSAGE:
                await caller.speak(speech)
        allowed_s = RINGS_WITHIN_S[fault]
        ring = await here.telco.next_ring(FRONT_DESK, rang)
        figures.at_most(allowed_s, ring.at_s - since, "rang")
        await soon(ring.talked)
        await caller.hang_up()
        await soon(ring.ended)
        await up.mend(fault)
        if stage is Stage.RINGING:  # its phone does not ring on for a caller who is gone
            await soon(here.telco.desks[AGENT].rings[-1].ended)
        (call,) = await up.the_end()
        assert call.outcome == "failsafe"
        they_heard_each_other(here, figures, caller, ring, speaks=speaks)
        if speaks:
            silent_s = ear.longest_silence_s(caller.heard, since - caller.answered.result())
            # Who leaves a message hears nothing while speaking, until the fault is noticed.
            bearable_s = allowed_s if stage is Stage.MESSAGE else SILENT_AT_MOST_S[fault]
            figures.at_most(bearable_s, silent_s, "silence")


def they_heard_each_other(
    here: Town, figures: Figures, caller: LiveCall, ring: Ring, *, speaks: bool
) -> None:
    """Tones of both, each measured in what the other received."""
    hz = here.telco.desks[ring.desk].tone_hz
    figures.at_least(ear.HEARD_S, ear.tone_s(caller.heard, hz), "heard by the caller")
    if speaks:
        figures.at_least(ear.HEARD_S, ear.tone_s(ring.heard, CALLER_HZ), "heard at the desk")


async def talks_on(
    here: Town, figures: Figures, fault: Fault, speech: Path, *, agent_ends: bool
) -> None:
    """A talk does not notice the fault, and is known to have been one when it is over."""
    async with exchange(here, fault) as up:
        rang = await at_the_desk(here)
        caller, ring = await joined(here, up, speech)
        began = time.monotonic()
        await up.strike(fault)
        if fault in WIRES:
            connections = up.line.connections
            await up.line.until(lambda line: line.connections > connections)
        elif not agent_ends:
            await up.mend(fault)
        await soon(ring.talked)
        lasted_s = time.monotonic() - began
        if agent_ends:
            await here.telco.link.send("Hangup", ("Channel", ring.channel))
            await soon(caller.ended)
        else:
            await caller.hang_up()
            await soon(ring.ended)
        await up.mend(fault)
        (call,) = await up.the_end()
        assert call.outcome == "answered"
        heard_s = ear.tone_s(caller.heard, here.telco.desks[AGENT].tone_hz)
        figures.at_least(WHOLE * lasted_s, heard_s, "heard by the caller")
        figures.at_least(WHOLE * lasted_s, ear.tone_s(ring.heard, CALLER_HZ), "heard at the desk")
        assert len(here.telco.desks[FRONT_DESK].rings) == rang, "nobody else was rung"


async def dies_while_joining(here: Town, figures: Figures, speech: Path) -> None:
    """The exchange is killed between its two orders for a talk: Asterisk has joined the two and was
    never told what comes after."""
    async with exchange(here) as up:
        rang = await at_the_desk(here)
        up.line.snare(b"Variable: NEXT")
        caller, ring = await picked_up(here, up, speech)
        await up.line.until(lambda line: line.has_caught)
        await up.strike(Fault.KILLED)
        up.line.become(Wire.GOOD)
        await up.mend(Fault.KILLED)
        await soon(ring.talked)
        await here.telco.link.send("Hangup", ("Channel", ring.channel))
        await soon(caller.ended)
        (call,) = await up.the_end()
        assert call.outcome == "answered"
        they_heard_each_other(here, figures, caller, ring, speaks=True)
        assert len(here.telco.desks[FRONT_DESK].rings) == rang, "nobody was rung after the talk"


async def dies_before_joining(here: Town, figures: Figures, speech: Path) -> None:
    """The agent has picked up, and the exchange is killed before the two are joined."""
    async with exchange(here) as up:
        await at_the_desk(here)
        await here.telco.behave(FRONT_DESK, Silent())
        up.line.snare(b"Action: Bridge")
        caller, ring = await picked_up(here, up, speech)
        await up.line.until(lambda line: line.has_caught)
        await up.strike(Fault.KILLED)
        up.line.become(Wire.GOOD)
        await soon(ring.talked)
        await up.mend(Fault.KILLED)
        await caller.hang_up()
        await soon(ring.ended)
        (call,) = await up.the_end()
        they_heard_each_other(here, figures, caller, ring, speaks=True)
        silent_s = ear.longest_silence_s(caller.heard)
        figures.at_most(SILENT_AT_MOST_S[Fault.KILLED], silent_s, "silence")
        assert call.outcome in ("answered", "failsafe")


async def picked_up_while_held_up(here: Town, figures: Figures, speech: Path) -> None:
    """The agent picks up as the caller falls to the fail-safe, and the exchange hears of both
    late."""
    async with exchange(here, Fault.HELD_UP) as up:
        rang = await at_the_desk(here)
        for desk in (FRONT_DESK, AGENT):
            await here.telco.behave(desk, Silent())
        offered = len(here.telco.desks[AGENT].rings)
        caller = await here.telco.call(CLINIC, speaks=speech)
        await choose("1", caller, up)
        await up.diary.step("rings", AGENT)
        ring = await here.telco.next_ring(AGENT, offered)
        await up.strike(Fault.HELD_UP)
        await here.telco.next_ring(FRONT_DESK, rang)
        await here.telco.pick_up(ring)
        await up.diary.step("joined")
        await soon(ring.talked)
        assert not caller.ended.done()
        await caller.hang_up()
        await soon(ring.ended)
        (call,) = await up.the_end()
        assert call.outcome == "answered"
        they_heard_each_other(here, figures, caller, ring, speaks=True)


async def picked_up(here: Town, up: Watched, speech: Path) -> tuple[LiveCall, Ring]:
    """A caller for whom the agent has just picked up."""
    await here.telco.behave(AGENT, Answers(after_s=0.2))
    rang = len(here.telco.desks[AGENT].rings)
    caller = await here.telco.call(CLINIC, speaks=speech)
    await choose("1", caller, up)
    await up.diary.step("rings", AGENT)
    return caller, await here.telco.next_ring(AGENT, rang)


async def goes_on_after_a_hiccup(here: Town, figures: Figures, speech: Path) -> None:
    """The connection to Asterisk breaks for a moment, again and again: in the menu, while the
    agent's phone rings, and in the talk. Nobody is sent to the fail-safe for it."""
    async with exchange(here) as up:
        rang = await at_the_desk(here)
        await here.telco.behave(AGENT, Answers(after_s=1.0))
        offered = len(here.telco.desks[AGENT].rings)
        caller = await here.telco.call(CLINIC, speaks=speech)
        await up.diary.step("menu")
        await hiccup(up)
        await caller.press("1")
        ring = await here.telco.next_ring(AGENT, offered)
        await up.diary.step("rings", AGENT)
        await hiccup(up)
        await up.diary.step("joined")
        await hiccup(up)
        await soon(ring.talked)
        await here.telco.link.send("Hangup", ("Channel", ring.channel))
        await soon(caller.ended)
        (call,) = await up.the_end()
        assert call.outcome == "answered"
        they_heard_each_other(here, figures, caller, ring, speaks=True)
        figures.at_most(1.0, ear.longest_silence_s(caller.heard), "silence")
        assert len(here.telco.desks[FRONT_DESK].rings) == rang


async def hiccup(up: Watched) -> None:
    """Every connection breaks, and the exchange has caught up again."""
    before = up.line.times_caught_up
    up.line.hang_up()
    await up.line.until(lambda line: line.times_caught_up > before)


async def closes_a_stranger(here: Town, figures: Figures) -> None:
    """Audio that Asterisk never announced is let go of after two seconds."""
    async with exchange(here):
        came = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", here.site.ports.engine)
        writer.write(STRANGER)
        async with asyncio.timeout(SOON_S):
            while await reader.read(4096):  # the engine's silence, until it closes
                pass
        stayed_s = time.monotonic() - came
        assert stayed_s >= 1.9
        figures.at_most(2.6, stayed_s, "stayed")
        writer.close()


async def outlives_asterisk(here: Town, figures: Figures, speech: Path) -> None:
    """The clinic's Asterisk is killed with a caller in the menu and one in a talk, and comes back:
    both calls are settled, and the next caller is served by the same exchange."""
    async with exchange(here) as up:
        await at_the_desk(here)
        talker, _ = await joined(here, up, speech)
        listener = await here.telco.call(CLINIC, speaks=speech)
        await up.diary.step("menu")
        lives, caught_up = up.supervisor.starts, up.line.times_caught_up
        await here.clinic.kill()
        await here.clinic.start()
        await up.line.until(lambda line: line.times_caught_up > caught_up)
        outcomes = sorted(str(call.outcome) for call in await up.the_end(count=2))
        assert outcomes[0] == "answered"
        for gone in (talker, listener):
            await gone.hang_up()
        await here.telco.desks_registered()
        caller, ring = await joined(here, up, speech)
        await soon(ring.talked)
        await caller.hang_up()
        assert len(await up.the_end(count=3)) == 3
        they_heard_each_other(here, figures, caller, ring, speaks=True)
        assert up.supervisor.starts == lives, "the exchange had no reason to end"
