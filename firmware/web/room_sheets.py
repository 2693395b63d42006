"""Two sheets to print: who is at which number, and in big type how the telephones are used. They
show the draft, for what is about to be published is what one prints, and say so where it is not in
force. No caller and no patient is on them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from babel.dates import format_date
from fastapi import APIRouter, Request
from fastapi.responses import Response

from firmware.filling import document_of
from firmware.sections import Document
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.rooms import now_kept
from firmware.web.words import to_say
from ivr.plan import Parking

router = APIRouter()

# What is keyed at every telephone, and what it does; the README has all of it.
AT_REST = (
    ("*50", to_say("Pause: no calls from the queue")),
    ("*51", to_say("Back again")),
    ("*76 / *77", to_say("Do not disturb: on / off")),
    ("*72", to_say("… and a number: all my calls go there; *73 no more")),
    ("*80", to_say("Take the call that rings at a colleague's")),
    ("*97", to_say("Hear my messages")),
    ("*56 / *57", to_say("Clinic closed / open for the rest of the day; *55 as scheduled")),
)
AT_THE_DOOR = ("*35", to_say("Open the door; its code behind it"))
IN_A_TALK = (
    ("*1", to_say("… and a number: pass the caller on at once")),
    ("*2", to_say("… and a number: ask there first, then hang up to join the two")),
    ("*3", to_say("Park: the slot is spoken; dial it at any telephone")),
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number inside, whose it is, and where that stands."""

    number: str
    name: str
    where: str = ""


@router.get("/rooms/sheets/extensions")
def extensions(request: Request) -> Response:
    return _sheet(request, "sheet_extensions.html")


@router.get("/rooms/sheets/wall")
def wall(request: Request) -> Response:
    return _sheet(request, "sheet_wall.html")


def _sheet(request: Request, template: str) -> Response:
    kept, house = now_kept(request), house_of(request)
    document = document_of(kept.text)
    clinic = _table(document, "clinic")
    phones = sorted(_numbers(document, "phones"), key=lambda each: each.number)
    return render(
        request,
        template,
        phones=phones,
        others=[*_others(document)],
        emergency=clinic.get("emergency_numbers", ["911", "9911", "112"]),
        by_a_modem_alone=_is_by_a_modem_alone(document),
        prefixes=sorted({str(rule.get("prefix", "")) for rule in _rules(document)} - {""}),
        parking=clinic.get("parking", Parking().number),
        wrap_ups=_table(_table(document, "wrap_up"), "codes"),
        is_draft=bool(kept.done),
        today=format_date(house.now(), "long", locale=words_of(request).locale),
        at_rest=[*AT_REST, *([AT_THE_DOOR] if _table(document, "panel").get("door") else [])],
        in_a_talk=IN_A_TALK,
    )


def _is_by_a_modem_alone(document: Document) -> bool:
    """No trunk takes emergency calls, and a modem has to."""
    trunks = [one for one in _table(document, "trunks").values() if isinstance(one, dict)]
    return bool(_table(document, "modems")) and not any(
        one.get("emergency", True) for one in trunks
    )


def _numbers(document: Document, section: str) -> Iterator[Number]:
    for extension, part in _table(document, section).items():
        if isinstance(part, dict):
            yield Number(extension, str(part.get("name", "")), str(part.get("location", "")))


def _others(document: Document) -> Iterator[Number]:
    """Numbers inside that are no telephone's."""
    for section in ("queues", "mailboxes", "pages"):
        for name, part in _table(document, section).items():
            if isinstance(part, dict) and part.get("number"):
                yield Number(str(part["number"]), name, section)


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _rules(document: Document) -> list[Mapping[str, Any]]:
    found = document.get("dial_rules")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
