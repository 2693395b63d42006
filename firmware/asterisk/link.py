"""The AMI link: one connection to Asterisk, kept. The only file that knows the package
asterisk-ami.

The package gives the client: its actions' ids, its dispatch of responses, its login. Its
transport is replaced here, because as shipped it loses actions and messages (asterisk.md, and the
tests beside this file's). Nothing here knows what a message means; `translate` does.

    DOWN --greeted, login accepted--> UP --closed, silent, not AMI--> DOWN
    DOWN --login refused--> REFUSED --a slow retry--> UP or DOWN

Silence is measured by answers to what we asked, not by what Asterisk tells by itself. Whatever was
not answered when a connection ends has failed: its outcome is unknown, and the resynchronisation
that follows finds out.
"""

import asyncio
import math
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

from asterisk.ami import (  # type: ignore[import-untyped]  # the package ships no types
    AMIClient,
    LoginAction,
    Response,
)

from firmware.asterisk.wire import Message, Pair, Reader, WireError, encode

SILENCE_S = 3.0  # design.md: AMI silent for this long has failed
RETRY_FIRST_S = 0.1
RETRY_LONGEST_S = 2.0
REFUSED_RETRY_S = (
    5.0  # a wrong secret does not mend itself, and each try is a line in Asterisk's log
)
MOST_OUTSTANDING = 256  # actions; an exchange with more unanswered has lost its Asterisk already
MOST_UNSENT_BYTES = 1024 * 1024


EVENT = b"\r\nEvent: "
TEST_EVENT = b"\r\nEvent: TestEvent\r\n"  # Debian builds Asterisk with its test framework on


class LinkState(StrEnum):
    """How the link stands."""

    DOWN = "down"
    REFUSED = "login refused"
    UP = "up"


class LinkDown(Exception):  # noqa: N818 - it is what happened, and the name says so
    """There is no answer to be had. If the action was sent, whether it was carried out is
    unknown."""


class ActionLate(LinkDown):
    """Asterisk did not answer by the deadline."""


class ActionFailed(Exception):  # noqa: N818 - it is what happened, and the name says so
    """Asterisk answered, and refused."""

    def __init__(self, action: str, message: Message) -> None:
        super().__init__(
            f"Asterisk refused {action}: {message.get('Message') or 'no reason given'}"
        )
        self.message = message


class _LoginRefused(Exception):  # noqa: N818 - it is what happened, and the name says so
    """Asterisk does not know us: the secret differs, or the user is not there yet."""


class _Reply:
    """What the client's dispatch hands a response to, in place of the package's thread condition;
    `listed` are the events of an answer that is a list."""

    __slots__ = ("action", "future", "listed")

    def __init__(self, action: str, future: asyncio.Future[Message], *, is_list: bool) -> None:
        self.action = action
        self.future = future
        self.listed: list[Message] | None = [] if is_list else None

    @property
    def response(self) -> Response:
        raise AttributeError("a reply is awaited, not read")

    @response.setter
    def response(self, response: Response) -> None:
        """Called by the package, once, with the response of this action."""
        message: Message = response.keys
        if self.future.done():
            return
        if response.is_error():
            self.future.set_exception(ActionFailed(self.action, message))
        elif self.listed is None or message.get("EventList") != "start":
            self.future.set_result(message)

    def take(self, message: Message) -> None:
        """One event of the list; the last one completes it."""
        if message.get("EventList") in ("Complete", "Cancelled"):
            self.future.set_result(message)
        elif self.listed is not None:
            self.listed.append(message)


class _Client(AMIClient, asyncio.Protocol):  # type: ignore[misc]  # an untyped base
    """One connection: asterisk-ami's client over an asyncio transport.

    A protocol rather than a stream, because then what has arrived is dispatched before any deadline
    of the same turn of the loop: a loop that was held up does not take its own delay for
    Asterisk's."""

    def __init__(self, receive: Callable[[Message], None], clock: Callable[[], float]) -> None:
        super().__init__()
        loop = asyncio.get_running_loop()
        self.greeted: asyncio.Future[str] = loop.create_future()
        self.over: asyncio.Future[None] = (
            loop.create_future()
        )  # never has a result, only an exception
        self.answered_at = -math.inf
        self._loop = loop
        self._clock = clock
        self._reader = Reader()
        self._transport: asyncio.Transport | None = None
        # ActionIDs come back in events of other sessions too (OriginateResponse): ours are
        # recognisable.
        self._mark = secrets.token_hex(4)
        self._listing: dict[str, _Reply] = {}
        self._receive = receive

    # ---- what asyncio calls ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self.over.done():
            return
        try:
            messages = self._reader.feed(data)
            if self._reader.greeting is not None and not self.greeted.done():
                self._greet(self._reader.greeting)
            for message in messages:
                self.fire_recv_pack(message)
        except (
            Exception
        ) as error:  # the session raises it again: a fault of ours is not hidden here
            self.end(error)

    def connection_lost(self, error: Exception | None) -> None:
        self.end(LinkDown(f"Asterisk closed the connection{f': {error}' if error else ''}"))

    # ---- the package's transport, replaced ----

    def next_action_id(self) -> str:
        number = super().next_action_id()
        return f"{self._mark}-{number}"

    def send(self, pack: bytes) -> None:
        """Whole, always: the transport keeps what the kernel does not take yet."""
        if self._transport is None or self.over.done():
            raise LinkDown("the link to Asterisk is down")
        if self._transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
            raise LinkDown("Asterisk does not read what it is sent")
        self._transport.write(pack)

    def fire_recv_pack(self, message: Message) -> None:
        """Responses go through the package's dispatch, our message in place of its dict; events go
        straight on, for its listeners cost more than all else that is done with most events."""
        if not self._futures and not self._listing and message.raw.startswith(EVENT):
            self._tell(message)
            return
        asked = message.get("ActionID")
        if asked in self._futures or asked in self._listing:
            self.answered_at = self._clock()
        if not message.raw.startswith(EVENT):
            self.fire_recv_reponse(Response(message.get("Response"), message))
        elif (reply := self._listing.get(asked)) and not reply.future.done():
            reply.take(message)
        else:
            self._tell(message)

    def _tell(self, event: Message) -> None:
        if not event.raw.startswith(TEST_EVENT):
            self._receive(event)

    # ---- what the link calls ----

    @property
    def outstanding(self) -> int:
        """Actions whose answer is not complete."""
        return len(self._futures.keys() | self._listing.keys())

    async def ask(
        self, action: str, fields: tuple[Pair, ...], deadline_s: float, *, is_list: bool
    ) -> tuple[Message, list[Message]]:
        """The response, and the events that belong to it."""
        if self.outstanding >= MOST_OUTSTANDING:
            raise LinkDown(f"{MOST_OUTSTANDING} actions wait for Asterisk's answer already")
        action_id = self.next_action_id()
        pack = encode((("Action", action), ("ActionID", action_id), *fields))
        reply = _Reply(action, self._loop.create_future(), is_list=is_list)
        self._futures[action_id] = reply
        if is_list:
            self._listing[action_id] = reply
        timer = self._loop.call_later(deadline_s, _late, reply, deadline_s)
        try:
            self.send(pack)
            message = await reply.future
        finally:
            timer.cancel()
            self._futures.pop(action_id, None)
            self._listing.pop(action_id, None)
        return message, reply.listed or []

    def end(self, error: Exception) -> None:
        """Once: everything awaited fails, and the connection goes without waiting for the peer."""
        if self.over.done():
            return
        self.over.set_exception(error)
        self.over.exception()  # seen: the loop need not complain when nobody awaits it
        unanswered = LinkDown(f"the link to Asterisk ended: {error}")
        for reply in (*self._futures.values(), *self._listing.values()):
            if not reply.future.done():
                reply.future.set_exception(unanswered)
        if not self.greeted.done():
            self.greeted.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _greet(self, greeting: str) -> None:
        if not self.asterisk_start_regex.match(greeting):
            raise WireError("no AMI greeting: something else listens on this port")
        self.greeted.set_result(greeting)


def _late(reply: _Reply, deadline_s: float) -> None:
    if not reply.future.done():
        reply.future.set_exception(
            ActionLate(f"Asterisk did not answer {reply.action} within {deadline_s:g} s")
        )


async def nothing() -> None:
    """No resynchronisation."""


class Link:
    """AMI as the exchange uses it: `run` keeps it up, `send` and `ask` use it while it is.

    `receive` gets every event but the answers to `ask`; `changed` each change of state. `resync`
    runs after every login, with the link up; if it fails for want of an answer the connection is
    given up and made again."""

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        secret: str,
        *,
        receive: Callable[[Message], None],
        changed: Callable[[LinkState], None],
        resync: Callable[[], Awaitable[None]] = nothing,
        ping_s: float = 1.0,
        silence_s: float = SILENCE_S,
        refused_retry_s: float = REFUSED_RETRY_S,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = (host, port)
        self._login = LoginAction(user, secret)
        self._receive = receive
        self._changed = changed
        self._resync = resync
        self._ping_s = ping_s
        self._silence_s = silence_s
        self._refused_retry_s = refused_retry_s
        self._jitter = jitter
        self._clock = clock
        self._client: _Client | None = None
        self._answered_at = -math.inf
        self._failures = 0  # sessions in a row that ended before the resynchronisation did
        self.state = LinkState.DOWN
        self.reason = "not yet connected"

    @property
    def answered_at(self) -> float:
        """When Asterisk last answered anything we asked, on the monotonic clock; -inf before its
        first answer."""
        return self._answered_at if self._client is None else self._client.answered_at

    @property
    def outstanding(self) -> int:
        """How many actions wait for Asterisk's answer now."""
        return 0 if self._client is None else self._client.outstanding

    async def send(self, action: str, *fields: Pair, deadline_s: float = 3.0) -> Message:
        """Asterisk's response. Raises LinkDown, ActionLate, ActionFailed or, before anything is
        sent, WireError."""
        message, _ = await self._up().ask(action, fields, deadline_s, is_list=False)
        return message

    async def ask(self, action: str, *fields: Pair, deadline_s: float = 10.0) -> list[Message]:
        """The events of an action that answers with a list (Status, DeviceStateList …). Raises as
        `send` does."""
        _, events = await self._up().ask(action, fields, deadline_s, is_list=True)
        return events

    async def run(self) -> None:
        """Keep the link until cancelled. A fault in `receive` or `resync` ends it: that is ours,
        not Asterisk's."""
        while True:
            try:
                await self._session()
            except _LoginRefused as refusal:
                self._become(LinkState.REFUSED, str(refusal))
                await asyncio.sleep(self._refused_retry_s)
            except (OSError, WireError, LinkDown, ActionFailed) as error:
                self._become(LinkState.DOWN, str(error) or type(error).__name__)
                self._failures += 1
                await asyncio.sleep(pause_s(self._failures, self._jitter()))

    async def _session(self) -> None:
        """One connection, from its making to its end, which is always an exception."""
        async with asyncio.timeout(self._silence_s):
            client = await self._connect()
        resync: asyncio.Future[None] | None = None
        try:
            await self._enter(client)
            self._client = client
            self._become(LinkState.UP, "")
            resync = asyncio.ensure_future(self._resync())
            await self._keep_alive(client, resync)
        except LinkDown:
            if client.over.done():
                client.over.result()  # a fault of ours must not look like Asterisk's
            raise
        finally:
            client.end(LinkDown("the exchange let go"))
            self._answered_at = max(self._answered_at, client.answered_at)
            self._client = None
            if resync is not None:
                resync.cancel()
                await asyncio.wait({resync})

    async def _connect(self) -> _Client:
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(
            lambda: _Client(self._receive, self._clock), *self._address
        )
        return client

    async def _enter(self, client: _Client) -> None:
        await _first(client.greeted, client.over, timeout_s=self._silence_s)
        if client.over.done():
            client.over.result()
        if not client.greeted.done():
            raise LinkDown(f"no greeting from Asterisk within {self._silence_s:g} s")
        fields = tuple(self._login.keys.items())
        try:
            await client.ask(self._login.name, fields, self._silence_s, is_list=False)
        except ActionFailed as refusal:
            raise _LoginRefused(str(refusal)) from None

    async def _keep_alive(self, client: _Client, resync: asyncio.Future[None]) -> None:
        """A Ping each `ping_s`, answered within the silence allowed, while `resync` works."""
        while True:
            await client.ask("Ping", (), self._silence_s, is_list=False)
            if resync.done():
                resync.result()
                self._failures = 0
                await _first(client.over, timeout_s=self._ping_s)
            else:
                await _first(client.over, resync, timeout_s=self._ping_s)
            if client.over.done():
                client.over.result()

    def _up(self) -> _Client:
        if self._client is None:
            raise LinkDown(f"the link to Asterisk is {self.state}: {self.reason}")
        return self._client

    def _become(self, state: LinkState, reason: str) -> None:
        self.reason = reason
        if state is not self.state:
            self.state = state
            self._changed(state)


def pause_s(failures: int, jitter: float) -> float:
    """Before the next try: doubling up to the longest, shortened by up to a half at random."""
    longest = min(RETRY_LONGEST_S, RETRY_FIRST_S * 2.0 ** min(failures - 1, 16))
    return longest * (1.0 - 0.5 * jitter)


async def _first(*futures: asyncio.Future[Any], timeout_s: float) -> None:
    await asyncio.wait(futures, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
