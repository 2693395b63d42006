"""The form of an exception: days on which a schedule is closed, opens late, closes early or has
times of its own, and the prompt that tells callers so. A new one is filled in on the Hours screen.
"""

from collections.abc import Mapping
from datetime import date

from fastapi import APIRouter, Request
from fastapi.responses import Response

from firmware import draft
from firmware.draft import Kept
from firmware.exception_form import OPEN, exception_of, fill, prompts_of, texts_of
from firmware.filling import Told, document_of
from firmware.times_form import count_of
from firmware.web.entrance import Refused
from firmware.web.frame import render, words_of
from firmware.web.hours import screen
from firmware.web.hours_kept import kept_or_asked
from firmware.web.house import house_of
from firmware.web.rooms import NO_SUCH, filled_in, now_kept
from firmware.web.weeks import drafted_weeks, faults_said, is_looked_at

router = APIRouter()


@router.post("/hours/exception")
def add(request: Request) -> Response:
    kept, texts = now_kept(request), filled_in(request)
    beside = draft.beside(house_of(request).place)
    done = fill(kept.text, texts.get("schedule", ""), None, texts, beside)
    return kept_or_asked(
        request,
        kept,
        done,
        "added an exception",
        lambda status, faults, why: screen(
            request, form="exception", faults=faults, why=why, status=status
        ),
        _week_of(texts.get("first", "")),
    )


def _week_of(day: str) -> str:
    """Where it can be seen what became of these days."""
    try:
        return f"/hours?day={date.fromisoformat(day.strip()).isoformat()}"
    except ValueError:
        return "/hours"


@router.get("/hours/exception/{schedule}/{place}")
def show(request: Request, schedule: str, place: int) -> Response:
    kept = now_kept(request)
    written = exception_of(document_of(kept.text), schedule, place)
    if written is None:
        raise Refused(*NO_SUCH)
    return _form(request, schedule, place, kept, texts_of(written, house_of(request).now().year))


@router.post("/hours/exception/{schedule}/{place}")
def save(request: Request, schedule: str, place: int) -> Response:
    kept, texts = now_kept(request), filled_in(request)
    if exception_of(document_of(kept.text), schedule, place) is None:
        raise Refused(*NO_SUCH)
    beside = draft.beside(house_of(request).place)
    done = fill(kept.text, schedule, place, texts, beside)
    if is_looked_at(request, done):
        return _form(request, schedule, place, kept, texts, looked_at=done.text or "")
    return kept_or_asked(
        request,
        kept,
        done,
        "changed an exception",
        lambda status, faults, why: _form(
            request, schedule, place, kept, texts, status=status, faults=faults, why=why
        ),
    )


def _form(
    request: Request,
    schedule: str,
    place: int,
    kept: Kept,
    texts: Mapping[str, str],
    *,
    status: int = 200,
    faults: Mapping[str, Told] | None = None,
    why: str = "",
    looked_at: str = "",
) -> Response:
    words = words_of(request)
    told = faults_said(faults or {}, words)
    return render(
        request,
        "hours_exception.html",
        status=status,
        schedule=schedule,
        place=place,
        step=kept.step,
        texts=texts,
        faults=told,
        rows=range(1, count_of(texts, OPEN) + 1),
        prompts=prompts_of(document_of(kept.text)),
        why=why,
        is_looked_at=bool(looked_at),
        weeks=drafted_weeks(request, looked_at or kept.text, words, texts.get("first", "")),
    )
