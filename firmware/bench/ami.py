"""Events of Asterisk's manager per CPU-second, bare asterisk-ami beside our link.

Both read the same bytes from the same kind of peer, a process of its own on loopback, and are
charged for the CPU time of their own process alone. The events are those of a real call, as written
down in `heard.txt`, over and over.
"""

import asyncio
import multiprocessing
import select
import socket
import threading
import time
import warnings
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from asterisk.ami import AMIClient  # type: ignore[import-untyped]  # the package ships no types

from firmware.asterisk.link import Link
from firmware.asterisk.translate import Translator
from firmware.asterisk.wire import Message
from firmware.bench.beside import Aim, Compared, Report, Shown, in_turn
from ivr.plan import Plan

# Written down from a real Asterisk; the translator's tests live by the same.
HEARD = Path(__file__).with_name("heard.txt")
EVENTS = 40_000
ROUNDS = 3
NOBODY = Plan(
    name="Nobody",
    timezone="UTC",
    language="en",
    front_desk=(),
    emergency_numbers=(),
    trunks={},
    lines={},
    phones={},
    dial_rules=(),
    mailboxes={},
    hours={},
    queues={},
    flows={},
)


Listener = Callable[[int, int, Connection], None]


def measure(
    rounds: int = ROUNDS, shown: Shown = lambda done, of: None, events: int = EVENTS
) -> Report:
    """Turn by turn, so that a busy machine is busy for all."""
    warnings.simplefilter("ignore", DeprecationWarning)  # the package's own, about notifyAll
    listeners = {"bare": _bare, "ours": _ours, "translated": _translated}
    sides = {name: partial(_charged, listen, events) for name, listen in listeners.items()}
    runs, noise = in_turn(sides, rounds, shown)
    peer, unit = "asterisk-ami", "events per CPU-second"
    beside = {peer: runs["bare"]}
    return Report(
        (
            Compared("our link", unit, runs["ours"], beside, Aim(5, peer, at_most=False)),
            Compared("our link, each event translated", unit, runs["translated"], beside),
        ),
        noise,
    )


def _charged(listen: Listener, events: int) -> float:
    """This listener's rate, in a process of its own and against a peer of its own."""
    context = multiprocessing.get_context("spawn")
    port_here, port_there = context.Pipe()
    cost_here, cost_there = context.Pipe()
    peer = context.Process(target=_tell, args=(port_there, events))
    peer.start()
    listener = context.Process(target=listen, args=(port_here.recv(), events, cost_there))
    listener.start()
    seconds: float = cost_here.recv()
    for process in (listener, peer):
        process.join()
    return events / seconds


def _tell(port: Connection, events: int) -> None:
    """Greet, accept the login, then tell events as fast as they are read."""
    blocks = [
        "".join(f"{line}\r\n" for line in (*block.splitlines(), "")).encode()
        for block in HEARD.read_text("utf-8").split("\n\n")
        if block.strip()
    ]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port.send(server.getsockname()[1])
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"Asterisk Call Manager/11.0.0\r\n")
            _answer(connection, wait_s=5)
            told = 0
            while told < events:
                piece = [blocks[(told + n) % len(blocks)] for n in range(min(200, events - told))]
                connection.sendall(b"".join(piece))
                told += len(piece)
                _answer(connection)
            while _answer(connection, wait_s=5):
                pass


def _answer(connection: socket.socket, wait_s: float = 0) -> bool:
    """Answer what has been asked; false at the connection's end."""
    if not select.select([connection], [], [], wait_s)[0]:
        return True
    asked = connection.recv(4096)
    for action in asked.split(b"\r\n\r\n")[:-1]:
        identity = action.split(b"ActionID: ")[1].split(b"\r\n")[0]
        connection.sendall(b"Response: Success\r\nActionID: " + identity + b"\r\n\r\n")
    return bool(asked)


def _bare(port: int, events: int, cost: Connection) -> None:
    done, heard = threading.Event(), 0

    def hear(**_: object) -> None:
        nonlocal heard
        heard += 1
        if heard == events:
            done.set()

    client = AMIClient(port=port)
    client.add_event_listener(on_event=hear, black_list="TestEvent")
    began = time.process_time()
    client.login("careline", "secret")
    done.wait()
    cost.send(time.process_time() - began)
    client.disconnect()


def _ours(port: int, events: int, cost: Connection) -> None:
    asyncio.run(_listen(port, events, cost, lambda _: None))


def _translated(port: int, events: int, cost: Connection) -> None:
    asyncio.run(_listen(port, events, cost, Translator(NOBODY).receive))


async def _listen(
    port: int, events: int, cost: Connection, use: Callable[[Message], object]
) -> None:
    done, heard = asyncio.Event(), 0

    def hear(event: Message) -> None:
        nonlocal heard
        heard += 1
        use(event)
        if heard == events:
            done.set()

    link = Link(
        "127.0.0.1",
        port,
        "careline",
        "secret",
        receive=hear,
        changed=lambda _: None,
    )
    began = time.process_time()
    running = asyncio.create_task(link.run())
    await done.wait()
    cost.send(time.process_time() - began)
    running.cancel()
    await asyncio.wait({running})
