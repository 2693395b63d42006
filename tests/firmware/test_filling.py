"""Parts of the site file as a practice manager fills them in: a slip is told beside its field, what
is right changes its own lines and no others, and whoever is renamed is found wherever they are
named."""

import tomllib
from pathlib import Path

import pytest

from firmware import settings
from firmware.fields import texts_of
from firmware.filling import NAME, document_of, fill, fitted, rename, take_away
from firmware.sections import KEEPING_NAMES, SECTIONS, Section, Shape, places_of

TEMPLATE = Path(settings.__file__).parent / "template" / "clinic.toml"
TEXT = TEMPLATE.read_text("utf-8")
PHONE = {
    NAME: "107",
    "name": "Room 4",
    "location": "12 Maple Street - first floor - room 4",
    "callback": "2025550100",
}


def test_a_new_phone_stands_in_the_file_and_nothing_else_has_changed() -> None:
    done = fill(TEXT, SECTIONS["phones"], None, PHONE)
    assert done.text is not None
    before, after = tomllib.loads(TEXT), tomllib.loads(done.text)
    wanted = {name: text for name, text in PHONE.items() if name != NAME}
    assert after["phones"].pop("107") == wanted
    assert after == before
    assert set(TEXT.splitlines()) <= set(done.text.splitlines())
    assert settings.draft(done.text).faults == ()


def test_a_slip_is_told_beside_its_field_and_changes_nothing() -> None:
    done = fill(TEXT, SECTIONS["phones"], None, PHONE | {NAME: "7", "callback": "none", "name": ""})
    assert done.text is None
    assert set(done.faults) == {NAME, "callback", "name"}
    assert done.faults["name"].cure == "Fill this in."
    assert "2 to 6 digits" in done.faults[NAME].cure
    assert "2025550100" in done.faults["callback"].cure


def test_what_only_the_whole_file_can_see_is_told_beside_its_field_too() -> None:
    phones, queues = SECTIONS["phones"], SECTIONS["queues"]
    assert fill(TEXT, phones, None, PHONE | {NAME: "101"}).faults.keys() == {NAME}
    emergency = fill(TEXT, phones, None, PHONE | {NAME: "911"})
    assert "emergency number" in emergency.faults[NAME].reason
    nobody = fill(TEXT, phones, "104", texts("phones", "104") | {"mailbox": "attic"})
    assert "attic" in nobody.faults["mailbox"].reason
    twice = fill(TEXT, queues, "nurse", texts("queues", "nurse") | {"number": "101"})
    assert twice.faults.keys() == {"number"}
    never = fill(
        TEXT, queues, "front-desk", texts("queues", "front-desk") | {"callbacks.hours": "weekend"}
    )
    assert never.faults.keys() == {"callbacks.hours"}
    where = fill(TEXT, SECTIONS["clinic"], "", texts("clinic", "") | {"timezone": "New York"})
    assert where.faults.keys() == {"timezone"}


def test_one_changed_key_changes_one_line() -> None:
    typed = texts("queues", "front-desk") | {"target_s": "30"}
    done = fill(TEXT, SECTIONS["queues"], "front-desk", typed)
    assert done.text is not None
    before, after = TEXT.splitlines(), done.text.splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == ["target_s = 30"]


@pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS)
def test_a_form_that_is_sent_as_it_came_changes_nothing(section: Section) -> None:
    for name, written in section.parts(document_of(TEXT)):
        fields = fitted(section, document_of(TEXT))
        done = fill(TEXT, section, name, texts_of(fields, written), fields=fields)
        assert (done.text, done.faults) == (TEXT, {}), name


def test_nobody_is_taken_away_who_is_still_named_and_it_says_where() -> None:
    done = take_away(TEXT, SECTIONS["phones"], "103")
    assert done.text is None
    assert "queues.nurse.agents[1]" in done.faults[""].reason
    assert "mailboxes.nurse.lamps[1]" in done.faults[""].reason
    added = fill(TEXT, SECTIONS["phones"], None, PHONE)
    assert added.text is not None
    gone = take_away(added.text, SECTIONS["phones"], "107")
    assert gone.text is not None
    assert tomllib.loads(gone.text) == tomllib.loads(TEXT)
    assert fill(gone.text, SECTIONS["phones"], "107", PHONE).faults.keys() == {""}


NAMED = [
    each
    for each in SECTIONS.values()
    if each.shape is Shape.NAMED and each.name not in KEEPING_NAMES
]


@pytest.mark.parametrize("section", NAMED, ids=[each.name for each in NAMED])
def test_whoever_is_renamed_is_renamed_wherever_they_are_named(section: Section) -> None:
    for name, _ in section.parts(document_of(TEXT)):
        new = "177" if section.name == "phones" else "another"
        done = rename(TEXT, section, name, new)
        assert done.text is not None, (name, done.faults)
        assert settings.draft(done.text).faults == (), name
        document = document_of(done.text)
        assert places_of(document, section.name, name) == []
        places = places_of(document_of(TEXT), section.name, name)
        assert len(places_of(document, section.name, new)) == len(places)


def test_a_name_that_is_taken_or_cannot_be_one_is_refused() -> None:
    assert rename(TEXT, SECTIONS["phones"], "101", "102").faults.keys() == {NAME}
    assert rename(TEXT, SECTIONS["phones"], "101", "911").faults.keys() == {NAME}
    assert rename(TEXT, SECTIONS["queues"], "nurse", "The Nurse").faults.keys() == {NAME}
    assert rename(TEXT, SECTIONS["queues"], "nurse", "nurse").text == TEXT
    sealed = rename(TEXT, SECTIONS["mailboxes"], "nurse", "nurses")
    assert "would be lost" in sealed.faults[NAME].reason


def test_a_rule_is_added_to_the_list_changed_and_taken_away() -> None:
    rules = SECTIONS["dial_rules"]
    new = {"prefix": "8", "digits": "7", "trunk": "telco", "shows": "2025550100"}
    added = fill(TEXT, rules, None, new)
    assert added.text is not None
    assert document_of(added.text)["dial_rules"][2] == new | {"digits": 7}
    changed = fill(added.text, rules, "3", new | {"starts": "555"})
    assert changed.text is not None
    assert document_of(changed.text)["dial_rules"][2]["starts"] == "555"
    gone = take_away(changed.text, rules, "3")
    assert gone.text is not None
    assert document_of(gone.text) == document_of(TEXT)


def test_a_section_that_the_clinic_does_without_is_set_up_and_taken_away() -> None:
    retention = SECTIONS["retention"]
    set_up = fill(TEXT, retention, "", {"messages_days": "60", "delete_by_hand": "on"})
    assert set_up.text is not None
    assert document_of(set_up.text)["retention"] == {"messages_days": 60}
    gone = take_away(set_up.text, retention, "")
    assert gone.text is not None
    assert document_of(gone.text) == document_of(TEXT)


def texts(section: str, name: str) -> dict[str, str]:
    """What stands in the fields of a part of the template."""
    of = SECTIONS[section]
    written = of.part(document_of(TEXT), name)
    assert written is not None
    return texts_of(of.fields, written)
