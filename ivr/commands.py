"""Orders, in the imperative: what the call logic asks of the shell, which proves with
`assert_never` that it forgets none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ivr.asking import Answer
from ivr.form import RequestKind
from ivr.hours import Switch
from ivr.identity import Pair
from ivr.ticket import End, Ticket
from ivr.urgent import Urgent


class Next(StrEnum):
    """What the dialplan does once the engine lets go; unset means that we died, and the fail-safe
    takes over."""

    DONE = "done"
    AGAIN = "again"
    TALKED = "talked"
    SURVEY = "survey"


class Outcome(StrEnum):
    """How a call ended; every call ends in exactly one."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    SHORT_ABANDONED = "short_abandoned"
    CALLBACK = "callback"
    MESSAGE = "message"
    SELF_SERVED = "self_served"
    TRANSFERRED = "transferred"
    EMERGENCY = "emergency"
    BLOCKED = "blocked"
    FAILSAFE = "failsafe"


@dataclass(frozen=True, slots=True)
class Play:
    """Speak prompts one after another, in place of what is being spoken. Music, if on, pauses
    meanwhile."""

    call: str
    prompts: tuple[str, ...]
    language: str
    tag: int


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """Stop speech at once; its PromptEnded will not come."""

    call: str


@dataclass(frozen=True, slots=True)
class StartMusic:
    """Music whenever nothing is spoken."""

    call: str


@dataclass(frozen=True, slots=True)
class StopMusic:
    call: str


@dataclass(frozen=True, slots=True)
class Record:
    """Record the caller into a new sealed message; `tone` first, then the recording begins. One
    that is played back on the telephone is sealed for this machine too, for as long as it must."""

    call: str
    mailbox: str
    longest_s: float
    urgent: bool
    is_played_back: bool = False


@dataclass(frozen=True, slots=True)
class StopRecording:
    """End the recording; RecordingKept or RecordingFailed follows."""

    call: str


@dataclass(frozen=True, slots=True)
class Offer:
    """Ring one phone for a caller who goes on waiting. `ring_s` seconds at most."""

    offer: str
    call: str
    extension: str
    ring_s: float
    shows: str = ""  # on its display, where there is no caller yet


@dataclass(frozen=True, slots=True)
class CallOut:
    """Call somebody: a number outside, by the plan's dial rules, or an extension. Who answers is a
    leg in the engine, named as a call is. CalledOut or CallOutEnded follows; an emergency number is
    never called."""

    call: str
    number: str = field(repr=False)
    ring_s: float


@dataclass(frozen=True, slots=True)
class Withdraw:
    """End an offer, or a call of ours, that is no longer wanted; OfferEnded or CallOutEnded
    follows, or CallerLeft if it had been answered."""

    offer: str


@dataclass(frozen=True, slots=True)
class Cede:
    """Let go of an agent who has picked up, with nothing said: whoever has the caller now joins the
    two. Joined or OfferEnded follows."""

    offer: str


@dataclass(frozen=True, slots=True)
class Join:
    """Join the caller with the agent who accepted, or with one whom we called; Joined or JoinFailed
    follows. `then` is what comes next once the other lets go."""

    call: str
    offer: str
    then: Next = Next.TALKED


@dataclass(frozen=True, slots=True)
class KeepTicket:
    """Make a call-back durable; TicketOpened or TicketFailed follows."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class TryTicket:
    """Write down that the ticket's leg is about to be called, for whoever finds it after our death;
    TicketTried or TicketFailed follows."""

    ticket: str
    call: str
    leg: str


@dataclass(frozen=True, slots=True)
class CloseTicket:
    """Write down what became of a call-back."""

    ticket: str
    call: str
    end: End


@dataclass(frozen=True, slots=True)
class Release:
    """Set what comes next, wait until Asterisk has it, then let the caller's audio go."""

    call: str
    next: Next


@dataclass(frozen=True, slots=True)
class HangUp:
    """End a call whose caller has hung up already, and whose line does not tell Asterisk so;
    CallerLeft follows."""

    call: str


@dataclass(frozen=True, slots=True)
class LeadToFax:
    """Have Asterisk ring the clinic's fax machine for a caller that is one, and keep the call."""

    call: str
    extension: str


@dataclass(frozen=True, slots=True)
class SendOn:
    """Bring a caller who talks back into the engine, for a number inside; SentOn follows. Or, with
    `in_vain`, send a caller who waits to a number outside, as a telephone dials it: SentOn follows
    for the number `in_vain` if nobody answers there."""

    call: str
    number: str = field(repr=False)
    in_vain: str | None = None


@dataclass(frozen=True, slots=True)
class TellAway:
    """Tell a phone that its agent is paused for the calls it missed: its display keeps it."""

    extension: str


NO_CALL = ""  # of steps that belong to no call: what agents do


@dataclass(frozen=True, slots=True)
class Note:
    """A step of the call for the ledger: `step` is a word (`menu`, `digit`, `offer` …), `detail`
    its plain particulars, never a caller's number or name. A step of an agent belongs to NO_CALL,
    and its detail begins with the extension."""

    call: str
    step: str
    detail: str


@dataclass(frozen=True, slots=True)
class KeepRequest:
    """Keep what a caller asks for; RequestKept or RequestFailed of this tag follows. Answers and
    who it is are for nobody's log. Not whole: the caller has hung up before the end."""

    call: str
    tag: int
    kind: RequestKind
    answers: tuple[Answer, ...] = field(repr=False)
    patient: str | None = field(repr=False)
    due: datetime
    owner: str | None
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Identify:
    """Look up who knows both of these; IdentityChecked of this tag follows."""

    call: str
    tag: int
    pair: Pair


@dataclass(frozen=True, slots=True)
class Finish:
    """The call's one outcome."""

    call: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class PlayMessage:
    """Speak a recorded message, in place of what is being spoken; PromptEnded follows."""

    call: str
    message: str
    tag: int


@dataclass(frozen=True, slots=True)
class CheckPin:
    """Is this the person's PIN? PinChecked follows."""

    call: str
    person: str
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenLease:
    """Write that an urgent message is open, in place of others that the caller did not want;
    LeaseOpened or LeaseUnwritten follows."""

    urgent: Urgent
    older: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnLease:
    """Write that an urgent message is somebody's; LeaseOwned follows, unless it is another's."""

    lease: str
    person: str


@dataclass(frozen=True, slots=True)
class FreeLease:
    """Write that it is nobody's any more."""

    lease: str


@dataclass(frozen=True, slots=True)
class CloseLease:
    """Write that it has been seen to, and destroy the machine's own key to it; LeaseClosed
    follows."""

    lease: str
    by: str
    how: str


@dataclass(frozen=True, slots=True)
class SendNotice:
    """Tell people that they are being called, without a word of why."""

    lease: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckPins:
    """Whose PIN of these people's is it? PinChecked follows."""

    call: str
    people: tuple[str, ...]
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SwitchHours:
    """Open or close schedules by hand, all or none; None: as it is written. WordsKept or
    WordsFailed follows."""

    call: str
    switches: Mapping[str, Switch | None]


@dataclass(frozen=True, slots=True)
class SetGreeting:
    """What callers hear before a message for this telephone's owner; empty: the standard.
    WordsKept or WordsFailed follows."""

    call: str
    extension: str
    name: str


@dataclass(frozen=True, slots=True)
class OpenBox:
    """Is this the PIN of somebody who listens to the mailbox by telephone, and what is in it?
    BoxOpened follows."""

    call: str
    mailbox: str
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlayLeft:
    """Speak a message to who gave the PIN, in place of what is being spoken; PromptEnded
    follows."""

    call: str
    message: str
    tag: int
    person: str
    slowly: bool


@dataclass(frozen=True, slots=True)
class MarkLeft:
    """Write how a message stands in its mailbox; LeftMarked follows where it `is_told`."""

    call: str
    message: str
    mailbox: str
    person: str
    is_done: bool  # or heard
    is_told: bool


@dataclass(frozen=True, slots=True)
class CallLeft:
    """Have this telephone call whoever left a message, by the dial rules. LeftCalled
    follows, and then the call leaves the engine."""

    call: str
    message: str
    person: str


ListeningCommand = OpenBox | PlayLeft | MarkLeft | CallLeft


class Sound(StrEnum):
    """What both hear of a recording."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Tap:
    """Listen to a talk by a leg of its own; Tapped or TapEnded follows."""

    tap: str
    call: str


@dataclass(frozen=True, slots=True)
class Untap:
    """Listen no more."""

    tap: str


@dataclass(frozen=True, slots=True)
class RecordPart:
    """Record what the tap hears, sealed for a mailbox, until StopPart. PartFailed may follow."""

    tap: str
    call: str
    mailbox: str


@dataclass(frozen=True, slots=True)
class StopPart:
    """End the part; what comes next is a gap, or the end."""

    tap: str
    why: str


@dataclass(frozen=True, slots=True)
class SoundTone:
    """Let both who talk hear, by the tap, that the recording goes on, or has stopped."""

    tap: str
    sound: Sound


TalkCommand = Tap | Untap | RecordPart | StopPart | SoundTone
OwnWordsCommand = CheckPins | SwitchHours | SetGreeting
LeaseCommand = PlayMessage | CheckPin | OpenLease | OwnLease | FreeLease | CloseLease | SendNotice
Command = (
    Play
    | StopPlaying
    | StartMusic
    | StopMusic
    | Record
    | StopRecording
    | Offer
    | CallOut
    | Withdraw
    | Cede
    | Join
    | KeepTicket
    | TryTicket
    | CloseTicket
    | Release
    | KeepRequest
    | Identify
    | HangUp
    | LeadToFax
    | SendOn
    | TellAway
    | Note
    | Finish
    | LeaseCommand
    | OwnWordsCommand
    | ListeningCommand
    | TalkCommand
)
