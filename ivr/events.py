"""Facts, in the past tense: what the shell tells the call logic. A call is named by the UUID its
dialplan drew.

An offer is one try at one agent, named by a UUID of its own, which is also the name of the agent's
leg.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from ivr.desks import Desk
from ivr.hours import Switch
from ivr.identity import Verdict
from ivr.left import Left
from ivr.plan import Plan
from ivr.says import Says
from ivr.ticket import Ticket
from ivr.urgent import Urgent


class Refusal(StrEnum):
    """Why an offer, or a call of ours, came to nothing."""

    BUSY = "busy"
    REFUSED = "refused"
    SILENT = "silent"
    UNREACHABLE = "unreachable"
    WITHDRAWN = "withdrawn"


class PhoneState(StrEnum):
    """What a desk telephone is doing."""

    IDLE = "idle"
    RINGING = "ringing"
    IN_USE = "in use"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class CallArrived:
    """A caller is in the engine and known to Asterisk. `number` and `name` are a stranger's words,
    or empty, and no log or traceback shows them. `came_before`: the same number called a short
    while ago (ivr/pressing.py); `was_surveyed`: or was asked lately how it was."""

    call: str
    line: str
    dialled: str
    number: str = field(repr=False)
    name: str = field(repr=False)
    came_before: bool = False
    was_surveyed: bool = False
    unwanted: str = ""  # why the caller is asked first (ivr/blocking.py)


@dataclass(frozen=True, slots=True)
class ToneHeard:
    """Our detector heard a digit begin in the caller's audio."""

    call: str
    digit: str


@dataclass(frozen=True, slots=True)
class KeyBegan:
    """Asterisk saw a key go down (RFC 4733 or INFO, by AMI)."""

    call: str
    digit: str


@dataclass(frozen=True, slots=True)
class KeyEnded:
    """The same key's end, as a frame in the audio connection."""

    call: str
    digit: str


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """One key, once, however it came: `ivr.digits` makes it of the three above."""

    call: str
    digit: str


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """Everything played under this tag has been spoken to its end (not: stopped)."""

    call: str
    tag: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The caller spoke while being recorded and has now been quiet for a while."""

    call: str


@dataclass(frozen=True, slots=True)
class NobodySpoke:
    """The caller is being recorded and has not said a word for longer than anybody thinks."""

    call: str


@dataclass(frozen=True, slots=True)
class RecordingKept:
    """The message is sealed, complete and durable: only now may it be promised."""

    call: str
    message: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """The message could not be made durable, or held no sound worth keeping; or there was no room
    for one, and it never began."""

    call: str
    reason: str
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class LineSaid:
    """What the caller's line says by itself (ivr/line_said.py)."""

    call: str
    says: Says


@dataclass(frozen=True, slots=True)
class RequestKept:
    """The request is durable: only now may it be promised."""

    call: str
    tag: int


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """The request could not be made durable."""

    call: str
    tag: int


@dataclass(frozen=True, slots=True)
class IdentityChecked:
    """What the list of patients says of a caller; the name is for nobody's log."""

    call: str
    tag: int
    verdict: Verdict
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class BoxOpened:
    """Whose PIN opened the mailbox for a telephone, and what there is to hear; nobody's, or none is
    right any more until somebody who may listen has signed in."""

    call: str
    person: str
    is_locked: bool = False
    left: tuple[Left, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftMarked:
    """How a message stands is durable, or is not."""

    call: str
    is_written: bool


@dataclass(frozen=True, slots=True)
class LeftCalled:
    """The telephone is on its way to whoever left the message; or they showed no number, or none
    that the dial rules lead to."""

    call: str
    is_called: bool


@dataclass(frozen=True, slots=True)
class CallerLeft:
    """The caller's channel is gone, by whoever's will."""

    call: str


@dataclass(frozen=True, slots=True)
class AudioLost:
    """The engine lost the caller's audio while the channel may live: the fail-safe has the caller
    now."""

    call: str
    reason: str


@dataclass(frozen=True, slots=True)
class OfferRang:
    """The agent's phone rings."""

    offer: str


@dataclass(frozen=True, slots=True)
class OfferAccepted:
    """The agent picked up and is in the engine, ready to be joined."""

    offer: str


@dataclass(frozen=True, slots=True)
class OfferPickedUp:
    """A colleague's telephone has taken the call that rang at the agent's. It may be told after
    OfferAccepted, which is then this colleague's."""

    offer: str
    extension: str  # the colleague's


@dataclass(frozen=True, slots=True)
class OfferEnded:
    """The offer came to nothing; the caller never left the engine."""

    offer: str
    reason: Refusal


@dataclass(frozen=True, slots=True)
class CalledOut:
    """Whoever answered a call of ours is in the engine; from here on it is a call like any other,
    whose end is CallerLeft."""

    call: str


@dataclass(frozen=True, slots=True)
class CallOutEnded:
    """A call of ours was never answered, or not for long enough to be spoken to."""

    call: str
    reason: Refusal


@dataclass(frozen=True, slots=True)
class TicketOpened:
    """A call-back is durable, or was left by an exchange before us: only now may it be promised."""

    ticket: Ticket

    @property
    def call(self) -> str:
        return self.ticket.call


@dataclass(frozen=True, slots=True)
class TicketFailed:
    """What was to be written of a call-back is not durable, and must not be said or done."""

    call: str
    ticket: str


@dataclass(frozen=True, slots=True)
class TicketTried:
    """It is written down that the ticket's leg is about to be called."""

    ticket: str
    leg: str


@dataclass(frozen=True, slots=True)
class TicketClosed:
    """A call-back is wanted no more, durably: cancelled, or its caller got through otherwise."""

    ticket: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Caller and agent talk, carried by Asterisk alone."""

    call: str
    offer: str


@dataclass(frozen=True, slots=True)
class JoinFailed:
    """They could not be joined; the caller is still in the engine."""

    call: str
    offer: str


@dataclass(frozen=True, slots=True)
class CameBack:
    """The agent has hung up after a talk, and the caller's audio is with us once more."""

    call: str


@dataclass(frozen=True, slots=True)
class FellToFailsafe:
    """Asterisk's static dialplan has taken the caller out of our hands and rings people."""

    call: str


@dataclass(frozen=True, slots=True)
class SentOn:
    """Somebody transferred the caller to a number inside: it is in the engine once more. Empty: to
    whoever is there."""

    call: str
    number: str


class Passing(StrEnum):
    """How a transfer left the caller."""

    SENT = "sent"  # on its way to a number; inside the clinic SentOn follows
    JOINED = "joined"  # talks with who was asked before
    MISLAID = "mislaid"  # in the place of a leg that waited in the engine, and must be fetched


@dataclass(frozen=True, slots=True)
class Transferred:
    """A phone passed its caller on, by a key of its own or by a code."""

    call: str
    by: str
    number: str = field(repr=False)  # inside, or dialled outside
    passing: Passing


@dataclass(frozen=True, slots=True)
class Held:
    """Who talks with the caller presses the hold key: the caller hears music."""

    call: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """They talk on."""

    call: str


@dataclass(frozen=True, slots=True)
class Parked:
    """A phone left the caller in a slot, for whoever dials it; or it was taken up there."""

    call: str
    slot: str
    by: str  # whose phone; empty: not known
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class DeskSet:
    """A telephone's owner has set, durably, where its calls go."""

    extension: str
    desk: Desk


@dataclass(frozen=True, slots=True)
class HoursSwitched:
    """A schedule was opened or closed by hand, durably; None: it is as written again."""

    hours: str
    switch: Switch | None


@dataclass(frozen=True, slots=True)
class ClockJudged:
    """Whether the wall clock can be trusted from now on."""

    trusted: bool


@dataclass(frozen=True, slots=True)
class PhoneChanged:
    """A desk telephone's state, as Asterisk knows it."""

    extension: str
    state: PhoneState


@dataclass(frozen=True, slots=True)
class PhonesWatched:
    """Whether Asterisk tells what the phones do. It has told all of it when this becomes true;
    until then, and after a link that broke, each may talk with a caller whom we do not know."""

    watched: bool


@dataclass(frozen=True, slots=True)
class PlanAdopted:
    """A newly published plan is in force: for calls that come from now on."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class AgentPaused:
    """An agent wants no calls for a while; the reason is a word for the figures."""

    extension: str
    reason: str


@dataclass(frozen=True, slots=True)
class AgentResumed:
    """The pause is over."""

    extension: str


@dataclass(frozen=True, slots=True)
class AgentSignedOut:
    """An agent has gone; the phone still rings when it is called itself."""

    extension: str


@dataclass(frozen=True, slots=True)
class AgentWrappedUp:
    """An agent says what the last talk was about, in a word of the site's."""

    extension: str
    about: str


@dataclass(frozen=True, slots=True)
class AgentSignedIn:
    """An agent is back."""

    extension: str


@dataclass(frozen=True, slots=True)
class PinChecked:
    """Whether the PIN was the person's; whose it was, where several were asked about."""

    call: str
    fits: bool
    person: str = ""


@dataclass(frozen=True, slots=True)
class WordsKept:
    """What was recorded on a telephone is in force, durably, or what stood is taken away."""

    call: str


@dataclass(frozen=True, slots=True)
class WordsFailed:
    """It could not be written: nothing may be said to have changed."""

    call: str


@dataclass(frozen=True, slots=True)
class LeaseOpened:
    """It is written that an urgent message waits to be seen to: only now may it be promised."""

    urgent: Urgent


@dataclass(frozen=True, slots=True)
class LeaseUnwritten:
    """An urgent message waits, though it could not be written down."""

    urgent: Urgent


@dataclass(frozen=True, slots=True)
class LeaseResumed:
    """An urgent message was open when the exchange before us ended; `owner` is empty if it was
    nobody's."""

    urgent: Urgent
    owner: str


@dataclass(frozen=True, slots=True)
class LeaseOwned:
    """It is written whose an urgent message is."""

    lease: str
    person: str


@dataclass(frozen=True, slots=True)
class LeaseClosed:
    """It is written that an urgent message has been seen to, by whom and how."""

    lease: str
    by: str
    how: str


class TalkKey(StrEnum):
    """What a telephone keys of a recording while it talks."""

    RECORD = "record"  # begin, stop, begin again
    CARD = "card"  # pause while a card number is spoken, and go on


@dataclass(frozen=True, slots=True)
class TalkKeyed:
    """The agent keyed it."""

    call: str
    key: TalkKey


@dataclass(frozen=True, slots=True)
class Tapped:
    """A talk is being listened to, by this leg."""

    tap: str


@dataclass(frozen=True, slots=True)
class TapEnded:
    """The leg that listened is gone, or never came."""

    tap: str
    reason: str


@dataclass(frozen=True, slots=True)
class PartFailed:
    """What is being recorded of a talk cannot be kept."""

    tap: str
    reason: str


RecordingEvent = TalkKeyed | Tapped | TapEnded | PartFailed
TalkEvent = Transferred | Held | Resumed | Parked
CallEvent = (
    CallArrived
    | ToneHeard
    | KeyBegan
    | KeyEnded
    | DigitPressed
    | PromptEnded
    | SpeechEnded
    | NobodySpoke
    | LineSaid
    | RecordingKept
    | RecordingFailed
    | RequestKept
    | RequestFailed
    | IdentityChecked
    | CallerLeft
    | AudioLost
    | Joined
    | JoinFailed
    | CameBack
    | FellToFailsafe
    | SentOn
    | TalkEvent
    | TicketOpened
    | TicketFailed
)
TicketEvent = TicketTried | TicketClosed
OutwardEvent = CalledOut | CallOutEnded
WordsEvent = WordsKept | WordsFailed
BoxEvent = BoxOpened | LeftMarked | LeftCalled
LeaseEvent = LeaseOpened | LeaseUnwritten | LeaseResumed | LeaseOwned | LeaseClosed
OfferEvent = OfferRang | OfferAccepted | OfferPickedUp | OfferEnded
DutyEvent = AgentPaused | AgentResumed | AgentSignedOut | AgentSignedIn
AgentEvent = DutyEvent | AgentWrappedUp
Event = (
    CallEvent
    | OutwardEvent
    | LeaseEvent
    | PinChecked
    | WordsEvent
    | BoxEvent
    | TicketEvent
    | OfferEvent
    | RecordingEvent
    | AgentEvent
    | PhoneChanged
    | PhonesWatched
    | PlanAdopted
    | HoursSwitched
    | ClockJudged
    | DeskSet
)
