"""A caller who writes SIP by hand, byte by byte, as a well-behaved telephone company would not.

It comes from the trunk's address, so the clinic takes it for a caller on its line. One call, no
audio; a key is sent as SIP INFO.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from firmware.asterisk.telco import LINE_ADDRESS

ANSWER_WITHIN_S = 30.0


class RawCaller(asyncio.DatagramProtocol):
    """A SIP dialog of one call; `sender` is the From header's value as it goes onto the wire."""

    def __init__(self, clinic_sip: int, to: str, sender: bytes) -> None:
        self._to = to
        self._target = b"sip:%b@127.0.0.1:%d" % (to.encode(), clinic_sip)
        self._clinic = ("127.0.0.1", clinic_sip)
        self._from = sender
        self._tag = uuid.uuid4().hex.encode()
        self._call_id = uuid.uuid4().hex.encode()
        self._to_tag = b""
        self._sequence = 0
        self._finals: asyncio.Queue[tuple[int, bytes, bytes]] = asyncio.Queue()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._wire = transport
        self._port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        first, _, _ = data.partition(b"\r\n")
        if not first.startswith(b"SIP/2.0 "):
            return
        status = int(first.split()[1])
        if status >= 200:
            self._finals.put_nowait((status, _header(data, b"CSeq"), _header(data, b"To")))

    async def invite(self, within_s: float = ANSWER_WITHIN_S) -> int:
        """Call; the status of the answer. 200 is acknowledged: the call is up."""
        body = (
            b"v=0\r\no=- 1 1 IN IP4 %(at)b\r\ns=-\r\nc=IN IP4 %(at)b\r\nt=0 0\r\n"
            b"m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        ) % {b"at": LINE_ADDRESS.encode()}
        status, to = await self._ask(b"INVITE", b"application/sdp", body, within_s)
        if status == 200:
            self._to_tag = to.partition(b";tag=")[2]
        self._send(b"ACK", b"", b"")
        return status

    async def press(self, key: str) -> None:
        """One key."""
        body = b"Signal=%b\r\nDuration=100\r\n" % key.encode()
        status, _ = await self._ask(b"INFO", b"application/dtmf-relay", body)
        assert status == 200, status

    async def hang_up(self) -> None:
        """End the call, if it was up."""
        if self._to_tag:
            await self._ask(b"BYE", b"", b"")
            self._to_tag = b""

    async def _ask(
        self, method: bytes, kind: bytes, body: bytes, within_s: float = ANSWER_WITHIN_S
    ) -> tuple[int, bytes]:
        self._sequence += 1
        self._send(method, kind, body)
        wanted = b"%d %b" % (self._sequence, method)
        while True:
            status, sequence, to = await asyncio.wait_for(self._finals.get(), within_s)
            if sequence == wanted:
                return status, to

    def _send(self, method: bytes, kind: bytes, body: bytes) -> None:
        here = b"%b:%d" % (LINE_ADDRESS.encode(), self._port)
        branch = b"z9hG4bK%d%b" % (self._sequence, self._call_id)
        tag = b";tag=%b" % self._to_tag if self._to_tag else b""
        lines = [
            b"%b %b SIP/2.0" % (method, self._target),
            b"Via: SIP/2.0/UDP %b;branch=%b;rport" % (here, branch),
            b"Max-Forwards: 70",
            b"From: %b;tag=%b" % (self._from, self._tag),
            b"To: <%b>%b" % (self._target, tag),
            b"Call-ID: %b" % self._call_id,
            b"CSeq: %d %b" % (self._sequence, method),
            b"Contact: <sip:caller@%b>" % here,
            *([b"Content-Type: %b" % kind] if kind else []),
            b"Content-Length: %d" % len(body),
        ]
        self._wire.sendto(b"\r\n".join(lines) + b"\r\n\r\n" + body, self._clinic)


@asynccontextmanager
async def raw_caller(clinic_sip: int, to: str, sender: bytes) -> AsyncIterator[RawCaller]:
    """A caller ready to call; the call ends with the context."""
    loop = asyncio.get_running_loop()
    transport, caller = await loop.create_datagram_endpoint(
        lambda: RawCaller(clinic_sip, to, sender), local_addr=(LINE_ADDRESS, 0)
    )
    try:
        yield caller
    finally:
        await caller.hang_up()
        transport.close()


def _header(message: bytes, name: bytes) -> bytes:
    for line in message.split(b"\r\n"):
        if line.lower().startswith(name.lower() + b":"):
            return line.partition(b":")[2].strip()
    return b""
