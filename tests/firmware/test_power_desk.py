"""The mains are lost in a clinic: who is told of it, and when the box is switched off."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import settings
from firmware.asterisk.translate import calls_up
from firmware.asterisk.wire import Message
from firmware.cli.power import told
from firmware.control import Door, ask_async
from firmware.notify import Notices
from firmware.power_desk import TOLD, PowerDesk
from firmware.power_rule import AGAIN_S, Do, Power, Up, refused, step
from firmware.power_topics import POWER, PowerReply, PowerRequest
from firmware.root import PowerOff, Root, RootError, ask
from firmware.settings import SiteFaults
from hw.power.machine import THROTTLED
from hw.power.reading import Supply
from hw.power.simulated_upsd import SimulatedUpsd
from ivr.plan import MailServer, Plan, PowerSupply

TEMPLATE = Path("firmware/template/clinic.toml").read_text("utf-8")
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
FINISH_S, WITHIN_S = 120.0, 30.0


def lived(*moments: tuple[float, Supply, int]) -> list[Do]:
    """What was done, moment by moment."""
    power, done = Power(), list[Do]()
    for now, supply, calls in moments:
        power, doing = step(power, supply, Up(calls), now, FINISH_S)
        done += doing
    return done


def test_a_call_may_end_before_the_box_goes_and_it_goes_once() -> None:
    assert lived(
        (0, Supply.MAINS, 1),
        (10, Supply.BATTERY, 1),
        (20, Supply.LOW, 1),
        (30, Supply.LOW, 1),
        (40, Supply.LOW, 0),
        (41, Supply.LOW, 0),
    ) == [Do.TELL_LOST, Do.TELL_LOW, Do.SWITCH_OFF]


def test_a_call_that_does_not_end_holds_the_box_up_for_so_long_and_no_longer() -> None:
    assert lived((0, Supply.LOW, 3), (119, Supply.LOW, 3)) == [Do.TELL_LOW]
    assert lived((0, Supply.LOW, 3), (120, Supply.LOW, 3))[-1] is Do.SWITCH_OFF


def test_mains_that_come_back_in_time_leave_the_box_on() -> None:
    assert lived((0, Supply.LOW, 1), (60, Supply.MAINS, 1), (300, Supply.MAINS, 0)) == [
        Do.TELL_LOW,
        Do.TELL_BACK,
    ]


def test_a_ups_that_falls_silent_with_a_low_battery_is_taken_for_low() -> None:
    assert lived((0, Supply.LOW, 1), (60, Supply.UNKNOWN, 0))[-1] is Do.SWITCH_OFF
    assert lived((0, Supply.MAINS, 0), (60, Supply.UNKNOWN, 0)) == []


def test_a_low_battery_whose_figures_waver_is_told_once_and_gives_no_more_time() -> None:
    assert lived(
        (0, Supply.LOW, 1), (60, Supply.BATTERY, 1), (90, Supply.LOW, 1), (120, Supply.BATTERY, 1)
    ) == [Do.TELL_LOW, Do.SWITCH_OFF]


def test_an_emergency_call_is_never_ended_by_us() -> None:
    power, doing = step(Power(), Supply.LOW, Up(1, is_emergency=True), 0, FINISH_S)
    power, doing = step(power, Supply.LOW, Up(1, is_emergency=True), 10 * FINISH_S, FINISH_S)
    assert doing == ()
    assert step(power, Supply.LOW, Up(0), 10 * FINISH_S + 1, FINISH_S)[1] == (Do.SWITCH_OFF,)


def test_a_box_that_would_not_go_is_asked_again_after_a_while() -> None:
    power, doing = step(Power(), Supply.LOW, Up(0), 100, FINISH_S)
    assert doing == (Do.TELL_LOW, Do.SWITCH_OFF)
    power = refused(power, 100)
    assert step(power, Supply.LOW, Up(0), 101, FINISH_S)[1] == ()
    assert step(power, Supply.LOW, Up(0), 100 + AGAIN_S, FINISH_S)[1] == (Do.SWITCH_OFF,)


@given(st.lists(st.tuples(st.sampled_from(list(Supply)), st.integers(0, 3)), max_size=40))
def test_it_goes_at_most_once_until_the_mains_are_back_and_never_on_them(
    moments: list[tuple[Supply, int]],
) -> None:
    power, gone = Power(), 0
    for number, (supply, calls) in enumerate(moments):
        power, doing = step(power, supply, Up(calls), number * 30.0, FINISH_S)
        if supply is Supply.MAINS:
            gone = 0
            assert Do.SWITCH_OFF not in doing
        gone += doing.count(Do.SWITCH_OFF)
        assert gone <= 1


# ---- the desk, with a real driver and a simulated server ----


def a_plan(port: int) -> Plan:
    mail = MailServer("127.0.0.1", 1, "none", None, "box@example.com", ("office@example.com",))
    supply = PowerSupply("ups", port, 300.0, FINISH_S)
    return replace(settings.read(TEMPLATE), power=supply, mail=mail)


class Clinic:
    """One desk, its UPS, and who is told."""

    def __init__(self, upsd: SimulatedUpsd, machine: Path = Path("/nowhere")) -> None:
        self.upsd, self.calls, self.offs = upsd, 1, 0
        self.root_refuses = False
        self.subjects: list[str] = []
        self.news = asyncio.Event()
        plan = a_plan(upsd.port)

        class Told(Notices):
            def send(_self, notice: Any) -> None:  # noqa: N805
                self.subjects.append(notice.subject)
                self.news.set()

        async def off() -> None:
            self.offs += 1
            self.news.set()
            if self.root_refuses:
                raise RootError("this machine is no box of its own, and stays on")

        async def up() -> Up:
            return Up(self.calls)

        self.desk = PowerDesk(
            plan=lambda: plan,
            notices=Told(lambda: None, lambda work: work.close()),
            up=up,
            now=lambda: NOW,
            switch_off=off,
            root=machine,
            look_s=0.02,
        )

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not holds():
                self.news.clear()
                await self.news.wait()


def test_those_in_charge_are_told_and_the_box_goes_once_the_last_call_is_over() -> None:
    async def story() -> None:
        upsd = SimulatedUpsd(said={"ups.status": "OB", "battery.runtime": "1200"})
        await upsd.start()
        clinic = Clinic(upsd)
        running = asyncio.create_task(clinic.desk.run())
        try:
            await clinic.until(lambda: clinic.subjects)
            assert clinic.subjects == [f"Maple Street Family Practice: {TOLD[Do.TELL_LOST]}"]
            assert clinic.desk.parts()[0].state == "alarm"
            upsd.said["ups.status"] = "OB LB"
            await clinic.until(lambda: len(clinic.subjects) == 2)
            assert clinic.offs == 0
            clinic.calls = 0
            await clinic.until(lambda: clinic.offs)
            upsd.said["ups.status"] = "OL"
            await clinic.until(lambda: len(clinic.subjects) == 3)
            assert clinic.subjects[-1].endswith(TOLD[Do.TELL_BACK])
            assert clinic.offs == 1
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await upsd.stop()

    asyncio.run(story())


def test_a_box_that_cannot_be_switched_off_says_so_and_does_not_promise_it() -> None:
    async def story() -> None:
        upsd = SimulatedUpsd(said={"ups.status": "OB LB"})
        await upsd.start()
        clinic = Clinic(upsd)
        clinic.calls, clinic.root_refuses = 0, True
        running = asyncio.create_task(clinic.desk.run())
        try:
            await clinic.until(lambda: clinic.offs)
            await asyncio.sleep(0)
            assert "could not be switched off" in clinic.desk.parts()[0].detail
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await upsd.stop()

    asyncio.run(story())


def test_the_console_is_told_since_when_the_battery_carries_it_and_how_long(
    tmp_path: Path,
) -> None:
    async def story() -> list[str]:
        said = {"ups.status": "OB", "battery.runtime": "1200", "battery.charge": "80"}
        upsd = SimulatedUpsd(said=said)
        await upsd.start()
        clinic = Clinic(upsd, a_raspberry(tmp_path, "50005"))
        door = Door()
        clinic.desk.answer_at(door)
        running = asyncio.create_task(clinic.desk.run())
        try:
            await clinic.until(lambda: clinic.subjects)
            async with door.open(tmp_path / "control.sock"):
                return told(await ask_async(tmp_path / "control.sock", POWER, PowerRequest()))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await upsd.stop()

    assert asyncio.run(story()) == [
        "alarm    power: the mains are lost, and the box runs on its battery",
        "         → look at the fuse and the plug of the UPS",
        "alarm    voltage: the box's power supply is too weak: its voltage is too low",
        "         → give the box the power supply that its maker names, and its cable",
        "well     temperature: 61 °C",
        "well     watchdog: armed",
        "since 2026-11-23T10:00:00+00:00, battery 80 %, lasts 20 min",
        "a machine that hangs is restarted within 15 s",
    ]


def a_raspberry(root: Path, throttled: str) -> Path:
    files = {
        THROTTLED: throttled,
        "sys/class/thermal/thermal_zone0/temp": "61000",
        "sys/class/watchdog/watchdog0/state": "active",
        "sys/class/watchdog/watchdog0/timeout": "15",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return root


def test_a_box_without_any_of_it_is_told_so_at_the_console() -> None:
    assert told(PowerReply(parts=(), has_ups=False)) == [
        "no UPS: a power cut ends every call; [power] of the site file names one",
        "this machine tells no temperature",
        "this machine has no hardware watchdog",
    ]


# ---- what calls there are ----


def a_channel(uniqueid: str, linkedid: str, *variables: str) -> Message:
    told = ["Event: Status", f"Uniqueid: {uniqueid}", f"Linkedid: {linkedid}"]
    told += [f"Variable: {each}" for each in variables]
    return Message("".join(f"\r\n{line}" for line in (*told, "")).encode("ascii"))


def test_a_call_that_asterisk_carries_alone_counts_and_one_for_help_is_known_as_that() -> None:
    assert calls_up([]) == Up(0)
    talk = [
        a_channel("1.1", "1.1", "EMERGENCY=(null)"),
        a_channel("1.2", "1.1", "EMERGENCY=(null)"),
    ]
    assert calls_up(talk) == Up(1)
    assert calls_up([*talk, a_channel("1.3", "1.3", "EMERGENCY=1")]) == Up(2, is_emergency=True)


# ---- root ----


@pytest.mark.parametrize("is_box", [True, False])
def test_root_switches_off_a_box_of_its_own_and_no_other_machine(
    tmp_path: Path, is_box: bool
) -> None:
    async def asterisk(_command: str) -> str:
        return ""

    async def story() -> tuple[int, list[str]]:
        offs, entered = 0, list[str]()

        async def off() -> None:
            nonlocal offs
            offs += 1

        at, ready = tmp_path / "root.sock", asyncio.Event()
        service = Root(
            at,
            asterisk,
            frozenset({os.geteuid()}),
            lambda _who, about: entered.append(about),
            power_off=off if is_box else None,
        )
        serving = asyncio.create_task(service.serve(ready.set))
        await ready.wait()
        try:
            if is_box:
                await ask(at, PowerOff())
            else:
                with pytest.raises(RootError, match="no box of its own"):
                    await ask(at, PowerOff())
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
        return offs, entered

    offs, entered = asyncio.run(story())
    assert offs == (1 if is_box else 0)
    assert entered == ["power-off" if is_box else "power-off: failed"]


# ---- the site file ----


def test_a_ups_is_named_as_nut_has_it() -> None:
    supply = settings.read(TEMPLATE + '\n[power]\nups = "ups"\nstop_below_min = 7\n').power
    assert supply is not None
    assert (supply.ups, supply.port, supply.stop_below_s) == ("ups", 3493, 420.0)
    with pytest.raises(SiteFaults, match="the name that NUT has"):
        settings.read(TEMPLATE + '\n[power]\nups = "ups@far\\nLIST"\n')
