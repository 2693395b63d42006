"""How the clinic stands, for everybody who watches a screen: one look for all of them.

While somebody watches, one connection to the exchange hears each step of each call; a step leads
to a look, four a second at most, and what was seen is told to every screen. While nobody watches,
nothing is asked. A screen that reads slowly misses what was in between and has the newest; nothing
waits for it.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from firmware import board, inbox, request_topics, topics
from firmware.board import BoardReply
from firmware.control import ControlError, ask_async, follow_async
from firmware.ledger import calls, in_mailboxes, messages
from firmware.machine import MachineKey, MachineKeyError
from firmware.place import Place
from firmware.request_topics import RequestsReply
from firmware.store import StoreError, open_reader
from firmware.topics import AgentsReply, CallbacksReply, LeasesReply, StatusReply
from firmware.web.words import to_say
from firmware.who_calls import Caller, who

QUICKEST_S, SLOWEST_S = 0.25, 5.0
# What changes with a call is looked at with each step; the rest not more often than this.
REST_EVERY_S = 2.0
RECONNECT_S = 1.0
DOWN = to_say(
    "It starts again by itself, most often within a minute. Go on answering the telephones. If this"
    " is still here after five minutes, switch the box off and on, and call your technician."
)
REQUESTS_MOST = 1  # only their counts are shown here

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the clinic stands. What only the exchange knows is absent while there is none; what lies
    in the store is told all the same."""

    down: str = ""  # why nothing of the exchange is known; empty while it answers
    status: StatusReply | None = None
    board: BoardReply | None = None
    agents: AgentsReply | None = None
    requests: RequestsReply | None = None
    callbacks: CallbacksReply | None = None
    leases: LeasesReply | None = None
    calls: Mapping[str, int] = field(default_factory=dict)  # in progress, by line
    unheard: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # new, urgent; by mailbox
    undone: Mapping[str, int] = field(default_factory=dict)  # messages to see to, by mailbox
    # Who calls, by call: for those alone who may read it, and in no log.
    callers: Mapping[str, Caller] = field(default_factory=dict, repr=False)


class Live:
    """The one look of one page."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._newest = Standing()
        self._looked_at = self._rest_at = float("-inf")
        self._looking = asyncio.Lock()
        self._watchers = 0
        self._wanted = asyncio.Event()
        self._stepped = asyncio.Event()
        self._changed = asyncio.Condition()

    async def now(self) -> Standing:
        """As it is now, or was a quarter of a second ago."""
        async with self._looking:
            if time.monotonic() - self._looked_at > QUICKEST_S:
                await self._look()
            return self._newest

    async def follow(self) -> AsyncGenerator[Standing, None]:
        """As it is now, and then each change."""
        self._watchers += 1
        self._wanted.set()
        try:
            told = await self.now()
            yield told
            while True:
                told = await self._after(told)
                yield told
        finally:
            self._watchers -= 1
            if self._watchers == 0:
                self._wanted.clear()

    async def _after(self, before: Standing) -> Standing:
        """The newest, which may have come while its reader was busy with the one before."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._newest is not before)
            return self._newest

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._always(self._listen))
            group.create_task(self._always(self._look_again))

    async def _always(self, living: Callable[[], Awaitable[None]]) -> None:
        """A fault nobody thought of costs one look, and not every screen from then on."""
        while True:
            try:
                await living()
            except Exception as fault:
                log.error("a look at the clinic failed", kind=type(fault).__name__)  # noqa: TRY400
            await asyncio.sleep(RECONNECT_S)

    async def _listen(self) -> None:
        while True:
            await self._wanted.wait()
            try:
                async for _ in follow_async(
                    self._place.control_socket, topics.WATCH, topics.WatchRequest()
                ):
                    self._stepped.set()
                    if not self._watchers:
                        break
            except (ControlError, OSError, ValueError):
                pass  # no exchange, or not one of ours: the look itself finds out and says so
            await asyncio.sleep(RECONNECT_S)

    async def _look_again(self) -> None:
        while True:
            await self._wanted.wait()
            # A time that ran out is a change too: a schedule closes without any call.
            with suppress(TimeoutError):
                async with asyncio.timeout(SLOWEST_S):
                    await self._stepped.wait()
            self._stepped.clear()
            async with self._looking:
                await self._look()
            async with self._changed:
                self._changed.notify_all()
            await asyncio.sleep(QUICKEST_S)

    async def _look(self) -> None:
        stored = await asyncio.to_thread(self._stored)
        try:
            found = await self._of_exchange()
        except ControlError:  # what the console says of it is for who looks after programs
            found = Standing(down=DOWN)
            self._rest_at = float("-inf")
        except (OSError, ValueError) as odd:  # an exchange of another version, amid an update
            log.warning("the exchange's answer is not understood", kind=type(odd).__name__)
            found = Standing(down=DOWN)
            self._rest_at = float("-inf")
        callers = await asyncio.to_thread(self._who_calls, found.board)
        self._newest = replace(
            found,
            calls=stored.calls,
            unheard=stored.unheard,
            undone=stored.undone,
            callers=callers,
        )
        self._looked_at = time.monotonic()

    async def _of_exchange(self) -> Standing:
        door = self._place.control_socket
        found = replace(
            self._newest,
            down="",
            board=await ask_async(door, board.BOARD, board.BoardRequest()),
            agents=await ask_async(door, topics.AGENTS, topics.AgentsRequest()),
        )
        if time.monotonic() - self._rest_at < REST_EVERY_S:
            return found
        wish = request_topics.RequestsRequest(limit=REQUESTS_MOST)
        found = replace(
            found,
            status=await ask_async(door, topics.STATUS, topics.StatusRequest()),
            requests=await ask_async(door, request_topics.REQUESTS, wish),
            callbacks=await ask_async(door, topics.CALLBACKS, topics.CallbacksRequest()),
            leases=await ask_async(door, topics.LEASES, topics.LeasesRequest()),
        )
        self._rest_at = time.monotonic()
        return found

    def _stored(self) -> Standing:
        """What lies in calls.db, which is there without an exchange too."""
        path = self._place.calls_db
        if not path.exists():
            return Standing()
        try:
            reader = open_reader(path)
            try:
                with reader.connect() as connection:
                    return Standing(
                        calls=_in_progress(connection),
                        unheard=_unheard(connection),
                        undone=inbox.left_in_each(connection),
                    )
            finally:
                reader.dispose()
        except (StoreError, SQLAlchemyError) as unread:
            log.warning("calls.db cannot be read", why=str(unread))
            return Standing()

    def _who_calls(self, seen: BoardReply | None) -> Mapping[str, Caller]:
        """Of those for whom a telephone rings, or who talk."""
        if seen is None or not seen.calling or not self._place.machine_key.exists():
            return {}
        try:
            key = MachineKey.at(self._place.machine_key)
            with ExitStack() as opened:
                ledger, listed = (
                    opened.enter_context(_reading(path))
                    for path in (self._place.calls_db, self._place.page_db)
                )
                found = {each.call: who(ledger, listed, key, each.call) for each in seen.calling}
        except (StoreError, SQLAlchemyError, MachineKeyError) as unread:
            log.warning("who calls cannot be read", kind=type(unread).__name__)
            return {}
        return {call: caller for call, caller in found.items() if caller is not None}


@contextmanager
def _reading(path: Path) -> Iterator[Connection]:
    reader = open_reader(path)
    try:
        with reader.connect() as connection:
            yield connection
    finally:
        reader.dispose()


def _in_progress(connection: Connection) -> Mapping[str, int]:
    asked = select(calls.c.line, func.count().label("calls")).where(calls.c.outcome.is_(None))
    return {row.line: row.calls for row in connection.execute(asked.group_by(calls.c.line))}


def _unheard(connection: Connection) -> Mapping[str, tuple[int, int]]:
    """Of each mailbox how many messages are new, and how many of those are urgent."""
    asked = (
        select(in_mailboxes.c.mailbox, func.count(), func.sum(messages.c.urgent))
        .join(messages, messages.c.message == in_mailboxes.c.message)
        .where(in_mailboxes.c.heard.is_(None), messages.c.deleted.is_(None))
        .group_by(in_mailboxes.c.mailbox)
    )
    return {box: (count, int(urgent or 0)) for box, count, urgent in connection.execute(asked)}
