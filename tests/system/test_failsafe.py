"""Whatever becomes of our programs, somebody's phone rings: static dialplan on a real Asterisk."""

import asyncio
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware.asterisk.dialplan import Timing
from firmware.asterisk.sandbox import ENTER, Asterisk, AsteriskError, Sandboxed
from firmware.asterisk.telco import Answers, Busy, LiveCall, Refuses, Silent
from tests.system import ear, town
from tests.system.town import Figures, Town, soon

RINGS_WITHIN_S = 1.0
SILENCE_AT_MOST_S = 1.0
CALLER_HZ = 2500
# The fail-safe's own steps, for a test that cannot wait a minute for the next round.
BRISK = Timing(front_desk_s=2, everybody_s=2)
CLINIC = "2025550100"

# Three in the exchange's place: each is at Asterisk's manager, and has a door.
PRESENT = """
import socket, sys
door = socket.create_server(("127.0.0.1", int(sys.argv[1])))
manager = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
login = ("Action: Login", "Username: careline", "Secret: " + sys.argv[3], "Events: off", "", "")
manager.sendall("\\r\\n".join(login).encode())
answer = b""
while b"accepted" not in answer:
    answer += manager.recv(4096)
print("listening", flush=True)
"""
# One that takes the connection, reads, and answers with silence.
ENGINE = (
    PRESENT
    + """
caller, _ = door.accept()
caller.recv(64)
print("caller", flush=True)
while True:
    caller.sendall(b"\\x10\\x01\\x40" + bytes(320))
    caller.recv(4096)
"""
)
# One that holds the caller, and closes the door on the agent's leg.
DROPPING = (
    PRESENT
    + """
caller, _ = door.accept()
caller.recv(64)
door.settimeout(0.02)
while True:
    caller.sendall(b"\\x10\\x01\\x40" + bytes(320))
    try:
        door.accept()[0].close()
    except TimeoutError:
        pass
"""
)
# One that takes the connection and closes it at once.
REFUSING = (
    PRESENT
    + """
while True:
    door.accept()[0].close()
"""
)


@contextmanager
def running(program: str, here: Town) -> Iterator[subprocess.Popen[str]]:
    """A process in the engine's place, listening."""
    ports = (str(here.site.ports.engine), str(here.site.ports.ami))
    process = subprocess.Popen(
        [sys.executable, "-c", program, *ports, here.secrets.ami],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "listening\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def brisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town whose fail-safe rings for seconds."""
    with town.build(tmp_path_factory.mktemp("brisk"), timing=BRISK) as standing:
        yield standing


@pytest.fixture(params=["who speaks all the while", "who sends nothing"])
def speaks(request: pytest.FixtureRequest, speech_tone: Path) -> Path | None:
    """The two callers that Asterisk treats differently."""
    return speech_tone if request.param.startswith("who speaks") else None


async def picked_up(
    here: Town, figures: Figures, caller: LiveCall, before: int, since_s: float
) -> None:
    """The front desk rings in time, answers, and each hears the other."""
    ring = await here.telco.next_ring("101", before)
    figures.at_most(RINGS_WITHIN_S, ring.at_s - since_s, "rang")
    await soon(ring.talked)
    await caller.hang_up()
    await soon(ring.ended)
    hz = here.telco.desks["101"].tone_hz
    figures.at_least(ear.HEARD_S, ear.tone_s(caller.heard, hz), "heard by the caller")
    figures.at_most(SILENCE_AT_MOST_S, ear.longest_silence_s(caller.heard), "silence")
    if ear.tone_s(caller.said, CALLER_HZ):
        heard_s = ear.tone_s(ring.heard, CALLER_HZ)
        figures.at_least(ear.HEARD_S, heard_s, "heard at the desk")


async def at_the_desk(here: Town) -> int:
    """Somebody sits at 101, nobody at the other phones; how often 101 has rung so far."""
    for desk in here.telco.desks:
        await here.telco.behave(desk, Silent())
    await here.telco.behave("101", Answers(after_s=0.5))
    return len(here.telco.desks["101"].rings)


def test_with_no_exchange_the_front_desk_rings_within_a_second(
    here: Town, speaks: Path | None
) -> None:
    async def story(figures: Figures) -> None:
        before = await at_the_desk(here)
        caller = await here.telco.call(CLINIC, speaks=speaks)
        answered = await soon(caller.answered)
        await picked_up(here, figures, caller, before, answered)
        # Refused, its AudioSocket would close what belongs to other calls (ABSENT in dialplan.py).
        assert "AudioSocket" not in (here.place.asterisk / "log" / "errors").read_text()

    here.run_on_time(story)


def test_an_exchange_that_closes_the_door_costs_no_second(here: Town, speaks: Path | None) -> None:
    async def story(figures: Figures) -> None:
        before = await at_the_desk(here)
        caller = await here.telco.call(CLINIC, speaks=speaks)
        answered = await soon(caller.answered)
        await picked_up(here, figures, caller, before, answered)

    with running(REFUSING, here):
        here.run_on_time(story)


def test_an_exchange_killed_in_mid_call_leaves_a_ringing_phone(
    here: Town, speaks: Path | None
) -> None:
    async def story(figures: Figures) -> None:
        with running(ENGINE, here) as exchange:
            before = await at_the_desk(here)
            caller = await here.telco.call(CLINIC, speaks=speaks)
            assert exchange.stdout is not None
            assert await asyncio.to_thread(exchange.stdout.readline) == "caller\n"
            exchange.send_signal(signal.SIGKILL)
            await picked_up(here, figures, caller, before, time.monotonic())

    here.run_on_time(story)


def test_the_exchange_hears_of_a_call_that_fell_to_the_failsafe(here: Town) -> None:
    async def story() -> None:
        before = await at_the_desk(here)
        async with here.told() as told:
            caller = await here.telco.call(CLINIC, number="2025550123", name="Alice")
            arrived = await told.user_event("CareLineCall")
            fell = await told.user_event("CareLineFailsafe")
            await here.telco.next_ring("101", before)
            await caller.hang_up()
        assert arrived["CallUUID"] == fell["CallUUID"]
        assert (arrived["Line"], arrived["Dialled"]) == ("main", CLINIC)
        assert (arrived["CallerIDNum"], arrived["CallerIDName"]) == ("2025550123", "Alice")

    here.run(story())


def test_a_busy_and_a_refusing_front_desk_make_every_phone_ring(here: Town) -> None:
    async def story() -> None:
        await at_the_desk(here)
        await here.telco.behave("101", Busy())
        await here.telco.behave("102", Refuses())
        await here.telco.behave("106", Answers(after_s=0.5))
        before = len(here.telco.desks["106"].rings)
        caller = await here.telco.call(CLINIC)
        ring = await here.telco.next_ring("106", before)
        await soon(ring.talked)
        await caller.hang_up()
        assert ear.tone_s(caller.heard, here.telco.desks["106"].tone_hz) > ear.HEARD_S

    here.run(story())


def test_a_silent_front_desk_is_rung_first_and_then_everybody_again_and_again(
    brisk: Town,
) -> None:
    async def story(figures: Figures) -> None:
        telco = brisk.telco
        await telco.behave("101", Silent())
        rang_101, rang_106 = (len(telco.desks[each].rings) for each in ("101", "106"))
        caller = await telco.call(CLINIC)
        first = await telco.next_ring("101", rang_101)
        others = await telco.next_ring("106", rang_106)
        figures.at_least(BRISK.front_desk_s - 0.5, others.at_s - first.at_s, "the desk alone")
        again = await telco.next_ring("101", rang_101 + 2)
        assert again.at_s > others.at_s
        await caller.hang_up()
        figures.at_most(SILENCE_AT_MOST_S, ear.longest_silence_s(caller.heard), "silence")

    brisk.run_on_time(story)


def test_with_no_phone_at_all_the_caller_hears_music_until_one_is_back(brisk: Town) -> None:
    async def story(figures: Figures) -> None:
        telco = brisk.telco
        for desk in telco.desks:
            await telco.unplug(desk)
        before = await at_the_desk(brisk)
        caller = await telco.call(CLINIC)
        await soon(caller.answered)
        await telco.desks_registered()
        ring = await telco.next_ring("101", before)
        await soon(ring.talked)
        await caller.hang_up()
        figures.at_most(SILENCE_AT_MOST_S, ear.longest_silence_s(caller.heard), "silence")

    brisk.run_on_time(story)


def test_an_agent_who_picks_up_after_the_engine_died_has_the_caller(here: Town) -> None:
    """The offer's leg had been ringing at 103 when the exchange was killed."""

    async def story(exchange: subprocess.Popen[str]) -> None:
        await at_the_desk(here)
        await here.telco.behave("101", Silent())
        await here.telco.behave("103", Answers(after_s=3))
        rang_101 = len(here.telco.desks["101"].rings)
        rang_103 = len(here.telco.desks["103"].rings)
        async with here.told() as told:
            caller = await here.telco.call(CLINIC)
            arrived = await told.user_event("CareLineCall")
            offer = str(uuid.uuid4())
            await told.link.send(
                "Originate", ("Channel", "PJSIP/103"), ("ChannelId", offer),
                ("Context", "agent"), ("Exten", "s"), ("Priority", "1"), ("Async", "true"),
                ("Variable", f"AGENTUUID={offer}"),
                ("Variable", f"CALLERCHAN={arrived['Channel']}"),
            )  # fmt: skip
            ring = await here.telco.next_ring("103", rang_103)
        exchange.kill()
        desk = await here.telco.next_ring("101", rang_101)
        await soon(ring.talked)
        await soon(desk.ended)
        assert desk.ended.result() - desk.at_s < Timing().front_desk_s, "nobody rings on"
        await here.telco.link.send("Hangup", ("Channel", ring.channel))
        await soon(caller.ended)
        assert ear.tone_s(caller.heard, here.telco.desks["103"].tone_hz) > ear.HEARD_S

    with running(ENGINE, here) as exchange:
        here.run(story(exchange))


def test_an_agents_leg_does_not_take_back_a_caller_whose_talk_is_over(here: Town) -> None:
    """The caller's channel may be ending at this very moment: whoever then joins it holds on to a
    channel that nobody will ever hang up."""

    async def story() -> None:
        await at_the_desk(here)
        await here.telco.behave("103", Answers())
        before = len(here.telco.desks["103"].rings)
        async with here.told() as told:
            caller = await here.telco.call(CLINIC)
            channel = (await told.user_event("CareLineCall"))["Channel"]
            talked = (("Channel", channel), ("Variable", "NEXT"), ("Value", "talked"))
            await told.link.send("Setvar", *talked)
            offer = str(uuid.uuid4())
            await told.link.send(
                "Originate", ("Channel", "PJSIP/103"), ("ChannelId", offer),
                ("Context", "agent"), ("Exten", "s"), ("Priority", "1"), ("Async", "true"),
                ("Variable", f"AGENTUUID={offer}"), ("Variable", f"CALLERCHAN={channel}"),
            )  # fmt: skip
            ring = await here.telco.next_ring("103", before)
            await soon(ring.ended)
            await caller.hang_up()

    with running(DROPPING, here):
        here.run(story())


class OnReadOnly:
    """Asterisk as it is launched for a site, on a disk that the kernel has made read-only."""

    def __init__(self, launch: Sandboxed) -> None:
        self.site, self.prompts, self.modules = launch.site, launch.prompts, launch.modules
        self._launch = launch

    def command(self, *arguments: str) -> list[str]:
        bound = 'mount --bind "$site" "$root/site"\n'
        assert bound in ENTER
        sealed = ENTER.replace(bound, f'{bound}mount -o remount,bind,ro "$root/site"\n')
        words = self._launch.command(*arguments)
        return [sealed if word == ENTER else word for word in words]


def test_asterisk_starts_on_a_read_only_disk_and_rings_the_front_desk_and_911_goes_out(
    brisk: Town,
) -> None:
    async def story() -> None:
        await at_the_desk(brisk)
        await brisk.clinic.stop()
        sealed = Asterisk(OnReadOnly(brisk.launch))
        await sealed.start()
        try:
            with pytest.raises(AsteriskError, match="cannot be asked"):
                await sealed.rx("core show uptime")  # not even its own socket could be made
            await brisk.telco.desks_registered()
            rang = len(brisk.telco.desks["101"].rings)
            caller = await brisk.telco.call(CLINIC)
            ring = await brisk.telco.next_ring("101", rang)
            await soon(ring.talked)
            await caller.hang_up()
            emergency = await brisk.telco.dial("104", "911")
            await soon(emergency.answered)
            await emergency.hang_up()
        finally:
            await sealed.stop()
            await brisk.clinic.start()

    brisk.run(story())
