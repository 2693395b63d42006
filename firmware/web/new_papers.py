"""Recovery papers that were shown and are not in force yet: one for each session, for an hour, in
this process only. None of them opens anything before somebody has typed a word of it back.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from firmware.keys import KeyPair

LASTS = timedelta(hours=1)


class NewPapers:
    """All of them; to be asked in any thread."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._shown: dict[str, tuple[datetime, KeyPair]] = {}
        self._lock = threading.Lock()

    def fresh(self, session: str) -> KeyPair:
        """Another for this session; the one it was shown before is waste."""
        paper, now = KeyPair.fresh(), self._now()
        with self._lock:
            kept = {each: told for each, told in self._shown.items() if told[0] > now}
            self._shown = kept | {session: (now + LASTS, paper)}
        return paper

    def shown_to(self, session: str) -> KeyPair | None:
        """What this session was shown, while it lasts."""
        with self._lock:
            until, paper = self._shown.get(session, (None, None))
        return paper if until is not None and self._now() < until else None

    def end(self, session: str) -> None:
        """It is in force, or void."""
        with self._lock:
            self._shown.pop(session, None)
