"""What may leave the box for whoever watches it from elsewhere: a closed form.

Counts, seconds, and words of closed lists. No field takes text that somebody else wrote, so no
name, number or address of anybody can stand in it: of a part only its kind is said, not what it is
called or what is wrong with it. That says the box itself, to who may look.
"""

import os
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field

from firmware import topics
from firmware.board import BoardReply, WaitingLine
from firmware.control import Door, Strict, Topic
from hw.power.machine import hottest_c
from ivr.commands import Outcome

Urgency = Literal["emergency", "urgent", "soon", "routine"]
State = Literal["well", "warning", "alarm"]
GRAVITY: tuple[State, ...] = ("well", "warning", "alarm")


class Kind(StrEnum):
    """What a part of the box is; trunks, modems and the like are one kind each."""

    ASTERISK = "asterisk"
    AUDIT = "audit"
    BACKUPS = "backups"
    CALL_BACKS = "call-backs"
    CALLS_OUTSIDE = "calls outside"
    CLOCK = "clock"
    EMERGENCY_CALLS = "emergency calls"
    ENGINE = "engine"
    ENVELOPE = "envelope"
    FIGURES = "figures"
    GUARD = "guard"
    LEDGER = "ledger"
    LINE = "line"
    LISTENING = "listening"
    LOUDSPEAKER = "loudspeaker"
    MESSAGE_NOTICES = "message notices"
    MESSAGES = "messages"
    MODEM = "modem"
    MODEMS = "modems"
    ON_CALL = "on call"
    OWN_WORDS = "own words"
    PANEL = "panel"
    POWER = "power"
    PROMPTS = "prompts"
    RECORDINGS = "recordings"
    RETENTION = "retention"
    ROOM = "room"
    SITE = "site"
    STORES = "stores"
    TEMPERATURE = "temperature"
    TEXTS = "texts"
    TRUNK = "trunk"
    UPDATES = "updates"
    VOLTAGE = "voltage"
    WATCHDOG = "watchdog"
    OTHER = "other"


class PartsOfAKind(Strict):
    """How many there are of a kind, and how the worst of them is."""

    kind: Kind
    state: State
    parts: int


class WaitingCount(Strict):
    """Callers of one urgency who wait now, and for how long the one who came first."""

    urgency: Urgency
    callers: int
    longest_s: float


class Watched(Strict):
    """The whole box in figures."""

    version: str = Field(pattern=r"^[0-9][0-9a-z.+]{0,30}$")
    up_s: float
    offered: int
    outcomes: dict[Outcome, int]
    in_progress: int
    balanced: bool
    waiting: tuple[WaitingCount, ...]
    ringing: int
    talking: int
    parts: tuple[PartsOfAKind, ...]
    load: float
    celsius: float | None

    @property
    def state(self) -> State:
        """How its worst part is."""
        worst = max((GRAVITY.index(each.state) for each in self.parts), default=0)
        return GRAVITY[worst] if self.balanced else "alarm"


class WatchedRequest(Strict):
    """How is the box, in figures?"""

    ask: Literal["watched"] = "watched"


WATCHED = Topic(WatchedRequest, Watched)


def kind_of(name: str) -> Kind:
    """What a part is by its name: `trunk west` is a trunk."""
    fitting = [kind for kind in Kind if name == kind or name.startswith(f"{kind} ")]
    return max(fitting, key=len, default=Kind.OTHER)


def watched(
    status: topics.StatusReply, board: BoardReply, load: float, celsius: float | None
) -> Watched:
    """So much of it as anybody may know."""
    return Watched(
        version=status.version,
        up_s=status.up_s,
        offered=status.offered,
        outcomes={Outcome(name): count for name, count in status.outcomes.items()},
        in_progress=status.in_progress,
        balanced=status.balanced,
        waiting=_waiting(board.waiting),
        ringing=sum(not each.talks for each in board.calling),
        talking=sum(each.talks for each in board.calling),
        parts=_of_each_kind(status.parts),
        load=round(load, 2),
        celsius=None if celsius is None else round(celsius, 1),
    )


def answer_at(
    door: Door,
    status: Callable[[topics.StatusRequest], Awaitable[topics.StatusReply]],
    board: Callable[[], BoardReply],
    root: Path = Path("/"),
) -> None:
    """From now on this door answers how the box is, in figures."""

    async def told(_request: WatchedRequest) -> Watched:
        now = await status(topics.StatusRequest())
        return watched(now, board(), os.getloadavg()[0], hottest_c(root))

    door.answer(WATCHED, told)


def _waiting(lines: Iterable[WaitingLine]) -> tuple[WaitingCount, ...]:
    by_urgency: dict[Urgency, list[float]] = {}
    for line in lines:
        by_urgency.setdefault(line.urgency, []).append(line.waits_s)
    return tuple(
        WaitingCount(urgency=urgency, callers=len(waits), longest_s=max(waits))
        for urgency, waits in by_urgency.items()
    )


def _of_each_kind(parts: Iterable[topics.Part]) -> tuple[PartsOfAKind, ...]:
    states: dict[Kind, list[int]] = {}
    for part in parts:
        states.setdefault(kind_of(part.name), []).append(GRAVITY.index(part.state))
    return tuple(
        PartsOfAKind(kind=kind, state=GRAVITY[max(found)], parts=len(found))
        for kind, found in sorted(states.items())
    )
