"""A box has a new version, and asks itself whether it may stay; nobody outside hears of it."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from firmware import settings
from firmware.doctor.findings import Colour
from firmware.place import Place
from firmware.update.gate import Box, examined
from tests.system import town
from tests.system.town import Town

SOON_S = 3.0  # where nothing comes, there is nothing to wait for


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town.build(tmp_path_factory.mktemp("gate")) as standing:
        yield standing


def box_of(clinic: Town, programs: Path | None = None) -> Box:
    return Box(clinic.place, programs, clinic.rehearsal.https_port)


def red(found: object) -> list[str]:
    return [each.about for each in found if each.colour is Colour.RED]  # type: ignore[attr-defined]


def test_a_healthy_box_passes_and_no_telephone_rings(clinic: Town, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.write_bytes(bytes(3_000_000))

    async def story() -> None:
        async with clinic.rehearsal.exchange(), clinic.rehearsal.web():
            told: list[object] = []
            found = await examined(box_of(clinic, programs), told.append)
            assert red(found) == [], found
            assert told == found
            said = {each.about: each.figure for each in found}
            assert said["the programs"] == "all 3 MB of them can be read"
            assert "911" in said["the configuration and 911"]
            assert said["a call to a telephone"] == "it ended as answered"
            assert said["a call that leaves a message"] == "it ended as message"
        assert all(desk.rings == [] for desk in clinic.telco.desks.values())
        assert clinic.telco.invitations == []
        assert clinic.telco.emergency_invitations == []

    clinic.run(story())


def test_a_box_whose_exchange_does_not_start_fails_and_so_does_one_without_a_page(
    clinic: Town,
) -> None:
    async def story() -> None:
        found = await examined(replace(box_of(clinic), up_within_s=SOON_S))
        assert red(found) == [
            "the clinic's page", "a call to a telephone", "a call that leaves a message",
        ]  # fmt: skip
        assert all(each.cure for each in found if each.colour is Colour.RED)

    clinic.run(story())


def test_a_version_that_cannot_read_the_clinic_s_site_file_fails(
    clinic: Town, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    place.run.mkdir()
    place.site_file.write_text('[clinic]\nname = "of a later version"\nfax_to_space = true\n')

    async def story() -> None:
        found = await examined(Box(place, None, clinic.rehearsal.https_port, SOON_S))
        assert "the configuration and 911" in red(found)

    clinic.run(story())


def test_a_version_whose_asterisk_does_not_start_fails(clinic: Town, tmp_path: Path) -> None:
    """As where a module of it is not whole."""
    bare = Place(tmp_path)
    bare.run.mkdir()
    text = clinic.place.site_file.read_text()
    assert settings.read(text)
    bare.site_file.write_text(text)

    async def story() -> None:
        found = await examined(Box(bare, None, clinic.rehearsal.https_port, SOON_S))
        assert "the configuration and 911" in red(found)

    clinic.run(story())


def test_programs_of_which_a_block_cannot_be_read_fail(tmp_path: Path) -> None:
    async def story() -> None:
        # A process's memory has nothing at its first address: the kernel says so, as of a disk.
        found = await examined(Box(Place(tmp_path), Path("/proc/self/mem"), 1, SOON_S))
        assert "the programs" in red(found)

    asyncio.run(story())


def test_a_box_that_nobody_has_set_up_shows_its_page_and_its_programs(clinic: Town) -> None:
    async def story() -> None:
        async with clinic.rehearsal.web():
            new = Box(Place(clinic.place.home / "nothing"), None, clinic.rehearsal.https_port)
            found = await examined(new)
            assert [(each.about, each.colour) for each in found] == [
                ("the programs", Colour.GREEN), ("the clinic's page", Colour.GREEN),
            ]  # fmt: skip

    clinic.run(story())
