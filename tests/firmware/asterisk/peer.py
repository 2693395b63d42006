"""A peer that speaks AMI's bytes on a real loopback socket: what a test says, when it says it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

GREETING = b"Asterisk Call Manager/11.0.0\r\n"

Fields = dict[str, str]


def block(*lines: str) -> bytes:
    """One message of these lines."""
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def success(action: Fields, *lines: str) -> bytes:
    return block("Response: Success", f"ActionID: {action['ActionID']}", *lines)


def fields(block: bytes) -> Fields:
    return dict(line.split(": ", 1) for line in block.decode().split("\r\n") if line)


class Talk:
    """One connection, seen from Asterisk's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def action(self) -> Fields:
        """The next action sent to us; EOFError at the connection's end."""
        return fields(await self.block())

    async def block(self) -> bytes:
        """The next action, as its bytes."""
        return await self._reader.readuntil(b"\r\n\r\n")

    async def rest(self) -> bytes:
        """All that comes until the other side closes."""
        return await self._reader.read()

    async def say(self, said: bytes) -> None:
        self._writer.write(said)
        await self._writer.drain()

    async def welcome(self) -> Fields:
        """Greet, and accept whoever logs in."""
        await self.say(GREETING)
        login = await self.action()
        await self.say(success(login, "Message: Authentication accepted"))
        return login

    async def answer_all(self) -> None:
        """Say yes to everything until the other side goes."""
        while True:
            await self.say(success(await self.action()))

    def say_later(self, said: bytes, after_s: float) -> None:
        """Say it by itself, while this story goes on."""
        asyncio.get_running_loop().call_later(after_s, self._writer.write, said)


@asynccontextmanager
async def listening(story: Callable[[Talk], Awaitable[None]], port: int = 0) -> AsyncIterator[int]:
    """A port where each connection is told this story; it ends with the block."""
    tellers: set[asyncio.Task[None]] = set()

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tellers.add(task)
        try:
            await story(Talk(reader, writer))
        except (EOFError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(tell, "127.0.0.1", port, limit=1 << 20)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for teller in tellers:
            teller.cancel()
        await asyncio.gather(*tellers, return_exceptions=True)
