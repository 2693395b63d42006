"""How long was she there, and how busy?"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from firmware.presence import Sign, there

ZONE = ZoneInfo("America/New_York")
MINUTE = timedelta(minutes=1)


def at(clock: str, day: int = 2) -> datetime:
    hour, minute = clock.split(":")
    return datetime(2026, 3, day, int(hour), int(minute), tzinfo=ZONE)


def a_call(call: str, begins: str, ends: str, day: int = 2) -> list[Sign]:
    return [
        Sign(at(begins, day), call, "offer", "101"),
        Sign(at(begins, day), call, "accepted", "101"),
        Sign(at(ends, day), call, "outcome", "answered"),
    ]


def test_a_day_goes_from_the_first_offer_to_the_end_of_the_last_talk() -> None:
    assert there([*a_call("a", "8:00", "8:05"), *a_call("b", "11:50", "12:00")]) == {
        "101": 240 * MINUTE
    }


def test_a_day_may_end_with_the_talk_of_a_call_back() -> None:
    called = [
        Sign(at("11:00"), "ticket", "offer", "101"),
        Sign(at("11:00"), "ticket", "accepted", "101"),
        Sign(at("12:00"), "asked", "call-back talk", "101"),
    ]
    assert there([*a_call("a", "8:00", "8:05"), *called]) == {"101": 240 * MINUTE}


def test_a_pause_and_a_time_signed_out_are_cut_out_of_it() -> None:
    signs = [
        *a_call("a", "8:00", "8:05"),
        Sign(at("9:00"), "", "paused", "101 lunch"),
        Sign(at("9:30"), "", "resumed", "101"),
        Sign(at("10:00"), "", "signed out", "101"),
        Sign(at("10:40"), "", "signed in", "101"),
        *a_call("b", "11:50", "12:00"),
    ]
    assert there(signs) == {"101": (240 - 30 - 40) * MINUTE}


def test_who_signs_out_and_never_comes_back_was_there_until_then() -> None:
    signs = [
        *a_call("a", "8:00", "8:05"),
        Sign(at("9:00"), "", "signed out", "101"),
        Sign(at("9:20"), "c", "offer", "102"),
    ]
    assert there(signs) == {"101": 60 * MINUTE, "102": timedelta(0)}


def test_the_night_between_two_days_is_no_part_of_them() -> None:
    signs = [*a_call("a", "8:00", "9:00"), *a_call("b", "8:00", "8:30", day=3)]
    assert there(signs) == {"101": 90 * MINUTE}


def test_a_call_that_nobody_answered_is_no_sign_of_anybody_at_its_end() -> None:
    signs = [
        Sign(at("8:00"), "a", "offer", "101"),
        Sign(at("9:00"), "a", "outcome", "abandoned"),
    ]
    assert there(signs) == {"101": timedelta(0)}
