"""What can be filled in of a node, read from the very forms that the site file is judged by: a form
on a page can neither lack a key that a node has nor offer one that it has not.

What is typed is taken as it is, also where it is wrong: the site file's own forms say so then. Only
what was left empty is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from firmware.forms import Key, Strict, Target, Word
from firmware.settings import EVERY_NODE_FORM

KEYS = (*"1234567890", "*", "#")
Table = Mapping[str, Any]  # a node as tomllib gives it
Typed = Mapping[str, str]  # what a page's form sends


class Control(StrEnum):
    """How a value is chosen or typed."""

    TARGET = "target"  # a node of this flow, or another flow
    PROMPT = "prompt"
    PROMPTS = "prompts"  # several, one after the other
    KEY_TARGETS = "key targets"  # for each key of the telephone, where it leads
    KEY_PROMPTS = "key prompts"
    KEY_WORDS = "key words"  # for each key, what it means
    NAME = "name"  # a part of a section of the site file
    NAMES = "names"
    ONE_OF = "one of"
    SOME_OF = "some of"
    NUMBER = "number"
    TEXT = "text"
    YES = "yes"
    ROWS = "rows"  # a form for each


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a node's form."""

    name: str
    control: Control
    is_required: bool
    default: Any = None  # what holds where nothing is written
    section: tuple[str, ...] = ()  # whose names are offered
    options: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    within: tuple["Field", ...] = ()  # of each row


# Words whose names stand in a section of the site file.
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "also": ("queues",),
    "closed": ("hours",),
    "hours": ("hours",),
    "mailbox": ("mailboxes",),
    "oncall": ("oncall", "layers"),
    "people": ("people",),
    "phones": ("phones",),
    "queue": ("queues",),
}
PROMPTS = frozenset({"prompts", "about", "wrong"})
NOTE = "note"


@cache
def fields_of(kind: str) -> tuple[Field, ...]:
    """Of a kind of node, without the kind itself; none of a kind that there is not."""
    form = EVERY_NODE_FORM.get(kind)
    return _fields(form) if form else ()


def _fields(form: type[Strict]) -> tuple[Field, ...]:
    hints = get_type_hints(form, include_extras=True)
    written = [name for name in form.model_fields if not _says_the_kind(hints[name])]
    written.sort(key=NOTE.__eq__)  # the note comes last
    return tuple(_field(name, hints[name], form.model_fields[name]) for name in written)


def _says_the_kind(hint: Any) -> bool:
    return get_origin(hint) is Literal and len(get_args(hint)) == 1


def _field(name: str, hint: Any, info: FieldInfo) -> Field:
    args = get_args(hint) if not hasattr(hint, "__metadata__") else ()
    inner = [each for each in args if each is not NoneType]
    if NoneType in args and len(inner) == 1:  # it may be left out
        hint = inner[0]
    least, most = _bounds(info)
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    control, section, options, within = _control(name, hint)
    return Field(name, control, info.is_required(), default, section, options, least, most, within)


def _control(name: str, hint: Any) -> tuple[Control, tuple[str, ...], tuple[str, ...], Any]:
    """How it is chosen, from which section or options, and the fields of a row."""
    nothing: tuple[str, ...] = ()
    if hint is Target:
        return Control.TARGET, nothing, nothing, ()
    bare = _bare(hint)
    match get_origin(bare), get_args(bare):
        case _ if hint is Word and name in PROMPTS:
            return Control.PROMPT, nothing, nothing, ()
        case _ if hint is Word and name in SECTIONS:
            return Control.NAME, SECTIONS[name], nothing, ()
        case origin, (key, value) if origin is dict and key is Key and value is Target:
            return Control.KEY_TARGETS, nothing, nothing, ()
        case origin, (key, _) if origin is dict and key is Key:
            is_said = name in PROMPTS
            return Control.KEY_PROMPTS if is_said else Control.KEY_WORDS, nothing, nothing, ()
        case origin, (item,) if origin is list:
            if isinstance(item, type) and issubclass(item, BaseModel):
                return Control.ROWS, nothing, nothing, _fields(cast("type[Strict]", item))
            if name in PROMPTS:
                return Control.PROMPTS, nothing, nothing, ()
            if name in SECTIONS:
                return Control.NAMES, SECTIONS[name], nothing, ()
            return Control.SOME_OF, nothing, _options(_bare(item)), ()
        case _:
            pass
    if options := _options(bare):
        return Control.ONE_OF, nothing, options, ()
    if isinstance(bare, type) and issubclass(bare, bool):
        return Control.YES, nothing, nothing, ()
    if isinstance(bare, type) and issubclass(bare, int | float):
        return Control.NUMBER, nothing, nothing, ()
    return Control.TEXT, nothing, nothing, ()


def _bare(hint: Any) -> Any:
    """Without what is annotated to it."""
    return get_args(hint)[0] if hasattr(hint, "__metadata__") else hint


def _options(bare: Any) -> tuple[str, ...]:
    if get_origin(bare) is Literal:
        return tuple(map(str, get_args(bare)))
    if isinstance(bare, type) and issubclass(bare, StrEnum):
        return tuple(map(str, bare))
    if Key in get_args(bare):  # a key, or none
        return ("", *KEYS)
    return ()


def _bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    """The least and the most of a number."""
    limits = [*info.metadata]
    for argument in get_args(info.annotation):
        for each in getattr(argument, "__metadata__", ()):
            limits += getattr(each, "metadata", ())
    least = next((x for each in limits if (x := getattr(each, "ge", None)) is not None), None)
    most = next((x for each in limits if (x := getattr(each, "le", None)) is not None), None)
    return least, most


# ---- where ways lead, also in a node that is not as it should be ----


@dataclass(frozen=True, slots=True)
class Way:
    """A target that is written in a node: its keys there, and what is written."""

    key: tuple[str | int, ...]
    target: str


def ways_of(table: object) -> Iterator[Way]:
    """Every way out of a node, in the order of its form."""
    if isinstance(table, Mapping):
        yield from _ways(fields_of(str(table.get("kind"))), table, ())


def _ways(fields: tuple[Field, ...], table: Table, at: tuple[str | int, ...]) -> Iterator[Way]:
    for field in fields:
        value = table.get(field.name)
        match field.control, value:
            case Control.TARGET, str(target):
                yield Way((*at, field.name), target)
            case Control.KEY_TARGETS, Mapping():
                for key, target in value.items():
                    if isinstance(target, str):
                        yield Way((*at, field.name, key), target)
            case Control.ROWS, list(rows):
                for index, row in enumerate(rows):
                    if isinstance(row, Mapping):
                        yield from _ways(field.within, row, (*at, field.name, index))
            case _:
                pass


# ---- what was typed ----


def typed_node(kind: str, typed: Typed, now: Table) -> dict[str, Any]:
    """The node that a page's form describes. What is as it would be without being written is not
    written, unless it is `now`."""
    return {"kind": kind, **_typed_table(fields_of(kind), typed, "", now)}


def _typed_table(
    fields: tuple[Field, ...], typed: Typed, before: str, now: Table
) -> dict[str, Any]:
    table = {}
    for field in fields:
        value = _typed(field, typed, f"{before}{field.name}", now.get(field.name))
        is_usual = value == field.default and field.name not in now
        if value is not None and (field.is_required or not is_usual):
            table[field.name] = value
    return table


def _typed(field: Field, typed: Typed, name: str, now: Any) -> Any:
    """None: nothing stands there."""
    match field.control:
        case Control.YES:
            return bool(typed.get(name))
        case Control.NUMBER:
            return _number(typed.get(name, "")) if typed.get(name) else None
        case Control.PROMPTS | Control.NAMES | Control.SOME_OF:
            found = [typed[each] for each in _numbered(typed, name) if typed[each]]
            return found if found or field.is_required or field.default else None
        case Control.KEY_TARGETS | Control.KEY_PROMPTS | Control.KEY_WORDS:
            keyed = {key: typed[each] for key in KEYS if typed.get(each := f"{name}.{key}")}
            return keyed if keyed or field.is_required else None
        case Control.ROWS:
            written = [each for each in now if isinstance(each, Mapping)] if now else []
            written += [{}] * (ROWS_MOST - len(written))
            rows = [
                _typed_table(field.within, typed, f"{name}.{index}.", row)
                for index, row in enumerate(written[:ROWS_MOST])
            ]
            kept = [row for row in rows if any(row.values())]
            return kept if kept or field.is_required else None
        case Control.ONE_OF if "" in field.options:
            return typed.get(name)
        case _:
            return typed.get(name) or None


ROWS_MOST = 11  # that a form shows: no node may have more


def _numbered(typed: Typed, name: str) -> list[str]:
    """`phones.0`, `phones.1` …, in order."""
    head = f"{name}."
    found = [each for each in typed if each.startswith(head) and each[len(head) :].isdecimal()]
    return sorted(found, key=lambda each: int(each[len(head) :]))


def _number(text: str) -> int | float | str:
    """As it is written in a site file; what is no number stays as it was typed."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
