"""When the box may update itself: a window a week, by the clinic's clock, that may be put off."""

from datetime import date, time
from pathlib import Path

import pytest

from firmware import settings, versions
from firmware.place import Place
from firmware.updates_section import UpdatesForm, update_window_of
from tests.firmware.by_hand import SITE

SUNDAY, MONDAY, NEXT_SUNDAY = date(2027, 1, 3), date(2027, 1, 4), date(2027, 1, 10)


def test_a_clinic_that_says_nothing_is_updated_on_sunday_from_three_to_five() -> None:
    window = UpdatesForm().window()
    for day, at, wanted in (
        (SUNDAY, time(2, 59), False), (SUNDAY, time(3), True), (SUNDAY, time(4, 59), True),
        (SUNDAY, time(5), False), (MONDAY, time(4), False),
    ):  # fmt: skip
        assert window.holds(day, at) is wanted, (day, at)


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    window = UpdatesForm(day="sun", begins="23:00", ends="02:00").window()
    assert window.holds(SUNDAY, time(23))
    assert window.holds(MONDAY, time(1, 59))
    assert not window.holds(MONDAY, time(2))
    assert not window.holds(SUNDAY, time(1)), "that is still Saturday's night"
    assert not window.holds(MONDAY, time(23))


def test_what_is_put_off_begins_in_the_first_window_from_that_day_on() -> None:
    window = UpdatesForm(postponed_until="2027-01-04").window()
    assert not window.holds(SUNDAY, time(4))
    assert window.holds(NEXT_SUNDAY, time(4))
    late = UpdatesForm(begins="23:00", ends="02:00", postponed_until="2027-01-04").window()
    assert not late.holds(MONDAY, time(1)), "it would have begun on Sunday"


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ('[updates]\nday = "sunday"\n', "mon, tue, wed, thu, fri, sat or sun"),
        ('[updates]\nbegins = "3"\n', "a time of day"),
        ('[updates]\npostponed_until = "2027-02-30"\n', "a date in quotes"),
        ("[updates]\nhour = 3\n", "hour"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_cure(section: str, says: str) -> None:
    with pytest.raises(settings.SiteFaults, match=says):
        settings.read(SITE + section)


def test_the_site_in_force_says_it_and_a_publish_tells_what_becomes_of_it(tmp_path: Path) -> None:
    place, after = Place(tmp_path), f'{SITE}[updates]\nday = "wed"\n'
    assert update_window_of(place) == UpdatesForm().window(), "no site yet"
    place.site_file.write_text(after, "utf-8")
    assert update_window_of(place) == UpdatesForm(day="wed").window()
    plans = [settings.read(text) for text in (SITE, after)]
    (told,) = versions.compare_texts(SITE, plans[0], after, plans[1])
    assert told.sentence == "The box's updates, day: wed; before, none"
