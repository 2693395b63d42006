"""The figures of a clinic with some calls behind it: each number explains itself and leads to its
calls; a sheet of them has no formula and no caller; days are those of the clinic's clock."""

import csv
import io
import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from firmware.busy import SHADES, Busy, BusyHour, busy
from firmware.operations import Role
from firmware.web.days import Days, Span, around, days_in
from firmware.web.sheet import plain, sheet
from ivr.commands import Outcome
from tests.web.clinic import Clinic, named
from tests.web.weeks import NAME, NEW_YORK, NUMBER, past

MONDAY = date(2026, 3, 2)  # the clinic's clock has not changed yet
SECRETS = (NUMBER, NUMBER[2:], NAME, "Dolores")


def a_monday(clinic: Clinic, at_three: Outcome | None = None) -> None:
    """Always the same caller, who once hangs up and once says how it was; at its end."""
    clinic.clock.now = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    with past(clinic.place) as told:
        told.call(MONDAY, time(9, 30), 10, mark=4)
        told.call(MONDAY, time(9, 40), 50, Outcome.ABANDONED, talk_s=0)
        for number, wait_s in enumerate((20, 30, 40)):
            told.call(MONDAY, time(10 + number, 30), wait_s)
        if at_three:
            told.call(MONDAY, time(15, 0), 5, at_three)


def figure(text: str, key: str) -> str:
    """What stands on one card, without its marks."""
    found = re.search(rf'<section class="card figure" id="{key}".*?</section>', text, re.DOTALL)
    assert found, key
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


def told_to(clinic: Clinic, browser: TestClient, role: Role, path: str) -> str:
    clinic.sign_in(browser, named(role))
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    for secret in SECRETS:
        assert secret not in answer.text
    return answer.text


def test_each_figure_of_a_day_is_told_with_its_numbers_and_what_they_mean(clinic: Clinic) -> None:
    a_monday(clinic)
    with clinic.browser() as browser:
        text = told_to(clinic, browser, Role.ADMIN, "/figures?span=day&day=2026-03-02")
    assert "Figures: Monday, March 2, 2026" in text
    assert " 5 4 were answered + 1 hung up waiting " in figure(text, "calls")
    assert " 0:25 1:40 ÷ 4 " in figure(text, "asa")
    assert " 0:50 " in figure(text, "longest")
    assert " 40% 2 ÷ 5 " in figure(text, "level")
    assert " 20% 1 ÷ 5; 20% without those who hung up at once " in figure(text, "lost")
    assert " 0 0 ÷ 1 " in figure(text, "not-helped")
    assert " – Known when a week has passed " in figure(text, "fcr")
    assert " 1:40 talk 1:40 " in figure(text, "aht")
    assert " 4.0 of 5 1 caller said so " in figure(text, "survey")
    for key in ("calls", "asa", "longest", "level", "lost", "not-helped", "fcr", "aht", "survey"):
        for part in ("What it counts", "How it is reckoned", "Where it comes from"):
            assert part in figure(text, key), key


def test_whether_one_call_was_enough_is_known_a_week_later(clinic: Clinic) -> None:
    a_monday(clinic)
    clinic.clock.now = datetime(2026, 3, 20, tzinfo=UTC)
    with clinic.browser() as browser:
        text = told_to(clinic, browser, Role.ADMIN, "/figures?span=day&day=2026-03-02")
    assert " 25% 1 ÷ 4 " in figure(text, "fcr")


def test_a_figure_leads_to_its_calls(clinic: Clinic) -> None:
    a_monday(clinic)
    with clinic.browser() as browser:
        text = told_to(clinic, browser, Role.ADMIN, "/figures?span=week&day=2026-03-04")
    days = "since=2026-03-02&amp;until=2026-03-08"
    for key, counts in (
        ("calls", "offered"),
        ("level", "within_20"),
        ("longest", "longest_ms"),
        ("lost", "lost"),
        ("survey", "marks"),
    ):
        card = text[text.index(f'id="{key}"') :]
        assert f'<a href="/calls?{days}&amp;counts={counts}"' in card[: card.index("</section>")]


def test_in_spanish_figures_are_told_as_spanish_has_them(clinic: Clinic) -> None:
    a_monday(clinic)
    with clinic.browser("es") as browser:
        text = told_to(clinic, browser, Role.ADMIN, "/figures?span=month&day=2026-03-02")
    assert "Cifras: marzo de 2026" in text
    assert " 4,0 de 5 Lo dijo 1 persona " in figure(text, "survey")


def test_days_without_a_call_say_so_and_a_box_without_a_record_says_what_to_do(
    clinic: Clinic,
) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        answer = browser.get("/figures")
        assert answer.status_code == 409
        assert "There is no record of calls yet" in answer.text
    a_monday(clinic)
    with clinic.browser() as browser:
        text = told_to(clinic, browser, Role.ADMIN, "/figures?day=2026-02-01")
        assert "Nobody called on these days." in text
        assert "There is no history yet" in text


def test_the_front_desk_may_look_at_figures_and_has_no_tab_for_them(clinic: Clinic) -> None:
    a_monday(clinic)
    tab = '<a href="/figures"'
    with clinic.browser() as browser:
        assert tab in told_to(clinic, browser, Role.PROVIDER, "/today")
        assert tab not in told_to(clinic, browser, Role.FRONT_DESK, "/today")
        assert "Figures: " in browser.get("/figures").text


@pytest.mark.parametrize("path", ["/figures", "/figures/lines", "/figures/csv"])
def test_nobody_reads_figures_who_is_not_signed_in(clinic: Clinic, path: str) -> None:
    with clinic.browser() as browser:
        assert browser.get(path).headers["location"] == "/sign-in"


def test_the_lines_drawn_are_the_same_numbers_hour_by_hour_without_a_hole(clinic: Clinic) -> None:
    a_monday(clinic, Outcome.MESSAGE)
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        drawn = browser.get("/figures/lines?day=2026-03-02").json()
    assert [label.replace("\u202f", " ") for label in drawn["labels"]][:2] == [
        "9:00 AM",
        "10:00 AM",
    ]
    assert drawn["offered"] == [2, 1, 1, 1, 0, 0, 1]
    assert drawn["answered"] == [1, 1, 1, 1, 0, 0, 0]
    assert drawn["lost"] == [1, 0, 0, 0, 0, 0, 0]
    assert drawn["asa"] == [10.0, 20.0, 30.0, 40.0, None, None, None]


def test_the_hour_that_autumn_has_twice_is_two_hours_told_apart(clinic: Clinic) -> None:
    sunday = date(2026, 11, 1)
    clinic.clock.now = datetime(2026, 11, 2, tzinfo=UTC)
    with past(clinic.place) as told:
        told.call(sunday, time(1, 30))
        told.call(sunday, time(1, 30, fold=1))
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        drawn = browser.get("/figures/lines?day=2026-11-01").json()
    assert [label.rpartition(" ")[2] for label in drawn["labels"]] == ["EDT", "EST"]
    assert drawn["offered"] == [1, 1]


def test_a_sheet_has_every_day_line_queue_and_phone_and_no_caller(
    clinic: Clinic,
) -> None:
    a_monday(clinic)
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.AUDITOR))
        answer = browser.get("/figures/csv?span=week&day=2026-03-02&within=30")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    wanted = 'attachment; filename="careline-2026-03-02-2026-03-08.csv"'
    assert answer.headers["content-disposition"] == wanted
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    kinds = [row[:3] for row in rows[1:]]
    assert kinds == [
        ["all", "", "5"],
        ["line", "main", "5"],
        ["queue", "desk", "5"],
        ["phone", "101 Desk 101", "4"],
        ["day", "2026-03-02", "5"],
    ]
    for secret in SECRETS:
        assert secret not in answer.text


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_what_a_spreadsheet_would_reckon_is_written_as_text(cell: str) -> None:
    assert plain(cell) == f"'{cell}"
    written = sheet([[cell, -1, None, 'a "b", c']]).decode("utf-8-sig")
    assert next(csv.reader(io.StringIO(written, newline=""))) == [f"'{cell}", "-1", "", 'a "b", c']


def test_a_week_begins_on_monday_and_a_month_is_as_long_as_it_is() -> None:
    week = around(Span.WEEK, date(2026, 3, 1), NEW_YORK)
    assert (week.first, week.last) == (date(2026, 2, 23), date(2026, 3, 1))
    assert week.after.first == MONDAY
    assert week.before.last == date(2026, 2, 22)
    month = around(Span.MONTH, date(2028, 2, 11), NEW_YORK)
    assert (month.first, month.last) == (date(2028, 2, 1), date(2028, 2, 29))
    assert month.after.last == date(2028, 3, 31)
    some = Days(Span.ANY, date(2026, 3, 1), date(2026, 3, 10), NEW_YORK)
    assert (some.before.first, some.before.last) == (date(2026, 2, 19), date(2026, 2, 28))
    assert (some.after.first, some.after.last) == (date(2026, 3, 11), date(2026, 3, 20))


@pytest.mark.parametrize(
    ("first", "last", "wrong"),
    [
        ("2026-03-02", "2026-03-01", {"last"}),
        ("yesterday", "2026-03-01", {"first"}),
        ("", "9999-12-31", {"first", "last"}),
        ("0001-01-01", "2026-03-01", {"first"}),
    ],
)
def test_days_that_cannot_be_are_told_beside_their_field_and_today_is_shown(
    clinic: Clinic, first: str, last: str, wrong: set[str]
) -> None:
    asked = {"span": "any", "first": first, "last": last}
    days, faults = days_in(asked, MONDAY, NEW_YORK)
    assert set(faults) == wrong
    assert (days.first, days.last) == (MONDAY, MONDAY)
    a_monday(clinic)
    with clinic.browser() as browser:
        text = told_to(clinic, browser, Role.ADMIN, f"/figures?span=any&first={first}&last={last}")
    for name in wrong:
        assert f'id="{name}-fault"' in text


def test_busy_hours_are_the_mean_of_the_weeks_seen_and_the_busiest_is_darkest() -> None:
    def at(day: int, hour: int) -> datetime:
        return datetime(2026, 3, day, hour, tzinfo=NEW_YORK).astimezone(UTC)

    found = {
        at(9, 9): 6,
        at(16, 9): 2,
        at(16, 11): 1,
    }
    week = busy(found, at(2, 0), at(23, 0), NEW_YORK)
    assert week.hours == range(9, 12)
    assert week.cells[0, 9] == BusyHour(calls=8, weeks=2)  # before the first call nothing was seen
    assert week.most == 4.0
    assert week.shade(week.cells[0, 9]) == SHADES
    assert week.shade(week.cells[0, 11]) == 1
    assert week.shade(week.cells[0, 10]) == 0
    assert busy({}, at(2, 0), at(23, 0), NEW_YORK) == Busy(range(0), {})


def test_an_hour_that_comes_twice_was_seen_twice() -> None:
    zone = ZoneInfo("America/New_York")
    sunday = datetime(2026, 11, 1, 4, tzinfo=UTC)  # its midnight
    found = {datetime(2026, 11, 1, 5 + n, tzinfo=UTC): 1 for n in (0, 1)}
    week = busy(found, sunday, datetime(2026, 11, 2, 5, tzinfo=UTC), zone)
    assert week.cells[6, 1] == BusyHour(calls=2, weeks=2)
