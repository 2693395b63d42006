"""Work beside the calls: whatever goes wrong in it is told in the log and ends nothing else. All of
the exchange's other tasks live and die together."""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog

Start = Callable[[Coroutine[Any, Any, None]], object]

log = structlog.get_logger(__name__)


async def survived(work: Coroutine[Any, Any, None], part: str) -> None:
    """Until it is done, or has failed."""
    try:
        await work
    except Exception:
        log.exception("a part of the exchange failed, and calls go on", part=part)


def starting(start: Start, part: str) -> Start:
    """How a part begins tasks of its own, none of which can end the exchange."""

    def begin(work: Coroutine[Any, Any, None]) -> object:
        return start(survived(work, part))

    return begin
