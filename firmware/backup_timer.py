"""Backups and drills by the clock, done by processes of their own that give way to everything; and
a drill by a press, whenever somebody wants to see one: the same process, and never two at once.

The exchange only says when: each night at a time of day, and as soon as may be after a night on
which the box was off. What a process has done it tells in files of the site, so that whoever asks
afterwards need not ask the exchange. What fails is tried again, ever more seldom, and told: no call
waits for a backup, and none ends for one.

A clock that nobody vouches for may name any hour. By it nothing is begun, unless a day and two
hours have passed since anything was, by the clock that cannot jump.
"""

import asyncio
import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from enum import StrEnum

import structlog

from firmware import backup, drill, topics, wallclock
from firmware.backup_section import Nightly, nightly_of
from firmware.backup_topics import (
    BACKING,
    DRILL,
    BackingReply,
    BackingRequest,
    DrillReply,
    DrillRequest,
)
from firmware.control import ControlError, Door
from firmware.durable import replace_file
from firmware.notify import Notice, Notices
from firmware.place import Place
from firmware.watchdog import DIES_WITH_US
from ivr.plan import Plan

LOOK_EVERY_S = 30.0
# After a start callers come first; so does whatever else a power cut left to be done.
REST_S = 120.0
AGAIN_S = (60.0, 300.0, 900.0, 3600.0)  # after a failure; then each hour
LONGEST_S = 12 * 3600.0
STALE_S = drill.STALE.total_seconds()
TOLD_AGAIN = timedelta(hours=24)
LAST_WORDS = 3
# Idle for the disk (ionice(1), class 3) and the last in line for the processor.
GIVES_WAY = ("nice", "-n", "19", "ionice", "-c", "3")
CARELINE = (sys.executable, "-m", "firmware.cli")

log = structlog.get_logger(__name__)


class Job(StrEnum):
    """What is done each night."""

    BACKUP = "backup"
    DRILL = "drill"


@dataclass(frozen=True, slots=True)
class Clock:
    """Both clocks at one moment."""

    local: datetime
    monotonic_s: float
    is_trusted: bool


@dataclass(frozen=True, slots=True)
class Tries:
    """What is remembered of one job since the exchange began."""

    since_s: float  # when it was done last, or the exchange began
    failures: int = 0
    again_at_s: float = float("-inf")

    def failed(self, now_s: float) -> "Tries":
        pause_s = AGAIN_S[min(self.failures, len(AGAIN_S) - 1)]
        return replace(self, failures=self.failures + 1, again_at_s=now_s + pause_s)


def is_due(at: time_of_day, last: datetime | None, clock: Clock, tries: Tries) -> bool:
    """Whether a job of this time of day, done last then, is to be begun now."""
    if clock.monotonic_s < tries.again_at_s:
        return False
    if tries.failures or clock.monotonic_s - tries.since_s >= STALE_S:
        return True
    if not clock.is_trusted:
        return False
    return last is None or last > clock.local or last < _latest(at, clock.local)


def _latest(at: time_of_day, local: datetime) -> datetime:
    """When it was this time of day last. A time that a change of clocks leaves out is an hour
    later that day."""
    today = datetime.combine(local.date(), at, local.tzinfo)
    if today <= local:
        return today
    return datetime.combine(local.date() - timedelta(days=1), at, local.tzinfo)


class BackupTimer:
    """The exchange's part of it."""

    def __init__(
        self,
        place: Place,
        plan: Callable[[], Plan],
        now: Callable[[], datetime],
        notices: Notices,
        command: Sequence[str] = CARELINE,
    ) -> None:
        self._place = place
        self._plan = plan
        self._now = now
        self._command = command
        self._notices = notices
        self._tries = {job: Tries(time.monotonic()) for job in Job}
        self._job: Job | None = None
        self._doing = ""
        self._pressed = asyncio.Event()  # until what was pressed for is done
        self._one_at_a_time = asyncio.Lock()
        self.fault = ""

    def answer_at(self, door: Door) -> None:
        """Be asked for a drill, and how far it is."""
        door.answer(DRILL, self.press)
        door.answer(BACKING, self.backing)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._by_the_clock())
            both.create_task(self._by_press())

    async def press(self, _request: DrillRequest) -> DrillReply:
        """A drill begins. ControlError: something is under way already."""
        if self._pressed.is_set() or self._job is Job.DRILL:
            raise ControlError("a drill is under way already", "wait for its end")
        if self._job is Job.BACKUP:
            raise ControlError("a backup is being made just now", "try it when it is done")
        self._pressed.set()
        return DrillReply()

    async def backing(self, _request: BackingRequest) -> BackingReply:
        """What is under way."""
        if self._job is not None:
            return BackingReply(job=self._job.value, doing=self._doing)
        return BackingReply(job="drill" if self._pressed.is_set() else "")

    async def _by_press(self) -> None:
        while True:
            await self._pressed.wait()
            try:
                await self._do(Job.DRILL)
            except Exception as fault:  # as by the clock
                log.exception("a drill is not held for now")
                self.fault = str(fault) or type(fault).__name__
            finally:
                self._pressed.clear()

    async def _by_the_clock(self) -> None:
        await asyncio.sleep(REST_S)
        while True:
            try:
                await self.look()
                self.fault = ""
            except Exception as fault:  # whatever it is, no call ends for the sake of a backup
                log.exception("backups are not made for now")
                self.fault = str(fault) or type(fault).__name__
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Do what is due, and tell whom it concerns how things are."""
        nightly = await asyncio.to_thread(nightly_of, self._place)
        if nightly is None:
            return
        for job in Job:
            clock = await asyncio.to_thread(self._clock)
            last = await asyncio.to_thread(self._last, job)
            if is_due(_time_of(job, nightly), last, clock, self._tries[job]):
                await self._do(job)
        wrong = await asyncio.to_thread(drill.alarm, self._place, datetime.now(UTC))
        if await asyncio.to_thread(self._is_news, is_red=bool(wrong)):
            self._tell(is_red=bool(wrong))

    def part(self) -> topics.Part:
        """For the status."""
        nightly = nightly_of(self._place)
        wrong = self.fault or drill.alarm(self._place, datetime.now(UTC))
        is_begun = self._place.backup_told.exists() or self._place.night_told.exists()
        if nightly is None and not is_begun:
            return topics.Part(
                name="backups",
                state="warning",
                detail="none is made by itself",
                cure="add [backup] to the site file, and publish it",
            )
        if nightly is not None and not is_begun:
            doing = self._doing or "the first is made within some minutes"
            return topics.Part(name="backups", state="well", detail=doing)
        if wrong and not self._doing:
            return topics.Part(
                name="backups",
                state="alarm",
                detail=wrong,
                cure="see `careline backups`; then `careline backup` and `careline drill`",
            )
        return topics.Part(name="backups", state="well", detail=self._doing or self._how_old())

    def _how_old(self) -> str:
        at = backup.last_made(self._place).get("at", "")
        return f"the last is of {at[:16]}Z, and restores well"

    def _clock(self) -> Clock:
        return Clock(self._now(), time.monotonic(), wallclock.trusted_now(self._place))

    def _last(self, job: Job) -> datetime | None:
        made = backup.last_made(self._place).get("at")
        backed_up = datetime.fromisoformat(made) if made else None
        if job is Job.BACKUP:
            return backed_up
        if (told := drill.last(self._place)) is None:
            return None
        tried = datetime.fromisoformat(told.at)
        has_newer = backed_up is not None and backed_up > tried
        return None if told.wrong and has_newer else tried

    async def _do(self, job: Job) -> None:
        async with self._one_at_a_time:
            self._job = job
            try:
                await self._done(job)
            finally:
                self._job = None

    async def _done(self, job: Job) -> None:
        began = datetime.now(UTC)
        log.info("begins", job=job)
        wrong = await self._run(job)
        now_s = time.monotonic()
        if job is Job.DRILL and await asyncio.to_thread(self._has_told_since, began):
            wrong = ""  # whatever it found, it was done; status tells
        if wrong:
            log.error("failed, and is tried again", job=job, why=wrong)
            self._tries[job] = self._tries[job].failed(now_s)
        else:
            self._tries[job] = Tries(now_s)
        await asyncio.to_thread(self._write_down, job, began, wrong)

    def _has_told_since(self, began: datetime) -> bool:
        told = drill.last(self._place)
        return told is not None and datetime.fromisoformat(told.at) >= began.replace(microsecond=0)

    def _write_down(self, job: Job, began: datetime, wrong: str) -> None:
        if wrong:
            told = {"job": job, "at": began.isoformat(timespec="seconds"), "wrong": wrong}
            replace_file(self._place.night_told, json.dumps(told).encode())
        elif drill.failed_job(self._place) == job:
            self._place.night_told.unlink()

    async def _run(self, job: Job) -> str:
        """Its process, to its end; what it said last if that is not well."""
        process = await asyncio.create_subprocess_exec(
            *DIES_WITH_US,
            *GIVES_WAY,
            *self._command,
            job,
            "--by-timer",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"CARELINE_HOME": str(self._place.home)},
        )
        said: deque[str] = deque(maxlen=LAST_WORDS)
        try:
            async with asyncio.timeout(LONGEST_S):
                await asyncio.gather(
                    self._show(process.stdout), _gather(process.stderr, said), process.wait()
                )
        except TimeoutError:
            return f"it took longer than {LONGEST_S / 3600:g} hours"
        finally:
            self._doing = ""
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode == 0:
            return ""
        return " ".join(said).removeprefix("careline: ") or f"it ended with {process.returncode}"

    async def _show(self, lines: asyncio.StreamReader | None) -> None:
        """How far it is, a line a second."""
        assert lines is not None
        async for line in lines:
            self._doing = line.decode("utf-8", "replace").strip()

    # ---- e-mail ----

    def _is_news(self, *, is_red: bool) -> bool:
        """Once when it becomes red, once a day while it is, and once when it is well again; however
        often the exchange begins anew meanwhile."""
        now, told = datetime.now(UTC), self._told_of_red()
        if not is_red:
            self._place.red_told.unlink(missing_ok=True)
            return told is not None
        if told is not None and abs(now - told) < TOLD_AGAIN:
            return False
        replace_file(self._place.red_told, now.isoformat().encode())
        return True

    def _tell(self, *, is_red: bool) -> None:
        """Those in charge."""
        plan = self._plan()
        for address in plan.mail.admins if plan.mail is not None else ():
            self._notices.send(notice(plan.name, address, self._now(), is_red=is_red))

    def _told_of_red(self) -> datetime | None:
        try:
            return datetime.fromisoformat(self._place.red_told.read_text("ascii"))
        except (FileNotFoundError, ValueError):
            return None


def notice(clinic: str, address: str, at: datetime, *, is_red: bool) -> Notice:
    """That there is something to do, and where it is told; no name, number or path."""
    if not is_red:
        text = "The newest backup has been restored and tried, and is well.\n"
        return Notice(address, f"{clinic}: backups are well again", text, at)
    return Notice(
        address,
        f"{clinic}: the backups need somebody",
        "There is no newer backup that can be restored. Calls go on as always. On the box,"
        " `careline backups` says what is wrong and what to do. No answer to this is read.\n",
        at,
    )


def _time_of(job: Job, nightly: Nightly) -> time_of_day:
    return nightly.at if job is Job.BACKUP else nightly.drill_at


async def _gather(lines: asyncio.StreamReader | None, said: deque[str]) -> None:
    assert lines is not None
    async for line in lines:
        if words := line.decode("utf-8", "replace").strip():
            said.append(words)
