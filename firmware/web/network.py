"""The box's network on the page: how its ports are, and another one that is tried for 90 seconds
and taken back by itself unless somebody confirms it.

`careline root` tries it, keeps it or takes it back (firmware/network_trial.py), so this page may be
out of anybody's reach meanwhile. Who is signed in confirms on this screen; from the new address,
where nobody is, by a one-time code that comes in the body of a form and stands in no query.
"""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import structlog
from babel.dates import format_datetime
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from pydantic import Field

from firmware import root
from firmware.audit import Act
from firmware.network_trial import WITHIN_S, NetworkTold, WishForm
from firmware.root import KeepNetwork, OfNetwork, RootError, TakeBackNetwork, TryNetwork
from firmware.web.addresses import OWN_NAME
from firmware.web.entrance import Refused, visitor_of
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.words import to_say
from hw.network_files import FIELD_MOST, Wish, WishError, understood

router = APIRouter()

log = structlog.get_logger(__name__)

NOT_A_FORM = (422, to_say("This is no form."), to_say("Use the page's own forms."))
NOT_TRIED = (
    409,
    to_say("This network cannot be tried now."),
    to_say("Another one may be on trial, or this machine's network is not the box's: look again."),
)
NONE_ON_TRIAL = (
    409,
    to_say("The network cannot be confirmed or taken back now."),
    to_say("In its first seconds wait a moment; later the former one may be back: look again."),
)
NOTHING_BEFORE = (
    409,
    to_say("There was no other network before."),
    to_say("Fill in the form instead."),
)
WRONG_CODE = to_say(
    "This code does not fit, or its time is over. After 90 seconds the former network is back."
)

Text = Annotated[str, Field(max_length=FIELD_MOST)]


class NetworkForm(Form):
    """As it is typed; what it means is told apart in hw/network_files.py."""

    how: Text = ""
    address: Text = ""
    gateway: Text = ""
    port: Text = ""
    vlan: Text = ""
    phones_address: Text = ""
    dns: Text = ""
    time: Text = ""
    host_name: Text = ""

    def wish(self) -> Wish:
        return Wish(**self.model_dump())


class CodeForm(Form):
    code: Annotated[str, Field(max_length=40, repr=False)] = ""


@router.get("/network")
async def show(request: Request) -> Response:
    told = await _told(request)
    return _screen(request, told, _shown(told), {})


@router.post("/network")
async def begin(request: Request) -> Response:
    """Another network, on trial in a moment."""
    came = typed(request, NetworkForm)
    if came.form is None:
        raise Refused(*NOT_A_FORM)
    wish = came.form.wish()
    try:
        understood(wish)
    except WishError as wrong:
        return _screen(request, await _told(request), wish, wrong.faults, 422)
    return await _try(request, wish)


@router.post("/network/undo")
async def undo(request: Request) -> Response:
    """The network that was in force before this one, on trial like any other."""
    told = await _told(request)
    if told is None or told.before is None:
        raise Refused(*NOTHING_BEFORE)
    return await _try(request, told.before.wish())


@router.post("/network/confirm")
async def confirm(request: Request) -> Response:
    await _confirm(request, visitor_of(request).person)
    return RedirectResponse("/network", 303)


@router.post("/network/take-back")
async def take_back(request: Request) -> Response:
    await _account(request, visitor_of(request).person, Act.ASKED, "the former network back")
    house_of(request).confirming.is_over()
    await _ask(request, TakeBackNetwork(), NONE_ON_TRIAL)
    return RedirectResponse("/network", 303)


@router.get("/network/keep")
def arrive(request: Request) -> Response:
    """At the new address, where nobody is signed in yet."""
    return render(request, "network_keep.html", why="", is_kept=False)


@router.post("/network/keep")
async def keep(request: Request) -> Response:
    """Confirmed by the code of this trial."""
    form = typed(request, CodeForm).form
    who = house_of(request).confirming.who_began(form.code, _clock()) if form else ""
    if not who:
        return render(request, "network_keep.html", status=403, why=WRONG_CODE, is_kept=False)
    await _confirm(request, who)
    return render(request, "network_keep.html", why="", is_kept=True)


async def _confirm(request: Request, who: str) -> None:
    await _account(request, who, Act.CONFIRMED, "the network")
    await _ask(request, KeepNetwork(), NONE_ON_TRIAL)
    house_of(request).confirming.is_over()


async def _try(request: Request, wish: Wish) -> Response:
    house, who = house_of(request), visitor_of(request).person
    about = f"another network: {wish.address if wish.how == 'fixed' else 'DHCP'}"
    await _account(request, who, Act.ASKED, about)
    await _ask(request, TryNetwork(wish=WishForm(**asdict(wish))), NOT_TRIED)
    code, host = house.confirming.fresh(who, _clock()), _host(wish)
    port = urlsplit(f"//{request.headers.get('host', '')}").port
    at = f"https://{host}{f':{port}' if port else ''}/network/keep"
    return render(
        request,
        "network_trial.html",
        at=at,
        code=code,
        is_here=host == request.url.hostname,
        is_known=wish.how == "fixed",
        left_s=int(WITHIN_S),
    )


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _host(wish: Wish) -> str:
    """Where the box will be found; by its name, where its net chooses the address."""
    settings = understood(wish)
    return str(settings.address.ip) if settings.address else OWN_NAME


async def _told(request: Request) -> NetworkTold | None:
    """None: root does not answer, or its machine says nothing."""
    try:
        return await root.network_of(house_of(request).place.root_socket)
    except (RootError, TimeoutError, ValueError) as no:
        log.warning("the network cannot be looked at", why=str(no) or type(no).__name__)
        return None


async def _ask(request: Request, act: OfNetwork, otherwise: tuple[int, str, str]) -> None:
    try:
        await root.ask(house_of(request).place.root_socket, act)
    except (RootError, TimeoutError, ValueError) as no:
        log.warning("the network was not changed", why=str(no) or type(no).__name__)
        raise Refused(*otherwise) from no


async def _account(request: Request, who: str, act: Act, about: str) -> None:
    await run_in_threadpool(house_of(request).account, who, act, about)


def _shown(told: NetworkTold | None) -> Wish:
    """What the form begins with."""
    form = told and (told.trial or told.in_force)
    return form.wish() if form else Wish()


def _screen(
    request: Request,
    told: NetworkTold | None,
    wish: Wish,
    faults: object,
    status: int = 200,
) -> Response:
    return render(
        request,
        "network.html",
        status=status,
        told=told,
        is_box=told is not None and told.is_box,
        wish=wish,
        faults=faults,
        clock_set_at=_when(request, told.clock_set_at) if told and told.clock_set_at else "",
        within_s=int(WITHIN_S),
    )


def _when(request: Request, at_s: float) -> str:
    plan = house_of(request).site.plan
    local = datetime.fromtimestamp(at_s, UTC).astimezone(ZoneInfo(plan.timezone if plan else "UTC"))
    return format_datetime(local, "medium", locale=words_of(request).locale)
