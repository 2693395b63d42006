"""Whoever is told to end ends, also in the very moment in which what they waited for has come."""

import asyncio
from pathlib import Path

import pytest

from firmware import root
from firmware.guard_acts import ArrangeGuard
from firmware.root import Done


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(Done(said="").model_dump_json().encode() + b"\n")


@pytest.mark.parametrize("turns", range(16))
def test_the_guard_ends_as_the_answer_of_root_comes(turns: int, tmp_path: Path) -> None:
    """Python 3.11's `wait_for` loses such an end, and its task waits for ever."""

    async def story() -> None:
        at = tmp_path / "root.sock"
        async with await asyncio.start_unix_server(_answers, at):
            asking = asyncio.create_task(root.ask(at, ArrangeGuard(ports=(5060,), spared=())))
            for _ in range(turns):
                await asyncio.sleep(0)
            is_told = asking.cancel()
            await asyncio.wait({asking})
            assert asking.cancelled() == is_told

    asyncio.run(story())
