"""Backups on the page: how the last one and the last drill went, when the next is made, and one to
take along now. It is sealed as it is written: only the recovery paper opens it, and the box itself
for its own drill.
"""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from firmware import backup, backup_keys, drill, told_at_first
from firmware.audit import Act
from firmware.backup_keys import BackupError
from firmware.backup_section import nightly_of
from firmware.web.entrance import Refused, visitor_of
from firmware.web.frame import render, words_of
from firmware.web.house import House, house_of
from firmware.web.words import to_say

router = APIRouter()

NO_PAPER = to_say("The box does not know its recovery paper, so nobody could open the backup.")
TYPE_PAPER = to_say("At the box, type: careline backup-paper, and then the paper's four lines.")
PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Tried:
    """How a drill went, in words."""

    at: str
    file: str
    wrong: str
    seconds: int


@router.get("/backups")
def show(request: Request) -> Response:
    house, words = house_of(request), words_of(request)
    made, told = backup.last_made(house.place), drill.last(house.place)
    tried = told and Tried(_when(request, told.at), told.file, told.wrong, round(told.seconds))
    return render(
        request,
        "backups.html",
        nightly=nightly_of(house.place),
        made=made,
        made_at=_when(request, made["at"]) if made else "",
        tried=tried,
        alarm=words.told(drill.alarm(house.place, house.now())) if made or tried else "",
        no_paper="" if _has_paper(house) else (NO_PAPER, TYPE_PAPER),
    )


def _when(request: Request, at: str) -> str:
    plan = house_of(request).site.plan
    zone = ZoneInfo(plan.timezone if plan else "UTC")
    local = datetime.fromisoformat(at).astimezone(zone)
    return format_datetime(local, "medium", locale=words_of(request).locale)


def _has_paper(house: House) -> bool:
    try:
        backup_keys.paper_recipient(house.place)
    except BackupError:
        return False
    return True


@router.post("/backups")
def take_along(request: Request) -> Response:
    """A sealed file for whoever asks to keep; only the recovery paper opens it."""
    house, visitor = house_of(request), visitor_of(request)
    try:
        backup_keys.paper_recipient(house.place)
    except BackupError as no:
        raise Refused(409, NO_PAPER, TYPE_PAPER) from no
    house.account(visitor.person, Act.BACKED_UP, "a browser")
    name = f"careline-{house.now():%Y-%m-%d}.age"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_sealed(house), media_type="application/octet-stream", headers=headers)


def _sealed(house: House) -> Iterator[bytes]:
    """What the backup writes, as it is written. OSError or BackupError: it ends unfinished, and the
    browser says so."""
    reading, writing = os.pipe()
    wrong: list[Exception] = []

    def write() -> None:
        try:
            with os.fdopen(writing, "wb") as out:
                backup.to_stream(house.place, out, lambda _done: None)
        except (OSError, BackupError) as fault:
            wrong.append(fault)

    writer = threading.Thread(target=write, name="backup for a browser", daemon=True)
    writer.start()
    with os.fdopen(reading, "rb") as sealed:
        while piece := sealed.read(PIECE):
            yield piece
    writer.join()
    if wrong:
        raise wrong[0]
    told_at_first.saved(house.place)
