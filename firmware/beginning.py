"""A clinic's first site file: from what its first admin answers (who they are, when they are open,
which telephone does what work, who is called at night) and one of five menus.

The menus lie as site files in beginnings/; words in braces in them are answers, and `@nurse` stands
for the telephones that do a nurse's work, or for the front desk's where none does. What was on the
box before and belongs to its technician stays: trunks, lines, rules for dialling.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from firmware.dashed import dashed
from firmware.edits import Edit, Put, Remove, Value, edited, read

HERE = Path(__file__).parent / "beginnings"
DAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
NOON = time(12)
OUTSIDE = "9"
TEN_DIGITS = frozenset({"US", "CA", "PR"})  # of the North American plan; 1 may come before them


class Menu(StrEnum):
    """What callers are asked, by the name of its file."""

    SOLO = "solo"
    THREE_DOCTORS = "three-doctors"
    PAEDIATRICS = "paediatrics"
    DENTAL = "dental"
    SEVERAL_SITES = "several-sites"


class Work(StrEnum):
    """What a telephone is for."""

    FRONT_DESK = "front-desk"
    NURSE = "nurse"
    BILLING = "billing"
    OTHER_SITE = "other-site"
    ROOM = "room"  # is rung by name or number only


@dataclass(frozen=True, slots=True)
class Telephone:
    """One that stands in the clinic; `room` is where help would look for whoever dials 911."""

    number: str
    name: str
    room: str
    work: Work


@dataclass(frozen=True, slots=True)
class OnCall:
    """Whom a message that cannot wait is told at night, in turn week by week."""

    name: str
    mobile: str


@dataclass(frozen=True, slots=True)
class Opening:
    """One span of a day."""

    begins: time
    ends: time


@dataclass(frozen=True, slots=True)
class Answers:
    """All that was asked. At least one telephone is of the front desk."""

    clinic: str
    address: str
    number: str  # that callers dial, and that is shown to whoever is called
    timezone: str
    hours: Mapping[str, Sequence[Opening]]  # by the names of `DAYS`; a day without is closed
    telephones: tuple[Telephone, ...]
    menu: Menu
    on_call: tuple[OnCall, ...] = ()
    country: str = "US"
    subdivision: str | None = None
    other_site: str = "our other office"  # as callers hear it

    def of(self, work: Work) -> list[str]:
        """Telephones that do this work, else the front desk's."""
        found = [each.number for each in self.telephones if each.work is work]
        return found or [each.number for each in self.telephones if each.work is Work.FRONT_DESK]


@dataclass(frozen=True, slots=True)
class Offered:
    """A menu as it is offered for choice."""

    menu: Menu
    title: str
    about: str


@cache
def offered() -> tuple[Offered, ...]:
    """All menus, the smallest first."""
    return tuple(Offered(each, (part := _part(each))["title"], part["about"]) for each in Menu)


def begun(text: str, answers: Answers, today: date) -> str:
    """The site file with these answers in place of whatever flows, telephones and hours it had.
    edits.EditError: the text is not TOML."""
    parts = [_part("common"), _part(answers.menu)]
    if answers.on_call:
        parts.append(_part("on-call"))
    site = _filled(_together(parts), answers, _words(answers, today))
    before = read(text)
    edits = (*_clinic(answers, before), *_outside(answers, before), *_menu(site, answers, before))
    return edited(text, edits)


def _clinic(answers: Answers, before: Mapping[str, Any]) -> list[Edit]:
    office = {
        day: [f"{each.begins:%H:%M}-{each.ends:%H:%M}" for each in spans]
        for day in DAYS
        if (spans := answers.hours.get(day))
    }
    holidays = {"country": answers.country, "subdivision": answers.subdivision}
    was = before.get("holidays", {})
    if was.get("country") == answers.country:
        holidays = {**was, **holidays}  # which of them are no holidays here stays
    return [
        Put(("clinic", "name"), answers.clinic),
        Put(("clinic", "timezone"), answers.timezone),
        Put(("clinic", "front_desk"), answers.of(Work.FRONT_DESK)),
        Put(("hours",), {"office": office}),
        Put(("holidays",), {key: value for key, value in holidays.items() if value is not None}),
        Put(("phones",), {each.number: _telephone(each, answers) for each in answers.telephones}),
    ]


def _outside(answers: Answers, before: Mapping[str, Any]) -> list[Edit]:
    """Where nobody has said how one dials outside: 9, then numbers as long as those of the country
    and of whoever is called at night."""
    trunk = next(iter(before.get("trunks", {})), None)
    if trunk is None or before.get("dial_rules"):
        return []
    rule = {"prefix": OUTSIDE, "trunk": trunk, "shows": answers.number}
    rules: list[Value] = []
    if answers.country in TEN_DIGITS:
        rules = [{**rule, "digits": 10}, {**rule, "starts": "1", "digits": 11}]
    known = {10} if rules else set()
    lengths = {len(each.mobile) for each in answers.on_call} | {len(answers.number)}
    rules += [{**rule, "digits": each} for each in sorted(lengths - known)]
    return [Put(("dial_rules",), rules)]


def _telephone(telephone: Telephone, answers: Answers) -> dict[str, str]:
    where = f"{answers.address} - {telephone.room}" if telephone.room else answers.address
    return {
        "name": telephone.name,
        "location": re.sub(r"\s*,\s*", " - ", where),
        "callback": answers.number,
    }


def _menu(site: Mapping[str, Any], answers: Answers, before: Mapping[str, Any]) -> list[Edit]:
    people = {
        name: {"name": each.name, "numbers": [each.mobile]}
        for name, each in zip(_names(answers.on_call), answers.on_call, strict=True)
    }
    sections: dict[str, Any] = {
        **{name: site[name] for name in ("queues", "mailboxes", "flows", "prompts")},
        "people": people,
        "oncall": site.get("oncall", {}),
    }
    edits: list[Edit] = []
    for name, section in sections.items():
        if section:
            edits.append(Put((name,), section))
        elif name in before:
            edits.append(Remove((name,)))
    lines = [name for name, line in before.get("lines", {}).items() if "flow" in line]
    return [*edits, *(Put(("lines", name, "flow"), "main") for name in lines)]


def _names(on_call: Sequence[OnCall]) -> list[str]:
    """Each person's word in the site file."""
    found: list[str] = []
    for each in on_call:
        word = dashed(each.name) or "doctor"
        word = word.removeprefix("dr-")[:30].strip("-") or "doctor"
        alike = sum(re.sub(r"-[0-9]+$", "", name) == word for name in found)
        found.append(f"{word}-{alike + 1}" if alike else word)
    return found


# ---- a menu's file, filled in ----


def _part(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / f"{name}.toml").read_text("utf-8"))


def _together(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Later parts win, key by key; choices of a menu are replaced whole."""
    site: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(value, dict) and isinstance(site.get(key), dict)
            site[key] = _together([site[key], value]) if both and key != "choices" else value
    return site


def _words(answers: Answers, today: date) -> dict[str, Any]:
    return {
        "clinic": answers.clinic,
        "address": answers.address,
        "hours": spoken(answers.hours),
        "site": answers.address,
        "other_site": answers.other_site,
        "monday": today - timedelta(days=today.weekday()),
        "last": next(iter(_names(answers.on_call)), ""),
    }


def _filled(part: Any, answers: Answers, words: Mapping[str, Any]) -> Any:
    if isinstance(part, dict):
        return {key: _filled(value, answers, words) for key, value in part.items()}
    if isinstance(part, list):
        return [each for one in part for each in _listed(one, answers, words)]
    if isinstance(part, str):
        if (whole := re.fullmatch(r"\{(\w+)\}", part)) is not None:
            return words[whole[1]]
        return re.sub(r"\{(\w+)\}", lambda found: str(words[found[1]]), part)
    return part


def _listed(one: Any, answers: Answers, words: Mapping[str, Any]) -> list[Any]:
    match one:
        case "@on-call":
            return _names(answers.on_call)
        case str() if one.startswith("@"):
            return answers.of(Work(one[1:]))
        case _:
            return [_filled(one, answers, words)]


# ---- hours, as they are said ----


def spoken(hours: Mapping[str, Sequence[Opening]]) -> str:
    """ "We are open Monday through Friday from 8 in the morning until 5 in the afternoon"."""
    week = [(day, tuple(hours.get(day, ()))) for day in DAYS]
    told = [
        f"{_days([day for day, _ in run])} {' and '.join(map(_span, spans))}"
        for spans, run in ((spans, list(run)) for spans, run in groupby(week, lambda each: each[1]))
        if spans
    ]
    return f"We are open {', '.join(told)}" if told else "Our hours change from week to week"


def _days(days: Sequence[str]) -> str:
    first, last = DAYS[days[0]], DAYS[days[-1]]
    if len(days) == 1:
        return first
    return f"{first} {'and' if len(days) == 2 else 'through'} {last}"


def _span(span: Opening) -> str:
    return f"from {_time(span.begins)} until {_time(span.ends)}"


def _time(moment: time) -> str:
    if moment == NOON:
        return "noon"
    if moment == time(0):
        return "midnight"
    hour, minute = moment.hour % 12 or 12, f" {moment.minute:02}" if moment.minute else ""
    part = "in the morning" if moment < NOON else "in the afternoon"
    return f"{hour}{minute} {part if moment < time(18) else 'in the evening'}"
