"""An admin changes the site file while the exchange answers calls: the whole way, as a command."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from firmware import topics
from firmware.control import follow_async
from tests.system import town
from tests.system.test_selftest import typed
from tests.system.town import Town, within

CLINIC = "2025550100"


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    standing = town.build(tmp_path_factory.mktemp("publish"))
    yield standing
    standing.tear_down()
    town.forget(standing.place.home)


@asynccontextmanager
async def steps(clinic: Town) -> AsyncIterator[asyncio.Queue[topics.StepLine]]:
    """What the exchange's ledger tells from now on."""
    told: asyncio.Queue[topics.StepLine] = asyncio.Queue()

    async def listen() -> None:
        at = clinic.place.control_socket
        async for step in follow_async(at, topics.WATCH, topics.WatchRequest()):
            told.put_nowait(step)

    listening = asyncio.create_task(listen())
    try:
        yield told
    finally:
        listening.cancel()


async def until(told: asyncio.Queue[topics.StepLine], step: str, detail: str) -> None:
    async with asyncio.timeout(10):
        while True:
            came = await told.get()
            if came.step == step and detail in came.detail:
                return


def test_a_changed_menu_is_in_force_for_the_next_call_and_the_old_call_keeps_its_own(
    clinic: Town,
) -> None:
    text = clinic.place.site_file.read_text("utf-8")
    changed = text.replace('4 = "address"', '4 = "refill"')
    assert changed != text
    new = clinic.place.home / "changed.toml"
    new.write_text(changed)

    async def story() -> None:
        async with clinic.rehearsal.root(), clinic.rehearsal.exchange(), steps(clinic) as told:
            old_call = await clinic.telco.call(CLINIC)
            await until(told, "menu", "main/menu")
            status, said = await typed(clinic, "publish", str(new))
            assert status == 0, said
            await old_call.press("4")
            await until(told, "say", "main/address")
            await old_call.hang_up()
            new_call = await clinic.telco.call(CLINIC)
            await until(told, "menu", "main/menu")
            await new_call.press("4")
            await until(told, "message", "main/refill")
            await new_call.hang_up()

    clinic.run(story())


def test_a_site_file_with_faults_is_refused_and_the_running_exchange_keeps_the_old(
    clinic: Town,
) -> None:
    text = clinic.place.site_file.read_text("utf-8")
    bad = clinic.place.home / "bad.toml"
    bad.write_text(
        text.replace('flow = "main"', 'flow = "mian"').replace("offer_s = 15", "offer_s = 0")
    )

    async def story() -> None:
        async with clinic.rehearsal.root(), clinic.rehearsal.exchange(), steps(clinic) as told:
            status, said = await typed(clinic, "publish", str(bad))
            assert status == 2
            assert "mian" in said
            assert "nothing was changed" in said
            assert clinic.place.site_file.read_text("utf-8") == text
            call = await clinic.telco.call(CLINIC)
            await within(10, call.answered)
            await until(told, "menu", "main/menu")
            await call.hang_up()

    clinic.run(story())
