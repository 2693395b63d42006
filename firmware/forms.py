"""The forms of the site file: what may stand in each section, and how it becomes a part of the
plan.

A field's description is the cure that whoever errs there is told, so each says what to write. Names
and labels hold nothing that Asterisk's configuration gives a meaning to.
"""

from collections.abc import Mapping, Sequence
from datetime import date, time
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from firmware import cards, providers
from ivr import plan
from ivr.plan import FLOW_PREFIX, Urgency

DEFAULT_EMERGENCY_NUMBERS = ["911", "9911", "112"]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

WORD = r"[a-z][a-z0-9-]{0,39}"
# Letters of any script and digits, with the punctuation of names and addresses that Asterisk gives
# no meaning to.
LABEL = r"[^\W_](?:[\w .'/+-]{0,78}[\w.'])?"

Word = Annotated[
    str,
    Field(
        pattern=f"^{WORD}$",
        description="a name of up to 40 small letters, digits and dashes, a letter first",
    ),
]
Label = Annotated[
    str,
    Field(
        pattern=f"^{LABEL}$",
        description="up to 80 letters, digits, spaces and . ' / + - (a letter or digit first)",
    ),
]
Extension = Annotated[
    str,
    Field(
        pattern="^[0-9]{2,6}$", description='an extension of 2 to 6 digits in quotes, like "101"'
    ),
]
Number = Annotated[
    str,
    Field(
        pattern=r"^\+?[0-9]{2,20}$", description='a number of digits in quotes, like "2025550100"'
    ),
]
Digits = Annotated[
    str, Field(pattern="^[0-9]{0,8}$", description='up to 8 digits in quotes, or "" for none')
]
Key = Annotated[str, Field(pattern="^[0-9*#]$", description="one key: 0 to 9, * or #")]
Host = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$",
        description="a host name or an IPv4 address",
    ),
]
NET = r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:/(?:2[0-9]|3[0-2]))?"


def _net(text: str) -> str:
    ip_network(text)  # ValueError: there is no such one
    return text


Net = Annotated[
    str,
    Field(
        pattern=f"^{NET}$",
        description='an address or a net in quotes, like "192.0.2.10" or "192.0.2.0/28"',
    ),
    AfterValidator(_net),
]
Username = Annotated[
    str,
    Field(pattern="^[A-Za-z0-9._+-]{1,64}$", description="up to 64 letters, digits and . _ + -"),
]
Target = Annotated[
    str,
    Field(
        pattern=f"^({FLOW_PREFIX})?{WORD}$",
        description=f'a node of this flow, or "{FLOW_PREFIX}NAME" for another flow',
    ),
]
Words = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1000,
        # No control characters, and none that turn round what stands beside them.
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]*$",
        description="the words to speak, at most 1000 characters, in one line",
    ),
]
TimeZone = Annotated[
    str, Field(max_length=64, description='a time zone by its place, like "America/New_York"')
]
OpenTimes = Annotated[
    str,
    Field(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
        description='an open time like "08:00-17:00", closing at "24:00" at the latest',
    ),
]


def _some(thing: str, most: int) -> Any:
    return Field(min_length=1, max_length=most, description=f"a list of 1 to {most} {thing}")


def _seconds(least: int, most: int) -> Any:
    return Field(
        strict=True, ge=least, le=most, description=f"a number of seconds from {least} to {most}"
    )


def _count(least: int, most: int) -> Any:
    return Field(
        strict=True, ge=least, le=most, description=f"a whole number from {least} to {most}"
    )


class Strict(BaseModel):
    """A form that admits no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AddressForm(Strict):
    """Where the clinic stands, told to an emergency centre with each phone's floor and room."""

    country: Annotated[
        str, Field(pattern="^[A-Z]{2}$", description='a country by its ISO 3166 code, like "US"')
    ]
    state: Label
    county: Label | None = None
    city: Label
    street: Label
    house_number: Label
    postcode: Label

    def address(self) -> plan.Address:
        return plan.Address(
            country=self.country,
            state=self.state,
            city=self.city,
            street=self.street,
            house_number=self.house_number,
            postcode=self.postcode,
            county=self.county or "",
        )


class ClinicForm(Strict):
    name: Label
    timezone: TimeZone
    language: Word = "en"
    parking: Extension = plan.Parking().number
    front_desk: Annotated[list[Extension], _some("extensions", 20)]
    emergency_numbers: Annotated[list[Extension], _some("emergency numbers", 10)] = (
        DEFAULT_EMERGENCY_NUMBERS
    )
    phones_tls: Annotated[bool, Field(strict=True, description="true or false")] = False
    address: Annotated[
        AddressForm | None,
        Field(
            description="a table [clinic.address] of country, state, city, street, house_number and"
            " postcode, and of county where there is one"
        ),
    ] = None


SIP_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}  # RFC 3261, 19.1.2
HT813_PORT = 5062  # of its FXO port, as it comes (HT813 Administration Guide)


class CardForm(Strict):
    """A telephone card, which DAHDI drives: for those who know it."""

    kind: Annotated[
        Literal["fxo", "t1", "e1", "bri", "bri-ptp"],
        Field(description='"fxo", "t1", "e1", "bri" or "bri-ptp"'),
    ] = "fxo"
    channels: cards.Channels
    group: Annotated[int, _count(1, 31)] = 1
    span: Annotated[int, _count(1, 64)] = 1
    signalling: Annotated[
        Literal["kewl-start", "loop-start"], Field(description='"kewl-start" or "loop-start"')
    ] = "kewl-start"
    switch: Annotated[
        Literal["national", "ni1", "dms100", "4ess", "5ess", "euroisdn", "qsig"] | None,
        Field(description='"national", "ni1", "dms100", "4ess", "5ess", "euroisdn" or "qsig"'),
    ] = None
    caller_id: Annotated[
        Literal["bell", "v23", "v23-polarity", "dtmf"] | None,
        Field(description='"bell", "v23", "v23-polarity" or "dtmf"'),
    ] = None
    echo: Annotated[
        Literal["mg2", "kb1", "oslec", "off"],
        Field(description='"mg2", "kb1", "oslec" or "off"'),
    ] = "mg2"
    zone: cards.Zone | None = None

    def card(self, ports: Sequence[str], silence_s: int) -> plan.Card:
        first, last = cards.range_of(self.channels)
        return plan.Card(
            plan.CardKind(self.kind),
            first,
            last,
            self.group,
            self.span,
            self.signalling,
            self.switch or "",
            self.caller_id or "",
            self.echo,
            self.zone or "",
            tuple(ports),
            silence_s,
        )


class TrunkForm(Strict):
    provider: Annotated[
        providers.Name | None,
        Field(description=f"one of {', '.join(providers.PROVIDERS)}"),
    ] = None
    host: Host | None = None
    port: Annotated[int, _count(1, 65535)] | None = None
    username: Username | None = None
    registers: Annotated[bool, Field(strict=True, description="true or false")] = False
    emergency: Annotated[bool, Field(strict=True, description="true or false")] = True
    transport: Annotated[
        Literal["udp", "tcp", "tls"], Field(description='"udp", "tcp" or "tls"')
    ] = "udp"
    srtp: Annotated[
        Literal["none", "optional", "required"],
        Field(description='"none", "optional" or "required"'),
    ] = "none"
    number_format: Annotated[
        Literal["as-dialled", "e164", "+e164"] | None,
        Field(description='"as-dialled", "e164" or "+e164"'),
    ] = None
    country_code: Annotated[
        str,
        Field(pattern="^[1-9][0-9]{0,2}$", description='a country\'s code in quotes, like "1"'),
    ] = "1"
    calls_from: Annotated[
        list[Net], Field(max_length=20, description="a list of up to 20 addresses or nets")
    ] = []
    shown_in: Annotated[
        Literal["account", "caller", "name"] | None,
        Field(description='"account", "caller" or "name"'),
    ] = None
    gateway: Annotated[
        Literal["ht813", "gxw4104", "gxw4108", "generic"] | None,
        Field(description='"ht813", "gxw4104", "gxw4108" or "generic"'),
    ] = None
    ports: Annotated[
        list[Number], Field(max_length=64, description="a list of up to 64 numbers")
    ] = []
    silence_s: Annotated[int, _seconds(0, 7200)] = 3600
    card: Annotated[
        CardForm | None,
        Field(description='a table like { kind = "fxo", channels = "1-4" }'),
    ] = None

    def gateway_of(self) -> plan.Gateway | None:
        """None: the trunk leads to a telephone company."""
        if self.gateway is None:
            return None
        kind = plan.GatewayKind(self.gateway)
        return plan.Gateway(kind, tuple(self.ports), self.silence_s)

    def trunk(self, name: str) -> plan.Trunk:
        usual = providers.PROVIDERS.get(self.provider) if self.provider else None
        signs_in = usual is not None and usual.registers and self.username is not None
        return plan.Trunk(
            name,
            self.host or (usual.host if usual else ""),
            self.port or (HT813_PORT if self.gateway == "ht813" else SIP_PORTS[self.transport]),
            self.username,
            self.registers or signs_in,
            self.emergency,
            plan.Transport(self.transport),
            plan.Encrypted(self.srtp),
            plan.NumberFormat(
                self.number_format or (usual.number_format if usual else "as-dialled")
            ),
            self.country_code,
            plan.ShownIn(self.shown_in or (usual.shown_in if usual else "account")),
            tuple(self.calls_from),
            self.gateway_of(),
            self.card.card(self.ports, self.silence_s) if self.card else None,
        )


class RecordedForm(Strict):
    """Of a line or a queue: whether talks are recorded."""

    record: Annotated[
        Literal["always", "on-request", "never"] | None,
        Field(description='"always", "on-request" or "never"'),
    ] = None
    consent: Annotated[
        Literal["announce", "key", "none"], Field(description='"announce", "key" or "none"')
    ] = "announce"
    recordings: Word | None = None

    def recording(self) -> plan.Recording | None:
        """None: nothing is said of it here."""
        if self.record is None:
            return None
        how = plan.Consent(self.consent)
        return plan.Recording(plan.Recorded(self.record), how, self.recordings or "")


class LineForm(RecordedForm):
    trunk: Word | None = None
    modem: Word | None = None
    numbers: Annotated[list[Number], _some("numbers", 200)]
    flow: Word | None = None
    phone: Extension | None = None
    language: Word | None = None
    medical: Annotated[bool, Field(strict=True, description="true or false")] = False
    quiet_h: Annotated[
        int, Field(strict=True, ge=0, le=1000, description="a whole number from 0 to 1000")
    ] = 12

    def line(self, name: str, language: str) -> plan.Line:
        numbers = tuple(self.numbers)
        spoken = self.language or language
        leads_to = self.flow or ""
        return plan.Line(
            name,
            self.trunk or "",
            numbers,
            leads_to,
            spoken,
            self.medical,
            phone=self.phone,
            recording=self.recording(),
            modem=self.modem or "",
            quiet_h=self.quiet_h,
        )


# A skill's level, of an agent or asked for at worst.
Level = Annotated[int, Field(ge=1, le=9, description="a level from 1, the best, to 9")]
Skills = Annotated[
    dict[Word, Level],
    Field(max_length=16, description="up to 16 skills with levels: { spanish = 1 }"),
]


class PhoneForm(Strict):
    name: Label
    location: Label
    callback: Number
    floor: Label | None = None
    room: Label | None = None
    skills: Skills = {}
    mailbox: Word | None = None
    secure: Annotated[bool, Field(strict=True, description="true or false")] = False
    browser: Annotated[bool, Field(strict=True, description="true or false")] = False
    fax: Annotated[bool, Field(strict=True, description="true or false")] = False

    def phone(self, extension: str, all_secure: bool) -> plan.Phone:
        return plan.Phone(
            extension,
            self.name,
            self.location,
            self.callback,
            self.skills,
            self.mailbox,
            self.floor or "",
            self.room or "",
            (self.secure or all_secure) and not self.browser,
            self.browser,
            self.fax,
        )


class DialRuleForm(Strict):
    prefix: Digits = ""
    starts: Digits = ""
    digits: Annotated[int, _count(2, 20)]
    trunk: Word | None = None
    otherwise: Annotated[
        list[Word], Field(max_length=5, description="a list of up to 5 trunks, the next one first")
    ] = []
    modem: Word | None = None
    shows: Number

    def rule(self) -> plan.DialRule:
        trunk, modem = self.trunk or "", self.modem or ""
        others = tuple(self.otherwise)
        return plan.DialRule(
            self.prefix, self.starts, self.digits, trunk, self.shows, modem, others
        )


class MailboxForm(Strict):
    members: Annotated[list[Word], _some("people", 50)]
    lamps: Annotated[
        list[Extension], Field(max_length=50, description="a list of up to 50 extensions")
    ] = []
    number: Extension | None = None

    def mailbox(self, name: str) -> plan.Mailbox:
        return plan.Mailbox(name, tuple(self.members), tuple(self.lamps), self.number)


DayTimes = Annotated[
    list[OpenTimes], Field(max_length=12, description='a list like ["08:00-12:00", "13:00-17:00"]')
]


TimeOfDay = Annotated[
    str,
    Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description='a time in quotes, like "15:00"'),
]
Day = Annotated[date, Field(strict=True, description="a date without quotes: 2026-12-25")]
YearlyDay = Annotated[
    str,
    Field(
        pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
        description='a day of every year in quotes, like "12-24"',
    ),
]
SomeDay = Annotated[
    Day | YearlyDay,
    Field(
        description="a date without quotes, like 2026-12-24, or a day of every year in quotes, like"
        ' "12-24"'
    ),
]
CALENDAR_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}\.ics"
CalendarFile = Annotated[
    str,
    Field(
        pattern=f"^{CALENDAR_NAME}$",
        description='a file beside this one, like "closures.ics"',
    ),
]


class ExceptionForm(Strict):
    """Days that are not as the week has them. Which days, `first_and_last` says, once it is known
    that they are written rightly."""

    name: Label
    on: SomeDay | None = None
    since: Annotated[SomeDay | None, Field(alias="from")] = None
    to: SomeDay | None = None
    open: DayTimes = []
    opens: TimeOfDay | None = None
    closes: TimeOfDay | None = None
    say: Word | None = None

    def rule(self) -> plan.DayRule:
        return _rule(self, self.name)

    def ends(self) -> tuple[date | str | None, date | str | None]:
        """The first day and the last, as far as they are written."""
        return (self.since, self.to) if self.on is None else (self.on, self.on)


class HolidayForm(Strict):
    """What a holiday means here. Not observed: a day like any other."""

    observed: Annotated[bool, Field(strict=True, description="true or false")] = True
    open: DayTimes = []
    opens: TimeOfDay | None = None
    closes: TimeOfDay | None = None
    say: Word | None = None

    def rule(self, name: str) -> plan.DayRule:
        return _rule(self, name)


def _rule(form: ExceptionForm | HolidayForm, name: str) -> plan.DayRule:
    opens, closes = (time.fromisoformat(at) if at else None for at in (form.opens, form.closes))
    return plan.DayRule(name, tuple(map(_times, form.open)), closes, form.say, opens)


class HolidaysForm(Strict):
    """Where the holidays are of; the days that are told otherwise are admitted one by one."""

    country: Annotated[
        str,
        Field(pattern="^[A-Z]{2}$", description='a country by its ISO 3166 code, like "US"'),
    ]
    subdivision: Annotated[
        str | None,
        Field(
            pattern="^[A-Z0-9]{1,3}$",
            description='a state or province by its ISO 3166-2 code, like "NY"',
        ),
    ] = None


class HoursForm(Strict):
    """A schedule but for its exceptions, which are admitted one by one."""

    mon: DayTimes = []
    tue: DayTimes = []
    wed: DayTimes = []
    thu: DayTimes = []
    fri: DayTimes = []
    sat: DayTimes = []
    sun: DayTimes = []
    closed: Annotated[
        list[Day],
        Field(max_length=1000, description="a list of dates without quotes, like [2026-12-25]"),
    ] = []

    lunch: Annotated[
        OpenTimes | None, Field(description='the time it is closed at noon: "12:00-13:00"')
    ] = None
    holidays: Annotated[bool, Field(strict=True, description="true or false")] = True
    calendars: Annotated[
        list[CalendarFile],
        Field(max_length=10, description='a list of up to 10 files like ["closures.ics"]'),
    ] = []

    def hours(self, name: str) -> plan.Hours:
        """But for holidays and calendars, which take more than this form."""
        spans = tuple(
            _span(weekday, times)
            for weekday, day in enumerate(WEEKDAYS)
            for times in getattr(self, day)
        )
        closed = tuple(
            plan.Exceptional(plan.Dates(day, day), plan.DayRule("")) for day in self.closed
        )
        return plan.Hours(name, spans, _times(self.lunch) if self.lunch else None, closed)


def _span(weekday: int, written: str) -> plan.Span:
    times = _times(written)
    return plan.Span(weekday, times.opens, times.closes)


def _times(written: str) -> plan.Times:
    opens, closes = written.split("-")
    midnight = time(0) if closes == "24:00" else time.fromisoformat(closes)
    return plan.Times(time.fromisoformat(opens), midnight)


UrgencyWord = Annotated[
    Literal["emergency", "urgent", "soon", "routine"],
    Field(description='"emergency", "urgent", "soon" or "routine"'),
]


class RelaxForm(Strict):
    after_s: Annotated[float, _seconds(1, 3600)]
    needs: Skills

    def rule(self) -> plan.Relaxing:
        return plan.Relaxing(self.after_s, self.needs)


class CallBacksForm(Strict):
    hours: Word
    tries: Annotated[int, _count(2, 10)] = 3
    again_s: Annotated[float, _seconds(60, 7200)] = 600
    within_h: Annotated[float, Field(strict=True, ge=1, le=336, description="hours, 1 to 336")] = 72
    ring_s: Annotated[float, _seconds(10, 120)] = 30

    def callbacks(self) -> plan.CallBacks:
        return plan.CallBacks(
            self.hours, self.tries, self.again_s, self.within_h * 3600, self.ring_s
        )


class QueueForm(RecordedForm):
    agents: Annotated[list[Extension], _some("extensions", 100)]
    urgency: UrgencyWord = "routine"
    target_s: Annotated[float, _seconds(1, 3600)] = 20
    offer_s: Annotated[float, _seconds(5, 120)] = 20
    rest_s: Annotated[float, _seconds(0, 600)] = 20
    announce_s: Annotated[float, _seconds(10, 600)] = 45
    wrap_up_s: Annotated[float, _seconds(0, 600)] = 0
    misses: Annotated[int, _count(0, 20)] = 3
    says: Annotated[
        list[Literal["place", "wait"]],
        Field(max_length=2, description='of "place" and "wait", or an empty list'),
    ] = ["place"]
    survey: Annotated[bool, Field(strict=True, description="true or false")] = False
    needs: Skills = {}
    relaxes: Annotated[
        list[RelaxForm],
        Field(
            max_length=3,
            description="up to 3 rules, levels from 1, the best, to 9:"
            " [{ after_s = 60, needs = { spanish = 3 } }]",
        ),
    ] = []
    number: Extension | None = None
    whisper: Word | None = None
    callbacks: Annotated[
        CallBacksForm | None,
        Field(
            description='a table like { hours = "office" }, of hours, tries (2 to 10), again_s (60'
            " to 7200), within_h (1 to 336), ring_s (10 to 120)"
        ),
    ] = None

    def queue(self, name: str) -> plan.Queue:
        return plan.Queue(
            name,
            tuple(self.agents),
            Urgency[self.urgency.upper()],
            self.target_s,
            self.offer_s,
            self.rest_s,
            self.announce_s,
            self.wrap_up_s,
            self.needs,
            tuple(rule.rule() for rule in self.relaxes),
            self.misses,
            tuple(map(plan.Announced, self.says)),
            self.survey,
            self.number,
            self.whisper,
            self.callbacks.callbacks() if self.callbacks else None,
            self.recording(),
        )


Prompts = Annotated[list[Word], _some("prompts", 20)]


class NodeStrict(Strict):
    """Of a node: what whoever wrote it wants the next one to know. No caller hears it."""

    note: Annotated[
        str,
        Field(
            max_length=300,
            pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$",
            description="a note of up to 300 characters, in one line",
        ),
    ] = ""


class SayForm(NodeStrict):
    kind: Literal["say"]
    prompts: Prompts
    next: Target

    def node(self) -> plan.Say:
        return plan.Say(tuple(self.prompts), self.next)


class MenuForm(NodeStrict):
    kind: Literal["menu"]
    prompts: Prompts
    choices: Annotated[
        dict[Key, Target],
        Field(min_length=1, max_length=12, description='keys with their targets: { 1 = "nurse" }'),
    ]
    timeout_s: Annotated[float, _seconds(1, 30)] = 5
    tries: Annotated[int, _count(1, 5)] = 2
    otherwise: Target
    wrong: Word = "wrong-key"
    about: Annotated[
        dict[Key, Word],
        Field(max_length=12, description='keys with prompts for the agent: { 3 = "about-refill" }'),
    ] = {}

    def node(self) -> plan.Menu:
        return plan.Menu(
            tuple(self.prompts),
            dict(self.choices),
            self.timeout_s,
            self.tries,
            self.otherwise,
            self.wrong,
            dict(self.about),
        )


class HoursForkForm(NodeStrict):
    kind: Literal["hours"]
    hours: Word
    open: Target
    closed: Target
    lunch: Target | None = None
    holiday: Target | None = None

    def node(self) -> plan.HoursFork:
        return plan.HoursFork(self.hours, self.open, self.closed, self.lunch, self.holiday)


class OverflowForm(Strict):
    to: Target
    after_s: Annotated[float, _seconds(1, 7200)] | None = None
    place_over: Annotated[int, _count(1, 1000)] | None = None
    per_agent: (
        Annotated[float, Field(gt=0, le=100, description="callers for each agent")] | None
    ) = None
    no_agent: Annotated[bool, Field(strict=True, description="true or false")] = False
    closed: Word | None = None

    def rule(self) -> plan.Overflow:
        return plan.Overflow(
            self.to, self.after_s, self.place_over, self.per_agent, self.no_agent, self.closed
        )


class EnqueueForm(NodeStrict):
    kind: Literal["queue"]
    queue: Word
    patience_s: Annotated[float, _seconds(5, 7200)]
    otherwise: Target
    urgency: UrgencyWord | None = None
    escape: Key | Literal[""] = "0"
    also: Annotated[list[Word], Field(max_length=3, description="a list of up to 3 queues")] = []
    overflow: Annotated[
        list[OverflowForm],
        Field(
            max_length=6,
            description='up to 6 rules like [{ place_over = 8, to = "nurse" }], of to and after_s'
            " (1 to 7200), place_over (from 1), per_agent (above 0), no_agent = true, closed",
        ),
    ] = []

    callback: Target | None = None
    callback_key: Annotated[
        str, Field(pattern="^[1-9]$", description='one key in quotes, "1" to "9"')
    ] = "1"

    def node(self) -> plan.Enqueue:
        urgency = Urgency[self.urgency.upper()] if self.urgency else None
        escape = self.escape or None
        return plan.Enqueue(
            self.queue,
            self.patience_s,
            self.otherwise,
            urgency,
            escape,
            tuple(self.also),
            tuple(rule.rule() for rule in self.overflow),
            self.callback,
            self.callback_key,
        )


class RingForm(NodeStrict):
    kind: Literal["ring"]
    phones: Annotated[list[Extension], _some("extensions", 20)]
    for_s: Annotated[float, _seconds(5, 120)]
    otherwise: Target

    def node(self) -> plan.Ring:
        return plan.Ring(tuple(self.phones), self.for_s, self.otherwise)


class OutsideForm(NodeStrict):
    kind: Literal["outside"]
    number: Number
    for_s: Annotated[float, _seconds(5, 120)]
    otherwise: Target
    prompts: Prompts = ["connecting-outside"]
    confirm: Annotated[bool, Field(strict=True, description="true or false")] = False

    def node(self) -> plan.RingOutside:
        said = tuple(self.prompts)
        return plan.RingOutside(self.number, self.for_s, self.otherwise, said, self.confirm)


class MessageForm(NodeStrict):
    kind: Literal["message"]
    mailbox: Word
    prompts: Prompts
    longest_s: Annotated[float, _seconds(5, 600)] = 180
    next: Target
    urgent: Annotated[bool, Field(strict=True, description="true or false")] = False
    oncall: Annotated[
        list[Word],
        Field(max_length=5, description='a list of layers of [oncall], like ["first", "second"]'),
    ] = []

    def node(self) -> plan.TakeMessage:
        return plan.TakeMessage(
            self.mailbox,
            tuple(self.prompts),
            self.longest_s,
            self.next,
            self.urgent or bool(self.oncall),
            tuple(self.oncall),
        )


class CallBackForm(NodeStrict):
    kind: Literal["callback"]
    queue: Word
    otherwise: Target

    def node(self) -> plan.CallBack:
        return plan.CallBack(self.queue, self.otherwise)


class GotoForm(NodeStrict):
    kind: Literal["goto"]
    target: Target

    def node(self) -> plan.Goto:
        return plan.Goto(self.target)


class HangupForm(NodeStrict):
    kind: Literal["hangup"]
    prompts: Annotated[
        list[Word], Field(max_length=20, description="a list of up to 20 prompts")
    ] = []

    def node(self) -> plan.Hangup:
        return plan.Hangup(tuple(self.prompts))


NodeForm = (
    SayForm
    | MenuForm
    | HoursForkForm
    | EnqueueForm
    | RingForm
    | OutsideForm
    | MessageForm
    | CallBackForm
    | GotoForm
    | HangupForm
)
NODE_FORMS: Mapping[str, type[NodeForm]] = {
    "say": SayForm,
    "menu": MenuForm,
    "hours": HoursForkForm,
    "queue": EnqueueForm,
    "ring": RingForm,
    "outside": OutsideForm,
    "message": MessageForm,
    "callback": CallBackForm,
    "goto": GotoForm,
    "hangup": HangupForm,
}


class FlowForm(Strict):
    """A flow but for its nodes, which are admitted one by one."""

    start: Word
    zero: Target | None = None
    language: Word | None = None


def cure_for(form: type[Strict], inside: Sequence[str | int]) -> str:
    """What belongs at a place of a form: an element's own description inside a list or table, else
    the field's."""
    found = form.model_fields.get(str(inside[0])) if inside else None
    if found is None:
        return "a table with its keys"
    element = _element_description(found.annotation)
    if len(inside) > 1 and element:
        return element
    return found.description or element or "another value"


def described(annotated: object) -> str:
    """The description of an annotated type; empty if it has none."""
    metadata = getattr(annotated, "__metadata__", ())
    return next((text for one in metadata if (text := getattr(one, "description", None))), "")


def _element_description(annotation: object) -> str:
    """The first description among the arguments of `list[...]`, `dict[...]` or a union."""
    arguments = getattr(annotation, "__args__", ())
    return next((text for argument in arguments if (text := described(argument))), "")
