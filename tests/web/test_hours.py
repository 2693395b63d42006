"""Hours and on-call as calendars: what the week is truly like, which days are otherwise, who is on
call and when nobody is; and changes, which go into the draft and into nothing that callers meet."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from firmware import draft, settings
from firmware.closures_ahead import closures_ahead
from firmware.operations import Role
from firmware.web.days import Span, around
from firmware.web.week import duty_week, gaps_ahead, next_closures, schedule_week
from firmware.web.words import Words
from ivr.plan import Plan
from tests.web.clinic import Clinic, named, token_in

TEMPLATE = (Path(settings.__file__).parent / "template/clinic.toml").read_text("utf-8")
NEW_YORK = ZoneInfo("America/New_York")
ENGLISH = Words("en")
# A Wednesday, two in the afternoon.
NOW = datetime(2026, 11, 18, 19, 0, tzinfo=UTC)
# The first layer by weekday, so that the week-end is nobody's.
BY_TURNS = """people = ["alvarez", "brandt", "chen"]
turn = "weekly"
begins = 2026-01-05
hand_off = "08:00"

[[oncall.layers.second]]"""


@pytest.fixture
def practice(clinic: Clinic) -> Clinic:
    clinic.place.site_file.write_text(TEMPLATE, "utf-8")
    clinic.clock.now = NOW
    return clinic


def plan_with(hours: str = "", rota: str = TEMPLATE) -> Plan:
    return settings.read(rota.replace("[hours.office]\n", f"[hours.office]\n{hours}"))


def send(clinic: Clinic, browser: TestClient, path: str, **fields: str) -> str:
    """What is told where it cannot be, above the forms and beside fields; empty: it stands in the
    draft."""
    token = token_in(browser.get("/hours").text)
    step = str(draft.read(clinic.place).step)
    answer = browser.post(f"/hours/{path}", data={"token": token, "step": step, **fields})
    if answer.status_code == 303:
        return ""
    assert (answer.status_code, 'role="alert">' in answer.text) == (422, True)
    return " ".join(re.findall(r'(?:role="alert"|class="fault"[^>]*)>(.*?)</', answer.text))


def drafted(clinic: Clinic) -> Plan:
    return settings.read(draft.read(clinic.place).text)


def test_the_week_shows_when_it_is_open_and_what_a_holiday_makes_of_a_day(
    practice: Clinic,
) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        text = browser.get("/hours?day=2026-11-26").text
    lines = dict(re.findall(r'data-day="([^"]+)"(.*?)</tr>', text, re.DOTALL)[:7])
    assert "8:00\u202fAM–5:00\u202fPM" in lines["2026-11-25"]
    assert 'class="open" x="480" y="0" width="540"' in lines["2026-11-25"]
    assert "a holiday: Thanksgiving" in lines["2026-11-26"]
    assert 'class="off"' in lines["2026-11-26"]
    assert "closed" in lines["2026-11-28"]


def test_a_day_on_which_the_clocks_change_is_as_long_as_it_is() -> None:
    hours = plan_with('sun = ["00:00-24:00"]\n').hours["office"]
    autumn = around(Span.WEEK, date(2026, 11, 1), NEW_YORK)
    sunday = schedule_week(hours, autumn, NOW, ENGLISH)[6]
    assert (sunday.minutes, sunday.is_odd) == (25 * 60, 1)
    assert [(each.start, each.length) for each in sunday.pieces] == [(0, 25 * 60)]
    spring = around(Span.WEEK, date(2026, 3, 8), NEW_YORK)
    sunday = schedule_week(hours, spring, NOW, ENGLISH)[6]
    assert (sunday.minutes, sunday.is_odd) == (23 * 60, -1)
    night = plan_with('sun = ["01:00-04:00"]\n').hours["office"]
    (piece,) = schedule_week(night, spring, NOW, ENGLISH)[6].pieces
    assert (piece.start, piece.length) == (60, 120)  # 2 to 3 is not there


def test_the_next_closures_are_those_of_days_on_which_it_would_be_open() -> None:
    hours = plan_with().hours["office"]
    found = [(each.first, each.rule.name) for each in closures_ahead(hours, date(2026, 11, 18))]
    assert found[:3] == [
        (date(2026, 11, 26), "Thanksgiving Day"),
        (date(2026, 12, 24), "Christmas Eve"),
        (date(2026, 12, 25), "Christmas Day"),
    ]
    assert date(2027, 7, 4) not in [first for first, _ in found]  # a Sunday
    assert len(found) >= 12


def test_a_closure_tells_what_it_leaves_of_the_day() -> None:
    cut = [
        '[[hours.office.exceptions]]\nname = "Fog"\non = 2026-11-19\nopens = "10:00"',
        '[[hours.office.exceptions]]\nname = "Party"\non = 2026-11-20\ncloses = "15:00"',
        '[[hours.office.exceptions]]\nname = "Both"\non = 2026-11-23\n'
        'opens = "10:00"\ncloses = "15:00"',
    ]
    rota = TEMPLATE.replace("[holidays] ", "\n\n".join([*cut, "[holidays] "]), 1)
    found = next_closures(plan_with(rota=rota), date(2026, 11, 18), ENGLISH)
    told = {line.cells[1]: line.cells[3].replace("\u202f", " ") for line in found}
    assert told["Fog"] == "opens at 10:00 AM"
    assert told["Party"] == "closes at 3:00 PM"
    assert told["Both"] == "opens at 10:00 AM, closes at 3:00 PM"
    assert told["Thanksgiving Day"] == "closed all day"


def test_the_screen_tells_twelve_of_them(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.FRONT_DESK))
        text = browser.get("/hours").text
    section = text[text.index('id="closures"') :]
    assert section[: section.index("</section>")].count('<th scope="row">') == 12
    assert "/hours/exception" not in text  # who may not publish has no forms


def test_who_is_on_call_is_told_day_by_day_and_a_gap_is_said_to_be_one() -> None:
    people = 'mon = "chen", tue = "chen", wed = "chen", thu = "brandt", fri = "chen"'
    week = f'by_weekday = {{ {people} }}\nhand_off = "08:00"\n\n[[oncall.layers.second]]'
    rota = TEMPLATE.replace(BY_TURNS, week)
    assert rota != TEMPLATE
    plan = plan_with(rota=rota)
    days = around(Span.WEEK, date(2026, 11, 18), NEW_YORK)
    first = duty_week(plan, 0, days, NOW, ENGLISH)
    assert first[3].told[-1].startswith("Dr. Brandt: ")
    assert not first[3].has_gap
    assert first[5].has_gap
    assert first[5].told[-1].startswith("Nobody: ")
    assert [each.kind for each in first[5].pieces][-1] == "gap"
    gap = gaps_ahead(plan, NOW)[0]
    assert gap.start.astimezone(NEW_YORK).strftime("%a %H:%M") == "Sat 08:00"
    assert gaps_ahead(plan_with(), NOW) == []
    # Where no menu leads to on-call, nobody is missed.
    alone = re.sub(r'(?m)^oncall = \["first".*\n', "", rota)
    assert alone != rota
    assert gaps_ahead(plan_with(rota=alone), NOW) == []
    assert not duty_week(plan_with(rota=alone), 0, days, NOW, ENGLISH)[5].has_gap


def test_an_exception_goes_into_the_draft_and_callers_meet_nothing_of_it(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        training = {"schedule": "office", "name": "Staff training"}
        days = {"first": "2026-12-02", "last": "2026-12-03", "how": "times"}
        times = {"open-1-opens": "13:00", "open-1-closes": "17:00"}
        assert send(practice, browser, "exception", **training, **days, **times) == ""
        text = browser.get("/hours?day=2026-12-02").text
        assert "an exception for this day: Staff training" in text
    kept = draft.read(practice.place)
    assert kept.done[-1].what == "added an exception"
    assert kept.done[-1].who == named(Role.ADMIN)
    assert practice.place.site_file.read_text("utf-8") == TEMPLATE
    added = drafted(practice).hours["office"].exceptions[1]
    assert (added.rule.name, str(added.rule.times[0].opens)) == ("Staff training", "13:00:00")
    draft.undo(practice.place, kept.step)
    assert draft.read(practice.place).text == TEMPLATE


def test_what_cannot_be_is_said_and_not_kept(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        wrong = {"schedule": "office", "name": "Odd", "first": "2026-12-03", "last": "2026-12-02"}
        assert "before the first one" in send(practice, browser, "exception", **wrong)
        assert "not filled in" in send(practice, browser, "exception", schedule="office")
        assert "ZZ" in send(practice, browser, "region", country="US", subdivision="ZZ")
        late = {"starts": "2026-12-24T17:00", "ends": "2026-12-24T08:00"}
        assert "not after" in send(practice, browser, "cover", layer="first", person="chen", **late)
        nobody = {"kind": "swaps", "place": "7"}
        assert send(practice, browser, "take-away", **nobody)
    assert draft.read(practice.place).text == TEMPLATE


def test_turns_are_swapped_covered_and_taken_back_in_the_draft(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        swapped = {
            "layer": "first", "person": "chen", "other": "alvarez",
            "starts": "2026-11-30T08:00", "ends": "2026-12-07T08:00",
            "other_starts": "2026-12-07T08:00", "other_ends": "2026-12-14T08:00",
        }  # fmt: skip
        assert send(practice, browser, "swap", **swapped) == ""
        night = {"starts": "2026-11-20T17:00", "ends": "2026-11-21T08:00"}
        assert send(practice, browser, "cover", layer="first", person="chen", **night) == ""
        rota = drafted(practice).rota
        assert rota is not None
        assert (rota.swaps[0].one, rota.swaps[0].other) == ("chen", "alvarez")
        assert rota.overrides[0].person == "chen"
        text = browser.get("/hours?day=2026-11-20").text
        assert "(in somebody&#39;s place)" in text
        assert send(practice, browser, "take-away", kind="overrides", place="0") == ""
        after = drafted(practice).rota
        assert after is not None
        assert after.overrides == ()
        assert send(practice, browser, "cover", layer="first", person="brandt", **night) == ""
        assert send(practice, browser, "cover", layer="second", person="chen", **night) == ""
    again = drafted(practice).rota
    assert again is not None
    assert [each.person for each in again.overrides] == ["brandt", "chen"]


def test_a_holiday_is_worked_on_and_another_region_has_its_own(practice: Clinic) -> None:
    day = date(2026, 11, 26)
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        thanks = {"name": "Thanksgiving Day"}
        assert send(practice, browser, "holiday", **thanks, observed="no") == ""
        assert day not in drafted(practice).hours["office"].holidays
        assert send(practice, browser, "holiday", **thanks, observed="yes") == ""
        assert day in drafted(practice).hours["office"].holidays
        assert send(practice, browser, "region", country="US", subdivision="TX") == ""
    assert 'subdivision = "TX"' in draft.read(practice.place).text


def test_a_holiday_with_hours_of_its_own_is_not_said_to_be_closed(practice: Clinic) -> None:
    own = TEMPLATE.replace(
        '"Columbus Day" = { observed = false }',
        '"Columbus Day" = { open = ["09:00-12:00"] }\n"Christmas Day" = { closes = "11:00" }',
    )
    practice.place.site_file.write_text(own, "utf-8")
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        text = browser.get("/hours").text
    table = text[text.index('class="holidays"') :].replace("\u202f", " ")
    rows = dict(re.findall(r'id="holiday-\d+">([^<]+)</th><td>[^<]+</td><td>([^<]+)</td>', table))
    assert rows["Columbus Day"] == "open 9:00 AM–12:00 PM only"
    assert rows["Christmas Day"] == "closes at 11:00 AM"
    assert rows["Thanksgiving Day"] == "closed all day"
    assert rows["Veterans Day"] == "a day like any other"


def test_whoever_changed_the_draft_meanwhile_is_named(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        text = TEMPLATE.replace("Maple", "Oak")
        draft.keep(practice.place, text, "rita", "renamed", 0, NOW)
        token = token_in(browser.get("/hours").text)
        form = {"token": token, "step": "0", "name": "Thanksgiving Day", "observed": "no"}
        answer = browser.post("/hours/holiday", data=form)
    assert answer.status_code == 409
    assert "rita has changed the draft meanwhile" in answer.text
    assert draft.read(practice.place).text == text
