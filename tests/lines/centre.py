"""An emergency centre that reads SIP by hand: it keeps each call that it was sent, whole, and takes
none of them. It stands where the trunk is, so nothing leaves this machine."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from xml.etree import ElementTree

from firmware.asterisk.telco import LINE_ADDRESS

CIVIC = "{urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr}"  # RFC 5139, section 4
PIDF = "application/pidf+xml"  # RFC 3863


@dataclass(frozen=True, slots=True)
class Invite:
    """One call: its headers and the parts of its body."""

    message: EmailMessage

    @property
    def place(self) -> Mapping[str, str] | None:
        """The civic address that came by value (RFC 6442, 4.1): the part that the Geolocation
        header names, and no other. None: there is none."""
        named = self.message.get("Geolocation")
        if named is None:
            return None
        wanted = str(named).partition("<cid:")[2].partition(">")[0]
        for part in self.message.walk():
            if str(part.get("Content-ID", "")).strip("<> ") == wanted:
                assert part.get_content_type() == PIDF
                document = ElementTree.fromstring(part.get_payload(decode=True))  # type: ignore[arg-type] # noqa: S314
                found = document.iter(f"{CIVIC}civicAddress")
                return {each.tag.removeprefix(CIVIC): each.text or "" for each in next(found)}
        raise AssertionError(f"no part is called {wanted}")

    @property
    def has_audio(self) -> bool:
        return any(part.get_content_type() == "application/sdp" for part in self.message.walk())


class Centre(asyncio.DatagramProtocol):
    """Each call is refused with `status`, once it was kept."""

    def __init__(self) -> None:
        self.invites: asyncio.Queue[Invite] = asyncio.Queue()
        self.status = "486 Busy Here"
        self._seen: set[bytes] = set()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._wire = transport
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        first, _, rest = data.partition(b"\r\n")
        if not first.startswith(b"INVITE "):
            return
        message = message_from_bytes(rest, policy=policy.default)
        branch = str(message["Via"]).encode()
        if branch not in self._seen:  # else it is the same once more: an answer was late
            self._seen.add(branch)
            self.invites.put_nowait(Invite(message))
        kept = ("Via", "From", "Call-ID", "CSeq")
        lines = [f"{name}: {message[name]}" for name in kept]
        answer = [f"SIP/2.0 {self.status}", *lines, f"To: {message['To']};tag=centre",
                  "Content-Length: 0", "", ""]  # fmt: skip
        self._wire.sendto("\r\n".join(answer).encode(), addr)


@asynccontextmanager
async def listening(port: int) -> AsyncIterator[Centre]:
    """It is there for as long as this lasts."""
    loop = asyncio.get_running_loop()
    wire, centre = await loop.create_datagram_endpoint(Centre, local_addr=(LINE_ADDRESS, port))
    try:
        yield centre
    finally:
        wire.close()
