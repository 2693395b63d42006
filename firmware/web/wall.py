"""The wallboard: who waits and whether all is well, readable across a room. It names nobody: no
caller, no person of the clinic, no mailbox.

A television does not sign in each morning. Whoever may operate the clinic makes the screen before
them a wallboard, which signs them out there; its browser keeps a token that opens this and nothing
else, until somebody ends all wallboards.
"""

from collections.abc import AsyncIterator
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from firmware import people
from firmware.audit import Act
from firmware.web import choices
from firmware.web.entrance import COOKIE, WALL_COOKIE, forget, is_let_in, remember, visitor_of
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.live import Standing
from firmware.web.today import View, alarms_of, hours_of, waiting_of
from firmware.web.words import Words
from ivr.plan import Plan

router = APIRouter()

SHOWN_MOST = 8  # who wait; more would be too small to read
KEPT_S = 400 * 24 * 3600  # a browser keeps no cookie for longer
FREE = "free"
THERE = frozenset({"talks", "rings", "in use", "wraps up", FREE})


@router.get("/wall")
async def wall(request: Request) -> Response:
    house, words = house_of(request), words_of(request)
    shown = view(await house.live.now(), house.site.plan, words, house.now())
    return render(request, "wall.html", view=shown)


@router.get("/wall/live")
async def live(request: Request) -> StreamingResponse:
    house, words = house_of(request), words_of(request)

    async def told() -> AsyncIterator[str]:
        async for standing in house.live.follow():
            if not await is_let_in(request):
                yield "event: over\ndata: \n\n"
                return
            shown = view(standing, house.site.plan, words, house.now())
            yield f"data: {shown.as_json()}\n\n"

    return StreamingResponse(told(), media_type="text/event-stream")


@router.post("/wall/begin")
def begin(request: Request) -> Response:
    house, visitor = house_of(request), visitor_of(request)
    house.account(visitor.person, Act.ASKED, "a wallboard")
    now = house.now()
    token = people.write(house.place.page_db, lambda c: choices.begin_wall(c, visitor.person, now))
    house.visitors.leave(visitor.session)
    answer = RedirectResponse("/wall", 303)
    forget(answer, COOKIE)
    remember(answer, WALL_COOKIE, token, KEPT_S)
    return answer


@router.post("/wall/end")
def end(request: Request) -> Response:
    house, visitor = house_of(request), visitor_of(request)
    house.account(visitor.person, Act.ASKED, "the end of all wallboards")
    people.write(house.place.page_db, choices.end_walls)
    return RedirectResponse("/today", 303)


def view(standing: Standing, plan: Plan | None, words: Words, now: datetime) -> View:
    """The words of the wallboard."""
    tones = {row.tone for row in alarms_of(standing, plan, words)}
    tone = next((tone for tone in ("alarm", "warning") if tone in tones), "well")
    waiting = standing.board.waiting if standing.board else ()
    agents = standing.agents.agents if standing.agents else ()
    there = [agent for agent in agents if agent.doing in THERE and agent.queues]
    free = sum(agent.doing == FREE for agent in there)
    said = {
        "well": words.gettext("All is well"),
        "warning": words.gettext("Something wants to be seen to"),
        "alarm": words.gettext("Something is wrong: see Today"),
    }
    return View(
        tone,
        {
            "headline": said[tone],
            "count": str(len(waiting)) if standing.board else "?",
            "free": words.say("%(free)s of %(there)s phones free", free=free, there=len(there)),
        },
        {
            "waiting": tuple(waiting_of(standing, words))[:SHOWN_MOST],
            "hours": tuple(hours_of(standing, plan, words, now)),
        },
    )
