"""The AMI link against a peer that is late, cut off, slow, mute, or not Asterisk at all."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import pytest

from firmware.asterisk.link import (
    MOST_OUTSTANDING,
    ActionFailed,
    ActionLate,
    Link,
    LinkDown,
    LinkState,
    nothing,
    pause_s,
)
from firmware.asterisk.wire import Message, WireError

from .peer import GREETING, Talk, block, fields, listening, success

Story = Callable[[Talk], Awaitable[None]]

SOON_S = 60.0


class Heard:
    """What a link told us, awaited without polling."""

    def __init__(self) -> None:
        self.states: asyncio.Queue[LinkState] = asyncio.Queue()
        self.messages: asyncio.Queue[Message] = asyncio.Queue()


@asynccontextmanager
async def linked(
    story: Story,
    *,
    resync: Callable[[], Awaitable[None]] = nothing,
    ping_s: float = 1.0,
    silence_s: float = 3.0,
    refused_retry_s: float = 5.0,
) -> AsyncIterator[tuple[Link, Heard]]:
    """A link running against this peer."""
    heard = Heard()
    async with listening(story) as port:
        link = Link(
            "127.0.0.1",
            port,
            "careline",
            "secret",
            receive=heard.messages.put_nowait,
            changed=heard.states.put_nowait,
            resync=resync,
            ping_s=ping_s,
            silence_s=silence_s,
            refused_retry_s=refused_retry_s,
            jitter=lambda: 1.0,
        )
        running = asyncio.create_task(link.run())
        try:
            yield link, heard
        finally:
            running.cancel()
            await asyncio.wait({running})


def run(story: Coroutine[Any, Any, None]) -> None:
    async def within() -> None:
        async with asyncio.timeout(SOON_S):
            await story

    asyncio.run(within())


async def agreeable(talk: Talk) -> None:
    await talk.welcome()
    await talk.answer_all()


def test_the_link_logs_in_says_that_it_is_up_and_sends_an_action() -> None:
    logins = []

    async def peer(talk: Talk) -> None:
        logins.append(await talk.welcome())
        await talk.answer_all()

    async def story() -> None:
        async with linked(peer) as (link, heard):
            assert await heard.states.get() is LinkState.UP
            answer = await link.send("Setvar", ("Variable", "NEXT"), ("Value", "done"))
            assert answer["Response"] == "Success"
        assert logins[0]["Username"] == "careline"
        assert logins[0]["Secret"] == "secret"

    run(story())


def test_fields_that_repeat_are_sent_in_their_order() -> None:
    sent = asyncio.Queue[bytes]()

    async def peer(talk: Talk) -> None:
        await talk.welcome()
        while True:
            raw = await talk.block()
            sent.put_nowait(raw)
            await talk.say(success(fields(raw)))

    async def story() -> None:
        async with linked(peer) as (link, heard):
            await heard.states.get()
            await link.send("Originate", ("Variable", "A=1"), ("Variable", "B=2"))
            while not (raw := await sent.get()).startswith(b"Action: Originate"):
                pass
            assert raw.endswith(b"\r\nVariable: A=1\r\nVariable: B=2\r\n\r\n")

    run(story())


def test_what_asterisk_refuses_is_told_with_its_reason() -> None:
    async def peer(talk: Talk) -> None:
        await talk.welcome()
        while action := await talk.action():
            if action["Action"] == "Ping":
                await talk.say(success(action))
            else:
                identity = f"ActionID: {action['ActionID']}"
                await talk.say(block("Response: Error", identity, "Message: No such channel"))

    async def story() -> None:
        async with linked(peer) as (link, heard):
            await heard.states.get()
            with pytest.raises(ActionFailed, match="refused Hangup: No such channel") as refused:
                await link.send("Hangup", ("Channel", "PJSIP/none"))
            assert refused.value.message["Response"] == "Error"
            with pytest.raises(ActionFailed):
                await link.ask("Status")
            assert link.state is LinkState.UP, "a refusal is no failure of the link"

    run(story())


def test_a_list_is_gathered_and_the_events_around_it_are_told_as_ever() -> None:
    async def peer(talk: Talk) -> None:
        await talk.welcome()
        while action := await talk.action():
            if action["Action"] != "Status":
                await talk.say(success(action))
                continue
            identity = f"ActionID: {action['ActionID']}"
            await talk.say(
                success(action, "EventList: start")
                + block("Event: Status", identity, "Channel: PJSIP/1")
                + block("Event: Newchannel", "Channel: PJSIP/2")
                + block("Event: Status", identity, "Channel: PJSIP/3")
                + block("Event: StatusComplete", identity, "EventList: Complete")
                + block("Event: OriginateResponse", identity, "Response: Failure")
            )

    async def story() -> None:
        async with linked(peer) as (link, heard):
            await heard.states.get()
            listed = await link.ask("Status")
            assert [item["Channel"] for item in listed] == ["PJSIP/1", "PJSIP/3"]
            assert (await heard.messages.get())["Event"] == "Newchannel"
            late = await heard.messages.get()
            assert late["Event"] == "OriginateResponse", "its action was answered before"

    run(story())


def test_debians_test_events_are_not_told() -> None:
    async def peer(talk: Talk) -> None:
        await talk.welcome()
        await talk.say(block("Event: TestEvent", "State: X") + block("Event: Hangup"))
        await talk.answer_all()

    async def story() -> None:
        async with linked(peer) as (_, heard):
            assert (await heard.messages.get())["Event"] == "Hangup"

    run(story())


def test_an_action_with_a_line_break_in_it_is_refused_and_nothing_of_it_is_sent() -> None:
    actions = asyncio.Queue[str]()

    async def peer(talk: Talk) -> None:
        await talk.welcome()
        while action := await talk.action():
            actions.put_nowait(action["Action"])
            await talk.say(success(action))

    async def story() -> None:
        async with linked(peer) as (link, heard):
            await heard.states.get()
            for field in (("Value", "Bob\r\nAction: Originate"), ("Va\r\nlue", "x")):
                with pytest.raises(WireError):
                    await link.send("Setvar", field)
            await link.send("Last")
            sent = [await actions.get() for _ in range(actions.qsize())]
            assert set(sent) == {"Ping", "Last"}

    run(story())


def test_an_action_asterisk_never_answers_ends_at_its_deadline_and_leaves_nothing_behind() -> None:
    async def peer(talk: Talk) -> None:
        await talk.welcome()
        while action := await talk.action():
            if action["Action"] == "Ping":
                await talk.say(success(action))

    async def story() -> None:
        async with linked(peer, ping_s=0.05) as (link, heard):
            await heard.states.get()
            began = monotonic()
            with pytest.raises(ActionLate, match=r"Bridge within 0\.2 s"):
                await link.send("Bridge", deadline_s=0.2)
            assert monotonic() - began >= 0.2
            assert link.outstanding <= 1, "a ping, at most"
            assert link.state is LinkState.UP

    run(story())


def test_no_more_actions_wait_than_are_allowed() -> None:
    async def peer(talk: Talk) -> None:
        await talk.welcome()
        while action := await talk.action():
            if action["Action"] == "Ping":
                await talk.say(success(action))

    async def story() -> None:
        async with linked(peer) as (link, heard):
            await heard.states.get()
            many = [asyncio.create_task(link.send("Bridge")) for _ in range(MOST_OUTSTANDING + 1)]
            done, _ = await asyncio.wait(many, return_when=asyncio.FIRST_COMPLETED)
            assert all("wait for Asterisk" in str(task.exception()) for task in done)
            for task in many:
                task.cancel()
            await asyncio.wait(many)

    run(story())


def test_when_asterisk_goes_everything_awaited_fails_at_once_and_the_link_comes_back() -> None:
    talks = []

    async def peer(talk: Talk) -> None:
        talks.append(talk)
        await talk.welcome()
        while action := await talk.action():
            if action["Action"] == "Bridge":
                return
            await talk.say(success(action))

    async def story() -> None:
        async with linked(peer) as (link, heard):
            assert await heard.states.get() is LinkState.UP
            both = [asyncio.create_task(link.send("Bridge")) for _ in range(2)]
            for failed in await asyncio.gather(*both, return_exceptions=True):
                assert isinstance(failed, LinkDown)
            assert await heard.states.get() is LinkState.DOWN
            with pytest.raises(LinkDown, match="is down"):
                await link.send("Ping")
            assert await heard.states.get() is LinkState.UP
            assert (await link.send("Ping"))["Response"] == "Success"
        assert len(talks) == 2

    run(story())


def test_a_black_hole_is_noticed_after_the_silence_allowed_and_answered_at_says_so() -> None:
    async def peer(talk: Talk) -> None:
        await talk.welcome()
        for _ in range(3):
            await talk.say(success(await talk.action()))
        while True:  # heard, never answered; events go on, and are no answer
            await talk.action()
            await talk.say(block("Event: RTCPSent"))

    async def story() -> None:
        async with linked(peer, ping_s=0.05, silence_s=0.5) as (link, heard):
            assert await heard.states.get() is LinkState.UP
            assert await heard.states.get() is LinkState.DOWN
            assert monotonic() - link.answered_at >= 0.5
            assert "did not answer Ping" in link.reason

    run(story())


@pytest.mark.parametrize("what", ["greeting", "answers"])
def test_one_byte_a_second_is_as_good_as_silence(what: str) -> None:
    began = asyncio.Queue[float]()

    async def peer(talk: Talk) -> None:
        began.put_nowait(monotonic())
        if what == "answers":
            await talk.welcome()
        for second, byte in enumerate(GREETING):
            talk.say_later(bytes((byte,)), second)
        await talk.rest()

    async def story() -> None:
        async with linked(peer, silence_s=0.5) as (link, _):
            first = await began.get()
            assert await began.get() - first >= 0.3, "given up, and tried again"
            assert link.state is LinkState.DOWN
            assert link.reason.startswith(
                "no greeting" if what == "greeting" else "Asterisk did not answer Ping"
            )

    run(story())


def test_a_quiet_link_is_kept_by_pings() -> None:
    pings = asyncio.Queue[float]()

    async def peer(talk: Talk) -> None:
        await talk.welcome()
        while action := await talk.action():
            assert action["Action"] == "Ping"
            pings.put_nowait(monotonic())
            await talk.say(success(action, "Ping: Pong"))

    async def story() -> None:
        async with linked(peer, ping_s=0.1, silence_s=1.0) as (link, _):
            first = last = await pings.get()
            while last - first < 1.5:  # longer than the silence allowed
                last = await pings.get()
            assert link.state is LinkState.UP

    run(story())


def test_a_refused_login_is_a_state_of_its_own_and_is_tried_again_slowly() -> None:
    tries = asyncio.Queue[float]()

    async def peer(talk: Talk) -> None:
        await talk.say(GREETING)
        login = await talk.action()
        tries.put_nowait(monotonic())
        if tries.qsize() + refused < 2:
            reason = "Message: Authentication failed"
            await talk.say(block("Response: Error", f"ActionID: {login['ActionID']}", reason))
        else:
            await talk.say(success(login))
            await talk.answer_all()

    refused = 0

    async def story() -> None:
        nonlocal refused
        async with linked(peer, refused_retry_s=0.4) as (link, heard):
            assert await heard.states.get() is LinkState.REFUSED
            assert link.reason == "Asterisk refused Login: Authentication failed"
            first, refused = await tries.get(), 1
            with pytest.raises(LinkDown, match="login refused"):
                await link.send("Ping")
            assert await heard.states.get() is LinkState.UP
            assert await tries.get() - first >= 0.4

    run(story())


def test_pauses_between_tries_grow_to_a_limit_and_are_not_all_alike() -> None:
    assert [pause_s(n, 0.0) for n in range(1, 8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert pause_s(10_000, 1.0) == 1.0


def test_asterisk_that_starts_after_the_exchange_is_found() -> None:
    async def story() -> None:
        async with listening(agreeable) as port:
            pass
        states, tries = asyncio.Queue[LinkState](), asyncio.Queue[None]()

        def jitter() -> float:
            tries.put_nowait(None)
            return 1.0

        link = Link(
            "127.0.0.1", port, "u", "s", receive=print, changed=states.put_nowait, jitter=jitter
        )
        running = asyncio.create_task(link.run())
        await tries.get()
        await tries.get()
        assert link.state is LinkState.DOWN
        async with listening(agreeable, port):
            assert await states.get() is LinkState.UP
        running.cancel()
        await asyncio.wait({running})

    run(story())


def test_whoever_else_listens_on_the_port_is_not_taken_for_asterisk() -> None:
    met = asyncio.Queue[None]()

    async def peer(talk: Talk) -> None:
        met.put_nowait(None)
        await talk.say(b"SSH-2.0-OpenSSH_9.2\r\n")
        await talk.answer_all()

    async def story() -> None:
        async with linked(peer) as (link, _):
            await met.get()
            await met.get()
            assert link.state is LinkState.DOWN
            assert "something else listens" in link.reason

    run(story())


def test_after_each_login_what_lives_is_asked_for_and_a_failure_is_tried_anew() -> None:
    asked = asyncio.Queue[None]()
    links: list[Link] = []

    async def peer(talk: Talk) -> None:
        await talk.welcome()
        while action := await talk.action():
            if action["Action"] == "Status":
                asked.put_nowait(None)
                if asked.qsize() == 1:
                    return  # Asterisk is restarted in the middle of it
            await talk.say(success(action))

    async def resync() -> None:
        await links[0].ask("Status")

    async def story() -> None:
        async with linked(peer, resync=resync) as (link, heard):
            links.append(link)
            states = [await heard.states.get() for _ in range(3)]
            assert states == [LinkState.UP, LinkState.DOWN, LinkState.UP]
            await link.send("Setvar")
            assert asked.qsize() == 2
            assert link.state is LinkState.UP

    run(story())


@pytest.mark.parametrize("where", ["receive", "resync"])
def test_a_fault_of_our_own_ends_the_link_instead_of_looking_like_asterisks(where: str) -> None:
    async def peer(talk: Talk) -> None:
        await talk.welcome()
        await talk.say(block("Event: Hangup"))
        await talk.answer_all()

    def faulty(_: Message) -> None:
        if where == "receive":
            raise KeyError("ours")

    async def resync() -> None:
        if where == "resync":
            raise KeyError("ours")

    async def story() -> None:
        async with listening(peer) as port:
            link = Link(
                "127.0.0.1", port, "u", "s", receive=faulty, changed=lambda _: None, resync=resync
            )
            with pytest.raises(KeyError, match="ours"):
                await link.run()

    run(story())


def test_a_loop_that_was_held_up_does_not_take_its_own_delay_for_asterisks_silence() -> None:
    """The peer runs in a thread of its own, so that it goes on while our loop stands."""
    ports = queue.Queue[int]()
    is_over = threading.Event()

    async def elsewhere() -> None:
        async with listening(agreeable) as port:
            ports.put(port)
            await asyncio.to_thread(is_over.wait)

    async def story() -> None:
        states = asyncio.Queue[LinkState]()
        link = Link(
            "127.0.0.1",
            await asyncio.to_thread(ports.get),
            "u",
            "s",
            receive=print,
            changed=states.put_nowait,
            ping_s=0.05,
            silence_s=0.5,
        )
        running = asyncio.create_task(link.run())
        assert await states.get() is LinkState.UP
        for _ in range(3):
            asked = asyncio.create_task(link.send("Setvar", deadline_s=0.5))
            await asyncio.wait({asked}, timeout=0)  # it is sent; its answer comes later
            stand_still(1.0)
            assert (await asked)["Response"] == "Success"
        assert states.empty()
        running.cancel()
        await asyncio.wait({running})

    peer = threading.Thread(target=lambda: asyncio.run(elsewhere()))
    peer.start()
    try:
        run(story())
    finally:
        is_over.set()
        peer.join()


def stand_still(seconds: float) -> None:
    """What a slow disk or a full garbage collection does to a loop."""
    threading.Event().wait(seconds)


def test_a_peer_that_does_not_read_is_not_written_to_without_end() -> None:
    async def peer(talk: Talk) -> None:
        await talk.welcome()
        await asyncio.Event().wait()

    async def story() -> None:
        async with linked(peer, silence_s=20) as (link, heard):
            await heard.states.get()
            lines = [(f"K{number}", "x" * 1000) for number in range(120)]
            fills = [link.send("Fill", *lines, deadline_s=SOON_S) for _ in range(200)]
            sent = [asyncio.create_task(fill) for fill in fills]
            done, _ = await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
            assert all("does not read" in str(task.exception()) for task in done)
            assert len(sent) - len(done) > 5
            for task in sent:
                task.cancel()
            await asyncio.wait(sent)

    run(story())
