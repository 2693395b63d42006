"""Every word of the page has its Spanish: those of the templates, and those said by its code."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from firmware import room
from firmware.audit import Act
from firmware.beginning import offered
from firmware.web import frame, words
from firmware.web.words import ENGLISH, LANGUAGES, Words, wished

WEB = Path(frame.__file__).parent
# `say` has one sentence, `count` two; the others are Jinja's and gettext's own.
KEYWORDS: Mapping[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "to_say": None,
    "say": None,
    "ngettext": (1, 2),
    "count": (1, 2),
}
BY = [("**.py", "python"), ("templates/**.html", "jinja2")]
PLACE = re.compile(r"%\((\w+)\)s")
# Whatever a script says to a person: our modules take their words from the template.
SPOKEN = re.compile(r"""(?x)(?:textContent|innerText|title|ariaLabel)\s*=\s*["'`]\s*\w""")


def said() -> Iterator[str | tuple[str, ...]]:
    """Each word and sentence, as English has it."""
    found = extract_from_dir(
        str(WEB), BY, {"templates/**.html": {"newstyle_gettext": "true"}}, keywords=KEYWORDS
    )
    seen: set[str | tuple[str, ...]] = set()
    for _, _, message, *_ in found:
        if message not in seen and message:
            seen.add(message)
            yield message


def catalogue(language: str) -> Mapping[str | tuple[str, ...], tuple[str, ...]]:
    return {
        each.id if isinstance(each.id, str) else tuple(each.id): (
            (each.string,) if isinstance(each.string, str) else tuple(each.string or ())
        )
        for each in words.listed(language)
    }


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != ENGLISH])
def test_every_word_of_the_page_is_said_in_every_language(language: str) -> None:
    told = catalogue(language)
    beginnings = (word for each in offered() for word in (each.title, each.about))
    wanted = [*said(), *beginnings, *(act.value for act in Act)]
    assert len(wanted) > 50
    assert [each for each in wanted if not all(told.get(each, ("",)))] == []


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != ENGLISH])
def test_a_sentence_keeps_its_values_in_every_language(language: str) -> None:
    for english, spoken in catalogue(language).items():
        meant = english if isinstance(english, str) else english[-1]
        for sentence in spoken:
            assert set(PLACE.findall(sentence)) <= set(PLACE.findall(meant)), english
        assert set(PLACE.findall(spoken[-1])) == set(PLACE.findall(meant)), english


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != ENGLISH])
def test_what_is_said_in_two_files_is_said_alike(language: str) -> None:
    """All files are one: the last to say a word would win, and whoever wrote another never know."""
    told: dict[object, set[str]] = {}
    for path in sorted((words.FOLDER / language).glob("*.po")):
        with path.open("rb") as file:
            for each in read_po(file):
                told.setdefault(each.id, set()).add(str(each.string))
    assert {english: ways for english, ways in told.items() if len(ways) > 1} == {}


def test_no_script_has_words_of_its_own() -> None:
    scripts = list((WEB / "static").glob("*.js"))
    assert scripts
    assert [each.name for each in scripts if SPOKEN.search(each.read_text("utf-8"))] == []


def test_the_browser_s_first_wish_among_our_languages_is_heard() -> None:
    assert wished("es-MX,es;q=0.9,en;q=0.8") == "es"
    assert wished("fr-CA, en;q=0.3, es;q=0.7") == "es"
    assert wished("fr") == wished("") == wished(";;q=x,,") == "en"


def test_what_has_no_spanish_is_said_in_english_and_counts_are_said_as_spanish_counts() -> None:
    spanish = Words.of("es")
    assert spanish.gettext("never said anywhere") == "never said anywhere"
    assert spanish.count("%(num)s caller waits", "%(num)s callers wait", 1) == "1 persona espera"
    assert spanish.count("%(num)s caller waits", "%(num)s callers wait", 3) == "3 personas esperan"


PARTS = ("topics.Part", "Part")
HOLE = "3f"  # a value that no catalogue has


def sentences_of_parts() -> Iterator[tuple[str, str]]:
    """What the exchange may say of a part that is not well: where it stands, and the sentence with
    something in the place of each value. What is no literal there cannot be known here."""
    for path in sorted(WEB.parent.glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call) or ast.unparse(call.func) not in PARTS:
                continue
            given = {each.arg: each.value for each in call.keywords}
            if ast.unparse(given.get("state", ast.Constant(""))) == "'well'":
                continue
            for name in ("detail", "cure"):
                if sentence := literal(given.get(name)):
                    yield path.name, sentence


def literal(node: ast.expr | None) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            said = [v.value if isinstance(v, ast.Constant) else HOLE for v in values]
            return "".join(map(str, said))
        case _:
            return ""


def test_what_the_exchange_says_of_what_is_wrong_is_said_in_spanish_too() -> None:
    spanish = Words.of("es")
    found = list(sentences_of_parts())
    assert len(found) > 40
    bare = {HOLE, ""}
    assert [
        (where, sentence)
        for where, sentence in found
        if sentence not in bare and spanish.told(sentence) == sentence
    ] == []
    for cure in (room.CURE_FILLING, room.CURE_FULL):
        assert spanish.told(cure) != cure


def test_a_sentence_with_values_keeps_them_and_an_unknown_one_is_said_as_it_came() -> None:
    spanish = Words.of("es")
    said = spanish.told("the last notice could not be delivered: no route (mail.example)")
    assert said == "el último aviso no se pudo entregar: no route (mail.example)"
    assert spanish.told("never heard 100 % of it") == "never heard 100 % of it"


def test_a_queue_that_is_called_as_a_word_of_the_page_keeps_its_name() -> None:
    spanish = Words.of("es")
    assert spanish.gettext("nurse") == "enfermería"
    assert "nurse" in spanish.told("603 is the number of the queue nurse")
    fault = spanish.told("no new copy of nurse can be made: there is no prompt nurse")
    assert "enfermería" not in fault
    assert "there is no" not in fault
