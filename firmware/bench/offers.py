"""How soon a phone that becomes idle is rung: from Asterisk's word of it to our order at its
socket.

Everything between is the product's own: link, translator, inbox, exchange, ACD. What stands for
Asterisk is a process that says who is idle and notes when the order comes, by its own clock.
"""

import asyncio
import multiprocessing
import re
import select
import socket
import time
from datetime import UTC, datetime
from itertools import count
from multiprocessing.connection import Connection

from firmware.asterisk.link import Link, LinkState
from firmware.asterisk.translate import Translator
from firmware.asterisk.wire import Message
from firmware.loop import Inbox, consume
from ivr import commands, events
from ivr.exchange import Exchange
from ivr.plan import Enqueue, Flow, Line, Phone, Plan, Queue, Urgency

PHONES = 100
FIRST = 1000  # extension
ANSWER_S = 5.0
_ACTION = re.compile(rb"Action: (\w+)\r\n.*?ActionID: ([^\r\n]+)\r\n.*?\r\n\r\n", re.DOTALL)


def p99_ms() -> float:
    """Of a hundred phones that become idle one after the other, while a caller waits for each."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    asterisk = context.Process(target=_asterisk, args=(there,), daemon=True)
    asterisk.start()
    try:
        asyncio.run(_exchange(here))
        taken: list[float] = here.recv()
    finally:
        asterisk.join(ANSWER_S)
        asterisk.kill()
    return sorted(taken)[-(-99 * len(taken) // 100) - 1] * 1000


def _asterisk(told: Connection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        told.send(server.getsockname()[1])
        connection, _ = server.accept()
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"Asterisk Call Manager/11.0.0\r\n")
        told.send([_one(connection, told, FIRST + n) for n in range(PHONES)])


def _one(connection: socket.socket, told: Connection, extension: int) -> float:
    """Once the callers wait: seconds from the word of this phone to the order to ring it."""
    while not told.poll():
        _answer(connection, 0.01)
    began = time.monotonic()
    connection.sendall(
        b"Event: DeviceStateChange\r\nDevice: PJSIP/%d\r\nState: NOT_INUSE\r\n\r\n" % extension
    )
    while "Originate" not in _answer(connection, ANSWER_S):
        if time.monotonic() - began > ANSWER_S:
            raise TimeoutError(f"nobody rang {extension}")
    return time.monotonic() - began


def _answer(connection: socket.socket, wait_s: float) -> list[str]:
    """What was ordered; every order is taken."""
    if not select.select([connection], [], [], wait_s)[0]:
        return []
    ordered = _ACTION.findall(connection.recv(65536))
    for _, number in ordered:
        connection.sendall(b"Response: Success\r\nActionID: " + number + b"\r\n\r\n")
    return [action.decode() for action, _ in ordered]


async def _exchange(asterisk: Connection) -> None:
    plan, numbers = _plan(), count(1)
    exchange = Exchange(plan, lambda: f"00000000-0000-4000-8000-{next(numbers):012}")
    inbox, translator, rung = Inbox(), Translator(plan), asyncio.Event()
    tasks: set[asyncio.Task[object]] = set()

    def heard(message: Message) -> None:
        inbox.put(*translator.receive(message))

    def changed(state: LinkState) -> None:
        if state is LinkState.UP:
            inbox.put(*_morning())
            asterisk.send("callers wait")

    def perform(_: events.Event | None, orders: list[commands.Command]) -> None:
        for order in orders:
            if isinstance(order, commands.Offer):
                task = asyncio.create_task(link.send(*translator.originate(order)))
                tasks.add(task)
                if len(tasks) == PHONES:
                    rung.set()

    link = Link("127.0.0.1", asterisk.recv(), "careline", "x", receive=heard, changed=changed)
    running = asyncio.create_task(link.run())
    deciding = asyncio.create_task(
        consume(exchange, inbox, perform, now=time.monotonic, local=_local)
    )
    async with asyncio.timeout(PHONES * ANSWER_S):
        await rung.wait()
    await asyncio.gather(*tasks)
    for task in (running, deciding):
        task.cancel()
    await asyncio.wait({running, deciding})


def _local() -> datetime:
    return datetime.now(UTC)


def _morning() -> list[events.Event]:
    """Every phone is in use and a hundred callers come."""
    return [
        *(events.PhoneChanged(name, events.PhoneState.IN_USE) for name in _phones()),
        *(events.CallArrived(f"caller-{n}", "main", "", "", "") for n in range(PHONES)),
    ]


def _phones() -> list[str]:
    return [str(FIRST + n) for n in range(PHONES)]


def _plan() -> Plan:
    """One line that leads into one queue of all phones."""
    wait = Enqueue("desk", patience_s=3600, otherwise="desk")
    return Plan(
        name="Crowded",
        timezone="UTC",
        language="en",
        front_desk=(),
        emergency_numbers=(),
        trunks={},
        lines={"main": Line("main", "telco", (), "main", "en")},
        phones={name: Phone(name, name, "here", "") for name in _phones()},
        dial_rules=(),
        mailboxes={},
        hours={},
        queues={"desk": Queue("desk", tuple(_phones()), Urgency.ROUTINE, 20, 60, 20, 600)},
        flows={"main": Flow("main", "desk", {"desk": wait})},
    )
