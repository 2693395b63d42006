"""A part of the site file as somebody has filled it in, taken away or renamed: the text with it, or
what is wrong beside each field.

It is judged twice: by the part's own model, and then by the whole file, whose reading alone sees
that a number is somebody else's already. What was wrong before is not blamed on who changes
something else. Nothing is kept here: that is the draft's.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from pydantic import ValidationError

from firmware import settings
from firmware.edits import Edit, EditError, Put, Remove, Rename, edited
from firmware.fields import Field, Kind, Texts, Value, field_at, place_of, value_of
from firmware.forms import cure_for, described
from firmware.sections import (
    KEEPING_NAMES,
    Document,
    Section,
    Shape,
    names_for,
    parts_called,
    places_of,
)
from firmware.settings import SECTION_MAX, Beside, Fault, dotted, nothing_beside
from firmware.toml_lines import Path

NAME = "called"  # the field in which a part's own name is filled in


@dataclass(frozen=True, slots=True)
class Told:
    """What is wrong with a field, and what belongs there."""

    reason: str
    cure: str


@dataclass(frozen=True, slots=True)
class Filled:
    """The text with what was filled in; or None, and what is wrong beside each field. Beside ""
    stands what is of none of them."""

    text: str | None
    faults: Mapping[str, Told] = field(default_factory=dict)


EMPTY: tuple[Value | None, ...] = (None, "", [], {})
NOTHING_THERE = Told("Nothing is written here.", "Fill this in.")
BAD_NAME = Told("This cannot be a name here.", "")
TAKEN = Told("This name is taken.", "Choose another.")
FULL = Told("No more of these fit into the site file.", "Take one away that is not used any more.")
KEEPS = Told("This name stays: what lies in it would be lost.", "Add another part beside it.")
TAKE_OUT = "Take it out there first."
GONE = Told("This is not there any more: somebody has taken it away.", "Go back to the list.")


def document_of(text: str) -> Document:
    """What a draft says. It is TOML: whoever keeps a draft sees to that."""
    return tomllib.loads(text)


def fitted(
    section: Section, document: Document, known: Mapping[str, Sequence[str]] | None = None
) -> tuple[Field, ...]:
    """The section's fields, where those that name something else offer what there is. `known` are
    words for fields that name what does not stand in the file."""
    return tuple(_fitted(section, document, section.fields, known or {}))


def _fitted(
    section: Section,
    document: Document,
    fields: Iterable[Field],
    known: Mapping[str, Sequence[str]],
) -> Iterator[Field]:
    for each in fields:
        named = names_for(section, each)
        offered = known.get(each.name) or (list(parts_called(document, named)) if named else None)
        if each.inside and each.kind is Kind.GROUP:
            yield replace(each, inside=tuple(_fitted(section, document, each.inside, known)))
        elif offered is None:
            yield each
        else:
            kind = Kind.TICKS if each.kind is Kind.LINES else Kind.CHOICE
            yield replace(each, kind=kind, choices=tuple(offered))


def fill(
    text: str,
    section: Section,
    name: str | None,
    texts: Texts,
    *,
    fields: Sequence[Field] | None = None,
    beside: Beside = nothing_beside,
) -> Filled:
    """What was filled in of a part; None of its name: of a new one."""
    document = document_of(text)
    fields = section.fields if fields is None else fields
    written = _written(document, section, name)
    if written is None:
        return Filled(None, {"": GONE})
    value = value_of(fields, texts, written)
    faults = dict(faults_by_the_model(section, fields, value))
    called = _called(document, section, name, texts)
    if isinstance(called, Told):
        return Filled(None, {**faults, NAME: called})
    if faults:
        return Filled(None, faults)
    return put(text, section, called, written, value, fields=fields, beside=beside)


def put(
    text: str,
    section: Section,
    called: str,
    written: Mapping[str, Value],
    value: Mapping[str, Value],
    *,
    fields: Sequence[Field] | None = None,
    beside: Beside = nothing_beside,
) -> Filled:
    """A part's value in place of what was written, judged by the whole file."""
    path = section.path(called)
    is_there = section.part(document_of(text), called) is not None
    edits = changes(path, written, value) if is_there else [Put(path, value)]
    within = section.fields if fields is None else fields
    return changed(text, path, edits, lambda fault: field_of(within, fault), beside)


def changed(
    text: str,
    path: Path,
    edits: Sequence[Edit],
    named: Callable[[Fault], str],
    beside: Beside = nothing_beside,
) -> Filled:
    """The text with these changes of the part at this place, judged by the whole file. What is
    wrong in that part stands beside the field that `named` says, by its place within the part."""
    done = judged(text, edits, beside)
    if isinstance(done, Told):
        return Filled(None, {"": done})
    new, faults = done
    ours = {named(found): found for found in inside_of(path, faults)}
    if ours:
        return Filled(None, {name: Told(each.reason, each.cure) for name, each in ours.items()})
    return Filled(new)


def take_away(text: str, section: Section, name: str) -> Filled:
    """Without this part; refused as long as anything names it."""
    document = document_of(text)
    if section.part(document, name) is None:
        return Filled(None, {"": GONE})
    if places := places_of(document, section.name, name):
        where = ", ".join(dotted(place) for place in places)
        return Filled(None, {"": Told(f"It is still named by {where}.", TAKE_OUT)})
    return _edited(text, [Remove(section.path(name))])


def rename(text: str, section: Section, name: str, new: str) -> Filled:
    """The same part under another name, wherever it is named."""
    document = document_of(text)
    if section.part(document, name) is None:
        return Filled(None, {"": GONE})
    if section.name in KEEPING_NAMES:
        return Filled(None, {NAME: KEEPS})
    if new == name:
        return Filled(text)
    if (bad := wrong_name(document, section, new)) is not None:
        return Filled(None, {NAME: bad})
    places = places_of(document, section.name, name)
    edits: list[Edit] = [*(Put(place, new) for place in places), Rename(section.path(name), new)]
    done = judged(text, edits, nothing_beside)
    if isinstance(done, Told):
        return Filled(None, {"": done})
    for wrong in inside_of(section.path(new), done[1]):
        return Filled(None, {NAME: Told(wrong.reason, wrong.cure)})
    return Filled(done[0])


def faults_of(text: str, beside: Beside = nothing_beside) -> tuple[Fault, ...]:
    """All that keeps this text from being published, as far as reading it tells."""
    return settings.draft(text, beside).faults


# ---- the part's own ----


def _written(document: Document, section: Section, name: str | None) -> Mapping[str, Value] | None:
    if name is None:
        return {}
    if section.shape is Shape.ONE:
        return section.part(document, "") or {}
    return section.part(document, name)


def _called(document: Document, section: Section, name: str | None, texts: Texts) -> str | Told:
    match section.shape, name:
        case Shape.ONE, _:
            return ""
        case _, str():
            return name
        case Shape.LISTED, None:
            return str(len(section.parts(document)) + 1)
        case _:
            new = texts.get(NAME, "").strip()
            if len(section.parts(document)) >= SECTION_MAX[section.name]:
                return FULL
            return wrong_name(document, section, new) or new


def wrong_name(document: Document, section: Section, name: str) -> Told | None:
    """Why a new part cannot be called that."""
    if not name:
        return NOTHING_THERE
    if not section.can_be_called(name):
        return replace(BAD_NAME, cure=described(section.names))
    if name in parts_called(document, section.name):
        return TAKEN
    return None


def faults_by_the_model(
    section: Section, fields: Sequence[Field], value: Mapping[str, Value]
) -> Iterator[tuple[str, Told]]:
    """What is wrong with a value by itself, beside its fields."""
    try:
        section.form.model_validate(value)
    except ValidationError as wrong:
        told = set()
        for each in wrong.errors(include_url=False, include_input=False, include_context=False):
            inside = tuple(part for part in each["loc"] if part != "[key]")
            name = place_of(fields, inside)
            if name not in told:
                told.add(name)
                is_empty = each["type"] == "missing" or value.get(str(inside[0])) in EMPTY
                cure = _cure(section, field_at(fields, inside), inside)
                yield name, NOTHING_THERE if is_empty else Told("This does not fit.", cure)


def _cure(section: Section, found: Field | None, inside: tuple[str | int, ...]) -> str:
    """Of an element its own; of a field inside a group that field's."""
    is_deep = found is not None and found.name != str(inside[0])
    return found.cure if found is not None and is_deep else cure_for(section.form, inside)


# ---- and the whole file's ----


def changes(path: Path, written: Mapping[str, Value], value: Mapping[str, Value]) -> list[Edit]:
    """Of single keys, so that every other line stays."""
    gone = [Remove((*path, key)) for key in written if key not in value]
    new = [Put((*path, key), one) for key, one in value.items() if written.get(key) != one]
    return [*gone, *new]


def judged(text: str, edits: Sequence[Edit], beside: Beside) -> tuple[str, list[Fault]] | Told:
    """The text with the changes, and what is wrong in it that was not before."""
    done = _edited(text, edits)
    if done.text is None:
        return done.faults[""]
    before = {(each.where, each.reason) for each in faults_of(text, beside)}
    now = faults_of(done.text, beside)
    return done.text, [each for each in now if (each.where, each.reason) not in before]


def _edited(text: str, edits: Sequence[Edit]) -> Filled:
    try:
        return Filled(edited(text, edits))
    except EditError as refused:
        why, _, cure = str(refused).partition("; ")
        return Filled(None, {"": Told(why, cure)})


def inside_of(path: Path, faults: Iterable[Fault]) -> Iterator[Fault]:
    """Those that lie at this place or below."""
    here = dotted(path)
    for each in faults:
        rest = each.where.removeprefix(here)
        if each.where.startswith(here) and (not rest or rest[0] in ".["):
            yield replace(each, where=rest)


_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


def steps_of(fault: Fault) -> list[str | int]:
    """The keys and indices of a fault's place, one below the other."""
    found = cast("list[tuple[str, str]]", _STEP.findall(fault.where))
    return [name or int(number) - 1 for name, number in found]


def field_of(fields: Sequence[Field], fault: Fault) -> str:
    inside = steps_of(fault)
    return place_of(fields, inside) if inside else NAME
