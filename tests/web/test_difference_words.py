"""What the draft changes is told in the reader's language; the clinic's own words stay."""

import ast
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from firmware import draft, settings, versions
from firmware.operations import Role
from firmware.web.words import ENGLISH, LANGUAGES, Words
from ivr import difference_words
from ivr.difference_words import DAYS, GROUPS, LABELS, LEADS, NODES, NOTHING, label_of
from ivr.plan import Plan
from tests.firmware import published
from tests.firmware.by_hand import SITE
from tests.web.clinic import Clinic, named


def held_in(kind: Any, seen: set[Any]) -> Iterator[Any]:
    """Each type that a plan is made of."""
    if kind in seen:
        return
    seen.add(kind)
    yield kind
    held = get_type_hints(kind).values() if is_dataclass(kind) else ()
    for each in (*get_args(kind), *held):
        yield from held_in(each, seen)


def words_of_a_plan() -> Iterator[str]:
    """Names of its fields, and values that are words of ours."""
    seen: set[Any] = set()
    for kind in (each for root in (Plan, *NODES) for each in held_in(root, seen)):
        if is_dataclass(kind):
            yield from (label_of(each.name) for each in fields(kind))
        elif isinstance(kind, type) and issubclass(kind, Enum):
            is_number = issubclass(kind, IntEnum)
            yield from (each.name.lower() if is_number else str(each.value) for each in kind)


def sentences() -> Iterator[str]:
    """Those of the code, with places for values."""
    for code in (difference_words, versions):
        for each in ast.walk(ast.parse(Path(str(code.__file__)).read_text("utf-8"))):
            match each:
                case ast.Call(func=ast.Name("say") | ast.Attribute(attr="say")):
                    yield from literals(each)
                case ast.Assign(targets=[ast.Name("words")]):
                    yield from literals(each)


def literals(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != ENGLISH])
def test_every_word_of_a_difference_is_said_in_every_language(language: str) -> None:
    words = Words.of(language)
    known = {english for _, english in words.apart} | words.single.keys()
    called = {name for _, name in GROUPS.values()}
    wanted = {*words_of_a_plan(), *sentences(), *called, *DAYS, NOTHING}
    wanted |= {*LABELS.values(), *LEADS.values(), *NODES.values()}
    wanted |= {*versions.BESIDE.values(), *versions.KEYS_BESIDE.values()}
    assert len(wanted) > 200
    assert sorted(each for each in wanted if each and each not in known) == []


def test_a_draft_is_told_in_spanish_and_the_clinic_s_own_words_stay(clinic: Clinic) -> None:
    clinic.place.site_file.unlink()
    published.publish(clinic.place, SITE, "as we began")
    text = SITE.replace("Welcome.", "Monday").replace('1 = "desk"', '1 = "message"')
    draft.keep(clinic.place, text, "maria", "words", 0, clinic.clock.now)
    with clinic.browser("es") as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        told = browser.get("/publish").text
    assert "La tecla 1 de: menú `main/menu` ahora lleva a `message`; antes, a `desk`" in told
    assert "Las palabras del anuncio `welcome` (en): Monday; antes, Welcome." in told
    for english in ("; before,", "now leads to", "the words of"):
        assert english not in told


def test_who_reads_english_after_spanish_reads_english() -> None:
    one, other = settings.read(SITE), settings.read(SITE.replace('1 = "desk"', '1 = "message"'))
    spanish = Words.of("es").say_of_a_difference
    (told,) = versions.compare_texts("", one, " ", other, spanish)
    (again,) = versions.compare_texts("", one, " ", other)
    assert (told.where, told.group) == (again.where, again.group)
    assert "antes" in told.sentence
    assert "before" in again.sentence
