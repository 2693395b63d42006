"""A telephone company that does one thing with each call: a socket that speaks as much SIP as that
takes (RFC 3261, 8.2.6). Its address is its own, so that a trunk may lead there.

A call that it answers with 200 is up, and mute until told otherwise: then it is sent silence as a
telephone sends it that is there and says nothing (RTP, RFC 3550, 5.1; µ-law), and reports, once
told to, each second that it heard nothing, or something (RTCP, 6.4.1)."""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

ADDRESS = "127.0.0.4"
SESSION = ("v=0", f"o=- 1 1 IN IP4 {ADDRESS}", "s=-", f"c=IN IP4 {ADDRESS}", "t=0 0")
PACKETS, QUIET, SOURCE = 10, b"\xff" * 160, 1
REPORTS_EVERY_S = 1.0
ECHOED = ("via:", "from:", "to:", "call-id:", "cseq:")


class Stubborn(asyncio.DatagramProtocol):
    """Answers each call with these lines, one after another, and nothing else; it keeps which
    numbers it was to call."""

    def __init__(self) -> None:
        self.answers: Sequence[str] = ()
        self.called: list[str] = []
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._hears: dict[str, int] = {}  # the caller's port for sound, by the call
        self.is_mute = True
        self.is_there = False  # for whoever asks
        self.hears: bool | None = None  # as it reports; None: it sends no reports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        lines = data.decode().splitlines()
        echoed = [line for line in lines if line.lower().startswith(ECHOED)]
        method = lines[0].split(" ")[0] if lines else ""
        if method in {"CANCEL", "BYE"} or (method == "OPTIONS" and self.is_there):
            self._answer("200 OK", echoed, sender, "")
        call = next((line for line in echoed if line.lower().startswith("call-id:")), "")
        if method == "ACK" and not self.is_mute:
            self._say_nothing((sender[0], self._hears[call]))
            self._report((sender[0], self._hears[call] + 1))
        if method != "INVITE":
            return
        sound = "\r\n".join([*SESSION, f"m=audio {self.port} RTP/AVP 0", ""])
        hears = next(int(it.split(" ")[1]) for it in lines if it.startswith("m=audio "))
        is_new = call not in self._hears
        self._hears[call] = hears
        if is_new:
            self.called.append(lines[0].partition("sip:")[2].partition("@")[0])
        for answer in self.answers:
            self._answer(answer, echoed, sender, sound if answer.startswith("200") else "")

    def _say_nothing(self, at: tuple[str, int]) -> None:
        for number in range(PACKETS):
            head = struct.pack("!BBHII", 0x80, 0, number, number * len(QUIET), SOURCE)
            self._send(head + QUIET, at)

    def _report(self, at: tuple[str, int]) -> None:
        """Of the sound that came since the last one, each second until there is nobody to tell."""
        if not self._transport or self._transport.is_closing():
            return
        if self.hears is not None:
            head = struct.pack("!BBHI", 0x80 + self.hears, 200, 6 + 6 * self.hears, SOURCE)
            sent = struct.pack("!5I", 0, 0, 0, PACKETS, PACKETS * len(QUIET))
            block = struct.pack("!6I", 2, 0, 100, 0, 0, 0) if self.hears else b""
            self._send(head + sent + block, at)
        asyncio.get_running_loop().call_later(REPORTS_EVERY_S, self._report, at)

    def _answer(self, answer: str, echoed: list[str], sender: tuple[str, int], sdp: str) -> None:
        tag = "" if answer.startswith("100") else ";tag=stubborn"
        heads = [line + tag if line.lower().startswith("to:") else line for line in echoed]
        contact = f"Contact: <sip:{self.called[-1]}@{ADDRESS}:{self.port}>"
        body = ["Content-Type: application/sdp"] if sdp else []
        long = f"Content-Length: {len(sdp)}"
        told = "\r\n".join([f"SIP/2.0 {answer}", *heads, contact, *body, long, "", sdp])
        self._send(told.encode(), sender)

    def _send(self, data: bytes, to: tuple[str, int]) -> None:
        assert self._transport
        self._transport.sendto(data, to)


@asynccontextmanager
async def company(port: int) -> AsyncIterator[Stubborn]:
    """It listens for as long as the context lasts."""
    loop = asyncio.get_running_loop()
    transport, stub = await loop.create_datagram_endpoint(Stubborn, local_addr=(ADDRESS, port))
    try:
        yield stub
    finally:
        transport.close()
