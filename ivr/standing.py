"""A call as it stands, and what it and the exchange say to each other: orders in the imperative,
answered by facts. Only data: how a call changes is `ivr.call`'s to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ivr.asking import Asking
from ivr.callback_talk import Talk
from ivr.commands import Command
from ivr.desks import Desk
from ivr.events import (
    AudioLost,
    BoxOpened,
    CallerLeft,
    CameBack,
    DigitPressed,
    FellToFailsafe,
    IdentityChecked,
    Joined,
    JoinFailed,
    LeaseOpened,
    LeaseUnwritten,
    LeftCalled,
    LeftMarked,
    LineSaid,
    NobodySpoke,
    PinChecked,
    PromptEnded,
    RecordingFailed,
    RecordingKept,
    RequestFailed,
    RequestKept,
    SentOn,
    SpeechEnded,
    TicketFailed,
    TicketOpened,
    WordsFailed,
    WordsKept,
)
from ivr.flow import Place
from ivr.form import TakeRequest
from ivr.hours import Switch
from ivr.identity import AskIdentity
from ivr.listening import Listening
from ivr.overflow import Crowd
from ivr.own_words import Words
from ivr.plan import Plan, Recording, Urgency
from ivr.pressing import CALM, Pressing
from ivr.urgent import Dialogue


class Stage(StrEnum):
    """Where a call stands."""

    SPEAKING = "speaking"
    MENU = "menu"
    QUEUED = "queued"
    RINGING = "ringing"
    JOINING = "joining"
    TALKING = "talking"
    SURVEY = "survey"
    CONSENT = "consent"  # to be recorded
    OFFERING = "offering"  # to call back, and where
    GREETING = "greeting"
    RECORDING = "recording"
    KEEPING = "keeping"
    ASKING = "asking"
    SENDING = "sending"
    SETTLING = "settling"
    WORDING = "wording"  # somebody records words of the clinic's own
    LISTENING = "listening"  # to a mailbox
    LEAVING = "leaving"
    LOST = "lost"
    ENDING = "ending"
    OVER = "over"


# ---- between a call and the exchange ----


@dataclass(frozen=True, slots=True)
class Wait:
    """Order: the call waits in these queues, and has done so since then. Stood follows at once if
    it may be led on, then Placed if it still waits."""

    queues: tuple[str, ...]
    urgency: Urgency | None  # None: each queue's own
    since: float
    may_be_led_on: bool
    pressing: Pressing


@dataclass(frozen=True, slots=True)
class Press:
    """Order: the call, if it waits, is more urgent than it was."""

    pressing: Pressing


@dataclass(frozen=True, slots=True)
class RingPhones:
    """Order: offer the call to all these phones. NobodyLeft follows once none of them will."""

    phones: tuple[str, ...]
    ring_s: float


@dataclass(frozen=True, slots=True)
class CallOutside:
    """Order: call this number for the call. Taken follows, or NobodyLeft. Where who answers is to
    confirm, that is asked for in a language, and Asked told first."""

    number: str = field(repr=False)
    ring_s: float
    asks_in: str = ""


@dataclass(frozen=True, slots=True)
class StopWaiting:
    """Order: the call waits for nobody any more; its offers are withdrawn."""


@dataclass(frozen=True, slots=True)
class FallBack:
    """Order: the fail-safe has the call. Phones ring on for it, for somebody may be picking one up
    at this moment."""


@dataclass(frozen=True, slots=True)
class TellPosition:
    """Order: say where the call stands in its queue. Placed follows at once."""


@dataclass(frozen=True, slots=True)
class TellCrowd:
    """Order: say what the call's chances are. Stood follows, unless a phone rings for it."""


@dataclass(frozen=True, slots=True)
class Stood:
    """Fact: how many wait with the call, and for how many agents."""

    crowd: Crowd


@dataclass(frozen=True, slots=True)
class Placed:
    """Fact: the call's place in its queue, 1 being next, and within what it can expect to be
    answered (ivr/pace.py); None: nobody knows, or it is a matter of seconds."""

    position: int
    within_s: float | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """Fact: the first agent accepted; the other offers are withdrawn."""

    offer: str


@dataclass(frozen=True, slots=True)
class NobodyLeft:
    """Fact: no phone rings for the call any more."""


@dataclass(frozen=True, slots=True)
class PassedOutside:
    """Fact: the call is sent to a number outside, by who it came for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Fact: somebody has answered, and is asked for a key before the caller is joined."""


@dataclass(frozen=True, slots=True)
class TimeCame:
    """Fact: the call's deadline is here."""


Order = Wait | Press | RingPhones | CallOutside | StopWaiting | FallBack | TellPosition | TellCrowd
StepEvent = (
    DigitPressed
    | PromptEnded
    | SpeechEnded
    | NobodySpoke
    | LineSaid
    | RecordingKept
    | RecordingFailed
    | RequestKept
    | RequestFailed
    | IdentityChecked
    | LeaseOpened
    | LeaseUnwritten
    | PinChecked
    | WordsKept
    | WordsFailed
    | BoxOpened
    | LeftMarked
    | LeftCalled
    | CallerLeft
    | AudioLost
    | Joined
    | JoinFailed
    | CameBack
    | FellToFailsafe
    | SentOn
    | TicketOpened
    | TicketFailed
    | Stood
    | Placed
    | Asked
    | Taken
    | NobodyLeft
    | PassedOutside
    | TimeCame
)


@dataclass(frozen=True, slots=True)
class Moment:
    """Both clocks: monotonic seconds for waiting, the clinic's aware local time for its hours."""

    now: float
    local: datetime
    switches: Mapping[str, Switch] = field(default_factory=dict)  # schedules switched by hand
    trusted: bool = True  # the local time may be relied on
    desks: Mapping[str, Desk] = field(default_factory=dict)  # what telephones' owners have set


@dataclass(frozen=True, slots=True)
class Call:
    """A call as its plan was when it came; a newer plan is for newer calls."""

    id: str
    plan: Plan = field(repr=False, compare=False)
    language: str
    arrived_at: float
    place: Place
    number: str = field(default="", repr=False)
    stage: Stage = Stage.SPEAKING
    then: Place | None = None  # after what is being spoken; None: the call ends
    tag: int = 0  # of the newest Play
    tries: int = 0  # times the menu has been spoken
    about: str = ""  # what the caller chose, as an agent is told it
    until: float | None = None  # the stage ends by then
    again_at: float | None = None  # music or the next announcement is due
    look_at: float | None = None  # a rule of the queue may hold by then
    waits_since: float = 0.0  # entered this queue or began to ring
    pressing: Pressing = CALM
    is_medical: bool = False  # the line
    talk: Talk | None = None  # about calling back
    keeps_rank: bool = False  # the next queue is gone on waiting in
    ranks_since: float = 0.0  # entered the first of the queues it was led on through
    led_on_from: frozenset[Place] = frozenset()  # a second time nobody is led on from a queue
    patience_until: float = 0.0
    music: bool = False
    recording: bool = False  # a recording is open: its end will be told
    asking: Asking = field(default=Asking(), repr=False)
    is_being_kept: bool = False  # a request is on its way to the disk
    checks: int = 0  # of who calls
    patient: str | None = field(default=None, repr=False)  # who it is, once identified
    settling: Dialogue | None = None  # what is settled about an urgent message
    words: Words | None = None  # what is settled about words of the clinic's own
    listening: Listening | None = None  # what is settled with who listens to a mailbox
    recorded_as: Recording | None = field(default=None, repr=False)  # the line's rule
    consents: bool | None = None  # to be recorded; None: not asked
    # What the outcome is made of.
    asked_at: float | None = None  # first asked for a person
    heard: bool = False  # information spoken to its end
    kept: bool = False
    requested: bool = False
    promised: bool = False  # to be called back
    joined: bool = False
    is_unwanted: bool = False  # and has not asked to be let through
    is_outward: bool = False  # on its way to a number outside, or talks there
    is_fax: bool = False  # led to the clinic's own fax machine
    was_surveyed: bool = False
    failsafe: bool = False
    lost_at: float | None = None
    left_at: float | None = None

    @property
    def deadline(self) -> float | None:
        """When TimeCame is due."""
        wanted = (self.until, self.again_at, self.look_at)
        return min((at for at in wanted if at is not None), default=None)


Questions = TakeRequest | AskIdentity
Step = tuple[Call, list[Command | Order]]
