"""PortAudio on ALSA's own files, and the fake: one contract, unplugged at every step. And the shell
that takes a loudspeaker up again."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest

from hw.backoff import Backoff
from hw.sound import portaudio
from hw.sound.devices import Device, DeviceError, chosen
from hw.sound.fake import FakeSound
from hw.sound.level import COLUMNS, bar
from hw.sound.port import FRAME_BYTES, Heard, Port, SoundGoneError
from hw.sound.portaudio import PortAudioPort, Way
from hw.sound.speaker import Speaker
from hw.sound.take import take
from tests.hw.alsa import Alsa

DEADLINE_S = 20.0
SAMPLES = (np.arange(1, 1601) * 7).astype("<i2").tobytes()  # 200 ms, and no sample of silence


class Sound(Protocol):
    """A sound device in a story's hands."""

    @abstractmethod
    def speaker(self) -> Port: ...

    @abstractmethod
    def microphone(self) -> Port: ...

    @abstractmethod
    def played(self) -> bytes: ...

    @abstractmethod
    def speak(self, samples: bytes) -> None: ...

    @abstractmethod
    def plug(self) -> None: ...

    @abstractmethod
    def unplug(self) -> None: ...


class OnAlsa(Sound):
    def __init__(self, home: Path) -> None:
        self.alsa = Alsa(home)

    def speaker(self) -> Port:
        return PortAudioPort("paging", Way.PLAY, self.alsa.environment)

    def microphone(self) -> Port:
        return PortAudioPort("desk", Way.HEAR, self.alsa.environment)

    def played(self) -> bytes:
        return self.alsa.played()

    def speak(self, samples: bytes) -> None:
        self.alsa.hears.write_bytes(samples * 100)

    def plug(self) -> None:
        self.alsa.plug()

    def unplug(self) -> None:
        self.alsa.unplug()


class InMemory(Sound):
    def __init__(self, _home: Path) -> None:
        self.fake = FakeSound()

    def speaker(self) -> Port:
        return self.fake

    def microphone(self) -> Port:
        return self.fake

    def played(self) -> bytes:
        return bytes(self.fake.played)

    def speak(self, samples: bytes) -> None:
        self.fake.says = samples

    def plug(self) -> None:
        self.fake.plug()

    def unplug(self) -> None:
        self.fake.unplug()


Make = Callable[[Path], Sound]


@pytest.fixture(params=[OnAlsa, InMemory], ids=["portaudio", "fake"])
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param
    return made


def tell(story: Coroutine[Any, Any, None]) -> None:
    async def on_time() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await story

    asyncio.run(on_time())


async def until(there: Callable[[], bool]) -> None:
    while not there():  # noqa: ASYNC110 - a file that grows tells nobody
        await asyncio.sleep(0)


class TestEachPort:
    """What is true of the real one and of the fake."""

    def test_what_is_played_is_heard_whole_and_in_its_order(
        self, make: Make, tmp_path: Path
    ) -> None:
        sound = make(tmp_path)

        async def story() -> None:
            port = sound.speaker()
            await port.open()
            for start in range(0, len(SAMPLES), FRAME_BYTES):
                port.play(SAMPLES[start : start + FRAME_BYTES])
            await until(lambda: SAMPLES[:-FRAME_BYTES] in sound.played())
            await port.close()

        tell(story())

    def test_half_a_sample_is_refused_and_nothing_of_it_is_played(
        self, make: Make, tmp_path: Path
    ) -> None:
        async def story() -> None:
            port = make(tmp_path).speaker()
            await port.open()
            with pytest.raises(ValueError, match="3 bytes are no whole samples"):
                port.play(b"abc")
            await port.close()

        tell(story())

    def test_a_microphone_tells_what_it_hears(self, make: Make, tmp_path: Path) -> None:
        sound = make(tmp_path)
        sound.speak(SAMPLES)

        async def story() -> None:
            port = sound.microphone()
            await port.open()
            told = await port.next_told()
            assert isinstance(told, Heard)
            assert told.samples in SAMPLES
            assert len(told.samples) >= FRAME_BYTES
            await port.close()

        tell(story())

    def test_pulled_out_while_nothing_is_played_it_is_told_and_taken_up_once_back(
        self, make: Make, tmp_path: Path
    ) -> None:
        sound = make(tmp_path)

        async def story() -> None:
            port = sound.speaker()
            await port.open()
            sound.unplug()
            with pytest.raises(SoundGoneError):
                await port.next_told()
            with pytest.raises(SoundGoneError):
                await port.open()
            sound.plug()
            await port.open()
            port.play(SAMPLES)
            await until(lambda: len(sound.played()) > 0)
            await port.close()

        tell(story())

    def test_pulled_out_in_the_midst_of_a_sound_it_is_told(
        self, make: Make, tmp_path: Path
    ) -> None:
        sound = make(tmp_path)

        async def story() -> None:
            port = sound.speaker()
            await port.open()
            port.play(SAMPLES)
            await until(lambda: len(sound.played()) > 0)
            sound.unplug()
            gone = asyncio.ensure_future(port.next_told())
            while not gone.done():
                port.play(SAMPLES)
                await asyncio.sleep(0)
            with pytest.raises(SoundGoneError):
                gone.result()
            port.play(SAMPLES)  # nobody is there, and nobody minds
            await port.close()
            await port.close()

        tell(story())

    @pytest.mark.parametrize("frames", range(11))
    def test_pulled_out_after_any_part_of_a_page_the_next_page_is_heard_whole(
        self, make: Make, tmp_path: Path, frames: int
    ) -> None:
        sound = make(tmp_path)
        page = [SAMPLES[at : at + FRAME_BYTES] for at in range(0, len(SAMPLES), FRAME_BYTES)]

        async def story() -> None:
            port = sound.speaker()
            await port.open()
            for frame in page[:frames]:
                port.play(frame)
            sound.unplug()
            gone = asyncio.ensure_future(port.next_told())
            while not gone.done():
                port.play(page[frames % len(page)])
                await asyncio.sleep(0)
            with pytest.raises(SoundGoneError):
                gone.result()
            sound.plug()
            await port.open()
            for frame in page:
                port.play(frame)
            await until(lambda: SAMPLES[:-FRAME_BYTES] in sound.played())
            await port.close()

        tell(story())

    def test_one_that_is_not_open_takes_nothing_and_tells_nothing(
        self, make: Make, tmp_path: Path
    ) -> None:
        sound = make(tmp_path)

        async def story() -> None:
            port = sound.speaker()
            port.play(SAMPLES)
            with pytest.raises(SoundGoneError):
                await port.next_told()
            assert sound.played() == b""

        tell(story())


def test_the_machines_devices_are_told_by_their_names(tmp_path: Path) -> None:
    alsa = Alsa(tmp_path)
    found = asyncio.run(portaudio.devices(alsa.environment))
    assert {"paging", "desk"} <= {each.name for each in found}
    alsa.unplug()
    assert [each.name for each in asyncio.run(portaudio.devices(alsa.environment))] == ["default"]


def test_a_device_is_meant_by_a_part_of_its_name_as_long_as_no_other_has_it() -> None:
    two = (Device("USB Audio: - (hw:1,0)", 1, 2), Device("USB Headset: - (hw:2,0)", 1, 2))
    assert chosen(two, "usb audio") == "USB Audio: - (hw:1,0)"
    with pytest.raises(DeviceError, match="2 sound devices: write more"):
        chosen(two, "USB")
    with pytest.raises(DeviceError, match="no sound device is called 'paging'"):
        chosen(two, "paging")


def test_a_loudspeaker_is_taken_up_again_as_often_as_it_is_pulled_out() -> None:
    async def story() -> None:
        fake, told = FakeSound(), list[str]()
        fake.is_plugged = False
        speaker = Speaker(fake, told.append, Backoff(first_s=0.001, longest_s=0.002))
        running = asyncio.create_task(speaker.run())
        await until(lambda: bool(told))
        for _ in range(5):
            speaker.play(SAMPLES)  # silence, and nobody waits
            fake.plug()
            await until(lambda: told[-1] == "")
            fake.played.clear()
            speaker.play(SAMPLES)
            assert fake.played == SAMPLES
            fake.slip()
            fake.unplug()
            await until(lambda: told[-1] != "")
        assert speaker.slips == 5
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    tell(story())


def test_a_recording_of_which_a_part_was_lost_is_no_recording() -> None:
    async def story() -> None:
        fake = FakeSound()
        fake.says = SAMPLES
        taking = asyncio.create_task(take(fake, 10, lambda: None))
        while not taking.done():
            fake.slip()
            await asyncio.sleep(0)
        with pytest.raises(SoundGoneError, match="record it again"):
            taking.result()
        assert await take(fake, 0.1, lambda: None) == SAMPLES[:1600]

    tell(story())


def test_a_level_is_drawn_as_a_bar_between_silence_and_full_scale() -> None:
    assert bar(-90) == "." * COLUMNS
    assert bar(3) == "#" * COLUMNS
    assert bar(-30).count("#") == COLUMNS // 2
