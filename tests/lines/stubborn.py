"""A telephone company that does one thing with each call: a socket that speaks as much SIP as that
takes (RFC 3261, 8.2.6). Its address is its own, so that a trunk may lead there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

ADDRESS = "127.0.0.4"
ECHOED = ("via:", "from:", "to:", "call-id:", "cseq:")


class Stubborn(asyncio.DatagramProtocol):
    """Answers each call with these lines, one after another, and nothing else; it keeps which
    numbers it was to call."""

    def __init__(self) -> None:
        self.answers: Sequence[str] = ()
        self.called: list[str] = []
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._calls: set[str] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        lines = data.decode().splitlines()
        echoed = [line for line in lines if line.lower().startswith(ECHOED)]
        method = lines[0].split(" ")[0] if lines else ""
        if method == "CANCEL":
            self._answer("200 OK", echoed, sender)
        if method != "INVITE":
            return
        call = next(line for line in echoed if line.lower().startswith("call-id:"))
        if call not in self._calls:
            self._calls.add(call)
            self.called.append(lines[0].partition("sip:")[2].partition("@")[0])
        for answer in self.answers:
            self._answer(answer, echoed, sender)

    def _answer(self, answer: str, echoed: list[str], sender: tuple[str, int]) -> None:
        tag = "" if answer.startswith("100") else ";tag=stubborn"
        heads = [line + tag if line.lower().startswith("to:") else line for line in echoed]
        contact = f"Contact: <sip:{self.called[-1]}@{ADDRESS}:{self.port}>"
        told = "\r\n".join([f"SIP/2.0 {answer}", *heads, contact, "Content-Length: 0", "", ""])
        assert self._transport
        self._transport.sendto(told.encode(), sender)


@asynccontextmanager
async def company(port: int) -> AsyncIterator[Stubborn]:
    """It listens for as long as the context lasts."""
    loop = asyncio.get_running_loop()
    transport, stub = await loop.create_datagram_endpoint(Stubborn, local_addr=(ADDRESS, port))
    try:
        yield stub
    finally:
        transport.close()
