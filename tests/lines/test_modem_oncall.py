"""A clinic that has no line but a mobile modem: the box calls who is on call by it, and a call
counts once somebody has picked up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import pins
from tests.lines.far_mobile import FarMobile
from tests.lines.test_modem import MOBILE, SENTENCE, registered
from tests.system import practice
from tests.system.test_oncall import ALVAREZ, BRANDT, MESSAGE_HZ, PIN, SITE, TONES
from tests.system.town import Figures, Town, soon

LEAVE_HZ, LEAVE_S = 1150, 1.0
ASKS_HZ, ASKS_S = 1650, 1.0
CALLER_HZ = 2500


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the modem is plugged in."""
    return tmp_path_factory.mktemp("by-path")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, ports: Path) -> Iterator[Town]:
    by_modem = SITE.replace('[trunks.telco]\nhost = "127.0.0.2"\n', "")
    site = (
        by_modem.replace('trunk = "telco"', 'modem = "mobile"')
        + f"""
[modems.mobile]
port = "{ports}/pci-0-usb-0:1:1.2-port0"
voice = "{ports}/pci-0-usb-0:1:1.1-port0"

[modem_only]
accepted = "{SENTENCE}"
by = "Dr. Alvarez"
on = "2026-11-23"
"""
    )
    tones = TONES | {
        "leave-a-message": (LEAVE_HZ, LEAVE_S),
        "lease-pin": (ASKS_HZ, ASKS_S),
        "lease-message": (MESSAGE_HZ, 1.0),
    }
    with practice.build(tmp_path_factory.mktemp("oncall"), site, tones) as standing:
        yield standing


def test_an_urgent_message_finds_its_doctor_by_the_modem_that_is_all_a_clinic_has(
    here: Town, ports: Path
) -> None:
    """The first is engaged; the second hears nothing lost, however long it rang before."""

    async def story(_figures: Figures) -> None:
        pins.keep(here.place.page_db, "brandt", PIN)
        mobile = FarMobile(ports)
        try:
            async with practice.exchange(here) as told:
                await registered(told)

                async def dial() -> None:
                    await soon(mobile.call(MOBILE))

                _, call = await told.named(dial)
                await mobile.press("1")
                await told.step(call, "recording")
                mobile.speak(CALLER_HZ)
                await mobile.has_spoken(2.5)
                mobile.hang_up()
                await told.step(call, "on call", "is open")
                await mobile.until(lambda: mobile.network.dialled == [ALVAREZ])
                mobile.modem.far_hangs_up(mobile.now(), "BUSY")
                await told.step(call, "on call", "alvarez: busy")
                await mobile.until(lambda: mobile.network.dialled == [ALVAREZ, BRANDT])
                mobile.modem.far_rings()
                mobile.forget()
                mobile.answer()
                await told.step(call, "on call", "brandt answered")
                await mobile.hears(ASKS_HZ)
                await mobile.press(PIN + "#")
                await told.step(call, "on call", "brandt: PIN right")
                await mobile.hears(MESSAGE_HZ)
                await told.step(call, "on call", "brandt heard the message")
                await mobile.press("1")
                await told.step(call, "on call", "brandt took it")
                mobile.hang_up()
                await soon(mobile.let_go())
        finally:
            mobile.close()

    here.run_on_time(story)


def test_whom_the_modem_rings_for_an_asterisk_that_ends_is_rung_no_more(
    here: Town, ports: Path
) -> None:
    """Nobody would be there who could say what it was about."""

    async def story(_figures: Figures) -> None:
        mobile = FarMobile(ports)
        try:
            async with practice.exchange(here) as told:
                await registered(told)

                async def dial() -> None:
                    await soon(mobile.call(MOBILE))

                await told.named(dial)
                await mobile.press("1")
                mobile.speak(CALLER_HZ)
                await mobile.has_spoken(4.0)
                mobile.hang_up()
                await mobile.until(lambda: mobile.network.dialled == [ALVAREZ])
                mobile.modem.far_rings()
                await here.clinic.kill()
                await soon(mobile.let_go())
                await here.clinic.start()
        finally:
            mobile.close()

    here.run_on_time(story)
