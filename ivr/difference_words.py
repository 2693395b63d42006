"""A difference between two plans in sentences that somebody understands who runs a practice.

Each change has its sentence: where nobody wrote words for a field, the field's own name stands in
them. What a plan keeps out of its `repr` (people's numbers and addresses, blocked callers) is said
to have changed and not repeated.

Every word of ours goes through `say`, which knows it in the reader's language; the clinic's own
words never do.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum, IntEnum
from itertools import groupby
from typing import Any, cast
from zoneinfo import ZoneInfo

from ivr.difference import Change, Key, differences
from ivr.form import TakeRequest
from ivr.identity import AskIdentity
from ivr.plan import (
    CallBack,
    Closure,
    Dates,
    DayRule,
    Enqueue,
    Exceptional,
    Goto,
    Hangup,
    HoursFork,
    ListenByPhone,
    Menu,
    MonthDay,
    OwnGreeting,
    Person,
    Phone,
    Plan,
    Ring,
    RingOutside,
    Say,
    SnowDay,
    Span,
    TakeMessage,
    Times,
    Yearly,
)

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "a holiday")
DATES_SHOWN = 3  # of a holiday that comes every year
LONGEST = 160  # characters of a value; the rest is in the site file
NOTHING = "none"

# What each part of the plan is about: its group, and how one of its things is called.
GROUPS: Mapping[str, tuple[str, str]] = {
    "name": ("clinic", "the clinic's name"),
    "timezone": ("clinic", "the clinic's time zone"),
    "language": ("clinic", "the clinic's language"),
    "front_desk": ("clinic", "the phones of the front desk"),
    "emergency_numbers": ("clinic", "the emergency numbers"),
    "trunks": ("lines", "the trunk"),
    "modems": ("lines", "the modem"),
    "modem_only": ("lines", "that a modem alone carries emergency calls"),
    "lines": ("lines", "the line"),
    "phones": ("phones", "the phone"),
    "dial_rules": ("dialling out", "the dial rule"),
    "mailboxes": ("mailboxes", "the mailbox"),
    "hours": ("hours", "the hours"),
    "queues": ("queues", "the queue"),
    "flows": ("menus", "the flow"),
    "texts": ("prompts", "the words in"),
    "people": ("people", "the person"),
    "panel": ("clinic", "the panel on the wall"),
    "power": ("clinic", "the power"),
    "sms": ("e-mail", "the texts"),
    "mail": ("e-mail", "the mail server"),
    "rota": ("on-call", "the on-call rota"),
    "requests": ("requests", "the requests of the kind"),
    "parking": ("phones", "parking"),
    "blocking": ("blocking", "blocking"),
    "retention": ("retention", "retention"),
    "wrap_ups": ("queues", "the wrap-up code"),
    "pages": ("phones", "the page"),
    "heard_at": ("phones", "the loudspeaker of the page"),
    "speakers": ("phones", "the loudspeaker"),
    "outside": ("dialling out", "the limits of calls outside"),
}

NODES: Mapping[type, str] = {
    Say: "spoken words",
    Menu: "menu",
    HoursFork: "fork by hours",
    Enqueue: "queue",
    Ring: "ringing of phones",
    RingOutside: "call outside",
    TakeMessage: "message",
    TakeRequest: "form",
    AskIdentity: "question who calls",
    CallBack: "call-back",
    SnowDay: "snow day",
    OwnGreeting: "recording of a greeting",
    ListenByPhone: "listening by telephone",
    Goto: "way on",
    Hangup: "end of the call",
}

# Fields whose own names say too little; those in seconds are told with their unit.
LABELS: Mapping[str, str] = {
    "about": "what an agent hears before the caller is joined",
    "address": "address for 911",
    "again_s": "between two tries to call back",
    "also": "queues waited in at the same time",
    "announce_s": "the place in line is said every",
    "at_once": "calls of one phone at the same time",
    "asks_anonymous": "asks who shows no number",
    "browser": "is in the browser",
    "by_hand": "members may delete their messages",
    "caller_id": "kind of caller ID",
    "card": "telephone card",
    "callback": "call-back",
    "callbacks": "call-backs",
    "callback_key": "the key for a call-back",
    "closures": "closed by a calendar",
    "confirm": "who answers must press 1",
    "due_s": "due within",
    "emergency": "emergency calls may go by it",
    "escape": "the key that leads on",
    "failing": "calls in vain",
    "fax": "is a fax machine",
    "for_s": "rings for",
    "gateway": "gateway to analog lines",
    "gives": "gives away",
    "group": "group of channels",
    "has_survey": "asks how it was",
    "is_gated": "only for callers who were identified",
    "is_medical": "who stays silent may be unable to speak",
    "is_read_back": "is read back",
    "ledger_days": "callers' numbers and names are kept",
    "longest_s": "at most",
    "misses": "calls missed in a row that pause an agent",
    "most_bytes": "room for recordings",
    "needs": "skills needed",
    "offer_s": "one phone rings for",
    "oncall": "on-call layers called with it",
    "outside": "nobody need be on call during",
    "patience_s": "callers wait at most",
    "quiet_h": "open hours without a call until an alarm",
    "registers": "we register with it",
    "remind_s": "who took a message is asked after",
    "per_number_a_day": "calls to one number on a day",
    "per_phone_a_day": "calls of one phone on a day",
    "reserve_bytes": "room kept free on the disk",
    "signalling": "kind of signals",
    "span": "span of the card",
    "switch": "switch of the telephone company",
    "rest_s": "a phone that stayed silent is left alone for",
    "says": "waiting callers are told",
    "secure": "is encrypted on the network",
    "silence_s": "silence that ends a call",
    "takes": "takes over",
    "target_s": "callers should be answered within",
    "timeout_s": "silence allowed",
    "within_s": "callers are called back within",
    "tries_at_night": "calls tried at night",
    "wrap_up_s": "left to the agent after each talk",
    "wrong": "spoken after a key that means nothing",
    "zero": "key 0",
}

# Fields whose keys are names of things of the clinic.
NAMED = frozenset({"layers", "nodes", "skills", "choices", "needs", "about"})

# Fields of a node that say where it leads, and by what.
LEADS: Mapping[str, str] = {
    "next": "after it callers go",
    "otherwise": "who gets nothing there goes",
    "open": "while it is open callers go",
    "closed": "while it is closed callers go",
    "lunch": "at lunch callers go",
    "holiday": "on a holiday callers go",
    "doubt": "who is in doubt goes",
    "person": "who wants a person goes",
    "target": "it leads",
    "to": "it leads",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence, the group it belongs to, and where in the plan what it tells of stands."""

    group: str
    sentence: str
    where: tuple[str, ...]


Saying = Callable[..., str]


def in_english(words: str, **values: object) -> str:
    """As they stand here. A value's place is `%(name)s`."""
    return words % values if values else words


def in_words(before: Plan, after: Plan, say: Saying = in_english) -> list[Told]:
    """Every difference, those of a group together; nothing where there is none."""
    told = _Teller(say).told(differences(before, after))
    order = list(dict.fromkeys(group for group, _ in GROUPS.values()))
    return sorted(told, key=lambda each: order.index(each.group) if each.group in order else 99)


def label_of(name: str) -> str:
    """What a field is called."""
    return LABELS.get(name) or LEADS.get(name) or _spaced(name)


@dataclass(frozen=True, slots=True)
class _Teller:
    """Who tells it, in one language."""

    say: Saying

    def told(self, changes: Iterable[Change]) -> Iterator[Told]:
        for dated, some in groupby(changes, _dated):
            if dated:
                yield from self._of_dates(list(some))
            else:
                for change in some:
                    yield self._tell(change, self.sentence(change))

    def _tell(self, change: Change, words: str) -> Told:
        section = str(change.where[0])
        group, _ = GROUPS.get(section, (_spaced(section), ""))
        return Told(group, words[:1].upper() + words[1:], tuple(map(str, change.where)))

    def sentence(self, change: Change) -> str:
        """What has changed, in one sentence."""
        match change.where:
            case ("flows", str() as flow, "nodes", str() as node, *inside):
                return self._of_node(change, f"{flow}/{node}", tuple(inside))
            case ("flows", _, "nodes"):
                return self._plainly(change)
            case ("texts", language, name):
                return self._changed(
                    change,
                    self.say(
                        "the words of the prompt `%(name)s` (%(language)s)",
                        name=name,
                        language=language,
                    ),
                )
            case ("hours", name, "spans", int() as day):
                return self._changed(
                    change,
                    self.say("the hours `%(name)s` on %(day)s", name=name, day=self.say(DAYS[day])),
                )
            case ("wrap_ups" | "pages" | "heard_at", key):
                _, called = GROUPS[str(change.where[0])]
                return self._changed(change, f"{self.say(called)} {key}")
            case _:
                return self._plainly(change)

    def _plainly(self, change: Change) -> str:
        """By the path alone, whatever it is."""
        subject, rest = self._subject(change)
        if not rest:
            return self._changed(change, subject)
        return self._changed(change, f"{subject}, {self._path(rest)}")

    def _subject(self, change: Change) -> tuple[str, tuple[Key, ...]]:
        """The thing of the clinic that it is about, and where in that."""
        section, *inside = change.where
        _, called = GROUPS.get(str(section), ("", _spaced(str(section))))
        owner = change.owners[1] if len(change.owners) > 1 else None
        if inside and isinstance(owner, Mapping | tuple) and not is_dataclass(owner):
            thing = owner.get(inside[0]) if isinstance(owner, Mapping) else None
            return f"{self.say(called)} {self._name(inside[0])}{_known_as(thing)}", tuple(
                inside[1:]
            )
        return self.say(called), tuple(inside)

    def _path(self, keys: tuple[Key, ...]) -> str:
        words: list[str] = []
        is_named = False  # what comes next is the name of one of these
        for key in keys:
            if isinstance(key, int):
                words.append(self.say("number %(number)s", number=key))
            elif isinstance(key, str) and is_named:
                words[-1] = f"{words[-1]} {self._name(key)}"
            else:
                words.append(self._label(str(key)) if isinstance(key, str) else self.said(key))
            is_named = isinstance(key, str) and not is_named and key in NAMED
        return ", ".join(words)

    def _of_node(self, change: Change, place: str, inside: tuple[Key, ...]) -> str:
        node = change.owners[4] if len(change.owners) > 4 else None
        if node is None and change.is_added:
            what, facts = self._node(change.after, place), self._facts(change.after)
            return self.say("%(what)s is new", what=what) + facts
        if node is None and change.is_gone:
            return self.say("%(what)s is gone", what=self._node(change.before, place))
        if node is None:
            return self.say(
                "`%(place)s` is now the %(kind)s; before, the %(was)s",
                place=place,
                kind=f"{self._kind(change.after)}{self._facts(change.after)}",
                was=self._kind(change.before),
            )
        called = self._node(node, place)
        match inside:
            case ("choices", key):
                key_of = self.say("key %(key)s of %(what)s", key=key, what=called)
                return self._leads(change, key_of, "leads")
            case ("callback",) if isinstance(node, Enqueue):
                return self._leads(change, called, "who would rather be called back goes")
            case (str() as name,) if name in LEADS:
                return self._leads(change, called, LEADS[name])
            case ("overflow", int() as number, *rest):
                rule = self.say("overflow rule %(number)s of %(what)s", number=number, what=called)
                return self._changed(change, self._below(rule, rest))
            case ("questions", int() as number, *rest):
                asked = self.say("question %(number)s of %(what)s", number=number, what=called)
                return self._changed(change, self._below(asked, rest))
            case _:
                return self._changed(change, f"{called}, {self._path(inside)}")

    def _below(self, what: str, rest: list[Key]) -> str:
        return f"{what}, {self._path(tuple(rest))}" if rest else what

    def _leads(self, change: Change, what: str, verb: str) -> str:
        """A way, which leads somewhere, or nowhere of its own."""
        now, before = self._target(change.after), self._target(change.before)
        if verb != "leads":
            goes = self.say(verb)
            return self.say(
                "%(what)s: %(goes)s to %(now)s; before, to %(before)s",
                what=what,
                goes=goes,
                now=now,
                before=before,
            )
        if change.is_gone:
            words = "%(what)s means nothing any more; before, it led to %(before)s"
            return self.say(words, what=what, before=before)
        if change.is_added:
            words = "%(what)s now leads to %(now)s; before, it meant nothing"
            return self.say(words, what=what, now=now)
        words = "%(what)s now leads to %(now)s; before, to %(before)s"
        return self.say(words, what=what, now=now, before=before)

    def _target(self, value: object) -> str:
        return f"`{value}`" if value else self.say("nothing of its own")

    def _kind(self, node: object) -> str:
        return self.say(NODES.get(type(node), _spaced(type(node).__name__)))

    def _node(self, node: object, place: str) -> str:
        return self.say("the %(kind)s `%(place)s`", kind=self._kind(node), place=place)

    def _of_dates(self, changes: list[Change]) -> Iterator[Told]:
        # A rule may differ in several fields on one day, which are told apart.
        alike: dict[str, list[Change]] = {}
        for change in changes:
            alike.setdefault(self._without_date(change), []).append(change)
        for words, some in alike.items():
            days = sorted({cast("date", each.where[3]) for each in some})
            shown = ", ".join(day.isoformat() for day in days[:DATES_SHOWN])
            if (more := len(days) - DATES_SHOWN) > 0:
                shown = self.say("%(days)s and %(count)s more days", days=shown, count=more)
            yield self._tell(some[0], f"{words} ({shown})")

    def _without_date(self, change: Change) -> str:
        _, name, part, _, *inside = change.where
        called = self.say("a holiday" if part == "holidays" else "a closure by a calendar")
        subject = f"{self.say('the hours')} `{name}`, {called}"
        if inside:
            owner = change.owners[4]
            known = f" {owner.name}" if isinstance(owner, DayRule | Closure) else ""
            subject = f"{subject}{known}, {self._path(tuple(inside))}"
        return self._changed(change, subject)

    def _changed(self, change: Change, what: str) -> str:
        if not change.is_told:
            return self.say("%(what)s: changed (it is not shown here)", what=what)
        if change.is_added:
            value = self._value(change, change.after)
            return self.say("%(what)s is new: %(value)s", what=what, value=value)
        if change.is_gone:
            value = self._value(change, change.before)
            return self.say("%(what)s is gone; before: %(value)s", what=what, value=value)
        if isinstance(change.before, frozenset) and isinstance(change.after, frozenset):
            return f"{what}: {self._more_and_fewer(change.before, change.after)}"
        name = str(change.where[-1])
        now, before = (
            self._whole(each, name) or self.say(NOTHING) for each in (change.after, change.before)
        )
        if now == before:
            words = "%(what)s: changed, in its order or its spaces: %(now)s"
            return self.say(words, what=what, now=_cut(now))
        since = max(0, _alike(now, before) - LONGEST // 4)
        if max(len(now), len(before)) > LONGEST and since:
            now, before = f"…{now[since:]}", f"…{before[since:]}"
        words = "%(what)s: %(now)s; before, %(before)s"
        return self.say(words, what=what, now=_cut(now), before=_cut(before))

    def _more_and_fewer(self, before: frozenset[Any], after: frozenset[Any]) -> str:
        more, fewer = after - before, before - after
        values = {
            "added": len(more),
            "those": _cut(self._whole(more, "")),
            "removed": len(fewer),
            "others": _cut(self._whole(fewer, "")),
        }
        if more and fewer:
            words = "%(added)s more (%(those)s) and %(removed)s fewer (%(others)s)"
        else:
            words = "%(added)s more (%(those)s)" if more else "%(removed)s fewer (%(others)s)"
        return self.say(words, **values)

    def _value(self, change: Change, value: object) -> str:
        return self.said(value, str(change.where[-1]))

    def said(self, value: object, name: str = "") -> str:
        """A value of a plan; `name` is its field's, whose ending says the unit."""
        return _cut(self._whole(value, name) or self.say(NOTHING))

    def _whole(self, value: Any, name: str) -> str:
        match value:
            case None | () | "":
                return self.say(NOTHING)
            case bool():
                return self.say("yes" if value else "no")
            case IntEnum():
                return self.say(value.name.lower())
            case Enum():
                return self.say(str(value.value))
            case int() | float():
                return self._measured(value, name)
            case datetime():
                return value.isoformat(" ")
            case time():
                return value.isoformat("minutes") if not value.second else value.isoformat()
            case date():
                return value.isoformat()
            case ZoneInfo():
                return value.key
            case str():
                return " ".join(value.split())
            case Mapping():
                told = (
                    f"{self._whole(key, '')} → {self._whole(each, '')}"
                    for key, each in value.items()
                )
                return ", ".join(told)
            case frozenset():
                return ", ".join(sorted(self._whole(each, "") for each in value))
            case tuple():
                return ", ".join(self._whole(each, "") for each in value)
            case Span(opens=opens, closes=closes) | Times(opens=opens, closes=closes):
                return f"{self._whole(opens, '')}-{self._whole(closes, '')}"
            case MonthDay(month=month, day=day):
                return f"{month:02}-{day:02}"
            case Dates(first=first, last=last) | Yearly(first=first, last=last):
                since, until = self._whole(first, ""), self._whole(last, "")
                if since == until:
                    return since
                return self.say("%(first)s to %(last)s", first=since, last=until)
            case Exceptional(days=days_, rule=rule):
                return f"{self._whole(days_, '')}, {self._whole(rule, '')}"
            case DayRule():
                return self._rule(value)
            case _ if is_dataclass(value):
                return self._parts(value)
            case _:
                return " ".join(str(value).split())

    def _rule(self, rule: DayRule) -> str:
        told = [
            self.say("opens at %(time)s", time=self._whole(rule.opens, "")) if rule.opens else "",
            self.say("closes at %(time)s", time=self._whole(rule.closes, ""))
            if rule.closes
            else "",
        ]
        if not any(told):
            times = self._whole(rule.times, "")
            told = [self.say("open %(times)s", times=times) if rule.times else self.say("closed")]
        spoken = self.say("says %(prompt)s", prompt=rule.say) if rule.say else ""
        return ", ".join(filter(None, (rule.name, *told, spoken)))

    def _measured(self, value: float, name: str) -> str:
        number = str(int(value)) if value == int(value) else repr(value)
        for ending, unit in (("_s", "s"), ("_days", "days"), ("_bytes", "bytes")):
            if name.endswith(ending):
                return f"{number} {self.say(unit)}"
        return number

    def _facts(self, node: object) -> str:
        told = self._parts(node)
        return f": {told}" if told else ""

    def _parts(self, value: object) -> str:
        """The fields that say something, each by its name."""
        assert is_dataclass(value)
        told = []
        for each in fields(value):
            held = getattr(value, each.name)
            if not each.repr:
                told.append(self.say("%(what)s not shown", what=self._label(each.name)))
            elif held not in (None, "", ()) and not _is_default(each, held):
                told.append(f"{self._label(each.name)} {self._whole(held, each.name)}")
        return _cut("; ".join(told))

    def _label(self, name: str) -> str:
        return self.say(label_of(name))

    def _name(self, key: Key) -> str:
        if isinstance(key, int):
            return str(key)
        return str(key) if str(key).isdecimal() else f"`{self.said(key)}`"


def _known_as(thing: object) -> str:
    match thing:
        case Phone(name=name) | Person(label=name):
            return f" ({name})"
        case _:
            return ""


def _dated(change: Change) -> tuple[Key, ...] | None:
    """Holidays and closures stand by their dates for years: one sentence tells of all alike."""
    match change.where:
        case ("hours", name, "holidays" | "closures" as part, date(), *_):
            return (name, part)
        case _:
            return None


def _alike(one: str, other: str) -> int:
    """How many characters they have in common before the first that differs."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _is_default(field_: "Field[Any]", held: object) -> bool:
    if field_.default is not MISSING:
        return bool(held == field_.default)
    return field_.default_factory is not MISSING and bool(held == field_.default_factory())


def _spaced(name: str) -> str:
    for ending in ("_s", "_days", "_bytes"):
        name = name.removesuffix(ending)
    return name.removeprefix("is_").removeprefix("has_").replace("_", " ")
