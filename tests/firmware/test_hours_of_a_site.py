"""Hours as a clinic writes them: what its file says of days, and what it is told when it errs."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from firmware import settings
from firmware.asterisk.publish import SITE_FILE, write_version
from firmware.cli.site import FAULTY, app
from firmware.rehearsal import always_open
from firmware.settings import SiteFaults
from ivr.hours import answer, in_words, is_open
from ivr.plan import Hours
from tests.firmware.test_settings import TEMPLATE

NEW_YORK = ZoneInfo("America/New_York")
PARTY = (
    "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Staff party\r\nDTSTART:20261218T150000\r\n"
    "DTEND:20261218T170000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def office(text: str, calendar: str = PARTY) -> Hours:
    return settings.read(text, lambda name: calendar).hours["office"]


def with_office(*lines: str) -> str:
    return TEMPLATE.replace("closed = [", "\n".join([*lines, "closed = ["]))


def says(hours: Hours, text: str) -> str:
    return in_words(answer(hours, datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)))


def test_the_template_keeps_the_holidays_and_hours_of_a_practice() -> None:
    hours = office(TEMPLATE)
    assert says(hours, "2026-11-26 09:00").startswith("closed: the holiday Thanksgiving Day")
    assert says(hours, "2027-07-05 09:00").startswith("closed: the holiday Independence Day")
    assert says(hours, "2026-12-24 09:00").startswith("open: the exception Christmas Eve")
    assert says(hours, "2031-12-24 12:00").startswith("closed: the exception Christmas Eve")
    assert says(hours, "2027-10-11 09:00").startswith("open: Monday")
    assert says(hours, "2060-12-25 09:00").startswith("closed: the holiday Christmas Day")


def test_lunch_is_cut_out_of_the_weeks_days() -> None:
    hours = office(with_office('lunch = "12:00-13:00"'))
    assert says(hours, "2027-10-11 12:30") == "closed: lunch, until Mon 2027-10-11 13:00"


def test_a_holiday_may_have_its_own_hours_and_its_own_words() -> None:
    text = TEMPLATE.replace(
        '"Columbus Day" = { observed = false }',
        '"Columbus Day" = { open = ["09:00-12:00"] }\n"Labor Day" = { say = "goodbye" }\n'
        '"Memorial Day" = { closes = "10:00" }\n"New Year\'s Day" = { opens = "11:00" }',
    )
    hours = office(text)
    assert says(hours, "2027-10-11 09:00").startswith("open: the holiday Columbus Day")
    assert says(hours, "2027-05-31 10:00").startswith("closed: the holiday Memorial Day")
    assert says(hours, "2027-05-31 09:00").startswith("open: Monday")
    assert says(hours, "2027-01-01 10:59").startswith("closed: the holiday New Year's Day")
    assert says(hours, "2027-01-01 11:00").startswith("open: Friday")
    labor_day = datetime(2027, 9, 6, 9, tzinfo=NEW_YORK)
    assert answer(hours, labor_day).why.say == "goodbye"


def test_states_have_holidays_of_their_own_and_a_schedule_may_keep_none() -> None:
    in_boston = TEMPLATE.replace('country = "US"', 'country = "US"\nsubdivision = "MA"')
    assert says(office(in_boston), "2027-04-19 09:00").startswith("closed: the holiday Patriots")
    keeps_none = office(with_office("holidays = false"))
    assert is_open(keeps_none, datetime(2026, 12, 25, 9, tzinfo=NEW_YORK))


def test_a_rehearsal_is_open_on_every_holiday() -> None:
    hours = office(always_open(TEMPLATE))
    assert is_open(hours, datetime(2026, 12, 25, 3, tzinfo=NEW_YORK))


def test_a_calendar_beside_the_file_closes_the_office(tmp_path: Path) -> None:
    text = with_office('calendars = ["staff.ics"]')
    (tmp_path / "staff.ics").write_bytes(PARTY.encode())
    found = settings.draft(text, settings.beside(tmp_path / "clinic.toml"))
    assert found.plan is not None
    hours = found.plan.hours["office"]
    assert says(hours, "2026-12-18 15:00") == (
        "closed: the calendar has Staff party (staff.ics), until Fri 2026-12-18 17:00"
    )
    version = write_version(tmp_path / "versions", {**found.calendars, SITE_FILE: text})
    again = settings.read(text, settings.beside(version / SITE_FILE))
    assert again == found.plan, "a published version holds all that its plan was made of"


WRONG = {
    "is for no day": '[[hours.office.exceptions]]\nname = "x"',
    "has on beside from and to": '[[hours.office.exceptions]]\nname="x"\non="12-26"\nto="12-27"',
    "do not go together": '[[hours.office.exceptions]]\nname="x"\nfrom="12-26"\nto=2026-12-27',
    "before it begins": '[[hours.office.exceptions]]\nname="x"\nfrom=2026-12-27\nto=2026-12-26',
    "no month has a day 02-30": '[[hours.office.exceptions]]\nname="x"\non="02-30"',
    "has open and closes": (
        '[[hours.office.exceptions]]\nname="x"\non="12-26"\nopen=["08:00-12:00"]\ncloses="11:00"'
    ),
    "has open and opens": (
        '[[hours.office.exceptions]]\nname="x"\non="12-26"\nopen=["08:00-12:00"]\nopens="11:00"'
    ),
    "closes at 10:00, not after it opens at 11:00": (
        '[[hours.office.exceptions]]\nname="x"\non="12-26"\nopens="11:00"\ncloses="10:00"'
    ),
    "not after it opens": (
        '[[hours.office.exceptions]]\nname="x"\non="12-26"\nopen=["12:00-08:00"]'
    ),
    "name is missing": '[[hours.office.exceptions]]\non="12-26"',
    '"26 Dec" does not fit': '[[hours.office.exceptions]]\nname="x"\non="26 Dec"',
    "there is no file gone.ics": '[hours.night]\nmon = ["00:00-24:00"]\ncalendars = ["gone.ics"]',
    "does not begin with": '[hours.night]\nmon = ["00:00-24:00"]\ncalendars = ["broken.ics"]',
    "is not UTF-8": '[hours.night]\nmon = ["00:00-24:00"]\ncalendars = ["latin.ics"]',
    '"../etc.ics" does not fit': '[hours.night]\nmon = []\ncalendars = ["../etc.ics"]',
    "lunch": '[hours.night]\nmon = []\nlunch = "13:00-12:00"',
}


@pytest.mark.parametrize("reason", WRONG)
def test_what_is_written_wrongly_is_told_once_with_its_line(reason: str, tmp_path: Path) -> None:
    (tmp_path / "broken.ics").write_text("sign in, please")
    (tmp_path / "latin.ics").write_bytes(PARTY.replace("Staff", "F\xeate").encode("latin-1"))
    text = TEMPLATE.replace("[holidays] ", f"{WRONG[reason]}\n\n[holidays] ", 1)
    with pytest.raises(SiteFaults) as caught:
        settings.read(text, settings.beside(tmp_path / "clinic.toml"))
    (fault,) = caught.value.faults
    assert reason in str(fault)
    first = 1 + text[: text.index(WRONG[reason])].count("\n")
    assert first <= fault.line <= first + WRONG[reason].count("\n")


@pytest.mark.parametrize(
    ("right", "wrong", "reason", "cure"),
    [
        ('country = "US"', 'country = "XX"', "holidays of XX are not known", "ISO 3166"),
        ('country = "US"', 'country = "US"\nsubdivision = "NW"', "US has no NW", "did you mean"),
        ('"Columbus Day"', '"Colombus Day"', "no holiday", "did you mean Columbus Day?"),
        ('country = "US"', 'country = "us"', "does not fit", "ISO 3166"),
        ('"Columbus Day" = { observed', '"Columbus Day" = { kept', "not known", "observed"),
    ],
)
def test_holidays_written_wrongly_are_told(right: str, wrong: str, reason: str, cure: str) -> None:
    with pytest.raises(SiteFaults) as caught:
        settings.read(TEMPLATE.replace(right, wrong, 1))
    (fault,) = caught.value.faults
    assert reason in fault.reason
    assert cure in fault.cure


def test_an_exception_in_the_past_is_a_warning_and_the_file_is_in_order(tmp_path: Path) -> None:
    site = tmp_path / "clinic.toml"
    site.write_text(TEMPLATE.replace("closed = [", "closed = [2020-01-02, "))
    result = CliRunner().invoke(app, ["check", str(site)])
    assert result.exit_code == 0
    assert "warning" in result.stderr
    assert "2020-01-02" in result.stderr
    assert "is in order" in result.stdout


def test_a_schedule_that_never_opens_is_a_fault(tmp_path: Path) -> None:
    site = tmp_path / "clinic.toml"
    site.write_text(TEMPLATE.replace("[holidays] ", "[hours.never]\nmon = []\n\n[holidays] ", 1))
    result = CliRunner().invoke(app, ["check", str(site)])
    assert result.exit_code == FAULTY
    assert "hours.never" in result.stderr
    assert "never open" in result.stderr


def test_a_plan_holds_no_day_twice() -> None:
    hours = office(TEMPLATE)
    assert hours.holidays[date(2027, 12, 24)].name == "Christmas Day"
