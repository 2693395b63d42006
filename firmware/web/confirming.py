"""The one-time code by which a network on trial is confirmed from its new address, where nobody is
signed in: a session's cookie stays with the address it was given at.

A hash of it is kept, in this process only, and it serves for one trial and no longer than one may
last. Wrong guesses are not counted: whoever may ask at all could use up the tries, from the admin's
own address too where a router stands between, and so keep the admin from confirming. What keeps
guessers out is that a code is one of 31^12, and that the page hears each visitor 50 times a second
at most (firmware/web/limits.py): a thousand of them together find it once in 10^10 trials.
"""

from dataclasses import dataclass
from threading import Lock

from firmware import codes
from firmware.network_trial import WITHIN_S

LETTERS = 12
PURPOSE = "network on trial"
# Root alone ends a trial; it takes seconds to begin one, and a slow box some more.
GOOD_FOR_S = 2 * WITHIN_S


@dataclass(frozen=True, slots=True)
class _Kept:
    hashed: bytes
    who: str
    until: float


class Confirming:
    """At most one code at a time. `now`: seconds of a clock that nobody sets, for a box finds a
    time server just when its network is another."""

    def __init__(self) -> None:
        self._kept: _Kept | None = None
        self._lock = Lock()

    def fresh(self, who: str, now: float) -> str:
        """A code for the trial that this person begins; an earlier one is void."""
        code = codes.fresh(LETTERS)
        with self._lock:
            self._kept = _Kept(codes.hashed(code, PURPOSE), who, now + GOOD_FOR_S)
        return code

    def who_began(self, typed: str, now: float) -> str:
        """Whose trial the code belongs to; empty where it does not fit, or is over."""
        with self._lock:
            kept = self._kept
        if kept is None or now > kept.until or not codes.fits(typed, kept.hashed, PURPOSE):
            return ""
        return kept.who

    def is_over(self) -> None:
        """The trial is settled: its code has served."""
        with self._lock:
            self._kept = None
