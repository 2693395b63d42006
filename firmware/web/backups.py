"""Backups on the page: how the last one and the last drill went, when the next is made, and one to
take along now. It is sealed as it is written: only the recovery paper opens it, and the box itself
for its own drill.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from fastapi import APIRouter, Request
from fastapi.responses import Response

from firmware import backup, backup_keys, drill
from firmware.backup_keys import BackupError
from firmware.backup_section import nightly_of
from firmware.web.frame import render, words_of
from firmware.web.house import House, house_of

router = APIRouter()


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
        has_paper=_has_paper(house),
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
