"""The faults of asterisk-ami 0.1.7 as shipped, each shown on the bare package and absent from ours.

A test of the bare package that fails is good news: that fault is mended upstream, and what replaces
it in `link.py` or `wire.py` may go.
"""

import asyncio
import inspect
import queue
import re
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from asterisk.ami import (  # type: ignore[import-untyped]  # the package ships no types
    AMIClient,
    Event,
    SimpleAction,
)

from firmware.asterisk.link import ActionLate, Link, LinkDown, LinkState
from firmware.asterisk.wire import Message, Reader, WireError

from .peer import GREETING, Talk, block, fields, listening, success

pytestmark = pytest.mark.filterwarnings("ignore:notifyAll:DeprecationWarning")  # the package's

QUIET_S = 1.0  # stands for the package's own 3 s
SOON_S = 60.0


def bare(port: int, *, timeout: float = 2) -> tuple[AMIClient, "queue.Queue[Event]"]:
    """The package's client, logged in, and the events it tells."""
    client = AMIClient(port=port, timeout=timeout)
    told = queue.Queue[Event]()
    client.add_event_listener(on_event=lambda event, **_: told.put(event))
    assert client.login("careline", "secret").response is not None
    return client, told


Use = Callable[[Link, "asyncio.Queue[Message]"], Awaitable[None]]


async def ours(port: int, use: Use, *, silence_s: float = 3.0) -> None:
    """Our link, logged in, used, and ended."""
    states, told = asyncio.Queue[LinkState](), asyncio.Queue[Message]()
    link = Link(
        "127.0.0.1",
        port,
        "careline",
        "secret",
        receive=told.put_nowait,
        changed=states.put_nowait,
        ping_s=QUIET_S / 3,
        silence_s=silence_s,
    )
    running = asyncio.create_task(link.run())
    try:
        assert await states.get() is LinkState.UP
        await use(link, told)
    finally:
        running.cancel()
        await asyncio.wait({running})


def run(story: Coroutine[Any, Any, None]) -> None:
    async def within() -> None:
        async with asyncio.timeout(SOON_S):
            await story

    asyncio.run(within())


# ---- socket.send may write part of an action ----


def test_bare_an_action_is_torn_without_a_word_when_the_peer_is_slow() -> None:
    size = 32 * 1024 * 1024  # more than the kernel keeps for a peer that does not read

    async def story() -> None:
        may_read, read = asyncio.Event(), asyncio.Queue[int]()

        async def peer(talk: Talk) -> None:
            await talk.welcome()
            await may_read.wait()
            read.put_nowait(len(await talk.rest()))

        def write(port: int) -> None:
            client, _ = bare(port)
            client.send(SimpleAction("Fill", Value="x" * size))
            client._socket.close()

        async with listening(peer) as port:
            await asyncio.to_thread(write, port)
            may_read.set()
            assert await read.get() < size

    run(story())


def test_ours_an_action_is_whole_or_refused_however_slow_the_peer() -> None:
    lines = [(f"K{number}", "x" * 900) for number in range(100)]
    wanted = 200  # 18 MB

    async def story() -> None:
        may_read, whole = asyncio.Event(), asyncio.Queue[bool]()

        async def peer(talk: Talk) -> None:
            await talk.welcome()
            await may_read.wait()
            while True:
                action = fields(await talk.block())
                if action["Action"] == "Fill":
                    whole.put_nowait([*action.items()][2:] == lines)
                await talk.say(success(action))

        async def use(link: Link, _: "asyncio.Queue[Message]") -> None:
            fills = [link.send("Fill", *lines, deadline_s=SOON_S) for _ in range(wanted)]
            sent = [asyncio.create_task(fill) for fill in fills]
            done, waiting = await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
            assert {type(task.exception()) for task in done} == {LinkDown}
            may_read.set()
            assert all(answer["Response"] == "Success" for answer in await asyncio.gather(*waiting))
            assert [await whole.get() for _ in waiting] == [True] * len(waiting)
            assert whole.empty(), "and nothing of those refused"

        async with listening(peer) as port:
            await ours(port, use, silence_s=SOON_S)

    run(story())


# ---- a quiet link's reader ends at the socket's timeout ----


async def quiet(talk: Talk) -> None:
    """Answers what is asked, and tells of one event after a silence longer than the timeout."""
    await talk.welcome()
    talk.say_later(block("Event: Hangup"), QUIET_S * 2)
    await talk.answer_all()


def test_bare_a_quiet_link_ends_at_its_timeout_and_hears_no_more() -> None:
    assert inspect.signature(AMIClient).parameters["timeout"].default == 3

    def listen(port: int) -> None:
        client, told = bare(port, timeout=QUIET_S)
        client._thread.join(QUIET_S * 4)
        assert not client._thread.is_alive()
        assert told.empty()

    async def story() -> None:
        async with listening(quiet) as port:
            await asyncio.to_thread(listen, port)

    run(story())


def test_ours_a_quiet_link_hears_what_is_said_after_the_silence() -> None:
    async def use(_: Link, told: "asyncio.Queue[Message]") -> None:
        assert (await told.get())["Event"] == "Hangup"

    async def story() -> None:
        async with listening(quiet) as port:
            await ours(port, use, silence_s=QUIET_S)

    run(story())


# ---- splitting is quadratic in the buffer ----


class Counting:
    """The package's own pattern, counting the bytes it is given to look through."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self._pattern = pattern
        self.looked_through = 0

    def search(self, data: bytes) -> re.Match[bytes] | None:
        self.looked_through += len(data)
        return self._pattern.search(data)

    def split(self, data: bytes, most: int) -> list[bytes]:
        return self._pattern.split(data, most)


def test_bare_one_long_message_is_looked_through_again_at_each_kilobyte() -> None:
    size = 256 * 1024
    long = b"Event: Long\r\nValue: " + b"x" * size + b"\r\n\r\n"

    async def peer(talk: Talk) -> None:
        await talk.welcome()
        await talk.say(long)
        await talk.answer_all()

    def listen(port: int) -> None:
        client, told = bare(port)
        assert told.get(timeout=SOON_S)["Value"] == "x" * size
        client.disconnect()

    counting = Counting(AMIClient.asterisk_pack_regex)

    async def story() -> None:
        async with listening(peer) as port:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(AMIClient, "asterisk_pack_regex", counting)
                await asyncio.to_thread(listen, port)

    run(story())
    assert counting.looked_through > 50 * size


def test_ours_four_times_as_long_a_message_costs_about_four_times_as_much() -> None:
    """Sixteen times, were it looked through or copied anew at each kilobyte."""

    def cost(megabytes: int) -> float:
        reader = Reader()
        reader.feed(GREETING)
        piece = b"x" * 1024
        began = time.process_time()
        for _ in range(megabytes * 1024):
            reader.feed(piece)
        return time.process_time() - began

    assert min(cost(16) for _ in range(5)) < 10 * min(cost(4) for _ in range(5))


# ---- unanswered futures stay for ever ----


async def mute(talk: Talk) -> None:
    """Answers pings and nothing else."""
    await talk.welcome()
    while action := await talk.action():
        if action["Action"] == "Ping":
            await talk.say(success(action))


def test_bare_an_unanswered_action_is_kept_for_ever() -> None:
    def ask(port: int) -> None:
        client, _ = bare(port, timeout=QUIET_S)
        asked = [client.send_action(SimpleAction("Status")) for _ in range(10)]
        assert asked[-1].response is None, "its time is over"
        assert len(client._futures) == 10
        client.disconnect()
        assert len(client._futures) == 10

    async def story() -> None:
        async with listening(mute) as port:
            await asyncio.to_thread(ask, port)

    run(story())


def test_ours_an_unanswered_action_is_forgotten_at_its_deadline() -> None:
    async def use(link: Link, _: "asyncio.Queue[Message]") -> None:
        asked = [link.send("Status", deadline_s=QUIET_S) for _ in range(10)]
        late = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(answer) for answer in late} == {ActionLate}
        assert link.outstanding <= 1, "a ping, at most"

    async def story() -> None:
        async with listening(mute) as port:
            await ours(port, use)

    run(story())


# ---- values are not checked for line breaks ----

NAME = "Bob\r\n\r\nAction: Originate\r\nApplication: System"


def test_bare_a_callers_name_becomes_an_action() -> None:
    async def story() -> None:
        actions = asyncio.Queue[str]()

        async def peer(talk: Talk) -> None:
            await talk.welcome()
            while True:
                actions.put_nowait((await talk.action())["Action"])

        def write(port: int) -> None:
            client, _ = bare(port)
            client.send(SimpleAction("Setvar", Value=NAME))

        async with listening(peer) as port:
            await asyncio.to_thread(write, port)
            assert [await actions.get(), await actions.get()] == ["Setvar", "Originate"]

    run(story())


def test_ours_a_callers_name_with_a_line_break_is_refused_before_anything_is_sent() -> None:
    async def use(link: Link, _: "asyncio.Queue[Message]") -> None:
        with pytest.raises(WireError, match="line break"):
            await link.send("Setvar", ("Value", NAME))
        assert link.state is LinkState.UP

    async def story() -> None:
        async with listening(mute) as port:
            await ours(port, use)

    run(story())


# ---- repeated keys overwrite each other, and a name's letters end lines ----

REPEATED = ("Event: Status", "Variable: CALLUUID=1", "Variable: LINE=main")


def named(odd: str) -> tuple[str, ...]:
    return ("Event: Hangup", "Cause: 16", f"CallerIDName: Bob{odd}Cause: 21")


def teller(*lines: str) -> Callable[[Talk], Awaitable[None]]:
    async def peer(talk: Talk) -> None:
        await talk.welcome()
        await talk.say(block(*lines))
        await talk.answer_all()

    return peer


def heard_by_bare(*lines: str) -> dict[str, str]:
    """The keys of the event that the bare package makes of these lines."""
    keys: dict[str, str] = {}

    def listen(port: int) -> None:
        client, told = bare(port)
        keys.update(told.get(timeout=SOON_S).keys)
        client.disconnect()

    async def story() -> None:
        async with listening(teller(*lines)) as port:
            await asyncio.to_thread(listen, port)

    run(story())
    return keys


def heard_by_ours(*lines: str) -> Message:
    """The message that our link makes of these lines."""
    messages: list[Message] = []

    async def use(_: Link, told: "asyncio.Queue[Message]") -> None:
        messages.append(await told.get())

    async def story() -> None:
        async with listening(teller(*lines)) as port:
            await ours(port, use)

    run(story())
    return messages[0]


def test_bare_a_key_that_repeats_keeps_only_its_last_value() -> None:
    assert heard_by_bare(*REPEATED) == {"Variable": "LINE=main"}


def test_ours_a_key_that_repeats_keeps_all_its_values() -> None:
    assert heard_by_ours(*REPEATED).all("Variable") == ("CALLUUID=1", "LINE=main")


@pytest.mark.parametrize("odd", ["\u2028", "\x85", "\x1c"], ids=["U+2028", "U+0085", "U+001C"])
def test_bare_a_callers_name_overwrites_the_cause_of_the_hangup(odd: str) -> None:
    assert heard_by_bare(*named(odd)) == {"Cause": "21", "CallerIDName": "Bob"}


@pytest.mark.parametrize("odd", ["\u2028", "\x85", "\x1c"], ids=["U+2028", "U+0085", "U+001C"])
def test_ours_a_callers_name_is_a_name_whatever_is_in_it(odd: str) -> None:
    heard = heard_by_ours(*named(odd))
    assert heard.get("CallerIDName") == f"Bob{odd}Cause: 21"
    assert heard.all("Cause") == ("16",)
