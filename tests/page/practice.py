"""A practice with its page, for a browser: a real exchange and `careline web` on real Asterisks,
which go on by themselves, in a thread of their own, while a story drives the browser."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from firmware import people, rehearsal, topics
from firmware.asterisk.sandbox import ensure_root
from firmware.asterisk.telco import LiveCall
from firmware.control import ask_async, follow_async
from firmware.operations import Role
from firmware.passwords import Cost
from firmware.place import Place
from firmware.rehearsal import Rehearsal

T = TypeVar("T")

# So long everything has that must happen; only a story that went wrong waits in vain.
SOON_S = 60.0
CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
PASSWORD = "seven quiet lamps"
IN_BROWSER = "107"  # where the telephone in the browser is asked for
BY_THE_WINDOW = f"""
[phones.{IN_BROWSER}]
name = "Front desk by the window"
location = "12 Maple Street - ground floor - window"
callback = "2025550100"
browser = true
"""


class Elsewhere:
    """A loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """It goes on there meanwhile."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T], within_s: float = SOON_S * 2) -> T:
        """What comes of it, there."""
        return self.begin(work).result(within_s)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass(slots=True)
class Practice:
    """The template's clinic, open at all hours, with somebody of each role."""

    rehearsal: Rehearsal
    there: Elsewhere
    told: list[str]  # of its services' lives

    @property
    def address(self) -> str:
        return self.rehearsal.address

    @property
    def place(self) -> Place:
        return self.rehearsal.place

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.there.run(work)

    def said(self) -> str:
        """What the page's service has said."""
        return (self.place.home / "web.log").read_text("utf-8", "replace")

    def record(self) -> str:
        """What a story that failed should be read beside."""
        log = self.place.home / "exchange.log"
        exchange = log.read_text("utf-8", "replace") if log.exists() else ""
        return "\n".join(
            [*self.told, *exchange.splitlines()[-20:], *self.said().splitlines()[-20:]]
        )


async def calls_and_hears_the_menu(
    here: Practice, *, number: str = "", name: str = "Caller"
) -> LiveCall:
    """Somebody calls the clinic: a key they press now is the menu's."""
    door, dialled = here.place.control_socket, here.rehearsal.plan.lines["main"].numbers[0]
    steps = follow_async(door, topics.WATCH, topics.WatchRequest())
    told = asyncio.ensure_future(anext(steps))
    await ask_async(door, topics.STATUS, topics.StatusRequest())  # so it has been heard
    async with asyncio.timeout(SOON_S):
        call = await here.rehearsal.telco.call(dialled, number=number, name=name)
        while (await told).step != "menu":
            told = asyncio.ensure_future(anext(steps))
    return call


def with_browser_phone() -> str:
    """The site file of the template's clinic, open at all hours, and a telephone in a browser."""
    return rehearsal.always_open(rehearsal.TEMPLATE.read_text("utf-8")) + BY_THE_WINDOW


@contextmanager
def standing(
    home: Path,
    *,
    is_new: bool = False,
    site_text: str | None = None,
    furnish: Callable[[Place], None] = lambda place: None,
    has_exchange: bool = True,
    change: Callable[[Rehearsal], Rehearsal] = lambda made: made,
    guards: bool = False,
) -> Iterator[Practice]:
    """All of it up; nothing left of it afterwards. A new one belongs to nobody yet. `furnish` is
    called before anything runs; without an exchange it is as one whose exchange is down; one that
    guards itself keeps the packet filter of the network that this runs in."""
    ensure_root(lambda line: None)
    made = change(rehearsal.build(home, site_text=site_text))
    furnish(made.place)
    db, now = made.place.page_db, datetime.now(UTC)
    if is_new:
        for known in (*db.parent.glob(f"{db.name}*"), made.place.paper_recipient):
            known.unlink()  # with its good copy, from which it would be made again
    for role in () if is_new else Role:
        code = people.invite(db, f"the {role}", role, now)
        people.accept(db, f"the {role}", code, PASSWORD, now, CHEAP)
    there, kept, told = Elsewhere(), AsyncExitStack(), list[str]()
    # No watchdog: on a busy machine it would take a slow exchange for a frozen one.
    exchange = rehearsal.serving(made.place, "exchange", rehearsal.EXCHANGE, told.append)

    async def up() -> None:
        await made.start()
        answering = [exchange] if has_exchange else []
        for service in (made.root(told.append, guards=guards), *answering, made.web(told.append)):
            await kept.enter_async_context(service)

    async def down() -> None:
        await kept.aclose()
        await made.stop()

    try:
        there.run(up(), SOON_S * 3)
        yield Practice(made, there, told)
    finally:
        there.run(down())
        there.close()
