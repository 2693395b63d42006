"""The driver on a real port: a pseudo-terminal with a simulated modem behind it, in real time."""

import asyncio
import math
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hw.modem.commands import Answer, Dial, Keep, SendDigits, SendSms
from hw.modem.events import (
    CallEnded,
    Connected,
    DigitHeard,
    Ending,
    Event,
    ReportCame,
    Ringing,
    SmsCame,
    SmsSent,
    Stand,
    StandChanged,
)
from hw.modem.modem import Modem
from hw.modem.port import PortError, check_path, close_port, modems, open_port
from hw.modem.simulated_network import Network
from hw.modem.simulated_port import SimulatedPort
from hw.modem.simulator import Maker, SimulatedModem
from hw.modem.voice import FRAME_BYTES, Voice

PATIENT = "+15555550123"
WITHIN_S = 30.0
HOME = StandChanged(Stand.HOME)


class Asker:
    """Whoever uses the driver."""

    def __init__(self, port: SimulatedPort) -> None:
        self.port = port
        self.network = port.modem.network
        self.told: list[Event] = []
        self._changed = asyncio.Event()
        self.modem = Modem(port.at_path, self._hear)
        port.changed = self._changed.set

    def _hear(self, event: Event) -> None:
        self.told.append(event)
        self._changed.set()

    async def until(self, happens: Callable[[], object]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not happens():
                self._changed.clear()
                await self._changed.wait()

    async def event(self, kind: type[Event], after: int = 0) -> Any:
        await self.until(lambda: [one for one in self.told[after:] if isinstance(one, kind)])
        return next(one for one in self.told[after:] if isinstance(one, kind))


@asynccontextmanager
async def clinic(folder: Path, maker: Maker = Maker.QUECTEL) -> AsyncIterator[Asker]:
    """A clinic with a registered modem."""
    asker = Asker(SimulatedPort(SimulatedModem(maker, Network()), folder))
    running = asyncio.create_task(asker.modem.run())
    try:
        await asker.until(lambda: HOME in asker.told)
        yield asker
    finally:
        running.cancel()
        await asyncio.wait([running])
        asker.port.pull_out()


def story(tell: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(tell())


@pytest.mark.parametrize("maker", Maker)
def test_a_caller_talks_with_us_over_the_modem(maker: Maker, tmp_path: Path) -> None:
    """A tone each way over the PCM port, and a key each way."""

    async def tell() -> None:
        async with clinic(tmp_path, maker) as asker:
            asker.network.ring(PATIENT)
            ringing = await asker.event(Ringing)
            assert ringing.number == PATIENT
            asker.modem.order(Answer(ringing.call))
            await asker.event(Connected)
            async with Voice(asker.port.voice_path) as voice:
                await talk(asker, voice)
            asker.port.modem.far_presses("7", asyncio.get_running_loop().time())
            assert (await asker.event(DigitHeard)).digit == "7"
            asker.modem.order(SendDigits(ringing.call, "4"))
            asker.port.modem.far_hangs_up(asyncio.get_running_loop().time())
            assert (await asker.event(CallEnded)).ending is Ending.HUNG_UP

    story(tell)


async def talk(asker: Asker, voice: Voice) -> None:
    """A fifth of a second of a tone, there and back."""
    samples = tone(440.0)
    asker.port.far_says(samples)
    came = bytearray()
    async with asyncio.timeout(WITHIN_S):
        async for frame in voice:
            assert len(frame) == FRAME_BYTES
            came += frame
            voice.play(frame)
            if len(came) == len(samples):
                break
        assert bytes(came) == samples
    await asker.until(lambda: len(asker.port.heard) == len(samples))
    assert bytes(asker.port.heard) == samples


def tone(hertz: float) -> bytes:
    count = 10 * FRAME_BYTES // 2
    turn = 2 * math.pi * hertz / 8000
    return struct.pack(f"<{count}h", *(int(8000 * math.sin(turn * at)) for at in range(count)))


@pytest.mark.parametrize("maker", Maker)
def test_texts_go_both_ways_and_are_reported(maker: Maker, tmp_path: Path) -> None:
    async def tell() -> None:
        async with clinic(tmp_path, maker) as asker:
            asker.modem.order(SendSms("s1", PATIENT, "We open at nine. ¡Hasta mañana!"))
            assert (await asker.event(SmsSent)).sms == "s1"
            asker.network.text(PATIENT, "STOP", asyncio.get_running_loop().time())
            came = await asker.event(SmsCame)
            assert (came.number, came.text) == (PATIENT, "STOP")
            report = await asker.event(ReportCame)
            assert report.sms == "s1"
            asker.modem.order(Keep(came.slots + report.slots))
            asker.modem.order(SendSms("s2", PATIENT, "Good-bye."))
            after = len(asker.told)
            await asker.event(SmsSent, after)
            assert asker.network.memories["ME"] == {}

    story(tell)


def test_a_modem_that_is_pulled_out_in_a_call_loses_it_and_carries_on_when_it_is_back(
    tmp_path: Path,
) -> None:
    async def tell() -> None:
        async with clinic(tmp_path) as asker:
            asker.modem.order(Dial("c1", "5550188"))
            await asker.until(lambda: asker.network.dialled)
            asker.port.pull_out()
            await asker.until(lambda: StandChanged(Stand.ABSENT) in asker.told)
            assert CallEnded("c1", Ending.LOST) in asker.told
            asker.network.end_all()
            after = len(asker.told)
            asker.network.text(PATIENT, "are you there?", asyncio.get_running_loop().time())
            asker.port.plug_in()
            assert (await asker.event(SmsCame, after)).text == "are you there?"

    story(tell)


def test_a_modem_has_one_owner(tmp_path: Path) -> None:
    async def tell() -> None:
        async with clinic(tmp_path) as asker:
            with pytest.raises(PortError, match="cannot be opened"):
                open_port(asker.port.at_path)
        port = SimulatedPort(SimulatedModem(), tmp_path)
        close_port(open_port(port.at_path))
        close_port(open_port(port.at_path))
        port.pull_out()

    story(tell)


def test_a_modem_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    async def tell() -> None:
        port = SimulatedPort(SimulatedModem(), tmp_path)
        port.pull_out()
        asker = Asker(port)
        running = asyncio.create_task(asker.modem.run())
        await asyncio.sleep(0)
        with pytest.raises(PortError, match="No such file"):
            open_port(port.at_path)
        port.plug_in()
        await asker.until(lambda: HOME in asker.told)
        running.cancel()
        await asyncio.wait([running])
        port.pull_out()

    story(tell)


@pytest.mark.parametrize("path", ["/dev/ttyUSB2", "/dev/ttyACM0", "/dev/ttyS1"])
def test_a_port_s_number_is_refused_with_the_cure(path: str) -> None:
    with pytest.raises(ValueError, match="by-path"):
        check_path(path)


def test_modems_that_are_plugged_in_are_found_by_what_they_are(tmp_path: Path) -> None:
    """A SIM7600 with its five ports and a printer, as /sys and /dev have them."""
    usb = tmp_path / "sys/devices/usb1"
    for device, vendor, product, ports in (
        ("1-1", "1e0e", "9001", range(5)),
        ("1-2", "067b", "2303", range(1)),
    ):
        (usb / device).mkdir(parents=True)
        (usb / device / "idVendor").write_text(f"{vendor}\n")
        (usb / device / "idProduct").write_text(f"{product}\n")
        for number in ports:
            plug(tmp_path, usb / device, number)
    found = modems(tmp_path)
    assert [one.dialect.name for one in found] == ["SIMCom SIM7600"]
    assert Path(found[0].at_path).name == "usb-1-1-port2"
    assert Path(found[0].voice_path or "").name == "usb-1-1-port4"
    assert modems(tmp_path / "nothing") == []


def plug(root: Path, device: Path, number: int) -> None:
    name = f"ttyUSB{device.name[-1]}{number}"
    interface = device / f"{device.name}:1.{number}"
    (interface / name).mkdir(parents=True)
    (interface / "bInterfaceNumber").write_text(f"{number:02x}\n")
    (root / "sys/class/tty" / name).mkdir(parents=True)
    (root / "sys/class/tty" / name / "device").symlink_to(interface / name)
    links = root / "dev/serial/by-path"
    links.mkdir(parents=True, exist_ok=True)
    (root / "dev" / name).touch()
    (links / f"usb-{device.name}-port{number}").symlink_to(root / "dev" / name)
