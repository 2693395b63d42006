"""A form of the site file as fields that somebody fills in: which there are and of what kind, the
text in each of them for a value, and the value again for such text.

All of it is told by the form's own model, so a key that is added there has its field here. What was
left at its usual value and did not stand in the file is not written into it, and a field that was
emptied is taken out of it. Nothing is judged here: the model does that.
"""

import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, Union, cast, get_args, get_origin

from pydantic import BaseModel

from firmware.forms import described

Value: TypeAlias = str | int | float | bool | list["Value"] | dict[str, "Value"]
Texts: TypeAlias = Mapping[str, str]  # a field's name -> what stands in it
TICKED = "on"  # what a browser sends of a box that is ticked


class Kind(StrEnum):
    """How a field is filled in."""

    LINE = "line"
    NUMBER = "number"
    YES = "yes"  # ticked or not
    CHOICE = "choice"  # one of few words
    LINES = "lines"  # a list, each on a line of its own
    TICKS = "ticks"  # a list of some of few words, each ticked or not
    PAIRS = "pairs"  # names with what belongs to each, `name = value` on each line
    GROUP = "group"  # fields that belong together, or none of them
    GROUPS = "groups"  # several of these


@dataclass(frozen=True, slots=True)
class Field:
    """One of a form's. Those of a group have their names behind the group's: `callbacks.hours`."""

    name: str
    kind: Kind
    cure: str  # what belongs there
    is_needed: bool
    usual: Value | None = None  # what holds where nothing is written
    choices: tuple[str, ...] = ()
    inside: tuple["Field", ...] = ()
    most: int = 1  # how many groups
    is_counted: bool = False  # of pairs: numbers belong to the names


@cache
def fields_of(form: type[BaseModel]) -> tuple[Field, ...]:
    """A form's, in the order in which it has them."""
    return tuple(_fields(form, ""))


def _fields(form: type[BaseModel], before: str) -> Iterator[Field]:
    for key, found in form.model_fields.items():
        name = f"{before}{found.alias or key}"
        usual = None if found.is_required() else found.get_default(call_default_factory=True)
        of = _Annotation.of(found.annotation, found.metadata)
        cure = found.description or of.cure
        is_needed = found.is_required()
        yield _field(name, of, cure, is_needed, _plain(usual))


def _field(name: str, of: "_Annotation", cure: str, is_needed: bool, usual: Value | None) -> Field:
    kind, arguments = of.kind, get_args(of.bare)
    match kind:
        case Kind.CHOICE:
            return Field(name, kind, cure, is_needed, usual, tuple(map(str, arguments)))
        case Kind.LINES:
            element = _Annotation.of(arguments[0])
            if element.kind is Kind.CHOICE:
                words = tuple(map(str, get_args(element.bare)))
                return Field(name, Kind.TICKS, cure, is_needed, usual, words)
            if element.kind is Kind.GROUP:
                inside = tuple(_fields(element.bare, ""))
                return Field(name, Kind.GROUPS, cure, is_needed, usual, inside=inside, most=of.most)
            return Field(name, kind, cure, is_needed, usual)
        case Kind.PAIRS:
            is_counted = _Annotation.of(arguments[1]).kind is Kind.NUMBER
            return Field(name, kind, cure, is_needed, usual, is_counted=is_counted)
        case Kind.GROUP:
            inside = tuple(_fields(of.bare, f"{name}."))
            return Field(name, kind, cure, is_needed, usual, inside=inside)
        case _:
            return Field(name, kind, cure, is_needed, usual)


@dataclass(frozen=True, slots=True)
class _Annotation:
    """What pydantic is told of a value, without what is said of it beside."""

    bare: Any
    cure: str
    most: int = 1

    @classmethod
    def of(cls, annotation: Any, metadata: Sequence[object] = ()) -> "_Annotation":
        cure, most = "", 1
        while True:
            if get_origin(annotation) is Annotated:
                metadata = (*metadata, *annotation.__metadata__)
                cure = cure or described(annotation)
                annotation = get_args(annotation)[0]
            elif get_origin(annotation) in (Union, types.UnionType):
                (annotation,) = (one for one in get_args(annotation) if one is not type(None))
            else:
                break
        for each in metadata:
            for one in (each, *getattr(each, "metadata", ())):
                most = getattr(one, "max_length", None) or most
        return cls(annotation, cure, most)

    @property
    def kind(self) -> Kind:
        origin = get_origin(self.bare) or self.bare
        if origin is Literal:
            return Kind.CHOICE
        for base, kind in _KINDS:
            if isinstance(origin, type) and issubclass(origin, base):
                return kind
        raise TypeError(f"nobody can fill in {self.bare}: give firmware/fields.py a kind for it")


# The first that fits: a truth is a number too for Python.
_KINDS = (
    (bool, Kind.YES),
    (int, Kind.NUMBER),
    (float, Kind.NUMBER),
    (str, Kind.LINE),
    (list, Kind.LINES),
    (tuple, Kind.LINES),
    (dict, Kind.PAIRS),
    (BaseModel, Kind.GROUP),
)


def _plain(usual: object) -> Value | None:
    return list(usual) if isinstance(usual, tuple) else cast("Value | None", usual)


# ---- from a value to what stands in the fields ----


def texts_of(fields: Iterable[Field], written: Mapping[str, Value]) -> dict[str, str]:
    """What stands in the fields: what is written, else what holds without."""
    return dict(_texts(fields, written))


def _texts(fields: Iterable[Field], written: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    for field in fields:
        value = written.get(_key(field), field.usual)
        match field.kind, value:
            case Kind.YES, _:
                yield from [(field.name, TICKED)] if value else []
            case Kind.TICKS, list():
                yield from ((f"{field.name}.{each}", TICKED) for each in value)
            case Kind.GROUP, _:
                yield from _texts(field.inside, value if isinstance(value, dict) else {})
            case Kind.GROUPS, list():
                for index, each in enumerate(value):
                    for name, text in _texts(field.inside, each if isinstance(each, dict) else {}):
                        yield f"{field.name}.{index}.{name}", text
            case Kind.LINES, list():
                yield field.name, "\n".join(map(_text, value))
            case Kind.PAIRS, dict():
                pairs = (f"{name} = {_text(one)}" for name, one in value.items())
                yield field.name, "\n".join(pairs)
            case _, None:
                yield field.name, ""
            case _:
                yield field.name, _text(value)


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _key(field: Field) -> str:
    return field.name.rpartition(".")[2]


# ---- and back ----


def value_of(
    fields: Iterable[Field], texts: Texts, written: Mapping[str, Value]
) -> dict[str, Value]:
    """What is to be written where `written` stood: in its order, with what fields know nothing of
    left as it is. What cannot be read stands there as it was typed, for the model to refuse."""
    fields = list(fields)
    ours = {_key(field) for field in fields}
    read: dict[str, Value] = {}
    for field in fields:
        key = _key(field)
        value = _value(field, texts, written.get(key, field.usual))
        if value is not None and (key in written or value != field.usual):
            read[key] = value
    kept = {key: read[key] if key in ours else written[key] for key in written
            if key in read or key not in ours}  # fmt: skip
    return kept | read


def _value(field: Field, texts: Texts, before: Value | None) -> Value | None:
    text = texts.get(field.name, "").strip()
    match field.kind:
        case Kind.YES:
            return field.name in texts
        case Kind.NUMBER:
            return _number(text) if text else None
        case Kind.LINES:
            return [*_lines(text)] or _nothing(field)
        case Kind.TICKS:
            return _ticked(field, texts, before) or _nothing(field)
        case Kind.PAIRS:
            return _pairs(field, text)
        case Kind.GROUP:
            return _group(field.inside, texts, before)
        case Kind.GROUPS:
            return _groups(field, texts, before)
        case _:
            return text or None


def _lines(text: str) -> Iterator[str]:
    return (line.strip() for line in text.splitlines() if line.strip())


def _nothing(field: Field) -> Value | None:
    """An empty list says something only where a list holds without it."""
    return [] if isinstance(field.usual, list) else None


def _ticked(field: Field, texts: Texts, before: Value | None) -> list[Value]:
    """Those that were there before stay in their order, for the first may mean more."""
    start = f"{field.name}."
    now = [name.removeprefix(start) for name in texts if name.startswith(start)]
    had = [each for each in before if each in now] if isinstance(before, list) else []
    return [*had, *(each for each in now if each not in had)]


def _pairs(field: Field, text: str) -> Value:
    pairs: dict[str, Value] = {}
    for line in _lines(text):
        name, _, value = (part.strip() for part in line.partition("="))
        # A name that stands there twice has no one value, and none is drawn from a hat.
        twice = name in pairs
        pairs[name] = "" if twice else _number(value) if field.is_counted else value
    return pairs


def _group(fields: Sequence[Field], texts: Texts, before: Value | None) -> Value | None:
    """None where none of what it needs is filled in."""
    if not any(_is_filled(each, texts) for each in fields if each.is_needed):
        return None
    had = before if isinstance(before, dict) else {}
    return cast(Value, value_of(fields, texts, had))


def _is_filled(field: Field, texts: Texts) -> bool:
    return any(
        text.strip()
        for name, text in texts.items()
        if name == field.name or name.startswith(f"{field.name}.")
    )


def _groups(field: Field, texts: Texts, before: Value | None) -> Value:
    had = before if isinstance(before, list) else []
    found: list[Value] = []
    for index in range(field.most):
        start = f"{field.name}.{index}."
        these = {n.removeprefix(start): text for n, text in texts.items() if n.startswith(start)}
        group = _group(field.inside, these, had[index] if index < len(had) else None)
        if group is not None:
            found.append(group)
    return found


def _number(text: str) -> Value:
    """Itself where it is none. A comma is how half the world writes a point."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return text


def place_of(fields: Iterable[Field], inside: Sequence[str | int]) -> str:
    """The field to which a place in the value belongs, as a form names it; empty: to none."""
    return ".".join(map(str, _steps(fields, inside)))


def _steps(fields: Iterable[Field], inside: Sequence[str | int]) -> Iterator[str | int]:
    for field in fields:
        if not inside or inside[0] != _key(field):
            continue
        yield _key(field)
        match field.kind, list(inside[1:]):
            case Kind.GROUP, rest:
                yield from _steps(field.inside, rest)
            case Kind.GROUPS, [int() as index, *rest]:
                if deeper := list(_steps(field.inside, rest)):
                    yield from (index, *deeper)


def field_at(fields: Iterable[Field], inside: Sequence[str | int]) -> Field | None:
    """That field itself."""
    for field in fields:
        if inside and inside[0] == _key(field):
            rest = [part for part in inside[1:] if not isinstance(part, int)]
            return field_at(field.inside, rest) or field
    return None
