"""Why a telephone company does not let the box sign in: as it says so to a question of ours that
changes nothing there. The company is a socket on loopback."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import cast
from urllib.request import parse_http_list, parse_keqv_list

import pytest

from firmware import trunk_refusal
from firmware.trunk_refusal import credentials
from ivr.plan import Transport, Trunk

Replies = Callable[[str], list[str]]
CHALLENGE = 'Digest realm="company", nonce="abc", qop="auth", algorithm=MD5'


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_a_challenge_is_signed_as_the_standards_own_example_is(
    algorithm: str, response: str
) -> None:
    """RFC 7616, 3.9.1."""
    challenge = {
        "realm": "http-auth@example.org",
        "qop": "auth, auth-int",
        "algorithm": algorithm,
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    }
    signed = credentials(
        challenge,
        "Mufasa",
        "Circle of Life",
        "GET",
        "/dir/index.html",
        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert signed
    told = parse_keqv_list(parse_http_list(signed.removeprefix("Digest ")))
    assert told["response"] == response
    assert (told["opaque"], told["nc"], told["qop"]) == (challenge["opaque"], "00000001", "auth")


def test_a_challenge_of_before_quality_of_protection_is_signed_and_a_foreign_one_is_not() -> None:
    """RFC 2069's way, by hand: MD5 of "MD5(a:r:p):n:MD5(REGISTER:sip:h)"."""
    old = {"realm": "r", "nonce": "n"}
    signed = credentials(old, "a", "p", "REGISTER", "sip:h", "c")
    assert signed
    assert "cnonce" not in signed
    assert credentials({**old, "algorithm": "SHA-512-256"}, "a", "p", "GET", "/", "c") is None
    assert credentials({"realm": "r"}, "a", "p", "GET", "/", "c") is None


class Company(asyncio.DatagramProtocol):
    """Says to each request what `replies` gives for it."""

    def __init__(self, replies: Replies) -> None:
        self.replies, self.asked = replies, list[str]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        self.asked.append(data.decode())
        for reply in answers(data.decode(), self.replies):
            self.transport.sendto(reply, sender)


def answers(request: str, replies: Replies) -> list[bytes]:
    echoed = [line for line in request.split("\r\n") if line.startswith(("Via", "CSeq", "Call"))]
    return [
        "\r\n".join([f"SIP/2.0 {reply}", *echoed, "Content-Length: 2", "", "ok"]).encode()
        for reply in replies(request)
    ]


def status(replies: Replies) -> int | None:
    """What the company says in the end, and that it was asked to change nothing."""

    async def story() -> int | None:
        company = Company(replies)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: company, local_addr=("127.0.0.1", 0)
        )
        port = transport.get_extra_info("sockname")[1]
        trunk = Trunk("telco", "127.0.0.1", port, "carol", True)
        try:
            return await trunk_refusal.status_of(trunk, "right horse", Path("none"))
        finally:
            assert not any("\r\nContact" in each for each in company.asked)
            transport.close()

    return asyncio.run(story())


def challenging(then: str) -> Replies:
    def replies(request: str) -> list[str]:
        if "\r\nAuthorization: Digest " not in request:
            return ["100 Trying", f"401 Unauthorized\r\nWWW-Authenticate: {CHALLENGE}"]
        return [then]

    return replies


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (f"401 Unauthorized\r\nWWW-Authenticate: {CHALLENGE}", trunk_refusal.PASSWORD),
        ("403 Forbidden", trunk_refusal.FORBIDDEN),
        ("404 Not Found", trunk_refusal.UNKNOWN),
        ("503 Service Unavailable", trunk_refusal.OUT_OF_ORDER),
        ("480 Temporarily Unavailable", trunk_refusal.OUT_OF_ORDER),
    ],
)
def test_each_refusal_is_told_apart_with_its_cure(said: str, means: str) -> None:
    told = trunk_refusal.meaning(status(challenging(said)))
    assert told
    assert told[0] == means
    assert told[1]


def test_a_company_that_says_nothing_to_whoever_signs_in_is_told_as_that() -> None:
    assert status(lambda _: []) is None
    told = trunk_refusal.meaning(None)
    assert told
    assert told[0] == trunk_refusal.NO_ANSWER


def test_what_says_no_more_than_no_tells_no_more() -> None:
    assert trunk_refusal.meaning(status(challenging("400 Bad Request"))) is None
    assert status(challenging("200 OK")) == 200


@pytest.mark.parametrize(
    "challenge", ["", "Basic x", "Digest", "Digest realm=,nonce", 'Digest realm="r", nonce=']
)
def test_a_challenge_of_garbage_is_signed_by_nobody(challenge: str) -> None:
    assert status(lambda _: [f"401 Unauthorized\r\nWWW-Authenticate: {challenge}"]) == 401


def test_garbage_and_an_answer_to_somebody_else_are_passed_over() -> None:
    def replies(request: str) -> list[str]:
        return ["\x00", "403 Forbidden\r\nCSeq: 7 OPTIONS", "404 Not Found"]

    assert status(replies) == 404


def test_a_company_by_tcp_is_asked_too() -> None:
    async def story() -> int | None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(2):
                request = (await reader.readuntil(b"\r\n\r\n")).decode()
                for reply in answers(request, challenging("403 Forbidden")):
                    writer.write(reply)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        trunk = Trunk("telco", "127.0.0.1", port, "carol", True, transport=Transport.TCP)
        async with server:
            return await trunk_refusal.status_of(trunk, "right horse", Path("none"))

    assert asyncio.run(story()) == 403
