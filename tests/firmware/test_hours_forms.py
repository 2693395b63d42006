"""Hours and rotations as a clinic fills them in: what becomes of the site file's text, and what is
told beside which field."""

from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from firmware import exception_form, rota_form, schedule_form, settings, times_form
from firmware.closures_ahead import closures_ahead
from firmware.filling import Filled, Told, document_of, rename, take_away
from firmware.rota_form import Kind
from firmware.schedule_form import HOLIDAYS, LIKE_MONDAY, SCHEDULES
from firmware.web.words import Words
from ivr.hours import answer
from ivr.oncall import gaps, on_call, shifts
from ivr.plan import Plan

TEMPLATE = (Path(settings.__file__).parent / "template/clinic.toml").read_text("utf-8")
NEW_YORK = ZoneInfo("America/New_York")
EVERY_NIGHT = {
    "only-1-day": "weekdays", "only-1-opens": "17:00", "only-1-closes": "08:00",
    "only-2-day": "weekend", "only-2-opens": "08:00", "only-2-closes": "08:00",
}  # fmt: skip


def office(text: str = TEMPLATE) -> dict[str, str]:
    """What stands in the fields of the template's hours."""
    return schedule_form.texts_of(SCHEDULES.part(document_of(text), "office") or {})


def first_rotation(text: str = TEMPLATE) -> dict[str, str]:
    return rota_form.texts_of(rota_form.rotation_of(document_of(text), "first", 0) or {})


def plan_of(filled: Filled) -> Plan:
    assert filled.faults == {}
    assert filled.text is not None
    return settings.read(filled.text)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def reasons(filled: Filled) -> dict[str, str]:
    assert filled.text is None
    return {name: told.reason for name, told in filled.faults.items()}


# ---- the week ----


def test_whoever_opens_a_form_and_saves_it_changes_nothing() -> None:
    assert schedule_form.fill(TEMPLATE, "office", office()).text == TEMPLATE
    assert rota_form.fill(TEMPLATE, "first", 0, Kind.TURNS, first_rotation()).text == TEMPLATE
    eve = exception_form.exception_of(document_of(TEMPLATE), "office", 0)
    assert eve is not None
    texts = exception_form.texts_of(eve, 2026)
    assert exception_form.fill(TEMPLATE, "office", 0, texts).text == TEMPLATE
    common = rota_form.common_texts(document_of(TEMPLATE))
    assert rota_form.fill_common(TEMPLATE, common).text == TEMPLATE


def test_a_week_with_a_long_tuesday_a_lunch_and_a_free_friday_keeps_all_else() -> None:
    texts = office() | {
        "tue-2-opens": "18:00", "tue-2-closes": "00:00", "fri-1-opens": "", "fri-1-closes": "",
        "lunch-1-opens": "12:00", "lunch-1-closes": "13:00",
    }  # fmt: skip
    filled = schedule_form.fill(TEMPLATE, "office", texts)
    hours = plan_of(filled).hours["office"]
    assert answer(hours, local("2026-12-01 23:59")).is_open
    assert not answer(hours, local("2026-12-01 12:30")).is_open
    assert not answer(hours, local("2026-12-04 10:00")).is_open
    assert filled.text is not None
    assert "# once; the holidays below come by themselves" in filled.text
    assert hours.exceptions == settings.read(TEMPLATE).hours["office"].exceptions


def test_the_next_twelve_closures_follow_the_week_that_was_filled_in() -> None:
    """Thanksgiving is a Thursday, and no closure for whoever never opens then."""
    free = office() | {"thu-1-opens": "", "thu-1-closes": "", "sat-1-opens": "09:00"}
    free |= {"sat-1-closes": "12:00"}
    hours = plan_of(schedule_form.fill(TEMPLATE, "office", free)).hours["office"]
    found = list(islice(closures_ahead(hours, date(2026, 11, 18)), 12))
    assert len(found) == 12
    days = [each.first for each in found]
    assert date(2026, 11, 26) not in days
    assert date(2027, 12, 25) in days  # a Saturday
    keeps_none = {name: text for name, text in office().items() if name != HOLIDAYS}
    hours = plan_of(schedule_form.fill(TEMPLATE, "office", keeps_none)).hours["office"]
    names = {each.rule.name for each in closures_ahead(hours, date(2026, 11, 18))}
    assert names == {"Christmas Eve", ""}


def test_each_wrong_time_is_told_beside_its_day() -> None:
    texts = office() | {
        "mon-1-closes": "07:00", "tue-2-opens": "16:00", "tue-2-closes": "18:00",
        "wed-1-closes": "", "thu-1-opens": "8am", "lunch-1-opens": "13:00",
        "lunch-1-closes": "12:00",
    }  # fmt: skip
    assert reasons(schedule_form.fill(TEMPLATE, "office", texts)) == {
        "mon": "It ends before it begins.",
        "tue": "Two of these times overlap.",
        "wed": "One of the two times is missing.",
        "thu": "This is no time.",
        "lunch": "It ends before it begins.",
    }


def test_four_days_are_like_monday_by_one_tick() -> None:
    texts = schedule_form.as_meant(
        office() | {"mon-1-opens": "07:00", "wed-2-opens": "16:00", LIKE_MONDAY: "on"}
    )
    hours = plan_of(schedule_form.fill(TEMPLATE, "office", texts)).hours["office"]
    assert {(span.weekday, span.opens.hour) for span in hours.spans} == {(n, 7) for n in range(5)}


def test_a_second_schedule_is_added_renamed_where_it_is_named_and_taken_away() -> None:
    filled = schedule_form.fill(TEMPLATE, None, office() | {"called": "lab"})
    assert set(plan_of(filled).hours) == {"office", "lab"}
    assert filled.text is not None
    assert take_away(filled.text, SCHEDULES, "lab").text == TEMPLATE
    renamed = plan_of(rename(TEMPLATE, SCHEDULES, "office", "practice"))
    assert renamed.rota is not None
    assert (set(renamed.hours), renamed.rota.outside) == ({"practice"}, "practice")
    assert renamed.hours["practice"].exceptions[0].rule.name == "Christmas Eve"
    assert "still named by" in reasons(take_away(TEMPLATE, SCHEDULES, "office"))[""]
    for name, why in (("office", "taken"), ("Our Lab!", "cannot be a name"), ("", "Nothing is")):
        told = reasons(schedule_form.fill(TEMPLATE, None, office() | {"called": name}))
        assert why in told["called"]
    assert "" in reasons(schedule_form.fill(TEMPLATE, "gone", office()))


# ---- exceptions ----


EXCEPTION = {"name": "Fog", "first": "2026-11-30", "how": "cut", "opens": "10:00"}


def test_a_day_opens_late_with_a_prompt_of_the_clinic_s_own() -> None:
    filled = exception_form.fill(TEMPLATE, "office", None, EXCEPTION | {"say": "closed-now"})
    hours = plan_of(filled).hours["office"]
    early = answer(hours, local("2026-11-30 09:00"))
    assert (early.is_open, early.why.say) == (False, "closed-now")
    assert answer(hours, local("2026-11-30 16:59")).is_open
    assert not answer(hours, local("2026-11-30 17:00")).is_open
    assert filled.text is not None
    changed = EXCEPTION | {"how": "times", "opens": "", "open-1-opens": "09:00"}
    changed |= {"open-1-closes": "11:00", "last": "2026-12-01"}
    again = exception_form.fill(filled.text, "office", 1, changed)
    hours = plan_of(again).hours["office"]
    assert answer(hours, local("2026-12-01 10:00")).is_open
    assert not answer(hours, local("2026-12-01 12:00")).is_open
    assert answer(hours, local("2026-12-01 12:00")).why.say is None


def test_a_yearly_exception_goes_round_the_new_year() -> None:
    winter = {"name": "Winter", "first": "2026-12-28", "last": "2027-01-02", "yearly": "on"}
    hours = plan_of(exception_form.fill(TEMPLATE, "office", None, winter)).hours["office"]
    assert answer(hours, local("2029-12-31 10:00")).why.name == "Winter"
    leap = exception_form.texts_of({"name": "x", "on": "02-29"}, 2026)
    assert (leap["first"], leap["how"]) == ("2028-02-29", "closed")


@pytest.mark.parametrize(
    ("typed", "where", "reason"),
    [
        ({"name": ""}, "name", "Nothing is written here."),
        ({"first": ""}, "first", "Nothing is written here."),
        ({"first": "tomorrow"}, "first", "This is no day."),
        ({"last": "2026-11-29"}, "last", "The last day is before the first one."),
        ({"opens": ""}, "opens", "No time is filled in."),
        ({"closes": "09:00"}, "closes", "It ends before it begins."),
        ({"opens": "ten"}, "opens", "This is no time."),
        ({"how": "closed"}, "how", "Times are filled in that do not belong to this."),
        ({"how": "times", "opens": ""}, "open", "No time is filled in."),
        ({"say": "nobody-spoke-it"}, "say", "There is no such prompt."),
    ],
)
def test_what_is_wrong_with_an_exception_is_told_beside_its_field(
    typed: dict[str, str], where: str, reason: str
) -> None:
    filled = exception_form.fill(TEMPLATE, "office", None, EXCEPTION | typed)
    assert reasons(filled).get(where) == reason


# ---- rotations ----


def test_three_take_three_days_each_at_night_and_are_missed_on_thanksgiving_day_alone() -> None:
    texts = first_rotation() | {"days": "3", "hand_off": "17:00", "person-4": "alvarez"}
    rota = plan_of(rota_form.fill(TEMPLATE, "first", 0, Kind.TURNS, texts | EVERY_NIGHT)).rota
    assert rota is not None
    start, end = (datetime(2026, 11, day, 22, tzinfo=UTC) for day in (24, 30))
    found = [each.duty.person for each in shifts(rota, "first", start, end) if each.duty.person]
    assert len(set(found)) >= 2
    office_hours = settings.read(TEMPLATE).hours["office"]
    (gap,) = gaps(rota, office_hours, start, end)
    assert (gap.start.astimezone(NEW_YORK), gap.instead) == (local("2026-11-26 08:00"), "chen")
    texts |= {"only-3-day": "holidays", "only-3-opens": "08:00", "only-3-closes": "17:00"}
    covered = plan_of(rota_form.fill(TEMPLATE, "first", 0, Kind.TURNS, texts | EVERY_NIGHT)).rota
    assert covered is not None
    assert gaps(covered, office_hours, start, end) == []
    assert on_call(rota, "first", local("2026-11-25 10:00").astimezone(UTC)).person is None


def test_a_second_rotation_takes_what_the_first_leaves_and_goes_again() -> None:
    by_weekday = {"sat": "chen", "sun": "brandt", "hand_off": "08:00"}
    filled = rota_form.fill(TEMPLATE, "second", None, Kind.WEEKDAYS, by_weekday)
    rota = plan_of(filled).rota
    assert rota is not None
    assert len(rota.layers["second"]) == 2
    assert filled.text is not None
    assert rota_form.take_away(filled.text, "second", 1).text == TEMPLATE
    moved = plan_of(rota_form.sooner(filled.text, "second", 1)).rota
    assert moved is not None
    assert moved.layers["second"] == rota.layers["second"][::-1]
    assert rota_form.sooner(filled.text, "second", 0).text == filled.text
    assert "" in reasons(rota_form.sooner(filled.text, "second", 2))
    turned = rota_form.fill(TEMPLATE, "first", 0, Kind.WEEKDAYS, by_weekday)
    rota = plan_of(turned).rota
    assert rota is not None
    saturday = local("2026-11-28 12:00").astimezone(UTC)
    assert on_call(rota, "first", saturday).person == "chen"


def test_layers_are_added_renamed_and_tried_in_another_order() -> None:
    texts = first_rotation() | {"called": "third"}
    filled = rota_form.fill(TEMPLATE, None, None, Kind.TURNS, texts)
    rota = plan_of(filled).rota
    assert rota is not None
    assert list(rota.layers) == ["first", "second", "third"]
    assert filled.text is not None
    rota = plan_of(rota_form.sooner(filled.text, "third")).rota
    assert rota is not None
    assert list(rota.layers) == ["first", "third", "second"]
    plan = plan_of(rota_form.rename(TEMPLATE, "second", "backup"))
    assert plan.rota is not None
    assert list(plan.rota.layers) == ["first", "backup"]
    assert rota_form.take_away(filled.text, "third", 0).text == TEMPLATE
    assert "still named by" in reasons(rota_form.take_away(TEMPLATE, "first", 0))[""]
    assert "taken" in reasons(rota_form.rename(TEMPLATE, "first", "second"))["called"]


def test_a_clinic_without_any_rota_gets_its_first() -> None:
    start, end = TEMPLATE.index("[oncall] "), TEMPLATE.index("[queues.front-desk]")
    bare = (TEMPLATE[:start] + TEMPLATE[end:]).replace('oncall = ["first", "second"]', "")
    assert settings.read(bare).rota is None
    texts = first_rotation() | {"called": "first"}
    told = reasons(rota_form.fill(bare, None, None, Kind.TURNS, texts))
    assert told == {"last_resort": "Nothing is written here."}
    texts |= {"last_resort": "answering-service"}
    filled = rota_form.fill(bare, None, None, Kind.TURNS, texts)
    rota = plan_of(filled).rota
    assert rota is not None
    assert (list(rota.layers), rota.last_resort) == (["first"], "answering-service")
    assert filled.text is not None
    assert settings.read(rota_form.take_away(filled.text, "first", 0).text or "").rota is None


def test_what_is_wrong_with_a_rotation_is_told_beside_its_field() -> None:
    wrong = {"called": "first", "days": "61", "begins": "soon", "only-1-opens": "17:00"}
    told = reasons(rota_form.fill(TEMPLATE, None, None, Kind.TURNS, wrong))
    assert told == {
        "called": "This name is taken.",
        "people": "Nobody is named.",
        "days": "This does not fit.",
        "begins": "This is no day.",
        "hand_off": "Nothing is written here.",
        "only": "One of the two times is missing.",
    }
    nobody = {"mon": "smith", "hand_off": "08:00"}
    told = reasons(rota_form.fill(TEMPLATE, "first", 0, Kind.WEEKDAYS, nobody))
    assert told == {"mon": 'there is no "smith" in [people]'}
    assert reasons(rota_form.fill(TEMPLATE, "first", 7, Kind.TURNS, first_rotation()))[""]


@pytest.mark.parametrize("days", ["0", "61", "0060" + "9" * 5000, "-7", "7.5", "٧", "a week"])
def test_a_turn_is_one_to_sixty_days_however_many_digits_are_typed(days: str) -> None:
    filled = rota_form.fill(TEMPLATE, "first", 0, Kind.TURNS, first_rotation() | {"days": days})
    assert reasons(filled) == {"days": "This does not fit."}


def test_what_is_for_all_layers_is_changed_alone() -> None:
    common = rota_form.common_texts(document_of(TEMPLATE))
    filled = rota_form.fill_common(TEMPLATE, common | {"ring_s": "30", "outside": ""})
    rota = plan_of(filled).rota
    assert rota is not None
    assert (rota.ring_s, rota.outside) == (30, None)
    told = reasons(rota_form.fill_common(TEMPLATE, common | {"ring_s": "3", "last_resort": ""}))
    assert set(told) == {"ring_s", "last_resort"}


def test_what_these_forms_say_is_wrong_has_its_spanish() -> None:
    spanish = Words.of("es")
    found = [
        text
        for module in (times_form, schedule_form, exception_form, rota_form)
        for told in vars(module).values()
        if isinstance(told, Told)
        for text in (told.reason, told.cure)
        if text
    ]
    assert len(found) > 30
    assert [each for each in found if spanish.told(each) == each] == []
