"""Each lamp of the wall's panel lit in turn, for whoever stands before it. The button and the door
are named and never touched; however it ends, the lamps show what they should again.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

from firmware.control import ControlError, Door, Strict, Topic
from firmware.panel_desk import PanelDesk

EACH_S = 2.0  # to look up from the console
NO_PANEL = ControlError("this clinic has no panel on the wall", "name it in [panel]")
GONE = ControlError(
    "the panel on the wall does not answer",
    "look at its cable and its lamp; it is taken up again by itself",
)


class PanelRequest(Strict):
    """Say what is wired, and light each lamp in turn."""

    ask: Literal["panel"] = "panel"


class PanelLine(Strict):
    """What is on a terminal or pin; a lamp is lit as this is told."""

    is_lit: bool = False
    what: str = ""
    terminal: str = ""
    is_last: bool = False


TRY_PANEL = Topic(PanelRequest, PanelLine)


class PanelTrial:
    """Its topic."""

    def __init__(self, desk: PanelDesk, each_s: float = EACH_S) -> None:
        self._desk, self._each_s = desk, each_s

    def answer_at(self, door: Door) -> None:
        door.follow(TRY_PANEL, self._try)

    async def _try(self, _request: PanelRequest) -> AsyncIterator[PanelLine]:
        wired = self._desk.wired
        if wired is None:
            raise NO_PANEL
        for what, terminal in (("button", wired.button), ("door", wired.door)):
            if terminal:
                yield PanelLine(what=what, terminal=terminal)
        try:
            for lamp, terminal in wired.lamps.items():
                if self._desk.is_lost:
                    raise GONE
                self._desk.light_only(lamp)
                yield PanelLine(is_lit=True, what=lamp, terminal=terminal)
                await asyncio.sleep(self._each_s)
        finally:
            self._desk.light_as_counted()
        yield PanelLine(is_last=True)
