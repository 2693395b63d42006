"""A part of the site file as a form on the page: each of its fields with its name in the reader's
language, what stands in it, and what is wrong with it beside it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from firmware.fields import Field, Kind, Texts
from firmware.filling import NAME, Told
from firmware.forms import described
from firmware.sections import Document, Section, Shape, names_for, parts_called
from firmware.web import fault_words
from firmware.web.room_words import CALLED, CHOICES, FIELDS, PLAIN
from firmware.web.words import Words, to_say

RANGE = re.compile(r"(\d+),?(?: six years,)? to (\d+)")
FROM_TO = to_say("%(least)s to %(most)s")
LAST = frozenset({"record", "consent", "recordings"})  # what few clinics do stands below the rest


@dataclass(frozen=True, slots=True)
class Option:
    """Something that can be chosen or ticked."""

    value: str
    says: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A field as it is drawn."""

    name: str
    kind: Kind
    label: str
    hint: str
    text: str = ""
    fault: str = ""
    is_needed: bool = False
    options: tuple[Option, ...] = ()
    inside: tuple["Asked", ...] = ()
    rows: tuple[tuple["Asked", ...], ...] = ()  # of groups

    @property
    def id(self) -> str:
        return f"of-{self.name.replace('.', '-')}"

    @property
    def is_number(self) -> bool:
        """Whether a telephone shows its digits for it."""
        return self.kind is Kind.NUMBER


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the fields of one form are drawn from."""

    section: Section
    document: Document
    texts: Texts
    faults: Mapping[str, Told]
    words: Words

    def fields(self, fields: Sequence[Field], *, is_new: bool) -> tuple[Asked, ...]:
        """All of them, the part's own name first where it is chosen here."""
        named = () if self.section.shape is not Shape.NAMED or not is_new else (self._name(),)
        in_order = sorted(fields, key=lambda field: field.name in LAST)
        return (*named, *self._drawn(in_order, ""))

    def fault_of(self, name: str) -> str:
        """What is wrong with a field, if something is; of none of them, the whole's."""
        told = self.faults.get(name)
        return said(told, self.words) if told else ""

    def _name(self) -> Asked:
        words, label = self.words, CALLED[self.section.name].part
        hint = words.told(plain(described(self.section.names)))
        text, fault = self.texts.get(NAME, ""), self.fault_of(NAME)
        if self.section.name == "requests":
            kinds = [kind for kind in REQUESTS if self.section.part(self.document, kind) is None]
            return Asked(
                NAME,
                Kind.CHOICE,
                words.gettext(label),
                "",
                text,
                fault,
                is_needed=True,
                options=tuple(Option(k, words.gettext(CHOICES[k]), k == text) for k in kinds),
            )
        return Asked(NAME, Kind.LINE, words.gettext(label), hint, text, fault, is_needed=True)

    def _drawn(self, fields: Iterable[Field], before: str) -> Iterator[Asked]:
        for field in fields:
            yield self._one(field, before)

    def _one(self, field: Field, before: str) -> Asked:
        name = f"{before}{field.name}"
        label, hint = FIELDS[f"{self.section.name}.{_without_numbers(name)}"]
        drawn = Asked(
            name,
            field.kind,
            self.words.gettext(label),
            self.words.gettext(hint) if hint else self._range(field),
            self.texts.get(name, ""),
            self.fault_of(name),
            field.is_needed and not before and "." not in name,
        )
        match field.kind:
            case Kind.CHOICE | Kind.TICKS:
                return replace(drawn, options=tuple(self._options(field, name)))
            case Kind.GROUP:
                return replace(drawn, inside=tuple(self._drawn(field.inside, before)))
            case Kind.GROUPS:
                return replace(
                    drawn,
                    rows=tuple(
                        tuple(self._drawn(field.inside, f"{name}.{index}."))
                        for index in range(field.most)
                    ),
                )
            case _:
                return drawn

    def _range(self, field: Field) -> str:
        """The least and the most that a number may be; its name says of what."""
        if field.kind is not Kind.NUMBER:
            return ""
        if found := RANGE.search(field.cure):
            return self.words.say(FROM_TO, least=found[1], most=found[2])
        return self.words.told(plain(field.cure))

    def _options(self, field: Field, name: str) -> Iterator[Option]:
        named = names_for(self.section, field)
        called = parts_called(self.document, named) if named else {}
        text = self.texts.get(name, "")
        if field.kind is Kind.TICKS:
            start = f"{name}."
            ticked = {n.removeprefix(start) for n in self.texts if n.startswith(start)}
            for each in (*field.choices, *sorted(ticked - set(field.choices))):
                yield Option(each, self._says(each, called), each in ticked)
            return
        if not field.is_needed and field.usual is None:
            yield Option("", "–", not text)
        elif not text:
            yield Option("", "", is_chosen=True)
        gone = () if text in field.choices or not text else (text,)
        for each in (*field.choices, *gone):
            yield Option(each, self._says(each, called), each == text)

    def _says(self, value: str, called: Mapping[str, str]) -> str:
        if value in called:
            return f"{value} {called[value]}".strip()
        own = CHOICES.get(f"{self.section.name}.{value}")  # a word that means another thing here
        return self.words.gettext(own or CHOICES.get(value, value))


REQUESTS = ("refill", "appointment", "referral", "billing", "call-back", "other")


def said(told: Told, words: Words) -> str:
    """What is wrong and what belongs there, as sentences."""
    parts = (fault_words.plain(each, words) for each in (told.reason, plain(told.cure)))
    return " ".join(_sentence(part) for part in parts if part)


def plain(cure: str) -> str:
    """Without the marks that only the file itself needs."""
    return PLAIN.get(cure, cure)


def _sentence(text: str) -> str:
    end = "" if text[-1] in ".:!?" else "."
    return f"{text[0].upper()}{text[1:]}{end}"


def _without_numbers(name: str) -> str:
    return ".".join(part for part in name.split(".") if not part.isdigit())


def cell(field: Field, value: object, words: Words) -> str:
    """What a list shows of a part's field."""
    match value:
        case None:
            return ""
        case list():
            return ", ".join(cell(field, each, words) for each in value)
        case dict():
            return ", ".join(f"{name} = {each}" for name, each in value.items())
        case bool():
            return "✓" if value else ""
        case str() if value in CHOICES and value in field.choices:
            return words.gettext(CHOICES[value])
        case _:
            return str(value)
