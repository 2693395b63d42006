"""What is asked of a modem, one thing at a time: the jobs that wait, by their rank, and the one
that is under way with what was answered so far. Nothing is decided here.
"""

import re
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto

from hw.modem.commands import Slot

# The settings of TS 27.005 and 27.007 have no limit of time; these are the makers' own longest,
# shortened where a call would wait for them.
QUICK_S = 5.0
SIM_S = 15.0
LIST_S = 20.0
CALL_S = 30.0
PROMPT_S = 10.0
SEND_S = 60.0


class About(Enum):
    """What a job is for."""

    SYNC = auto()
    SETTING = auto()
    IDENTITY = auto()
    SIM = auto()
    TRIES = auto()
    PIN = auto()
    MEMORY = auto()
    LIST = auto()
    DELETE = auto()
    SEND = auto()
    CALLS = auto()
    DIAL = auto()
    ANSWER = auto()
    HANG_UP = auto()
    TURN_AWAY = auto()
    DIGIT = auto()
    VOICE_ON = auto()
    VOICE_OFF = auto()
    SIGNAL = auto()
    REGISTRATION = auto()


class Rank(IntEnum):
    """Callers before texts, texts before looking round."""

    SET_UP = 0
    CALL = 1
    VOICE = 2
    DIGIT = 3
    LOOK_AT_CALLS = 4
    KEEP = 5
    LIST = 6
    SEND = 7
    LOOK = 8


@dataclass(frozen=True, slots=True)
class Job:
    """One command: its line, what it is for, what its answer's lines begin with, and for how long
    it may take."""

    text: str = field(repr=False)
    about: About
    rank: Rank
    expects: str = ""
    limit_s: float = QUICK_S
    memory: str = ""  # the memory that must be chosen before
    slot: Slot | None = None
    payload: bytes = field(default=b"", repr=False)
    call: str = ""
    is_needed: bool = False  # of a setting: without it the modem is of no use
    is_first_pin: bool = True


class Verdict(Enum):
    """How an answer ends."""

    OK = auto()
    ERROR = auto()
    ENDED = auto()  # a call's: NO CARRIER, BUSY, NO ANSWER


@dataclass(frozen=True, slots=True)
class Result:
    """An answer's last line; `code` is of +CMS or +CME ERROR, `words` the line itself."""

    verdict: Verdict
    words: str
    code: int | None = None


CALL_RESULTS = ("NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE")
_FAILED = re.compile(r"\+CM[ES] ERROR: ?(\d{1,4})")


def result_of(line: str) -> Result | None:
    """The last line of an answer, or None for another."""
    if line == "OK":
        return Result(Verdict.OK, line)
    if line == "ERROR" or line.startswith(("+CME ERROR", "+CMS ERROR")):
        found = _FAILED.fullmatch(line)
        return Result(Verdict.ERROR, line, int(found[1]) if found else None)
    if line in CALL_RESULTS:
        return Result(Verdict.ENDED, line)
    return None


@dataclass(slots=True)
class UnderWay:
    """The job that is asked now."""

    job: Job
    deadline: float
    lines: list[str] = field(default_factory=list)
    payload_given: bool = False
    echoed: bool = False


class Desk:
    """The jobs that wait."""

    __slots__ = ("_waiting", "now")

    def __init__(self) -> None:
        self._waiting: list[Job] = []
        self.now: UnderWay | None = None

    def add(self, job: Job) -> None:
        """Behind those of its rank."""
        at = sum(other.rank <= job.rank for other in self._waiting)
        self._waiting.insert(at, job)

    def put_back(self, job: Job) -> None:
        """Before those of its rank."""
        at = sum(other.rank < job.rank for other in self._waiting)
        self._waiting.insert(at, job)

    def add_once(self, job: Job) -> None:
        """Unless one that asks the same waits already; one under way may have looked too early."""
        if all(other.text != job.text for other in self._waiting):
            self.add(job)

    def next(self, *, only_set_up: bool) -> Job | None:
        """Taken out."""
        if not self._waiting or (only_set_up and self._waiting[0].rank is not Rank.SET_UP):
            return None
        return self._waiting.pop(0)

    def waiting(self, about: About) -> list[Job]:
        """Those that wait for this."""
        return [job for job in self._waiting if job.about is about]

    def has(self, *about: About) -> bool:
        """Whether one for this waits or is under way."""
        jobs = [*self._waiting, *([self.now.job] if self.now else [])]
        return any(job.about in about for job in jobs)

    def drop(self, *about: About) -> list[Job]:
        """Those that wait for this no longer do."""
        dropped = [job for job in self._waiting if job.about in about]
        self._waiting = [job for job in self._waiting if job.about not in about]
        return dropped

    def drop_memory(self, memory: str) -> None:
        """What waits for a memory that cannot be chosen no longer does."""
        self._waiting = [job for job in self._waiting if job.memory != memory]
