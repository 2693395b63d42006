"""The form of a public holiday: a day like any other, closed, cut short or open at times of its
own, each time it comes. Only those of the clinic's own region have one.
"""

from collections.abc import Mapping
from datetime import date
from zoneinfo import ZoneInfo

from babel.dates import format_date
from fastapi import APIRouter, Request
from fastapi.responses import Response

from firmware import draft
from firmware.draft import Kept
from firmware.exception_form import OPEN, prompts_of
from firmware.filling import Told, document_of
from firmware.holiday_form import fill, texts_of, told_of
from firmware.times_form import count_of
from firmware.web.entrance import Refused
from firmware.web.frame import render, words_of
from firmware.web.hours import holidays_ahead
from firmware.web.hours_kept import kept_or_asked
from firmware.web.house import house_of
from firmware.web.rooms import NO_SUCH, filled_in, now_kept
from firmware.web.weeks import drafted_weeks, faults_said, is_looked_at

router = APIRouter()


@router.get("/hours/holiday")
def show(request: Request) -> Response:
    kept, name = now_kept(request), request.query_params.get("name", "")
    day = _next(request, kept, name)
    return _form(request, name, day, kept, texts_of(told_of(document_of(kept.text), name)))


@router.post("/hours/holiday/times")
def save(request: Request) -> Response:
    kept, texts = now_kept(request), filled_in(request)
    name = texts.get("name", "")
    day = _next(request, kept, name)
    beside = draft.beside(house_of(request).place)
    done = fill(kept.text, name, texts, beside)
    if is_looked_at(request, done):
        return _form(request, name, day, kept, texts, looked_at=done.text or "")
    return kept_or_asked(
        request,
        kept,
        done,
        "changed a holiday",
        lambda status, faults, why: _form(
            request, name, day, kept, texts, status=status, faults=faults, why=why
        ),
    )


def _next(request: Request, kept: Kept, name: str) -> date:
    """When it comes; Refused: it is none of the region's."""
    document = document_of(kept.text)
    zone = ZoneInfo(document.get("clinic", {}).get("timezone", "UTC"))
    today = house_of(request).now().astimezone(zone).date()
    for day, names in holidays_ahead(document, today):
        if name in names:
            return day
    raise Refused(*NO_SUCH)


def _form(
    request: Request,
    name: str,
    day: date,
    kept: Kept,
    texts: Mapping[str, str],
    *,
    status: int = 200,
    faults: Mapping[str, Told] | None = None,
    why: str = "",
    looked_at: str = "",
) -> Response:
    words = words_of(request)
    return render(
        request,
        "hours_holiday.html",
        status=status,
        name=name,
        day=format_date(day, "full", locale=words.locale),
        step=kept.step,
        texts=texts,
        faults=faults_said(faults or {}, words),
        rows=range(1, count_of(texts, OPEN) + 1),
        prompts=prompts_of(document_of(kept.text)),
        why=why,
        is_looked_at=bool(looked_at),
        weeks=drafted_weeks(request, looked_at or kept.text, words, day.isoformat()),
    )
