"""Backups on the page: how the last one and the last drill went, when the next is made, one to take
along now, and a drill to be held now. A backup is sealed as it is written: only the recovery paper
opens it, and the box itself for its own drill. The drill is the exchange's, which holds one at a
time (firmware/backup_timer.py); here is shown how far it is.
"""

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from firmware import backup, backup_keys, drill, told_at_first
from firmware.audit import Act
from firmware.backup_keys import BackupError
from firmware.backup_section import nightly_of
from firmware.backup_topics import BACKING, DRILL, BackingReply, BackingRequest, DrillRequest
from firmware.control import ControlError, ask_async
from firmware.web.asking import ask_for
from firmware.web.entrance import Refused, is_let_in, visitor_of
from firmware.web.frame import render, words_of
from firmware.web.house import House, house_of
from firmware.web.moments import dated
from firmware.web.words import Words, to_say

router = APIRouter()

NO_PAPER = to_say("The box does not know its recovery paper, so nobody could open the backup.")
TYPE_PAPER = to_say("At the box, type: careline backup-paper, and then the paper's four lines.")
NO_SHELF = (
    409,
    to_say("There is no backup yet that could be tried."),
    to_say("Set up the nightly backup first."),
)
UNTRIED = to_say("No backup has been tried yet: hold a drill.")
GOING = to_say("A drill is under way. You may leave this screen; telephones go on meanwhile.")
PIECE = 1 << 16
LOOK_EVERY_S, TELL_EVERY_S = 0.5, 5.0


@dataclass(frozen=True, slots=True)
class Tried:
    """How a drill went, in words."""

    at: str
    file: str
    wrong: str
    seconds: int
    called: bool


@router.get("/backups")
async def show(request: Request) -> Response:
    going = await _going(house_of(request))
    return await asyncio.to_thread(_screen, request, going)


@router.get("/backups/live")
async def live(request: Request, seen: str = "") -> StreamingResponse:
    """How far the drill is. A screen that shows another state than this one, for a drill began or
    ended since, also while its browser slept, is drawn anew."""
    house, words = house_of(request), words_of(request)

    async def told() -> AsyncIterator[str]:
        sent, sent_at = "", float("-inf")
        while True:
            going, now = await _going(house), time.monotonic()
            if await asyncio.to_thread(_state, house, going) != seen:
                yield "event: again\ndata: \n\n"
                return
            shown = _as_json(going, words)
            if shown != sent or now - sent_at > TELL_EVERY_S:
                if not await is_let_in(request):
                    yield "event: over\ndata: \n\n"
                    return
                sent, sent_at = shown, now
                yield f"data: {shown}\n\n"
            await asyncio.sleep(LOOK_EVERY_S)

    return StreamingResponse(told(), media_type="text/event-stream")


@router.post("/backups/drill")
async def hold_a_drill(request: Request) -> Response:
    """The exchange enters who asked for it, and then begins."""
    if not await asyncio.to_thread(_has_shelf, house_of(request)):
        raise Refused(*NO_SHELF)
    await ask_for(request, DRILL, DrillRequest())
    return RedirectResponse("/backups", 303)


async def _going(house: House) -> BackingReply:
    """Nothing, where no exchange says so."""
    try:
        return await ask_async(house.place.control_socket, BACKING, BackingRequest())
    except (ControlError, OSError, ValueError):
        return BackingReply()


def _state(house: House, going: BackingReply) -> str:
    """What the whole screen depends on, in letters that may stand in an address."""
    last = drill.last(house.place)
    stamp = "".join(filter(str.isdigit, last.at)) if last else "0"
    return f"{stamp}-{'going' if going.job == 'drill' else 'over'}"


def _as_json(going: BackingReply, words: Words) -> str:
    texts = {"going": _words_of_going(going, words)}
    return json.dumps({"tone": "", "texts": texts, "tables": {}}, ensure_ascii=False)


def _words_of_going(going: BackingReply, words: Words) -> str:
    if going.job != "drill":
        return ""
    far = f" ({words.told(going.doing)})" if going.doing else ""
    return words.gettext(GOING) + far


def _has_shelf(house: House) -> bool:
    """Whether the box knows where backups lie."""
    return bool(nightly_of(house.place) or backup.last_made(house.place))


def _screen(request: Request, going: BackingReply) -> Response:
    house, words = house_of(request), words_of(request)
    made, told = backup.last_made(house.place), drill.last(house.place)
    tried = told and Tried(
        _when(request, told.at), told.file, told.wrong, round(told.seconds), bool(told.called)
    )
    return render(
        request,
        "backups.html",
        nightly=nightly_of(house.place),
        made=made,
        made_at=_when(request, made["at"]) if made else "",
        tried=tried,
        alarm=_alarm(house, words) if made or tried else "",
        going=_words_of_going(going, words),
        state=_state(house, going),
        has_shelf=_has_shelf(house),
        no_paper="" if _has_paper(house) else (NO_PAPER, TYPE_PAPER),
    )


def _alarm(house: House, words: Words) -> str:
    """What the console says of the backups, but where the cure is a button of this screen."""
    if drill.last(house.place) is None and not drill.last_failure(house.place):
        return words.gettext(UNTRIED)
    return words.told(drill.alarm(house.place, house.now()))


def _when(request: Request, at: str) -> str:
    plan = house_of(request).site.plan
    zone = ZoneInfo(plan.timezone if plan else "UTC")
    local = datetime.fromisoformat(at).astimezone(zone)
    return dated(local, words_of(request).locale)


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
    """What the backup writes, as it is written. Whatever goes wrong with it, the file ends there,
    and the browser says so: half a backup is taken for none."""
    reading, writing = os.pipe()
    wrong: list[BaseException] = [BackupError("the backup broke off")]  # until it is whole

    def write() -> None:
        try:
            with os.fdopen(writing, "wb") as out:
                backup.to_stream(house.place, out, lambda _done: None)
        except Exception as fault:
            wrong[:] = [fault]
        else:
            wrong.clear()

    writer = threading.Thread(target=write, name="backup for a browser", daemon=True)
    writer.start()
    with os.fdopen(reading, "rb") as sealed:
        while piece := sealed.read(PIECE):
            yield piece
    writer.join()
    if wrong:
        raise wrong[0]
    told_at_first.saved(house.place)
