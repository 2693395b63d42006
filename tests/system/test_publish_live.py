"""An admin changes the site file while the exchange answers calls: the whole way, as a command."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import trial
from tests.system import practice, town
from tests.system.town import SOON_S, Town
from tests.system.typed import careline, typed


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Town]:
    """A town of its own, for a publish that changes it."""
    with town.build(tmp_path / "town") as standing:
        yield standing


def test_a_changed_menu_is_in_force_for_the_next_call_and_the_old_call_keeps_its_own(
    clinic: Town,
) -> None:
    text = clinic.place.site_file.read_text("utf-8")
    changed = text.replace('4 = "address"', '4 = "refill"')
    assert changed != text
    new = clinic.place.home / "changed.toml"
    new.write_text(changed)

    async def story() -> None:
        async with clinic.rehearsal.root(), practice.exchange(clinic) as told:
            line, old_call = await told.call(clinic.telco)
            said = await careline(clinic, "publish", str(new), "--confirm-within", "600")
            assert "version 2 is in force" in said
            await line.press("4")
            await told.step(old_call, "say", "main/address")
            await line.hang_up()
            line, new_call = await told.call(clinic.telco)
            await line.press("4")
            await told.step(new_call, "message", "main/refill")
            await line.hang_up()
            assert "version 2 stays" in await careline(clinic, "publish", "--confirm")
            said = await careline(clinic, "versions", "compare", "1", "2")
            assert "Key 4 of the menu `main/menu` now leads to `refill`; before, to `ad" in said

    clinic.run(story())


def test_a_site_with_faults_is_refused_and_one_that_nobody_confirms_goes_by_itself(
    clinic: Town,
) -> None:
    text = clinic.place.site_file.read_text("utf-8")
    bad = clinic.place.home / "bad.toml"
    bad.write_text(
        text.replace('flow = "main"', 'flow = "mian"').replace("offer_s = 15", "offer_s = 0")
    )

    async def story() -> None:
        async with clinic.rehearsal.root(), practice.exchange(clinic) as told:
            status, said = await typed(clinic, "publish", str(bad))
            assert status == 2
            assert "mian" in said
            assert "nothing was changed" in said
            assert clinic.place.site_file.read_text("utf-8") == text
            bad.write_text(text.replace('4 = "address"', '4 = "refill"').replace("106", "107"))
            await careline(clinic, "publish", str(bad), "--confirm-within", "1")
            async with asyncio.timeout(SOON_S):
                while trial.pending(clinic.place) is not None:
                    await typed(clinic, "status")
            assert clinic.place.site_file.read_text("utf-8") == text
            endpoints = await clinic.clinic.rx("pjsip show endpoints")
            assert (" 106/106 " in endpoints, " 107/107 " in endpoints) == (True, False)
            line, call = await told.call(clinic.telco)
            await line.press("4")
            await told.step(call, "say", "main/address")
            await line.hang_up()

    clinic.run(story())
