"""Telephones by a table: what it would add, change and refuse is said line by line before anything
is changed, whatever a spreadsheet has made of it, and no cell of ours is a formula."""

import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import settings as often
from hypothesis import strategies as st

from firmware import settings
from firmware.filling import document_of
from firmware.phone_table import What, preview, table_of

TEXT = (Path(settings.__file__).parent / "template" / "clinic.toml").read_text("utf-8")
THREE = """extension,name,location,callback
107,Room 4,12 Maple Street - room 4,2025550100
108,Room 5,12 Maple Street - room 5,2025550100
101,Reception,12 Maple Street - ground floor - reception left,2025550100
"""


def test_a_table_says_first_what_it_would_do_and_then_does_that_and_no_more() -> None:
    seen = preview(TEXT, THREE)
    assert [(line.extension, line.what, line.changed) for line in seen.lines] == [
        ("107", What.ADDED, ()),
        ("108", What.ADDED, ()),
        ("101", What.CHANGED, ("name",)),
    ]
    assert seen.text is not None
    phones = tomllib.loads(seen.text)["phones"]
    assert phones["101"]["name"] == "Reception"
    assert phones["107"]["location"] == "12 Maple Street - room 4"
    before = tomllib.loads(TEXT)
    before["phones"] |= {name: phones[name] for name in ("101", "107", "108")}
    assert tomllib.loads(seen.text) == before


def test_lines_that_are_wrong_are_refused_each_with_why_and_the_others_stand() -> None:
    table = (
        "extension,name,location,callback,mailbox\r\n"
        "7,Room 4,Here 1,2025550100,\r\n"
        "107,=1+1,Here 1,2025550100,\r\n"
        "108,Room 5,,2025550100,\r\n"
        "911,Room 6,Here 1,2025550100,\r\n"
        "109,Room 7,Here 1,2025550100,attic\r\n"
        "110,Room 8,Here 1,2.03E+09,\r\n"
        "111,Room 9,Here 1,2025550100,nurse,more\r\n"
        "112,Room 10,Here 1,2025550100,nurse\r\n"  # dialled for help
        "114,Room 13,Here 1,2025550100,nurse\r\n"
        "113,Room 11,Here 1,2025550100,nurse\r\n"
        "113,Room 12,Here 1,2025550100,nurse\r\n"
    )
    seen = preview(TEXT, table)
    refused = {
        line.number: sorted(line.faults or {}) for line in seen.lines if line.what is What.REFUSED
    }
    assert refused == {
        2: ["extension"],
        3: ["name"],
        4: ["location"],
        5: ["extension"],
        6: ["mailbox"],
        7: ["callback"],
        8: ["extension"],
        9: ["extension"],
        11: ["extension"],
        12: ["extension"],
    }
    assert seen.count(What.ADDED) == 1
    assert seen.text is not None
    assert tomllib.loads(seen.text)["phones"].keys() - tomllib.loads(TEXT)["phones"] == {"114"}


def test_what_a_spreadsheet_of_another_country_makes_of_a_table_is_read_too() -> None:
    table = "\ufeffExtension;Name;Skills\r\n103;Nurse;spanish = 1; triage = 2\r\n".replace(
        "spanish = 1; triage = 2", '"spanish = 1; triage = 2"'
    )
    seen = preview(TEXT, table)
    assert [line.changed for line in seen.lines] == [("skills",)]
    assert seen.text is not None
    nurse = tomllib.loads(seen.text)["phones"]["103"]
    assert nurse["skills"] == {"spanish": 1, "triage": 2}
    assert nurse["mailbox"] == "nurse", "what the table has no column for stays"


def test_our_own_table_changes_nothing_when_it_is_brought_back() -> None:
    seen = preview(TEXT, table_of(document_of(TEXT)))
    assert {line.what for line in seen.lines} == {What.SAME}
    assert len(seen.lines) == 6
    assert (seen.text, seen.fault) == (None, None)


def test_what_is_ticked_of_a_telephone_is_a_yes_or_nothing_in_its_cell() -> None:
    secured = TEXT.replace("[phones.103]", "[phones.103]\nsecure = true")
    ours = table_of(document_of(secured))
    assert {line.what for line in preview(secured, ours).lines} == {What.SAME}
    seen = preview(secured, "extension,secure,browser\n103,FALSE,no\n104,Yes,\n")
    assert [line.changed for line in seen.lines] == [("secure",), ("secure",)]
    assert seen.text is not None
    phones = tomllib.loads(seen.text)["phones"]
    assert not phones["103"].get("secure")
    assert phones["104"]["secure"] is True
    assert "browser" not in phones["104"]


def test_no_cell_of_ours_is_a_formula() -> None:
    document = {"phones": {"101": {"name": "=1+1", "location": "@x", "callback": "+12025550100"}}}
    _, line = table_of(document).splitlines()
    assert line.split(",")[:4] == ["101", "'=1+1", "'@x", "'+12025550100"]
    table = "extension,callback\n101,'+12025550100\n"
    seen = preview(TEXT, table)
    assert seen.text is not None
    assert tomllib.loads(seen.text)["phones"]["101"]["callback"] == "+12025550100"


def test_what_is_no_table_of_telephones_is_said_not_to_be() -> None:
    for text in ("", "hello", "name,location\nx,y\n", "extension,fax\n1,2\n", 'extension\n"'):
        assert preview(TEXT, text).text is None
    assert preview(TEXT, "hello").fault is not None
    many = "extension\n" + "".join(f"{number}\n" for number in range(1000, 1300))
    assert "too many" in str(preview(TEXT, many).fault)


@often(max_examples=30)
@given(st.text(max_size=60) | st.text("extnsio,;\t\"'\n\r10=", max_size=60))
def test_whatever_is_brought_is_answered(table: str) -> None:
    preview(TEXT, f"extension,name\n{table}")
    preview(TEXT, table)
