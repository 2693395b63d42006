"""What a modem is told before it is of use, in this order, and what its SIM's PIN may cost. Pure.

The law: a PIN is tried only while the SIM has three tries left, so that ours costs one and a person
still has two; where the modem cannot say how many are left, once. A SIM is never locked by us.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from hw.modem.dialects import Dialect
from hw.modem.work import SIM_S, About, Job, Rank

ALL_TRIES = 3  # TS 31.102: of a PIN

# TS 27.007 and 27.005. What is needed is needed for texts; the rest makes it kinder.
_SETTINGS = (
    ("AT+CMGF=0", True),  # PDUs, not text
    ("AT+CSMS=0", False),  # no acknowledgement of ours stands between network and memory
    ("AT+CNMI=2,1,0,2,0", True),  # messages and reports are stored, then told
    ("AT+CLIP=1", False),
    ("AT+CRC=0", False),
    ("AT+CREG=0", False),  # registration is asked for, so that no answer looks like news
    ("AT+CEREG=0", False),
)
# Where messages are kept: in the modem, which has more room, else on the SIM.
MEMORIES = ("ME", "SM")
REPORTS = "SR"  # TS 27.005, 3.1: status reports


class Sim(Enum):
    """What `AT+CPIN?` says (TS 27.007, 8.3)."""

    UNKNOWN = auto()
    READY = auto()
    PIN = auto()
    PUK = auto()
    MISSING = auto()
    BUSY = auto()


# TS 27.007, 9.2: SIM not inserted, PIN required, PUK required, failure, busy, wrong.
_SIM_ERRORS = {10: Sim.MISSING, 11: Sim.PIN, 12: Sim.PUK, 13: Sim.MISSING, 14: Sim.BUSY,
               15: Sim.MISSING}  # fmt: skip
_CPIN = re.compile(r"\+CPIN: ?(.+)")


def sim_of(lines: list[str], code: int | None) -> Sim:
    """Of an answer to `AT+CPIN?`, with the code where it failed."""
    if code is not None:
        return _SIM_ERRORS.get(code, Sim.BUSY)
    for line in lines:
        if found := _CPIN.fullmatch(line):
            if found[1] == "READY":
                return Sim.READY
            return {"SIM PIN": Sim.PIN, "SIM PUK": Sim.PUK}.get(found[1], Sim.PUK)
    return Sim.BUSY


def first_jobs() -> list[Job]:
    """Before anything is known of modem or SIM."""
    return [
        Job("ATE0", About.SETTING, Rank.SET_UP),
        Job("AT+CMEE=1", About.SETTING, Rank.SET_UP),  # errors by number
        Job("ATI", About.IDENTITY, Rank.SET_UP, expects="*"),
        ask_sim(),
    ]


def ask_sim() -> Job:
    """How the SIM stands."""
    return Job("AT+CPIN?", About.SIM, Rank.SET_UP, expects="+CPIN:", limit_s=SIM_S)


def settings(dialect: Dialect | None) -> list[Job]:
    """Once the SIM is ready."""
    jobs = [
        Job(text, About.SETTING, Rank.SET_UP, limit_s=SIM_S, is_needed=is_needed)
        for text, is_needed in _SETTINGS
    ]
    own = dialect.settings if dialect else ()
    return jobs + [Job(text, About.SETTING, Rank.SET_UP) for text in own]


def choose_storage(memory: str) -> Job:
    """Reading, writing and what comes in, all in this memory."""
    text = f'AT+CPMS="{memory}","{memory}","{memory}"'
    return Job(text, About.MEMORY, Rank.SET_UP, expects="+CPMS:", limit_s=SIM_S, memory=memory)


@dataclass(slots=True)
class Pin:
    """The PIN we were given, and whether it may be tried."""

    given: str | None
    is_wrong: bool = False
    is_tried: bool = False
    by_hand: bool = False  # a person has just typed it, and answers for it

    def type_in(self, pin: str) -> None:
        """A person gives another."""
        self.given, self.is_wrong, self.is_tried, self.by_hand = pin, False, False, True

    def may_try(self, tries_left: int | None) -> bool:
        """Whether it costs no more than a person can spare."""
        if self.given is None or self.is_wrong or (self.is_tried and tries_left is None):
            return False
        return self.by_hand or tries_left is None or tries_left >= ALL_TRIES

    def try_it(self) -> Job:
        """Only after `may_try`."""
        self.is_tried, self.by_hand = True, False
        text = f'AT+CPIN="{self.given}"'
        return Job(text, About.PIN, Rank.SET_UP, limit_s=SIM_S)


def tries_of(dialect: Dialect | None, lines: list[str]) -> int | None:
    """How many tries a PIN has left; None where the modem does not say."""
    for line in lines if dialect else ():
        if dialect and (found := dialect.tries_line.match(line)):
            return int(found[1])
    return None
