"""One loop, one inbox, one consumer: events go in from anywhere, decisions come out one at a time,
in order.

The consumer alone touches the call logic, so nothing in `ivr` needs a lock. It sleeps until an
event or the next deadline, never on an action's answer: what must be awaited runs as a task of its
own and reports back as an event.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime

from ivr import commands, events
from ivr.exchange import Exchange

Clock = Callable[[], float]
LocalTime = Callable[[], datetime]


class Inbox:
    """Events in the order in which they were put; from the loop's own thread only."""

    def __init__(self) -> None:
        self._events: deque[events.Event] = deque()
        self._filled = asyncio.Event()

    def put(self, *happened: events.Event) -> None:
        self._events.extend(happened)
        if happened:
            self._filled.set()

    async def take(self, timeout_s: float | None) -> events.Event | None:
        """The next event, or None when the time is up."""
        if not self._events:
            self._filled.clear()
            try:
                # Not `wait_for`: Python 3.11's forgets that it was cancelled if an event arrives.
                async with asyncio.timeout(timeout_s):
                    await self._filled.wait()
            except TimeoutError:
                return None
        return self._events.popleft()


async def consume(
    exchange: Exchange,
    inbox: Inbox,
    perform: Callable[[events.Event | None, list[commands.Command]], None],
    *,
    now: Clock,
    local: LocalTime,
) -> None:
    """Until cancelled: each event to the call logic, each command to `perform`. What is due comes
    first, so that no stream of events can hold it up."""
    while True:
        deadline = exchange.next_deadline()
        if deadline is not None and deadline <= now():
            perform(None, exchange.time_came(now(), local()))
            continue
        event = await inbox.take(None if deadline is None else deadline - now())
        if event is not None:
            perform(event, exchange.receive(event, now(), local()))
