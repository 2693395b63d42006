"""One frame around every screen: who is signed in, where they can go, in which language, and
nothing that was not escaped. A value that a template names and nobody gave is a fault, not a gap.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from firmware.operations import EVERYBODY, ROUTES, Role
from firmware.web import fault_words, vendor
from firmware.web.bar import bar_of
from firmware.web.entrance import anybody_of
from firmware.web.house import house_of
from firmware.web.vendor import VendorError
from firmware.web.words import LANGUAGES, Words, to_say, wished

HERE = Path(__file__).parent
TEMPLATES, STATIC = HERE / "templates", HERE / "static"
LANGUAGE_COOKIE = "__Host-careline-language"


@dataclass(frozen=True, slots=True)
class Tab:
    """A screen in the navigation, for whoever may open it; less is shown to who needs less."""

    href: str
    name: str
    shown_to: frozenset[Role] = EVERYBODY


AT_THE_DESK = frozenset({Role.FRONT_DESK, Role.NURSE})
TABS = (
    Tab("/today", to_say("Today")),
    Tab("/calls", to_say("Calls")),
    Tab("/menus", to_say("Menus")),
    Tab("/messages", to_say("Messages")),
    Tab("/prompts", to_say("Prompts")),
    Tab("/rooms", to_say("People and phones")),
    Tab("/try", to_say("Try it")),
    Tab("/hours", to_say("Hours"), EVERYBODY - AT_THE_DESK),
    Tab("/publish", to_say("Publish")),
    Tab("/figures", to_say("Figures"), EVERYBODY - AT_THE_DESK),
    Tab("/audit", to_say("Audit")),
    Tab("/evidence", to_say("Evidence"), frozenset({Role.ADMIN, Role.AUDITOR})),
    Tab("/phone", to_say("Telephone")),
    Tab("/wall", to_say("Wallboard")),
)

ROLE_NAMES: Mapping[str, str] = {
    "admin": to_say("administrator"),
    "technician": to_say("technician"),
    "front desk": to_say("front desk"),
    "nurse": to_say("nurse"),
    "provider": to_say("provider"),
    "auditor": to_say("auditor"),
}


def render(request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """A screen, as this visitor sees it."""
    house, visitor = house_of(request), anybody_of(request)
    words = words_of(request)
    environment = _environment(words)
    text = environment.get_template(template).render(
        values,
        words=words,
        languages=LANGUAGES,
        visitor=visitor,
        role=words.gettext(ROLE_NAMES[visitor.role]) if visitor else "",
        form_token=visitor.form_token if visitor else "",
        bar=bar_of(house, visitor, words),
        tabs=[
            tab
            for tab in TABS
            if visitor and (needed := ROUTES[f"GET {tab.href}"]) and visitor.may(needed)
            if visitor.role in tab.shown_to
            if tab.href != "/phone" or house.talks
        ],
        here=request.url.path,
        back=_to_come_back_to(request),
        clinic=house.clinic,
        asset=lambda name: house.assets[name],
        idle_s=int(house.visitors.limits.idle.total_seconds()),
    )
    return HTMLResponse(text, status)


def _to_come_back_to(request: Request) -> str:
    """Where this can be read again, in another language say: what was posted cannot, so it is the
    screen it was posted from."""
    path = request.url.path
    route = request.scope.get("route")
    if f"GET {getattr(route, 'path', '')}" in ROUTES:
        return path
    came = urlsplit(request.headers.get("referer", ""))
    ours = came.netloc == request.headers.get("host")
    return came.path if ours and f"GET {came.path}" in ROUTES else "/"


def words_of(request: Request) -> Words:
    """In the language this visitor has chosen, else the one their browser asks for first."""
    house, visitor = house_of(request), anybody_of(request)
    chosen = visitor.language if visitor else None
    if chosen is None:
        chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen not in LANGUAGES:
        chosen = wished(request.headers.get("accept-language", ""))
    return house.words[chosen]


def assets() -> Mapping[str, str]:
    """Each file of static/ by its address, which changes when the file does: so a browser may keep
    it for ever. VendorError: some are not there."""
    if gone := vendor.missing():
        raise VendorError(
            f"the page's {', '.join(gone)} is missing: run"
            " `.venv/bin/python -m firmware.web.vendor`"
        )
    return {
        (name := path.relative_to(STATIC).as_posix()): f"/static/{name}?v={_told_apart(path)}"
        for path in sorted(STATIC.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _told_apart(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


@cache
def _environment(words: Words) -> Environment:
    """One for each language, with its words in it."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["fault_reason"] = partial(fault_words.reason, words=words)
    made.globals["fault_cure"] = partial(fault_words.plain, words=words)
    made.install_gettext_callables(  # type: ignore[attr-defined]
        words.gettext, words.ngettext, newstyle=True
    )
    return made
