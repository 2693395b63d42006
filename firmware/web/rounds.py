"""The line doctor's visit that this page asked for: one at a time, beside the page, which is told
how far it has come. The doctor is the exchange's (firmware/doctor/desk.py), and refuses what may
not be.
"""

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import structlog

from firmware.control import ControlError, Strict, Topic, follow_async
from firmware.doctor.topics import DONE, DoctorLine
from firmware.web.words import to_say

Q = TypeVar("Q", bound=Strict)

STOPPED = (to_say("It was stopped before it was done."), to_say("Begin again when you like."))
NOT_UNDERSTOOD = (
    to_say("The exchange answers in words that this page does not know."),
    to_say("Wait until the update is done, and try again."),
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Going:
    """One visit, on its way or over. `why_not` is why there is nothing to show, and what to do."""

    number: int
    doing: str = ""
    found: tuple[DoctorLine, ...] = ()
    is_over: bool = False
    why_not: tuple[str, str] | None = None

    @property
    def state(self) -> str:
        """Another when the whole screen says other things."""
        return f"{self.number}{'.' if self.is_over else ''}"


class Rounds:
    """One page's; to be begun in its loop, and asked in any thread."""

    def __init__(self, door: Path) -> None:
        self._door = door
        self._task: asyncio.Task[None] | None = None
        self.now = Going(0, is_over=True)

    def begin(self, topic: Topic[Q, DoctorLine], wish: Q, session: str) -> bool:
        """False where another is still on its way."""
        if not self.now.is_over:
            return False
        self.now = Going(self.now.number + 1)
        self._task = asyncio.create_task(self._follow(topic, wish, session))
        return True

    async def close(self) -> None:
        """With the page; the exchange ends what it did for it."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _follow(self, topic: Topic[Q, DoctorLine], wish: Q, session: str) -> None:
        why_not: tuple[str, str] | None = STOPPED
        try:
            async with aclosing(follow_async(self._door, topic, wish, session)) as lines:
                async for line in lines:
                    if line.doing == DONE:
                        why_not = None
                        break
                    if line.colour:
                        self.now = replace(self.now, found=(*self.now.found, line))
                    else:
                        self.now = replace(self.now, doing=line.doing)
        except ControlError as no:
            why_not = (no.why, no.cure)
        except (OSError, ValueError) as odd:  # an exchange of another version, amid an update
            log.warning("the doctor's answer is not understood", kind=type(odd).__name__)
            why_not = NOT_UNDERSTOOD
        finally:
            self.now = replace(self.now, is_over=True, why_not=why_not)
