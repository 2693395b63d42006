"""Why a telephone company does not let the box sign in. Asterisk keeps the company's answer to
itself, so it is asked by a registration of our own that changes nothing: a REGISTER without a
Contact only asks who is signed in (RFC 3261, 10.2.3). It signs with the trunk's password by Digest
(RFC 7616; MD5 or SHA-256, RFC 8760).

    REGISTER -> 401 or 407 with a challenge -> REGISTER with our answer to it -> the answer we tell
"""

import asyncio
import hashlib
import re
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import parse_http_list, parse_keqv_list

from ivr.plan import Transport, Trunk

WITHIN_S = 4.0
AGAIN_S = (0.5, 1.0, 2.0)  # T1 and its doubles (RFC 3261, 17.1.2.1): a datagram may be lost
ANSWER_MOST = 16 * 1024
CHALLENGES = {401: ("WWW-Authenticate", "Authorization")} | {
    407: ("Proxy-Authenticate", "Proxy-Authorization")
}
HASHES = {"md5": hashlib.md5, "sha-256": hashlib.sha256}

OF_THE_SITE = "in [trunks] of the site file"
UNKNOWN = "the telephone company does not know the user name"
UNKNOWN_CURE = f"compare its user name {OF_THE_SITE} with the company's papers"
PASSWORD = "the telephone company does not take the user name with this password"  # noqa: S105
PASSWORD_CURE = (
    f"give its password again on the page, publish, and compare its user name {OF_THE_SITE}"
)
FORBIDDEN = "the telephone company forbids the account to sign in"
FORBIDDEN_CURE = (
    "ask the company whether the account is in force, and may sign in from the clinic's internet"
    " address; then give its password again on the page"
)
OUT_OF_ORDER = "the telephone company's server is out of order"
OUT_OF_ORDER_CURE = "wait, and ask the company when it will be well again; the box tries by itself"
NO_ANSWER = "the telephone company answers, but nobody who signs in"
NO_ANSWER_CURE = f"ask the company where to sign in, and compare its address {OF_THE_SITE}"
_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9]{2}) ")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: its status, and each header as it stands."""

    status: int
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> list[str]:
        return [value for each, value in self.headers if each.lower() == name.lower()]


@dataclass(frozen=True, slots=True)
class Way:
    """To one server."""

    local: str  # where its answers come, HOST:PORT
    send: Callable[[bytes], None]
    answer: Callable[[], Awaitable[bytes]]  # the next one, whole
    again_s: tuple[float, ...]  # after each of these a request is sent again, or given up


def read(data: bytes) -> Answer | None:
    """None: it is no answer."""
    head, *lines = data.decode("utf-8", "replace").partition("\r\n\r\n")[0].split("\r\n")
    found = _STATUS.match(head)
    if found is None:
        return None
    named = (line.partition(":") for line in lines)
    return Answer(int(found[1]), tuple((name.strip(), value.strip()) for name, _, value in named))


def credentials(
    challenge: Mapping[str, str], user: str, password: str, method: str, uri: str, cnonce: str
) -> str | None:
    """The header's value; None: the challenge is of a kind that we do not know."""
    named = challenge.get("algorithm", "MD5")
    kind = HASHES.get(named.lower())
    nonce, realm = challenge.get("nonce"), challenge.get("realm")
    if kind is None or nonce is None or realm is None:
        return None

    def digest(*parts: str) -> str:
        return kind(":".join(parts).encode(), usedforsecurity=False).hexdigest()

    ours, asked = digest(user, realm, password), digest(method, uri)
    said = {"username": user, "realm": realm, "nonce": nonce, "uri": uri}
    bare = {"algorithm": named}
    if "auth" in challenge.get("qop", "").replace(" ", "").split(","):
        bare |= {"qop": "auth", "nc": "00000001"}
        said |= {"cnonce": cnonce}
        said["response"] = digest(ours, nonce, bare["nc"], cnonce, "auth", asked)
    else:
        said["response"] = digest(ours, nonce, asked)
    said |= {"opaque": challenge["opaque"]} if "opaque" in challenge else {}
    quoted = [f'{name}="{value}"' for name, value in said.items()]
    return "Digest " + ", ".join([*quoted, *(f"{name}={value}" for name, value in bare.items())])


def answered_to(answer: Answer, user: str, password: str, uri: str, cnonce: str) -> str | None:
    """The header that signs the next try; None: nobody asked us to sign, or not so that we can."""
    asked, answers = CHALLENGES.get(answer.status, ("", ""))
    for challenge in answer.header(asked):
        scheme, _, parameters = challenge.partition(" ")
        if scheme.lower() != "digest":
            continue
        told = parse_keqv_list(
            [one for one in parse_http_list(parameters) if one.partition("=")[2]]
        )
        signed = credentials(told, user, password, "REGISTER", uri, cnonce)
        if signed is not None:
            return f"{answers}: {signed}"
    return None


def meaning(status: int | None) -> tuple[str, str] | None:
    """What it means, and its cure; None: it says no more than that the box may not sign in. That a
    time is too short (423) is not among them: Asterisk asks for a longer one by itself."""
    match status:
        case None:
            return NO_ANSWER, NO_ANSWER_CURE
        case 401 | 407:
            return PASSWORD, PASSWORD_CURE
        case 403:
            return FORBIDDEN, FORBIDDEN_CURE
        case 404:
            return UNKNOWN, UNKNOWN_CURE
        case _ if status >= 500 or status in (408, 480):
            return OUT_OF_ORDER, OUT_OF_ORDER_CURE
        case _:
            return None


async def status_of(trunk: Trunk, password: str, authorities: Path) -> int | None:
    """What it says to the box that signs in, as SIP's status; None: nothing at all."""
    user, host = trunk.username or "", _host(trunk.host)
    uri, address = f"sip:{host}:{trunk.port:d}", f"<sip:{user}@{host}:{trunk.port:d}>"
    call, tag = secrets.token_hex(12), secrets.token_hex(6)
    try:
        async with asyncio.timeout(WITHIN_S), _way_to(trunk, authorities) as way:

            async def asked(number: int, *signed: str) -> Answer:
                via = f"SIP/2.0/{trunk.transport.value.upper()} {way.local}"
                lines = (
                    f"REGISTER {uri} SIP/2.0",
                    f"Via: {via};rport;branch=z9hG4bK{secrets.token_hex(8)}",
                    "Max-Forwards: 70",
                    f"From: {address};tag={tag}",
                    f"To: {address}",
                    f"Call-ID: {call}",
                    f"CSeq: {number} REGISTER",
                    *signed,
                    "Content-Length: 0",
                )
                request = "\r\n".join((*lines, "", "")).encode()
                return await _final(way, request, f"{number} REGISTER")

            answer = await asked(1)
            signed = answered_to(answer, user, password, uri, secrets.token_hex(8))
            return answer.status if signed is None else (await asked(2, signed)).status
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None


async def _final(way: Way, request: bytes, sequence: str) -> Answer:
    """The first answer to this very request that is more than `100 Trying`."""
    for again_s in way.again_s:
        way.send(request)
        with suppress(TimeoutError):
            async with asyncio.timeout(again_s):
                while True:
                    answer = read(await way.answer())
                    if answer and answer.status >= 200 and answer.header("CSeq") == [sequence]:
                        return answer
    raise TimeoutError


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        self.came.put_nowait(data)


@asynccontextmanager
async def _way_to(trunk: Trunk, authorities: Path) -> AsyncIterator[Way]:
    if trunk.transport is Transport.UDP:
        transport, heard = await asyncio.get_running_loop().create_datagram_endpoint(
            _Datagrams, remote_addr=(trunk.host, trunk.port)
        )
        try:
            local = _address(transport.get_extra_info("sockname"))
            yield Way(local, transport.sendto, heard.came.get, AGAIN_S)
        finally:
            transport.close()
        return
    is_tls = trunk.transport is Transport.TLS
    trusting = ssl.create_default_context(cafile=str(authorities)) if is_tls else None
    reader, writer = await asyncio.open_connection(
        trunk.host, trunk.port, ssl=trusting, limit=ANSWER_MOST
    )
    try:
        local = _address(writer.get_extra_info("sockname"))
        yield Way(local, writer.write, lambda: _whole(reader), (WITHIN_S,))
    finally:
        writer.close()


async def _whole(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    answer = read(head)
    long = "".join(answer.header("Content-Length")[:1]) if answer else ""
    if long.isdecimal():
        await reader.readexactly(min(int(long), ANSWER_MOST))
    return head


def _address(sockname: tuple[str, int]) -> str:
    return f"{_host(sockname[0])}:{sockname[1]}"


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
