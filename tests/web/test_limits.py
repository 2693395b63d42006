"""Who takes more than is good for all loses the connection; who takes less does not notice."""

import asyncio
import gc
import socket
from asyncio.sslproto import SSLProtocol
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware.web.limits import REMEMBERED, Crowd, Guest, Limits, Pace, visitor_of
from tests.web.served import (
    DEADLINE_S,
    HERE,
    UNHURRIED,
    Page,
    Visitor,
    neighbours,
    served,
    served_beside,
)

HEAD = b"GET / HTTP/1.1\r\nHost: careline.local\r\n"
POST = b"POST /body HTTP/1.1\r\nHost: careline.local\r\nContent-Length: %d\r\n\r\n"


def told(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


# ---- slowness ----


def test_a_head_that_does_not_come_to_its_end_in_time_is_not_waited_for() -> None:
    async def story() -> None:
        page = Page()
        async with served(page, replace(UNHURRIED, head_s=0.3)) as box:
            silent, slow = await box.visit(), await box.brings(HEAD)
            await asyncio.gather(silent.is_sent_away(), slow.drips(b"X-More: x\r\n"))
            assert (await (await box.brings(HEAD + b"\r\n")).hears()).body == b"hello"
        assert page.asked == ["/"]

    told(story())


def test_the_head_of_a_second_request_has_no_more_time_than_the_first() -> None:
    async def story() -> None:
        async with served(Page(), replace(UNHURRIED, head_s=0.3)) as box:
            visitor = await box.brings(HEAD + b"\r\n" + HEAD)
            assert (await visitor.hears()).status == 200
            await visitor.drips(b"X-More: x\r\n")

    told(story())


def test_a_body_that_does_not_come_to_its_end_in_time_is_not_waited_for() -> None:
    async def story() -> None:
        async with served(
            Page(), replace(UNHURRIED, body_s=0.3, slowest_bytes_per_s=1 << 20)
        ) as box:
            visitor = await box.visit()
            visitor.says(POST % 60_000)
            await visitor.drips(b"x")
            assert (await box.asks()).body == b"hello"

    # The application itself is told that the visitor has gone, and says so.
    with structlog.testing.capture_logs() as logs:
        told(story())
    assert [entry["event"] for entry in logs] == ["the page broke"]


def test_a_long_body_has_longer() -> None:
    limits = Limits()
    assert limits.body_due_s(0) < limits.body_due_s(limits.body_bytes) < 20
    assert limits.body_due_s(20 << 20) > 600


def test_an_endless_head_is_cut_short() -> None:
    async def story() -> None:
        page = Page()
        async with served(page, UNHURRIED) as box:
            visitor = await box.visit()
            visitor.says(HEAD)
            await visitor.drips(b"X-More: " + b"x" * 1000 + b"\r\n")
        assert page.asked == []

    told(story())


def test_a_handshake_that_does_not_come_to_its_end_is_not_waited_for(tmp_path: Path) -> None:
    async def story() -> None:
        async with served(Page(), replace(UNHURRIED, handshake_s=0.3), tmp_path) as box:
            silent, halfway = await box.knock(), await box.knock()
            halfway.says(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # a hello's beginning
            await asyncio.gather(silent.is_sent_away(), halfway.is_sent_away())

    told(story())


def test_who_does_not_take_the_answer_is_not_waited_for() -> None:
    async def story() -> None:
        page = Page()
        async with served(page, replace(UNHURRIED, stall_s=0.3)) as box:
            visitor = await box.visit()
            visitor.writer.transport.pause_reading()  # type: ignore[attr-defined]
            visitor.says(HEAD.replace(b"/", b"/long", 1) + b"\r\n")
            await asyncio.wait_for(page.let_go.wait(), DEADLINE_S)
            assert visitor.reader.at_eof() is False
            assert (await box.asks()).body == b"hello"

    told(story())


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"])
def test_a_handshake_that_fails_leaves_nothing_in_memory(tmp_path: Path, said: bytes) -> None:
    """asyncio lays out 256 KiB for each, which a flood of them must not pile up until Python looks
    for what is left over."""

    async def story() -> None:
        async with served(Page(), UNHURRIED, tmp_path) as box:
            for _ in range(5):
                visitor = await box.knock()
                visitor.says(said)
                visitor.writer.write_eof()
                await visitor.is_sent_away()
            silent = await box.knock()
            assert (await box.asks()).body == b"hello"
        await silent.is_sent_away()  # broken off by us

    gc.collect()
    gc.disable()
    try:
        told(story())
        left = [each for each in gc.get_objects() if isinstance(each, SSLProtocol)]
    finally:
        gc.enable()
    assert len(left) == 0  # and not the list, whose words would be long


# ---- crowds ----


def test_one_visitor_has_so_many_connections_and_the_oldest_of_them_gives_way() -> None:
    async def story() -> None:
        limits = replace(UNHURRIED, connections_of_one=5)
        async with served(Page(), limits) as box:
            crowd = [await box.visit() for _ in range(5)]
            for visitor in crowd[1:]:
                assert (await visitor.asks()).body == b"hello"
            sixth = await box.visit()
            await crowd[0].is_sent_away()
            assert (await box.asks(by="127.0.0.2")).body == b"hello"
            for visitor in (*crowd[1:], sixth):
                assert (await visitor.asks()).body == b"hello"  # the others stay

    told(story())


def test_a_clinic_behind_one_address_keeps_many_live_screens_and_works_on() -> None:
    async def story() -> None:
        page = Page()
        limits = replace(UNHURRIED, connections=40, connections_of_one=4, boards=20)
        async with served(page, limits) as box:
            boards = list[Visitor]()
            for _ in range(20):
                boards.append(await box.visit())
                boards[-1].says(HEAD.replace(b"/", b"/events", 1) + b"\r\n")
                await boards[-1].reader.readuntil(b"data: 1\n\n")
            slow = [await box.brings(HEAD) for _ in range(10)]  # and says no more
            for _ in range(5):
                assert (await box.asks()).body == b"hello"
            assert page.streams == 20  # all of them are still live
            await slow[0].is_sent_away()

    told(story())


def test_when_all_places_are_taken_who_has_most_gives_one_up_for_who_has_none() -> None:
    async def story() -> None:
        limits = replace(UNHURRIED, connections=30, connections_of_one=10)
        async with served(Page(), limits) as box:
            crowd = [await box.visit(by=by) for by in neighbours(3) for _ in range(10)]
            for stranger in ("127.0.0.2", "127.0.0.3", "127.0.0.4"):
                assert (await box.asks(by=stranger)).body == b"hello"
            await crowd[0].is_sent_away()

    told(story())


def test_half_open_handshakes_from_everywhere_leave_room_for_a_good_visitor(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        limits = replace(UNHURRIED, connections=24, connections_of_one=6)
        async with served(Page(), limits, tmp_path) as box:
            crowd = [await box.knock(by=by) for by in neighbours(4) for _ in range(6)]
            for visitor in crowd:
                visitor.says(b"\x16\x03\x01")
            for _ in range(3):
                assert (await box.asks(by="127.0.0.2")).body == b"hello"

    told(story())


def test_good_visitors_are_served_while_every_kind_of_bad_one_is_at_it(tmp_path: Path) -> None:
    async def story() -> None:
        limits = replace(UNHURRIED, connections=60, connections_of_one=12)
        async with served(Page(), limits, tmp_path) as box:
            bad = list[Visitor]()
            for by in neighbours(5):
                for _ in range(4):
                    bad += [await box.knock(by=by), await box.visit(by=by), await box.visit(by=by)]
                    bad[-2].says(HEAD)
                    bad[-1].says(POST % 50_000)
            for good in ("127.0.0.2", "127.0.0.3", HERE):
                visitor = await box.visit(by=good)
                for _ in range(3):
                    assert (await visitor.asks()).body == b"hello"

    with structlog.testing.capture_logs():
        told(story())


def test_who_is_being_answered_never_has_to_leave() -> None:
    async def story() -> None:
        page = Page()
        async with served(page, replace(UNHURRIED, connections=2, connections_of_one=2)) as box:
            answered, idle = await box.visit(), await box.visit()
            answered.says(HEAD.replace(b"/", b"/slow", 1) + b"\r\n")
            idle.says(HEAD)
            assert (await box.asks(by="127.0.0.2")).body == b"hello"
            await idle.is_sent_away()
            page.going_on.set()
            assert (await answered.hears()).body == b"done"

    told(story())


def test_who_connects_again_and_again_is_let_in_at_a_pace() -> None:
    async def story() -> None:
        limits = replace(UNHURRIED, connections_per_s=0.001, connections_burst=3)
        async with served(Page(), limits) as box:
            for _ in range(3):
                assert (await box.asks()).status == 200
            await (await box.visit()).is_sent_away()
            assert (await box.asks(by="127.0.0.2")).status == 200

    told(story())


def test_a_flood_of_connections_leaves_the_page_its_turns() -> None:
    async def story() -> None:
        limits = replace(UNHURRIED, connections_per_s=0.001, connections_burst=1)
        async with served(Page(), limits) as box:
            flood = [socket.create_connection((HERE, box.port)) for _ in range(200)]
            turns = 0

            async def everything_else() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            beside = asyncio.create_task(everything_else())
            last = Visitor(*await asyncio.open_connection(sock=flood.pop()))
            await last.is_sent_away()
            beside.cancel()
            for come in flood:
                come.close()
        assert turns >= 200

    told(story())


def test_who_asks_again_and_again_is_told_to_be_slower() -> None:
    async def story() -> None:
        async with served(
            Page(), replace(UNHURRIED, requests_per_s=0.001, requests_burst=3)
        ) as box:
            visitor = await box.visit()
            for _ in range(3):
                assert (await visitor.asks()).status == 200
            slower = await visitor.asks()
            assert (slower.status, slower.head["retry-after"]) == (429, "5")
            await visitor.is_sent_away()
            assert (await box.asks(by="127.0.0.2")).status == 200

    told(story())


# ---- sizes ----


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (POST % 1_000_000_000, 413),
        (POST % 70_000, 413),
        (b"POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (HEAD + b"".join(b"X-%d: 1\r\n" % one for one in range(70)) + b"\r\n", 431),
        (HEAD + b"X: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
        (b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    ],
)
def test_what_is_too_long_or_no_request_is_refused_before_the_page_or_its_body_is_read(
    request_: bytes, status: int
) -> None:
    async def story() -> None:
        page = Page()
        async with served(page, UNHURRIED) as box:
            visitor = await box.visit()
            visitor.says(request_)
            first = (await asyncio.wait_for(visitor.reader.readline(), DEADLINE_S)).decode()
            # What came whole is judged as a whole, what comes in pieces is cut off by h11.
            assert first.split()[1] in ({"431", "400"} if status == 431 else {str(status)})
            await visitor.is_sent_away()
        assert page.asked == []

    told(story())


def test_an_upload_may_be_longer_where_the_page_takes_uploads() -> None:
    async def story() -> None:
        limits = replace(UNHURRIED, uploads={"/body": 1_000_000})
        async with served(Page(), limits) as box:
            visitor = await box.visit()
            visitor.says(POST % 200_000 + b"x" * 200_000)
            assert (await visitor.hears()).body == b"200000"
            visitor.says((POST % 200_000).replace(b"/body", b"/other"))
            assert (await visitor.hears()).status == 413

    told(story())


# ---- faults ----


def test_what_breaks_is_told_by_its_place_and_by_no_word_of_a_visitors(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def story() -> None:
        async with served(Page(), UNHURRIED) as box:
            broken = await box.asks("/broken")
            assert broken.status == 500
            assert b"Doe" not in broken.body
            assert (await box.asks()).status == 200

    with structlog.testing.capture_logs() as logs:
        told(story())
    (entry,) = logs
    assert entry["event"] == "the page broke"
    assert entry["kind"] == "ValueError"
    assert any("served.py" in place for place in entry["at"])
    assert "Doe" not in str(logs) + "".join(capfd.readouterr())


def test_what_is_no_request_in_the_midst_of_another_breaks_only_its_own_connection() -> None:
    async def story() -> None:
        page = Page()
        async with served(page, UNHURRIED) as box:
            visitor = await box.visit()
            visitor.says(b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
            visitor.says(b"\x00\x01 no request\r\n\r\n")
            await asyncio.wait_for(page.came.wait(), DEADLINE_S)
            assert (await box.asks()).body == b"hello"
            page.going_on.set()
            assert (await visitor.hears()).body == b"done"
            assert b" 400 " in await asyncio.wait_for(visitor.reader.readline(), DEADLINE_S)
            await visitor.is_sent_away()

    told(story())


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from(
            [
                b"GET / HTTP/1.1\r\n", b"POST /body HTTP/1.1\r\n", b"Host: a\r\n", b"\r\n",
                b"Content-Length: 3\r\n", b"Content-Length: 99999999999999999999\r\n",
                b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n", b"zz\r\n",
                b"Connection: close\r\n", b"Upgrade: websocket\r\nConnection: upgrade\r\n",
                b"Expect: 100-continue\r\n", b"abc", b"\x00", b"GET /slow HTTP/1.0\r\n\r\n",
                b"GET * HTTP/1.1\r\n", b"OPTIONS http://x/ HTTP/1.1\r\n", b"X: \xff\xfe\r\n",
            ]
        ),
    ),
    max_size=12,
)  # fmt: skip


def test_whatever_visitors_send_the_next_one_is_served_and_nothing_breaks() -> None:
    page = Page()
    page.going_on.set()
    limits = replace(UNHURRIED, connections_per_s=1e6, requests_per_s=1e6)

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(pieces=PIECES)
    def story(pieces: list[bytes]) -> None:
        say(port, *pieces)
        assert say(port, HEAD + b"\r\n").endswith(b"\r\n\r\nhello")

    with structlog.testing.capture_logs() as logs, served_beside(page, limits) as port:
        story()
    # An application whose visitor leaves in the midst of a body is told so, and ours asserts.
    assert {entry.get("kind") for entry in logs} <= {"AssertionError"}


def say(port: int, *pieces: bytes) -> bytes:
    """What the box says to it until it has no more to say."""
    heard = b""
    with socket.create_connection((HERE, port), timeout=DEADLINE_S) as visitor, suppress(OSError):
        visitor.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            visitor.sendall(piece)
        visitor.shutdown(socket.SHUT_WR)
        while more := visitor.recv(65536):
            heard += more
    return heard


# ---- the rules themselves ----


@pytest.mark.parametrize(
    ("address", "visitor"),
    [
        ("192.168.1.20", "192.168.1.20"),
        ("::ffff:192.168.1.20", "192.168.1.20"),
        ("fd00::1:2:3:4", "fd00::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nobody", "nobody"),
    ],
)
def test_who_has_many_addresses_is_one_visitor(address: str, visitor: str) -> None:
    assert visitor_of(address) == visitor


@given(st.lists(st.floats(0, 3600), max_size=200), st.integers(1, 20), st.floats(0.01, 20))
def test_nobody_is_allowed_more_than_a_burst_and_the_pace_since(
    waits: list[float], burst: int, per_s: float
) -> None:
    pace, now, allowed = Pace(per_s, burst), 0.0, 0
    for wait in waits:
        now += wait
        allowed += pace.allows("somebody", now)
    assert allowed <= burst + now * per_s + 1e-6
    assert allowed >= min(len(waits), burst)


def test_a_pace_forgets_who_came_longest_ago() -> None:
    pace = Pace(0.001, 1)
    assert pace.allows("first", 0.0)
    assert not pace.allows("first", 0.0)
    for number in range(REMEMBERED):
        assert pace.allows(f"visitor {number}", 0.0)
    assert pace.allows("first", 0.0)


class Someone(Guest):
    def __init__(self, visitor: str, doing: str) -> None:
        self.visitor, self._doing = visitor, doing
        self.has_left = False

    @property
    def is_answered(self) -> bool:
        return self._doing != "silent"

    @property
    def is_board(self) -> bool:
        return self._doing == "board"

    def leave(self) -> None:
        self.has_left = True


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["silent", "asks", "board"])),
        max_size=60,
    ),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(0, 12),
)
def test_a_crowd_never_grows_beyond_its_places_and_nobody_with_fewer_gives_way(
    comers: list[tuple[str, str]], most: int, of_one: int, boards: int
) -> None:
    crowd, inside = Crowd(most, of_one, boards), list[Someone]()
    for visitor, doing in comers:
        too_many = sum(one.is_board for one in inside) > boards
        counted = [one.visitor for one in inside if too_many or not one.is_board]
        had = {name: counted.count(name) for name in "abcdefgh"}
        if crowd.has_room_for(visitor):
            for left in [one for one in inside if one.has_left]:
                assert left.visitor == visitor or had[left.visitor] > had[visitor] + 1
                assert not left.is_answered
                inside.remove(left)
            newcomer = Someone(visitor, doing)
            crowd.enters(newcomer)
            inside.append(newcomer)
        assert len(crowd) == len(inside) <= most
        asking = [one.visitor for one in inside if not one.is_board]
        assert all(asking.count(name) <= of_one for name in "abcdefgh")
    for one in inside:
        crowd.leaves(one)
        crowd.leaves(one)
    assert len(crowd) == 0
