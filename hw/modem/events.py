"""What a modem tells, in the past tense. Their texts and numbers are a caller's: whoever logs an
event logs its kind, as `repr` does, which leaves them out.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hw.modem.commands import Slot
from hw.modem.pdu import Delivery


class Stand(StrEnum):
    """How the modem stands, the first that holds."""

    ABSENT = "absent"  # no such port, or nobody answers on it
    WAKING = "waking"
    SIM_MISSING = "SIM missing"
    PIN_NEEDED = "PIN needed"  # none was given, or a try of it is too dear
    PIN_WRONG = "PIN wrong"
    PUK_NEEDED = "PUK needed"
    SEARCHING = "searching"
    DENIED = "denied"
    HOME = "registered"
    ROAMING = "roaming"


REGISTERED = (Stand.HOME, Stand.ROAMING)


class Ending(StrEnum):
    """Why a call is over."""

    HUNG_UP = "hung up"  # by us or by the other side
    BUSY = "busy"
    UNANSWERED = "unanswered"
    REFUSED = "refused"  # by the modem or by the network, before it rang
    LOST = "lost"  # the modem went away with it


@dataclass(frozen=True, slots=True)
class StandChanged:
    """How the modem stands now."""

    stand: Stand


@dataclass(frozen=True, slots=True)
class SignalChanged:
    """The strength received in dBm, or None where the modem cannot tell."""

    dbm: int | None


@dataclass(frozen=True, slots=True)
class Ringing:
    """A call comes in; without a number where the caller hides it."""

    call: str
    number: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Alerting:
    """The telephone we called rings."""

    call: str


@dataclass(frozen=True, slots=True)
class Connected:
    """Both sides can speak; the voice flows on the PCM port."""

    call: str


@dataclass(frozen=True, slots=True)
class VoiceRefused:
    """The call stands, but the modem gives no voice of it: nobody hears the other."""

    call: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """It is over, and nothing more is told of it."""

    call: str
    ending: Ending


@dataclass(frozen=True, slots=True)
class DigitHeard:
    """The other side pressed a key, as the modem's own detector heard it."""

    call: str
    digit: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SmsCame:
    """A text came, joined from its parts; `missing` are the numbers of those that never did. The
    same one is told again after a restart until it is kept."""

    slots: tuple[Slot, ...]
    number: str = field(repr=False)
    at: datetime | None
    text: str = field(repr=False)
    missing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SmsUnreadable:
    """Something lies in the modem that is no message we can read: its PDU, as it is."""

    slots: tuple[Slot, ...]
    pdu: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SmsSent:
    """The network took it, each part under a reference, in their order; None for one that the
    modem did not name."""

    sms: str
    references: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class SmsRefused:
    """It did not go out; `sent_parts` of a longer one did. `code` is +CMS ERROR's (TS 27.005,
    3.2.5) or +CME ERROR's, None where the modem was not there to ask."""

    sms: str
    code: int | None
    sent_parts: int = 0


@dataclass(frozen=True, slots=True)
class SmsUnsure:
    """It was given to the modem, which never said what became of it: it may have gone out."""

    sms: str


@dataclass(frozen=True, slots=True)
class ReportCame:
    """A delivery report. `sms` is the name it was sent under, or None where this driver did not
    send it since it started: then number and reference find it."""

    slots: tuple[Slot, ...]
    sms: str | None
    reference: int
    number: str = field(repr=False)
    delivery: Delivery
    status: int  # as the network has it, 3GPP TS 23.040, 9.2.3.15
    at: datetime | None


@dataclass(frozen=True, slots=True)
class StorageFilled:
    """The modem holds as many messages as it can, and the network keeps the next."""

    memory: str


Event = (
    StandChanged
    | SignalChanged
    | Ringing
    | Alerting
    | Connected
    | VoiceRefused
    | CallEnded
    | DigitHeard
    | SmsCame
    | SmsUnreadable
    | SmsSent
    | SmsRefused
    | SmsUnsure
    | ReportCame
    | StorageFilled
)
