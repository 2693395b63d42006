"""Who knocks from outside: SIP written by hand, sent at a pace, and what was answered, counted.

A program of its own, for it runs in a stranger's network: `python -m tests.lines.strangers WHAT
HOST PORT SECONDS FROM` prints its tally as JSON. The probes are those of a scanner's three tools:
an OPTIONS sweep, names tried by REGISTER and INVITE, passwords tried; and messages in the manner of
RFC 4475, written anew from what each of its sections says.
"""

import json
import re
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count

AGENT = "friendly-scanner"
NAMES = ("101", "102", "103", "104", "100", "999", "admin", "trunk-telco", "selftest")
NONCE = re.compile(rb'nonce="([^"]+)"')


def request(method: str, name: str, host: str, me: str, number: int, *more: str) -> bytes:
    """One of ours, whole."""
    lines = (
        f"{method} sip:{name if method != 'REGISTER' else ''}{'@' * (method != 'REGISTER')}{host}"
        " SIP/2.0",
        f"Via: SIP/2.0/UDP {me};branch=z9hG4bK{number:x};rport",
        "Max-Forwards: 70",
        f"From: <sip:{name}@{host}>;tag={number:x}",
        f"To: <sip:{name}@{host}>",
        f"Call-ID: {number:x}@{me.partition(':')[0]}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:{name}@{me}>",
        f"User-Agent: {AGENT}",
        *more,
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()


def torture(host: str, me: str) -> Iterator[bytes]:
    """RFC 4475: 3.1.1.1 folded and odd but right, 3.1.1.6 no blank after colons, 3.1.2.1 extra
    commas, 3.1.2.2 a length beyond the end, 3.1.2.3 a negative one, 3.1.2.4 numbers out of range,
    3.1.2.7 a start line with blanks, 3.1.2.16 another protocol's version, 3.1.2.17 methods that
    differ, 3.3.1 nothing that a request needs, 3.3.2 a scheme nobody knows; noise and a name of
    bytes that are no UTF-8 besides."""
    plain = request("OPTIONS", "101", host, me, 4475).decode()
    yield plain.replace("Max-Forwards:", "max-forwards\t :\r\n ").encode()
    yield re.sub(r": ", ":", plain).encode()
    yield plain.replace(";rport", ";rport,,;,").encode()
    yield plain.replace("Length: 0", "Length: 9999").encode()
    yield plain.replace("Length: 0", "Length: -999").encode()
    yield plain.replace("CSeq: 1 ", "CSeq: 36893488147419103232 ").encode()
    yield plain.replace(" SIP/2.0\r\n", "  SIP/2.0  \r\n", 1).encode()
    yield plain.replace(" SIP/2.0\r\n", " SIP/7.0\r\n", 1).encode()
    yield plain.replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE").encode()
    yield f"OPTIONS sip:{host} SIP/2.0\r\n\r\n".encode()
    yield plain.replace("OPTIONS sip:", "OPTIONS nobodyKnowsThisScheme:", 1).encode()
    yield plain.encode().replace(b"From: <", b"From: \xff\xfe\x00 <")
    yield bytes(range(256)) * 8
    yield b"\r\n" * 400
    yield plain.replace("101", "1" * 40_000, 1).encode()


class Tally:
    """What came back, by the name that was tried."""

    def __init__(self, host: str, port: int, me: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((me, 0))
        self._socket.setblocking(False)
        self._to = (host, port)
        self.me = f"{me}:{self._socket.getsockname()[1]}"
        self.sent: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.last_answer_at = 0.0
        self.nonce = b""

    def send(self, kind: str, message: bytes) -> None:
        try:
            self._socket.sendto(message, self._to)
        except (BlockingIOError, OSError):
            return
        self.sent[kind] += 1

    def listen(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            if not select.select([self._socket], [], [], left)[0]:
                return
            self._take(self._socket.recv(65536))

    def _take(self, answer: bytes) -> None:
        code = answer[8:11].decode("ascii", "replace")
        tried = re.search(rb"(?im)^(?:from|f) *:.*?sip:([^@>]*)@", answer)
        name = tried[1].decode("utf-8", "replace")[:20] if tried else ""
        self.answers[f"{name} {code} {_challenge(answer)}"] += 1
        self.last_answer_at = time.monotonic()
        if found := NONCE.search(answer):
            self.nonce = found[1]


def _challenge(answer: bytes) -> str:
    """What it asks for, but for what is random each time."""
    asked = re.search(rb"(?im)^www-authenticate *: *(.*)$", answer)
    told = "" if asked is None else asked[1].decode("utf-8", "replace").strip()
    return re.sub(r'(nonce|opaque)="[^"]*"', r"\1", told)


def probe(tally: Tally, host: str, seconds: float) -> None:
    """A few names at a scanner's pace, and the torture: slower than what the kernel paces."""
    numbers, until = count(1), time.monotonic() + seconds
    for message in torture(host, tally.me):
        tally.send("torture", message)
        tally.listen(time.monotonic() + 0.06)
    for method in ("OPTIONS", "REGISTER", "INVITE"):
        for name in NAMES:
            tally.send(method, request(method, name, host, tally.me, next(numbers)))
            tally.listen(min(time.monotonic() + 0.06, until))


def flood(tally: Tally, host: str, seconds: float) -> None:
    """200 INVITE and 1,000 REGISTER a second."""
    numbers, began = count(1), time.monotonic()
    for tick in range(round(seconds * 50)):
        for _ in range(4):
            tally.send("INVITE", request("INVITE", "911", host, tally.me, next(numbers)))
        for _ in range(20):
            tally.send("REGISTER", request("REGISTER", "101", host, tally.me, next(numbers)))
        tally.listen(began + (tick + 1) / 50)


def stale(tally: Tally, host: str, seconds: float) -> None:
    """A desk telephone with an old password: 1,000 times within the time."""
    numbers = count(1)
    while not tally.nonce:
        tally.send("REGISTER", request("REGISTER", "101", host, tally.me, next(numbers)))
        tally.listen(time.monotonic() + 0.2)
    pause, nonce = seconds / 1000, tally.nonce.decode()
    for _ in range(1000):
        wrong = (
            f'Authorization: Digest username="101", realm="asterisk", nonce="{nonce}"'
            f', uri="sip:{host}", response="{"0" * 32}", algorithm=MD5'
        )
        tally.send("REGISTER", request("REGISTER", "101", host, tally.me, next(numbers), wrong))
        tally.listen(time.monotonic() + pause)


KNOCKS = {"probe": probe, "flood": flood, "stale": stale}


def main() -> None:
    what, host, port, seconds, me = sys.argv[1:]
    tally = Tally(host, int(port), me)
    KNOCKS[what](tally, host, float(seconds))
    tally.listen(time.monotonic() + 0.5)
    told = {"sent": tally.sent, "answers": tally.answers, "last_answer_at": tally.last_answer_at}
    print(json.dumps(told))  # noqa: T201 - what this program is for


if __name__ == "__main__":
    main()
