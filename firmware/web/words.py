"""The page's words in each language. English is what stands in templates and code; Spanish comes
from words/es/*.po, a file for each screen, read once at the
start. A word without its Spanish fails a test, and on a box is
shown in English rather than not at all.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages import Message
from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent / "words"
# Each by its own name, as whoever reads no other looks for it.
LANGUAGES: Mapping[str, str] = {"en": "English", "es": "Español"}
ENGLISH = "en"
VALUE = re.compile(r"%\((\w+)\)s")
# Values that are what a clinic calls something, and are said so in every language.
NAMES = frozenset(
    [
        "boxes",
        "flow",
        "folder",
        "host",
        "line",
        "name",
        "phone",
        "place",
        "prompt",
        "queues",
        "section",
        "who",
    ]
)


def to_say(english: str) -> str:
    """Marks words that are said later, in whatever language then; gives them back as they are."""
    return english


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """One language."""

    language: str
    single: Mapping[str, str] = field(default_factory=dict, repr=False)
    plural: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    patterns: tuple[tuple[re.Pattern[str], str], ...] = field(default=(), repr=False)
    # By what they are about: words that mean something else, or too much, elsewhere.
    apart: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, language: str) -> "Words":
        if language == ENGLISH:
            return cls(language)
        single: dict[str, str] = {}
        plural: dict[str, tuple[str, str]] = {}
        apart: dict[tuple[str, str], str] = {}
        for message in listed(language):
            if message.context:
                apart[message.context, str(message.id)] = str(message.string)
            elif isinstance(message.id, str):
                single[message.id] = str(message.string)
            else:
                one, many = tuple(message.string or ())
                plural[message.id[0]] = (str(one), str(many))
        return cls(language, single, plural, _patterns(single), apart)

    @property
    def locale(self) -> Locale:
        return Locale(self.language)

    def gettext(self, english: str) -> str:
        return self.single.get(english) or english

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Both our languages have one form for one, and another for all else."""
        forms = self.plural.get(one, (one, many))
        return forms[0 if count == 1 else 1]

    def say(self, english: str, **values: object) -> str:
        """A sentence with its values in place."""
        return self.gettext(english) % values if values else self.gettext(english)

    def say_of_a_difference(self, english: str, **values: object) -> str:
        """What differs between two plans is said in words of its own."""
        spoken = self.apart.get(("difference", english)) or self.gettext(english)
        return spoken % values if values else spoken

    def told(self, sentence: str) -> str:
        """A sentence of the exchange's, whose values are in it already; names, and what is not
        known here, are said as they came."""
        if (known := self.single.get(sentence)) is not None:
            return known
        for pattern, spoken in self.patterns:
            if found := pattern.fullmatch(sentence):
                return spoken % {
                    name: value if name in NAMES else self.told(value)
                    for name, value in found.groupdict().items()
                }
        return sentence

    def count(self, one: str, many: str, count: int) -> str:
        """`%(num)s` is the count."""
        return self.ngettext(one, many, count) % {"num": count}


def _patterns(single: Mapping[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Of sentences with values, those with the most words of their own first."""
    found = [(VALUE.split(english), spoken) for english, spoken in single.items()]
    found = [(parts, spoken) for parts, spoken in found if len(parts) > 1]
    found.sort(key=lambda one: -sum(map(len, one[0][::2])))
    return tuple((_pattern(parts), spoken) for parts, spoken in found)


def _pattern(parts: list[str]) -> re.Pattern[str]:
    """Words and the names of values, in turn."""
    said = (f"(?P<{part}>.*)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return re.compile("".join(said), re.DOTALL)


def listed(language: str) -> Iterator[Message]:
    """All that is written down in a language."""
    for path in sorted((FOLDER / language).glob("*.po")):
        with path.open("rb") as opened:
            found = read_po(opened, locale=language, abort_invalid=True)
        yield from (message for message in found if message.id and not message.fuzzy)


@cache
def everything() -> Mapping[str, Words]:
    """Every language, by its code; read once a process, and with it each template compiled once."""
    return {language: Words.of(language) for language in LANGUAGES}


def wished(header: str) -> str:
    """The language that a browser asks for first of those we have (RFC 9110, Accept-Language)."""
    best, most = ENGLISH, 0.0
    for language, weight in _weighed(header.split(",")[:20]):
        if language in LANGUAGES and weight > most:
            best, most = language, weight
    return best


def _weighed(ranges: Iterable[str]) -> Iterable[tuple[str, float]]:
    for each in ranges:
        tag, _, parameter = each.partition(";")
        weight = parameter.strip().removeprefix("q=")
        try:
            yield tag.strip().lower().partition("-")[0], float(weight) if weight else 1.0
        except ValueError:
            continue
