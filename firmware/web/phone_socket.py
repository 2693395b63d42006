"""The way of a browser's telephone to Asterisk: a WebSocket of our own page, passed on to the one
that Asterisk has on loopback, message by message.

Nobody comes in but by a session of somebody whose role may talk, from our own page (a browser says
where a WebSocket comes from, and sends the cookie whoever asks), at a telephone of the site in
force that is in the browser. What is passed on is SIP and carries the seat's secret
(firmware/seat.py); nothing that was said is kept or logged. When the session ends, so does the
connection within a minute, and with it the telephone.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import structlog
from fastapi.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from firmware import seat, site_secrets
from firmware.audit import Act
from firmware.operations import SOCKETS
from firmware.ports import ports_of
from firmware.seat import NoMessageError
from firmware.site_secrets import SecretsError
from firmware.web.entrance import COOKIE
from firmware.web.house import House, house_of
from firmware.web.seats import TakenError
from firmware.web.visitors import Visitor

PATH = "/ws"
SIP = "sip"  # the subprotocol's name (RFC 7118, 4.1)
LOOKED_AT_S = 20.0  # whether the session lasts still
REACHED_WITHIN_S = 5.0
# Why a connection is ended; the window says it in words (static/phone.js). RFC 6455, 7.4.2.
ELSEWHERE, TAKEN, OVER, NO_EXCHANGE, NO_SUCH = 4001, 4002, 4003, 4004, 4005

log = structlog.get_logger(__name__)


async def pass_on(socket: WebSocket) -> None:
    """From the first request until one of the two sides ends it."""
    house = house_of(socket)
    visitor = await run_in_threadpool(_visitor, socket, house)
    if visitor is None or SIP not in socket.scope["subprotocols"]:
        await socket.close()  # before it was accepted: 403, and not a word
        return
    await socket.accept(SIP)
    extension = socket.query_params.get("phone", "")
    secret = await run_in_threadpool(_secret, house, extension)
    if secret is None:
        await _end(socket, NO_SUCH)
        return
    left = asyncio.Event()
    try:
        taken = house.seats.take(extension, visitor.person, left.set)
    except TakenError:
        await _end(socket, TAKEN)
        return
    try:
        await run_in_threadpool(house.account, visitor.person, Act.SAT_DOWN, extension)
        code = await _talk(socket, house, visitor, secret, left)
    finally:
        house.seats.give_up(taken)
    await _end(socket, code)


async def _end(socket: WebSocket, code: int) -> None:
    with suppress(RuntimeError, WebSocketDisconnect):  # it has ended by itself
        await socket.close(code)


def _visitor(socket: WebSocket, house: House) -> Visitor | None:
    """Who comes from our own page and may."""
    if socket.headers.get("origin") != f"https://{socket.headers.get('host')}":
        return None
    # That a window comes back by itself is no use of the page either.
    visitor = house.visitors.who(socket.cookies.get(COOKIE, ""), is_use=False)
    return visitor if visitor is not None and visitor.may(SOCKETS[PATH]) else None


def _secret(house: House, extension: str) -> str | None:
    """Of a telephone of the site in force that is in the browser."""
    plan = house.site.plan
    if plan is None or extension not in plan.phones or not plan.phones[extension].browser:
        return None
    try:
        passwords = site_secrets.secrets_of(house.place.secrets, plan).phones
    except (SecretsError, OSError) as no:
        log.warning("a telephone in the browser has no seat", kind=type(no).__name__)
        return None
    return seat.secret_of(passwords[extension])


async def _talk(
    socket: WebSocket, house: House, visitor: Visitor, secret: str, left: asyncio.Event
) -> int:
    """Until it ends; why it did."""
    at = f"ws://127.0.0.1:{ports_of(house.place).http}{PATH}"
    try:
        async with connect(
            at, subprotocols=[Subprotocol(SIP)], max_size=seat.MESSAGE_MOST, compression=None,
            open_timeout=REACHED_WITHIN_S, proxy=None,
        ) as exchange:  # fmt: skip
            return await _first(
                _to_exchange(socket, exchange, secret),
                _to_browser(socket, exchange),
                _until_over(house, visitor),
                _until_left(left),
            )
    except (OSError, TimeoutError, WebSocketException):
        return NO_EXCHANGE


async def _first(*ways: Coroutine[Any, Any, int]) -> int:
    """What the first of them comes to; the others end with it."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _to_exchange(socket: WebSocket, exchange: ClientConnection, secret: str) -> int:
    try:
        while True:
            await exchange.send(seat.seated(await socket.receive_text(), secret))
    except (WebSocketDisconnect, NoMessageError, KeyError):  # KeyError: it was no text
        return 1000
    except WebSocketException:
        return NO_EXCHANGE


async def _to_browser(socket: WebSocket, exchange: ClientConnection) -> int:
    try:
        async for message in exchange:
            await socket.send_text(message if isinstance(message, str) else message.decode())
    except WebSocketException:
        pass
    except (WebSocketDisconnect, RuntimeError, UnicodeDecodeError):
        return 1000
    return NO_EXCHANGE


async def _until_over(house: House, visitor: Visitor) -> int:
    """That a telephone is there is no use of the page: whoever talks touches it."""
    while True:
        await asyncio.sleep(LOOKED_AT_S)
        now = await run_in_threadpool(house.visitors.who, visitor.session, is_use=False)
        if now is None or not now.may(SOCKETS[PATH]):
            return OVER


async def _until_left(left: asyncio.Event) -> int:
    await left.wait()
    return ELSEWHERE
