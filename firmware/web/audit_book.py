"""The audit on the page: who did what, the newest first, by person, act and day; its chain verified
with one press, and all of it taken along for whoever checks it elsewhere. Nothing here changes an
entry; that it was taken along is one.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Annotated, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field, ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from firmware import audit, audit_search
from firmware.audit import Act, Verdict
from firmware.audit_search import Wanted
from firmware.machine import MachineKey, MachineKeyError
from firmware.store import StoreError, open_reader
from firmware.web.entrance import Refused, visitor_of
from firmware.web.forms import Form
from firmware.web.frame import render, words_of
from firmware.web.house import House, house_of
from firmware.web.words import to_say

router = APIRouter()
T = TypeVar("T")

SHOWN = 50
UNREADABLE = (
    503,
    to_say("The audit cannot be read."),
    to_say("See Today for what is wrong; the box keeps on working."),
)
BUSY = (409, to_say("It is being verified already."), to_say("Try again in a few seconds."))

_one_at_a_time = threading.Lock()


class WantedForm(Form):
    """What is looked for; whatever cannot be is left out."""

    who: Annotated[str, Field(max_length=audit.WHO_MOST)] = ""
    act: Act | None = None
    day: date | None = None
    before: Annotated[int, Field(ge=1)] | None = None


@router.get("/audit")
def show(request: Request) -> Response:
    return _screen(request)


@router.post("/audit/verify")
def verify(request: Request) -> Response:
    """From the first entry to the last: whether each is as it was entered."""
    house = house_of(request)
    if not _one_at_a_time.acquire(blocking=False):
        raise Refused(*BUSY)
    try:
        # The end before the chain: an entry made meanwhile is no loss.
        end = audit.newest_mark(house.place.ledger_log)
        public = _key(house).public_key()
        verdict = _read(house, lambda c: audit.verify(audit.read(c), public, end))
    finally:
        _one_at_a_time.release()
    return _screen(request, verdict or Verdict(0))


@router.post("/audit/take")
def take_along(request: Request) -> Response:
    """As `careline audit export` writes it, for `careline audit verify FILE`."""
    house = house_of(request)
    public = _key(house).public_key().public_bytes_raw().hex()
    house.account(visitor_of(request).person, Act.EXPORTED, "the audit")
    entries = _read(house, lambda c: list(audit.read(c))) or []

    def lines() -> Iterator[str]:
        yield f"{audit.head(public, len(entries))}\n"
        yield from (f"{audit.as_line(each)}\n" for each in entries)

    headers = {"content-disposition": 'attachment; filename="audit.jsonl"'}
    body = "".join(lines()).encode()
    return Response(body, media_type="application/jsonl; charset=utf-8", headers=headers)


def _screen(request: Request, verdict: Verdict | None = None) -> Response:
    house, words = house_of(request), words_of(request)
    wanted, zone = _wanted(request), zone_of(house)
    entries = _read(house, lambda c: audit_search.found(c, wanted, zone, SHOWN + 1)) or []
    known = _read(house, audit_search.everybody) or []
    shown = [
        (
            each.id,
            format_datetime(
                datetime.fromisoformat(each.at).astimezone(zone), "short", locale=words.locale
            ),
            each.who,
            words.gettext(each.act),
            each.about,
        )
        for each in entries[:SHOWN]
    ]
    older = ""
    if len(entries) > SHOWN:
        asked = {"who": wanted.who, "act": wanted.act, "day": wanted.day or "",
                 "before": entries[SHOWN - 1].id}  # fmt: skip
        older = f"/audit?{urlencode({name: text for name, text in asked.items() if text})}"
    return render(
        request,
        "audit.html",
        entries=shown,
        people=known,
        acts=sorted((words.gettext(act), act.value) for act in Act),
        wanted=wanted,
        older=older,
        verdict=verdict,
        wrong=words.told(verdict.wrong) if verdict else "",
    )


def _wanted(request: Request) -> Wanted:
    """A form that nothing is typed into sends empty texts."""
    asked = {name: text for name, text in request.query_params.items() if text}
    try:
        form = WantedForm.model_validate(asked)
    except ValidationError:
        return Wanted()
    return Wanted(form.who, form.act.value if form.act else "", form.day, form.before)


def zone_of(house: House) -> ZoneInfo:
    """The clinic's own; UTC before it has one."""
    plan = house.site.plan
    return ZoneInfo(plan.timezone if plan else "UTC")


def _key(house: House) -> Ed25519PrivateKey:
    try:
        return audit.signer(MachineKey.at(house.place.machine_key))
    except (OSError, MachineKeyError):
        raise Refused(*UNREADABLE) from None


def _read(house: House, ask: Callable[[Connection], T]) -> T | None:
    """None: no exchange has run yet, and so nothing was entered."""
    if not house.place.calls_db.exists():
        return None
    try:
        reader = open_reader(house.place.calls_db)
        try:
            with reader.connect() as connection:
                return ask(connection)
        finally:
            reader.dispose()
    except (StoreError, SQLAlchemyError):
        raise Refused(*UNREADABLE) from None
