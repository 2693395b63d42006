"""The control socket: typed questions, clear refusals, and no client that can slow the exchange."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import control, topics
from firmware.control import Broadcast, ControlError, Door, Strict, Topic


class GreetRequest(Strict):
    ask: Literal["greet"] = "greet"
    name: str


class GreetReply(Strict):
    words: str


class CountRequest(Strict):
    ask: Literal["count"] = "count"


class CountReply(Strict):
    number: int
    filler: str = ""


class FailRequest(Strict):
    ask: Literal["fail"] = "fail"


GREET = Topic(GreetRequest, GreetReply)
COUNT = Topic(CountRequest, CountReply)
FAIL = Topic(FailRequest, GreetReply)


async def greet(request: GreetRequest) -> GreetReply:
    if request.name == "nobody":
        raise ControlError("nobody is here", "greet somebody")
    return GreetReply(words=f"hello {request.name}")


async def fail(_request: FailRequest) -> GreetReply:
    raise ZeroDivisionError("the sum is wrong")


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ctl", dir="/tmp") as short:
        yield Path(short) / "run" / "control.sock"


def opened() -> tuple[Door, Broadcast[CountReply]]:
    door, counted = Door(), Broadcast[CountReply]()
    door.answer(GREET, greet)
    door.answer(FAIL, fail)
    door.follow(COUNT, counted.follow)
    return door, counted


def with_door(path: Path, client: Callable[[Broadcast[CountReply]], Awaitable[None]]) -> None:
    async def story() -> None:
        door, counted = opened()
        async with asyncio.timeout(60), door.open(path):
            await client(counted)

    asyncio.run(story())


async def said(path: Path, *lines: bytes) -> list[bytes]:
    """What the exchange answers to raw lines, up to its closing or as many lines as were sent."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"".join(lines))
    writer.write_eof()
    answers = (await reader.read()).splitlines()
    writer.close()
    return answers


def test_a_question_gets_its_typed_reply_with_and_without_a_loop(path: Path) -> None:
    async def client(_counted: Broadcast[CountReply]) -> None:
        request = GreetRequest(name="Ünderhill")
        assert (await control.ask_async(path, GREET, request)).words == "hello Ünderhill"
        blocking = await asyncio.to_thread(control.ask, path, GREET, request)
        assert blocking.words == "hello Ünderhill"

    with_door(path, client)


def test_one_connection_asks_again_and_again(path: Path) -> None:
    async def client(_counted: Broadcast[CountReply]) -> None:
        line = b'{"ask": "greet", "name": "a"}\n'
        assert await said(path, line, line) == [b'{"reply":{"words":"hello a"}}'] * 2

    with_door(path, client)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"hello\n", "not JSON"),
        (b"\xff\xfe\n", "not JSON"),
        (b"{}\n", "nothing here answers"),
        (b'{"ask": "reboot"}\n', "nothing here answers"),
        (b'{"ask": "greet"}\n', "name: Field required"),
        (b'{"ask": "greet", "name": 7}\n', "name"),
        (b'{"ask": "greet", "name": "a", "loud": true}\n', "a field that nobody knows"),
        (b"[]\n", ""),
    ],
)
def test_a_bad_request_is_refused_with_a_cure_and_the_next_is_answered(
    path: Path, line: bytes, why: str
) -> None:
    async def client(_counted: Broadcast[CountReply]) -> None:
        refused, answered = await said(path, line, b'{"ask": "greet", "name": "b"}\n')
        assert why in json.loads(refused)["refused"]
        assert json.loads(refused)["cure"]
        assert b"hello b" in answered

    with_door(path, client)


def test_an_oversized_request_ends_its_own_connection_only(path: Path) -> None:
    async def client(_counted: Broadcast[CountReply]) -> None:
        (refused,) = await said(path, b'{"ask": "greet", "name": "' + b"x" * 20_000 + b'"}\n')
        assert "longer than" in json.loads(refused)["refused"]
        assert await said(path, b'{"ask": "greet", "name": "b"}\n')

    with_door(path, client)


def test_a_line_without_an_end_is_told_so(path: Path) -> None:
    async def client(_counted: Broadcast[CountReply]) -> None:
        (refused,) = await said(path, b'{"ask": "greet", "name": "b"}')
        assert "does not end" in json.loads(refused)["refused"]

    with_door(path, client)


def test_a_refusal_reaches_the_client_with_its_cure(path: Path) -> None:
    async def client(_counted: Broadcast[CountReply]) -> None:
        with pytest.raises(ControlError, match="nobody is here: greet somebody"):
            await control.ask_async(path, GREET, GreetRequest(name="nobody"))

    with_door(path, client)


def test_a_fault_of_ours_is_a_refusal_and_not_a_lost_connection(path: Path) -> None:
    async def client(_counted: Broadcast[CountReply]) -> None:
        refused, answered = await said(
            path, b'{"ask": "fail"}\n', b'{"ask": "greet", "name": "b"}\n'
        )
        assert "the sum is wrong" in json.loads(refused)["refused"]
        assert b"hello b" in answered

    with_door(path, client)


async def follow_counts(path: Path) -> AsyncIterator[int]:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b'{"ask": "count"}\n')
    while line := await reader.readline():
        yield json.loads(line)["reply"]["number"]
    writer.close()


async def publish_until(counted: Broadcast[CountReply], finished: asyncio.Task[None]) -> None:
    """Publish a number each loop turn until the follower has what it waits for."""
    number = 0
    while not finished.done():
        counted.publish(CountReply(number=number))
        number += 1
        await asyncio.sleep(0)
    await finished


def test_a_follower_hears_everything_in_order_and_may_leave(path: Path) -> None:
    async def client(counted: Broadcast[CountReply]) -> None:
        async def listen() -> None:
            heard = []
            async for number in follow_counts(path):
                heard.append(number)
                if len(heard) == 50:
                    break
            assert heard == list(range(heard[0], heard[0] + 50))

        await publish_until(counted, asyncio.create_task(listen()))

    with_door(path, client)


def test_a_follower_who_does_not_read_is_dropped_and_others_go_on(path: Path) -> None:
    async def client(counted: Broadcast[CountReply]) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX) as laggard:
            laggard.setblocking(False)
            await loop.sock_connect(laggard, str(path))
            await loop.sock_sendall(laggard, b'{"ask": "count"}\n')

            async def hear_one() -> None:
                await loop.sock_recv(laggard, 1)

            await publish_until(counted, asyncio.create_task(hear_one()))
            for number in range(control.LAG_MAX * 3):
                counted.publish(CountReply(number=number, filler="x" * 4_096))
                await asyncio.sleep(0)
            assert await said(path, b'{"ask": "greet", "name": "b"}\n')
            assert await all_of(laggard) < control.LAG_MAX * 3 * 4_096

    with_door(path, client)


async def all_of(laggard: socket.socket) -> int:
    """How many bytes still come before the connection ends."""
    loop, size = asyncio.get_running_loop(), 0
    with suppress(ConnectionError):
        while chunk := await loop.sock_recv(laggard, 65_536):
            size += len(chunk)
    return size


def test_only_the_owner_and_its_group_may_ask(path: Path) -> None:
    modes = []

    async def client(_counted: Broadcast[CountReply]) -> None:
        modes.append((await asyncio.to_thread(path.stat)).st_mode & 0o777)

    with_door(path, client)
    assert modes == [0o660]
    assert not path.exists()


def test_without_an_exchange_the_client_says_how_to_start_one(path: Path) -> None:
    with pytest.raises(ControlError, match="make run"):
        control.ask(path, GREET, GreetRequest(name="a"))
    with pytest.raises(ControlError, match="make run"):
        asyncio.run(control.ask_async(path, GREET, GreetRequest(name="a")))


def test_a_path_too_long_for_a_socket_is_named_before_the_kernel_does(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="CARELINE_HOME"):
        control.ask(tmp_path / ("x" * 120), GREET, GreetRequest(name="a"))


def test_a_second_exchange_is_refused_and_the_first_goes_on(path: Path) -> None:
    async def client(_counted: Broadcast[CountReply]) -> None:
        with pytest.raises(ControlError, match="already serves"):
            async with opened()[0].open(path):
                pass
        assert await said(path, b'{"ask": "greet", "name": "b"}\n')

    with_door(path, client)


def test_a_socket_left_by_a_killed_exchange_is_no_obstacle(path: Path) -> None:
    program = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen();"
        "print('up', flush=True); sys.stdin.read()"
    )
    path.parent.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
    assert path.exists()

    async def client(_counted: Broadcast[CountReply]) -> None:
        assert await said(path, b'{"ask": "greet", "name": "b"}\n')

    with_door(path, client)


@settings(max_examples=50)
@given(noise=st.binary(max_size=300).map(lambda raw: raw.replace(b"\n", b"")))
def test_no_line_whatever_it_holds_breaks_the_door(noise: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="ctl", dir="/tmp") as short:
        here = Path(short) / "control.sock"

        async def client(_counted: Broadcast[CountReply]) -> None:
            answers = await said(here, noise + b"\n", b'{"ask": "greet", "name": "b"}\n')
            assert len(answers) == 2
            assert b"hello b" in answers[1]

        with_door(here, client)


def test_no_form_at_this_door_has_a_place_for_who_called() -> None:
    assert set(topics.CallLine.model_fields) == {"call", "line", "arrived", "ended", "outcome"}
    assert set(topics.StepLine.model_fields) == {"call", "at", "mono_ms", "step", "detail"}
