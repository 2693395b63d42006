"""Where the telephone companies' names lead: Asterisk asks that once, as it begins, and knows its
trunks by their addresses. After a power cut the box is up before the clinic's router: a name that
led nowhere then would be nobody's for ever, and each call from that company refused (tried on
22.10.1). So they are looked up again and again, and Asterisk is told to load its trunks anew once
one leads somewhere it has not led since Asterisk began.

No call hangs on anything here, and none is ended by it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address

import structlog

from firmware.asterisk.link import ActionFailed, Link, LinkDown
from firmware.asterisk.publish import Reload
from firmware.guard import Addresses, addresses_of
from firmware.root import Part, RootError
from hw.packet_filter import Address
from ivr.plan import Plan

LOOK_S = 15.0

log = structlog.get_logger(__name__)

Found = Mapping[str, frozenset[Address]]  # by name


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one life of Asterisk has been told to look up, and what it then found."""

    life: str = ""
    found: Found = field(default_factory=dict)


def step(before: Loaded, life: str, found: Found) -> tuple[Loaded, bool]:
    """After one more look, and whether Asterisk is to load its trunks anew. A company with many
    machines gives now these and now those: none is news twice in a life."""
    known = before.found if before.life == life else {}
    is_news = any(addresses - known.get(name, frozenset()) for name, addresses in found.items())
    both = {name: known.get(name, frozenset()) | found.get(name, frozenset()) for name in found}
    return Loaded(life, {**known, **both}), is_news


def names(plan: Plan) -> frozenset[str]:
    """The companies that are known by a name."""
    return frozenset(trunk.host for trunk in plan.trunks.values() if not _is_address(trunk.host))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


async def life_of(link: Link) -> str:
    """When Asterisk began, by its own clock. ActionFailed, LinkDown."""
    told = await link.send("CoreStatus")
    return f"{told.get('CoreStartupDate')} {told.get('CoreStartupTime')}"


class CompanyNames:
    """Those of one running exchange."""

    def __init__(
        self,
        plan: Callable[[], Plan],
        life: Callable[[], Awaitable[str]],
        reload: Reload,
        *,
        resolve: Addresses = addresses_of,
        look_s: float = LOOK_S,
    ) -> None:
        self._plan, self._life, self._reload = plan, life, reload
        self._resolve, self._look_s = resolve, look_s
        self._loaded = Loaded()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            # That there is no Asterisk is told by itself.
            with suppress(ActionFailed, LinkDown):
                await self._look()
            await asyncio.sleep(self._look_s)

    async def _look(self) -> None:
        found = await asyncio.to_thread(self._found)
        if not found:
            return
        loaded, is_news = step(self._loaded, await self._life(), found)
        if is_news:
            try:
                await self._reload(Part.OBJECTS)
            except (RootError, TimeoutError, OSError) as refused:
                log.warning("trunks are not loaded anew yet", why=str(refused))
                return
        self._loaded = loaded

    def _found(self) -> Found:
        found = {}
        for name in names(self._plan()):
            with suppress(OSError, ValueError):  # nobody can say now
                found[name] = frozenset(self._resolve(name))
        return found
