"""Published versions: kept, listed, compared, and published again only if they would be today."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from firmware import settings, spoken_before, trial, versions
from firmware.asterisk.publish import point_current
from firmware.cli.site import FAULTY
from firmware.cli.versions import app
from firmware.place import Place
from tests.firmware import published
from tests.firmware.by_hand import SITE

SUMMER = SITE.replace('choices = { 1 = "desk"', 'choices = { 1 = "message"')


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def typed(place: Place, *words: str) -> Result:
    env = {"CARELINE_HOME": str(place.home), "COLUMNS": "200"}
    return CliRunner().invoke(app, ["versions", *words], env=env)


def test_versions_are_listed_with_who_when_and_under_which_name_and_shown_as_published(
    place: Place,
) -> None:
    assert "nothing has been published" in typed(place).output
    published.publish(place, SITE)
    published.publish(place, SUMMER, "summer hours")
    newest, oldest = typed(place).output.splitlines()[1:]
    assert newest.split()[:3] == ["2", "summer", "hours"]
    assert "2026-11-22" in newest
    assert "maria" in newest
    assert newest.rstrip().endswith("in force")
    assert "in force" not in oldest
    assert typed(place, "show", "1").stdout == SITE
    assert "there is no version 7" in typed(place, "show", "7").output


def test_two_versions_are_compared_in_words(place: Place) -> None:
    published.publish(place, SITE)
    published.publish(place, SUMMER)
    said = typed(place, "compare", "1", "2").output
    assert "Key 1 of the menu `main/menu` now leads to `message`; before, to `desk`" in said
    assert "now leads to `desk`; before, to `message`" in typed(place, "compare", "2", "1").output
    assert "They are the same" in typed(place, "compare", "2", "2").output
    draft = place.home / "draft.toml"
    draft.write_text(SUMMER.replace("patience_s = 60", "patience_s = 90"), "utf-8")
    said = typed(place, "compare", "2", str(draft)).output
    assert "The queue `main/desk`, callers wait at most: 90 s; before, 60 s" in said


BACKUP = '[backup]\nto = "usb"\n'


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (SITE, f"# a word\n{SITE}", "Only comments"),
        (SITE, SITE + BACKUP, "The nightly backup, where it is put: usb; before, none"),
        (SITE + BACKUP, SITE + BACKUP.replace("usb", "/mnt/nas"), "is put: /mnt/nas; before, usb"),
    ],
)
def test_files_that_differ_have_a_sentence_although_their_plans_are_the_same(
    before: str, after: str, says: str
) -> None:
    plans = [settings.read(text) for text in (before, after)]
    [told] = versions.compare_texts(before, plans[0], after, plans[1])
    assert says in told.sentence
    assert versions.compare_texts(before, plans[0], before, plans[0]) == []


def test_thirty_are_kept_and_never_is_one_thrown_away_that_is_in_force_or_may_come_back(
    place: Place,
) -> None:
    for _ in range(versions.KEPT + 3):
        published.publish(place, SITE)
    point_current(place, place.versions / "1")
    versions.prune(place, spared={2})
    left = [each.number for each in versions.kept(place)]
    assert left == [*range(versions.KEPT + 3, 3, -1), 2, 1]


def test_what_a_broken_off_publish_left_was_never_a_version_and_goes(place: Place) -> None:
    published.publish(place, SITE)
    left = published.version(place, SUMMER)
    (left / versions.NOTE).unlink()
    (place.versions / "9.unfinished").mkdir()
    assert [each.number for each in versions.kept(place)] == [1]
    versions.drop_unused(place)
    assert [each.name for each in place.versions.iterdir()] == ["1"]


def test_a_version_older_than_notes_is_kept_and_told_without_who(place: Place) -> None:
    folder = published.version(place, SITE)
    (folder / versions.NOTE).unlink()
    point_current(place, folder)
    versions.drop_unused(place)
    assert typed(place).output.splitlines()[1].split() == ["1", "in", "force"]


def test_a_version_that_would_be_refused_today_is_refused_with_the_reason(place: Place) -> None:
    published.publish(place, SITE.replace('prompts = ["goodbye"]', 'prompts = ["good-bye"]'))
    published.publish(place, SUMMER)
    said = typed(place, "back", "1")
    assert said.exit_code == FAULTY
    assert "good-bye" in said.output
    assert "nothing was changed" in said.output
    assert versions.in_force(place) == 2
    assert "version 2 is in force" in typed(place, "back", "2").output


def test_a_version_whose_file_was_changed_by_hand_is_not_taken_for_what_was_published(
    place: Place,
) -> None:
    published.publish(place, SITE)
    published.publish(place, SUMMER)
    (place.versions / "1" / "clinic.toml").write_text(SUMMER)
    assert "changed by hand" in typed(place, "compare", "1", "2").output


def test_a_version_on_trial_is_listed_as_such_and_later_as_not_confirmed(place: Place) -> None:
    published.publish(place, SITE)
    published.publish(place, SUMMER)
    trial.begin(place, 1, 2, 90)
    assert "on trial, 90 s left" in typed(place).output
    trial.end(place)
    versions.mark_returned(place, 2)
    point_current(place, place.versions / "1")
    assert "was not confirmed" in typed(place).output


@pytest.mark.parametrize("name", ["two\nlines", "x" * 61, "\x1b[31m"])
def test_a_name_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        versions.sayable(name)


def test_words_that_were_spoken_otherwise_meanwhile_are_spoken_as_before(place: Place) -> None:
    spoken = place.prompts / "en" / "welcome.wav"
    spoken.parent.mkdir(parents=True)
    place.asterisk.mkdir()
    spoken.write_bytes(b"before")
    spoken_before.keep(place)
    fresh = spoken.with_name("fresh")
    fresh.write_bytes(b"meanwhile")
    fresh.replace(spoken)
    for _ in range(2):
        spoken_before.put_back(place)
        assert spoken.read_bytes() == b"before"
    assert [each.name for each in spoken.parent.iterdir()] == ["welcome.wav"]
    spoken_before.forget(place)
    spoken_before.put_back(place)
    assert spoken.read_bytes() == b"before"
