"""Telephones in the browser: each person has one at most, and takes none from a colleague."""

import pytest

from firmware.web.seats import Seats, TakenError


def test_somebody_who_opens_a_second_window_has_the_telephone_there_alone() -> None:
    seats, left = Seats(), list[str]()
    first = seats.take("107", "ana", lambda: left.append("first"))
    second = seats.take("107", "ana", lambda: left.append("second"))
    assert left == ["first"]
    seats.give_up(first)  # its connection ends a moment later
    assert seats.whose("107") == "ana"
    seats.give_up(second)
    assert seats.whose("107") is None


def test_somebody_who_sits_down_elsewhere_frees_the_place_they_had() -> None:
    seats, left = Seats(), list[str]()
    seats.take("107", "ana", lambda: left.append("107"))
    seats.take("108", "ana", lambda: left.append("108"))
    assert left == ["107"]
    seats.take("107", "ben", lambda: None)
    assert (seats.whose("107"), seats.whose("108")) == ("ben", "ana")


def test_a_colleague_s_telephone_is_not_taken_from_them() -> None:
    seats = Seats()
    seats.take("107", "ana", lambda: pytest.fail("nobody takes it"))
    with pytest.raises(TakenError):
        seats.take("107", "ben", lambda: None)
    assert seats.whose("107") == "ana"
