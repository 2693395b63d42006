"""A rotation of [oncall] as somebody fills it in: who, in which order, for how long, from which day
and at what time of day it is handed over, and when it holds at all; layers, and what is for all of
them.

A layer whose last rotation goes goes with it, unless a menu or what was agreed still names it; with
the last layer goes the whole section.
"""

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, get_args

from firmware.edits import Edit, Move, Put, Remove, Rename
from firmware.fields import Texts, fields_of
from firmware.filling import (
    GONE,
    NAME,
    NOTHING_THERE,
    TAKE_OUT,
    Filled,
    Told,
    changed,
    changes,
    document_of,
    faults_by_the_model,
    field_of,
    judged,
    steps_of,
    wrong_name,
)
from firmware.forms import WEEKDAYS
from firmware.oncall_section import (
    LAYERS_MOST,
    ROTATIONS_MOST,
    TURN_DAYS,
    ByTurnsForm,
    DayWord,
    OncallForm,
)
from firmware.sections import Document, Section, Shape, places_of
from firmware.settings import Beside, Fault, dotted, nothing_beside
from firmware.times_form import CLOCK, MIDNIGHT, SPANS_MOST, listed, pairs_of, wrong_with
from firmware.toml_lines import Path

ONCALL = Section("oncall", OncallForm, Shape.ONE)
LAYERS = Section("layers", ByTurnsForm)  # within [oncall]; whose names are words too
PEOPLE_MOST, TURN_DAYS_MOST = 50, 60
DAY_WORDS: tuple[str, ...] = get_args(DayWord)
LAST_RESORT = "last_resort"
FEW_DIGITS = re.compile("[0-9]{1,2}")

FULL_LAYERS = Told("There can be no more layers.", "Add a rotation to one that is there.")
FULL_ROTATIONS = Told("There can be no more rotations in a layer.", "Change one that is there.")
BAD_DAYS = Told("This does not fit.", "Write a number of days from 1 to 60.")
BAD_DAY = Told("This is no day.", "Write it like 2026-03-31.")
BAD_TIME = Told("This is no time.", "Write it like 08:00.")
NOBODY = Told("Nobody is named.", "Choose at least one person.")
NO_WEEKDAY = Told("These times have no days.", "Choose on which days they hold.")


class Kind(StrEnum):
    """How people take turns."""

    TURNS = "turns"
    WEEKDAYS = "weekdays"


def kind_of(written: Mapping[str, Any]) -> Kind:
    return Kind.WEEKDAYS if "by_weekday" in written else Kind.TURNS


def layers_of(document: Document) -> dict[str, list[Mapping[str, Any]]]:
    """What stands there, as far as it can be understood."""
    section = document.get("oncall")
    layers = section.get("layers") if isinstance(section, dict) else None
    found = layers.items() if isinstance(layers, dict) else ()
    return {
        str(name): [one for one in rotations if isinstance(one, dict)]
        for name, rotations in found
        if isinstance(rotations, list)
    }


def rotation_of(document: Document, layer: str, place: int) -> Mapping[str, Any] | None:
    rotations = layers_of(document).get(layer, [])
    return rotations[place] if 0 <= place < len(rotations) else None


# ---- a rotation ----


def texts_of(written: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the fields."""
    texts = {f"person-{place}": each for place, each in enumerate(listed(written, "people"), 1)}
    turn = written.get("turn", "weekly")
    texts["days"] = str(TURN_DAYS.get(turn, turn) if isinstance(turn, str) else turn)
    for key in ("begins", "hand_off"):
        if key in written:
            texts[key] = str(written[key])
    days = written.get("by_weekday")
    texts |= {str(day): str(each) for day, each in days.items()} if isinstance(days, dict) else {}
    return texts | _only_texts(written.get("only"))


def _only_texts(only: object) -> dict[str, str]:
    texts, place = dict[str, str](), 0
    if not isinstance(only, dict):
        return texts
    for word in only:
        for times in listed(only, word):
            place += 1
            opens, _, closes = times.partition("-")
            texts[f"only-{place}-day"] = str(word)
            texts[f"only-{place}-opens"] = opens
            texts[f"only-{place}-closes"] = "00:00" if closes == MIDNIGHT else closes
    return texts


def fill(
    text: str,
    layer: str | None,
    place: int | None,
    kind: Kind,
    texts: Texts,
    beside: Beside = nothing_beside,
) -> Filled:
    """The text with a rotation as it was filled in: at its place in a layer; without a place behind
    the others of the layer; without a layer as the first of a new one."""
    document = document_of(text)
    written: Mapping[str, Any] = {}
    if layer is not None and place is not None:
        found = rotation_of(document, layer, place)
        if found is None:
            return Filled(None, {"": GONE})
        written = found
    value, faults = _value(kind, texts, written)
    called = layer or texts.get(NAME, "").strip()
    faults |= _faults_of_place(document, layer, place, called)
    begun, wrong = _begun(document, texts)
    faults |= wrong
    if faults:
        return Filled(None, faults)
    rotations = layers_of(document).get(called, [])
    above: Path = ("oncall", "layers", called)
    path: Path = (*above, len(rotations) if place is None else place)
    edits: list[Edit]
    if place is not None:
        edits = changes(path, written, value)
    else:
        edits = [*begun, Put(path, value) if rotations else Put(above, [value])]
    return changed(text, path, edits, _field_of, beside)


def _begun(document: Document, texts: Texts) -> tuple[list[Edit], dict[str, Told]]:
    """The section itself, where there is none yet."""
    if "oncall" in document:
        return [], {}
    if not (last := texts.get(LAST_RESORT, "").strip()):
        return [], {LAST_RESORT: NOTHING_THERE}
    return [Put(("oncall", LAST_RESORT), last)], {}


def _faults_of_place(
    document: Document, layer: str | None, place: int | None, called: str
) -> dict[str, Told]:
    layers = layers_of(document)
    if layer is None:
        section = document.get("oncall", {})
        wrong = FULL_LAYERS if len(layers) >= LAYERS_MOST else wrong_name(section, LAYERS, called)
        return {NAME: wrong} if wrong else {}
    if layer not in layers:
        return {"": GONE}
    if place is None and len(layers[layer]) >= ROTATIONS_MOST:
        return {"": FULL_ROTATIONS}
    return {}


def _value(
    kind: Kind, texts: Texts, written: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Told]]:
    faults = dict[str, Told]()
    value: dict[str, Any] = {}
    if kind is Kind.WEEKDAYS:
        value["by_weekday"] = {day: texts[day] for day in WEEKDAYS if texts.get(day, "").strip()}
        if not value["by_weekday"]:
            faults[WEEKDAYS[0]] = NOBODY
    else:
        value |= _turns(texts, written, faults)
    value["hand_off"] = hand_off = texts.get("hand_off", "").strip()
    if not CLOCK.fullmatch(hand_off):
        faults["hand_off"] = BAD_TIME if hand_off else NOTHING_THERE
    only = _only(texts)
    if isinstance(only, Told):
        faults["only"] = only
    elif only:
        value["only"] = only
    return value, faults


def _turns(texts: Texts, written: Mapping[str, Any], faults: dict[str, Told]) -> dict[str, Any]:
    named = (texts.get(f"person-{n}", "").strip() for n in range(1, PEOPLE_MOST + 1))
    people = [each for each in named if each]
    if not people:
        faults["people"] = NOBODY
    days, day = texts.get("days", "").strip(), texts.get("begins", "").strip()
    if not (FEW_DIGITS.fullmatch(days) and 1 <= int(days) <= TURN_DAYS_MOST):
        faults["days"] = BAD_DAYS if days else NOTHING_THERE
        days = "7"
    try:
        begins = date.fromisoformat(day)
    except ValueError:
        faults["begins"] = BAD_DAY if day else NOTHING_THERE
        begins = date.max
    return {"people": people, "turn": _turn(int(days), written.get("turn")), "begins": begins}


def _turn(days: int, written: object) -> str | int:
    """In the word for it, unless its number stands there already."""
    if written == days:
        return days
    return next((word for word, length in TURN_DAYS.items() if length == days), days)


def _only(texts: Texts) -> dict[str, list[str]] | Told:
    """An end that is not after its beginning is the next day's."""
    only: dict[str, list[str]] = {}
    for place, opens, closes in pairs_of(texts, "only"):
        if (wrong := wrong_with(opens, closes)) is not None:
            return wrong
        day = texts.get(f"only-{place}-day", "")
        if day not in DAY_WORDS:
            return NO_WEEKDAY
        only.setdefault(day, []).append(f"{opens}-{closes}")
    return only


def only_count(texts: Texts) -> int:
    """How many lines of times are drawn: one more than are filled in."""
    filled = [place for place, _, _ in pairs_of(texts, "only")]
    return min(SPANS_MOST, max(2, (filled[-1] if filled else 0) + 1))


def people_count(texts: Texts) -> int:
    """How many people are drawn: two more than are named."""
    named = [n for n in range(1, PEOPLE_MOST + 1) if texts.get(f"person-{n}", "").strip()]
    return min(PEOPLE_MOST, max(4, (named[-1] if named else 0) + 2))


def _field_of(fault: Fault) -> str:
    match steps_of(fault):
        case ["by_weekday", str() as day, *_] if day in WEEKDAYS:
            return day
        case ["turn", *_]:
            return "days"
        case [("people" | "begins" | "hand_off" | "only") as key, *_]:
            return str(key)
        case _:
            return ""


# ---- layers ----


def take_away(text: str, layer: str, place: int) -> Filled:
    """Without this rotation."""
    document = document_of(text)
    if rotation_of(document, layer, place) is None:
        return Filled(None, {"": GONE})
    layers = layers_of(document)
    path: Path = ("oncall", "layers", layer)
    if len(layers[layer]) > 1:
        return changed(text, path, [Remove((*path, place))], lambda _: "")
    if places := places_of(document, LAYERS.name, layer):
        where = ", ".join(dotted(each) for each in places)
        return Filled(None, {"": Told(f"It is still named by {where}.", TAKE_OUT)})
    return changed(text, path, [Remove(path if len(layers) > 1 else ("oncall",))], lambda _: "")


def rename(text: str, layer: str, new: str) -> Filled:
    """The same layer under another name, wherever it is named."""
    document = document_of(text)
    if layer not in layers_of(document):
        return Filled(None, {"": GONE})
    if new == layer:
        return Filled(text)
    if (wrong := wrong_name(document["oncall"], LAYERS, new)) is not None:
        return Filled(None, {NAME: wrong})
    places = places_of(document, LAYERS.name, layer)
    edits: list[Edit] = [*(Put(place, new) for place in places)]
    done = judged(text, [*edits, Rename(("oncall", "layers", layer), new)], nothing_beside)
    return Filled(None, {"": done}) if isinstance(done, Told) else Filled(done[0])


def sooner(text: str, layer: str, place: int | None = None) -> Filled:
    """A layer before the one that is tried before it now; or one of its rotations, by its place."""
    layers = layers_of(document_of(text))
    path: Path = ("oncall", "layers", layer)
    keys: list[str | int] = list(layers)
    key: str | int = layer
    if place is not None:
        keys, key, path = list(range(len(layers.get(layer, [])))), place, (*path, place)
    if key not in keys:
        return Filled(None, {"": GONE})
    at = keys.index(key)
    if at == 0:
        return Filled(text)
    return changed(text, path[:3], [Move(path, keys[at - 1])], lambda _: "")


# ---- what is for all layers ----


def common_texts(document: Document) -> dict[str, str]:
    """What stands in its fields: what is written, else what holds without."""
    written = ONCALL.part(document, "") or {}
    usual = {field.name: field.usual for field in fields_of(OncallForm)}
    known = {key: written.get(key, value) for key, value in usual.items()}
    return {key: _shown(value) for key, value in known.items()}


def _shown(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def fill_common(text: str, texts: Texts, beside: Beside = nothing_beside) -> Filled:
    """The text with what was filled in for all layers."""
    document, fields = document_of(text), fields_of(OncallForm)
    written = ONCALL.part(document, "")
    if written is None:
        return Filled(None, {"": GONE})
    own = {field.name: field.usual for field in fields}
    value: dict[str, Any] = {}
    for key, usual in own.items():
        typed = texts.get(key, "").strip()
        number = _number(typed) if isinstance(usual, int | float) else typed
        if number != "" and (number != usual or key in written):
            value[key] = number
    faults = dict(faults_by_the_model(ONCALL, fields, value))
    if faults:
        return Filled(None, faults)
    before = {key: written[key] for key in own if key in written}
    edits = changes(ONCALL.path(""), before, value)
    return changed(text, ONCALL.path(""), edits, lambda fault: field_of(fields, fault), beside)


def _number(typed: str) -> float | int | str:
    """What is no number is judged as it was typed."""
    try:
        found = float(typed.replace(",", "."))
    except ValueError:
        return typed
    return int(found) if found.is_integer() else found
