"""The forms behind the Hours screen: weeks, exceptions and rotations by hand, all in the draft; the
month; and who may do which of it."""

import re
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from firmware import draft, settings
from firmware.operations import Role
from ivr.plan import Plan
from tests.web.clinic import Clinic, named, token_in

TEMPLATE = (Path(settings.__file__).parent / "template/clinic.toml").read_text("utf-8")
# A Wednesday, two in the afternoon.
NOW = datetime(2026, 11, 18, 19, 0, tzinfo=UTC)
FORMS = (
    "/hours/schedule",
    "/hours/schedule/office",
    "/hours/exception/office/0",
    "/hours/holiday?name=Christmas+Day",
    "/hours/oncall",
    "/hours/oncall/new",
    "/hours/oncall/first/new",
    "/hours/oncall/first/0",
)


@pytest.fixture
def practice(clinic: Clinic) -> Clinic:
    clinic.place.site_file.write_text(TEMPLATE, "utf-8")
    clinic.clock.now = NOW
    return clinic


def standing(text: str, action: str) -> dict[str, str]:
    """What stands in a form of the screen, as a browser would send it."""
    form = text[text.index(f'action="{action}"') :]
    form = form[: form.index("</form>")]
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        known = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if known.get("type") != "checkbox" or " checked" in tag:
            fields[known["name"]] = unescape(known.get("value", "on"))
    for name, options in re.findall(r'<select[^>]* name="([^"]+)"(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        first = re.search(r'value="([^"]*)"', options)
        fields[name] = (chosen or first or [""])[1] if (chosen or first) else ""
    return fields


def sent(browser: TestClient, path: str, action: str = "", **typed: str) -> Response:
    """The form of a screen as it stands, with this typed into it; `mon_1_opens` is mon-1-opens."""
    fields = standing(browser.get(path).text, action or path)
    named = {re.sub(r"_(?=\d)|(?<=\d)_", "-", name): text for name, text in typed.items()}
    return browser.post(action or path, data=fields | named)


def drafted(clinic: Clinic) -> Plan:
    return settings.read(draft.read(clinic.place).text)


def beside(text: str, name: str) -> str:
    """What is told beside a field."""
    found = re.search(rf'id="{name}-fault">(.*?)</span>', text)
    return unescape(found[1]) if found else ""


def test_every_form_that_is_sent_as_it_stands_changes_nothing(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        for path in (
            "/hours/schedule/office",
            "/hours/exception/office/0",
            "/hours/oncall/first/0",
        ):
            assert sent(browser, path).status_code == 303, path
        assert sent(browser, "/hours/oncall").status_code == 303
    assert draft.read(practice.place).step == 0


def test_a_week_is_looked_at_kept_undone_and_done_again(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        typed = {"mon_1_closes": "12:00", "look": "yes"}
        looked = sent(browser, "/hours/schedule/office", **typed)
        assert looked.status_code == 200
        assert "not kept yet" in looked.text
        assert "8:00\u202fAM–12:00\u202fPM" in looked.text
        assert draft.read(practice.place).step == 0
        kept = sent(browser, "/hours/schedule/office", mon_1_closes="12:00")
        assert (kept.status_code, kept.headers["location"]) == (303, "/hours")
        monday = drafted(practice).hours["office"].spans[0]
        assert monday.closes.hour == 12
        assert practice.place.site_file.read_text("utf-8") == TEMPLATE
        text = browser.get("/hours").text
        undone = {"token": token_in(text), "step": str(draft.read(practice.place).step)}
        answer = browser.post("/rooms/undo", data=undone | {"section": "hours"})
        assert answer.headers["location"] == "/hours"
        assert draft.read(practice.place).text == TEMPLATE


def test_what_is_wrong_with_a_week_stands_beside_its_day_with_what_was_typed(
    practice: Clinic,
) -> None:
    with practice.browser("es") as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        typed = {"mon_1_closes": "07:00", "tue_1_closes": ""}
        answer = sent(browser, "/hours/schedule/office", **typed)
        assert answer.status_code == 422
        assert beside(answer.text, "mon").startswith("Acaba antes de empezar.")
        assert beside(answer.text, "tue").startswith("Falta una de las dos horas.")
        assert 'name="mon-1-closes" value="07:00"' in answer.text
        assert 'aria-invalid="true"' in answer.text
    assert draft.read(practice.place).step == 0


def test_a_second_schedule_begins_with_another_s_week_and_goes_again(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        fields = standing(browser.get("/hours/schedule?like=office").text, "/hours/schedule")
        assert fields["fri-1-opens"] == "08:00"
        answer = browser.post("/hours/schedule", data=fields | {"called": "lab"})
        assert answer.status_code == 303
        assert set(drafted(practice).hours) == {"office", "lab"}
        lab = "/hours/schedule/lab"
        assert sent(browser, lab, f"{lab}/rename", called="blood").status_code == 303
        assert "Hours: blood" in browser.get("/hours").text
        blood = "/hours/schedule/blood"
        assert sent(browser, blood, f"{blood}/take-away").status_code == 303
        assert draft.read(practice.place).text == TEMPLATE
        office = "/hours/schedule/office"
        refused = sent(browser, office, f"{office}/take-away")
        assert (refused.status_code, "still named by" in refused.text) == (422, True)
        assert browser.get(lab).status_code == 404


def test_a_day_closes_early_with_its_own_prompt_and_is_changed_later(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        party = {"name": "Party", "first": "2026-12-18", "how": "cut", "closes": "15:00"}
        answer = sent(browser, "/hours", "/hours/exception", **party, say="closed-now")
        assert answer.status_code == 303
        added = drafted(practice).hours["office"].exceptions[1].rule
        assert (added.name, added.say, added.times) == ("Party", "closed-now", ())
        text = browser.get("/hours").text
        assert "closes at 3:00\u202fPM" in text
        assert 'href="/hours/exception/office/1"' in text
        later = "/hours/exception/office/1"
        wrong = sent(browser, later, opens="16:00")
        assert beside(wrong.text, "exception-closes").startswith("It ends before it begins.")
        assert sent(browser, later, opens="10:00", say="").status_code == 303
        rule = drafted(practice).hours["office"].exceptions[1].rule
        assert (rule.opens is not None, rule.say) == (True, None)
        nothing = sent(browser, "/hours", "/hours/exception", name="", first="")
        assert nothing.status_code == 422
        assert beside(nothing.text, "exception-name").startswith("Nothing is written here.")
        assert beside(nothing.text, "cover-starts") == ""


def test_a_single_closed_day_is_among_what_was_agreed_and_goes(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        text = browser.get("/hours").text
        assert "office: closed, Friday, May 28, 2027" in text
        gone = {"kind": "closed", "schedule": "office", "place": "0"}
        answer = sent(browser, "/hours", "/hours/take-away", **gone)
        assert answer.status_code == 303
    assert "closed = [2027-12-31]" in draft.read(practice.place).text


def test_a_stand_in_who_ends_too_early_is_told_beside_the_field(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        late = {"starts": "2026-12-24T17:00", "ends": "2026-12-24T08:00"}
        answer = sent(browser, "/hours", "/hours/cover", **late)
        assert "not after" in beside(answer.text, "cover-ends")
        assert beside(answer.text, "swap-ends") == ""


def test_who_gives_away_a_turn_they_do_not_have_is_told_beside_the_field(practice: Clinic) -> None:
    with practice.browser("es") as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        times = {"starts": "2026-12-01T12:00", "ends": "2026-12-02T08:00"}
        times |= {"other_starts": "2026-12-01T13:00", "other_ends": "2026-12-02T08:00"}
        answer = sent(browser, "/hours", "/hours/swap", person="chen", other="brandt", **times)
        assert answer.status_code == 422
        assert "ningún turno" in beside(answer.text, "swap-other_starts")
        assert beside(answer.text, "swap-starts") == ""
        alone = sent(browser, "/hours", "/hours/swap", person="chen", other="chen", **times)
        assert "consigo. Diga con quién" in beside(alone.text, "swap-other")
        assert draft.read(practice.place).step == 0


def test_a_rotation_is_looked_at_with_its_gaps_and_kept(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        path = "/hours/oncall/first/0"
        nights = {"only_1_day": "weekdays", "only_1_opens": "17:00", "only_1_closes": "08:00"}
        looked = sent(browser, path, **nights, look="yes")
        assert "Gaps: nobody is on call" in looked.text
        assert 'class="gap"' in looked.text
        assert draft.read(practice.place).step == 0
        answer = sent(browser, path, person_1="chen", person_4="alvarez", days="2")
        assert answer.status_code == 303
        rota = drafted(practice).rota
        assert rota is not None
        assert rota.layers["first"][0].people == ("chen", "brandt", "chen", "alvarez")
        wrong = sent(browser, path, days="x", hand_off="")
        assert beside(wrong.text, "days").startswith("This does not fit.")
        assert beside(wrong.text, "hand_off").startswith("Nothing is written here.")
        weekdays = standing(browser.get(f"{path}?kind=weekdays").text, path)
        assert weekdays["kind"] == "weekdays"
        done = browser.post(path, data=weekdays | {"mon": "chen", "hand_off": "08:00"})
        assert done.status_code == 303


def test_layers_come_move_and_go(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        fields = {"called": "third", "person_1": "chen", "begins": "2026-11-23"}
        assert sent(browser, "/hours/oncall/new", **fields).status_code == 303
        second = {"mon": "chen", "kind": "weekdays"}
        add = "/hours/oncall/third/new"
        assert sent(browser, add, **second).status_code == 303
        assert sent(browser, "/hours/oncall", "/hours/oncall/third/1/sooner").status_code == 303
        layer = "/hours/oncall/third"
        assert sent(browser, "/hours/oncall", f"{layer}/1/take-away").status_code == 303
        assert sent(browser, "/hours/oncall", f"{layer}/sooner").status_code == 303
        rota = drafted(practice).rota
        assert rota is not None
        assert list(rota.layers) == ["first", "third", "second"]
        assert sent(browser, "/hours/oncall", f"{layer}/rename", called="spare").status_code == 303
        gone = sent(browser, "/hours/oncall", "/hours/oncall/spare/0/take-away")
        assert gone.headers["location"] == "/hours/oncall"
        kept = sent(browser, "/hours/oncall", "/hours/oncall/first/0/take-away")
        assert (kept.status_code, "still named by" in kept.text) == (422, True)
        taken = sent(browser, "/hours/oncall", "/hours/oncall/first/rename", called="second")
        assert "taken" in beside(taken.text, "called-1")
    rota = drafted(practice).rota
    assert rota is not None
    assert list(rota.layers) == ["first", "second"]


def test_the_month_says_of_each_day_what_it_is_and_leads_to_its_week(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.FRONT_DESK))
        text = browser.get("/hours/month?day=2026-11-18").text
    cells = re.findall(r"<td class=\"(?!none)[^>]*>(.*?)</td>", text, re.DOTALL)
    assert len(cells) == 30
    thanksgiving = cells[25]
    assert 'href="/hours?span=week&amp;day=2026-11-23"' in thanksgiving
    assert "Thursday, November 26, 2026" in thanksgiving
    assert "closed; a holiday: Thanksgiving" in thanksgiving
    assert "open: 8:00\u202fAM–5:00\u202fPM" in cells[17]
    assert "On call: Dr. " in cells[17]
    assert 'aria-current="date"' in cells[17]
    assert "hours/schedule" not in text


def test_a_clinic_without_hours_or_rota_has_a_month_and_can_begin_both(clinic: Clinic) -> None:
    clinic.clock.now = NOW
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        for path in ("/hours/month", "/hours/schedule", "/hours/oncall", "/hours/oncall/new"):
            assert browser.get(path).status_code == 200, path


@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.NURSE, Role.AUDITOR])
def test_who_may_not_publish_sees_the_month_and_has_no_form(practice: Clinic, role: Role) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(role))
        assert [browser.get(path).status_code for path in FORMS] == [403] * len(FORMS)
        token = token_in(browser.get("/hours/month").text)
        for path in (*FORMS, "/hours/exception", "/hours/oncall/first/sooner"):
            answer = browser.post(path, data={"token": token, "step": "0"})
            assert answer.status_code in (403, 405), path
    assert draft.read(practice.place).step == 0


def test_two_who_fill_in_hours_at_once_never_write_over_each_other(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        fields = standing(browser.get("/hours/schedule/office").text, "/hours/schedule/office")
        text = TEMPLATE.replace("Maple", "Oak")
        draft.keep(practice.place, text, "rita", "renamed", 0, NOW)
        answer = browser.post("/hours/schedule/office", data=fields | {"mon-1-closes": "12:00"})
    assert answer.status_code == 409
    assert "rita has changed the draft meanwhile" in answer.text
    assert 'name="mon-1-closes" value="12:00"' in answer.text
    assert draft.read(practice.place).text == text


def test_a_holiday_has_hours_and_words_of_its_own_each_time_it_comes(practice: Clinic) -> None:
    day = "/hours/holiday?name=Christmas+Day"
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        assert 'href="/hours/holiday?name=Christmas%20Day"' in browser.get("/hours").text
        screen = browser.get(day)
        assert "Friday, December 25, 2026" in screen.text
        times = {"how": "times", "open_1_opens": "09:00", "open_1_closes": "12:00"}
        looked = sent(browser, day, "/hours/holiday/times", **times, look="yes")
        assert (looked.status_code, draft.read(practice.place).step) == (200, 0)
        assert "9:00\u202fAM–12:00\u202fPM" in looked.text
        saved = sent(browser, day, "/hours/holiday/times", **times, say="closed-now")
        assert saved.status_code == 303
        for year in (2026, 2027):
            rule = drafted(practice).hours["office"].holidays[date(year, 12, 25)]
            assert (len(rule.times), rule.say) == (1, "closed-now")
        assert "open 9:00\u202fAM–12:00\u202fPM only" in browser.get("/hours").text
        back = {"how": "closed", "open_1_opens": "", "open_1_closes": "", "say": ""}
        assert sent(browser, day, "/hours/holiday/times", **back).status_code == 303
        assert "Christmas Day" not in draft.read(practice.place).text
        like_others = sent(browser, day, "/hours/holiday/times", how="ordinary")
        assert like_others.status_code == 303
        assert date(2026, 12, 25) not in drafted(practice).hours["office"].holidays
        again = {"token": token_in(browser.get("/hours").text), "section": "hours"}
        step = str(draft.read(practice.place).step)
        assert browser.post("/rooms/undo", data=again | {"step": step}).status_code == 303
        assert "Christmas Day" not in draft.read(practice.place).text


def test_what_is_wrong_with_a_holiday_stands_beside_its_field(practice: Clinic) -> None:
    day = "/hours/holiday?name=Christmas+Day"
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        cut = {"how": "cut", "opens": "16:00", "closes": "15:00"}
        answer = sent(browser, day, "/hours/holiday/times", **cut)
        assert answer.status_code == 422
        assert beside(answer.text, "exception-closes").startswith("It ends before it begins.")
        answer = sent(browser, day, "/hours/holiday/times", how="ordinary", opens="10:00")
        assert "do not belong" in beside(answer.text, "exception-how")
        answer = sent(browser, day, "/hours/holiday/times", how="closed", say="no-such")
        assert "no such prompt" in beside(answer.text, "exception-say")
        assert draft.read(practice.place).step == 0
        assert browser.get("/hours/holiday?name=Nonsense").status_code == 404
