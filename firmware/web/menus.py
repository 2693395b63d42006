"""Menus: the flow editor. The outline of a flow is the editor, with the form of the chosen step in
it and the picture beside it; all of it is made here of the draft's text, and a script of ours only
carries it.

Nothing here puts anything in force: each change is a step of the draft, which can be undone. What
is typed is checked before it is kept, by the prover that judges a publish.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from firmware import draft, flow_edits, settings
from firmware.draft import ChangedMeanwhileError, DraftError, Kept
from firmware.edits import Edit, EditError, Put, Remove, edited
from firmware.flow_edits import Document, flows_of, language_of, nodes_of
from firmware.flow_outline import Box, Is, Row, outline, picture
from firmware.node_fields import fields_of, typed_node
from firmware.place import Place
from firmware.web import fault_places, fault_words, flow_words
from firmware.web.entrance import Refused, visitor_of
from firmware.web.fault_words import ShownBy
from firmware.web.flow_words import title
from firmware.web.frame import render, words_of
from firmware.web.house import House, house_of
from firmware.web.node_form import Group, Making, Option, Shown
from firmware.web.words import Words, to_say

router = APIRouter()

PART = "x-part"  # a script of ours asks for what changes, and not for the frame around it
DEEPEST_SHOWN = 8
NO_SITE = (
    to_say("There is no site file yet."),
    to_say("Finish setting the box up first."),
)
NOT_TOML = (
    to_say("The draft cannot be read: its text is not as it should be."),
    to_say("Discard the draft, or have a technician mend the site file."),
)


# ---- what the screen shows ----


@dataclass(frozen=True, slots=True)
class Told:
    """Something wrong: where it is mended, why, what to do, and the call that shows it."""

    tone: str
    where: str
    href: str
    reason: str
    cure: str
    shown: ShownBy | None


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the outline, in words."""

    what: str
    depth: int
    by: str  # how callers come here from above
    above: str
    title: str
    summary: str
    note: str
    href: str
    faults: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Form:
    """Of the chosen step."""

    node: str
    title: str
    kind: str
    fields: tuple[Shown, ...]
    faults: tuple[str, ...]  # that belong to no field
    heirs: tuple[Group, ...]
    heir: str
    is_start: bool


@dataclass(frozen=True, slots=True)
class FlowForm:
    """Of the menu as a whole."""

    starts: tuple[Group, ...]
    start: str
    zeros: tuple[Group, ...]
    zero: str
    languages: tuple[Option, ...]
    language: str
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """All of it."""

    flow: str
    node: str
    flows: tuple[Option, ...]
    lines: tuple[Line, ...]
    apart: tuple[Line, ...]
    form: Form | None
    flow_form: FlowForm
    faults: tuple[Told, ...]
    is_proven: bool
    proven: str
    warnings: tuple[Told, ...]
    graph: str
    pieces: tuple[Option, ...]
    step: int
    undo: str
    redo: str
    why: str  # why the last wish was not done
    is_overtaken: bool


# ---- what is wrong ----


@dataclass(frozen=True, slots=True)
class Wrong:
    """As the prover tells it."""

    where: str  # in the words of forms: entries counted from 0
    reason: str
    cure: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    faults: tuple[Wrong, ...]
    warnings: tuple[Wrong, ...] = ()
    proven: str = ""  # by how much, where there is no fault


def judged(house: House, text: str) -> Judged:
    """Whether a text could be published, and what should be looked at: as it is judged when it is
    to be published."""
    found = house.drafted.examined(text)
    faults = (
        Wrong(_counted_from_0(one.where), one.reason, one.cure, one.example) for one in found.faults
    )
    warned = found.site.warnings if found.site else ()
    warnings = (Wrong(".".join(map(str, one.where)), one.reason, one.cure) for one in warned)
    proven = found.site.moments.in_words() if found.site else ""
    return Judged(tuple(faults), tuple(warnings), proven)


def _counted_from_0(where: str) -> str:
    """`phones[2]` is `phones.1`, as a form has it."""
    return re.sub(r"\[(\d+)\]", lambda found: f".{int(found[1]) - 1}", where)


# ---- routes ----


@router.get("/menus")
def show(request: Request, flow: str = "", node: str = "") -> Response:
    kept = _kept(request)
    return _answer(request, kept, kept.text, flow, node)


@router.post("/menus/check")
def check(request: Request) -> Response:
    """What was typed, looked at and not kept."""
    kept, asked = _kept(request), _asked(request)
    try:
        text = edited(kept.text, _wish(kept.text, asked))
    except EditError as refused:
        return _answer(request, kept, kept.text, asked.flow, asked.node, str(refused))
    return _answer(request, kept, text, asked.flow, asked.node)


@router.post("/menus/change")
def change(request: Request) -> Response:
    """What was typed is a step of the draft."""
    asked = _asked(request)
    name = asked.node or asked.flow
    return _keep(request, lambda text: (_wish(text, asked), asked.node), f"changed {title(name)}")


@router.post("/menus/add")
def add(request: Request) -> Response:
    """A common piece, to which nothing leads yet."""
    asked = _asked(request)

    def wish(text: str) -> tuple[list[Edit], str]:
        document = _read(text)
        name = flow_edits.named(asked.typed.get("name", ""))
        made = flow_edits.piece(document, asked.flow, asked.typed.get("piece", ""), name)
        return made.edits(asked.flow, language_of(document, asked.flow)), made.first

    return _keep(request, wish, "added a step")


@router.post("/menus/duplicate")
def duplicate(request: Request) -> Response:
    asked = _asked(request)
    return _keep(
        request,
        lambda text: flow_edits.duplicated(_read(text), asked.flow, asked.node),
        f"duplicated {title(asked.node)}",
    )


@router.post("/menus/remove")
def remove(request: Request) -> Response:
    asked = _asked(request)

    def wish(text: str) -> tuple[list[Edit], str]:
        heir = asked.typed.get("heir", "")
        chosen = heir if heir in nodes_of(_read(text), asked.flow) else ""
        return flow_edits.removed(_read(text), asked.flow, asked.node, heir), chosen

    return _keep(request, wish, f"removed {title(asked.node)}")


@router.post("/menus/rename")
def rename(request: Request) -> Response:
    asked = _asked(request)
    return _keep(
        request,
        lambda text: flow_edits.renamed(
            _read(text), asked.flow, asked.node, asked.typed.get("name", "")
        ),
        f"renamed {title(asked.node)}",
    )


@router.post("/menus/new")
def begin(request: Request) -> Response:
    """Another flow."""
    asked = _asked(request)
    made: list[str] = []

    def wish(text: str) -> tuple[list[Edit], str]:
        edits, name = flow_edits.new_flow(_read(text), asked.typed.get("name", ""))
        made.append(name)
        return edits, "menu"

    return _keep(request, wish, "added a menu", lambda: made[0] if made else asked.flow)


@router.post("/menus/undo")
def undo(request: Request) -> Response:
    return _step(request, draft.undo)


@router.post("/menus/redo")
def redo(request: Request) -> Response:
    return _step(request, draft.redo)


# ---- what is asked ----


@dataclass(frozen=True, slots=True)
class Asked:
    """The flow and step that a form is about, which step of the draft was seen, and the rest."""

    flow: str
    node: str
    seen: int
    typed: Mapping[str, str]


def _asked(request: Request) -> Asked:
    typed: Mapping[str, str] = request.state.form
    step = typed.get("step", "")
    seen = int(step) if step.isdecimal() and len(step) < 10 else -1
    return Asked(typed.get("flow", ""), typed.get("node", ""), seen, typed)


def _kept(request: Request) -> Kept:
    try:
        return draft.read(house_of(request).place)
    except OSError:
        raise Refused(409, *NO_SITE) from None


def _read(text: str) -> Document:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        raise Refused(409, *NOT_TOML) from None


# Of the draft's text: its edits, and the step that is shown afterwards.
Wish: TypeAlias = Callable[[str], tuple[list[Edit], str]]


def _keep(
    request: Request, wish: Wish, what: str, flow: Callable[[], str] | None = None
) -> Response:
    """A wish becomes a step; if it cannot, the screen says why."""
    house, asked, kept = house_of(request), _asked(request), _kept(request)
    node, why = asked.node, ""
    try:
        edits, node = wish(kept.text)
        text, who = edited(kept.text, edits), visitor_of(request).person
        kept = draft.keep(house.place, text, who, what, asked.seen, house.now())
    except (EditError, DraftError) as refused:
        node, why = asked.node, str(refused)
        kept = _kept(request) if isinstance(refused, ChangedMeanwhileError) else kept
    return _answer(request, kept, kept.text, flow() if flow else asked.flow, node, why)


def _step(request: Request, go: Callable[[Place, int], Kept]) -> Response:
    asked, why = _asked(request), ""
    try:
        kept = go(house_of(request).place, asked.seen)
    except DraftError as refused:
        kept, why = _kept(request), str(refused)
    return _answer(request, kept, kept.text, asked.flow, asked.node, why)


def _wish(text: str, asked: Asked) -> list[Edit]:
    """What the form of a step, or of the whole flow, changes."""
    document = _read(text)
    if asked.flow not in flows_of(document):
        raise EditError(
            f"there is no {asked.flow} any more: somebody may have changed it meanwhile"
        )
    if not asked.node:
        return list(_flow_wish(asked))
    nodes = nodes_of(document, asked.flow)
    if asked.node not in nodes:
        raise EditError(
            f"there is no {asked.node} any more: somebody may have changed it meanwhile"
        )
    now = nodes[asked.node] if isinstance(nodes[asked.node], Mapping) else {}
    kind, language = str(now.get("kind", "")), language_of(document, asked.flow)
    edits: list[Edit] = []
    if fields_of(kind):
        table, fresh = flow_edits.with_new(
            document, asked.flow, asked.node, typed_node(kind, asked.typed, now)
        )
        edits += fresh
        if words := asked.typed.get("new-words", "").strip():
            said = dict.fromkeys(flow_edits.names_in(document, ("prompts", language)))
            name = flow_edits.free_name(said, f"{asked.node[:34]}-words")
            edits.append(Put(("prompts", language, name), _in_one_line(words)))
            table["prompts"] = [*table.get("prompts", []), name]
        if table != now:
            edits.append(Put(("flows", asked.flow, "nodes", asked.node), table))
    return [*edits, *_words_wish(document, language, asked.typed)]


def _words_wish(document: Document, language: str, typed: Mapping[str, str]) -> Iterable[Edit]:
    """The clinic's own words, where they were changed."""
    prompts = document.get("prompts")
    own = prompts.get(language) if isinstance(prompts, Mapping) else None
    for name, text in own.items() if isinstance(own, Mapping) else ():
        written = typed.get(f"words.{name}")
        if written is not None and _in_one_line(written) != text:
            yield Put(("prompts", language, name), _in_one_line(written))


def _flow_wish(asked: Asked) -> Iterable[Edit]:
    here = ("flows", asked.flow)
    if start := asked.typed.get("start", ""):
        yield Put((*here, "start"), start)
    for key in ("zero", "language"):
        if value := asked.typed.get(key, ""):
            yield Put((*here, key), value)
        elif f"had-{key}" in asked.typed:
            yield Remove((*here, key))


def _in_one_line(words: str) -> str:
    return " ".join(words.split())


# ---- the answer ----


def _answer(
    request: Request, kept: Kept, text: str, flow: str, node: str, why: str = ""
) -> Response:
    words = words_of(request)
    shown = view(house_of(request), kept, text, flow, node, words, why)
    if request.method == "GET" or PART in request.headers:
        is_part = PART in request.headers
        status = 409 if why else 200
        template = "menus_work.html" if is_part else "menus.html"
        return render(request, template, status=status, view=shown)
    if why:
        return render(request, "menus.html", status=409, view=shown)
    return RedirectResponse(fault_places.menu(shown.flow, shown.node), 303)


def view(
    house: House, kept: Kept, text: str, flow: str, node: str, words: Words, why: str = ""
) -> View:
    """The screen of a text, which need not be kept yet."""
    document, found = _read(text), judged(house, text)
    flows = flows_of(document)
    flow = flow if flow in flows else next(iter(flows), "")
    nodes = nodes_of(document, flow)
    node = node if node in nodes else ""
    said, own = _said(document, flow)
    drawn = _Drawing(document, flow, node, said, found, words)
    shown = outline(document, flow)
    pieces = (Option(each, words.gettext(flow_words.PIECES[each])) for each in flow_edits.PIECES)
    return View(
        flow=flow,
        node=node,
        flows=tuple(Option(each, title(each)) for each in flows),
        lines=tuple(map(drawn.line, shown.rows)),
        apart=tuple(map(drawn.line, shown.apart)),
        form=drawn.form(own) if node else None,
        flow_form=drawn.flow_form(own),
        faults=tuple(drawn.told(one, "alarm") for one in drawn.ours_first(found.faults)),
        is_proven=not found.faults,
        proven=words.told(found.proven),
        warnings=tuple(drawn.told(one, "warning") for one in drawn.ours_first(found.warnings)),
        graph=drawn.graph(),
        pieces=tuple(pieces),
        step=kept.step,
        undo=words.told(kept.done[-1].what) if kept.done else "",
        redo=words.told(kept.redo.what) if kept.redo else "",
        why=fault_words.plain(why, words) if why else "",
        is_overtaken=kept.is_overtaken,
    )


def _said(document: Document, flow: str) -> tuple[dict[str, str], frozenset[str]]:
    """Every prompt that can be spoken in a flow's language, and which are the clinic's own."""
    language = language_of(document, flow)
    prompts = document.get("prompts")
    own = prompts.get(language) if isinstance(prompts, Mapping) else None
    ours = {str(name): str(text) for name, text in own.items()} if isinstance(own, Mapping) else {}
    return {**ours, **{k: v for k, v in settings.standard_prompts().get(language, {}).items()
                       if k not in ours}}, frozenset(ours)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What every part of the screen is drawn of."""

    document: Document
    flow: str
    node: str
    said: Mapping[str, str]
    found: Judged
    words: Words

    @property
    def _here(self) -> str:
        return f"flows.{self.flow}."

    def count(self, node: str) -> int:
        """Of the faults at a step."""
        at = f"{self._here}nodes.{node}"
        return sum(one.where == at or one.where.startswith(f"{at}.") for one in self.found.faults)

    def told_of(self, node: str) -> dict[str, str]:
        """What is to be mended or looked at, by the place within a step; empty for the step
        itself."""
        at = f"{self._here}nodes.{node}"
        spoken = f"prompts.{language_of(self.document, self.flow)}."
        told: dict[str, str] = {}
        for one in (*self.found.faults, *self.found.warnings):
            if one.where == at or one.where.startswith(f"{at}."):
                place = one.where[len(at) + 1 :]
            elif one.where.startswith(spoken):
                place = f"words.{one.where[len(spoken) :]}"
                if not self._says(node, one.where[len(spoken) :]):
                    continue
            else:
                continue
            text = f"{self._reason(one)} {fault_words.plain(one.cure, self.words)}"
            told[place] = f"{told[place]} {text}" if place in told else text
        return told

    def _says(self, node: str, prompt: str) -> bool:
        table = nodes_of(self.document, self.flow).get(node)
        prompts = table.get("prompts") if isinstance(table, Mapping) else None
        return isinstance(prompts, list) and prompt in prompts

    def _reason(self, one: Wrong) -> str:
        return fault_words.reason(one.reason, self.words)

    def ours_first(self, found: Iterable[Wrong]) -> list[Wrong]:
        return sorted(found, key=lambda one: not one.where.startswith(self._here))

    def told(self, one: Wrong, tone: str) -> Told:
        at = one.where.split(".")
        where, href = title(one.where.replace(".", " · ")), ""
        if at[0] == "flows" and len(at) > 1:
            node = at[3] if len(at) > 3 and at[2] == "nodes" else ""
            where = title(" · ".join(filter(None, (at[1], node))))
            href = fault_places.menu(at[1], node)
        cure = fault_words.plain(one.cure, self.words)
        shown = fault_words.shown_by(one.example, self.words)
        return Told(tone, where, href, self._reason(one), cure, shown)

    def line(self, row: Row) -> Line:
        is_node = row.what in (Is.NODE, Is.AGAIN)
        kind = ""
        if row.above:
            kind = str(_table(nodes_of(self.document, self.flow).get(row.above)).get("kind", ""))
        return Line(
            what=row.what,
            depth=min(row.depth, DEEPEST_SHOWN),
            by=flow_words.ways(kind, row.keys, self.words),
            above=title(row.above),
            title=title(row.name.removeprefix("flow:")),
            summary=self._summary(row.what, row.node),
            note=str(row.node.get("note", "")) if row.what is Is.NODE else "",
            href=fault_places.menu(self.flow, row.name) if is_node else fault_places.menu(row.name),
            faults=self.count(row.name) if row.what is Is.NODE else 0,
            is_chosen=row.what is Is.NODE and row.name == self.node,
        )

    def _summary(self, what: Is, node: Mapping[str, Any]) -> str:
        match what:
            case Is.NODE:
                return flow_words.summary(node, self.said, self.words)
            case Is.AGAIN:
                return self.words.gettext(to_say("see above"))
            case Is.FLOW:
                return self.words.gettext(to_say("another menu"))
            case Is.GONE:
                return self.words.gettext(to_say("is not there"))

    def _making(self, own: frozenset[str], kind: str = "", node: str = "") -> Making:
        faults = self.told_of(node) if node else {}
        return Making(self.document, self.flow, self.said, own, faults, self.words, kind)

    def form(self, own: frozenset[str]) -> Form:
        table = _table(nodes_of(self.document, self.flow).get(self.node))
        kind = str(table.get("kind", ""))
        making = self._making(own, kind, self.node)
        fields = making.fields(table)
        heir = flow_edits.heir_of(self.document, self.flow, self.node)
        nowhere = to_say("— they have nowhere to go yet —")
        heirs = making.targets(heir, nothing=nowhere, is_new=False)
        flow = _table(flows_of(self.document).get(self.flow))
        return Form(
            node=self.node,
            title=title(self.node),
            kind=flow_words.summary({"kind": kind}, {}, self.words),
            fields=fields,
            faults=tuple(making.elsewhere()),
            heirs=heirs,
            heir=heir,
            is_start=flow.get("start") == self.node,
        )

    def flow_form(self, own: frozenset[str]) -> FlowForm:
        flow = _table(flows_of(self.document).get(self.flow))
        start, zero = str(flow.get("start", "")), str(flow.get("zero", ""))
        making = self._making(own)
        nodes = making.targets(start, nothing=to_say("— choose —"), is_new=False)
        languages = flow_edits.names_in(self.document, ("prompts",))
        known = sorted({*languages, *settings.standard_prompts()})
        told = (
            f"{self._reason(one)} {fault_words.plain(one.cure, self.words)}"
            for one in self.found.faults
            if one.where in (f"{self._here}start", f"{self._here}zero", f"{self._here}nodes")
        )
        return FlowForm(
            starts=nodes[:2],
            start=start,
            zeros=making.targets(zero, nothing=to_say("— nowhere —"), is_new=False),
            zero=zero,
            languages=tuple(Option(each, each) for each in known),
            language=str(flow.get("language", "")),
            faults=tuple(told),
        )

    def graph(self) -> str:
        """For flow_picture.js: boxes with their words and arrows between them."""
        shown = picture(self.document, self.flow)
        return json.dumps(
            {
                "boxes": [self._box(at, box) for at, box in shown.boxes.items()],
                "arrows": [
                    {
                        "from": arrow.start,
                        "to": arrow.end,
                        "label": flow_words.ways(
                            str(shown.boxes[arrow.start].node.get("kind", "")),
                            arrow.keys,
                            self.words,
                        ),
                    }
                    for arrow in shown.arrows
                ],
            },
            ensure_ascii=False,
        )

    def _box(self, at: str, box: Box) -> Mapping[str, Any]:
        is_node = box.what is Is.NODE
        name = title(box.name.removeprefix("flow:"))
        if is_node:
            kind = flow_words.summary({"kind": box.node.get("kind", "")}, {}, self.words)
        else:
            kind = self._summary(box.what, {})
        faults = self.count(box.name) if is_node else 0
        told = self.words.count("%(num)s fault", "%(num)s faults", faults) if faults else ""
        drawn = " ".join(filter(None, (name, kind, told)))
        more = flow_words.details(box.node, self.said, self.words) if is_node else ""
        return {
            "id": at,
            "title": name,
            "kind": kind,
            "what": str(box.what),
            "told": told,
            "label": f"{drawn}, {more}" if more else drawn,
            "href": fault_places.menu(self.flow, box.name)
            if is_node
            else fault_places.menu(box.name),
            "isStart": box.is_start,
            "isApart": box.is_apart,
            "isChosen": is_node and box.name == self.node,
        }


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
