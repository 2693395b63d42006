"""What one visitor may take of the page: so many connections, heads and bodies that arrive in time
and are not too long, so many requests a second. Whoever takes more loses the connection; whoever
takes less does not notice.

uvicorn has no time for a head or a body to arrive in, and knows no visitor from another. So three
things stand around it, each where it can see what it judges: `Door` (firmware/web/serve.py) lets
connections in by the rules of `Crowd` and `Pace`; `Visit` is uvicorn's own protocol with a deadline
for whatever is being received or sent; `Threshold` looks at each request before the page does, and
refuses a long body before it is read.

Time is an argument to `Pace`; nothing here reads the wall clock.
"""

import asyncio
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Protocol

import h11
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

KIB = 1024
# Addresses whose pace is remembered: more than a clinic's network has.
REMEMBERED = 4096
HEADERS_MOST = 64
# In `scope`, of an answer that has no end by itself.
IS_STREAM = "careline.is_stream"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is too much. Five people, a few boards and a television stay far below."""

    connections: int = 192  # asyncio lays out 256 KiB for each that speaks TLS: 48 MiB
    # Screens that are live, which only who signed in can have: as many as a clinic may keep open,
    # and they are not counted to their address, for a whole clinic may come from one.
    boards: int = 128
    connections_of_one: int = 36  # of all else: six browsers at once, six connections each
    connections_per_s: float = 20.0  # a handshake costs the box 2 ms of a core
    connections_burst: int = 100
    requests_per_s: float = 50.0
    requests_burst: int = 500
    handshake_s: float = 10.0
    head_s: float = 10.0  # from the connection, or from a head's first byte
    head_bytes: int = 16 * KIB
    idle_s: float = 20.0  # between two requests of one connection
    body_s: float = 10.0  # and beside them a second for each so many bytes:
    slowest_bytes_per_s: int = 8 * KIB
    body_bytes: int = 64 * KIB
    uploads: Mapping[str, int] = field(default_factory=dict)  # path's beginning -> bytes
    stall_s: float = 20.0  # of a visitor who does not take the answer
    farewell_s: float = 3.0  # for answers under way when the page ends

    def body_most(self, path: str) -> int:
        """How long a body sent there may be."""
        roomy = [most for prefix, most in self.uploads.items() if path.startswith(prefix)]
        return max(roomy, default=self.body_bytes)

    def body_due_s(self, length: int) -> float:
        """How long a body of this length may take."""
        return self.body_s + length / self.slowest_bytes_per_s


def visitor_of(address: str) -> str:
    """Whom connections from there are counted to: with IPv6 everybody has 2^64 addresses."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ip_network((known, 64), strict=False))


class Pace:
    """So many a second for each visitor, after a burst."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s, self._burst = per_s, burst
        self._left: dict[str, tuple[float, float]] = {}  # visitor -> how many at what second

    def allows(self, visitor: str, now: float) -> bool:
        """Whether one more is within the pace; then it is counted."""
        left, at = self._left.pop(visitor, (float(self._burst), now))
        left = min(float(self._burst), left + (now - at) * self._per_s)
        allowed = left >= 1.0
        self._left[visitor] = (left - allowed, now)
        if len(self._left) > REMEMBERED:
            del self._left[next(iter(self._left))]  # who came longest ago
        return allowed


class Guest(Protocol):
    """One connection, from its first packet on."""

    visitor: str

    @property
    def is_answered(self) -> bool:
        """Whether a request of it is being answered now."""

    @property
    def is_board(self) -> bool:
        """Whether that answer is a screen that is live."""

    def leave(self) -> None:
        """Break it off."""


class Crowd:
    """Who is inside. Whoever has all the places that one may have gives up their oldest for the
    newest; when all places are taken, who has most of them gives one up for who has fewer. It is
    never one in which a request is being answered.

    So a clinic behind one address meets no limit: its live screens are not counted, a connection
    that a browser only keeps in store is one that it opens again unseen, and what comes next is
    answered. And whoever opens connections to say nothing in them, or very slowly, loses them to
    whoever has something to say, from the same address too."""

    def __init__(self, most: int, most_of_one: int, boards: int) -> None:
        self._most, self._most_of_one, self._boards = most, most_of_one, boards
        self._inside: dict[str, dict[Guest, None]] = {}  # by visitor, the oldest first

    def __len__(self) -> int:
        return sum(map(len, self._inside.values()))

    def has_room_for(self, visitor: str) -> bool:
        """Whether one more of this visitor's may come in; somebody may have to leave for it."""
        has = self._has(visitor)
        if has >= self._most_of_one:
            return self._gives_way(visitor)
        if len(self) < self._most:
            return True
        with_more = [each for each in self._inside if self._has(each) > has + 1]
        with_more.sort(key=self._has, reverse=True)
        return any(map(self._gives_way, (*with_more, visitor)))

    def enters(self, guest: Guest) -> None:
        self._inside.setdefault(guest.visitor, {})[guest] = None

    def leaves(self, guest: Guest) -> None:
        """Also when it has left already."""
        guests = self._inside.get(guest.visitor, {})
        guests.pop(guest, None)
        if not guests:
            self._inside.pop(guest.visitor, None)

    def guests(self) -> list[Guest]:
        return [guest for guests in self._inside.values() for guest in guests]

    def _has(self, visitor: str) -> int:
        """Live screens are beside it, while there are no more of them than a clinic has."""
        all_boards = sum(guest.is_board for guest in self.guests())
        theirs = self._inside.get(visitor, {})
        boards = sum(guest.is_board for guest in theirs) if all_boards <= self._boards else 0
        return len(theirs) - boards

    def _gives_way(self, visitor: str) -> bool:
        for guest in self._inside.get(visitor, {}):
            if not guest.is_answered:
                self.leaves(guest)
                guest.leave()
                return True
        return False


class Visit(H11Protocol):
    """One connection, as uvicorn serves it, with a deadline for each thing it waits for."""

    def __init__(
        self, limits: Limits, config: Config, state: ServerState, app_state: dict[str, Any]
    ) -> None:
        super().__init__(config, state, app_state)
        self.gone: asyncio.Future[None] = self.loop.create_future()
        self._limits = limits
        self._received: object = h11.IDLE  # what the visitor is sending
        self._due: asyncio.TimerHandle | None = None
        self._is_talk = False  # a WebSocket now, which has another protocol
        self._stalled: asyncio.TimerHandle | None = None

    @property
    def is_answered(self) -> bool:
        return self._is_talk or (self.cycle is not None and not self.cycle.response_complete)

    @property
    def is_board(self) -> bool:
        return self._is_talk or (self.is_answered and bool(self.scope.get(IS_STREAM)))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(1)  # told of all that is unsent; 0 is never undercut
        self._expect(self._limits.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._expect(None)
        self._unset_stall()
        self.connection_is_gone()

    def data_received(self, data: bytes) -> None:
        if self._due is None and self.conn.their_state is h11.IDLE:
            self._expect(self._limits.head_s)  # another request begins
        super().data_received(data)
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """From now on another protocol has the connection, and tells when it is gone."""
        self._expect(None)
        self._unset_keepalive_if_required()
        self._is_talk = True
        self.ws_protocol_class = partial(Talk, self.connection_is_gone)  # type: ignore[assignment]
        super().handle_websocket_upgrade(event)

    def connection_is_gone(self) -> None:
        if not self.gone.done():
            self.gone.set_result(None)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def send_400_response(self, msg: str) -> None:
        """What follows a request that is being answered may be no request; uvicorn would answer
        it in the midst of the other."""
        if self.is_answered:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.transport.abort()
        else:
            super().send_400_response(msg)

    def shutdown(self) -> None:
        """The page ends. A stream has no end of its own, and its reader comes back by itself."""
        if self.transport.is_closing():
            return
        if self.is_board:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.transport.close()
        else:
            super().shutdown()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_stall()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unset_stall()

    def _look(self) -> None:
        """Arms what is due next when the visitor's part has come to something else."""
        received = self.conn.their_state
        if self._is_talk or received is self._received:
            return
        self._received = received
        if received is h11.SEND_BODY:
            self._expect(self._limits.body_due_s(length_of(self.scope) or 0))
        else:
            self._expect(None)  # all is there, or nothing has begun: uvicorn's own idle time

    def _expect(self, seconds: float | None) -> None:
        if self._due is not None:
            self._due.cancel()
        self._due = None if seconds is None else self.loop.call_later(seconds, self._break_off)

    def _break_off(self) -> None:
        self.transport.abort()

    def _watch_stall(self) -> None:
        self._unset_stall()
        unsent = self.transport.get_write_buffer_size()  # type: ignore[attr-defined,unused-ignore]
        self._stalled = self.loop.call_later(self._limits.stall_s, self._judge_stall, unsent)

    def _judge_stall(self, unsent_before: int) -> None:
        taken = unsent_before - self.transport.get_write_buffer_size()
        if taken < self._limits.slowest_bytes_per_s * self._limits.stall_s:
            self.transport.abort()
        else:
            self._watch_stall()

    def _unset_stall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


class Talk(WebSocketsSansIOProtocol):
    """A WebSocket, as uvicorn serves it; whoever let it in is told when it is gone."""

    def __init__(self, is_gone: Callable[[], None], **served: Any) -> None:
        super().__init__(**served)
        self._is_gone = is_gone

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._is_gone()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not passed on."""

    status: int
    words: str


SLOWER = Refusal(
    429, "Too many requests: wait a moment. / Demasiadas peticiones: espere un momento."
)
HEAD_TOO_LONG = Refusal(431, "The request's head is too long. / La cabecera es demasiado larga.")
NO_LENGTH = Refusal(411, "Say how long the body is. / Falta la longitud del contenido.")
TOO_LONG = Refusal(413, "This is too large. / Esto es demasiado grande.")
BROKEN = Refusal(500, "Something broke here, not with you. / Algo falló aquí, no por su culpa.")


class Threshold:
    """Stands before an application and passes on what is within the limits."""

    def __init__(self, app: ASGIApp, limits: Limits, clock: Callable[[], float]) -> None:
        self._app, self._limits, self._clock = app, limits, clock
        self._pace = Pace(limits.requests_per_s, limits.requests_burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (refusal := self._refusal(scope)) is not None:
            await refuse(send, refusal)
            return
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                scope[IS_STREAM] = is_stream(message)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as fault:
            # Its words may be a patient's, so only the place in our code is told.
            log.error("the page broke", kind=type(fault).__name__, at=_places(fault))  # noqa: TRY400
            if has_begun or scope["type"] != "http":
                raise
            await refuse(send, BROKEN)

    def _refusal(self, scope: Scope) -> Refusal | None:
        client = scope["client"]
        if client is not None and not self._pace.allows(visitor_of(client[0]), self._clock()):
            return SLOWER
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        head = len(scope["raw_path"]) + len(scope["query_string"])
        head += sum(len(name) + len(value) for name, value in headers)
        if head > self._limits.head_bytes or len(headers) > HEADERS_MOST:
            return HEAD_TOO_LONG
        if any(name == b"transfer-encoding" for name, _ in headers):
            return NO_LENGTH
        if (length_of(scope) or 0) > self._limits.body_most(scope["path"]):
            return TOO_LONG
        return None


def length_of(scope: Scope | Any) -> int | None:
    """What a head says of its body's length. h11 has refused what is no number."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return None


def is_stream(start: Message) -> bool:
    """Whether an answer is events without an end (SSE)."""
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in start.get("headers", ())
    )


async def refuse(send: Send, refusal: Refusal) -> None:
    """Say why, and close: what else was sent is never read."""
    body = refusal.words.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    if refusal is SLOWER:
        headers.append((b"retry-after", b"5"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _places(fault: Exception) -> list[str]:
    return [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(fault.__traceback__)[-6:]
    ]
