"""The seat of a browser's telephone at the exchange: by what Asterisk knows its requests. Pure.

Whoever sits there has signed in to the page, and the page alone knows the seat's secret: it puts it
on each request as it passes it on to Asterisk, and takes away whatever a browser has put there. So
no password of a telephone is ever in a browser, nothing has to be published for a new session, and
whoever reaches Asterisk by any other way is nobody. The secret is not a telephone's password, and
that cannot be told from it.
"""

import hmac
from hashlib import sha256

HEADER = "X-CareLine-Seat"
MESSAGE_MOST = 64 * 1024  # bytes of one message; with its SDP it has 4 KiB
_KEEP_ALIVE = "\r\n"  # RFC 7118 has none of its own; RFC 5626, 4.4.1


class NoMessageError(ValueError):
    """What came is no SIP message; it is not repeated here."""


def secret_of(password: str) -> str:
    """Of a telephone with this password: 64 hexadecimal digits."""
    return hmac.digest(password.encode(), b"careline seat", sha256).hex()


def seated(message: str, secret: str) -> str:
    """A browser's message as Asterisk is sent it: a request (RFC 3261, 7.1) with the secret once;
    an answer as it is. NoMessageError."""
    if not message.strip(_KEEP_ALIVE):
        return message
    first, ends, rest = message.partition("\r\n")
    head, ends_head, body = rest.partition("\r\n\r\n")
    if not ends or not ends_head or "\n" in head.replace("\r\n", ""):
        raise NoMessageError
    if first.startswith("SIP/2.0 "):
        return message
    if not first.endswith(" SIP/2.0"):
        raise NoMessageError
    kept = [line for line in _unfolded(head) if not _is_seat(line)]
    return "\r\n".join((first, f"{HEADER}: {secret}", *kept)) + ends_head + body


def _unfolded(head: str) -> list[str]:
    """Each header on one line, though it came on several (RFC 3261, 7.3.1)."""
    lines: list[str] = []
    for line in head.split("\r\n"):
        if line[:1] in (" ", "\t") and lines:
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    return lines


def _is_seat(line: str) -> bool:
    return line.partition(":")[0].strip().lower() == HEADER.lower()
