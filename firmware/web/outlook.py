"""Which calls of the last month would have gone elsewhere by a draft: worked out beside the page,
once for each draft, and told how far it has come. Whoever changes the draft meanwhile ends it.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from firmware import elsewhere
from firmware.elsewhere import Elsewhere
from firmware.place import Place
from firmware.store import StoreError
from firmware.web.words import to_say
from ivr.plan import Plan

NO_CALLS = to_say("There are no calls yet to look at.")
UNREAD = to_say("The calls cannot be read.")

log = structlog.get_logger(__name__)

Look = Callable[..., Elsewhere]


@dataclass(frozen=True, slots=True)
class Outlook:
    """How far it has come: all that was found, or why nothing could be."""

    looked_at: int = 0
    calls: int = 0
    found: Elsewhere | None = None
    why_not: str = ""

    @property
    def is_over(self) -> bool:
        return self.found is not None or bool(self.why_not)


class _OvertakenError(Exception):
    """Another draft is looked at by now."""


class Outlooks:
    """One page's: the newest draft's alone."""

    def __init__(self, place: Place, look: Look = elsewhere.look) -> None:
        self._place, self._look = place, look
        self._lock = threading.Lock()
        self._of: str | None = None
        self._now = Outlook()

    def of(self, text: str, plan: Plan) -> Outlook:
        """As it is now; the first who asks begins it."""
        with self._lock:
            if self._of != text:
                self._of, self._now = text, Outlook()
                threading.Thread(target=self._work_out, args=(text, plan), daemon=True).start()
            return self._now

    def known(self, text: str) -> Outlook | None:
        """As it is now, if it was begun."""
        with self._lock:
            return self._now if self._of == text else None

    def _work_out(self, text: str, plan: Plan) -> None:
        try:
            if not self._place.calls_db.exists():
                self._tell(text, Outlook(why_not=NO_CALLS))
                return
            found = self._look(
                self._place, plan, progress=lambda at, of: self._tell(text, Outlook(at, of))
            )
            self._tell(text, Outlook(found.looked_at, found.calls, found))
        except _OvertakenError:
            pass
        except Exception as fault:
            # Whatever an odd call of the past does to it, the draft can be published all the same.
            if not isinstance(fault, StoreError):
                log.error("the calls of the past cannot be gone through", kind=type(fault).__name__)  # noqa: TRY400
            self._tell(text, replace(Outlook(), why_not=UNREAD), or_let_be=True)

    def _tell(self, text: str, now: Outlook, *, or_let_be: bool = False) -> None:
        with self._lock:
            if self._of == text:
                self._now = now
            elif not or_let_be:
                raise _OvertakenError
