"""The inbox: whoever waits at it can be told to stop at any moment."""

import asyncio

import pytest

from firmware.loop import Inbox
from ivr import events

GONE = events.CallerLeft("a")


@pytest.mark.parametrize("turns", range(8))
def test_who_is_told_to_stop_while_an_event_arrives_stops(turns: int) -> None:
    """Else an exchange that was asked to stop went on until the next deadline of a call."""

    async def story() -> None:
        inbox = Inbox()
        taking = asyncio.create_task(inbox.take(3600))
        for _ in range(5):
            await asyncio.sleep(0)
        inbox.put(GONE)
        for _ in range(turns):
            await asyncio.sleep(0)
        was_waiting = taking.cancel()
        await asyncio.wait({taking})
        assert taking.cancelled() is was_waiting
        assert was_waiting or taking.result() == GONE

    asyncio.run(story())


def test_who_waits_takes_what_comes_in_order_and_nothing_when_the_time_is_up() -> None:
    async def story() -> None:
        inbox = Inbox()
        taking = asyncio.create_task(inbox.take(3600))
        await asyncio.sleep(0)
        inbox.put(GONE, events.CallerLeft("b"))
        assert await taking == GONE
        assert await inbox.take(0) == events.CallerLeft("b")
        assert await inbox.take(0) is None

    asyncio.run(story())
