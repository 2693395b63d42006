"""People and phones on the page: forms made from the site file's own models, a slip beside its
field, a draft that two people do not write over each other, a table with its preview, two sheets.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from firmware import draft, trunk_watch
from firmware.fields import Field
from firmware.filling import document_of
from firmware.forms import described
from firmware.lines_desk import LineNow
from firmware.operations import Role
from firmware.sections import SECTIONS, Shape
from firmware.web.room_form import plain
from firmware.web.room_words import CALLED, CHOICES, FIELDS, GROUPS
from firmware.web.words import Words
from tests.web.clinic import Clinic, named, token_in
from tests.web.exchanging import exchange_of

PHONE = {
    "called": "107",
    "name": "Room 4",
    "location": "12 Maple Street - room 4",
    "callback": "2025550100",
}


@pytest.fixture
def admin(clinic: Clinic) -> Iterator[TestClient]:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        yield browser


def send(
    browser: TestClient, path: str, typed: dict[str, str], seen: str = "/rooms/phones/new"
) -> Response:
    """A form, as the screen that has it was drawn."""
    shown = browser.get(seen).text
    step = re.search(r'name="step" value="(\d+)"', shown)
    assert step, shown
    hidden = {"token": token_in(shown), "step": step[1]}
    return browser.post(path, data=hidden | typed)


def drafted(clinic: Clinic) -> dict[str, object]:
    return dict(document_of(draft.read(clinic.place).text))


def test_each_section_has_its_list_and_its_form_in_both_languages(
    clinic: Clinic, admin: TestClient
) -> None:
    for path in [
        "/rooms",
        *(f"/rooms/{name}" for name in SECTIONS),
        *(f"/rooms/{each.name}/new" for each in SECTIONS.values() if each.shape is not Shape.ONE),
        *(
            f"/rooms/{each.name}/part/{name}"
            for each in SECTIONS.values()
            if each.shape is not Shape.ONE
            for name, _ in each.parts(document_of(clinic.place.site_file.read_text("utf-8")))
        ),
        "/rooms/phones/bring",
        "/rooms/sheets/extensions",
        "/rooms/sheets/wall",
    ]:
        answer = admin.get(path)
        assert answer.status_code == 200, path
    assert admin.get("/rooms/flows").status_code == 404
    assert admin.get("/rooms/phones/part/999").status_code == 404


def test_a_phone_with_a_slip_is_told_beside_the_field_and_what_was_typed_is_still_there(
    clinic: Clinic, admin: TestClient
) -> None:
    before = drafted(clinic)
    wrong = send(admin, "/rooms/phones/new", PHONE | {"callback": "none", "called": "101"})
    assert wrong.status_code == 422
    assert 'value="Room 4"' in wrong.text
    assert 'id="of-callback-fault">This does not fit. Use the digits' in wrong.text
    assert 'id="of-called-fault">This name is taken. Choose another.' in wrong.text
    assert drafted(clinic) == before

    right = send(admin, "/rooms/phones/new", PHONE)
    assert (right.status_code, right.headers["location"]) == (303, "/rooms/phones")
    assert "Room 4" in admin.get("/rooms/phones").text
    assert "107" not in clinic.place.site_file.read_text("utf-8"), "only the draft has changed"


def test_a_part_is_changed_renamed_and_taken_away_and_that_is_undone(
    clinic: Clinic, admin: TestClient
) -> None:
    send(admin, "/rooms/phones/new", PHONE)
    here = "/rooms/phones/part/107"
    changed = {name: text for name, text in PHONE.items() if name != "called"} | {"name": "Room 5"}
    assert send(admin, here, changed, here).status_code == 303
    assert drafted(clinic)["phones"]["107"]["name"] == "Room 5"  # type: ignore[index]
    assert send(admin, f"{here}/rename", {"called": "108"}, here).status_code == 303
    there = "/rooms/phones/part/108"
    assert send(admin, f"{there}/rename", {"called": "911"}, there).status_code == 422
    assert send(admin, f"{there}/take-away", {}, there).status_code == 303
    assert "108" not in drafted(clinic)["phones"]  # type: ignore[operator]
    assert "Undo the last change" in admin.get("/rooms/phones").text
    undone = send(admin, "/rooms/undo", {"section": "phones"})
    assert undone.headers["location"] == "/rooms/phones"
    assert "108" in drafted(clinic)["phones"]  # type: ignore[operator]
    assert "Do it again" in admin.get("/rooms/phones").text
    assert send(admin, "/rooms/redo", {"section": "//evil"}).headers["location"] == "/rooms"
    assert "108" not in drafted(clinic)["phones"]  # type: ignore[operator]
    assert send(admin, "/rooms/redo", {}).status_code == 409
    used = send(admin, "/rooms/phones/part/101/take-away", {}, "/rooms/phones/part/101")
    assert used.status_code == 422
    assert "still named by" in used.text


def test_a_telephone_card_is_set_up_by_its_channels_and_a_slip_is_told_in_the_clinic_s_words(
    clinic: Clinic, admin: TestClient
) -> None:
    card = {"called": "wall", "card.channels": "1-4", "card.kind": "fxo", "emergency": "on"}
    new = "/rooms/trunks/new"
    assert send(admin, new, card, new).status_code == 303
    assert drafted(clinic)["trunks"]["wall"] == {"card": {"channels": "1-4"}}  # type: ignore[index]
    shown = admin.get("/rooms/trunks/part/wall").text
    assert "Telephone card in the box, for experts" in shown
    wrong = send(admin, new, card | {"called": "more", "card.channels": "four"}, new)
    assert wrong.status_code == 422
    assert "Write channels as dahdi_scan counts them, like 1-4." in wrong.text
    beside = send(admin, new, card | {"called": "more", "card.channels": "5-8"}, new)
    assert 'id="of-card-group-fault">Its group is another card&#39;s too. Give' in beside.text
    assert "Give each card a group of its own." in beside.text


def test_whoever_was_overtaken_is_told_by_whom_and_nothing_typed_is_lost(
    clinic: Clinic, admin: TestClient
) -> None:
    shown = admin.get("/rooms/phones/new").text
    with clinic.browser() as other:
        clinic.sign_in(other, named(Role.TECHNICIAN))
        send(other, "/rooms/phones/new", PHONE | {"called": "109"})
    hidden = {"token": token_in(shown), "step": "0"}
    late = admin.post("/rooms/phones/new", data=hidden | PHONE)
    assert late.status_code == 409
    assert "the technician has changed the draft meanwhile" in late.text
    assert 'value="Room 4"' in late.text
    step = re.search(r'name="step" value="(\d+)"', late.text)
    assert step
    again = admin.post("/rooms/phones/new", data=hidden | {"step": step[1]} | PHONE)
    assert again.status_code == 303
    assert {"107", "109"} <= set(drafted(clinic)["phones"])  # type: ignore[call-overload]


def test_a_table_is_shown_first_and_taken_over_by_one_press_and_one_undo_takes_it_back(
    clinic: Clinic, admin: TestClient
) -> None:
    table = (
        "extension,name,location,callback\n107,Room 4,Here 4,2025550100\n"
        "108,Room 5,Here 5,2025550100\n109,=cmd(),Here 6,2025550100\n"
    )
    before = drafted(clinic)
    seen = send(admin, "/rooms/phones/bring", {"table": table})
    assert "2 are added, 0 are changed, 0 stay as they are, 1 are refused." in seen.text
    assert "Use up to 80 letters" in seen.text
    assert drafted(clinic) == before
    taken = send(admin, "/rooms/phones/bring/take", {"table": table})
    assert taken.status_code == 303
    assert {"107", "108"} <= set(drafted(clinic)["phones"])  # type: ignore[call-overload]
    send(admin, "/rooms/undo", {})
    assert drafted(clinic) == before
    along = admin.get("/rooms/phones/table.csv")
    assert along.text.startswith("\ufeffextension,name,location,callback")


def test_the_sheets_say_who_is_where_and_that_it_is_a_draft(
    clinic: Clinic, admin: TestClient
) -> None:
    assert "This is the draft" not in admin.get("/rooms/sheets/extensions").text
    send(admin, "/rooms/phones/new", PHONE)
    sheet = admin.get("/rooms/sheets/extensions").text
    assert "Room 4" in sheet
    assert "This is the draft" in sheet
    wall = admin.get("/rooms/sheets/wall").text
    assert "dial 911 at any telephone" in wall
    assert "*3" in wall


def test_the_wall_sheet_tells_how_the_door_opens_where_there_is_one(
    clinic: Clinic, admin: TestClient
) -> None:
    assert "*35" not in admin.get("/rooms/sheets/wall").text
    panel = '\n[panel]\nboard = "/dev/serial/by-id/usb-board"\ndoor = "relay1"\n'
    site = clinic.place.site_file.read_text("utf-8") + panel
    clinic.place.site_file.write_text(site, "utf-8")
    assert "*35" in admin.get("/rooms/sheets/wall").text


def test_the_wall_sheet_warns_where_a_modem_alone_takes_emergency_calls(
    clinic: Clinic, admin: TestClient
) -> None:
    """Also where there is a trunk, but one that cannot take them."""
    modem = """
[modems.mobile]
port = "/dev/serial/by-path/pci-0-usb-0:1:1.2-port0"
voice = "/dev/serial/by-path/pci-0-usb-0:1:1.1-port0"
"""
    site = clinic.place.site_file.read_text("utf-8") + modem
    clinic.place.site_file.write_text(site, "utf-8")
    assert "it may fail" not in admin.get("/rooms/sheets/wall").text
    without = site.replace("[trunks.telco]", "[trunks.telco]\nemergency = false")
    clinic.place.site_file.write_text(without, "utf-8")
    assert "it may fail" in admin.get("/rooms/sheets/wall").text


def test_whoever_may_not_configure_sees_none_of_it(clinic: Clinic) -> None:
    for role in (Role.FRONT_DESK, Role.NURSE, Role.PROVIDER, Role.AUDITOR):
        with clinic.browser() as browser:
            clinic.sign_in(browser, named(role))
            for path in ("/rooms", "/rooms/phones", "/rooms/sheets/wall", "/rooms/phones/bring"):
                assert browser.get(path).status_code == 403, role


def test_every_field_and_every_cure_has_its_words_in_both_languages() -> None:
    spanish = Words.of("es")
    assert set(CALLED) == set(SECTIONS) == {name for _, names in GROUPS for name in names}
    for section in SECTIONS.values():
        cures = {described(section.names)} if section.shape is Shape.NAMED else set()
        for name, field in every(section.name, section.fields):
            label, _ = FIELDS[name]
            assert label
            assert {each for each in field.choices if each not in CHOICES} == set()
            cures.add(field.cure)
        for cure in cures:
            assert not set('"[{') & set(plain(cure)), cure
            assert spanish.told(plain(cure)) != plain(cure)


def every(before: str, fields: tuple[Field, ...]) -> Iterator[tuple[str, Field]]:
    for field in fields:
        name = f"{before}.{field.name.rpartition('.')[2]}"
        yield name, field
        yield from every(name, field.inside)


REFUSED = LineNow(
    line="main",
    kind="signs in",
    by="telco",
    numbers=("2025550100",),
    leads_to="flow main",
    state="alarm",
    detail=trunk_watch.REFUSED,
    cure=trunk_watch.REFUSED_CURE,
    in_use=2,
    last_call="2026-03-02T13:30:00+00:00",
)


def test_how_each_line_stands_is_told_beside_the_lines_with_the_screen_that_mends_it(
    clinic: Clinic,
) -> None:
    clinic.clock.now = datetime.now(UTC)
    with exchange_of(clinic.place) as exchange, clinic.browser("es") as browser:
        exchange.lines.append(REFUSED)
        clinic.sign_in(browser, named(Role.ADMIN))
        shown = browser.get("/rooms/lines").text
        assert "la compañía telefónica no deja entrar al equipo" in shown
        assert '<a href="/rooms/trunks">' in shown
        assert "8:30" in shown


def test_without_an_exchange_the_lines_are_listed_all_the_same(admin: TestClient) -> None:
    assert admin.get("/rooms/lines").status_code == 200
