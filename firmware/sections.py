"""The sections of the site file that are filled in as forms: which there are, how their parts are
named, and where else in the file a part's name stands.

A part is taken away only when nothing names it any more, and whoever renames it renames it wherever
it is named: so neither breaks anything else. What a form changes are edits of single keys, so that
every other line of the file, and each comment, stays as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from firmware.backup_section import BackupForm
from firmware.fields import Field, Kind, Value, fields_of
from firmware.forms import (
    ClinicForm,
    DialRuleForm,
    Extension,
    LineForm,
    MailboxForm,
    PhoneForm,
    QueueForm,
    Strict,
    TrunkForm,
    Word,
)
from firmware.inside_section import BlockingForm, PageForm, WrapUpForm
from firmware.modems_section import ModemForm, ModemOnlyForm
from firmware.oncall_section import EmailForm, PersonForm
from firmware.outside_section import OutsideForm
from firmware.panel_section import PanelForm
from firmware.power_section import PowerForm
from firmware.request_section import RequestForm, RequestWord
from firmware.retention_section import RetentionForm
from firmware.sms_section import SmsForm
from firmware.speakers_section import SpeakerForm
from firmware.toml_lines import Path
from firmware.updates_section import UpdatesForm

Document = Mapping[str, Any]  # as tomllib gives it


class Shape(StrEnum):
    """How the parts of a section stand there."""

    NAMED = "named"  # [section.NAME]
    LISTED = "listed"  # [[section]], in order
    ONE = "one"  # [section] itself


@dataclass(frozen=True, slots=True)
class Section:
    """One of them."""

    name: str
    form: type[Strict]
    shape: Shape = Shape.NAMED
    names: Any = Word  # what a part can be called

    @property
    def fields(self) -> tuple[Field, ...]:
        return fields_of(self.form)

    def parts(self, document: Document) -> list[tuple[str, Mapping[str, Value]]]:
        """What stands there, as far as it can be understood; of a list, counted from 1."""
        written = document.get(self.name)
        match self.shape, written:
            case Shape.NAMED, dict():
                found = list(written.items())
            case Shape.LISTED, list():
                found = [(str(number), one) for number, one in enumerate(written, 1)]
            case Shape.ONE, dict():
                found = [("", written)]
            case _:
                found = []
        return [(str(name), one) for name, one in found if isinstance(one, dict)]

    def part(self, document: Document, name: str) -> Mapping[str, Value] | None:
        """One of them."""
        return dict(self.parts(document)).get(name)

    def path(self, name: str) -> Path:
        """Where a part stands."""
        match self.shape:
            case Shape.NAMED:
                return (self.name, name)
            case Shape.LISTED:
                return (self.name, int(name) - 1)
            case Shape.ONE:
                return (self.name,)

    def can_be_called(self, name: str) -> bool:
        try:
            TypeAdapter[object](self.names).validate_python(name)
        except ValidationError:
            return False
        return True


SECTIONS: Mapping[str, Section] = {
    each.name: each
    for each in (
        Section("clinic", ClinicForm, Shape.ONE),
        Section("phones", PhoneForm, names=Extension),
        Section("lines", LineForm),
        Section("trunks", TrunkForm),
        Section("modems", ModemForm),
        Section("modem_only", ModemOnlyForm, Shape.ONE),
        Section("dial_rules", DialRuleForm, Shape.LISTED),
        Section("outside", OutsideForm, Shape.ONE),
        Section("queues", QueueForm),
        Section("mailboxes", MailboxForm),
        Section("pages", PageForm),
        Section("speakers", SpeakerForm),
        Section("wrap_up", WrapUpForm, Shape.ONE),
        Section("requests", RequestForm, names=RequestWord),
        Section("blocking", BlockingForm, Shape.ONE),
        Section("people", PersonForm),
        Section("retention", RetentionForm, Shape.ONE),
        Section("email", EmailForm, Shape.ONE),
        Section("sms", SmsForm, Shape.ONE),
        Section("backup", BackupForm, Shape.ONE),
        Section("updates", UpdatesForm, Shape.ONE),
        Section("power", PowerForm, Shape.ONE),
        Section("panel", PanelForm, Shape.ONE),
    )
}

# Whose parts keep their names: sealed messages lie under a mailbox's, kinds of requests are ours.
KEEPING_NAMES = frozenset({"mailboxes", "requests"})

# Where names of a section's parts stand: keys, `*` for whatever key or index is there.
NAMED_AT: tuple[tuple[Path, str], ...] = (
    (("clinic", "front_desk", "*"), "phones"),
    (("lines", "*", "trunk"), "trunks"),
    (("lines", "*", "modem"), "modems"),
    (("lines", "*", "flow"), "flows"),
    (("lines", "*", "phone"), "phones"),
    (("lines", "*", "recordings"), "mailboxes"),
    (("phones", "*", "mailbox"), "mailboxes"),
    (("mailboxes", "*", "lamps", "*"), "phones"),
    (("pages", "*", "phones", "*"), "phones"),
    (("pages", "*", "speaker"), "speakers"),
    (("speakers", "*", "bell", "*"), "queues"),
    (("speakers", "*", "bell_phones", "*"), "phones"),
    (("speakers", "*", "bell_hours"), "hours"),
    (("dial_rules", "*", "trunk"), "trunks"),
    (("dial_rules", "*", "otherwise", "*"), "trunks"),
    (("dial_rules", "*", "modem"), "modems"),
    (("sms", "modem"), "modems"),
    (("panel", "mailboxes", "*"), "mailboxes"),
    (("panel", "hours"), "hours"),
    (("queues", "*", "agents", "*"), "phones"),
    (("queues", "*", "recordings"), "mailboxes"),
    (("queues", "*", "callbacks", "hours"), "hours"),
    (("requests", "*", "hours"), "hours"),
    (("people", "*", "numbers", "*"), "phones"),  # or a number outside
    (("oncall", "outside"), "hours"),
    (("oncall", "last_resort"), "people"),
    (("oncall", "layers", "*", "*", "people", "*"), "people"),
    (("oncall", "layers", "*", "*", "by_weekday", "*"), "people"),
    (("oncall", "overrides", "*", "person"), "people"),
    (("oncall", "swaps", "*", "one", "person"), "people"),
    (("oncall", "swaps", "*", "other", "person"), "people"),
    (("oncall", "overrides", "*", "layer"), "layers"),
    (("oncall", "swaps", "*", "layer"), "layers"),
    (("flows", "*", "nodes", "*", "oncall", "*"), "layers"),
    (("flows", "*", "nodes", "*", "queue"), "queues"),
    (("flows", "*", "nodes", "*", "also", "*"), "queues"),
    (("flows", "*", "nodes", "*", "phones", "*"), "phones"),
    (("flows", "*", "nodes", "*", "mailbox"), "mailboxes"),
    (("flows", "*", "nodes", "*", "hours"), "hours"),
    (("flows", "*", "nodes", "*", "hours", "*"), "hours"),
    (("flows", "*", "nodes", "*", "people", "*"), "people"),
    (("flows", "*", "nodes", "*", "overflow", "*", "closed"), "hours"),
)


def places_of(document: Document, section: str, name: str) -> list[Path]:
    """Wherever else in the file this part is named."""
    return [
        path
        for pattern, named in NAMED_AT
        if named == section
        for path, found in _found(document, pattern, ())
        if found == name
    ]


def _found(value: object, pattern: Path, here: Path) -> Iterator[tuple[Path, object]]:
    if not pattern:
        yield here, value
        return
    first, rest = pattern[0], pattern[1:]
    match value:
        case dict() if first == "*":
            under = list(value.items())
        case dict():
            under = [(first, value[first])] if first in value else []
        case list() if first == "*":
            under = list(enumerate(value))
        case _:
            under = []
    for key, one in under:
        yield from _found(one, rest, (*here, key))


def names_for(section: Section, field: Field) -> str | None:
    """The section whose parts this field names; None: it names none."""
    start: Path = (section.name,) if section.shape is Shape.ONE else (section.name, "*")
    inside = tuple(field.name.split("."))
    several = ("*",) if field.kind in (Kind.LINES, Kind.TICKS) else ()
    wanted = (*start, *inside, *several)
    if section.name == "people":
        return None  # numbers, of which some are extensions
    return next((named for pattern, named in NAMED_AT if pattern == wanted), None)


def parts_called(document: Document, section: str) -> dict[str, str]:
    """The parts of a section with what people call them, where that is written."""
    written = document.get(section)
    if not isinstance(written, dict):
        return {}
    return {str(name): _called(one) for name, one in written.items()}


def _called(part: object) -> str:
    called = part.get("name") if isinstance(part, dict) else None
    return called if isinstance(called, str) else ""


def plain(document: Mapping[str, Any]) -> dict[str, Value]:
    """What tomllib has read of a part, where no dates belong."""
    return cast("dict[str, Value]", dict(document))
