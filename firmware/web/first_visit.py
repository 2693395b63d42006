"""The first visit to a box that nobody has set up: whoever was shown the one-time code, by the
console or the label, may choose the clinic's first admin, and nobody else on the network may.

The code is kept as its hash, compared in constant time, and dies after use and with the process; a
restart shows another. No number of wrong ones takes it from its owner, nor makes them wait, for
then anybody on the network could keep the owner out; and none is needed: it is one of 2^79, and at
the pace at which the page answers (firmware/web/limits.py), a thousand guessers would need a
hundred thousand million years for half of them. What it opens is a visit: a cookie's value, for an
hour, of one browser.
"""

import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from firmware import codes
from firmware.keys import KeyPair

PURPOSE = "first visit"
LASTS = timedelta(hours=1)


@dataclass(slots=True)
class Visit:
    """What has been done so far by whoever brought the code."""

    until: datetime
    paper: KeyPair = field(repr=False)
    has_paper: bool = False  # they showed that it lies before them


class FirstVisit:
    """At most one at a time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._hash: bytes | None = None
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def fresh_code(self) -> str:
        """To be shown where only the owner of the box can read it; the one before it is void."""
        code = codes.fresh()
        with self._lock:
            self._hash = codes.hashed(code, PURPOSE)
        return code

    @property
    def is_open(self) -> bool:
        """Whether there is a code that would be looked at."""
        return self._hash is not None

    def begin(self, typed: str) -> str | None:
        """The cookie's value of a visit; None: this is not the code, or there is none any more."""
        with self._lock:
            if self._hash is None or not codes.fits(typed, self._hash, PURPOSE):
                return None
            self._hash = None
            token = secrets.token_urlsafe(32)
            self._visits = {token: Visit(self._now() + LASTS, KeyPair.fresh())}
            return token

    def visit(self, token: str) -> Visit | None:
        """This browser's, while it lasts."""
        with self._lock:
            for known, visit in self._visits.items():
                if hmac.compare_digest(known.encode(), token.encode()):
                    return visit if self._now() < visit.until else None
        return None

    def end(self) -> None:
        """The clinic has its first admin."""
        with self._lock:
            self._hash = None
            self._visits = {}
