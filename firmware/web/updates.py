"""New versions on the page: what runs, what waits and for when, what became of the last one. One is
brought from a stick or by the browser, put off, dropped or wanted now. What is done about it, and
when, the exchange decides (firmware/update/desk.py); nothing here touches a slot.
"""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import Field

from firmware.audit import Act
from firmware.shelf import sticks
from firmware.update import kept as state
from firmware.update.bundle import BundleError, looked_at, refuse_unless_for
from firmware.update.kept import Kept, Waiting
from firmware.update.release import Release, ReleaseError, running
from firmware.update.waiting import PostponeError, planned, postponed
from firmware.updates_section import update_window_of
from firmware.web.entrance import Refused, visitor_of
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import House, house_of
from firmware.web.moments import dated
from firmware.web.words import to_say

router = APIRouter()

MOST = 800 * 1000 * 1000  # a slot has 528 MiB, a bundle two kernels more
UPLOADS = {"/updates/bring": MOST}
SPARE = 64 * 1000 * 1000  # stays free for messages while one comes in
PIECE = 1 << 20
SUFFIX = ".raucb"

NOT_A_FORM = (422, to_say("This is no form."), to_say("Use the page's own forms."))
NOTHING_WAITS = (409, to_say("No new version waits."), to_say("Load the page again."))
IS_WRITTEN = (
    409,
    to_say("It is written already, and starts with the box."),
    to_say("If it is not well, the former version comes back by itself."),
)
TOO_LATE = (
    409,
    to_say("It closes a hole, and is put off for 14 days at most."),
    to_say("Let it be installed in its window."),
)
GONE = (409, to_say("This file is not on a stick any more."), to_say("Plug the stick in again."))
NOT_WHOLE = (400, to_say("The file did not come through."), to_say("Send it once more."))
NO_ROOM = (409, to_say("The disk has no room for it."), to_say("Make room on the disk first."))
BUSY = (409, to_say("Another one comes in just now."), to_say("Wait until it is there."))

_one_at_a_time = threading.Lock()


class StickForm(Form):
    file: Annotated[str, Field(max_length=200)]


@router.get("/updates")
async def show(request: Request) -> Response:
    return await asyncio.to_thread(_screen, request)


@router.post("/updates/postpone")
def postpone(request: Request) -> Response:
    """By one window."""
    house = house_of(request)
    waiting = _waiting(house)
    window = update_window_of(house.place)
    try:
        later = postponed(waiting.update(), window, _local(house, house.now()))
    except PostponeError:
        raise Refused(*TOO_LATE) from None
    house.account(visitor_of(request).person, Act.POSTPONED_UPDATE, waiting.version)
    state.of_waiting(house.place, postponed_until=later.postponed_until, wanted_now=False)
    return RedirectResponse("/updates", 303)


@router.post("/updates/now")
def want_now(request: Request) -> Response:
    """As soon as nobody is on the telephone."""
    house = house_of(request)
    waiting = _waiting(house)
    house.account(visitor_of(request).person, Act.ASKED, f"version {waiting.version} at once")
    state.of_waiting(house.place, wanted_now=True)
    return RedirectResponse("/updates", 303)


@router.post("/updates/drop")
def drop(request: Request) -> Response:
    house = house_of(request)
    waiting = _waiting(house)
    if waiting.written_in:
        raise Refused(*IS_WRITTEN)
    house.account(visitor_of(request).person, Act.DROPPED_UPDATE, waiting.version)
    state.settle(house.place, "dropped", house.now())
    return RedirectResponse("/updates", 303)


@router.post("/updates/stick")
def from_stick(request: Request) -> Response:
    """One of those that lie on a stick; whatever else is named is none."""
    house, form = house_of(request), typed(request, StickForm).form
    if form is None:
        raise Refused(*NOT_A_FORM)
    chosen = [file for file in _on_sticks() if str(file) == form.file]
    if not chosen:
        raise Refused(*GONE)
    with _alone():
        _refuse_if_full(house, chosen[0].stat().st_size)
        part = state.part_of(house.place)
        try:
            shutil.copyfile(chosen[0], part)
            _adopt(request, part)
        except BundleError as no:
            return _screen(request, status=422, why=words_of(request).told(str(no)))
        finally:
            part.unlink(missing_ok=True)
    return RedirectResponse("/updates", 303)


@router.post("/updates/bring")
async def bring(request: Request) -> Response:
    """A file, as the browser has it; the answer says where it can be seen, or what is wrong."""
    house = house_of(request)
    with _alone():
        part = state.part_of(house.place)
        length = int(request.headers.get("content-length") or 0)
        await run_in_threadpool(_refuse_if_full, house, length)
        try:
            with await run_in_threadpool(part.open, "wb") as file:
                await _receive(request, file)
            await run_in_threadpool(_adopt, request, part)
        except BundleError as no:
            return JSONResponse({"fault": words_of(request).told(str(no))}, 422)
        finally:
            await run_in_threadpool(part.unlink, missing_ok=True)
    return JSONResponse({"href": "/updates"})


async def _receive(request: Request, file: IO[bytes]) -> None:
    """All of it, a piece at a time; the page's limits end what is too long."""
    held, size = bytearray(), 0
    async for part in request.stream():
        size += len(part)
        held += part
        if len(held) >= PIECE:
            await run_in_threadpool(file.write, bytes(held))
            held.clear()
    if str(size) != request.headers.get("content-length", str(size)):
        raise Refused(*NOT_WHOLE)
    await run_in_threadpool(file.write, bytes(held))


def _adopt(request: Request, part: Path) -> None:
    """It waits from now on. BundleError: it is not ours, or not for this box."""
    house = house_of(request)
    here = _runs()
    if here is None:
        raise BundleError("this machine does not run from CareLine's image")
    bundle = looked_at(part)
    refuse_unless_for(bundle, here)
    house.account(visitor_of(request).person, Act.BROUGHT_UPDATE, bundle.release.version)
    state.adopt(house.place, part, bundle, house.now())


def _waiting(house: House) -> Waiting:
    if (waiting := state.load(house.place).waiting) is None:
        raise Refused(*NOTHING_WAITS)
    return waiting


def _refuse_if_full(house: House, size: int) -> None:
    if shutil.disk_usage(house.place.home).free < size + SPARE:
        raise Refused(*NO_ROOM)


def _on_sticks() -> list[Path]:
    """Bundles at the top of whatever is plugged in."""
    return [file for folder in sticks() for file in sorted(folder.glob(f"*{SUFFIX}"))]


@contextmanager
def _alone() -> Iterator[None]:
    if not _one_at_a_time.acquire(blocking=False):
        raise Refused(*BUSY)
    try:
        yield
    finally:
        _one_at_a_time.release()


def _runs() -> Release | None:
    try:
        return running()
    except ReleaseError:
        return None


# ---- what is shown ----


def _screen(request: Request, *, status: int = 200, why: str = "") -> Response:
    house = house_of(request)
    found, here = state.load(house.place), _runs()
    return render(
        request,
        "updates.html",
        status=status,
        why=why,
        runs=here.version if here else "",
        waiting=found.waiting,
        planned=_when(request, _planned(house, found)) if found.waiting else "",
        last=found.last,
        last_at=_when(request, found.last.at) if found.last else "",
        gate=found.gate,
        lacking=[look for look in found.gate.looks if not look.is_well] if found.gate else [],
        gate_at=_when(request, found.gate.at) if found.gate else "",
        wrong=words_of(request).told(found.waiting.wrong) if found.waiting else "",
        files=[(str(file), file.name) for file in _on_sticks()],
        most=MOST,
    )


def _planned(house: House, found: Kept) -> datetime:
    assert found.waiting is not None
    local = _local(house, house.now())
    return planned(found.waiting.update(), update_window_of(house.place), local)


def _local(house: House, at: datetime) -> datetime:
    plan = house.site.plan
    return at.astimezone(ZoneInfo(plan.timezone) if plan else UTC)


def _when(request: Request, at: datetime) -> str:
    local = _local(house_of(request), at)
    return dated(local, words_of(request).locale)
