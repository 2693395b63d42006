"""The doorkeeper of the door for who watches from elsewhere: the kernel says who knocks, and what
is asked is entered. Figures are asked for every minute, so they are entered once a day; all else
each time.
"""

from collections.abc import Awaitable, Callable
from datetime import date, datetime

from firmware.audit import Act, Audited
from firmware.control import ControlError
from firmware.ledger import Moment
from firmware.operations import Asker, Role
from firmware.peer import Peer
from firmware.store import StoreError

OFTEN = "watched"


class Watchman:
    """Lets in whoever may open the socket; what can be asked there is little."""

    def __init__(
        self, promise: Callable[[Audited], Awaitable[None]], now: Callable[[], datetime]
    ) -> None:
        self._promise, self._now = promise, now
        self._entered: dict[str, date] = {}

    async def admit(self, asked: str, session: str, peer: Peer) -> Asker:
        """Who asks this. ControlError: it cannot be entered, or somebody's session is shown."""
        if session:
            raise ControlError("nobody signs in here", "ask at the page")
        asker = Asker(f"watching ({peer.user})", Role.TECHNICIAN)
        today = self._now().date()
        if asked != OFTEN or self._entered.get(asker.name) != today:
            try:
                await self._promise(Audited(asker.name, Act.ASKED, asked, Moment.now()))
            except StoreError as unwritten:
                if asked != OFTEN:  # that a disk is full must be seen from elsewhere
                    raise ControlError("it cannot be entered", "make room on the disk") from (
                        unwritten
                    )
            if asked == OFTEN:
                self._entered[asker.name] = today
        return asker
