"""A WebSocket of the page: who has one keeps it while others come and go, and its place is free
once it has ended."""

import asyncio
import socket
from contextlib import closing

from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect

from firmware.web.limits import Limits
from firmware.web.serve import listening, opened
from tests.web.served import HERE

PLACES = 3


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    assert scope["type"] == "websocket"
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] != "websocket.disconnect":
        if message["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})


def test_who_talks_keeps_the_line_and_leaves_a_place_behind() -> None:
    limits = Limits(connections=PLACES, connections_of_one=PLACES, connections_burst=1000)

    async def story() -> None:
        at = listening(HERE, 0)
        port = at.getsockname()[1]
        async with opened(at, echo, limits, lambda: None, talks=True):
            where = f"ws://{HERE}:{port}/"
            async with connect(where, proxy=None) as first:
                for turn in range(PLACES * 3):
                    async with connect(where, proxy=None) as other:
                        await other.send(str(turn))
                        assert await other.recv() == str(turn)
                for _ in range(PLACES * 3):  # who says nothing takes nobody's line
                    with closing(socket.create_connection((HERE, port))):
                        await asyncio.sleep(0)
                await first.send("still here")
                assert await asyncio.wait_for(first.recv(), 30) == "still here"

    asyncio.run(story())


def test_no_message_is_longer_than_a_sip_message_may_be() -> None:
    async def story() -> None:
        at = listening(HERE, 0)
        async with (
            opened(at, echo, Limits(), lambda: None, talks=True),
            connect(f"ws://{HERE}:{at.getsockname()[1]}/", proxy=None) as talk,
        ):
            await talk.send("x" * 64 * 1024)
            assert len(await talk.recv()) == 64 * 1024
            await talk.send("x" * (64 * 1024 + 1))
            await asyncio.wait_for(talk.wait_closed(), 30)
            assert talk.close_code == 1009  # RFC 6455, 7.4.1

    asyncio.run(story())
