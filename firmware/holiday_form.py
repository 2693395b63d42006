"""A public holiday as somebody fills it in: a day like any other, closed, cut short, or open at
times of its own, and what callers hear while it closes the clinic.

It is told by its name, wherever it falls. What is as for every holiday is not written at all.
"""

from collections.abc import Mapping
from typing import Any

from firmware.edits import Edit, Put, Remove
from firmware.exception_form import CUTS, OPEN, How, how_texts, say_of, times_of
from firmware.fields import Texts
from firmware.filling import Filled, Told, changed, document_of, steps_of
from firmware.sections import Document
from firmware.settings import Beside, Fault, nothing_beside

ORDINARY = "ordinary"  # beside the ways of an exception: the clinic works as on any other day


def told_of(document: Document, name: str) -> Mapping[str, Any]:
    """What the site file says of it."""
    section = document.get("holidays")
    days = section.get("days") if isinstance(section, dict) else None
    found = days.get(name) if isinstance(days, dict) else None
    return found if isinstance(found, dict) else {}


def texts_of(written: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the fields."""
    texts = how_texts(written)
    return texts if written.get("observed", True) else texts | {"how": ORDINARY}


def fill(text: str, name: str, texts: Texts, beside: Beside = nothing_beside) -> Filled:
    """The text with this holiday as it was filled in."""
    document = document_of(text)
    written = told_of(document, name)
    faults = dict[str, Told]()
    is_ordinary = texts.get("how") == ORDINARY
    # Whatever belongs to another way is refused there, and here: nothing that was typed is lost.
    asked = {**texts, "how": How.CLOSED} if is_ordinary else texts
    value: dict[str, Any] = times_of(asked, faults)
    if is_ordinary:
        value["observed"] = False
    elif say := say_of(document, written, texts, faults):
        value["say"] = say
    if faults:
        return Filled(None, faults)
    path = ("holidays", "days", name)
    edits: list[Edit] = [Put(path, value)] if value != written else []
    if not value:
        edits = [Remove(path)] if written else []
    return changed(text, path, edits, _field_of, beside) if edits else Filled(text)


def _field_of(fault: Fault) -> str:
    first = next(iter(steps_of(fault)), "how")
    return str(first) if first in (*CUTS, OPEN, "say") else "how"
