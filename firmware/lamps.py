"""Message lamps: how many messages each mailbox holds, told to Asterisk, which tells the phones.

What Asterisk says that it knows is compared with what is counted, and as long as the two differ it
is told again: it accepts an order before it has carried it out, and one that comes while it boots
it fails. It forgets everything when it restarts, so after each login it knows nothing. A phone that
registers is told by Asterisk. A lamp is a convenience: whatever goes wrong here is a line in the
log and no call's concern.
"""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from firmware import ledger
from firmware.asterisk import translate
from firmware.asterisk.link import ActionFailed, ActionLate, Link, LinkDown
from firmware.asterisk.translate import Lamp
from firmware.asterisk.wire import Message
from firmware.store import StoreError, open_reader

KNOWN_WITHIN_S = 1.0
AGAIN_FIRST_S = 0.25
AGAIN_LONGEST_S = 60.0
A_MESSAGE = 1, 0  # that nobody has heard, and is not urgent

log = structlog.get_logger(__name__)


class Lamps:
    """One task; whoever changes something only says so."""

    def __init__(self, link: Link, calls_db: Path, mailboxes: Callable[[], Iterable[str]]) -> None:
        self._link = link
        self._calls_db = calls_db
        self._mailboxes = mailboxes
        self._known: dict[str, Lamp] = {}  # as Asterisk said it
        self._news = asyncio.Event()
        self._due = asyncio.Event()
        self._again_s = AGAIN_FIRST_S
        self._are_all_lit = False

    def light_all(self) -> None:
        """Whatever the mailboxes hold, until they are lit as counted again."""
        self._are_all_lit = True
        self.changed()

    def light_as_counted(self) -> None:
        """As ever."""
        self._are_all_lit = False
        self.changed()

    def changed(self) -> None:
        """A message came, was heard or is gone; or other mailboxes have lamps now."""
        self._due.set()

    def forgotten(self) -> None:
        """Asterisk may know nothing of what it was told."""
        self._known.clear()
        self._again_s = AGAIN_FIRST_S
        self._due.set()

    def heard(self, message: Message) -> None:
        """What Asterisk tells; most of it is not about lamps."""
        lamp = translate.known_lamp(message)
        if lamp is not None:
            self._known[lamp.mailbox] = lamp
            self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                for lamp in await asyncio.to_thread(self._counted):
                    await self._make_known(lamp)
                self._again_s = AGAIN_FIRST_S
            except (ActionLate, ActionFailed, StoreError, SQLAlchemyError, TimeoutError) as fault:
                why = str(fault) or "Asterisk did not do as it was told"
                log.warning("a lamp could not be set", why=why, again_s=self._again_s)
                asyncio.get_running_loop().call_later(self._again_s, self._due.set)
                self._again_s = min(2 * self._again_s, AGAIN_LONGEST_S)
            except LinkDown:
                log.info("lamps wait for the link to Asterisk")  # it forgets, and we tell again

    def _counted(self) -> list[Lamp]:
        if self._are_all_lit:
            return [Lamp(name, *A_MESSAGE) for name in self._mailboxes()]
        reader = open_reader(self._calls_db)
        try:
            with reader.connect() as connection:
                return [Lamp(name, *ledger.unheard(connection, name)) for name in self._mailboxes()]
        finally:
            reader.dispose()

    async def _make_known(self, lamp: Lamp) -> None:
        """One at a time, for Asterisk may carry out two orders in either order."""
        if self._known.get(lamp.mailbox) == lamp:
            return
        await self._link.send(*translate.light(lamp))
        async with asyncio.timeout(KNOWN_WITHIN_S):
            while self._known.get(lamp.mailbox) != lamp:
                self._news.clear()
                await self._news.wait()
