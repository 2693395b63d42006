"""One modem's calls as Asterisk's legs have them, on a simulated modem behind pseudo-terminals."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from firmware.asterisk import modem_dialplan
from firmware.modem_leg import AUDIO, HEAD, UUID, Leg
from firmware.modem_line import CAUSES, NO_CIRCUIT, ModemLine
from firmware.modem_sound import FRAME_SAMPLES, Keys
from hw.modem.events import Ending
from hw.modem.simulated_port import SimulatedPort
from hw.modem.simulator import SimulatedModem
from ivr.plan import Modem
from routing_core import audio

WITHIN_S = 30.0
MOBILE = "+12025550142"
SILENCE = bytes(2 * FRAME_SAMPLES)


@dataclass
class Asterisk:
    """The far end of the legs: it connects when it is told to, and hears what is said."""

    port: int = 0
    heard: bytearray = field(default_factory=bytearray)
    writer: asyncio.StreamWriter | None = None
    is_let_go: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def bring(self, name: str, _number: str | None) -> None:
        reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(HEAD.pack(UUID, 16) + uuid.UUID(name).bytes)
        self.tasks.add(asyncio.create_task(self._listen(reader)))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                kind, length = HEAD.unpack(await reader.readexactly(HEAD.size))
                payload = await reader.readexactly(length)
            except (asyncio.IncompleteReadError, OSError):
                self.is_let_go = True
                return
            if kind == AUDIO:
                self.heard += payload

    def say(self, frame: bytes) -> None:
        assert self.writer is not None
        self.writer.write(HEAD.pack(AUDIO, len(frame)) + frame)


@dataclass
class Story:
    """A line, its modem, and Asterisk."""

    line: ModemLine
    port: SimulatedPort
    asterisk: Asterisk
    line_takes: Callable[[Leg], Coroutine[Any, Any, None]]

    async def until(self, holds: Callable[[], object]) -> None:
        """Looked at as often as the loop turns, for the modem and Asterisk have tasks of theirs."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def look() -> None:
            if not done.done() and holds():
                done.set_result(None)
            elif not done.done():
                loop.call_later(0.005, look)

        look()
        async with asyncio.timeout(WITHIN_S):
            await done

    async def called(self) -> None:
        """Somebody calls, and is through."""
        self.port.modem.network.ring(MOBILE)
        await self.until(lambda: self.line.call and self.line.call.leg and self.line.call.voice)

    async def hang_up(self) -> None:
        self.port.modem.far_hangs_up(asyncio.get_running_loop().time())
        await self.until(lambda: self.line.call is None)


@asynccontextmanager
async def a_line(folder: Path) -> AsyncIterator[Story]:
    tasks: set[asyncio.Task[None]] = set()

    def start(work: Coroutine[Any, Any, None]) -> None:
        tasks.add(asyncio.create_task(work))

    port, asterisk = SimulatedPort(SimulatedModem(), folder), Asterisk()

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        leg = await Leg.taken(reader, writer)
        start(story.line_takes(leg))

    server = await asyncio.start_server(come, "127.0.0.1", 0)
    asterisk.port = server.sockets[0].getsockname()[1]
    line = ModemLine(
        Modem("mobile", port.at_path, port.voice_path),
        pin=None,
        is_ready=lambda: True,
        bring=asterisk.bring,
        answered=lambda: None,
        start=start,
    )
    start(line.run())
    story = Story(line, port, asterisk, line.take)
    try:
        await story.until(lambda: line.stand == "registered")
        yield story
    finally:
        for task in (*tasks, *asterisk.tasks):
            task.cancel()
        await asyncio.gather(*tasks, *asterisk.tasks, return_exceptions=True)
        server.close()
        port.pull_out()


def test_a_second_caller_is_heard_though_the_first_never_said_a_word(tmp_path: Path) -> None:
    async def story() -> None:
        async with a_line(tmp_path) as here:
            await here.called()
            await here.hang_up()
            await here.called()
            said = bytes(audio.tone(1000, dbm0=-15, ms=20).astype("<i2"))

            def far_is_heard() -> bool:
                here.port.far_says(said)
                return said in here.asterisk.heard

            def asterisk_is_heard() -> bool:
                here.asterisk.say(said)
                return said in here.port.heard

            await here.until(far_is_heard)
            await here.until(asterisk_is_heard)
            assert here.line.voice_fault == ""

    asyncio.run(story())


def test_a_key_of_a_telephone_is_told_and_its_tones_go_no_further() -> None:
    pause = np.zeros(1600, np.int16)
    said = np.concatenate((pause, audio.digit("7", ms=100), pause))
    keys, passed, pressed = Keys(), b"", ""
    for start in range(0, len(said), FRAME_SAMPLES):
        frame, began = keys.passed(bytes(said[start : start + FRAME_SAMPLES].astype("<i2")))
        passed, pressed = passed + frame, pressed + began
    heard = np.frombuffer(passed, "<i2")
    assert pressed == "7"
    # What is left of it is too short for any other detector (Q.24: 40 ms at least).
    assert np.count_nonzero(np.abs(heard) > 500) < 0.04 * 8000


def test_a_voice_goes_on_as_it_came_forty_milliseconds_later() -> None:
    said = audio.tone(1000, dbm0=-15, ms=500)
    keys = Keys()
    passed = b"".join(
        keys.passed(bytes(said[start : start + FRAME_SAMPLES].astype("<i2")))[0]
        for start in range(0, len(said), FRAME_SAMPLES)
    )
    heard = np.frombuffer(passed, "<i2")
    assert np.array_equal(heard[320:], said[:-320])
    assert not heard[:320].any()


def test_the_box_calls_by_a_modem_one_at_a_time_and_lets_go_of_what_it_does_not_want_any_more(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with a_line(tmp_path) as here:
            network, came = here.port.modem.network, list[str]()
            rung = here.line.call_for_box("2025550171", came.append)
            here.line.call_for_box("2025550172", came.append)
            assert came == [NO_CIRCUIT]
            await here.until(lambda: network.dialled == ["2025550171"])
            here.line.let_go(rung)
            await here.until(lambda: not network.calls and here.line.call is None)
            here.line.call_for_box("2025550172", came.append)
            await here.until(lambda: len(network.dialled) == 2)
            here.port.modem.far_hangs_up(asyncio.get_running_loop().time(), "BUSY")
            await here.until(lambda: here.line.call is None)
            assert came[-1] == CAUSES[Ending.BUSY]

    asyncio.run(story())


def test_a_leg_that_comes_after_whom_the_box_called_has_gone_is_let_go(tmp_path: Path) -> None:
    async def story() -> None:
        async with a_line(tmp_path) as here:
            late = uuid.UUID(hex=modem_dialplan.mark("mobile") + "d2025550171".ljust(24, "f"))
            wanted = modem_dialplan.wanted(str(late))
            assert wanted is not None
            here.line_takes = lambda leg: here.line.dial(leg, wanted)
            await here.asterisk.bring(str(late), None)
            await here.until(lambda: here.asterisk.is_let_go)

    asyncio.run(story())
