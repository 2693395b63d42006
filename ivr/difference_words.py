"""A difference between two plans in sentences that somebody understands who runs a practice.

Each change has its sentence: where nobody wrote words for a field, the field's own name stands in
them. What a plan keeps out of its `repr` (people's numbers and addresses, blocked callers) is said
to have changed and not repeated.
"""

from collections.abc import Iterable, Iterator, Mapping
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
    "lines": ("lines", "the line"),
    "phones": ("phones", "the phone"),
    "dial_rules": ("dialling out", "the dial rule"),
    "mailboxes": ("mailboxes", "the mailbox"),
    "hours": ("hours", "the hours"),
    "queues": ("queues", "the queue"),
    "flows": ("menus", "the flow"),
    "texts": ("prompts", "the words in"),
    "people": ("people", "the person"),
    "mail": ("e-mail", "the mail server"),
    "rota": ("on-call", "the on-call rota"),
    "requests": ("requests", "the requests of the kind"),
    "parking": ("phones", "parking"),
    "blocking": ("blocking", "blocking"),
    "retention": ("retention", "retention"),
    "wrap_ups": ("queues", "the wrap-up code"),
    "pages": ("phones", "the page"),
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
    "again_s": "between two tries to call back",
    "also": "queues waited in at the same time",
    "announce_s": "the place in line is said every",
    "asks_anonymous": "asks who shows no number",
    "by_hand": "members may delete their messages",
    "callback": "call-back",
    "callbacks": "call-backs",
    "callback_key": "the key for a call-back",
    "closures": "closed by a calendar",
    "confirm": "who answers must press 1",
    "due_s": "due within",
    "escape": "the key that leads on",
    "for_s": "rings for",
    "gives": "gives away",
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
    "registers": "we register with it",
    "remind_s": "who took a message is asked after",
    "reserve_bytes": "room kept free on the disk",
    "rest_s": "a phone that stayed silent is left alone for",
    "says": "waiting callers are told",
    "takes": "takes over",
    "target_s": "callers should be answered within",
    "timeout_s": "silence allowed",
    "within_s": "callers are called back within",
    "wrap_up_s": "left to the agent after each talk",
    "wrong": "spoken after a key that means nothing",
    "zero": "key 0",
}

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


def in_words(before: Plan, after: Plan) -> list[Told]:
    """Every difference, those of a group together; nothing where there is none."""
    told = _told(differences(before, after))
    order = list(dict.fromkeys(group for group, _ in GROUPS.values()))
    return sorted(told, key=lambda each: order.index(each.group) if each.group in order else 99)


def _told(changes: Iterable[Change]) -> Iterator[Told]:
    for dated, some in groupby(changes, _dated):
        if dated:
            yield from _of_dates(list(some))
        else:
            for change in some:
                yield _tell(change, sentence(change))


def _tell(change: Change, words: str) -> Told:
    section = str(change.where[0])
    group, _ = GROUPS.get(section, (_spaced(section), ""))
    return Told(group, words[:1].upper() + words[1:], tuple(map(str, change.where)))


def sentence(change: Change) -> str:
    """What has changed, in one sentence."""
    match change.where:
        case ("flows", str() as flow, "nodes", str() as node, *inside):
            return _of_node(change, f"{flow}/{node}", tuple(inside))
        case ("flows", _, "nodes"):
            return _plainly(change)
        case ("texts", language, name):
            return _changed(change, f"the words of the prompt `{name}` ({language})")
        case ("hours", name, "spans", int() as day):
            return _changed(change, f"the hours `{name}` on {DAYS[day]}")
        case ("wrap_ups" | "pages", key):
            _, called = GROUPS[str(change.where[0])]
            return _changed(change, f"{called} {key}")
        case _:
            return _plainly(change)


def _plainly(change: Change) -> str:
    """By the path alone, whatever it is."""
    subject, rest = _subject(change)
    if not rest:
        return _changed(change, subject)
    return _changed(change, f"{subject}, {_path(rest)}")


def _subject(change: Change) -> tuple[str, tuple[Key, ...]]:
    """The thing of the clinic that it is about, and where in that."""
    section, *inside = change.where
    _, called = GROUPS.get(str(section), ("", _spaced(str(section))))
    owner = change.owners[1] if len(change.owners) > 1 else None
    if inside and isinstance(owner, Mapping | tuple) and not is_dataclass(owner):
        thing = owner.get(inside[0]) if isinstance(owner, Mapping) else None
        return f"{called} {_name(inside[0])}{_known_as(thing)}", tuple(inside[1:])
    return called, tuple(inside)


def _known_as(thing: object) -> str:
    match thing:
        case Phone(name=name) | Person(label=name):
            return f" ({name})"
        case _:
            return ""


def _path(keys: tuple[Key, ...]) -> str:
    words = []
    for key in keys:
        if isinstance(key, int):
            words.append(f"number {key}")
        elif isinstance(key, str) and words and words[-1] in _NAMED:
            words[-1] = f"{words[-1]} {_name(key)}"
        else:
            words.append(_label(str(key)) if isinstance(key, str) else said(key))
    return ", ".join(words)


_NAMED = {"layers", "nodes", "skills", "choices", LABELS["needs"], LABELS["about"]}


# ---- nodes ----


def _of_node(change: Change, place: str, inside: tuple[Key, ...]) -> str:
    node = change.owners[4] if len(change.owners) > 4 else None
    if node is None and change.is_added:
        return f"the {_kind(change.after)} `{place}` is new{_facts(change.after)}"
    if node is None and change.is_gone:
        return f"the {_kind(change.before)} `{place}` is gone"
    if node is None:
        was, becomes = _kind(change.before), _kind(change.after)
        return f"`{place}` is now the {becomes}{_facts(change.after)}; before, the {was}"
    called = f"the {_kind(node)} `{place}`"
    match inside:
        case ("choices", key):
            return _leads(change, f"key {key} of {called}", "leads")
        case ("callback",) if isinstance(node, Enqueue):
            return _leads(change, called, "who would rather be called back goes")
        case (str() as name,) if name in LEADS:
            return _leads(change, called, LEADS[name])
        case ("overflow" | "questions" as part, int() as number, *rest):
            word = {"overflow": "overflow rule", "questions": "question"}[str(part)]
            below = f", {_path(tuple(rest))}" if rest else ""
            return _changed(change, f"{word} {number} of {called}{below}")
        case _:
            return _changed(change, f"{called}, {_path(inside)}")


def _leads(change: Change, what: str, verb: str) -> str:
    """A way, which leads somewhere, or nowhere of its own."""
    if verb == "leads":
        if change.is_gone:
            return f"{what} means nothing any more; before, it led to {_target(change.before)}"
        if change.is_added:
            return f"{what} now leads to {_target(change.after)}; before, it meant nothing"
        now, before = _target(change.after), _target(change.before)
        return f"{what} now leads to {now}; before, to {before}"
    return f"{what}: {verb} to {_target(change.after)}; before, to {_target(change.before)}"


def _target(value: object) -> str:
    return f"`{value}`" if value else "nothing of its own"


def _kind(node: object) -> str:
    return NODES.get(type(node), _spaced(type(node).__name__))


# ---- dates ----


def _dated(change: Change) -> tuple[Key, ...] | None:
    """Holidays and closures stand by their dates for years: one sentence tells of all alike."""
    match change.where:
        case ("hours", name, "holidays" | "closures" as part, date(), *_):
            return (name, part)
        case _:
            return None


def _of_dates(changes: list[Change]) -> Iterator[Told]:
    # A rule may differ in several fields on one day, which are told apart.
    alike: dict[str, list[Change]] = {}
    for change in changes:
        alike.setdefault(_without_date(change), []).append(change)
    for words, some in alike.items():
        days = sorted({cast("date", each.where[3]) for each in some})
        shown = ", ".join(day.isoformat() for day in days[:DATES_SHOWN])
        more = f" and {len(days) - DATES_SHOWN} more days" if len(days) > DATES_SHOWN else ""
        yield _tell(some[0], f"{words} ({shown}{more})")


def _without_date(change: Change) -> str:
    _, name, part, _, *inside = change.where
    called = "a holiday" if part == "holidays" else "a closure by a calendar"
    subject = f"the hours `{name}`, {called}"
    if inside:
        owner = change.owners[4]
        known = f" {owner.name}" if isinstance(owner, DayRule | Closure) else ""
        subject = f"{subject}{known}, {_path(tuple(inside))}"
    return _changed(change, subject)


# ---- values ----


def _changed(change: Change, what: str) -> str:
    if not change.is_told:
        return f"{what}: changed (it is not shown here)"
    if change.is_added:
        return f"{what} is new: {_value(change, change.after)}"
    if change.is_gone:
        return f"{what} is gone; before: {_value(change, change.before)}"
    if isinstance(change.before, frozenset) and isinstance(change.after, frozenset):
        return f"{what}: {_more_and_fewer(change.before, change.after)}"
    name = str(change.where[-1])
    now, before = (_whole(each, name) or NOTHING for each in (change.after, change.before))
    if now == before:
        return f"{what}: changed, in its order or its spaces: {_cut(now)}"
    since = max(0, _alike(now, before) - LONGEST // 4)
    if max(len(now), len(before)) > LONGEST and since:
        now, before = f"…{now[since:]}", f"…{before[since:]}"
    return f"{what}: {_cut(now)}; before, {_cut(before)}"


def _alike(one: str, other: str) -> int:
    """How many characters they have in common before the first that differs."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _more_and_fewer(before: frozenset[Any], after: frozenset[Any]) -> str:
    told = [
        f"{len(some)} {word} ({_cut(_whole(some, ''))})"
        for word, some in (("more", after - before), ("fewer", before - after))
        if some
    ]
    return " and ".join(told)


def _value(change: Change, value: object) -> str:
    return said(value, str(change.where[-1]))


def said(value: object, name: str = "") -> str:
    """A value of a plan; `name` is its field's, whose ending says the unit."""
    return _cut(_whole(value, name) or NOTHING)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _whole(value: Any, name: str) -> str:
    match value:
        case None | () | "":
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case IntEnum():
            return value.name.lower()
        case Enum():
            return str(value.value)
        case int() | float():
            return _measured(value, name)
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
            told = (f"{_whole(key, '')} → {_whole(each, '')}" for key, each in value.items())
            return ", ".join(told)
        case frozenset():
            return ", ".join(sorted(_whole(each, "") for each in value))
        case tuple():
            return ", ".join(_whole(each, "") for each in value)
        case Span(opens=opens, closes=closes) | Times(opens=opens, closes=closes):
            return f"{_whole(opens, '')}-{_whole(closes, '')}"
        case MonthDay(month=month, day=day):
            return f"{month:02}-{day:02}"
        case Dates(first=first, last=last) | Yearly(first=first, last=last):
            days = dict.fromkeys((_whole(first, ""), _whole(last, "")))
            return " to ".join(days)
        case Exceptional(days=days_, rule=rule):
            return f"{_whole(days_, '')}, {_whole(rule, '')}"
        case DayRule(name=name_, times=times, closes=closes, say=say, opens=opens):
            since = f"opens at {_whole(opens, '')}" if opens is not None else ""
            until = f"closes at {_whole(closes, '')}" if closes is not None else ""
            cut = ", ".join(filter(None, (since, until)))
            how = cut or (f"open {_whole(times, '')}" if times else "closed")
            spoken = f"says {say}" if say else ""
            return ", ".join(each for each in (name_, how, spoken) if each)
        case _ if is_dataclass(value):
            return _parts(value)
        case _:
            return " ".join(str(value).split())


def _measured(value: float, name: str) -> str:
    number = str(int(value)) if value == int(value) else repr(value)
    for ending, unit in (("_s", "s"), ("_days", "days"), ("_bytes", "bytes")):
        if name.endswith(ending):
            return f"{number} {unit}"
    return number


def _facts(node: object) -> str:
    told = _parts(node)
    return f": {told}" if told else ""


def _parts(value: object) -> str:
    """The fields that say something, each by its name."""
    assert is_dataclass(value)
    told = []
    for each in fields(value):
        held = getattr(value, each.name)
        if not each.repr:
            told.append(f"{_label(each.name)} not shown")
        elif held not in (None, "", ()) and not _is_default(each, held):
            told.append(f"{_label(each.name)} {_whole(held, each.name)}")
    return _cut("; ".join(told))


def _is_default(field_: "Field[Any]", held: object) -> bool:
    if field_.default is not MISSING:
        return bool(held == field_.default)
    return field_.default_factory is not MISSING and bool(held == field_.default_factory())


def _label(name: str) -> str:
    return LABELS.get(name) or LEADS.get(name) or _spaced(name)


def _spaced(name: str) -> str:
    for ending in ("_s", "_days", "_bytes"):
        name = name.removesuffix(ending)
    return name.removeprefix("is_").removeprefix("has_").replace("_", " ")


def _name(key: Key) -> str:
    if isinstance(key, int):
        return str(key)
    return str(key) if str(key).isdecimal() else f"`{said(key)}`"
