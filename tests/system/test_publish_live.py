"""An admin changes the site file while the exchange answers calls: the whole way, as a command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import practice, town
from tests.system.town import Town
from tests.system.typed import typed


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
            status, said = await typed(clinic, "publish", str(new))
            assert status == 0, said
            await line.press("4")
            await told.step(old_call, "say", "main/address")
            await line.hang_up()
            line, new_call = await told.call(clinic.telco)
            await line.press("4")
            await told.step(new_call, "message", "main/refill")
            await line.hang_up()

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
        async with clinic.rehearsal.root(), practice.exchange(clinic) as told:
            status, said = await typed(clinic, "publish", str(bad))
            assert status == 2
            assert "mian" in said
            assert "nothing was changed" in said
            assert clinic.place.site_file.read_text("utf-8") == text
            line, _ = await told.call(clinic.telco)
            await line.hang_up()

    clinic.run(story())
