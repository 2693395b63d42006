"""Telephones in the browser, as Asterisk is told of them: nothing at all while there is none.

SIP comes by WebSocket (RFC 7118) from the page alone, which listens at the same machine's loopback
and puts each seat's secret on what it passes on (firmware/seat.py). Asterisk's HTTP answers at
`/ws` and nowhere else: no file, no status, and no module that would serve more is loaded. A talk is
encrypted by DTLS-SRTP and finds its way by ICE on the clinic's own network: no server elsewhere is
asked for one's address. Text only; pure.
"""

from collections.abc import Iterator

from firmware import seat
from firmware.asterisk import written
from ivr.plan import Phone, Plan

MODULES = "res_http_websocket res_pjsip_transport_websocket"
# By its secret. That it may be known by its name too is the registrar's need, which finds no
# telephone that is known by a header alone (22.10.1); so no other machine is it by any name.
_KNOWN = ("identify_by=header,username", "deny=0.0.0.0/0.0.0.0", "permit=127.0.0.1/255.255.255.255")
# The header first: at loopback the page's address is no trunk's.
IDENTIFIER_ORDER = "header,ip,username"


def is_there_one(plan: Plan) -> bool:
    """Whether any telephone of this site is in the browser."""
    return any(phone.browser for phone in plan.phones.values())


def http(port: int) -> str:
    """http.conf."""
    return written.section(
        "general",
        [
            "enabled=yes",
            "bindaddr=127.0.0.1",
            f"bindport={port:d}",
            "enablestatic=no",
            "enable_status=no",
            "servername=",
        ],
    )


def endpoint(common: tuple[str, ...]) -> list[str]:
    """What a browser's telephone has in place of a desk's own; µ-law, for with Opus a browser's
    keys arrive too short."""
    ours = [each for each in common if not each.startswith(("transport=", "allow="))]
    return [*ours, "allow=ulaw", "webrtc=yes", *_KNOWN]


def identified(phone: Phone, password: str) -> Iterator[str]:
    """By whom it is known."""
    title = written.number(phone.extension)
    told = f"match_header={seat.HEADER}: {seat.secret_of(password)}"
    yield written.section(title, ["type=identify", f"endpoint={title}", told])
