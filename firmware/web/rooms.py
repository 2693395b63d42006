"""People and phones: a list and a form for each section of the site file, made from its own model.
Everything here changes the draft and nothing else: telephones go on as they are until somebody
publishes.

What is wrong is said beside its field and changes nothing. Whoever has changed the draft meanwhile
is named, and what was typed here is still there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from firmware import draft, settings
from firmware.draft import ChangedMeanwhileError, DraftError, Kept
from firmware.fields import Field, texts_of
from firmware.filling import (
    NAME,
    Filled,
    Told,
    document_of,
    faults_of,
    fill,
    fitted,
    rename,
    take_away,
)
from firmware.place import Place
from firmware.sections import KEEPING_NAMES, SECTIONS, Document, Section, Shape
from firmware.web.entrance import TOKEN_FIELD, Refused, visitor_of
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.lines_now import lines_now
from firmware.web.room_form import Drawn, cell, said
from firmware.web.room_words import CALLED, FIELDS, GROUPS
from firmware.web.words import to_say

router = APIRouter()

STEP_FIELD = "step"
FAULTS_SHOWN = 6
NO_SUCH = (
    404,
    to_say("There is no such part of the site."),
    to_say("Somebody may have taken it away. Go back to the list."),
)
SHOWN_AGAIN = to_say("%(who)s has changed the draft meanwhile. Look at it, and save again.")
SOMEBODY = to_say("Somebody")
NO_SITE = (
    409,
    to_say("There is no site file yet."),
    to_say("Set up the clinic's site at the box first: `careline publish clinic.toml`."),
)
NOTHING_TO_UNDO = (
    409,
    to_say("There is nothing to undo, or the draft was changed meanwhile."),
    to_say("Go back to the list and look at what stands there."),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A part in its section's list."""

    name: str
    href: str
    cells: tuple[str, ...]


@router.get("/rooms")
def overview(request: Request) -> Response:
    """All sections, with how much stands in each."""
    kept = now_kept(request)
    document = document_of(kept.text)
    counts = {each.name: len(each.parts(document)) for each in SECTIONS.values()}
    return render(
        request,
        "rooms.html",
        groups=GROUPS,
        called=CALLED,
        counts=counts,
        ones={each.name for each in SECTIONS.values() if each.shape is Shape.ONE},
        standing=standing(request, kept),
    )


@router.post("/rooms/undo")
def undo(request: Request) -> Response:
    """The last change of the draft, whoever made it."""
    return _stepped(request, draft.undo)


@router.post("/rooms/redo")
def redo(request: Request) -> Response:
    """The change that was undone last."""
    return _stepped(request, draft.redo)


@router.get("/rooms/{section}")
def listed(request: Request, section: str) -> Response:
    """A section's parts; of one that has a single part, its form."""
    of, kept = _section(section), now_kept(request)
    if of.shape is Shape.ONE:
        return _form(request, of, "", kept)
    return render(
        request,
        "room_list.html",
        of=of,
        called=CALLED[of.name],
        rows=_rows(request, of, document_of(kept.text)),
        columns=[field for name in CALLED[of.name].shows for field in of.fields
                 if field.name == name],
        label=lambda field: _label(request, of, field),
        standing=standing(request, kept),
        now=lines_now(request) if of.name == "lines" else [],
    )  # fmt: skip


@router.get("/rooms/{section}/new")
def begin(request: Request, section: str) -> Response:
    return _form(request, _section(section), None, now_kept(request))


@router.get("/rooms/{section}/part/{name}")
def show(request: Request, section: str, name: str) -> Response:
    return _form(request, _section(section), name, now_kept(request))


@router.post("/rooms/{section}")
def save_one(request: Request, section: str) -> Response:
    of = _section(section)
    if of.shape is not Shape.ONE:
        raise Refused(*NO_SUCH)
    return _save(request, of, "")


@router.post("/rooms/{section}/new")
def add(request: Request, section: str) -> Response:
    return _save(request, _section(section), None)


@router.post("/rooms/{section}/part/{name}")
def change(request: Request, section: str, name: str) -> Response:
    return _save(request, _section(section), name)


@router.post("/rooms/{section}/take-away")
def take_one_away(request: Request, section: str) -> Response:
    return _act(request, _section(section), "", take_away, "taken away")


@router.post("/rooms/{section}/part/{name}/take-away")
def take_part_away(request: Request, section: str, name: str) -> Response:
    return _act(request, _section(section), name, take_away, "taken away")


@router.post("/rooms/{section}/part/{name}/rename")
def call_otherwise(request: Request, section: str, name: str) -> Response:
    new = filled_in(request).get(NAME, "").strip()

    def renamed(text: str, of: Section, old: str) -> Filled:
        return rename(text, of, old, new)

    return _act(request, _section(section), name, renamed, f"renamed {new}")


# ---- the draft ----


def now_kept(request: Request) -> Kept:
    """The draft as it is; without one, what is in force."""
    try:
        return draft.read(house_of(request).place)
    except OSError:
        raise Refused(*NO_SITE) from None


def keep(request: Request, text: str, what: str) -> str:
    """Into the draft, if nobody changed it since this form was drawn; else who did."""
    house, visitor = house_of(request), visitor_of(request)
    try:
        draft.keep(house.place, text, visitor.person, what, seen(request), house.now())
    except ChangedMeanwhileError:
        done = now_kept(request).done
        return done[-1].who if done else words_of(request).gettext(SOMEBODY)
    except DraftError as no:
        why, _, cure = str(no).partition(": ")
        raise Refused(409, why, cure) from no
    return ""


def seen(request: Request) -> int:
    """The step of the draft that was shown."""
    typed = str(request.state.form.get(STEP_FIELD, ""))
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else -1


def filled_in(request: Request) -> dict[str, str]:
    """What was typed, without what the page itself has put there."""
    form = cast(dict[str, Any], request.state.form)
    return {name: str(text) for name, text in form.items() if name not in (TOKEN_FIELD, STEP_FIELD)}


@dataclass(frozen=True, slots=True)
class Standing:
    """What each of these screens says of the draft."""

    step: int
    count: int  # of what keeps it from being published
    may_undo: bool
    may_redo: bool
    faults: tuple[tuple[str, str], ...]  # where, and what; the first of them


def standing(request: Request, kept: Kept) -> Standing:
    words, place = words_of(request), house_of(request).place
    found = faults_of(kept.text, draft.beside(place))
    told = ((each.where, said(Told(each.reason, each.cure), words)) for each in found)
    first = tuple(islice(told, FAULTS_SHOWN))
    return Standing(kept.step, len(found), bool(kept.done), kept.redo is not None, first)


# ---- in steps ----


def _stepped(request: Request, step: Callable[[Place, int], Kept]) -> Response:
    try:
        step(house_of(request).place, seen(request))
    except DraftError:
        raise Refused(*NOTHING_TO_UNDO) from None
    came_from = filled_in(request).get("section", "")
    if came_from == "hours":
        return RedirectResponse("/hours", 303)
    return RedirectResponse(f"/rooms/{came_from}" if came_from in SECTIONS else "/rooms", 303)


def _section(name: str) -> Section:
    if name not in SECTIONS:
        raise Refused(*NO_SUCH)
    return SECTIONS[name]


def _rows(request: Request, of: Section, document: Document) -> list[Row]:
    words, shows = words_of(request), CALLED[of.name].shows
    fields = {field.name: field for field in of.fields}
    return [
        Row(
            name,
            f"/rooms/{of.name}/part/{name}",
            tuple(cell(fields[each], part.get(each), words) for each in shows),
        )
        for name, part in of.parts(document)
    ]


def _label(request: Request, of: Section, field: Field) -> str:
    return words_of(request).gettext(FIELDS[f"{of.name}.{field.name}"][0])


def _fields(request: Request, of: Section, document: Document) -> Sequence[Field]:
    languages = sorted({*settings.standard_prompts(), *document.get("prompts", {})})
    return fitted(of, document, {"language": languages})


def _form(
    request: Request,
    of: Section,
    name: str | None,
    kept: Kept,
    *,
    status: int = 200,
    texts: Mapping[str, str] | None = None,
    faults: Mapping[str, Told] | None = None,
    why: str = "",
) -> Response:
    document, words = document_of(kept.text), words_of(request)
    fields = _fields(request, of, document)
    written = {} if name is None else of.part(document, name)
    if written is None and of.shape is not Shape.ONE:
        raise Refused(*NO_SUCH)
    stands = texts_of(fields, written or {}) if texts is None else texts
    drawn = Drawn(of, document, stands, faults or {}, words)
    return render(
        request,
        "room_form.html",
        status=status,
        of=of,
        called=CALLED[of.name],
        name=name,
        is_new=name is None,
        is_there=bool(written) or of.shape is not Shape.ONE,
        is_one=of.shape is Shape.ONE,
        may_go=name is not None and of.name != "clinic" and written is not None,
        may_be_renamed=of.shape is Shape.NAMED
        and name is not None
        and of.name not in KEEPING_NAMES,
        asked=drawn.fields(fields, is_new=name is None),
        why=why or drawn.fault_of(""),
        rename_fault=drawn.fault_of(NAME) if name is not None else "",
        standing=standing(request, kept),
    )


def _save(request: Request, of: Section, name: str | None) -> Response:
    kept, texts = now_kept(request), filled_in(request)
    beside = draft.beside(house_of(request).place)
    fields = _fields(request, of, document_of(kept.text))
    done = fill(kept.text, of, name, texts, fields=fields, beside=beside)
    what = "changed" if name is not None else f"added {texts.get(NAME, '')}".strip()
    return _kept(request, of, name, kept, done, what, texts)


def _act(
    request: Request, of: Section, name: str, act: Callable[[str, Section, str], Filled], what: str
) -> Response:
    kept = now_kept(request)
    return _kept(request, of, name, kept, act(kept.text, of, name), what)


def _kept(
    request: Request,
    of: Section,
    name: str | None,
    kept: Kept,
    done: Filled,
    what: str,
    texts: Mapping[str, str] | None = None,
) -> Response:
    if done.text is None:
        faults = done.faults
        return _form(request, of, name, kept, status=422, texts=texts, faults=faults)
    if done.text != kept.text and (
        who := keep(request, done.text, f"{of.name} {name or ''} {what}")
    ):
        why = words_of(request).say(SHOWN_AGAIN, who=who)
        return _form(request, of, name, now_kept(request), status=409, texts=texts, why=why)
    href = "/rooms" if of.shape is Shape.ONE else f"/rooms/{of.name}"
    return RedirectResponse(href, 303)
