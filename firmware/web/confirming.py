"""The one-time code by which a network on trial is confirmed from its new address, where nobody is
signed in: a session's cookie stays with the address it was given at.

A hash of it is kept, in this process only, and it serves for one trial and within a few tries:
whoever guesses has 90 seconds and five of 31^8.
"""

from dataclasses import dataclass
from threading import Lock

from firmware import codes

LETTERS = 8
TRIES = 5
PURPOSE = "network on trial"


@dataclass(frozen=True, slots=True)
class _Kept:
    hashed: bytes
    who: str
    tries: int = 0


class Confirming:
    """At most one code at a time."""

    def __init__(self) -> None:
        self._kept: _Kept | None = None
        self._lock = Lock()

    def fresh(self, who: str) -> str:
        """A code for the trial that this person begins; an earlier one is void."""
        code = codes.fresh(LETTERS)
        with self._lock:
            self._kept = _Kept(codes.hashed(code, PURPOSE), who)
        return code

    def who_began(self, typed: str) -> str:
        """Whose trial the code belongs to; empty where it does not fit."""
        with self._lock:
            kept = self._kept
            if kept is None:
                return ""
            if codes.fits(typed, kept.hashed, PURPOSE):
                return kept.who
            tries = kept.tries + 1
            self._kept = _Kept(kept.hashed, kept.who, tries) if tries < TRIES else None
            return ""

    def is_over(self) -> None:
        """The trial is settled: its code has served."""
        with self._lock:
            self._kept = None
