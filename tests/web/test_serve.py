"""The page is served by TLS that a browser can trust, under the certificate of the moment, and ends
in good order."""

import asyncio
import ssl
from collections.abc import Coroutine
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firmware.cli.web import _told
from firmware.place import Place
from firmware.ports import free_ports
from firmware.web.addresses import Names, names_of_box
from firmware.web.authority import Clock, authority_of, names_in
from firmware.web.serve import ServeError, listening, serve
from tests.web.served import DEADLINE_S, HERE, UNHURRIED, Box, Page, is_refused, served


def told(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


@pytest.mark.parametrize("name", [HERE, "careline.local", "localhost"])
def test_a_browser_that_trusts_the_box_is_served_by_its_names_and_addresses(
    tmp_path: Path, name: str
) -> None:
    async def story() -> None:
        async with served(Page(), UNHURRIED, tmp_path) as box:
            visitor = await box.visit(name=name)
            assert (await visitor.asks()).body == b"hello"
            tls = visitor.writer.get_extra_info("ssl_object")
            assert (tls.version(), tls.selected_alpn_protocol()) == ("TLSv1.3", None)

    told(story())


def test_a_browser_that_does_not_trust_it_yet_or_wants_somebody_else_warns(tmp_path: Path) -> None:
    async def story() -> None:
        async with served(Page(), UNHURRIED, tmp_path) as box:
            with pytest.raises(ssl.SSLCertVerificationError, match="bank"):
                await box.visit(name="bank.example")
            with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
                await hand_shaken(box, ssl.create_default_context())

    told(story())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_http_1_1_is_agreed_on_and_old_tls_is_not(tmp_path: Path) -> None:
    async def story() -> None:
        async with served(Page(), UNHURRIED, tmp_path) as box:
            offering = trusting(box)
            offering.set_alpn_protocols(["h2", "http/1.1"])
            assert (await hand_shaken(box, offering)).selected_alpn_protocol() == "http/1.1"

            older = trusting(box)
            older.maximum_version = ssl.TLSVersion.TLSv1_2
            agreed = (await hand_shaken(box, older)).cipher()
            assert agreed is not None
            assert agreed[0].startswith("ECDHE-ECDSA-")

            oldest = trusting(box)
            oldest.minimum_version = ssl.TLSVersion.TLSv1
            oldest.maximum_version = ssl.TLSVersion.TLSv1_1
            oldest.set_ciphers("ALL:@SECLEVEL=0")
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await hand_shaken(box, oldest)

    told(story())


def test_a_new_certificate_is_shown_without_a_restart_and_who_is_inside_stays(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with served(Page(), UNHURRIED, tmp_path) as box:
            assert box.identity
            early = await box.visit()
            shown = names_in(box.identity.shown)
            fewer = Names(shown.dns[:2], shown.addresses)
            assert box.identity.look(fewer, Clock(datetime.now(UTC), is_trusted=True))
            with pytest.raises(ssl.SSLCertVerificationError, match="localhost"):
                await box.visit(name="localhost")
            assert (await box.asks()).body == b"hello"
            assert (await early.asks()).body == b"hello"

    told(story())


def test_no_ticket_of_a_talk_outlives_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with served(Page(), UNHURRIED, tmp_path) as box:
            secured = trusting(box)
            spoken = await hand_shaken(box, secured)
            assert spoken.session is None or not spoken.session.has_ticket

    told(story())


# ---- the end ----


def test_at_the_end_an_answer_under_way_is_finished_and_a_stream_does_not_hold_it_up(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        page = Page()
        limits = replace(UNHURRIED, farewell_s=DEADLINE_S)
        async with served(page, limits, tmp_path) as box:
            idle, streaming, answered = [await box.visit() for _ in range(3)]
            streaming.says(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.wait_for(streaming.reader.readuntil(b"data: 1\n\n"), DEADLINE_S)
            answered.says(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.wait_for(page.came.wait(), DEADLINE_S)
            halfway = await box.knock()

            async def hear_the_end() -> None:
                await asyncio.gather(idle.is_sent_away(), streaming.is_sent_away())
                await halfway.is_sent_away()
                page.going_on.set()
                assert (await answered.hears()).body == b"done"
                await answered.is_sent_away()

            hearing = asyncio.create_task(hear_the_end())
        await hearing
        assert page.streams == 0
        assert is_refused(box.port)

    told(story())


def test_who_does_not_come_to_an_end_is_not_waited_for_for_ever() -> None:
    async def story() -> None:
        page = Page()
        async with served(page, replace(UNHURRIED, farewell_s=0.2)) as box:
            visitor = await box.visit()
            visitor.says(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.wait_for(page.came.wait(), DEADLINE_S)

    told(story())


# ---- the whole ----


def test_the_page_and_its_landing_page_are_served_until_they_are_told_to_end(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        https, http = free_ports(kept, 2)
        is_ready = asyncio.Event()
        serving = asyncio.create_task(
            serve(
                Page(), Place(tmp_path), host=HERE, https_port=https, http_port=http,
                ready=is_ready.set, limits=UNHURRIED,
            )
        )  # fmt: skip
        await asyncio.wait_for(is_ready.wait(), DEADLINE_S)

        landing = Box(http, None, [])
        page = await landing.asks("/en")
        assert page.status == 200
        assert f'href="https://careline.local:{https}/"'.encode() in page.body
        moved = await landing.asks("/today")
        assert (moved.status, moved.head["location"]) == (
            307,
            f"https://careline.local:{https}/today",
        )

        # Who has downloaded the authority there is served here without a warning.
        downloaded = (await landing.asks("/careline.crt")).body.decode()
        secured = ssl.create_default_context(cadata=downloaded)
        assert (await hand_shaken(Box(https, None, []), secured)).version() == "TLSv1.3"

        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert is_refused(https)
        assert is_refused(http)

    with ExitStack() as kept:
        told(story())


def test_a_port_that_is_taken_is_named_with_its_cure() -> None:
    with listening(HERE, 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=f"port {port} of 127.0.0.1 is taken .*another port"):
            listening(HERE, port)
    with pytest.raises(ServeError, match="this machine has no address"):
        listening("192.0.2.77", 0)


def trusting(box: Box) -> ssl.SSLContext:
    assert box.trusting
    return box.trusting


async def hand_shaken(box: Box, secured: ssl.SSLContext) -> ssl.SSLObject:
    """What a browser with these settings agrees on."""
    _, writer = await asyncio.wait_for(
        asyncio.open_connection(HERE, box.port, ssl=secured, server_hostname=HERE), DEADLINE_S
    )
    spoken: ssl.SSLObject = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    return spoken


def test_where_the_page_is_started_the_fingerprint_is_told_as_the_landing_page_has_it(
    tmp_path: Path,
) -> None:
    told = _told(Place(tmp_path), 8443, 8080)
    assert "https://careline.local:8443" in told
    assert "http://careline.local:8080" in told
    for line in authority_of(Place(tmp_path), names_of_box()).fingerprint:
        assert line in told
