"""Imagined calls: what an admin reads before a caller hears it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ivr.errors import ScriptError, UnknownLineError
from ivr.simulate import Phones, simulate
from tests.ivr.story import a_clinic

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("America/New_York"))


def way(press: str, phones: Phones = Phones.ANSWER) -> list[str]:
    return simulate(
        a_clinic(), {"en": {"address": "Twelve Maple Street"}}, "main", NOON, press, phones
    )


def test_a_key_leads_to_a_phone_that_answers() -> None:
    told = way("1")
    assert "00:01  queue main/desk" in told
    assert "00:01  offer 101" in told
    assert told[-1].endswith("outcome: answered")


def test_words_are_shown_and_take_their_time() -> None:
    told = way("3,wait 1,hang up")
    assert '00:01    says "Twelve Maple Street"' in told
    assert told[-1].endswith("outcome: self_served")


@pytest.mark.parametrize("phones", [Phones.SILENT, Phones.BUSY, Phones.REFUSE])
def test_when_nobody_answers_the_way_ends_in_a_message(phones: Phones) -> None:
    assert way("1", phones)[-1].endswith("outcome: message")


def test_a_caller_who_does_nothing_comes_to_an_end_too() -> None:
    assert way("", Phones.SILENT)[-1].endswith("outcome: message")


def test_keys_that_cannot_be_read_are_refused_with_what_may_be_written() -> None:
    with pytest.raises(ScriptError, match="wait SECONDS"):
        way("press 1")


def test_a_line_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UnknownLineError, match="main"):
        simulate(a_clinic(), {}, "fax", NOON, "")
