"""Who takes turns on call: the layers and what is for all of them, and the form of each rotation.

What was typed of a rotation can be looked at as a week, gaps in red, before it goes into the draft.
"""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response

from firmware import draft, rota_form
from firmware.draft import Kept
from firmware.filling import Filled, Told, document_of
from firmware.forms import WEEKDAYS
from firmware.rota_form import Kind
from firmware.schedule_form import SCHEDULES
from firmware.sections import Document, parts_called
from firmware.settings import Beside
from firmware.web.begin import DAY_NAMES
from firmware.web.entrance import Refused
from firmware.web.frame import render, words_of
from firmware.web.hours_kept import kept_or_asked
from firmware.web.house import house_of
from firmware.web.rooms import NO_SUCH, filled_in, now_kept
from firmware.web.weeks import drafted_weeks, faults_said, is_looked_at
from firmware.web.words import to_say

router = APIRouter()

HERE = "/hours/oncall"
ONLY_NAMES: Mapping[str, str] = {
    **DAY_NAMES,
    "weekdays": to_say("Monday to Friday"),
    "weekend": to_say("Saturday and Sunday"),
    "every-day": to_say("every day"),
    "holidays": to_say("holidays"),
}


# ---- layers, and what is for all of them ----


@router.get("/hours/oncall")
def show_all(request: Request) -> Response:
    return _all(request, now_kept(request))


@router.post("/hours/oncall")
def save_common(request: Request) -> Response:
    kept, texts = now_kept(request), filled_in(request)
    done = rota_form.fill_common(kept.text, texts, _beside(request))
    return kept_or_asked(
        request,
        kept,
        done,
        "changed what is for all on call",
        lambda status, faults, why: _all(
            request, kept, texts=texts, status=status, faults=faults, why=why
        ),
        HERE,
    )


@router.post("/hours/oncall/{layer}/rename")
def call_otherwise(request: Request, layer: str) -> Response:
    kept, new = now_kept(request), filled_in(request).get("called", "").strip()
    return _changed(
        request, kept, layer, rota_form.rename(kept.text, layer, new), "renamed a layer"
    )


@router.post("/hours/oncall/{layer}/sooner")
def try_sooner(request: Request, layer: str) -> Response:
    kept = now_kept(request)
    return _changed(request, kept, layer, rota_form.sooner(kept.text, layer), "moved a layer")


@router.post("/hours/oncall/{layer}/{place}/sooner")
def ask_sooner(request: Request, layer: str, place: int) -> Response:
    kept = now_kept(request)
    done = rota_form.sooner(kept.text, layer, place)
    return _changed(request, kept, layer, done, "moved a rotation")


@router.post("/hours/oncall/{layer}/{place}/take-away")
def remove(request: Request, layer: str, place: int) -> Response:
    kept = now_kept(request)
    done = rota_form.take_away(kept.text, layer, place)
    return _changed(request, kept, layer, done, "took a rotation away")


def _changed(request: Request, kept: Kept, layer: str, done: Filled, what: str) -> Response:
    return kept_or_asked(
        request,
        kept,
        done,
        what,
        lambda status, faults, why: _all(
            request, kept, layer=layer, status=status, faults=faults, why=why
        ),
        HERE,
    )


def _all(
    request: Request,
    kept: Kept,
    *,
    layer: str = "",
    texts: Mapping[str, str] | None = None,
    status: int = 200,
    faults: Mapping[str, Told] | None = None,
    why: str = "",
) -> Response:
    """`layer` is the one that the faults are of."""
    words, document = words_of(request), document_of(kept.text)
    told = faults_said(faults or {}, words)
    return render(
        request,
        "hours_oncall.html",
        status=status,
        kept=kept,
        step=kept.step,
        is_there="oncall" in document,
        layers={
            name: [rota_form.texts_of(each) | {"kind": rota_form.kind_of(each)} for each in found]
            for name, found in rota_form.layers_of(document).items()
        },
        wrong_layer=layer,
        texts=texts or rota_form.common_texts(document),
        faults=told,
        why=why,
        people=_people(document),
        schedules=_schedules(document),
        days={day: DAY_NAMES[day] for day in WEEKDAYS},
    )


# ---- a rotation ----


@router.get("/hours/oncall/new")
def begin_layer(request: Request) -> Response:
    """The first rotation of a new layer."""
    return _begun(request, None)


@router.post("/hours/oncall/new")
def add_layer(request: Request) -> Response:
    return _save(request, None, None)


@router.get("/hours/oncall/{layer}/new")
def begin(request: Request, layer: str) -> Response:
    return _begun(request, layer)


@router.post("/hours/oncall/{layer}/new")
def add(request: Request, layer: str) -> Response:
    return _save(request, layer, None)


@router.get("/hours/oncall/{layer}/{place}")
def show(request: Request, layer: str, place: int) -> Response:
    kept = now_kept(request)
    written = rota_form.rotation_of(document_of(kept.text), layer, place)
    if written is None:
        raise Refused(*NO_SUCH)
    kind = _kind(request.query_params.get("kind", ""), rota_form.kind_of(written))
    return _form(request, layer, place, kept, kind, rota_form.texts_of(written))


@router.post("/hours/oncall/{layer}/{place}")
def save(request: Request, layer: str, place: int) -> Response:
    return _save(request, layer, place)


def _begun(request: Request, layer: str | None) -> Response:
    kept = now_kept(request)
    if layer is not None and layer not in rota_form.layers_of(document_of(kept.text)):
        raise Refused(*NO_SUCH)
    kind = _kind(request.query_params.get("kind", ""), Kind.TURNS)
    return _form(request, layer, None, kept, kind, {"days": "7", "hand_off": "08:00"})


def _save(request: Request, layer: str | None, place: int | None) -> Response:
    kept, texts = now_kept(request), filled_in(request)
    kind = _kind(texts.get("kind", ""), Kind.TURNS)
    done = rota_form.fill(kept.text, layer, place, kind, texts, _beside(request))
    if is_looked_at(request, done):
        return _form(request, layer, place, kept, kind, texts, looked_at=done.text or "")
    return kept_or_asked(
        request,
        kept,
        done,
        "changed a rotation",
        lambda status, faults, why: _form(
            request, layer, place, kept, kind, texts, status=status, faults=faults, why=why
        ),
    )


def _form(
    request: Request,
    layer: str | None,
    place: int | None,
    kept: Kept,
    kind: Kind,
    texts: Mapping[str, str],
    *,
    status: int = 200,
    faults: Mapping[str, Told] | None = None,
    why: str = "",
    looked_at: str = "",
) -> Response:
    words, document = words_of(request), document_of(kept.text)
    told = faults_said(faults or {}, words)
    return render(
        request,
        "hours_rotation.html",
        status=status,
        layer=layer,
        place=place,
        step=kept.step,
        kind=kind,
        texts=texts,
        faults=told,
        why=why,
        is_first="oncall" not in document,
        people=_people(document),
        places=range(1, rota_form.people_count(texts) + 1),
        rows=range(1, rota_form.only_count(texts) + 1),
        days={day: DAY_NAMES[day] for day in WEEKDAYS},
        only_days=ONLY_NAMES,
        is_looked_at=bool(looked_at),
        weeks=drafted_weeks(request, looked_at or kept.text, words),
    )


def _kind(asked: str, usual: Kind) -> Kind:
    return next((each for each in Kind if each == asked), usual)


def _beside(request: Request) -> Beside:
    return draft.beside(house_of(request).place)


def _people(document: Document) -> list[tuple[str, str]]:
    called = parts_called(document, "people")
    return [(name, label or name) for name, label in called.items()]


def _schedules(document: Document) -> list[tuple[str, str]]:
    return [(name, name) for name, _ in SCHEDULES.parts(document)]
