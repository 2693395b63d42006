"""A UPS behind NUT's own server and behind the simulated one, held to one contract; and what the
machine says of itself."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.power.machine import (
    HOT_C,
    THROTTLED,
    TOO_HOT_C,
    Heat,
    Strain,
    heat_of,
    hottest_c,
    strain,
    watchdog,
)
from hw.power.reading import Reading, Supply, reading_of
from hw.power.simulated_upsd import SimulatedUpsd
from hw.power.ups import Ups
from tests.hw.real_upsd import nut

WITHIN_S = 30.0
LEAST_S = 300.0


@pytest.mark.parametrize(
    ("status", "left", "supply"),
    [
        ("OL", "1800", Supply.MAINS),
        ("OL CHRG LB", "60", Supply.MAINS),  # back, and not yet charged
        ("OB DISCHRG", "1800", Supply.BATTERY),
        ("OB DISCHRG", "299", Supply.LOW),
        ("OB LB", "1800", Supply.LOW),
        ("OB", "soon", Supply.BATTERY),
        ("", "1800", Supply.UNKNOWN),
        ("CAL", "1800", Supply.UNKNOWN),
    ],
)
def test_what_a_ups_says_is_what_it_means_for_the_clinic(
    status: str, left: str, supply: Supply
) -> None:
    said = {"ups.status": status, "battery.runtime": left, "battery.charge": "77"}
    assert reading_of(said, LEAST_S).supply is supply


@given(st.dictionaries(st.sampled_from(["ups.status", "battery.runtime"]), st.text()))
def test_nonsense_is_no_figure(said: dict[str, str]) -> None:
    reading = reading_of(said, LEAST_S)
    assert reading.left_s is None or math.isfinite(reading.left_s)


class Upsd(Protocol):
    """A NUT server with a UPS called `ups`, in a story's hands."""

    port: int

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def say(self, said: Mapping[str, str]) -> None: ...

    def plug(self) -> None: ...

    def unplug(self) -> None: ...


class InMemory(SimulatedUpsd):
    """The simulated one; it is plugged in from the first."""

    def say(self, said: Mapping[str, str]) -> None:
        self.said = dict(said)

    def plug(self) -> None:
        self.error = ""

    def unplug(self) -> None:
        self.error = "DATA-STALE"


class Watcher:
    """Whoever uses the driver."""

    def __init__(self, upsd: Upsd, name: str = "ups") -> None:
        self._news = asyncio.Event()
        self.ups = Ups(name, self._hear, least_s=LEAST_S, port=upsd.port, ask_s=0.02)

    def _hear(self, reading: Reading) -> None:
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def supply(self, supply: Supply) -> Reading:
        await self.until(lambda: self.ups.reading.supply is supply)
        return self.ups.reading

    async def why(self, why: str) -> None:
        await self.until(lambda: self.ups.why == why)


@asynccontextmanager
async def watching(upsd: Upsd, name: str = "ups") -> AsyncIterator[Watcher]:
    await upsd.start()
    watcher = Watcher(upsd, name)
    running = asyncio.create_task(watcher.ups.run())
    try:
        yield watcher
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await upsd.stop()


ON_MAINS = {
    "ups.status": "OL CHRG",
    "battery.charge": "100",
    "battery.runtime": "1800",
    "ups.mfr": 'Maker "of" things',
}


@pytest.fixture(params=["NUT", "simulated"])
def upsd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Upsd]:
    if request.param == "simulated":
        yield InMemory(said=dict(ON_MAINS))
        return
    with nut(tmp_path / "nut") as real:
        real.say(ON_MAINS)
        real.plug()
        yield real


def tell(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


class TestEachServer:
    """What is true of NUT's own and of the simulated one."""

    def test_the_mains_go_the_battery_gets_low_and_the_mains_come_back(self, upsd: Upsd) -> None:
        async def story() -> None:
            async with watching(upsd) as watcher:
                assert (await watcher.supply(Supply.MAINS)).charge == 100
                upsd.say({"ups.status": "OB DISCHRG", "battery.runtime": "900"})
                assert (await watcher.supply(Supply.BATTERY)).left_s == 900
                upsd.say({"ups.status": "OB LB", "battery.runtime": "200"})
                await watcher.supply(Supply.LOW)
                upsd.say({"ups.status": "OL CHRG RB", "battery.runtime": "210"})
                assert (await watcher.supply(Supply.MAINS)).is_worn

        tell(story())

    def test_a_server_that_goes_away_is_asked_again_until_it_is_back(self, upsd: Upsd) -> None:
        async def story() -> None:
            async with watching(upsd) as watcher:
                for _ in range(3):
                    await watcher.supply(Supply.MAINS)
                    await upsd.stop()
                    await watcher.supply(Supply.UNKNOWN)
                    await watcher.why("no NUT server answers")
                    await upsd.start()
                await watcher.supply(Supply.MAINS)

        tell(story())

    def test_a_ups_that_is_pulled_out_is_unknown_until_it_is_back(self, upsd: Upsd) -> None:
        async def story() -> None:
            async with watching(upsd) as watcher:
                for _ in range(2):
                    await watcher.supply(Supply.MAINS)
                    upsd.unplug()
                    await watcher.supply(Supply.UNKNOWN)
                    await watcher.why("the NUT server hears nothing of the UPS")
                    upsd.plug()
                await watcher.supply(Supply.MAINS)

        tell(story())

    def test_a_ups_of_another_name_is_told_as_that(self, upsd: Upsd) -> None:
        async def story() -> None:
            async with watching(upsd, "other") as watcher:
                await watcher.why("the NUT server has no UPS of this name")

        tell(story())


@pytest.mark.parametrize(
    "nonsense",
    [
        b'HELO "unended\n\xff\xfe\n',
        b"VAR ups ups.status " + b"x" * 20_000,
        b"VAR ups x 1\n" * 600,
    ],
    ids=["no line of NUT", "endless line", "endless"],
)
def test_a_server_that_talks_nonsense_is_none_until_it_talks_sense(nonsense: bytes) -> None:
    async def story() -> None:
        upsd = InMemory()
        async with watching(upsd) as watcher:
            await watcher.supply(Supply.MAINS)
            upsd.nonsense = nonsense
            await watcher.supply(Supply.UNKNOWN)
            assert watcher.ups.why
            upsd.nonsense = b""
            await watcher.supply(Supply.MAINS)

    tell(story())


# ---- the machine ----


def test_a_machine_that_was_hot_is_well_only_once_it_is_clearly_cooler() -> None:
    heat = Heat.WELL
    told = []
    for degrees in (60, HOT_C, HOT_C - 1, HOT_C - 6, HOT_C + 1, TOO_HOT_C, TOO_HOT_C - 1, 60, None):
        heat = heat_of(degrees, heat)
        told.append(heat)
    well, hot, too = Heat.WELL, Heat.HOT, Heat.TOO_HOT
    assert told == [well, hot, hot, well, hot, too, too, well, well]


def test_the_hottest_zone_counts_and_what_cannot_be_read_does_not(tmp_path: Path) -> None:
    assert hottest_c(tmp_path) is None
    for zone, text in enumerate(("41000\n", "67500\n", "-274000\n", "hot\n")):
        folder = tmp_path / f"sys/class/thermal/thermal_zone{zone}"
        folder.mkdir(parents=True)
        (folder / "temp").write_text(text)
    assert hottest_c(tmp_path) == 67.5


def a_chip(root: Path, number: int, **files: str) -> None:
    folder = root / f"sys/class/hwmon/hwmon{number}"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")


def test_a_machine_without_zones_tells_its_processors_heat_and_no_loose_sensors(
    tmp_path: Path,
) -> None:
    a_chip(tmp_path, 0, name="nct6775", temp1_input="127000")
    a_chip(tmp_path, 1, name="coretemp", temp1_input="52000", temp2_input="54000")
    assert hottest_c(tmp_path) == 54


@pytest.mark.parametrize(
    ("bits", "means"),
    [
        ("0", Strain()),
        ("50005", Strain(is_weak=True, was_weak=True, is_slowed=True)),
        ("50000", Strain(was_weak=True)),
        ("4", Strain(is_slowed=True)),
        ("nonsense", Strain()),
    ],
)
def test_what_a_raspberrys_firmware_does_is_what_it_means(
    tmp_path: Path, bits: str, means: Strain
) -> None:
    assert strain(tmp_path) == Strain()
    (tmp_path / THROTTLED).parent.mkdir(parents=True)
    (tmp_path / THROTTLED).write_text(f"{bits}\n")
    assert strain(tmp_path) == means


def test_a_weak_supply_is_told_by_debians_sensor_too(tmp_path: Path) -> None:
    a_chip(tmp_path, 0, name="rpi_volt", in0_lcrit_alarm="0")
    assert not strain(tmp_path).is_weak
    a_chip(tmp_path, 1, name="rpi_volt", in0_lcrit_alarm="1")
    assert strain(tmp_path).is_weak


def test_a_watchdog_is_there_and_armed_or_not(tmp_path: Path) -> None:
    assert not watchdog(tmp_path).is_there
    device = tmp_path / "sys/class/watchdog/watchdog0"
    device.mkdir(parents=True)
    (device / "state").write_text("inactive\n")
    (device / "timeout").write_text("15\n")
    assert (watchdog(tmp_path).is_there, watchdog(tmp_path).is_armed) == (True, False)
    (device / "state").write_text("active\n")
    assert (watchdog(tmp_path).is_armed, watchdog(tmp_path).within_s) == (True, 15)
