"""A clinic with a mobile line: calls come and go by a simulated modem behind pseudo-terminals, the
exchange is the real one, and the telephones are on real Asterisks."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import request_topics as asked
from firmware import topics
from firmware.asterisk.telco import Silent
from firmware.control import ask_async
from firmware.rehearsal import PASSWORD, PERSON
from tests.lines.far_mobile import FarMobile, steady_level
from tests.system import ear, practice
from tests.system.practice import MENU_HZ, PHONES, Story
from tests.system.town import Figures, Town, soon
from tests.system.typed import by_password, careline, typed

MOBILE = "+12025550142"
SAYS_HZ = 2500
SAID_DBM0 = -15.0
WITHIN_DB = 1.0  # µ-law's steps, and a window over half a second


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the modem is plugged in."""
    return tmp_path_factory.mktemp("by-path")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, ports: Path) -> Iterator[Town]:
    """The practice, and a second line of it by a modem; phones reach the outside by it with 8."""
    site = (
        practice.SITE
        + f"""
[modems.mobile]
port = "{ports}/pci-0-usb-0:1:1.2-port0"
voice = "{ports}/pci-0-usb-0:1:1.1-port0"

[lines.mobile]
modem = "mobile"
numbers = ["2025550177"]
flow = "main"

[sms]
modem = "mobile"

[[dial_rules]]
prefix = "8"
digits = 10
modem = "mobile"
shows = "2025550177"
"""
    )
    with practice.build(tmp_path_factory.mktemp("modem"), site) as standing:
        yield standing


async def registered(told: Story) -> topics.Part:
    """Until the exchange has the modem."""
    return await stands(told, "well")


async def stands(told: Story, state: str) -> topics.Part:
    """Until the status tells so of the modem."""

    async def wait() -> topics.Part:
        while True:
            parts = {part.name: part for part in (await told.status()).parts}
            part = parts.get("modem mobile")
            if part is not None and part.state == state:
                return part

    return await soon(wait())


def test_a_mobile_calls_through_the_menu_to_a_telephone_and_both_hear_and_key(
    here: Town, ports: Path
) -> None:
    async def story(_figures: Figures) -> None:
        for phone in PHONES:
            await here.telco.behave(phone, Silent())
        mobile = FarMobile(ports)
        try:
            async with practice.exchange(here) as told:
                await registered(told)

                async def dial() -> FarMobile:
                    await soon(mobile.call(MOBILE))
                    return mobile

                _, call = await told.named(dial)
                assert told.details(call, "arrived")
                menu_dbm0 = await mobile.hears(MENU_HZ)
                assert abs(menu_dbm0 - SAID_DBM0) < WITHIN_DB
                await mobile.press("4")
                ring = await here.telco.ringing("103")
                assert ring.caller == MOBILE
                await here.telco.pick_up(ring)
                mobile.speak(SAYS_HZ, SAID_DBM0)
                desk_hz = here.telco.desks["103"].tone_hz
                desk_dbm0 = await mobile.hears(desk_hz)
                await here.telco.press(ring, "73")
                await mobile.until(lambda: mobile.network.digits_heard == "73")
                await here.telco.hang_up(ring)
                await soon(mobile.let_go())
                assert await told.outcome(call) == "answered"
                assert told.details(call, "digit") == ["4"]
            said, heard = ear.sound(ring.said), ear.sound(ring.heard)
            assert abs(desk_dbm0 - steady_level(said, desk_hz)) < WITHIN_DB
            assert abs(SAID_DBM0 - steady_level(heard, SAYS_HZ)) < WITHIN_DB
        finally:
            mobile.close()

    here.run_on_time(story)


def test_a_telephone_dials_out_by_the_modem_and_hears_how_far_the_call_is(
    here: Town, ports: Path
) -> None:
    """Ringing, then whom they called; the next time they are engaged."""

    async def story(_figures: Figures) -> None:
        mobile = FarMobile(ports)
        try:
            async with practice.exchange(here) as told:
                await registered(told)
                desk = await here.telco.dial("101", "82025550190")
                await mobile.until(lambda: mobile.network.dialled == ["2025550190"])
                mobile.modem.far_rings()
                mobile.speak(SAYS_HZ, SAID_DBM0)
                await mobile.has_spoken(1.5)  # which nobody hears: who dialled hears it ring
                mobile.answer()
                await mobile.until(lambda: mobile.modem.has_voice)
                await mobile.has_spoken(1.5)
                mobile.hang_up()
                await soon(desk.ended)
                heard = ear.sound(desk.heard)
                assert abs(SAID_DBM0 - steady_level(heard, SAYS_HZ)) < WITHIN_DB
                assert steady_level(heard, 440) > -20
                again = await here.telco.dial("101", "82025550190")
                await mobile.until(lambda: len(mobile.network.dialled) == 2)
                mobile.modem.far_hangs_up(mobile.now(), "BUSY")
                await soon(again.ended)
                assert ear.tone_s(again.heard, 480) == 0  # never alone
                assert steady_level(ear.sound(again.heard), 620) > -20
        finally:
            mobile.close()

    here.run_on_time(story)


def test_a_modem_pulled_out_amid_a_call_is_told_and_takes_calls_again_once_it_is_back(
    here: Town, ports: Path
) -> None:
    async def story(_figures: Figures) -> None:
        mobile = FarMobile(ports)
        try:
            async with practice.exchange(here) as told:
                await registered(told)

                async def dial() -> None:
                    await soon(mobile.call(MOBILE))

                _, call = await told.named(dial)
                mobile.port.pull_out()
                assert await told.outcome(call) == "short_abandoned"
                part = await stands(told, "alarm")
                assert (part.detail, part.cure.partition(";")[0]) == (
                    "no modem answers at its port",
                    "look at its plug and its lamp",
                )
                mobile.network.calls.clear()
                mobile.port.plug_in()
                await registered(told)
                _, again = await told.named(dial)
                await mobile.hears(MENU_HZ)
                mobile.hang_up()
                await told.outcome(again)
        finally:
            mobile.close()

    here.run_on_time(story)


def nothing_waits(mobile: FarMobile) -> bool:
    """Whether each report came, and was kept."""
    return not mobile.network.undelivered and not mobile.network.memories["SR"]


def test_a_text_comes_in_as_work_is_answered_by_the_box_and_then_by_staff_until_they_say_stop(
    here: Town, ports: Path
) -> None:
    async def story(_figures: Figures) -> None:
        mobile = FarMobile(ports)
        try:
            async with practice.exchange(here) as told:
                await registered(told)
                mobile.network.text(MOBILE, "May I come at nine?", 0.0)
                await mobile.until(lambda: bool(mobile.network.texts_taken))
                (answer,) = mobile.network.texts_taken
                assert answer.number.endswith(MOBILE.removeprefix("+"))
                assert "we have your text" in answer.text
                work = await ask_async(
                    here.place.control_socket, asked.REQUESTS, asked.RequestsRequest()
                )
                (request,) = work.requests
                assert request.kind == "other"
                await mobile.until(lambda: not mobile.network.memories["ME"])
                await by_password(here, "requests", "text", request.request, REPLY)
                await mobile.until(lambda: len(mobile.network.texts_taken) == 2)
                reply = mobile.network.texts_taken[1]
                assert reply.number.endswith(MOBILE.removeprefix("+"))
                assert reply.text.startswith(f"{here.rehearsal.plan.name}: {REPLY}")
                assert reply.text.endswith(" Write STOP to get no texts.")
                await mobile.until(lambda: nothing_waits(mobile))
                show = ("requests", "show", request.request)
                assert "text delivered" in await careline(here, *show)
                await by_password(here, "requests", "text", request.request, "Not this one.")
                await by_password(here, "requests", "take-back", request.request)
                assert "text taken back" in await careline(here, *show)
                mobile.network.text(MOBILE, "STOP", 0.0)
                await mobile.until(lambda: len(mobile.network.texts_taken) == 3)
                again = ("requests", "text", request.request, REPLY, "--as", PERSON)
                signed = ("--password-stdin",)
                status, refused = await typed(here, *again, *signed, said=f"{PASSWORD}\n")
                assert status != 0
                assert "this number wishes no texts" in refused
                assert "texted the caller of" in await careline(here, "audit", "list")
        finally:
            mobile.close()

    here.run_on_time(story)


REPLY = "Tomorrow at nine. Call 202 555 0100 to change it."
CANNOT_HZ = 1350
SENTENCE = "911 may fail"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, ports: Path) -> Iterator[Town]:
    """A clinic that has no line but a modem, and whose doctor has written that they know."""
    by_modem = practice.SITE.replace('[trunks.telco]\nhost = "127.0.0.2"\n', "")
    by_modem = by_modem.replace('trunk = "telco"', 'modem = "mobile"')
    site = (
        by_modem
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
    tones = practice.TONES | {"cannot-reach-911": (CANNOT_HZ, 1.0)}
    with practice.build(tmp_path_factory.mktemp("alone"), site, tones) as standing:
        yield standing


def test_an_emergency_call_goes_by_the_modem_that_is_all_a_clinic_has(
    alone: Town, ports: Path
) -> None:
    """Whatever else the modem did is ended for it; and the status says in red what was accepted."""

    async def story(_figures: Figures) -> None:
        mobile = FarMobile(ports)
        try:
            async with practice.exchange(alone) as told:
                await registered(told)
                parts = {part.name: part for part in (await told.status()).parts}
                assert parts["emergency calls"].state == "alarm"
                assert "Dr. Alvarez, 2026-11-23" in parts["emergency calls"].cure

                async def dial() -> None:
                    await soon(mobile.call(MOBILE))

                _, patient = await told.named(dial)
                desk = await alone.telco.dial("102", "911")
                await mobile.until(lambda: mobile.network.dialled == ["911"])
                await told.outcome(patient)
                mobile.answer()
                mobile.speak(SAYS_HZ, SAID_DBM0)
                await mobile.until(lambda: mobile.modem.has_voice)
                await mobile.has_spoken(1.5)
                mobile.hang_up()
                await soon(desk.ended)
                assert abs(SAID_DBM0 - steady_level(ear.sound(desk.heard), SAYS_HZ)) < WITHIN_DB
                assert ear.tone_s(desk.heard, CANNOT_HZ) == 0
        finally:
            mobile.close()

    alone.run_on_time(story)


def test_who_dials_911_as_our_programs_die_hears_so_and_gets_through_once_they_are_back(
    alone: Town, ports: Path
) -> None:
    """What the dead ones left in the modem is ended first."""

    async def story(_figures: Figures) -> None:
        mobile = FarMobile(ports)
        try:
            async with practice.exchange(alone) as told:
                await registered(told)
                desk = await alone.telco.dial("102", "911")
                await mobile.until(lambda: mobile.network.dialled == ["911"])
                assert told.supervisor.pid is not None
                told.supervisor.ready.clear()
                os.kill(told.supervisor.pid, signal.SIGKILL)
                await soon(desk.ended)
                assert ear.tone_s(desk.heard, CANNOT_HZ) > 2
                await soon(told.supervisor.ready.wait())
                await registered(told)
                again = await alone.telco.dial("102", "911")
                await mobile.until(lambda: mobile.network.dialled == ["911", "911"])
                await again.hang_up()
                await mobile.let_go()
        finally:
            mobile.close()

    alone.run_on_time(story)


def test_nobody_who_dials_911_by_the_modem_is_dropped_because_nobody_answers_there(
    alone: Town, ports: Path
) -> None:
    """The network ends the try; it is made again, for as long as 911 is tried at all."""

    async def story(_figures: Figures) -> None:
        mobile = FarMobile(ports)
        try:
            async with practice.exchange(alone) as told:
                await registered(told)
                desk = await alone.telco.dial("102", "911")
                await mobile.until(lambda: mobile.network.dialled == ["911"])
                mobile.hang_up()
                await mobile.until(lambda: mobile.network.dialled == ["911", "911"])
                assert not desk.ended.done()
                await desk.hang_up()
        finally:
            mobile.close()

    alone.run_on_time(story)


def test_a_second_911_by_the_only_modem_waits_for_the_first_and_never_ends_it(
    alone: Town, ports: Path
) -> None:
    """Nor is either dropped, or dialled once more, for what became of the other."""

    async def story(_figures: Figures) -> None:
        mobile = FarMobile(ports)
        try:
            async with practice.exchange(alone) as told:
                await registered(told)
                first = await alone.telco.dial("102", "911")
                await mobile.until(lambda: mobile.network.dialled == ["911"])
                second = await alone.telco.dial("103", "911")
                mobile.answer()
                mobile.speak(SAYS_HZ, SAID_DBM0)
                await mobile.until(lambda: mobile.modem.has_voice)
                await mobile.has_spoken(3.0)
                assert mobile.network.dialled == ["911"]
                assert not first.ended.done()
                assert not second.ended.done()
                mobile.hang_up()
                await soon(first.ended)
                await mobile.until(lambda: mobile.network.dialled == ["911", "911"])
                assert not second.ended.done()
                await second.hang_up()
                await mobile.let_go()
        finally:
            mobile.close()

    alone.run_on_time(story)


def test_without_our_programs_who_dials_911_hears_that_this_telephone_cannot_reach_it(
    alone: Town,
) -> None:
    async def story(_figures: Figures) -> None:
        desk = await alone.telco.dial("102", "911")
        await soon(desk.ended)
        assert ear.tone_s(desk.heard, CANNOT_HZ) > 2

    alone.run_on_time(story)
