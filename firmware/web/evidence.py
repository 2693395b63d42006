"""The evidence on the page: who may open what, how restores were tried, and each line of the rule
with what the box does and what the clinic must; the signed pack of it taken along by one press.

Nothing here opens what is sealed, and that the pack was taken along is entered before it leaves.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError

from firmware import audit, drill, safeguards, signed_pack
from firmware import evidence as gathered
from firmware.audit import Act, Entry
from firmware.machine import MachineKey, MachineKeyError
from firmware.store import StoreError, open_reader
from firmware.web.audit_book import UNREADABLE, zone_of
from firmware.web.entrance import Refused, visitor_of
from firmware.web.frame import ROLE_NAMES, render, words_of
from firmware.web.house import House, house_of
from firmware.web.moments import dated
from firmware.web.words import to_say

router = APIRouter()

DRILLS_SHOWN = 30
NO_PLAN = (
    409,
    to_say("There is no site in force yet, so there is nothing to show."),
    to_say("Publish the clinic first."),
)
NO_BOOKS = (
    409,
    to_say("The exchange has not run yet, so there are no books to show."),
    to_say("Start the exchange, then make the evidence."),
)
BUSY = (
    409,
    to_say("Somebody makes the evidence already."),
    to_say("Try again in a few seconds."),
)
KINDS: Mapping[str, str] = {
    "standard": to_say("standard"),
    "required": to_say("required"),
    "addressable": to_say("addressable"),
}
EVENTS: Mapping[str, str] = {
    "backups": to_say("Backup"),
    "drills": to_say("Drill"),
    "restores": to_say("Restore"),
}

_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the rule, in the reader's language."""

    line: str
    title: str
    kind: str
    box: str
    clinic: str
    proofs: tuple[str, ...]


@router.get("/evidence")
def show(request: Request) -> Response:
    house, words = house_of(request), words_of(request)
    entries = _entries(house)
    held = gathered.drills_held(house.place, entries)
    last = drill.last(house.place)
    taken = next((e for e in reversed(entries) if _is_taken(e)), None)
    return render(
        request,
        "evidence.html",
        people=[_person(request, each) for each in _review(house, entries)],
        taken=(_when(request, taken.at), taken.who) if taken else None,
        tried=_when(request, last.at) if last else "",
        tried_wrong=words.told(last.wrong) if last else "",
        failed=words.told(held["last_failure"]) if held["last_failure"] else "",
        events=_events(request, held),
        lines=_lines(request),
        made=_when(request, house.now().isoformat()),
    )


@router.post("/evidence/make")
def make(request: Request) -> Response:
    """As `careline evidence make` writes it, for `careline evidence verify FILE`."""
    house, plan = house_of(request), house_of(request).site.plan
    if plan is None:
        raise Refused(*NO_PLAN)
    if not house.place.calls_db.exists():
        raise Refused(*NO_BOOKS)
    if not _one_at_a_time.acquire(blocking=False):
        raise Refused(*BUSY)
    try:
        key = audit.signer(MachineKey.at(house.place.machine_key))
        house.account(visitor_of(request).person, Act.EXPORTED, gathered.TAKEN)
        root = gathered.asterisk_root(house.place)
        pack = signed_pack.packed(gathered.files(house.place, plan, root, house.now()), key)
    except (OSError, MachineKeyError, StoreError, SQLAlchemyError):
        raise Refused(*UNREADABLE) from None
    finally:
        _one_at_a_time.release()
    name = f"careline-evidence-{house.now().astimezone(zone_of(house)):%Y-%m-%d}.zip"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(pack, media_type="application/zip", headers=headers)


def _is_taken(entry: Entry) -> bool:
    return entry.act == Act.EXPORTED and entry.about == gathered.TAKEN


def _entries(house: House) -> list[Entry]:
    """None before an exchange has run, for nothing was entered."""
    if not house.place.calls_db.exists():
        return []
    try:
        reader = open_reader(house.place.calls_db)
        try:
            with reader.connect() as connection:
                return list(audit.read(connection))
        finally:
            reader.dispose()
    except (StoreError, SQLAlchemyError):
        raise Refused(*UNREADABLE) from None


def _review(house: House, entries: list[Entry]) -> list[Mapping[str, Any]]:
    return gathered.access_review(house.place, entries, house.now())


def _person(request: Request, each: Mapping[str, Any]) -> dict[str, Any]:
    """For a row of the access review."""
    until, seen = each["invited_until"], each["last_sign_in"]
    role = ROLE_NAMES[each["role"]]
    return {
        **each,
        "role": words_of(request).gettext(role),
        "last_sign_in": _when(request, seen) if seen else "",
        "invited_until": _when(request, until) if until else "",
    }


def _events(request: Request, held: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Backups, drills and restores together, the newest first."""
    words = words_of(request)
    found = [(each, name) for name in EVENTS for each in held[name]]
    found.sort(key=lambda one: str(one[0]["at"]), reverse=True)
    said = {name: words.gettext(word) for name, word in EVENTS.items()}
    return [
        (_when(request, each["at"]), said[name], each["who"], each["about"])
        for each, name in found[:DRILLS_SHOWN]
    ]


def _lines(request: Request) -> list[Line]:
    say = words_of(request).gettext
    return [
        Line(
            each.line,
            say(each.title),
            say(KINDS[each.kind]),
            say(each.box),
            say(each.clinic),
            each.proofs,
        )
        for each in safeguards.SAFEGUARDS
    ]


def _when(request: Request, at: str) -> str:
    local = datetime.fromisoformat(at).astimezone(zone_of(house_of(request)))
    return dated(local, words_of(request).locale)
