"""What was reckoned lately: five who ask at once have it counted once, and after each call that is
written down it is counted anew."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest

from firmware.web.lately import MOST, Lately, state_of
from tests.web.clinic import Clinic
from tests.web.past import past_of


def counting(said: list[int]) -> Callable[[], int]:
    def reckon() -> int:
        said.append(len(said))
        return said[-1]

    return reckon


def test_five_people_who_ask_at_once_have_it_counted_once() -> None:
    lately, said, together = Lately[int](), list[int](), Barrier(5)

    def ask() -> int:
        together.wait(timeout=10)
        return lately.of("this year", "the books", counting(said))

    with ThreadPoolExecutor(5) as people:
        asked = [people.submit(ask) for _ in range(5)]
        assert {each.result() for each in asked} == {0}
    assert said == [0]


def test_another_question_and_other_books_are_answered_anew() -> None:
    lately, said = Lately[int](), list[int]()
    assert lately.of("today", "before", counting(said)) == 0
    assert lately.of("this year", "before", counting(said)) == 1
    assert lately.of("today", "before", counting(said)) == 0
    assert lately.of("today", "after", counting(said)) == 2
    assert lately.of("today", "before", counting(said)) == 3


def test_what_could_not_be_reckoned_is_tried_again() -> None:
    lately = Lately[int]()
    with pytest.raises(ZeroDivisionError):
        lately.of("today", "", lambda: 1 // 0)
    assert lately.of("today", "", lambda: 5) == 5


def test_no_more_questions_are_remembered_than_anybody_asks_again() -> None:
    lately, said = Lately[int](), list[int]()
    for year in range(MOST + 1):
        lately.of(year, "", counting(said))
    lately.of(MOST, "", counting(said))
    assert len(said) == MOST + 1
    lately.of(0, "", counting(said))
    assert len(said) == MOST + 2


def test_each_call_that_is_written_down_is_another_state_of_the_books(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    books, seen = clinic.place.calls_db, set()
    seen.add(state_of(books))
    with past_of(clinic.place) as past:
        for _ in range(3):
            past.call(datetime.now(UTC))
            seen.add(state_of(books))
    assert len(seen) >= 4
