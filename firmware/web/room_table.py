"""Telephones by a table: taken along, and brought. Whoever brings one sees first what it would do;
the second press does just that, in one step of the draft that one undo takes back. A table is read
anew then, and a draft that was changed meanwhile is shown again first.
"""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field

from firmware import draft
from firmware.filling import document_of
from firmware.phone_table import EXTENSION, Line, Preview, What, preview, table_of
from firmware.web.entrance import FORM_MOST
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.room_form import said
from firmware.web.room_words import CALLED, FIELDS
from firmware.web.rooms import SHOWN_AGAIN, keep, now_kept
from firmware.web.words import Words, to_say

router = APIRouter()

WHAT = {
    What.ADDED: to_say("is added"),
    What.CHANGED: to_say("is changed"),
    What.SAME: to_say("stays as it is"),
    What.REFUSED: to_say("is refused"),
}
PHONES = CALLED["phones"]
TONES = {What.ADDED: "well", What.CHANGED: "well", What.SAME: "quiet", What.REFUSED: "alarm"}


class TableForm(Form):
    table: Annotated[str, Field(max_length=FORM_MOST)] = ""
    step: Annotated[str, Field(max_length=10)] = ""


@router.get("/rooms/phones/table.csv")
def take_along(request: Request) -> Response:
    """As a spreadsheet reads it: with the mark that it is UTF-8."""
    text = "\ufeff" + table_of(document_of(now_kept(request).text))
    headers = {"content-disposition": 'attachment; filename="phones.csv"'}
    return Response(text.encode(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/rooms/phones/bring")
def ask(request: Request) -> Response:
    return _screen(request, "", None)


@router.post("/rooms/phones/bring")
def look(request: Request) -> Response:
    table = _table(request)
    return _screen(request, table, _preview(request, table))


@router.post("/rooms/phones/bring/take")
def take(request: Request) -> Response:
    table = _table(request)
    seen = _preview(request, table)
    if seen.text is None:
        return _screen(request, table, seen, status=422)
    count = seen.count(What.ADDED) + seen.count(What.CHANGED)
    if who := keep(request, seen.text, f"phones: {count} by a table"):
        why = words_of(request).say(SHOWN_AGAIN, who=who)
        return _screen(request, table, _preview(request, table), status=409, why=why)
    return RedirectResponse("/rooms/phones", 303)


def _table(request: Request) -> str:
    form = typed(request, TableForm).form
    return form.table if form else ""


def _preview(request: Request, table: str) -> Preview:
    beside = draft.beside(house_of(request).place)
    return preview(now_kept(request).text, table, beside)


def _screen(
    request: Request, table: str, seen: Preview | None, *, status: int = 200, why: str = ""
) -> Response:
    words = words_of(request)
    if seen and seen.fault:
        why = said(seen.fault, words)
    return render(
        request,
        "room_bring.html",
        status=status,
        step=now_kept(request).step,
        table=table,
        why=why,
        seen=seen,
        rows=[_row(line, words) for line in seen.lines] if seen else [],
        counts={what.value: seen.count(what) for what in What} if seen else {},
    )


def _row(line: Line, words: Words) -> tuple[int, str, str, str, str, str]:
    more = ", ".join(_column(each, words) for each in line.changed)
    if line.faults:
        wrong = line.faults.items()
        more = " ".join(f"{_column(name, words)}: {said(told, words)}" for name, told in wrong)
    what = words.gettext(WHAT[line.what])
    return line.number, line.extension, line.name, what, more, TONES[line.what]


def _column(name: str, words: Words) -> str:
    if name in ("", EXTENSION):
        return words.gettext(PHONES.part)
    return words.gettext(FIELDS[f"phones.{name}"][0])
