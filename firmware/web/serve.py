"""Serves the page by HTTPS and the landing page by HTTP, until it is cancelled. uvicorn speaks
HTTP, Python's ssl speaks TLS; nothing stands before them.

Connections are accepted here, so that they can be counted before a handshake is paid for, and so
that each is shown the certificate of the moment: a new one needs no restart. At the end nothing new
is let in, answers under way have a few seconds, and streams are closed at once.
"""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from ssl import SSLContext
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp

from firmware import sip_certificate, wallclock
from firmware.place import Place
from firmware.seat import MESSAGE_MOST
from firmware.web.addresses import names_of_box
from firmware.web.authority import Clock, Identity
from firmware.web.landing import Landing
from firmware.web.limits import Crowd, Guest, Limits, Pace, Talk, Threshold, Visit, visitor_of

BACKLOG = 512
# How long a new address may be without a certificate: a network is tried for 90 seconds only.
LOOK_S = 5.0
PAUSE_S = 1.0  # when the machine has nothing left to accept with
TOLD_EVERY_S = 60.0
# A visitor whose machine sleeps is gone after a minute.
SILENT_S, ASKED_EVERY_S, ASKED = 30, 10, 3
UNACKNOWLEDGED_MS = 30_000

log = structlog.get_logger(__name__)

Showing = Callable[[], SSLContext | None]


class ServeError(Exception):
    """The page cannot be served there; the text says what to do."""


async def serve(
    app: ASGIApp,
    place: Place,
    *,
    host: str,
    https_port: int,
    http_port: int,
    ready: Callable[[], None],
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> None:
    """For ever; `ready` is called once visitors can come. Cancelled, it ends in good order."""
    trust = wallclock.first(wallclock.read(place))
    identity = Identity(place, names_of_box(), _clock(trust))
    landing = Landing(identity, https_port)
    async with AsyncExitStack() as open_doors:
        page_at = open_doors.enter_context(listening(host, https_port))
        landing_at = open_doors.enter_context(listening(host, http_port))
        page = opened(page_at, app, limits, lambda: identity.context, talks=True)
        await open_doors.enter_async_context(page)
        await open_doors.enter_async_context(opened(landing_at, landing, limits, lambda: None))
        ready()
        await _keep_current(identity, place, trust)


def listening(host: str, port: int) -> socket.socket:
    """A socket that visitors can come to."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server(
            (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=host == "::"
        )
    except OSError as refused:
        raise ServeError(_cure(refused, host, port)) from refused
    bound.setblocking(False)
    # Accepted ones are born with these (tcp(7)).
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        (socket.TCP_KEEPIDLE, SILENT_S),
        (socket.TCP_KEEPINTVL, ASKED_EVERY_S),
        (socket.TCP_KEEPCNT, ASKED),
        (socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS),
    ):
        bound.setsockopt(socket.IPPROTO_TCP, option, value)
    return bound


@asynccontextmanager
async def opened(
    at: socket.socket, app: ASGIApp, limits: Limits, showing: Showing, *, talks: bool = False
) -> AsyncIterator[None]:
    """Serves an application at this socket for as long as the context lasts; one that talks by
    WebSocket too."""
    loop = asyncio.get_running_loop()
    config = uvicorn.Config(
        Threshold(app, limits, loop.time),
        loop="asyncio",
        ws=Talk if talks else "none",
        ws_max_size=MESSAGE_MOST,
        ws_per_message_deflate=False,
        http=Visit,
        interface="asgi3",
        log_config=None,
        log_level="critical",  # `Threshold` tells what broke, without a word of a visitor's
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=limits.head_bytes,
        timeout_keep_alive=limits.idle_s,  # type: ignore[arg-type] # handed to call_later
        timeout_graceful_shutdown=limits.farewell_s,  # type: ignore[arg-type] # to wait_for
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[])  # the application begins; the door is ours

    def visit() -> Visit:
        return Visit(limits, config, server.server_state, server.lifespan.state)

    door = Door(at, visit, limits, showing)
    async with asyncio.TaskGroup() as group:
        accepting = group.create_task(door.run())  # if it breaks, so does whoever serves
        try:
            yield
        finally:
            accepting.cancel()
            at.close()
            door.close()
            await server.shutdown(sockets=[])


class Door:
    """Lets visitors in, as many as there is room for."""

    def __init__(
        self, at: socket.socket, visit: Callable[[], Visit], limits: Limits, showing: Showing
    ) -> None:
        self._at, self._visit, self._limits, self._showing = at, visit, limits, showing
        self._crowd = Crowd(limits.connections, limits.connections_of_one, limits.boards)
        self._pace = Pace(limits.connections_per_s, limits.connections_burst)
        self._loop = asyncio.get_running_loop()
        self._told_at = -TOLD_EVERY_S

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                connection, peer = await self._loop.sock_accept(self._at)
            except OSError as failed:
                if failed.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._tell("the page can take no more connections", why=failed.strerror)
                    await asyncio.sleep(PAUSE_S)
                continue  # or it was gone before it was taken
            visitor = visitor_of(peer[0])
            if self._pace.allows(visitor, self._loop.time()) and self._crowd.has_room_for(visitor):
                _Connection(visitor, connection, self._crowd).begin(self._welcome)
            else:
                connection.close()
                self._tell("connections to the page are turned away", inside=len(self._crowd))
            await asyncio.sleep(0)  # while more wait to be accepted, the rest has its turn too

    def close(self) -> None:
        """Whoever is still at the handshake is sent away."""
        for guest in self._crowd.guests():
            if isinstance(guest, _Connection) and guest.visit is None:
                guest.leave()

    async def _welcome(self, guest: "_Connection") -> None:
        context = self._showing()
        times = {} if context is None else {
            "ssl_handshake_timeout": self._limits.handshake_s,
            "ssl_shutdown_timeout": self._limits.farewell_s,
        }  # fmt: skip
        try:
            _, visit = await self._loop.connect_accepted_socket(
                self._visit, guest.socket, ssl=context, **times
            )
        except OSError as failed:  # no handshake came of it
            # Its frames hold it and what was laid out for the connection: a ring that Python would
            # only find much later.
            failed.__traceback__ = None
            return
        if visit.transport is not None:  # else it was lost at the same moment
            guest.visit = visit
            await visit.gone

    def _tell(self, what: str, **more: Any) -> None:
        """Not once for each of a thousand."""
        now = self._loop.time()
        if now - self._told_at >= TOLD_EVERY_S:
            self._told_at = now
            log.warning(what, **more)


class _Connection(Guest):
    """From the first packet to the last."""

    def __init__(self, visitor: str, accepted: socket.socket, crowd: Crowd) -> None:
        self.visitor, self.socket, self.visit = visitor, accepted, None
        self._crowd = crowd

    visit: Visit | None

    def begin(self, welcome: Callable[["_Connection"], Coroutine[Any, Any, None]]) -> None:
        self._crowd.enters(self)
        self._task = asyncio.get_running_loop().create_task(welcome(self))
        self._task.add_done_callback(self._end)

    @property
    def is_answered(self) -> bool:
        return self.visit is not None and self.visit.is_answered

    @property
    def is_board(self) -> bool:
        return self.visit is not None and self.visit.is_board

    def leave(self) -> None:
        if self.visit is None:
            self._task.cancel()
        else:
            self.visit.transport.abort()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._crowd.leaves(self)
        if self.visit is None:
            self.socket.close()
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("a connection to the page broke", kind=type(fault).__name__)
        del self._task  # broken off, it holds the frames that hold us: another such ring


async def _keep_current(identity: Identity, place: Place, trust: wallclock.Trust) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        trust = wallclock.after(trust, wallclock.read(place))
        try:
            identity.look(names_of_box(), _clock(trust))
            sip_certificate.keep_current(
                place, identity.authority, names_of_box(), datetime.now(UTC)
            )
        except OSError as refused:
            log.warning("a certificate cannot be made anew yet", why=refused.strerror)


def _clock(trust: wallclock.Trust) -> Clock:
    return Clock(datetime.fromtimestamp(trust.last.wall_s, UTC), trust.trusted)


def _cure(refused: OSError, host: str, port: int) -> str:
    match refused.errno:
        case errno.EADDRINUSE:
            return (
                f"port {port} of {host} is taken by another program: end it"
                f" (`ss -ltnp sport = :{port}` names it) or give the page another port"
            )
        case errno.EACCES:
            return (
                f"this user may not listen at port {port}: let systemd start the page, whose unit"
                " allows it, or give it a port above 1023"
            )
        case errno.EADDRNOTAVAIL:
            return f"this machine has no address {host}: `ip address` shows those it has"
        case _:
            return f"the page cannot listen at {host}, port {port}: {refused.strerror}"
