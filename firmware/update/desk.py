"""The exchange's part of an update: it announces the one that waits, has it written in its window,
and has the box restarted once nobody is on the telephone. After the restart it tells those in
charge what became of it. Whatever goes wrong here ends no call.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import structlog

from firmware import topics
from firmware.notify import Notice, Notices
from firmware.place import Place
from firmware.root import RootError
from firmware.update import kept as state
from firmware.update.kept import Kept, Waiting
from firmware.update.release import Release
from firmware.update.waiting import Begin, Box, Waits, decide, planned
from firmware.updates_section import update_window_of
from ivr.hours import Answer
from ivr.plan import Plan

LOOK_S = 30.0
REST_S = 120.0  # after a start callers come first
STAYED, WENT_BACK = "a new version runs", "a new version did not stay, and the former one is back"

log = structlog.get_logger(__name__)


class UpdateDesk:
    """Of one running exchange."""

    def __init__(
        self,
        *,
        place: Place,
        plan: Callable[[], Plan],
        notices: Notices,
        now: Callable[[], datetime],
        answers: Callable[[], Mapping[str, Answer]],
        calls: Callable[[], Awaitable[int]],
        clock_is_trusted: Callable[[], bool],
        install: Callable[[], Awaitable[object]],
        restart: Callable[[], Awaitable[object]],
        running: Release | None,
        boot_id: str,
    ) -> None:
        """`calls` are those that are up, Asterisk's own with them; `install` and `restart` are
        root's acts."""
        self._place, self._plan, self._notices, self._now = place, plan, notices, now
        self._answers, self._calls, self._clock_is_trusted = answers, calls, clock_is_trusted
        self._install, self._restart = install, restart
        self._running, self._boot_id = running, boot_id

    async def run(self, rest_s: float = REST_S, look_s: float = LOOK_S) -> None:
        """Until cancelled."""
        await asyncio.sleep(rest_s)
        while True:
            await self.look()
            await asyncio.sleep(look_s)

    async def look(self) -> Waits | None:
        """Do what is due; why nothing is."""
        found = await asyncio.to_thread(state.load, self._place)
        if found.waiting is None:
            return None
        if ended := state.became(found, self._boot_id, self._running):
            await asyncio.to_thread(state.settle, self._place, ended, datetime.now(UTC))
            log.info("update.ended", version=found.waiting.version, ended=ended)
            self._tell(STAYED if ended == "stayed" else WENT_BACK, found.waiting)
            return None
        if found.waiting.wrong:
            return None
        return await self._do(found.waiting)

    async def _do(self, waiting: Waiting) -> Waits | None:
        window = await asyncio.to_thread(update_window_of, self._place)
        box = Box(self._now(), self._is_open(), await self._calls(), self._clock_is_trusted())
        match decide(waiting.update(), window, box):
            case Waits() as why:
                return why
            case Begin.ANNOUNCE:
                await self._announce(waiting)
            case Begin.INSTALL if not waiting.written_in:
                await self._write(waiting)
            case Begin.INSTALL:
                log.info("update.restarts", version=waiting.version)
                await self._asked(self._restart, waiting)
        return None

    def _is_open(self) -> bool:
        """A schedule that never closes says nothing of when people are there."""
        return any(each.is_open and each.until is not None for each in self._answers().values())

    async def _announce(self, waiting: Waiting) -> None:
        now = self._now()
        await asyncio.to_thread(state.of_waiting, self._place, announced=now)
        when = planned(waiting.update(), update_window_of(self._place), now)
        log.info("update.announced", version=waiting.version, planned=when.isoformat())
        self._tell(f"a new version is to be installed on {when:%a %-d %b at %H:%M}", waiting)

    async def _write(self, waiting: Waiting) -> None:
        """Beside what runs: no call hears of it."""
        log.info("update.is written", version=waiting.version)
        if await self._asked(self._install, waiting):
            await asyncio.to_thread(state.of_waiting, self._place, written_in=self._boot_id)

    async def _asked(self, act: Callable[[], Awaitable[object]], waiting: Waiting) -> bool:
        try:
            await act()
        except (RootError, OSError, TimeoutError) as refused:
            log.warning("update.failed", version=waiting.version, why=str(refused))
            await asyncio.to_thread(state.of_waiting, self._place, wrong=str(refused)[:300])
            self._tell("a new version could not be installed", waiting)
            return False
        return True

    def _tell(self, what: str, waiting: Waiting) -> None:
        plan = self._plan()
        for address in plan.mail.admins if plan.mail is not None else ():
            self._notices.send(notice(plan.name, address, what, waiting.version, self._now()))

    def part(self) -> topics.Part:
        """For the status."""
        return part_of(state.load(self._place))


def part_of(found: Kept) -> topics.Part:
    """How updates stand."""
    waiting, last = found.waiting, found.last
    if waiting is not None and waiting.wrong:
        return topics.Part(
            name="updates",
            state="alarm",
            detail=f"version {waiting.version} could not be installed: {waiting.wrong}",
            cure="bring it once more, or drop it: `careline update`",
        )
    if last is not None and last.ended == "went back":
        return topics.Part(
            name="updates",
            state="warning",
            detail=f"version {last.version} did not stay, and the former one is back",
            cure="`careline update` says what it lacked; send that to your technician",
        )
    if waiting is not None:
        return topics.Part(name="updates", state="well", detail=f"version {waiting.version} waits")
    return topics.Part(name="updates", state="well", detail="none waits")


def notice(clinic: str, address: str, what: str, version: str, at: datetime) -> Notice:
    """Nobody's data is in it."""
    return Notice(
        address,
        f"{clinic}: {what}",
        f"At {clinic}, {at:%a %-d %b %H:%M}: {what}.\n\nIt is version {version}. The telephones go"
        " on until then; for the restart, which takes a minute or two, nobody may be on the"
        " telephone. `careline update` on the box says more, and puts it off. No answer to this is"
        " read.\n",
        at,
    )
