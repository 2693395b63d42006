"""A clinic's door: telephones open it by a code, for some seconds. Telephones and exchange are
real, the board is simulated on a pseudo-terminal."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from hw.panel.board_simulator import BoardSimulator
from tests.system import practice
from tests.system.practice import Story
from tests.system.town import Town, soon
from tests.system.typed import careline

PLACE = "usb-0:3"


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("by-path")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, ports: Path) -> Iterator[Town]:
    site = f"""{practice.SITE}
[panel]
board = "{ports}/{PLACE}"
door = "relay1"
door_s = 2
door_phones = ["101"]
door_code = "4711"
"""
    with practice.build(tmp_path_factory.mktemp("door"), site) as standing:
        yield standing


async def until_panel(told: Story, state: str) -> None:
    """The status tells so of the panel."""
    while True:
        if (state, "panel") in [(part.state, part.name) for part in (await told.status()).parts]:
            return


async def until_shut(board: BoardSimulator) -> None:
    """A relay tells nobody that it fell back."""
    while board.is_lit("relay1"):  # noqa: ASYNC110
        await asyncio.sleep(0)


def test_a_telephone_opens_the_door_for_two_seconds_and_no_other_and_no_wrong_code_does(
    here: Town, ports: Path
) -> None:
    async def keyed(board: BoardSimulator, phone: str, code: str) -> bool:
        """Whether the door was open while it was told."""
        call = await here.telco.dial(phone, f"*35{code}")
        was_open = False
        while not call.ended.done():
            was_open = was_open or board.is_lit("relay1")
            await asyncio.sleep(0)
        return was_open

    async def story() -> None:
        board = BoardSimulator(ports / PLACE, ("relay1",), ())
        board.plug()
        async with practice.exchange(here) as told:
            await soon(until_panel(told, "well"))
            assert await soon(keyed(board, "101", "4711"))
            await soon(until_shut(board))
            assert not await soon(keyed(board, "101", "4712"))
            assert not await soon(keyed(board, "102", "4711"))
            board.unplug()
            await soon(until_panel(told, "alarm"))
            assert not await soon(keyed(board, "101", "4711"))
            audited = await careline(here, "audit", "list")
        assert audited.count("opened the door") == 2  # entered before it is tried
        assert "the door: its board did not open it" in audited
        assert "the door: a wrong code" in audited
        assert "4711" not in audited
        assert "4712" not in audited

    here.run(story())
