"""The form of a schedule: its week, its lunch and its holidays; a new one, another name, or none.

What was typed can be looked at as a week, with who would be on call and when nobody would, before
it goes into the draft. Nothing else is changed by it.
"""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response

from firmware import draft
from firmware.draft import Kept
from firmware.fields import TICKED
from firmware.filling import Filled, Told, document_of, rename, take_away
from firmware.forms import WEEKDAYS
from firmware.schedule_form import HOLIDAYS, LUNCH, SCHEDULES, as_meant, fill, texts_of
from firmware.times_form import count_of
from firmware.web.begin import DAY_NAMES
from firmware.web.entrance import Refused
from firmware.web.frame import render, words_of
from firmware.web.hours_kept import kept_or_asked
from firmware.web.house import house_of
from firmware.web.rooms import NO_SUCH, filled_in, now_kept
from firmware.web.weeks import drafted_weeks, faults_said, is_looked_at

router = APIRouter()


@router.get("/hours/schedule")
def begin(request: Request) -> Response:
    """A new one, with the week of another if it is to be like that."""
    kept = now_kept(request)
    like = SCHEDULES.part(document_of(kept.text), request.query_params.get("like", ""))
    return _form(request, None, kept, {HOLIDAYS: TICKED} if like is None else texts_of(like))


@router.post("/hours/schedule")
def add(request: Request) -> Response:
    return _save(request, None)


@router.get("/hours/schedule/{name}")
def show(request: Request, name: str) -> Response:
    kept = now_kept(request)
    written = SCHEDULES.part(document_of(kept.text), name)
    if written is None:
        raise Refused(*NO_SUCH)
    return _form(request, name, kept, texts_of(written))


@router.post("/hours/schedule/{name}")
def save(request: Request, name: str) -> Response:
    return _save(request, name)


@router.post("/hours/schedule/{name}/rename")
def call_otherwise(request: Request, name: str) -> Response:
    kept, new = now_kept(request), filled_in(request).get("called", "").strip()
    return _changed(request, name, kept, rename(kept.text, SCHEDULES, name, new), "renamed hours")


@router.post("/hours/schedule/{name}/take-away")
def remove(request: Request, name: str) -> Response:
    kept = now_kept(request)
    return _changed(request, name, kept, take_away(kept.text, SCHEDULES, name), "took hours away")


def _save(request: Request, name: str | None) -> Response:
    kept, texts = now_kept(request), as_meant(filled_in(request))
    if name is not None and SCHEDULES.part(document_of(kept.text), name) is None:
        raise Refused(*NO_SUCH)
    beside = draft.beside(house_of(request).place)
    done = fill(kept.text, name, texts, beside)
    if is_looked_at(request, done):
        return _form(request, name, kept, texts, looked_at=done.text or "")
    return kept_or_asked(
        request,
        kept,
        done,
        "changed the hours",
        lambda status, faults, why: _form(
            request, name, kept, texts, status=status, faults=faults, why=why
        ),
    )


def _changed(request: Request, name: str, kept: Kept, done: Filled, what: str) -> Response:
    """What is not of the week itself."""
    written = SCHEDULES.part(document_of(kept.text), name)
    if written is None:
        raise Refused(*NO_SUCH)
    return kept_or_asked(
        request,
        kept,
        done,
        what,
        lambda status, faults, why: _form(
            request, name, kept, texts_of(written), status=status, faults=faults, why=why
        ),
    )


def _form(
    request: Request,
    name: str | None,
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
        "hours_schedule.html",
        status=status,
        name=name,
        others=[each for each, _ in SCHEDULES.parts(document_of(kept.text)) if each != name],
        step=kept.step,
        days={day: DAY_NAMES[day] for day in WEEKDAYS},
        rows={day: range(1, count_of(texts, day) + 1) for day in (*WEEKDAYS, LUNCH)},
        texts=texts,
        faults=told,
        why=why,
        is_looked_at=bool(looked_at),
        weeks=drafted_weeks(request, looked_at or kept.text, words),
    )
