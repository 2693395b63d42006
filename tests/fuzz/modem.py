"""Any bytes as what a modem says, in the driver's every state, and as a PDU: events or a PduError
come out, a line is never longer than a line, and no turn of the clock stands still."""

import sys

import atheris

with atheris.instrument_imports(include=["hw"]):
    from hw.modem.address import PduError
    from hw.modem.commands import Dial, Keep, SendSms
    from hw.modem.conversation import Conversation
    from hw.modem.lines import MOST_BYTES, Line, Lines
    from hw.modem.pdu import decode, decode_submit

HELPFUL = b"\r\n+CFUN: 1\r\nOK\r\n"
OKS = b"+CPIN: READY\r\n+CREG: 0,1\r\nOK\r\n"
TICKS = 12


def read_pdu(raw: bytes) -> None:
    """As a stranger's message."""
    for read in (decode, decode_submit):
        try:
            read(raw)
        except PduError:
            continue


def read_lines(raw: bytes) -> None:
    """Cut in two, they are the same lines."""
    whole = Lines().feed(raw)
    lines = Lines()
    if lines.feed(raw[: len(raw) // 2]) + lines.feed(raw[len(raw) // 2 :]) != whole:
        raise AssertionError("a cut changed the lines")
    if any(isinstance(one, Line) and len(one.text) > MOST_BYTES for one in whole):
        raise AssertionError("a line without end")


def converse(raw: bytes) -> None:
    """The input's first octet says how much the modem helps before it says the rest."""
    driver, now = Conversation("1234"), 0.0
    driver.opened(now)
    driver.order(SendSms("s", "+15555550123", "hello"), now)
    driver.receive(HELPFUL, now)
    now = _next(driver, now)
    for _ in range(raw[0] >> 3):
        driver.receive(OKS, now)
    driver.order(Dial("c", "5550188"), now)
    for start in range(1, len(raw), max(1, len(raw) // TICKS)):
        told = driver.receive(raw[start : start + max(1, len(raw) // TICKS)], now)
        for event in told:
            slots = getattr(event, "slots", ())
            driver.order(Keep(slots), now)
        if raw[0] & 1:
            now = _next(driver, now)
    driver.lost(now)


def _next(driver: Conversation, now: float) -> float:
    due = driver.next_deadline()
    if due is None:
        return now
    later = max(now, due)
    driver.expire(later)
    again = driver.next_deadline()
    if again is not None and again <= later:
        driver.expire(later)
        if driver.next_deadline() == again:
            raise AssertionError("it stands still")
    return later


def read(raw: bytes) -> None:
    """One input."""
    read_pdu(raw)
    read_lines(raw)
    if raw:
        converse(raw)


atheris.Setup(sys.argv, read)
atheris.Fuzz()
