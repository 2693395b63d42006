"""What goes wrong beside the calls ends nothing else."""

import asyncio

import pytest

from firmware.survived import starting


def test_a_part_that_fails_is_told_of_and_its_neighbours_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def failing() -> None:
        raise KeyError("nobody thought of this")

    async def story() -> str:
        async with asyncio.TaskGroup() as group:
            starting(group.create_task, "modems")(failing())
            await asyncio.sleep(0)
            return "calls went on"

    assert asyncio.run(story()) == "calls went on"
    assert "calls go on" in capsys.readouterr().out
