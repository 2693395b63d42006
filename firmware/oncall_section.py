"""The sections of the site file that say who can be called when nobody is in: [people] and
[oncall].

The forms say what may stand there; the reading below them, what one form cannot see: that names
lead somewhere, and that no time ends before it begins. That nobody is on call at some time is no
fault of the file, and not asked here: `ivr.forewarn` tells it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated, Literal, Protocol, TypeVar, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from firmware.forms import WEEKDAYS, Label, Strict, Word
from firmware.toml_lines import Path
from ivr import plan
from ivr.rota import HOLIDAY, ByTurns, ByWeekday, Override, Period, Rota, Rotation, Swap, Window

THIS_MACHINE = ("127.0.0.1", "localhost")
LAYERS_MOST, ROTATIONS_MOST, AGREED_MOST = 5, 12, 500
TURN_DAYS = {"daily": 1, "weekly": 7}
# Which weekdays a word of `only` stands for.
DAYS = {
    **{day: (number,) for number, day in enumerate(WEEKDAYS)},
    "weekdays": (0, 1, 2, 3, 4),
    "weekend": (5, 6),
    "every-day": (0, 1, 2, 3, 4, 5, 6),
    "holidays": (HOLIDAY,),
}

_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
ClockTime = Annotated[
    str, Field(pattern=f"^{_CLOCK}$", description='a time of day in quotes, like "08:00"')
]


def _is_real(moment: str) -> str:
    datetime.fromisoformat(moment)  # raises ValueError on 30 February
    return moment


Moment = Annotated[
    str,
    Field(
        pattern=f"^20[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}} {_CLOCK}$",
        description='a day and time of the clinic in quotes, like "2026-12-24 17:00"',
    ),
    AfterValidator(_is_real),
]
DutyTimes = Annotated[
    str,
    Field(
        pattern=f"^{_CLOCK}-({_CLOCK}|24:00)$",
        description='a time like "17:00-08:00", which ends on the next day',
    ),
]
DayWord = Literal[
    "mon", "tue", "wed", "thu", "fri", "sat", "sun", "weekdays", "weekend", "every-day", "holidays"
]
WeekdayWord = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAY_WORDS: tuple[WeekdayWord, ...] = get_args(WeekdayWord)
Only = Annotated[
    dict[DayWord, Annotated[list[DutyTimes], Field(min_length=1, max_length=6)]],
    Field(
        default_factory=dict,
        description='days with times: { weekdays = ["17:00-08:00"], weekend = ["08:00-08:00"] };'
        f" days are {', '.join(DAYS)}",
    ),
]
Begins = Annotated[
    date,
    Field(
        strict=True,
        ge=date(2000, 1, 1),
        lt=date(2100, 1, 1),
        description="the day of the first turn without quotes: 2026-11-23",
    ),
]
Turn = Annotated[
    Literal["daily", "weekly"] | Annotated[int, Field(strict=True, ge=1, le=60)],
    Field(description='"daily", "weekly" or a number of days from 1 to 60'),
]


EmailAddress = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}$",
        description='an e-mail address in quotes, like "alvarez@example.com"',
    ),
]


class PersonForm(Strict):
    name: Label
    numbers: Annotated[
        list[Annotated[str, Field(pattern="^[0-9]{2,20}$")]],
        Field(
            min_length=1,
            max_length=5,
            description='1 to 5 numbers in quotes, as ["2025550171"], the best first: extensions,'
            " or numbers as a dial rule has them, without its prefix",
        ),
    ]

    email: EmailAddress | None = None
    text: Annotated[
        str | None,
        Field(pattern="^[0-9]{5,20}$", description="a mobile's number, like 2025550171"),
    ] = None
    messages: Annotated[
        tuple[Literal["email", "text"], ...],
        Field(
            max_length=2,
            description='["email"], ["text"] or both, for a word when there is something in a'
            " mailbox of theirs, or []",
        ),
    ] = ()

    def person(self, name: str) -> plan.Person:
        numbers = tuple(self.numbers)
        mobile = self.text or ""
        return plan.Person(name, self.name, numbers, self.email or "", self.messages, mobile)


class EmailForm(Strict):
    """The server that takes notices."""

    host: Annotated[
        str,
        Field(
            pattern="^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$",
            description='a name or address in quotes, like "mail.example.com"',
        ),
    ]
    port: Annotated[
        int, Field(strict=True, ge=1, le=65535, description="a port, 465 or 587 as a rule")
    ]
    security: Annotated[
        Literal["tls", "starttls", "none"],
        Field(description='"tls" (port 465), "starttls" (587) or "none", on this machine alone'),
    ]
    username: Annotated[
        str | None,
        Field(pattern="^[!-~]{1,100}$", description="a name without spaces"),
    ] = None
    sender: EmailAddress
    admins: Annotated[
        list[EmailAddress],
        Field(
            default_factory=list,
            max_length=5,
            description="who is told of locked names, new people and the like, as"
            ' ["office@example.com"]',
        ),
    ]

    def server(self) -> plan.MailServer:
        return plan.MailServer(
            self.host, self.port, self.security, self.username, self.sender, tuple(self.admins)
        )


def must_not_travel_open(
    mail: plan.MailServer | None, fault: Callable[[Path, str, str], None]
) -> None:
    """What leaves this machine, a password before all, leaves it under TLS."""
    if mail is None or mail.security != "none" or mail.host in THIS_MACHINE:
        return
    cure = 'write "starttls" or "tls"; "none" is for a server at 127.0.0.1'
    fault(("email", "security"), f"{mail.host} is another machine, and all would be readable", cure)


class OncallForm(Strict):
    """The section but for its layers, overrides and swaps, which are admitted one by one."""

    last_resort: Word
    outside: Word | None = None
    ring_s: Annotated[
        float, Field(ge=10, le=60, description="seconds from 10 to 60 that one number rings")
    ] = 25
    remind_min: Annotated[
        float,
        Field(ge=5, le=240, description="minutes from 5 to 240 until who took a message is asked"),
    ] = 30


class ByTurnsForm(Strict):
    people: Annotated[
        list[Word], Field(min_length=1, max_length=50, description="a list of 1 to 50 people")
    ]
    turn: Turn = "weekly"
    begins: Begins
    hand_off: ClockTime
    only: Only

    def rotation(self) -> ByTurns:
        days = TURN_DAYS[self.turn] if isinstance(self.turn, str) else self.turn
        hand_off = time.fromisoformat(self.hand_off)
        return ByTurns(tuple(self.people), days, hand_off, self.begins, _windows(self.only))


class ByWeekdayForm(Strict):
    by_weekday: Annotated[
        dict[
            Annotated[WeekdayWord, Field(description="mon, tue, wed, thu, fri, sat or sun")], Word
        ],
        Field(min_length=1, description='weekdays with people: { mon = "alvarez", tue = "chen" }'),
    ]
    hand_off: ClockTime
    only: Only

    def rotation(self) -> ByWeekday:
        people = tuple(self.by_weekday.get(day) for day in WEEKDAY_WORDS)
        return ByWeekday(people, time.fromisoformat(self.hand_off), _windows(self.only))


def _windows(only: Mapping[DayWord, list[str]]) -> tuple[Window, ...]:
    return tuple(_window(day, times) for word in only for times in only[word] for day in DAYS[word])


def _window(weekday: int, times: str) -> Window:
    start, end = times.split("-")
    midnight = time(0) if end == "24:00" else time.fromisoformat(end)
    return Window(weekday, time.fromisoformat(start), midnight)


class OverrideForm(Strict):
    layer: Word
    person: Word
    starts: Moment
    ends: Moment


class PartForm(Strict):
    person: Word
    starts: Moment
    ends: Moment


Part = Annotated[
    PartForm,
    Field(
        description='{ person = "NAME", starts = "2026-12-24 17:00", ends = "2026-12-25 08:00" }'
    ),
]


class SwapForm(Strict):
    layer: Word
    one: Part
    other: Part


Form = TypeVar("Form", bound=Strict)


class Admit(Protocol):
    """Reads a form; what does not fit is told, and None comes back."""

    def __call__(self, form: type[Form], value: object, path: Path) -> Form | None: ...


@dataclass(frozen=True, slots=True)
class OncallReading:
    """Reads [oncall], and tells its faults to who reads the file."""

    admit: Admit
    fault: Callable[[Path, str, str], None]
    must_exist: Callable[[str, Iterable[str], Path], None]
    named: Callable[[str, object, Path], None]
    holidays: frozenset[date]

    def rota(self, section: object, zone: ZoneInfo) -> Rota | None:
        """The rota, of what is right in it; None if it has no layer."""
        if not isinstance(section, dict):
            cure = "write [oncall], its keys below, and [[oncall.layers.first]]"
            self.fault(("oncall",), "is not a table", cure)
            return None
        table = dict(section)
        layers = self._layers(table.pop("layers", None))
        overrides = tuple(self._overrides(table.pop("overrides", []), layers))
        swaps = tuple(self._swaps(table.pop("swaps", []), layers))
        form = self.admit(OncallForm, table, ("oncall",))
        if form is None or not layers:
            return None
        self.must_exist("people", (form.last_resort,), ("oncall", "last_resort"))
        if form.outside:
            self.must_exist("hours", (form.outside,), ("oncall", "outside"))
        return Rota(
            zone,
            layers,
            form.last_resort,
            form.outside,
            overrides,
            swaps,
            form.ring_s,
            form.remind_min * 60,
            self.holidays,
        )

    def _layers(self, value: object) -> dict[str, tuple[Rotation, ...]]:
        path: Path = ("oncall", "layers")
        if not isinstance(value, dict) or not value:
            self.fault(path, "nobody is on call", "add [[oncall.layers.first]] and its keys below")
            return {}
        if len(value) > LAYERS_MOST:
            self.fault(path, f"has {len(value)} layers", f"keep it to {LAYERS_MOST}")
        layers = {}
        for name, rotations in list(value.items())[:LAYERS_MOST]:
            self.named(name, Word, (*path, name))
            layers[name] = tuple(self._rotations(rotations, (*path, name)))
        return layers

    def _rotations(self, value: object, path: Path) -> list[Rotation]:
        if not isinstance(value, list) or not 0 < len(value) <= ROTATIONS_MOST:
            cure = f"write [[{'.'.join(map(str, path))}]] and its keys below, at most"
            self.fault(path, "is not a list of rotations", f"{cure} {ROTATIONS_MOST} times")
            return []
        read = (self._rotation(table, (*path, index)) for index, table in enumerate(value))
        return [rotation for rotation in read if rotation]

    def _rotation(self, value: object, path: Path) -> Rotation | None:
        read = self._read(value, path)
        asks = any(window.weekday == HOLIDAY for window in read.only) if read else False
        if asks and not self.holidays:
            cure = 'add [holidays] with country = "US", or take this out'
            self.fault((*path, "only", "holidays"), "there are no holidays", cure)
        return read

    def _read(self, value: object, path: Path) -> Rotation | None:
        if isinstance(value, dict) and "by_weekday" in value:
            weekly = self.admit(ByWeekdayForm, value, path)
            if weekly:
                for day, person in weekly.by_weekday.items():
                    self.must_exist("people", (person,), (*path, "by_weekday", day))
            return weekly.rotation() if weekly else None
        turns = self.admit(ByTurnsForm, value, path)
        if turns:
            self.must_exist("people", turns.people, (*path, "people"))
        return turns.rotation() if turns else None

    def _overrides(self, value: object, layers: Collection[str]) -> Iterator[Override]:
        for table, path in self._tables("overrides", value):
            if form := self.admit(OverrideForm, table, path):
                self._layer_exists(form.layer, layers, path)
                self.must_exist("people", (form.person,), (*path, "person"))
                period = self._period(form.starts, form.ends, path)
                yield Override(form.layer, form.person, period)

    def _swaps(self, value: object, layers: Collection[str]) -> Iterator[Swap]:
        for table, path in self._tables("swaps", value):
            if form := self.admit(SwapForm, table, path):
                self._layer_exists(form.layer, layers, path)
                gives, takes = (
                    self._part(part, (*path, key))
                    for key, part in (("one", form.one), ("other", form.other))
                )
                if form.one.person == form.other.person:
                    reason = f"{form.one.person} cannot swap with themselves"
                    self.fault((*path, "other"), reason, "name the person to swap with")
                yield Swap(form.layer, form.one.person, gives, form.other.person, takes)

    def _part(self, part: PartForm, path: Path) -> Period:
        self.must_exist("people", (part.person,), (*path, "person"))
        return self._period(part.starts, part.ends, path)

    def _period(self, starts: str, ends: str, path: Path) -> Period:
        if ends <= starts:
            reason = f"ends at {ends}, not after it starts at {starts}"
            self.fault((*path, "ends"), reason, "let it end later")
        return Period(datetime.fromisoformat(starts), datetime.fromisoformat(ends))

    def _tables(self, key: str, value: object) -> Iterator[tuple[object, Path]]:
        path: Path = ("oncall", key)
        if not isinstance(value, list) or len(value) > AGREED_MOST:
            cure = f"write [[oncall.{key}]] and its keys below, at most {AGREED_MOST} times"
            self.fault(path, f"is not a list of {key}", cure)
            return
        yield from ((table, (*path, index)) for index, table in enumerate(value))

    def _layer_exists(self, layer: str, layers: Collection[str], path: Path) -> None:
        if layer not in layers:
            cure = f"the layers are: {', '.join(layers)}"
            self.fault((*path, "layer"), f"there is no layer {layer}", cure)


def must_be_layers(
    section: object,
    layers: Iterable[str],
    path: Path,
    fault: Callable[[Path, str, str], None],
) -> None:
    """A message that is to be told at once names layers that there are."""
    written = section.get("layers") if isinstance(section, dict) else None
    known = list(written) if isinstance(written, dict) else []
    for index, layer in enumerate(layers):
        if layer not in known:
            there = f"the layers are: {', '.join(known)}"
            cure = there if known else "add [oncall] and its layers, as the template has it"
            fault((*path, index), f"there is no on-call layer {layer}", cure)
