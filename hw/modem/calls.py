"""The one call of a modem, as `AT+CLCC` lists it (3GPP TS 27.007, 7.18). Pure.

The list is the truth: whatever else the modem says of calls only makes us look at it sooner. So a
lost RING or NO CARRIER costs a second and never a call.

    none --ATD--> DIALLING --> ALERTING --> ACTIVE --gone from the list--> none
    none --incoming in the list--> RINGING ----^
"""

import math
import re
from dataclasses import dataclass
from enum import Enum, auto

from hw.modem.events import Alerting, CallEnded, Ending, Event, Ringing

GRACE_S = 3.0  # from ATD's answer until the modem lists the call
CALLER_ID_S = 1.5  # TS 27.007, 7.11: +CLIP comes with the first or the second RING
HANG_UP_AGAIN_S = 2.0

_ROW = re.compile(r'\+CLCC: ?(\d+),([01]),([0-6]),(\d),[01](?:,"([^"]{0,40})",\d+)?.*')


class Stage(Enum):
    """How far the call is."""

    RINGING = auto()
    DIALLING = auto()
    ALERTING = auto()
    ACTIVE = auto()


# TS 27.007, 7.18: active, held, dialing, alerting, incoming, waiting; 6 is not in it, but made.
_STAGES = {0: Stage.ACTIVE, 1: Stage.ACTIVE, 2: Stage.DIALLING, 3: Stage.ALERTING, 4: Stage.RINGING}
WAITING = 5
VOICE = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One call in the list."""

    index: int
    is_incoming: bool
    state: int
    number: str | None


@dataclass(slots=True)
class _Call:
    """The one there is."""

    name: str
    stage: Stage
    since: float
    index: int | None = None
    number: str | None = None
    is_told: bool = True
    has_voice: bool = False
    ends: bool = False  # somebody wants it over
    hung_up_at: float = -math.inf


def rows_of(lines: list[str]) -> list[Row]:
    """The voice calls of an answer; a data connection is in the list too and is none."""
    rows = []
    for line in lines:
        found = _ROW.fullmatch(line)
        if found and int(found[4]) == VOICE:
            row = Row(int(found[1]), found[2] == "1", int(found[3]), found[5] or None)
            rows.append(row)
    return rows


ENDINGS = {
    "BUSY": Ending.BUSY,
    "NO ANSWER": Ending.UNANSWERED,
    "NO CARRIER": Ending.HUNG_UP,
}


@dataclass(slots=True)
class Calls:
    """The call there is, if any."""

    prefix: str
    _call: _Call | None = None
    _count: int = 0
    _hint: Ending | None = None

    @property
    def name(self) -> str | None:
        """Of the call there is."""
        return self._call.name if self._call else None

    @property
    def stage(self) -> Stage | None:
        """How far it is."""
        return self._call.stage if self._call else None

    def is_on(self, name: str) -> bool:
        """Whether this is the call there is."""
        return self._call is not None and self._call.name == name

    def wants_voice(self) -> bool:
        """Both sides can speak, and the voice port is not on yet."""
        call = self._call
        return call is not None and call.stage is Stage.ACTIVE and not call.has_voice

    def voice_begun(self) -> None:
        """The modem was told to."""
        if self._call:
            self._call.has_voice = True

    def dials(self, name: str, now: float) -> None:
        """A call is asked for; there must be none."""
        self._call = _Call(name, Stage.DIALLING, now)
        self._hint = None

    def dialled(self, now: float) -> None:
        """The modem took it."""
        if self._call:
            self._call.since = now

    def hang_up(self, name: str) -> bool:
        """Whether there is such a call; it is hung up until it is gone."""
        if self._call is None or self._call.name != name:
            return False
        self._call.ends = True
        return True

    def must_hang_up(self, now: float) -> bool:
        """Whether the modem is to be told (again)."""
        call = self._call
        if call is None or not call.ends or now - call.hung_up_at < HANG_UP_AGAIN_S:
            return False
        call.hung_up_at = now
        return True

    def hinted(self, words: str) -> None:
        """The modem said why; the list will say whether."""
        self._hint = ENDINGS.get(words, Ending.REFUSED)

    def refused(self, words: str) -> list[Event]:
        """ATD was answered by something other than OK."""
        if self._call is None or self._call.stage is Stage.ACTIVE:
            return []
        ending = ENDINGS.get(words, Ending.REFUSED)
        return self._over(Ending.UNANSWERED if ending is Ending.HUNG_UP else ending)

    def caller(self, number: str | None, now: float) -> list[Event]:
        """+CLIP named who calls, or that they hide it."""
        call = self._call
        if call is None or call.is_told or call.stage is not Stage.RINGING:
            return []
        call.number = call.number or number
        return self._tell(call)

    def lost(self) -> list[Event]:
        """The modem went away, or began anew."""
        return self._over(Ending.LOST)

    def listed(self, rows: list[Row], now: float) -> list[Event]:
        """What the list says; `Connected` is told by whoever has begun the voice."""
        told: list[Event] = []
        row = self._row_of(rows)
        if self._call is not None and row is None:
            if self._call.index is None and now - self._call.since < GRACE_S:
                return told
            told += self._gone()
        if self._call is None:
            row = next((one for one in rows if one.is_incoming and one.state in (0, 4)), None)
            if row is None:
                return told
            self._begin(row, now)
        return told + (self._follow(row, now) if row else [])

    def is_left_over(self, rows: list[Row]) -> bool:
        """Whether there is a call that somebody before us dialled: nobody talks by it, and it keeps
        the modem from the next one, which may be for help."""
        return self._call is None and any(not row.is_incoming for row in rows)

    def _row_of(self, rows: list[Row]) -> Row | None:
        call = self._call
        if call is None:
            return None
        if call.index is None:  # dialled, not yet seen
            return next((row for row in rows if not row.is_incoming), None)
        return next((row for row in rows if row.index == call.index and _same(call, row)), None)

    def _begin(self, row: Row, now: float) -> None:
        self._count += 1
        name = f"{self.prefix}{self._count}"
        self._call = _Call(name, Stage.RINGING, now, row.index, row.number, is_told=False)
        self._hint = None

    def _follow(self, row: Row, now: float) -> list[Event]:
        call = self._call
        if call is None:
            return []
        call.index, call.number = row.index, call.number or row.number
        told: list[Event] = []
        stage = _STAGES.get(row.state, call.stage)
        if not call.is_told and (call.number or now - call.since >= CALLER_ID_S):
            told += self._tell(call)
        if stage is Stage.ALERTING and call.stage is Stage.DIALLING:
            told.append(Alerting(call.name))
        call.stage = stage if call.stage is not Stage.ACTIVE else Stage.ACTIVE
        return told

    def _tell(self, call: _Call) -> list[Event]:
        call.is_told = True
        return [Ringing(call.name, call.number)]

    def _gone(self) -> list[Event]:
        call = self._call
        if call is None:
            return []
        hint = self._hint or Ending.HUNG_UP
        if call.stage in (Stage.DIALLING, Stage.ALERTING) and not call.ends:
            hint = Ending.UNANSWERED if hint is Ending.HUNG_UP else hint
        return self._over(hint)

    def _over(self, ending: Ending) -> list[Event]:
        call, self._call, self._hint = self._call, None, None
        if call is None:
            return []
        return [*([] if call.is_told else self._tell(call)), CallEnded(call.name, ending)]


def _same(call: _Call, row: Row) -> bool:
    """A number of the list is given again as soon as it is free: then the caller is another."""
    other_caller = call.number and row.number and call.number != row.number
    return row.state != WAITING and not (row.is_incoming and other_caller)
