"""The page put together: its screens, its entrance, its policy. It is an ASGI application and
knows nothing of sockets and certificates (firmware/web/serve.py).

A screen is a module here with a router, and a line in `SCREENS`; what it serves stands in
firmware/operations.py, or nobody may have it.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firmware.call_search import LastDigits
from firmware.first_calls import FirstCalls
from firmware.passwords import COST, Cost
from firmware.place import Place
from firmware.sessions import LIMITS, Limits
from firmware.web import (
    api,
    audit_book,
    backups,
    begin,
    begin_call,
    calendars,
    call_back,
    calls,
    doctor,
    evidence,
    exceptions,
    figures,
    first,
    frame,
    guard,
    holidays,
    hours,
    invited,
    language,
    menus,
    messages,
    month,
    network,
    outside,
    own,
    papers,
    phone,
    phone_link,
    phone_set_up,
    phone_socket,
    pins,
    policy,
    programs,
    prompts,
    publish,
    room_sheets,
    room_table,
    rooms,
    rotas,
    schedules,
    sign_in,
    staff,
    stopped,
    texts,
    today,
    trying,
    updates,
    wall,
)
from firmware.web.confirming import Confirming
from firmware.web.drafted import Drafted
from firmware.web.entrance import Elsewhere, Refused, admit, is_api, wants_page
from firmware.web.first_visit import FirstVisit
from firmware.web.house import House, Site
from firmware.web.lately import Lately
from firmware.web.live import Live
from firmware.web.new_papers import NewPapers
from firmware.web.outlook import Outlooks
from firmware.web.press import Press
from firmware.web.rounds import Rounds
from firmware.web.visitors import Visitors
from firmware.web.voices import Voices
from firmware.web.words import everything, to_say

log = structlog.get_logger(__name__)

SCREENS = (
    api.router,
    programs.router,
    begin.router,
    begin_call.router,
    sign_in.router,
    first.router,
    invited.router,
    language.router,
    policy.router,
    prompts.router,
    today.router,
    messages.router,
    wall.router,
    trying.router,
    phone.router,
    phone_link.router,
    phone_set_up.router,
    room_table.router,
    room_sheets.router,
    rooms.router,
    calls.router,
    call_back.router,
    staff.router,
    pins.router,
    outside.router,
    own.router,
    papers.router,
    audit_book.router,
    backups.router,
    evidence.router,
    network.router,
    guard.router,
    updates.router,
    stopped.router,
    texts.router,
    doctor.router,
    menus.router,
    publish.router,
    figures.router,
    hours.router,
    exceptions.router,
    holidays.router,
    calendars.router,
    month.router,
    rotas.router,
    schedules.router,
)
# Paths whose bodies are larger than a form, and how large.
UPLOADS = {**prompts.UPLOADS, **calendars.UPLOADS, **updates.UPLOADS}
FOR_EVER = "public, max-age=31536000, immutable"

NO_SUCH = (to_say("There is no such page."), to_say("Begin at the start page."))
NOT_SO = (to_say("This cannot be done here."), to_say("Go back, load the page again."))
# Programs read these, in English as all that they are told.
NO_TOKEN = {
    "why": "No token that is known came with this.",
    "cure": "Send `Authorization: Bearer TOKEN`; a person makes one on the page, under Programs.",
    "fields": {},
}
NOT_SO_ASKED = {
    "why": "This is not asked as it should be.",
    "cure": "See `fields`, and /api/v1/openapi.json for what may be asked.",
}
OURS = (
    to_say("This page failed."),
    to_say("It is our fault, not yours, and telephones go on. Try again; the log says more."),
)


class OurFiles(StaticFiles):
    """Files that never change under their address are kept by the browser; each other is asked for
    again."""

    def file_response(
        self,
        full_path: os.PathLike[str] | str,
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        answer = super().file_response(full_path, stat_result, scope, status_code)
        is_dated = scope["query_string"].startswith(b"v=")
        answer.headers["Cache-Control"] = FOR_EVER if is_dated else "no-cache"
        return answer


def house(
    place: Place,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    limits: Limits = LIMITS,
    cost: Cost = COST,
) -> House:
    """What the screens of one page share."""
    return House(
        place=place,
        now=now,
        site=Site(place.site_file),
        visitors=Visitors(place.page_db, now, limits),
        words=everything(),
        first=FirstVisit(now),
        live=Live(place),
        digits=LastDigits(),
        first_calls=FirstCalls(),
        counted=Lately(),
        behind=Lately(),
        cost=cost,
        drafted=Drafted(place, now),
        outlooks=Outlooks(place),
        press=Press(),
        rounds=Rounds(place.control_socket),
        confirming=Confirming(),
        new_papers=NewPapers(now),
        voices=Voices(place),
        assets=frame.assets(),
    )


def page(of: House) -> FastAPI:
    """The application."""

    @asynccontextmanager
    async def living(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(of.live.run()), asyncio.create_task(of.visitors.run())]
        try:
            yield
        finally:
            await of.rounds.close()
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)

    app = FastAPI(
        title="CareLine",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=living,
        dependencies=[Depends(admit)],
        redirect_slashes=False,
    )
    app.state.house = of
    app.state.reports = policy.Reports()
    for router in SCREENS:
        app.include_router(router)
    # By itself, for `admit` reads forms: who comes there, it asks before it says a word.
    app.router.routes.append(WebSocketRoute(phone_socket.PATH, phone_socket.pass_on))
    app.mount("/static", OurFiles(directory=frame.STATIC), name="static")
    app.add_middleware(WithoutFaults)
    app.add_middleware(policy.WithPolicy)
    app.add_exception_handler(Elsewhere, _elsewhere)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _not_found)
    app.add_exception_handler(RequestValidationError, _not_understood)
    return app


async def _elsewhere(request: Request, told: Exception) -> Response:
    assert isinstance(told, Elsewhere)
    if wants_page(request):
        return RedirectResponse(told.href, 303)
    if is_api(request):
        return JSONResponse(NO_TOKEN, 401, {"WWW-Authenticate": "Bearer"})
    return JSONResponse({"why": "nobody is signed in"}, 401)


async def _refused(request: Request, told: Exception) -> Response:
    assert isinstance(told, Refused)
    return _told(request, told.status, told.why, told.cure)


async def _not_found(request: Request, told: Exception) -> Response:
    assert isinstance(told, HTTPException)
    return _told(request, told.status_code, *(NO_SUCH if told.status_code == 404 else NOT_SO))


async def _not_understood(request: Request, wrong: Exception) -> Response:
    if not is_api(request):
        return _told(request, 422, *NOT_SO)
    assert isinstance(wrong, RequestValidationError)
    # What is wrong is ours to say, what was sent is not repeated.
    fields = {".".join(map(str, each["loc"])): str(each["msg"]) for each in wrong.errors()}
    return JSONResponse(NOT_SO_ASKED | {"fields": fields}, 422)


class WithoutFaults:
    """A fault of ours is an answer and a log line. Its words may hold what somebody typed, so the
    log has its kind and place only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as fault:
            log.error(  # noqa: TRY400 - not its words
                "a page failed", kind=type(fault).__name__, where=_where(fault)
            )
            if scope["type"] == "http" and not has_begun:
                await _told(Request(scope), 500, *OURS)(scope, receive, send)


def _where(fault: Exception) -> str:
    at = fault.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at else ""


def _told(request: Request, status: int, why: str, cure: str) -> Response:
    if wants_page(request):
        return frame.render(request, "told.html", status=status, why=why, cure=cure)
    if is_api(request):
        return JSONResponse({"why": why, "cure": cure, "fields": {}}, status)
    words = frame.words_of(request)
    return JSONResponse({"why": words.told(why), "cure": words.told(cure)}, status)
