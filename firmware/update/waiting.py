"""Whether an update that waits may begin now, and when it will. Decides, and does nothing.

It begins in its window, two days after it was announced, while the clinic is closed and nobody is
on the telephone. Whoever postpones it puts it off by a window. One that closes a hole is put off
for fourteen days at most; after them the clinic's hours hold it up no more, and its window, its
announcement and whoever is on the telephone still do. A clock that nobody vouches for begins
nothing. Whoever stands at the box and wants it now has to wait for calls alone.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from firmware.updates_section import UpdateWindow

ANNOUNCED_BEFORE = timedelta(days=2)
SECURITY_WITHIN = timedelta(days=14)
DAYS_OF_A_WEEK = 7


class PostponeError(Exception):
    """It is not put off any further; the text says why."""


@dataclass(frozen=True, slots=True)
class Update:
    """One that waits. Moments are aware."""

    version: str
    is_security: bool
    came: datetime
    announced: datetime | None = None
    postponed_until: date | None = None  # by a click; the site file may say one, too
    wanted_now: bool = False  # somebody at the box waits for it


@dataclass(frozen=True, slots=True)
class Box:
    """How it is at this moment."""

    local: datetime  # aware, in the clinic's own zone
    is_open: bool
    calls: int
    clock_is_trusted: bool


class Begin(StrEnum):
    """What is to be done about it now."""

    ANNOUNCE = "announce"
    INSTALL = "install"


class Waits(StrEnum):
    """Why nothing is to be done yet."""

    CLOCK = "the clock cannot be trusted yet"
    ANNOUNCED = "it was announced less than two days ago"
    WINDOW = "it waits for its window"
    OPEN = "the clinic is open"
    CALLS = "somebody is on the telephone"


def decide(update: Update, window: UpdateWindow, box: Box) -> Begin | Waits:
    """Asked again and again, until it has begun."""
    local = box.local
    if update.wanted_now:
        return Waits.CALLS if box.calls else Begin.INSTALL
    if not box.clock_is_trusted:
        return Waits.CLOCK
    # What was announced tomorrow was announced by a clock that was wrong.
    if update.announced is None or update.announced > local:
        return Begin.ANNOUNCE
    if local.astimezone(UTC) < _announced_long_enough(update.announced):
        return Waits.ANNOUNCED
    if not _held(update, window, local).holds(local.date(), local.time()):
        return Waits.WINDOW
    if box.is_open and not is_overdue(update, local):
        return Waits.OPEN
    return Waits.CALLS if box.calls else Begin.INSTALL


def planned(update: Update, window: UpdateWindow, local: datetime) -> datetime:
    """When it may begin next, by the clinic's clock, if the clinic is closed and nobody is on the
    telephone then."""
    announced = local if update.announced is None else min(update.announced, local)
    now = local.astimezone(UTC)
    earliest = max(now, _announced_long_enough(announced)).astimezone(local.tzinfo)
    held = _held(update, window, local)
    if held.holds(earliest.date(), earliest.time()):
        return earliest
    day = max(earliest.date(), held.not_before or earliest.date())
    while True:
        begins = datetime.combine(day, held.begins, local.tzinfo)
        shown = begins.astimezone(UTC).astimezone(local.tzinfo)  # a night in spring skips an hour
        if shown >= earliest and held.holds(shown.date(), shown.time()):
            return shown
        day += timedelta(days=1)


def postponed(update: Update, window: UpdateWindow, local: datetime) -> Update:
    """By one window. PostponeError: it was put off for long enough."""
    begins = planned(update, window, local)
    # A window over midnight is of the day on which it began.
    first = begins.date() if begins.time() >= window.begins else begins.date() - timedelta(days=1)
    later = replace(update, postponed_until=first + timedelta(days=1))
    if update.is_security and planned(later, window, local) == begins:
        raise PostponeError("it closes a hole, and is put off for 14 days at most")
    return later


def is_overdue(update: Update, local: datetime) -> bool:
    """Whether it closes a hole that has been open for too long."""
    return update.is_security and local.astimezone(UTC) >= _deadline(update)


def _deadline(update: Update) -> datetime:
    return update.came.astimezone(UTC) + SECURITY_WITHIN


def _announced_long_enough(announced: datetime) -> datetime:
    return announced.astimezone(UTC) + ANNOUNCED_BEFORE


def _held(update: Update, window: UpdateWindow, local: datetime) -> UpdateWindow:
    """The window, as far as it is put off."""
    days = [day for day in (window.not_before, update.postponed_until) if day is not None]
    until = max(days, default=None)
    if until is not None and update.is_security:
        last = _deadline(update).astimezone(local.tzinfo).date()
        until = min(until, last - timedelta(days=DAYS_OF_A_WEEK))  # that one window is left
    return replace(window, not_before=until)
