"""The entrance: every request passes here before its screen sees it, and one table decides.

Who asks is known by a cookie that no script can read. What changes anything comes from our own
page: the browser says so itself (`Sec-Fetch-Site`, `Origin`), and the form carries its session's
token. A route that does not stand in `ROUTES` is nobody's. Whoever is signed in and refused is
entered in the audit before they are told.
"""

import hmac
from typing import cast
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from firmware import people
from firmware.audit import Act
from firmware.operations import ROUTES, Operation
from firmware.web import choices
from firmware.web.house import house_of
from firmware.web.visitors import Visitor
from firmware.web.words import to_say

COOKIE = "__Host-careline"
API = "/api/"
FIRST_COOKIE = "__Host-careline-first"
WALL_COOKIE = "__Host-careline-wall"
# What a wallboard's browser is let into, where nobody is signed in.
OF_WALLS = frozenset({"GET /wall", "GET /wall/live"})
TOKEN_FIELD, TOKEN_HEADER = "token", "x-form-token"
FORM = "application/x-www-form-urlencoded"
FORM_MOST = 64 * 1024  # bytes
FIELDS_MOST = 500
# Browsers report here by themselves, and nothing is done but to count.
FROM_ANYWHERE = frozenset({"POST /policy"})


class Elsewhere(Exception):  # noqa: N818 - not an error
    """The answer is another page."""

    def __init__(self, href: str) -> None:
        super().__init__(href)
        self.href = href


class Refused(Exception):  # noqa: N818 - by whoever asks
    """The answer is no; in words of ours, which the frame translates."""

    def __init__(self, status: int, why: str, cure: str) -> None:
        super().__init__(why)
        self.status, self.why, self.cure = status, why, cure


MAY_NOT = (
    403,
    to_say("This is not open to your role."),
    to_say("Ask an administrator of the clinic."),
)
NOT_OURS = (
    403,
    to_say("This did not come from our own page."),
    to_say("Go back, load the page again and repeat it there."),
)
TOO_LONG = (413, to_say("That is too long."), to_say("Send less."))
NOT_A_FORM = (415, to_say("This is no form."), to_say("Use the page's own forms."))


async def admit(request: Request) -> None:
    """Let the request in, or raise."""
    route = f"{request.method} {request.scope['route'].path}"
    if route not in ROUTES:
        raise Refused(404, to_say("There is no such page."), to_say("Begin at the start page."))
    operation = ROUTES[route]
    house = house_of(request)
    is_use = not request.url.path.endswith("/live")
    if is_api(request):
        # No browser sends a token by itself, so whoever does means what is asked.
        visitor = await run_in_threadpool(house.visitors.program, _token(request))
    else:
        session = request.cookies.get(COOKIE, "")
        visitor = await run_in_threadpool(house.visitors.who, session, is_use=is_use)
    request.state.visitor = visitor
    request.state.form = {}
    if is_api(request):
        pass
    elif request.method not in ("GET", "HEAD") and route not in FROM_ANYWHERE:
        request.state.form = await _form(request)
        if not _is_ours(request, visitor if operation else None):
            await _enter(request, visitor, "a form that was not ours")
            raise Refused(*NOT_OURS)
    if operation is None:
        return
    if visitor is None:
        if route in OF_WALLS and await run_in_threadpool(_is_wall, request):
            return
        raise Elsewhere("/sign-in")
    if not visitor.may(operation):
        await _enter(request, visitor, operation)
        raise Refused(*MAY_NOT)


def visitor_of(request: Request) -> Visitor:
    """Whoever is signed in here; for screens that are not open to whoever comes."""
    visitor = anybody_of(request)
    if visitor is None:
        raise Elsewhere("/sign-in")
    return visitor


def anybody_of(request: Request) -> Visitor | None:
    """The same where nobody may be signed in."""
    return cast("Visitor | None", getattr(request.state, "visitor", None))


async def is_let_in(request: Request) -> bool:
    """Whether whoever was let in still would be: of a screen that goes on by itself."""
    session = request.cookies.get(COOKIE, "")
    visitors = house_of(request).visitors
    if await run_in_threadpool(visitors.who, session, is_use=False) is not None:
        return True
    route = f"{request.method} {request.scope['route'].path}"
    return route in OF_WALLS and await run_in_threadpool(_is_wall, request)


def remember(response: Response, name: str, value: str, lasts_s: int | None = None) -> None:
    """In a cookie that goes nowhere else, that no script can read, and that ends with the browser
    unless it is said to last."""
    response.set_cookie(
        name, value, lasts_s, path="/", secure=True, httponly=True, samesite="strict"
    )


def forget(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="strict")


def is_api(request: Request) -> bool:
    """Whether a program asks."""
    return request.url.path.startswith(API)


def wants_page(request: Request) -> bool:
    """Whether a person reads the answer, and not a module of ours or a program."""
    return not is_api(request) and "text/html" in request.headers.get("accept", "")


def _is_wall(request: Request) -> bool:
    token, db = request.cookies.get(WALL_COOKIE, ""), house_of(request).place.page_db
    return bool(token) and db.exists() and people.read(db, lambda c: choices.is_wall(c, token))


async def _enter(request: Request, visitor: Visitor | None, about: str | Operation) -> None:
    if visitor is not None:
        house = house_of(request)
        said = visitor.asker.told_of(str(about))
        await run_in_threadpool(house.account, visitor.person, Act.REFUSED, said)


def _token(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


async def _form(request: Request) -> dict[str, str]:
    """What was filled in; a larger body is for its screen to read, with the token in a header."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        if TOKEN_HEADER in request.headers or not kind:
            return {}
        raise Refused(*NOT_A_FORM)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > FORM_MOST:
            raise Refused(*TOO_LONG)
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=FIELDS_MOST,
            errors="strict",
        )
    except ValueError:
        raise Refused(*NOT_A_FORM) from None
    return dict(pairs)


def _is_ours(request: Request, visitor: Visitor | None) -> bool:
    """A browser says where a form came from; what says nothing is no browser of ours. What is done
    as somebody carries their session's token too."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is None and origin is None:
        return False
    if site not in (None, "same-origin"):
        return False
    if origin is not None and origin != f"https://{request.headers.get('host')}":
        return False
    if visitor is None:
        return True
    token = request.state.form.get(TOKEN_FIELD) or request.headers.get(TOKEN_HEADER, "")
    return hmac.compare_digest(token.encode(), visitor.form_token.encode())
