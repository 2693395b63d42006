"""Pins, a USB board on a pseudo-terminal and the fake: one contract, unplugged at every step."""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import pytest

from hw.backoff import Backoff
from hw.panel.board import BoardPort
from hw.panel.board_simulator import BoardSimulator
from hw.panel.board_wire import LINE_MOST, Lines, packed
from hw.panel.events import (
    ButtonPressed,
    ButtonReleased,
    Changed,
    Closing,
    DoorClosed,
    DoorOpened,
    DoorRefused,
    Event,
    PanelFound,
    PanelLost,
    Turn,
)
from hw.panel.fake import FakePort
from hw.panel.fake_pins import FakeChip
from hw.panel.gpio import GpioPort
from hw.panel.panel import Panel
from hw.panel.patterns import Pattern
from hw.panel.port import Port, PortGoneError
from hw.panel.wall import Layout

DEADLINE_S = 10.0
WIRING = {"alarm": "lamp1", "front": "relay1", "open": "button1"}
PINS = {"alarm": 17, "front": 27, "open": 22}


class Device(Protocol):
    """A panel's hardware in a story's hands; the names are the clinic's."""

    port: Port

    @abstractmethod
    def touch(self, button: str, is_down: bool) -> None: ...

    @abstractmethod
    def is_lit(self, output: str) -> bool: ...

    @abstractmethod
    def plug(self) -> None: ...

    @abstractmethod
    def unplug(self) -> None: ...


class OnPins(Device):
    def __init__(self, _home: Path) -> None:
        self.chip = FakeChip()
        outputs = {name: PINS[name] for name in ("alarm", "front")}
        self.port = GpioPort("/dev/gpiochip0", outputs, {"open": PINS["open"]}, self.chip)

    def touch(self, button: str, is_down: bool) -> None:
        self.chip.touch(PINS[button], is_down)

    def is_lit(self, output: str) -> bool:
        return self.chip.lit.get(PINS[output], False)

    def plug(self) -> None:
        self.chip.plug()

    def unplug(self) -> None:
        self.chip.unplug()


class OnBoard(Device):
    def __init__(self, home: Path) -> None:
        place = home / "panel"
        self.board = BoardSimulator(place, ("lamp1", "relay1"), ("button1",))
        self.port = BoardPort(str(place), WIRING, answer_s=0.3, ask_after_s=0.1)

    def touch(self, button: str, is_down: bool) -> None:
        self.board.touch(WIRING[button], is_down)

    def is_lit(self, output: str) -> bool:
        return self.board.is_lit(WIRING[output])

    def plug(self) -> None:
        self.board.plug()

    def unplug(self) -> None:
        self.board.unplug()


class InMemory(Device):
    def __init__(self, _home: Path) -> None:
        self.fake = FakePort(("alarm", "front"), ("open",))
        self.port = self.fake

    def touch(self, button: str, is_down: bool) -> None:
        self.fake.touch(button, is_down)

    def is_lit(self, output: str) -> bool:
        return self.fake.is_lit(output)

    def plug(self) -> None:
        self.fake.plug()

    def unplug(self) -> None:
        self.fake.unplug()


Make = Callable[[Path], Device]


@pytest.fixture(params=[OnPins, OnBoard, InMemory], ids=["pins", "board", "fake"])
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param
    return made


def tell(story: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await story()

    asyncio.run(within())


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  the device has no event to wait for; `tell` has the deadline
        await asyncio.sleep(0)


def test_a_lamp_burns_a_relay_draws_and_a_button_is_felt(make: Make, tmp_path: Path) -> None:
    async def story() -> None:
        device = make(tmp_path)
        device.plug()
        assert await device.port.open() == frozenset()
        await device.port.turn(Turn("alarm", True))
        await device.port.turn(Turn("front", True, 5.0))
        assert device.is_lit("alarm")
        assert device.is_lit("front")
        await device.port.turn(Turn("alarm", False))
        assert not device.is_lit("alarm")
        device.touch("open", True)
        device.touch("open", False)
        assert await device.port.next_change() == Changed("open", True)
        assert await device.port.next_change() == Changed("open", False)
        with pytest.raises(KeyError):
            await device.port.turn(Turn("nowhere", True))
        device.port.close()
        device.port.close()
        await until(lambda: not device.is_lit("front"))

    tell(story)


def test_what_is_held_at_the_beginning_is_told_and_outputs_are_off(
    make: Make, tmp_path: Path
) -> None:
    async def story() -> None:
        device = make(tmp_path)
        device.plug()
        await device.port.open()
        await device.port.turn(Turn("alarm", True))
        device.touch("open", True)
        await device.port.next_change()
        assert await device.port.open() == {"open"}
        assert not device.is_lit("alarm")
        device.port.close()

    tell(story)


def test_unplugged_at_each_step_it_says_so_and_is_of_use_when_it_is_back(
    make: Make, tmp_path: Path
) -> None:
    async def story() -> None:
        device = make(tmp_path)
        device.unplug()
        with pytest.raises(PortGoneError):
            await device.port.open()
        device.plug()
        await device.port.open()
        device.unplug()
        with pytest.raises(PortGoneError):
            await device.port.turn(Turn("alarm", True))
        device.port.close()
        device.plug()
        await device.port.open()
        waits = asyncio.ensure_future(device.port.next_change())
        await asyncio.sleep(0)
        device.unplug()
        with pytest.raises(PortGoneError):
            await waits
        with pytest.raises(PortGoneError):
            await device.port.open()
        device.plug()
        await device.port.open()
        await device.port.turn(Turn("alarm", True))
        assert device.is_lit("alarm")
        device.port.close()

    tell(story)


class Watched:
    """A panel that runs, and what it told."""

    def __init__(self, device: Device) -> None:
        self.told: list[Event] = []
        layout = Layout(frozenset({"open"}), frozenset({"alarm"}), {"front": 5.0})
        self.panel = Panel(device.port, layout, self.told.append, backoff=Backoff(0.01, 0.05))
        self.task = asyncio.ensure_future(self.panel.run())

    async def tells(self, event: Event) -> None:
        await until(lambda: event in self.told or self.task.done())
        assert not self.task.done(), self.task.exception()
        self.told.remove(event)

    async def tells_a_loss(self) -> None:
        await until(lambda: any(isinstance(each, PanelLost) for each in self.told))
        self.told[:] = [each for each in self.told if not isinstance(each, PanelLost)]

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def test_a_panel_is_pulled_out_and_put_back_while_its_door_is_open(
    make: Make, tmp_path: Path
) -> None:
    async def story() -> None:
        device = make(tmp_path)
        device.unplug()
        one = Watched(device)
        one.panel.show("alarm", Pattern.ON)
        await one.tells_a_loss()
        one.panel.open_door("front", 3.0)
        await one.tells(DoorRefused("front"))
        for _ in range(3):
            device.plug()
            await one.tells(PanelFound())
            await until(lambda: device.is_lit("alarm"))
            assert not device.is_lit("front")
            device.touch("open", True)
            await one.tells(ButtonPressed("open"))
            device.touch("open", False)
            await one.tells(ButtonReleased("open"))
            one.panel.open_door("front", 3.0)
            await one.tells(DoorOpened("front", 3.0))
            assert device.is_lit("front")
            device.unplug()
            await one.tells(DoorClosed("front", Closing.LOST))
            await one.tells_a_loss()
        await one.end()

    tell(story)


def test_a_door_closes_by_itself_and_when_we_end(make: Make, tmp_path: Path) -> None:
    async def story() -> None:
        device = make(tmp_path)
        device.plug()
        one = Watched(device)
        await one.tells(PanelFound())
        one.panel.open_door("front", 0.05)
        await one.tells(DoorOpened("front", 0.05))
        await one.tells(DoorClosed("front", Closing.TIME))
        assert not device.is_lit("front")
        one.panel.open_door("front", 5.0)
        await until(lambda: device.is_lit("front"))
        await one.end()
        await until(lambda: not device.is_lit("front"))

    tell(story)


def test_a_board_lets_the_door_fall_shut_though_nobody_tells_it(tmp_path: Path) -> None:
    async def story() -> None:
        device = OnBoard(tmp_path)
        device.plug()
        await device.port.open()
        await device.port.turn(Turn("front", True, 0.05))
        assert device.is_lit("front")
        await until(lambda: not device.is_lit("front"))
        device.port.close()

    tell(story)


def test_a_board_that_falls_silent_or_begins_anew_is_lost_and_found(tmp_path: Path) -> None:
    async def story() -> None:
        device = OnBoard(tmp_path)
        device.plug()
        one = Watched(device)
        one.panel.show("alarm", Pattern.ON)
        await one.tells(PanelFound())
        device.board.is_mute = True
        await one.tells(PanelLost("the panel's board does not answer: unplug it once"))
        device.board.is_mute = False
        await one.tells(PanelFound())
        device.board.begin_anew()
        await one.tells(PanelLost("the panel's board began anew"))
        await one.tells(PanelFound())
        await until(lambda: device.is_lit("alarm"))
        await one.end()

    tell(story)


def test_rubbish_on_the_board_s_port_is_no_message_and_no_end(tmp_path: Path) -> None:
    async def story() -> None:
        device = OnBoard(tmp_path)
        device.plug()
        await device.port.open()
        for rubbish in (
            b"\x00\xff\xfe\n", b"input button1 1*00\n", b"*\n", b"here\n", b"x" * 9000 + b"\n",
            packed("here"), packed("did", "lamp1", "1"), packed("input", "button9", "1"),
            packed("input", "button1", "7"), packed("what"),
        ):  # fmt: skip
            device.board.say(rubbish)
        device.touch("open", True)
        assert await device.port.next_change() == Changed("open", True)
        await device.port.turn(Turn("alarm", True))
        device.port.close()

    tell(story)


def test_a_board_without_the_output_that_is_wired_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        device = OnBoard(tmp_path)
        device.plug()
        port = BoardPort(str(tmp_path / "panel"), {"night": "lamp7"})
        with pytest.raises(PortGoneError, match="no output 'lamp7'"):
            await port.open()
        port.close()

    tell(story)


def test_the_kernel_s_own_chip_is_asked_and_where_there_is_none_that_is_said(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        port = GpioPort(str(tmp_path / "gpiochip9"), {"alarm": 17}, {"open": 22})
        with pytest.raises(PortGoneError, match="No such file"):
            await port.open()

    tell(story)


def test_a_line_is_understood_in_whatever_pieces_it_comes_and_only_whole() -> None:
    sent = packed("input", "button1", "1") + packed("here").replace(b"\n", b"\r\n")
    whole = [("input", "button1", "1"), ("here",)]
    for cut in range(len(sent)):
        lines = Lines()
        assert lines.feed(sent[:cut]) + lines.feed(sent[cut:]) == whole
    for at in range(len(packed("here")) - 1):
        broken = bytearray(packed("here"))
        broken[at] ^= 0x04
        assert Lines().feed(bytes(broken)) == []


def test_a_line_that_never_ends_takes_no_memory_and_the_next_one_is_understood() -> None:
    lines = Lines()
    for _ in range(100):
        assert lines.feed(b"a" * 1000) == []
    assert lines.feed(b"\n" + packed("here")) == [("here",)]
    for hostile in ("lamp1\nset", "lamp*", "", "Lamp", "é", "a" * LINE_MOST):
        with pytest.raises(ValueError, match="no board understands"):
            packed("set" if hostile else "", hostile)
