"""What may happen in a story of a clinic's callers, wherever it is told."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Protocol

from firmware.asterisk.fake import Means
from firmware.asterisk.telco import Behaviour

ANNA, BERT, CORA = "anna", "bert", "cora"


class Strike(StrEnum):
    """What may fail under all calls at once."""

    LINK = "the link to Asterisk's manager, for a moment"
    LINK_FOR_LONG = "the link, for longer than anybody is kept waiting"
    EXCHANGE = "the exchange"
    ASTERISK = "Asterisk"


class World(Protocol):
    """One lane of the clinic. Its phones `a`, `b` and `c` ring in vain until told otherwise."""

    async def calls(self, who: str = ANNA) -> None:
        """Somebody calls, and hears the menu begin."""

    async def presses(self, key: str, who: str = ANNA) -> None: ...

    async def speaks(self, who: str = ANNA) -> None:
        """The caller says something, for a second."""

    async def is_recorded(self, who: str = ANNA) -> None:
        """The beep has been heard."""

    async def hangs_up(self, who: str = ANNA) -> None: ...

    async def is_lost(self, who: str = ANNA) -> None:
        """The engine loses the caller, for whom the fail-safe then rings people."""

    async def behaves(self, phone: str, does: Behaviour) -> None: ...

    async def behaves_outside(self, does: Behaviour) -> None:
        """Whoever is called where callers are led outside."""

    async def picks_up(self, phone: str) -> None: ...

    async def puts_down(self, phone: str) -> None:
        """Ends the talk, or refuses what rings."""

    async def passes_on(self, phone: str, to: str, by: Means) -> None:
        """Who talks there sends the caller to another phone, without asking."""

    async def asks(self, phone: str, to: str, by: Means) -> None:
        """Who talks there calls another phone first; by a code the caller hears music."""

    async def hands_over(self, phone: str) -> None:
        """Whom it called by a call of its own takes the caller."""

    async def holds(self, phone: str) -> None: ...

    async def takes_back(self, phone: str) -> None:
        """Talks on with whom it held."""

    async def parks(self, phone: str) -> None: ...

    async def takes_up(self, phone: str, who: str = ANNA) -> None:
        """Dials the slot in which somebody is parked."""

    async def unplugs(self, phone: str) -> None:
        """Off the clinic's register, and known to be."""

    async def breaks(self, what: Strike) -> None:
        """For everybody whose story tells of it, at the same moment."""

    async def mends(self, what: Strike) -> None:
        """It is there again, and knows what is left."""

    async def at_once(self, *acts: Callable[[], Awaitable[None]]) -> None: ...

    async def sees(self, step: str, detail: str = "", *, who: str = ANNA, times: int = 1) -> None:
        """The ledger has so many such steps of the caller."""


Story = Callable[[World], Awaitable[None]]
