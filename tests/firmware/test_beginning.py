"""A clinic's first admin answers a few questions, and whatever they answer, callers can be led."""

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import firmware
from firmware.beginning import (
    DAYS,
    Answers,
    Menu,
    OnCall,
    Opening,
    Telephone,
    Work,
    begun,
    offered,
    spoken,
)
from firmware.edits import Remove, edited
from firmware.proving import proven
from firmware.settings import nothing_beside

TEMPLATE = (Path(firmware.__file__).parent / "template" / "clinic.toml").read_text("utf-8")
TODAY = date(2026, 11, 25)
DAY = (Opening(time(8), time(12)), Opening(time(13), time(17, 30)))
WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), DAY)
DESK = Telephone("101", "Front desk", "reception", Work.FRONT_DESK)
ANSWERS = Answers(
    clinic="Elm Dental",
    address="4 Elm Road, Springfield",
    number="2025550100",
    timezone="America/Chicago",
    hours=WEEK,
    telephones=(DESK, Telephone("102", "Nurse Kim", "room 2", Work.NURSE)),
    menu=Menu.THREE_DOCTORS,
    on_call=(OnCall("Dr. Ann Lee", "2025550171"), OnCall("Dr. Bo", "2025550172")),
)


def is_sound(text: str) -> None:
    """UnprovenError, with its faults, where it is not."""
    proven(text, nothing_beside, lambda _: datetime(2026, 11, 25, 9, 0, tzinfo=UTC))


@pytest.mark.parametrize("menu", Menu)
@pytest.mark.parametrize("on_call", [ANSWERS.on_call, ()], ids=["somebody on call", "nobody"])
def test_each_menu_can_be_published_as_it_is(menu: Menu, on_call: tuple[OnCall, ...]) -> None:
    text = begun(TEMPLATE, replace(ANSWERS, menu=menu, on_call=on_call), TODAY)
    is_sound(text)
    site = tomllib.loads(text)
    assert site["clinic"]["name"] == "Elm Dental"
    assert site["phones"]["102"]["location"] == "4 Elm Road - Springfield - room 2"
    assert ("oncall" in site) is bool(on_call)
    assert all("{" not in words for words in site["prompts"]["en"].values())


def test_with_one_telephone_every_key_still_rings_somewhere() -> None:
    for menu in Menu:
        is_sound(begun(TEMPLATE, replace(ANSWERS, menu=menu, telephones=(DESK,)), TODAY))


def test_what_the_technician_set_up_stays() -> None:
    before, site = tomllib.loads(TEMPLATE), tomllib.loads(begun(TEMPLATE, ANSWERS, TODAY))
    for section in ("trunks", "dial_rules"):
        assert site[section] == before[section]
    assert site["lines"]["main"] == {**before["lines"]["main"], "flow": "main"}


def test_where_nobody_said_how_to_dial_outside_it_is_nine_and_the_number() -> None:
    text = edited(TEMPLATE, [Remove(("dial_rules",))])
    site = begun(text, ANSWERS, TODAY)
    is_sound(site)
    digits = [(rule["prefix"], rule["digits"]) for rule in tomllib.loads(site)["dial_rules"]]
    assert digits == [("9", 10), ("9", 11)]
    abroad = replace(ANSWERS, country="DE", number="3012345", on_call=(OnCall("Bo", "17212345"),))
    rules = tomllib.loads(begun(text, abroad, TODAY))["dial_rules"]
    assert [rule["digits"] for rule in rules] == [7, 8]


def test_answered_again_the_file_is_the_same() -> None:
    once = begun(TEMPLATE, ANSWERS, TODAY)
    assert begun(once, ANSWERS, TODAY) == once


def test_whom_to_call_at_night_takes_turns_from_this_week_on() -> None:
    site = tomllib.loads(begun(TEMPLATE, ANSWERS, TODAY))
    (layer,) = site["oncall"]["layers"]["first"]
    assert (layer["people"], layer["begins"]) == (["ann-lee", "bo"], date(2026, 11, 23))


def test_two_of_one_name_are_two_people() -> None:
    twins = (OnCall("Dr. Lee", "2025550171"), OnCall("Dr Lee", "2025550172"))
    site = tomllib.loads(begun(TEMPLATE, replace(ANSWERS, on_call=twins), TODAY))
    assert set(site["people"]) == {"lee", "lee-2"}


def test_hours_are_said_as_people_say_them() -> None:
    assert spoken(WEEK) == (
        "We are open Monday through Friday from 8 in the morning until noon"
        " and from 1 in the afternoon until 5 30 in the afternoon"
    )
    late = {"mon": (Opening(time(9), time(19)),), "wed": (Opening(time(9), time(19)),)}
    assert spoken(late) == (
        "We are open Monday from 9 in the morning until 7 in the evening,"
        " Wednesday from 9 in the morning until 7 in the evening"
    )
    assert spoken({}) == "Our hours change from week to week"


def test_every_menu_says_what_it_is() -> None:
    assert [each.menu for each in offered()] == list(Menu)
    assert all(each.title and each.about.endswith(".") for each in offered())


labels = st.text("abcdefghij ÅZ".replace("Å", ""), min_size=1, max_size=12).map(
    lambda text: f"A{text}".strip()
)


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_whatever_is_answered_the_site_is_sound(data: st.DataObject) -> None:
    works = data.draw(st.lists(st.sampled_from(list(Work)), max_size=5))
    telephones = [DESK] + [
        Telephone(str(102 + n), data.draw(labels), data.draw(labels), work)
        for n, work in enumerate(works)
    ]
    days = data.draw(st.lists(st.sampled_from(list(DAYS)), min_size=1, unique=True))
    on_call = [
        OnCall(data.draw(labels), f"20255501{n}{n}") for n in range(data.draw(st.integers(0, 3)))
    ]
    answers = replace(
        ANSWERS,
        clinic=data.draw(labels),
        hours=dict.fromkeys(days, data.draw(st.sampled_from([DAY, DAY[:1]]))),
        telephones=tuple(telephones),
        menu=data.draw(st.sampled_from(list(Menu))),
        on_call=tuple(on_call),
    )
    is_sound(begun(TEMPLATE, answers, TODAY))
