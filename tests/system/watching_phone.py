"""A telephone that writes SIP by hand and only watches: it asks for the lamp of a colleague, as a
desk telephone with a key for them does (RFC 4235, RFC 6665), and hears each state.
"""

import asyncio
import hashlib
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from xml.etree import ElementTree

WITHIN_S = 30.0
DIALOG = "{urn:ietf:params:xml:ns:dialog-info}"
ASKED = re.compile(rb'(realm|nonce)="([^"]+)"')
HERE = "127.0.0.1"


class WatchingPhone(asyncio.DatagramProtocol):
    """One subscription; `states` are those of RFC 4235 as they come, "" for no dialog at all."""

    def __init__(self, sip_port: int, extension: str, password: str, watched: str) -> None:
        self._clinic = (HERE, sip_port)
        self._extension, self._password = extension, password
        self._target = f"sip:{watched}@{HERE}:{sip_port}"
        self._tag, self._call_id = uuid.uuid4().hex, uuid.uuid4().hex
        self._sequence = 0
        self._answers: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        self.states: asyncio.Queue[str] = asyncio.Queue()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._wire = transport
        self._port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        first, _, rest = data.partition(b"\r\n")
        if first.startswith(b"SIP/2.0 "):
            self._answers.put_nowait((int(first.split()[1]), data))
        elif first.startswith(b"NOTIFY "):
            head, _, body = rest.partition(b"\r\n\r\n")
            kept = (b"via:", b"from:", b"to:", b"call-id:", b"cseq:")
            lines = [line for line in head.split(b"\r\n") if line.lower().startswith(kept)]
            answer = [b"SIP/2.0 200 OK", *lines, b"Content-Length: 0", b"", b""]
            self._wire.sendto(b"\r\n".join(answer), addr)
            if body:
                self.states.put_nowait(_state(body))

    async def subscribe(self) -> int:
        """Ask for the lamp; the status of the answer."""
        self._send("")
        status, answer = await self._answer()
        if status == 401:
            self._send(self._proof(answer))
            status, _ = await self._answer()
        return status

    async def until(self, state: str) -> None:
        """Wait for this state, past others."""
        while await asyncio.wait_for(self.states.get(), WITHIN_S) != state:
            pass

    async def _answer(self) -> tuple[int, bytes]:
        while True:
            status, answer = await asyncio.wait_for(self._answers.get(), WITHIN_S)
            if status >= 200:
                return status, answer

    def _proof(self, challenge: bytes) -> str:
        """RFC 2617, 3.2.2."""
        asked = {name.decode(): value.decode() for name, value in ASKED.findall(challenge)}
        realm, nonce = asked["realm"], asked["nonce"]
        who = _md5(f"{self._extension}:{realm}:{self._password}")
        what = _md5(f"SUBSCRIBE:{self._target}")
        count, ours = "00000001", uuid.uuid4().hex
        proof = _md5(f"{who}:{nonce}:{count}:{ours}:auth:{what}")
        return (
            f'Digest username="{self._extension}", realm="{realm}", nonce="{nonce}",'
            f' uri="{self._target}", response="{proof}", algorithm=MD5, qop=auth,'
            f' nc={count}, cnonce="{ours}"'
        )

    def _send(self, proof: str) -> None:
        self._sequence += 1
        here = f"{HERE}:{self._port}"
        opaque = [f"Authorization: {proof}"] if proof else []
        lines = [
            f"SUBSCRIBE {self._target} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{self._sequence}{self._call_id};rport",
            "Max-Forwards: 70",
            f"From: <sip:{self._extension}@{HERE}>;tag={self._tag}",
            f"To: <{self._target}>",
            f"Call-ID: {self._call_id}",
            f"CSeq: {self._sequence} SUBSCRIBE",
            f"Contact: <sip:{self._extension}@{here}>",
            "Event: dialog",
            "Accept: application/dialog-info+xml",
            "Expires: 300",
            *opaque,
            "Content-Length: 0",
            "",
            "",
        ]
        self._wire.sendto("\r\n".join(lines).encode(), self._clinic)


@asynccontextmanager
async def watching_phone(
    sip_port: int, extension: str, password: str, watched: str
) -> AsyncIterator[WatchingPhone]:
    """A telephone ready to ask."""
    loop = asyncio.get_running_loop()
    transport, phone = await loop.create_datagram_endpoint(
        lambda: WatchingPhone(sip_port, extension, password, watched), local_addr=(HERE, 0)
    )
    try:
        yield phone
    finally:
        transport.close()


def _state(body: bytes) -> str:
    told = ElementTree.fromstring(body)  # noqa: S314 - our own exchange's
    return told.findtext(f"{DIALOG}dialog/{DIALOG}state", "")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - what SIP's digest is
