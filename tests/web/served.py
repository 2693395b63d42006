"""An application at a real socket on loopback, and visitors of all manners."""

import asyncio
import queue
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from firmware.place import Place
from firmware.web.addresses import names_of_box
from firmware.web.authority import Clock, Identity
from firmware.web.limits import Limits
from firmware.web.serve import listening, opened

DEADLINE_S = 120.0
HERE = "127.0.0.1"


# However busy the machine is, nobody is too slow for these; a story shortens the one it is about.
UNHURRIED = Limits(handshake_s=600, head_s=600, idle_s=600, body_s=600, stall_s=600)


@dataclass
class Answer:
    """What came back."""

    status: int
    head: Mapping[str, str]
    body: bytes


@dataclass
class Page:
    """An application that says what it was asked for."""

    asked: list[str] = field(default_factory=list)
    streams: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)  # somebody asked for /slow
    going_on: asyncio.Event = field(default_factory=asyncio.Event)  # what /slow waits for
    let_go: asyncio.Event = field(default_factory=asyncio.Event)  # /long is sent, or given up

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.asked.append(scope["path"])
        match scope["path"]:
            case "/broken":
                raise ValueError("Mrs Doe of Main Street")
            case "/slow":
                self.came.set()
                await self.going_on.wait()
                await _say(send, b"done")
            case "/long":
                await _say(send, b"x" * 1024 * 1024, times=64)
                self.let_go.set()
            case "/events":
                await self._stream(receive, send)
            case "/body":
                await _say(send, str(len(await _body(receive))).encode())
            case _:
                await _say(send, b"hello")

    async def _stream(self, receive: Receive, send: Send) -> None:
        head = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        self.streams += 1
        while (await receive())["type"] != "http.disconnect":
            pass
        self.streams -= 1


async def _say(send: Send, body: bytes, *, times: int = 1) -> None:
    head = [(b"content-length", str(len(body) * times).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    for left in reversed(range(times)):
        await send({"type": "http.response.body", "body": body, "more_body": left > 0})


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        assert message["type"] == "http.request", message
        body, more = body + message["body"], message.get("more_body", False)
    return body


@dataclass
class Box:
    """Where the application is served."""

    port: int
    identity: Identity | None
    faults: list[dict[str, Any]]

    @property
    def trusting(self) -> ssl.SSLContext | None:
        """A browser that trusts the box's authority."""
        if self.identity is None:
            return None
        return ssl.create_default_context(cadata=self.identity.authority.pem.decode())

    async def visit(self, *, by: str = HERE, name: str = HERE) -> "Visitor":
        secured = self.trusting
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(
                HERE, self.port, ssl=secured, local_addr=(by, 0),
                server_hostname=name if secured else None,
            ),
            DEADLINE_S,
        )  # fmt: skip
        return Visitor(reader, writer)

    async def knock(self, *, by: str = HERE) -> "Visitor":
        """A connection, and no word of TLS."""
        reader, writer = await asyncio.open_connection(HERE, self.port, local_addr=(by, 0))
        return Visitor(reader, writer)

    async def brings(self, words: bytes) -> "Visitor":
        """A connection whose first words are there before the box looks: no deadline can pass
        between, however busy the machine is."""
        come = socket.create_connection((HERE, self.port))
        come.sendall(words)
        return Visitor(*await asyncio.open_connection(sock=come))

    async def asks(self, path: str = "/", *, by: str = HERE) -> Answer:
        """One request of somebody who means no harm."""
        visitor = await self.visit(by=by)
        try:
            return await visitor.asks(path)
        finally:
            visitor.goes()


@dataclass
class Visitor:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def asks(self, path: str = "/") -> Answer:
        self.says(f"GET {path} HTTP/1.1\r\nHost: careline.local\r\n\r\n".encode())
        return await self.hears()

    def says(self, words: bytes) -> None:
        self.writer.write(words)

    async def hears(self) -> Answer:
        async with asyncio.timeout(DEADLINE_S):
            status, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
            head = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
            }
            body = await self.reader.readexactly(int(head["content-length"]))
            return Answer(int(status.split()[1]), head, body)

    async def drips(self, drop: bytes) -> None:
        """A little, again and again, until it is broken off."""
        async with asyncio.timeout(DEADLINE_S):
            while not await self._is_over(within_s=0.01):
                self.says(drop)

    async def is_sent_away(self) -> None:
        """Whatever is still said is heard; then the connection ends."""
        async with asyncio.timeout(DEADLINE_S):
            while not await self._is_over(within_s=DEADLINE_S):
                pass

    def goes(self) -> None:
        self.writer.transport.abort()

    async def _is_over(self, within_s: float) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(65536), within_s) == b""
        except TimeoutError:
            return False
        except OSError:
            return True  # reset, and TLS that ends without a word


@asynccontextmanager
async def served(
    app: ASGIApp, limits: Limits, at: Path | None = None, *, identity: Identity | None = None
) -> AsyncIterator[Box]:
    """By TLS where `at` names a folder for an authority."""
    if at is not None:
        right = Clock(datetime.now(UTC), is_trusted=True)  # as our own ssl's, which judges it
        identity = Identity(Place(at), names_of_box(), right)
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, fault: faults.append(fault))
    with listening(HERE, 0) as bound:
        port: int = bound.getsockname()[1]
        showing = identity
        async with opened(bound, app, limits, lambda: showing.context if showing else None):
            yield Box(port, identity, faults)
    assert faults == []


@contextmanager
def served_beside(
    app: ASGIApp, limits: Limits, *, identity: Identity | None = None
) -> Iterator[int]:
    """At this port, by a loop on a thread of its own, for visitors who block."""
    ports: queue.SimpleQueue[int] = queue.SimpleQueue()
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def serving() -> None:
        async with served(app, limits, identity=identity) as box:
            ports.put(box.port)
            await over.wait()

    with ThreadPoolExecutor(1) as beside, closing(loop):
        ended = beside.submit(loop.run_until_complete, serving())
        try:
            yield ports.get(timeout=DEADLINE_S)
        finally:
            loop.call_soon_threadsafe(over.set)
            ended.result(DEADLINE_S)


def neighbours(count: int) -> Iterator[str]:
    """Addresses of other computers: all of 127/8 is this one."""
    for number in range(count):
        yield f"127.0.{1 + number // 200}.{1 + number % 200}"


def is_refused(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as tried:
        return tried.connect_ex((HERE, port)) != 0
