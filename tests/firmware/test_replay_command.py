"""`careline replay`, before a changed site is put in force."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from typer.testing import CliRunner, Result

from firmware import elsewhere, settings
from firmware.cli.replay import app
from firmware.elsewhere import Elsewhere, Moved
from firmware.ledger import Ledger
from firmware.machine import MachineKey
from firmware.place import Place
from ivr.replay import Compared, Way
from tests.firmware.by_hand import SITE
from tests.firmware.diary import Diary

NURSES = SITE.replace('choices = { 1 = "desk"', 'choices = { 1 = "message"')


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A published site whose ledger has three calls of yesterday: two answered, one hung up."""
    place = Place(tmp_path_factory.mktemp("replay"))
    place.site_file.write_text(SITE, "utf-8")
    diary = Diary(datetime.now(UTC) - timedelta(days=1), settings.read(SITE))
    for name in ("anna", "bert"):
        diary.calls(name, "1")
        diary.waits(3)
        diary.talks(name)
        diary.waits(60)
        diary.leaves(name)
    diary.calls("carl")
    diary.leaves("carl")
    ledger = Ledger(place.calls_db, place.ledger_log, MachineKey(b"k" * 32))
    ledger.submit(diary.rows).result(60)
    ledger.close()
    return place


def replay(place: Place, *words: str) -> Result:
    env = {"CARELINE_HOME": str(place.home), "COLUMNS": "200"}
    return CliRunner().invoke(app, list(words), env=env)


def test_by_the_site_in_force_all_calls_go_the_same_way(place: Place) -> None:
    said = replay(place)
    assert (said.exit_code, said.output.strip()) == (0, "All 3 calls would go the same way.")


def test_a_changed_menu_shows_whose_call_would_go_elsewhere_and_where(place: Place) -> None:
    changed = place.home / "changed.toml"
    changed.write_text(NURSES, "utf-8")
    said = replay(place, str(changed))
    assert said.exit_code == 0
    assert "2 of 3 calls would go elsewhere" in said.output
    assert "2 × menu main/menu → queue main/desk → answered" in said.output
    assert "⇒ menu main/menu → message main/message" in said.output
    found = json.loads(replay(place, str(changed), "--json").stdout)
    assert [one["call"] for one in found["elsewhere"]] == ["anna", "bert"]


def test_whoever_is_about_to_publish_reads_from_where_to_where_and_how_many(place: Place) -> None:
    seen: list[tuple[int, int]] = []
    found = elsewhere.look(
        place, settings.read(NURSES), progress=lambda *counted: seen.append(counted)
    )
    assert list(elsewhere.in_words(found)) == [
        "2 of 3 calls of the last 30 days would go elsewhere",
        "2 calls went on to the queue `main/desk` and would go on to the message `main/message`",
    ]
    assert [each.call for each in found.moved] == ["anna", "bert"]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    same = elsewhere.look(place, settings.read(SITE))
    assert list(elsewhere.in_words(same)) == [
        "All 3 calls of the last 30 days would go the same way"
    ]


def test_when_the_time_is_over_it_is_said_how_many_of_the_newest_were_looked_at(
    place: Place,
) -> None:
    clock = count(0.0, 1.0)
    found = elsewhere.look(place, settings.read(NURSES), within_s=3, now=lambda: next(clock))
    assert (found.looked_at, found.calls) == (2, 3)
    assert [each.call for each in found.moved] == ["bert"]
    assert list(elsewhere.in_words(found))[:2] == [
        "1 of 2 calls of the last 30 days would go elsewhere",
        "The newest 2 of 3 calls were looked at; time was over",
    ]
    changed = place.home / "changed.toml"
    changed.write_text(NURSES, "utf-8")
    assert "The newest 0 of 3 calls" in replay(place, str(changed), "--within", "0").output


def test_calls_that_would_ring_another_phone_or_end_otherwise_are_told_so() -> None:
    def moved(*ways: tuple[tuple[str, ...], str | None]) -> Moved:
        was, becomes = (Way(*way) for way in ways)
        return Moved("a", datetime.now(UTC), Compared(was, becomes))

    told = elsewhere.partings(
        Elsewhere(
            30,
            3,
            3,
            (
                moved(
                    (("menu main/menu", "phone 101"), None), (("menu main/menu", "phone 102"), None)
                ),
                moved((("hangup a/b",), "self_served"), (("hangup a/b",), "message")),
                moved((("hangup a/b",), "message"), ((), None)),
            ),
        )
    )
    assert sorted(told) == [
        "1 call ended as self_served and would end as message",
        "1 call rang phone 101 and would ring phone 102",
        "1 call went on to the hangup `a/b` and would go no further",
    ]


def test_calls_of_days_nobody_asked_about_are_left_alone(place: Place) -> None:
    assert "All 0 calls" in replay(place, "--days", "0").output


def test_a_site_file_that_is_not_there_or_has_faults_is_refused_in_words(place: Place) -> None:
    assert "there is no" in replay(place, str(place.home / "none.toml")).output
    broken = place.home / "broken.toml"
    broken.write_text(SITE.replace("patience_s = 60", "patience_s = 0"), "utf-8")
    said = replay(place, str(broken))
    assert said.exit_code == 1
    assert "careline check" in said.output
