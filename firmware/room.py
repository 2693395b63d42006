"""The room there is for recordings: how much is used, when it will be full, and who is told.

Nothing that is kept is ever removed to make room. Four fifths full, people are told; full, no new
recording is begun: the caller hears so and goes to a person. The reserve is the system's own, so
that a full vault stops neither the ledger nor a call.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from pathlib import Path

from sqlalchemy import Connection, func, select

from firmware.ledger import Moment, messages
from firmware.topics import Part
from firmware.vault import CHUNK_BYTES
from ivr.plan import Retention

TOLD_AT = 0.8
# Growth is judged by four weeks, which hold whole weeks; less than one tells nothing.
WEEKS = timedelta(weeks=4)
AT_LEAST_DAYS = 7.0
# A second as it lies on the disk: its head, and the tag of AES-GCM.
SECOND_BYTES = CHUNK_BYTES + 40
DAYS_SHOWN_MOST = 3_650


class Level(IntEnum):
    """How full it is."""

    ROOMY = 0
    FILLING = 1
    FULL = 2


@dataclass(frozen=True, slots=True)
class Measured:
    """At one moment, in bytes."""

    used: int
    left: int  # until no recording is begun any more
    per_day: float | None = None  # how fast it fills; None: nothing can be said yet

    @property
    def share(self) -> float:
        """Of all the room, how much is used."""
        whole = self.used + self.left
        return self.used / whole if whole else 1.0

    @property
    def level(self) -> Level:
        if self.left <= 0:
            return Level.FULL
        return Level.FILLING if self.share >= TOLD_AT else Level.ROOMY

    @property
    def full_in_days(self) -> int | None:
        """At the pace of the last weeks; None if it does not fill, or not in ten years."""
        if not self.per_day or self.per_day <= 0:
            return None
        days = int(self.left / self.per_day)
        return days if days <= DAYS_SHOWN_MOST else None

    def __str__(self) -> str:
        said = f"{_gb(self.used)} of recordings, room for {_gb(self.left)} more"
        if self.per_day is None:
            return f"{said}; too few weeks to say when it is full"
        days = self.full_in_days
        return f"{said}: {'it does not fill up' if days is None else f'full in {days} days'}"


def measure(directory: Path, retention: Retention) -> Measured:
    """By the files themselves and the disk."""
    used = _used(directory)
    disk = os.statvfs(directory)
    free = max(0, disk.f_bavail * disk.f_frsize - retention.reserve_bytes)
    allowed = free if retention.most_bytes is None else retention.most_bytes - used
    return Measured(used, max(0, min(free, allowed)))


def growth_per_day(connection: Connection, now: datetime) -> float | None:
    """What came in the last weeks less what was deleted in them."""
    since = now - WEEKS
    first = connection.scalar(select(func.min(messages.c.started)))
    if first is None:
        return None
    days = min(WEEKS, now - datetime.fromisoformat(first)) / timedelta(days=1)
    if days < AT_LEAST_DAYS:
        return None
    seconds = func.coalesce(func.sum(messages.c.seconds), 0.0)
    text = Moment(since, 0).text
    came = connection.scalar(select(seconds).where(messages.c.started >= text)) or 0.0
    gone = connection.scalar(select(seconds).where(messages.c.deleted >= text)) or 0.0
    return (came - gone) * SECOND_BYTES / days


class Room:
    """What the running exchange knows of it. `tell` is called when it has become worse."""

    def __init__(self, tell: Callable[[Level, Measured], None]) -> None:
        self._tell = tell
        self.measured: Measured | None = None
        self.fault = ""
        self._level = Level.ROOMY

    @property
    def is_full(self) -> bool:
        """Whether no recording may be begun."""
        return self.measured is not None and self.measured.level is Level.FULL

    def judge(self, measured: Measured) -> None:
        """What was measured holds from now on."""
        self.measured, self.fault = measured, ""
        if measured.level > self._level:
            self._tell(measured.level, measured)
        self._level = measured.level

    def part(self) -> Part:
        """For the status."""
        if self.fault:
            return Part(
                name="room",
                state="warning",
                detail=f"what is left cannot be measured: {self.fault}",
                cure="check the disk's health",
            )
        if self.measured is None:
            return Part(name="room", state="well", detail="is being measured")
        match self.measured.level:
            case Level.ROOMY:
                return Part(name="room", state="well", detail=str(self.measured))
            case Level.FILLING:
                return Part(
                    name="room", state="warning", detail=f"{self.measured}", cure=CURE_FILLING
                )
            case Level.FULL:
                return Part(
                    name="room",
                    state="alarm",
                    detail=f"full: callers are told so, and go to a person: {self.measured}",
                    cure=CURE_FULL,
                )


CURE_FILLING = (
    "delete what has served (`careline messages delete`), set shorter [retention], or fit a larger"
    " disk; nothing kept is ever removed to make room"
)
CURE_FULL = f"at once: {CURE_FILLING}"


def notice_of(level: Level, measured: Measured, clinic: str) -> tuple[str, str]:
    """Subject and text for people; figures alone."""
    percent = round(measured.share * 100)
    if level is Level.FULL:
        return (
            f"{clinic}: no message can be taken",
            f"The room for recordings at {clinic} is full. No new message is taken: callers hear"
            " so and go to a person. Calls and emergency calls go on.\n\nNothing that is kept has"
            f" been or will be removed to make room. What to do {CURE_FULL}.\n",
        )
    return (
        f"{clinic}: the room for recordings is {percent} % full",
        f"The room for recordings at {clinic} is {percent} % full ({measured}).\n\n"
        f"What to do: {CURE_FILLING}.\n",
    )


def _used(directory: Path) -> int:
    total = 0
    for folder, _, files in os.walk(directory):
        for name in files:
            try:
                total += os.stat(os.path.join(folder, name)).st_size  # noqa: PTH116, PTH118 - fast
            except FileNotFoundError:  # deleted meanwhile
                continue
    return total


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
