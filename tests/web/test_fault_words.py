"""What the prover finds is told in plain words, in both languages: none of its sentences is shown
as a technician reads it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.web import fault_words
from firmware.web.words import Words
from ivr import proof

HOLE = "3f"  # a value that no catalogue has
PARTS = ("Finding", "_dangles")
ENGLISH, SPANISH = Words("en"), Words.of("es")


def sentences() -> Iterator[str]:
    """The reasons and cures of the prover, with something in the place of each value."""
    for path in sorted(Path(proof.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Assign(targets=[ast.Name(id=("reason" | "cure"))], value=told):
                    yield from literals(told)
                case ast.Call(func=ast.Name(id="Finding"), args=[_, _, _, reason, cure, *_]):
                    yield from (*literals(reason), *literals(cure))
                case _:
                    pass


def literals(told: ast.expr) -> Iterator[str]:
    match told:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else HOLE for v in values)
        case ast.IfExp(body=one, orelse=other):
            yield from (*literals(one), *literals(other))
        case _:
            pass


def test_every_sentence_of_the_prover_is_told_in_plain_words_in_both_languages() -> None:
    found = set(sentences())
    assert len(found) > 35
    assert [each for each in found if fault_words.plain(each, ENGLISH) == each] == []
    spoken = {each: fault_words.plain(each, SPANISH) for each in found}
    assert [each for each in found if spoken[each] == fault_words.plain(each, ENGLISH)] == []
    assert not any(mark in text for text in spoken.values() for mark in ("[[", "[prompts", "%("))


@pytest.mark.parametrize(
    ("example", "told"),
    [
        (
            '--line main --at "2026-03-02 09:30" --press "until main/menu,2,wait 5,hang up"',
            "Call the line main on Mon, Mar 2, 9:30\u202fAM; wait until you come to “menu”; press"
            " 2; wait 5 seconds; hang up.",
        ),
        (
            '--line main --at "2026-11-01 01:30:00-0500" --phones silent --by-hand office=closed',
            "Call the line main on Sun, Nov 1, 1:30\u202fAM; office switched closed;"
            " nobody answers.",
        ),
    ],
)
def test_the_call_that_shows_a_fault_is_told_as_somebody_would_do_it(
    example: str, told: str
) -> None:
    shown = fault_words.shown_by(example, ENGLISH)
    assert shown is not None
    assert shown.told == told
    heard = shown.href.startswith("/try?call=--line%20main%20--at%20%22")
    assert heard == ("by-hand" not in example)
    assert fault_words.shown_by("", ENGLISH) is None


def test_a_sentence_that_is_not_known_is_said_as_it_came() -> None:
    assert fault_words.plain("the moon is in the way", SPANISH) == "the moon is in the way"
