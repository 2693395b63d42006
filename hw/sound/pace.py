"""The pace of a telephone's sound: a frame is due every 20 ms."""

import asyncio
from collections.abc import AsyncIterator

FRAME_S, LATE_MOST_S = 0.02, 0.2


async def fiftieths() -> AsyncIterator[None]:
    """Fifty a second; those that a busy machine missed are made up for, but for a fifth of one."""
    clock = asyncio.get_running_loop().time
    due = clock()
    while True:
        yield
        due = max(due + FRAME_S, clock() - LATE_MOST_S)
        await asyncio.sleep(due - clock())
