"""A call on the self-test line and how it ended, as the exchange's own books have it."""

import asyncio
from pathlib import Path

from firmware import topics
from firmware.control import ask_async
from firmware.selftest import SELFTEST_CALL, SelfTestRequest
from ivr.canary import SELFTEST

ENDED_WITHIN_S = 5.0
PAUSE_S = 0.1
QUEUE_KEY, MESSAGE_KEY = "1", "2"  # of the canary's menu (ivr/canary.py)
TALK_S = 2.0
# A comma is two seconds: the greeting is heard out, then the caller hums until they are done.
TO_A_PHONE = SelfTestRequest(press=QUEUE_KEY, wait_s=TALK_S)
TO_A_MESSAGE = SelfTestRequest(press=f"{MESSAGE_KEY},,1", wait_s=6.0)


async def outcomes(socket: Path, request: SelfTestRequest, within_s: float) -> list[str]:
    """Of the one call that was placed. TimeoutError, ControlError: none came of it."""
    before = {each.call for each in await _calls(socket)}
    await ask_async(socket, SELFTEST_CALL, request, timeout_s=within_s)
    async with asyncio.timeout(ENDED_WITHIN_S):
        while True:  # until its last rows are durable
            ours = [each for each in await _calls(socket) if each.call not in before]
            if ours and all(each.outcome is not None for each in ours):
                return [str(each.outcome) for each in ours]
            await asyncio.sleep(PAUSE_S)


async def _calls(socket: Path) -> list[topics.CallLine]:
    reply = await ask_async(socket, topics.CALLS, topics.CallsRequest(limit=1000))
    return [each for each in reply.calls if each.line == SELFTEST]
