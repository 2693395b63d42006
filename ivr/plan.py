"""The clinic as the call logic sees it: a frozen plan, already checked for form, with nothing left
to parse.

`firmware.settings` makes a plan from the site file; `ivr.check` proves it. Names refer to names: a
line names its flow, a queue its agents, a node the node that comes next in the same flow. Times of
day are local to the clinic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import IntEnum, StrEnum

from ivr.costly import is_barred
from ivr.form import RequestKind, RequestRule, TakeRequest
from ivr.identity import AskIdentity
from ivr.rota import Rota

# A flow's target may also name another flow: "flow:after-hours" starts it at its first node.
FLOW_PREFIX = "flow:"


class Urgency(IntEnum):
    """How soon a person must answer; a lower number is more urgent."""

    EMERGENCY = 0
    URGENT = 1
    SOON = 2
    ROUTINE = 3


class Transport(StrEnum):
    """By what a trunk signals."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class Encrypted(StrEnum):
    """Whether the talks of a trunk are, by SRTP."""

    NEVER = "none"
    WHERE_OFFERED = "optional"
    ALWAYS = "required"


class NumberFormat(StrEnum):
    """How a trunk is sent the numbers it calls, and the clinic's own."""

    AS_DIALLED = "as-dialled"
    E164 = "e164"
    PLUS_E164 = "+e164"


class ShownIn(StrEnum):
    """Where a trunk with a user name looks for the number that is shown to who is called. In
    P-Asserted-Identity it is always."""

    ACCOUNT = "account"  # nowhere else: From is the user name
    CALLER = "caller"  # in From
    NAME = "name"  # in From's display name


class GatewayKind(StrEnum):
    """What carries a trunk's analog lines to the box."""

    HT813 = "ht813"
    GXW4104 = "gxw4104"
    GXW4108 = "gxw4108"
    GENERIC = "generic"


@dataclass(frozen=True, slots=True)
class Gateway:
    """Analog lines (FXO): they tell a hang-up late, by a tone, or not at all."""

    kind: GatewayKind
    ports: tuple[str, ...] = ()  # the number of each port's line, from the first; empty: the lines'
    silence_s: int = 3600  # a caller of whom nothing is heard for so long has gone; 0: never


class CardKind(StrEnum):
    """What a telephone card in the box is plugged into."""

    FXO = "fxo"  # analog lines
    T1 = "t1"
    E1 = "e1"
    BRI = "bri"  # ISDN, point to multipoint
    BRI_PTP = "bri-ptp"  # ISDN, point to point


@dataclass(frozen=True, slots=True)
class Card:
    """Lines that come into the box itself, by a card that DAHDI drives. Its channels are counted
    through all cards of the box, as DAHDI counts them."""

    kind: CardKind
    first: int
    last: int
    group: int = 1  # by which it is dialled; no other card has it
    span: int = 1  # of ISDN
    signalling: str = "kewl-start"  # of analog lines; else "loop-start"
    switch: str = ""  # the company's, of ISDN; empty: the usual one
    caller_id: str = ""  # how an analog line tells who calls; empty: as the country does
    echo: str = "mg2"  # what takes away the echo; "off": nothing
    zone: str = ""  # of tones; empty: the country's
    ports: tuple[str, ...] = ()  # the number of each analog line, from the first
    silence_s: int = 3600  # as a gateway's

    @property
    def is_analog(self) -> bool:
        return self.kind is CardKind.FXO


@dataclass(frozen=True, slots=True)
class Trunk:
    """A connection to the telephone network. Its password, if it has one, lives with the site's
    secrets."""

    name: str
    host: str
    port: int
    username: str | None  # None: the trunk is known by its address
    registers: bool  # we register with it, rather than it knowing our address
    emergency: bool = True  # emergency calls may go by it
    transport: Transport = Transport.UDP
    srtp: Encrypted = Encrypted.NEVER  # whether its talks are encrypted
    numbers: NumberFormat = NumberFormat.AS_DIALLED  # how it is sent numbers
    country_code: str = "1"  # of numbers that are dialled without one
    shown_in: ShownIn = ShownIn.ACCOUNT
    calls_from: tuple[str, ...] = ()  # IPv4 addresses and nets from which calls come, beside `host`
    gateway: Gateway | None = None  # None: it leads to a telephone company
    card: Card | None = None  # None: it is reached by SIP


@dataclass(frozen=True, slots=True)
class Modem:
    """An LTE or GSM modem, by the lasting paths of its ports. Its SIM's PIN, if it has one, lives
    with the site's secrets."""

    name: str
    port: str
    voice: str


class Recorded(StrEnum):
    """Which talks are recorded."""

    ALWAYS = "always"
    ON_REQUEST = "on-request"  # from when the agent asks for it
    NEVER = "never"


class Consent(StrEnum):
    """How a caller comes to agree to be recorded."""

    ANNOUNCE = "announce"  # is told, and stays without pressing 2
    KEY = "key"  # presses 1
    NONE = "none"  # is not told


@dataclass(frozen=True, slots=True)
class Recording:
    """A rule for talks (ivr/recording.py). The mailbox says who may listen to them; empty where
    nothing is recorded."""

    when: Recorded
    consent: Consent = Consent.ANNOUNCE
    mailbox: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """An entrance for callers: the numbers dialled, and the flow that greets them."""

    name: str
    trunk: str
    numbers: tuple[str, ...]  # DIDs as the trunk sends them
    flow: str  # may be empty where a phone is given
    language: str
    is_medical: bool = False  # who stays silent here may be unable to speak
    phone: str | None = None  # callers come straight to this person's
    recording: Recording | None = None  # None: no talk, but by a queue's own rule
    modem: str = ""  # by which it comes, where `trunk` is empty
    quiet_h: int = 12  # without a call for so many open hours it is told to be dead; 0: never


@dataclass(frozen=True, slots=True)
class Phone:
    """A desk telephone. Location and call-back number are what an emergency centre is told (47 CFR
    9.16)."""

    extension: str
    name: str
    location: str
    callback: str
    skills: Mapping[str, int] = field(default_factory=dict)  # what who sits here can do; 1 is best
    mailbox: str | None = None  # takes messages where this phone does not answer
    floor: str = ""  # of the clinic's address, as an emergency centre is told it
    room: str = ""
    secure: bool = False  # signals by TLS and talks by SRTP, or not at all
    browser: bool = False  # is on the page, for whoever signs in there, and on no desk
    fax: bool = False  # a fax machine at an adapter (ATA): no person answers there

    @property
    def location_prompt(self) -> str:
        """The prompt that says where it stands."""
        return f"location-{self.extension}"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the clinic stands, by the elements of a civic address (RFC 5139, 3.1)."""

    country: str  # ISO 3166-1, two letters
    state: str  # A1
    city: str  # A3
    street: str  # RD
    house_number: str  # HNO
    postcode: str  # PC
    county: str = ""  # A2


@dataclass(frozen=True, slots=True)
class DialRule:
    """Which numbers phones may dial out: an optional prefix, taken off, then `digits` digits,
    through one trunk and if that fails through the others, or through one modem where `trunk` is
    empty."""

    prefix: str
    starts: str  # the number itself must start so; may be empty
    digits: int  # length of the number without the prefix
    trunk: str
    shows: str  # the clinic's number shown to the person called
    modem: str = ""
    otherwise: tuple[str, ...] = ()  # trunks, in the order in which they are tried

    @property
    def trunks(self) -> tuple[str, ...]:
        """All of them, the first one first."""
        return (self.trunk, *self.otherwise) if self.trunk else ()

    def dials(self, number: str) -> bool:
        """Whether it leads to a number, given without the prefix."""
        fits = len(number) == self.digits and number.startswith(self.starts)
        return fits and not is_barred(self.starts, self.digits, number)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where messages go; `members` are people who may open it, `lamps` the phones whose lamp it
    lights."""

    name: str
    members: tuple[str, ...]
    lamps: tuple[str, ...]
    number: str | None = None  # dialled at a desk, or transferred to


BY_EMAIL, BY_TEXT = "email", "text"  # ways to be told of messages


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be called, wherever they are; `label` is how people call them. Their
    numbers, an extension's among them, are tried in order and told to nobody."""

    name: str
    label: str
    numbers: tuple[str, ...] = field(repr=False)
    email: str = field(default="", repr=False)  # empty: no notices
    told_by: tuple[str, ...] = ()  # of messages in mailboxes of theirs; BY_EMAIL, BY_TEXT
    text: str = field(default="", repr=False)  # a mobile's number; empty: no texts


@dataclass(frozen=True, slots=True)
class Sms:
    """By which modem texts go and come, and how many may go on a day."""

    modem: str
    most_a_day: int = 100
    most_a_number: int = 5
    callbacks: bool = False  # whoever asks to be called back is told so by a text


@dataclass(frozen=True, slots=True)
class OutsideLimits:
    """How much telephones may call outside; emergency calls are never counted. A telephone that
    makes more than `tries` calls within ten minutes is stopped."""

    per_phone_a_day: int = 200
    per_number_a_day: int = 50
    at_once: int = 3  # from one telephone
    tries: int = 30
    tries_at_night: int = 10
    failing: int = 10  # calls within ten minutes to numbers that do not exist or refuse


@dataclass(frozen=True, slots=True)
class PowerSupply:
    """The UPS that a NUT server on this machine watches."""

    ups: str
    port: int
    stop_below_s: float  # of its battery; then calls may end, and the box is switched off
    finish_s: float


@dataclass(frozen=True, slots=True)
class WallPanel:
    """Lamps and a button on a board's port, or on a chip's pins where `board` is empty."""

    board: str
    chip: str
    lamps: Mapping[str, str]  # alarm, messages, closed -> terminal or pin
    button: str  # empty: none
    mailboxes: tuple[str, ...]  # whose new messages the lamp shows
    hours: str  # that are shown, and switched
    door: str = ""  # the terminal of its relay; empty: none
    door_s: float = 5.0  # it stands open for
    door_phones: tuple[str, ...] = ()  # that open it; empty: each of the clinic's
    door_code: str = field(default="", repr=False)  # keyed behind *35; empty: none is asked for


@dataclass(frozen=True, slots=True)
class Loudspeaker:
    """One that is plugged into the box; it is paged, and rings at night."""

    name: str
    device: str  # what it calls itself, or a part of that
    volume_db: int  # 0: as loud as a telephone
    bell: tuple[str, ...] = ()  # queues for whose callers it rings
    bell_hours: str = ""  # while these are closed; empty: always
    bell_phones: tuple[str, ...] = ()  # and while one of these rings for a caller


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where notices by e-mail are handed in. Its password, if it has one, lives with the site's
    secrets."""

    host: str
    port: int
    security: str  # "tls", "starttls" or "none"
    username: str | None
    sender: str
    admins: tuple[str, ...] = field(default=(), repr=False)  # who is told when the box is tried


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days each class is kept, at least; what has no number is kept for ever. And the
    room there is for recordings."""

    messages_days: int | None = None  # since somebody heard it
    requests_days: int | None = None  # since it was done
    ledger_days: int | None = None  # numbers and names of callers; the figures stay
    recordings_days: int | None = None  # since the talk
    audit_days: int | None = None
    by_hand: bool = True  # members may delete their messages
    most_bytes: int | None = None  # of recordings; None: all but the reserve
    reserve_bytes: int = 500_000_000  # of the disk, for the system itself


@dataclass(frozen=True, slots=True)
class Span:
    """An open time of one weekday (0 is Monday), from `opens` to before `closes`; 00:00 closes at
    the day's end."""

    weekday: int
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Times:
    """A part of a day, from `opens` to before `closes`; 00:00 closes at the day's end."""

    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Dates:
    """Days from the first to the last, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True, order=True)
class MonthDay:
    """A day of every year."""

    month: int
    day: int


@dataclass(frozen=True, slots=True)
class Yearly:
    """Days of every year from the first to the last, both included; across the year's end if the
    last comes before the first."""

    first: MonthDay
    last: MonthDay


@dataclass(frozen=True, slots=True)
class DayRule:
    """What holds on a day in the week's place: open at these times; or, given `opens` or `closes`,
    as the week has it, but no earlier and no later. `say` is spoken to callers while it is closed
    by this rule."""

    name: str
    times: tuple[Times, ...] = ()
    closes: time | None = None
    say: str | None = None
    opens: time | None = None

    @property
    def keeps_the_week(self) -> bool:
        """Whether the week's own spans hold, as far as this lets them."""
        return self.opens is not None or self.closes is not None


@dataclass(frozen=True, slots=True)
class Exceptional:
    """Days that are not as the week has them."""

    days: Dates | Yearly
    rule: DayRule


@dataclass(frozen=True, slots=True)
class Closure:
    """A part of a day for which a calendar closes a schedule."""

    name: str
    calendar: str
    times: Times


@dataclass(frozen=True, slots=True)
class Hours:
    """A named schedule: spans of the week, lunch cut out of them, and the days that are otherwise.
    Holidays and closures are here by their dates, however they were computed."""

    name: str
    spans: tuple[Span, ...]
    lunch: Times | None = None
    exceptions: tuple[Exceptional, ...] = ()
    holidays: Mapping[date, DayRule] = field(default_factory=dict)
    closures: Mapping[date, tuple[Closure, ...]] = field(default_factory=dict)


class Announced(StrEnum):
    """What a waiting caller may be told."""

    PLACE = "place"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Relaxing:
    """Who has waited so long needs these skills, each at this level or better, and no others."""

    after_s: float
    needs: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CallBacks:
    """How a queue calls people back: only while the schedule is open, trying so often, this far
    apart, and never later than so long after they asked."""

    hours: str
    tries: int = 3
    again_s: float = 600.0
    within_s: float = 72 * 3600.0
    ring_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Queue:
    """An ordered waiting room. Agents are extensions; times are seconds. An agent who lacks what is
    needed is offered nobody, until it is needed no more."""

    name: str
    agents: tuple[str, ...]
    urgency: Urgency
    target_s: float  # a caller should be answered within this
    offer_s: float  # how long one phone rings before the offer moves on
    rest_s: float  # how long a phone that stayed silent is left alone
    announce_s: float  # the position is said this often
    wrap_up_s: float = 0.0  # left to the agent after each talk
    needs: Mapping[str, int] = field(default_factory=dict)  # skill -> the worst level that will do
    relaxes: tuple[Relaxing, ...] = ()  # by rising times
    misses: int = 0  # offers in a row that ring for nothing pause an agent; 0: never
    says: tuple[Announced, ...] = (Announced.PLACE,)
    has_survey: bool = False  # after a talk the caller is asked how it was (ivr/survey.py)
    number: str | None = None  # dialled at a desk, or transferred to
    whisper: str | None = None  # spoken to the agent before the caller is joined
    callbacks: CallBacks | None = None  # None: nobody is called back
    recording: Recording | None = None  # None: as the line of the call has it

    @property
    def stages(self) -> tuple[Mapping[str, int], ...]:
        """What is needed at first, and after each rule."""
        return (self.needs, *(rule.needs for rule in self.relaxes))


@dataclass(frozen=True, slots=True)
class Say:
    """Speak prompts, then go on."""

    prompts: tuple[str, ...]
    next: str


@dataclass(frozen=True, slots=True)
class Menu:
    """Speak prompts and wait for one key; any key stops the speech."""

    prompts: tuple[str, ...]
    choices: Mapping[str, str]  # digit -> target
    timeout_s: float  # silence allowed after the prompts
    tries: int  # times the prompts are spoken in all
    otherwise: str  # after the last try
    wrong: str = "wrong-key"  # prompt after a key that means nothing
    about: Mapping[str, str] = field(default_factory=dict)  # digit -> prompt for the agent


@dataclass(frozen=True, slots=True)
class HoursFork:
    """Go one way while the schedule is open, another while it is closed; at lunch, and on days that
    are not as the week has them, another still, if it is given."""

    hours: str
    open: str
    closed: str
    lunch: str | None = None
    holiday: str | None = None


@dataclass(frozen=True, slots=True)
class Overflow:
    """A waiting caller goes to `to` once everything that is said here holds; None says nothing."""

    to: str
    after_s: float | None = None  # the caller has waited so long
    place_over: int | None = None  # the caller's place in line is beyond this
    per_agent: float | None = None  # up to this caller more wait than this for each agent there
    no_agent: bool = False  # nobody who could answer is there
    closed: str | None = None  # this schedule is closed


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Wait in a queue, at most `patience_s` seconds, then go to `otherwise`. Key 0 or `escape`
    leads there at once. Before that, the first rule of `overflow` that holds leads on."""

    queue: str
    patience_s: float
    otherwise: str
    urgency: Urgency | None = None  # None: the queue's own
    escape: str | None = "0"
    also: tuple[str, ...] = ()  # queues waited in at the same time; the first agent of any has it
    overflow: tuple[Overflow, ...] = ()
    callback: str | None = None  # where who would rather be called back is led by a key
    callback_key: str = "1"

    @property
    def queues(self) -> tuple[str, ...]:
        """All that the caller waits in."""
        return (self.queue, *self.also)


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring phones, all at once, for `for_s` seconds; the first to answer talks. Nobody:
    `otherwise`."""

    phones: tuple[str, ...]
    for_s: float
    otherwise: str


@dataclass(frozen=True, slots=True)
class RingOutside:
    """Say that somebody outside is called, then call the number, by the dial rules, for `for_s`
    seconds; who answers talks, and must press 1 first where that is to be confirmed, so that no
    machine takes a caller. Nobody, or no way there: `otherwise`."""

    number: str = field(repr=False)
    for_s: float
    otherwise: str
    prompts: tuple[str, ...] = ("connecting-outside",)
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """Speak a greeting, record a sealed message, say that it is kept, then go on."""

    mailbox: str
    prompts: tuple[str, ...]
    longest_s: float
    next: str
    urgent: bool = False
    oncall: tuple[str, ...] = ()  # layers whose people are called with it at once; none: nobody is


@dataclass(frozen=True, slots=True)
class CallBack:
    """Promise to call the caller back, who keeps the rank and hangs up. Who would rather not, or
    cannot be called, goes to `otherwise`."""

    queue: str
    otherwise: str


@dataclass(frozen=True, slots=True)
class SnowDay:
    """Who keys the PIN of one of these people records an announcement, and closes these schedules
    by hand; callers who come to one of them hear it."""

    people: tuple[str, ...]
    hours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnGreeting:
    """The owner of a telephone records what callers hear before a message for them."""

    extension: str


@dataclass(frozen=True, slots=True)
class ListenByPhone:
    """Who keys a PIN of one of its listeners hears what lies in a mailbox."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class Goto:
    """Go to a node of this flow or, as `flow:NAME`, to another flow."""

    target: str


@dataclass(frozen=True, slots=True)
class Hangup:
    """Speak prompts, if any, and end the call."""

    prompts: tuple[str, ...] = ()


Node = (
    Say
    | Menu
    | HoursFork
    | Enqueue
    | Ring
    | RingOutside
    | TakeMessage
    | TakeRequest
    | AskIdentity
    | CallBack
    | SnowDay
    | OwnGreeting
    | ListenByPhone
    | Goto
    | Hangup
)


@dataclass(frozen=True, slots=True)
class Flow:
    """The IVR program of a line: nodes by name, and the one it starts at. `zero` is where key 0
    leads from a menu that does not use it, so that a person is always one key away."""

    name: str
    start: str
    nodes: Mapping[str, Node]
    zero: str | None = None
    language: str | None = None  # spoken from here on; None: as before


@dataclass(frozen=True, slots=True)
class Parking:
    """Where callers are put for somebody to take up elsewhere: the number that parks, and behind
    it the slots, which are spoken and dialled."""

    number: str = "800"
    slots: int = 9
    longest_s: int = 120  # then the caller is back with who parked it

    @property
    def first(self) -> str:
        return self._slot(1)

    @property
    def last(self) -> str:
        return self._slot(self.slots)

    def _slot(self, place: int) -> str:
        return str(int(self.number) + place).zfill(len(self.number))

    def takes(self, number: str) -> bool:
        """Whether the number is one of parking's own."""
        is_alike = len(number) == len(self.number) and number.isdecimal()
        return is_alike and int(self.number) <= int(number) <= int(self.last)


@dataclass(frozen=True, slots=True)
class Blocking:
    """Callers who are asked before anybody is rung for them."""

    numbers: tuple[str, ...] = field(default=(), repr=False)
    asks_anonymous: bool = False  # those who show no number


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole clinic."""

    name: str
    timezone: str
    language: str
    front_desk: tuple[str, ...]  # rung first by the fail-safe, and told of emergency calls
    emergency_numbers: tuple[str, ...]
    trunks: Mapping[str, Trunk]
    lines: Mapping[str, Line]
    phones: Mapping[str, Phone]
    dial_rules: tuple[DialRule, ...]
    mailboxes: Mapping[str, Mailbox]
    hours: Mapping[str, Hours]
    queues: Mapping[str, Queue]
    flows: Mapping[str, Flow]
    texts: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # language -> prompt name -> words
    pronounced: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # language -> a word, as written -> as it is spelled to be said rightly
    people: Mapping[str, Person] = field(default_factory=dict)
    mail: MailServer | None = None  # None: nobody is told by e-mail
    rota: Rota | None = None  # None: nobody is ever on call
    requests: Mapping[RequestKind, RequestRule] = field(default_factory=dict)
    parking: Parking = Parking()
    blocking: Blocking = Blocking()
    retention: Retention = Retention()
    wrap_ups: Mapping[str, str] = field(default_factory=dict)  # digit -> what a talk was about
    pages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # number -> phones spoken to
    heard_at: Mapping[str, str] = field(default_factory=dict)  # of a page -> its loudspeaker
    speakers: Mapping[str, Loudspeaker] = field(default_factory=dict)
    address: Address | None = None  # None: no emergency centre is told it by the call itself
    modems: Mapping[str, Modem] = field(default_factory=dict)
    sms: Sms | None = None  # None: no texts go out, and those that come are told of
    power: PowerSupply | None = None  # None: the box has no UPS that it knows of
    panel: WallPanel | None = None
    outside: OutsideLimits = OutsideLimits()
    modem_only: str = ""  # who accepts, and since when, that emergency calls go by a modem alone
