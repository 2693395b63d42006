"""A question is answered by keys, read back, changed; who cannot answer goes to a person."""

import pytest

from ivr import asking
from ivr.asking import (
    Answer,
    Asking,
    Complete,
    GiveUp,
    Kind,
    Listen,
    Question,
    Speak,
    TakeSpoken,
    Turn,
    iso_date,
)

NUMBER = Question("number", Kind.NUMBER, ("which-number",), least=10, most=10)
RECORD = Question("record", Kind.DIGITS, ("which-record",), least=2, most=8)
VISIT = Question("visit", Kind.CHOICE, ("which-visit",), choices={"1": "new", "2": "known"})
BORN = Question("born", Kind.DATE, ("when-born",))
MEDICINE = Question("medicine", Kind.RECORDED, ("which-medicine",), longest_s=30)
READ_42 = ("you-entered", "number-4", "number-2", "right-or-change")


def asked(*questions: Question, tries: int = 3) -> Asking:
    told, turn = asking.begin(questions, tries, ("star-for-a-person",))
    assert turn == Speak(("star-for-a-person", *questions[0].prompts))
    return told


def keys(told: Asking, pressed: str) -> tuple[Asking, Turn]:
    turn: Turn = Listen()
    for key in pressed:
        told, turn = asking.pressed(told, key)
    return told, turn


def test_digits_end_by_the_pound_key_are_read_back_and_are_right() -> None:
    told, turn = keys(asked(RECORD), "42#")
    assert turn == Speak(READ_42)
    told, turn = asking.pressed(told, "1")
    assert (told.answers, turn) == ((Answer("record", "42"),), Complete())


def test_what_was_keyed_wrongly_is_changed_by_a_key() -> None:
    told, _ = keys(asked(RECORD), "42#")
    told, turn = asking.pressed(told, "2")
    assert turn == Speak(("which-record",))
    told, _ = keys(told, "43#1")
    assert told.answers == (Answer("record", "43"),)


def test_a_telephone_number_ends_by_itself_and_a_silence_ends_digits_too() -> None:
    told, turn = keys(asked(NUMBER), "2025550143")
    assert isinstance(turn, Speak)
    assert turn.prompts[-1] == "right-or-change"
    told, turn = keys(asked(RECORD), "42")
    assert turn == Listen()
    assert asking.silent(told)[1] == Speak(READ_42)


def test_a_date_of_birth_is_a_day_that_there_was() -> None:
    told, _ = keys(asked(BORN), "041219851")
    assert told.answers == (Answer("born", "1985-04-12"),)
    _, turn = keys(asked(BORN), "02301985")
    assert turn == Speak(("not-possible", "when-born"))
    assert [iso_date(each) for each in ("02291900", "02292000", "1301", "12319999")] == [
        None,
        "2000-02-29",
        None,
        None,
    ]


def test_a_choice_is_one_key_and_needs_no_reading_back() -> None:
    told, turn = asking.pressed(asked(VISIT), "2")
    assert (told.answers, turn) == ((Answer("visit", "known"),), Complete())
    assert asking.pressed(asked(VISIT), "7")[1] == Speak(("wrong-key", "which-visit"))


def test_a_spoken_answer_is_recorded_after_its_question_or_at_a_key_and_is_its_message() -> None:
    told = asked(MEDICINE, VISIT)
    assert asking.spoken(told)[1] == asking.pressed(told, "5")[1] == TakeSpoken(30)
    told, turn = asking.said(told, "1a2b")
    assert told.answers == (Answer("medicine", message="1a2b"),)
    assert turn == Speak(("which-visit",))


def test_the_star_is_a_person_at_any_time_and_so_is_zero_where_it_is_no_digit() -> None:
    read_back, _ = keys(asked(RECORD), "42#")
    for told, key in [
        (asked(RECORD), "*"),
        (asked(MEDICINE), "*"),
        (asked(VISIT), "*"),
        (asked(VISIT), "0"),
        (read_back, "*"),
        (read_back, "0"),
    ]:
        assert isinstance(asking.pressed(told, key)[1], GiveUp)


@pytest.mark.parametrize(
    "script", ["# # #", "1# 1# 1#", "42#2 42#2 42#2", "42#9 9 9", "42#2 # 42#7"]
)
def test_after_three_tries_of_any_kind_a_person_helps(script: str) -> None:
    told, turn = asked(RECORD), None
    for failing in script.split():
        assert not isinstance(turn, GiveUp)
        told, turn = keys(told, failing)
    assert turn == GiveUp("3 tries were not enough")


def test_who_says_nothing_three_times_goes_to_a_person() -> None:
    told = asked(RECORD)
    for _ in range(2):
        told, turn = asking.silent(told)
        assert turn == Speak(("nothing-heard", "which-record"))
    assert asking.silent(told)[1] == GiveUp("3 tries were not enough")


def test_nothing_that_was_keyed_can_be_read_in_a_log() -> None:
    told, _ = keys(asked(RECORD, BORN), "42#104121985")
    assert "42" not in repr(told)
    assert "1985" not in repr(told)
    assert "0412" not in repr(told)
    assert "42" not in repr(told.answers)
