"""The form of a step, as a template draws it: each field with its words, what stands there now,
what can be chosen, and what is wrong with it.

The ids of its inputs are the fields' places in the site file (`choices.1`, `overflow.0.to`), so
that a fault found there is told beside them. A value that cannot be chosen any more is shown all
the same, and said to be gone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from firmware import node_fields
from firmware.flow_edits import NEW, PIECES, Document, flows_of, names_in, nodes_of
from firmware.node_fields import KEYS, Control, Field
from firmware.web import flow_words
from firmware.web.flow_words import excerpt, label_of, title
from firmware.web.words import Words, to_say
from ivr.plan import FLOW_PREFIX

NOWHERE = to_say("— nowhere —")
NOTHING = to_say("— nothing —")
CHOOSE = to_say("— choose —")
GONE = to_say("%(name)s (is not there)")
# Of the product's own prompts, those that make sense where a step speaks.
READY = (
    *("emergency-first", "please-wait", "all-busy", "nobody-there", "not-available"),
    *("leave-a-message", "connecting-outside", "wrong-key", "nothing-heard", "star-for-a-person"),
    *("record-announce", "ask-birth-date", "ask-phone", "ask-record", "goodbye"),
)
# Fields that few need are folded away, unless something stands there.
SELDOM = frozenset(
    {"about", "also", "callback_key", "escape", "note", "overflow", "timeout_s", "tries",
     "urgency", "wrong"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Group:
    """Options under a name of their own; without one, at the top."""

    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """One input: a choice where there are groups, else something typed."""

    id: str
    label: str
    value: str
    groups: tuple[Group, ...] = ()
    is_number: bool = False
    least: float | None = None
    most: float | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A prompt that is chosen, and its words, which can be changed if they are the clinic's own."""

    choice: Input
    prompt: str
    text: str
    is_own: bool
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A field of the form."""

    id: str
    label: str
    control: str
    hint: str = ""
    fault: str = ""
    input: Input | None = None
    inputs: tuple[Input, ...] = ()  # one for each key
    checks: tuple[tuple[Input, bool], ...] = ()
    is_on: bool = False
    spoken: tuple[Spoken, ...] = ()
    rows: tuple[tuple["Shown", ...], ...] = ()
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Making:
    """What all fields of a form are made of."""

    document: Document
    flow: str
    said: Mapping[str, str]  # every prompt of the flow's language
    own: frozenset[str]  # the clinic's own among them
    faults: Mapping[str, str]  # by the place within the node
    words: Words
    kind: str = ""
    placed: set[str] = field(default_factory=set)  # faults that stand beside a field

    def fields(self, node: Mapping[str, Any]) -> tuple[Shown, ...]:
        """All that can be said of a step."""
        return self._fields(node_fields.fields_of(self.kind), node, "", self.kind)

    def elsewhere(self) -> list[str]:
        """What is wrong with the step, and with no field of it."""
        return [told for where, told in self.faults.items() if where not in self.placed]

    def targets(self, now: str, *, nothing: str, is_new: bool = True) -> tuple[Group, ...]:
        """Where something can lead."""
        nodes = nodes_of(self.document, self.flow)
        here = tuple(Option(name, title(name)) for name in nodes)
        others = tuple(
            Option(f"{FLOW_PREFIX}{name}", title(name))
            for name in flows_of(self.document)
            if name != self.flow
        )
        fresh = tuple(
            Option(f"{NEW}{name}", self.words.gettext(flow_words.PIECES[name])) for name in PIECES
        )
        named = {option.value for option in (*here, *others)}
        groups = [
            Group("", self._first(now, named, nothing)),
            Group(self.words.gettext(to_say("Steps of this menu")), here),
            Group(self.words.gettext(to_say("Other menus")), others),
            Group(self.words.gettext(to_say("Something new")), fresh if is_new else ()),
        ]
        return tuple(group for group in groups if group.options)

    # ---- one field ----

    def _fields(
        self, fields: Sequence[Field], table: Mapping[str, Any], before: str, of: str
    ) -> tuple[Shown, ...]:
        return tuple(self._field(each, table, f"{before}{each.name}", of) for each in fields)

    def _field(self, of: Field, table: Mapping[str, Any], at: str, kind: str) -> Shown:
        value = table.get(of.name, of.default)
        label = label_of(kind, of.name, self.words)
        is_folded = of.name in SELDOM and of.name not in table
        control = of.control
        match control:
            case Control.KEY_TARGETS | Control.KEY_PROMPTS | Control.KEY_WORDS:
                inputs = tuple(self._keyed(of, value, at))
                return Shown(
                    at, label, control, fault=self._fault(at), inputs=inputs, is_folded=is_folded
                )
            case Control.NAMES | Control.SOME_OF:
                checks = tuple(self._checks(of, value, at))
                return Shown(
                    at,
                    label,
                    control,
                    fault=self._fault(at, *(each.id for each, _ in checks)),
                    checks=checks,
                    is_folded=is_folded,
                )
            case Control.PROMPTS:
                return Shown(
                    at,
                    label,
                    control,
                    spoken=tuple(self._spoken(value, at)),
                    fault=self._fault(at),
                    is_folded=is_folded,
                )
            case Control.ROWS:
                rows = tuple(self._rows(of, value, at))
                return Shown(
                    at, label, control, rows=rows, fault=self._fault(at), is_folded=is_folded
                )
            case Control.YES:
                return Shown(
                    at, label, control, is_on=value is True, fault=self._fault(at),
                    is_folded=is_folded,
                )  # fmt: skip
            case _:
                return Shown(
                    at, label, control, input=self._input(of, value, at, label),
                    is_folded=is_folded,
                )  # fmt: skip

    def _input(self, of: Field, value: Any, at: str, label: str) -> Input:
        written = "" if value is None else str(value)
        groups: tuple[Group, ...] = ()
        match of.control:
            case Control.TARGET:
                groups = self.targets(written, nothing=CHOOSE if of.is_required else NOWHERE)
            case Control.PROMPT:
                groups = self._prompts(written, NOTHING)
            case Control.NAME:
                groups = self._of(names_in(self.document, of.section), written, of)
            case Control.ONE_OF:
                named = [each for each in of.options if each]
                groups = self._of(named, written, of, flow_words.option)
            case _:
                pass
        is_number = of.control is Control.NUMBER and not isinstance(value, str)
        return Input(
            at, label, written, groups, is_number, of.least, of.most, self._fault(at, f"{at}.0")
        )

    def _of(
        self, names: Sequence[str], now: str, of: Field, shown: Any = None
    ) -> tuple[Group, ...]:
        options = tuple(
            Option(name, shown(name, self.words) if shown else self._named(of, name))
            for name in names
        )
        first = self._first(now, set(names), CHOOSE if of.is_required else NOTHING)
        return (Group("", (*first, *options)),)

    def _named(self, of: Field, name: str) -> str:
        """A phone is known by who sits there."""
        part = self.document.get(of.section[0], {}) if of.section else {}
        known = part.get(name) if isinstance(part, Mapping) else None
        called = known.get("name") if isinstance(known, Mapping) else None
        return f"{name} · {called}" if isinstance(called, str) else title(name)

    def _first(self, now: str, known: set[str], nothing: str) -> tuple[Option, ...]:
        empty = Option("", self.words.gettext(nothing))
        if not now or now in known:
            return (empty,)
        return (empty, Option(now, self.words.say(GONE, name=flow_words.target(now, self.words))))

    def _prompts(self, now: str, nothing: str, *, is_any: bool = True) -> tuple[Group, ...]:
        own = tuple(self._prompt(name) for name in self.said if name in self.own)
        ready = [*READY, *(() if now in READY else (now,))] if is_any else [now]
        ours = tuple(
            self._prompt(name) for name in ready if name in self.said and name not in self.own
        )
        groups = (
            Group("", self._first(now, set(self.said), nothing)),
            Group(self.words.gettext(to_say("The clinic's own")), own),
            Group(self.words.gettext(to_say("Ready-made")), ours),
        )
        return tuple(group for group in groups if group.options)

    def _prompt(self, name: str) -> Option:
        return Option(name, excerpt(f"{title(name)}: {self.said[name]}"))

    def _spoken(self, value: Any, at: str) -> Iterator[Spoken]:
        prompts = [str(each) for each in value] if isinstance(value, list) else []
        for index, name in enumerate([*prompts, ""]):
            here = f"{at}.{index}"
            number = self.words.say("%(num)s. announcement", num=index + 1)
            nothing = NOTHING if name else to_say("— nothing more —")
            choice = Input(
                here, number, name, self._prompts(name, nothing), fault=self._fault(here)
            )
            told = self._fault(f"words.{name}")
            yield Spoken(choice, name, self.said.get(name, ""), name in self.own, told)

    def _keyed(self, of: Field, value: Any, at: str) -> Iterator[Input]:
        table = value if isinstance(value, Mapping) else {}
        for key in KEYS:
            here, now = f"{at}.{key}", str(table.get(key, ""))
            match of.control:
                case Control.KEY_TARGETS:
                    groups = self.targets(now, nothing=NOTHING)
                case Control.KEY_PROMPTS:
                    groups = self._prompts(now, NOTHING, is_any=False)
                case _:
                    groups = ()
            label = self.words.say("Key %(key)s", key=key)
            yield Input(here, label, now, groups, fault=self._fault(here))

    def _checks(self, of: Field, value: Any, at: str) -> Iterator[tuple[Input, bool]]:
        chosen = [str(each) for each in value] if isinstance(value, list) else []
        names = list(names_in(self.document, of.section)) if of.section else list(of.options)
        for index, name in enumerate(dict.fromkeys([*chosen, *names])):
            shown = self._named(of, name) if of.section else flow_words.option(name, self.words)
            if name not in names:
                shown = self.words.say(GONE, name=name)
            yield Input(f"{at}.{index}", shown, name), name in chosen

    def _rows(self, of: Field, value: Any, at: str) -> Iterator[tuple[Shown, ...]]:
        rows = (
            [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
        )
        for index, row in enumerate([*rows, {}][: node_fields.ROWS_MOST]):
            yield self._fields(of.within, row, f"{at}.{index}.", of.name)

    def _fault(self, *places: str) -> str:
        """Of a field, or of a part of it that has no place of its own."""
        told = [self.faults[each] for each in places if each in self.faults]
        self.placed.update(each for each in places if each in self.faults)
        return " ".join(told)
