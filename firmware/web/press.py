"""What the page puts in force, one at a time and beside the page: how far it has come, and what
came of it. The steps are firmware/publishing.py's, which refuses whatever may not be.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from firmware import publishing
from firmware.asterisk.publish import Step
from firmware.proving import UnprovenError
from firmware.publishing import Published
from firmware.settings import Fault
from firmware.web.words import to_say

OURS = to_say("It failed by a fault of ours; what is in force stays. The log says more.")

log = structlog.get_logger(__name__)

# The work itself: it is told what to call at each step.
Work = Callable[[Callable[[Step], None]], Published]


@dataclass(frozen=True, slots=True)
class Going:
    """One publish, on its way or over."""

    who: str
    steps: tuple[Step, ...] = ()
    published: Published | None = None
    why_not: str = ""
    faults: tuple[Fault, ...] = field(default=())

    @property
    def is_over(self) -> bool:
        return self.published is not None or bool(self.why_not) or bool(self.faults)


class Press:
    """One page's; to be asked in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: Going | None = None

    @property
    def now(self) -> Going | None:
        """The newest, if there was any since the page began."""
        with self._lock:
            return self._now

    def begin(self, who: str, work: Work) -> bool:
        """Beside the page; false where another is still on its way."""
        with self._lock:
            if self._now is not None and not self._now.is_over:
                return False
            self._now = Going(who)
        threading.Thread(target=self._do, args=(work,), daemon=True).start()
        return True

    def _do(self, work: Work) -> None:
        try:
            published = work(lambda step: self._tell(step=step))
        except UnprovenError as wrong:
            self._end(faults=tuple(wrong.faults))
        except publishing.REFUSALS as refused:
            self._end(why_not=str(refused) or type(refused).__name__)
        except Exception as fault:
            log.error("a publish failed", kind=type(fault).__name__)  # noqa: TRY400 - not its words
            self._end(why_not=OURS)
        else:
            self._end(published=published)

    def _tell(self, step: Step) -> None:
        with self._lock:
            if self._now is not None:
                self._now = replace(self._now, steps=(*self._now.steps, step))

    def _end(
        self,
        published: Published | None = None,
        why_not: str = "",
        faults: tuple[Fault, ...] = (),
    ) -> None:
        with self._lock:
            if self._now is not None:
                self._now = replace(self._now, published=published, why_not=why_not, faults=faults)
