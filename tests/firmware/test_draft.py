"""An admin changes the site on the page: each step can be undone, two people never write over each
other, and a plug pulled in between costs nothing that was kept."""

import os
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from firmware import draft
from firmware.place import Place

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "clinic.toml").write_text("in force\n", "utf-8")
    return Place(tmp_path)


def changed(place: Place, text: str, who: str = "ann") -> draft.Kept:
    return draft.keep(place, text, who, f"wrote {text}", draft.read(place).step, NOW)


def test_the_draft_begins_as_the_file_in_force_and_leaves_it_alone(place: Place) -> None:
    assert draft.read(place) == draft.Kept(text="in force\n")
    assert changed(place, "with a nurse's line").text == "with a nurse's line"
    assert place.site_file.read_text("utf-8") == "in force\n"


def test_what_was_done_is_undone_and_done_again(place: Place) -> None:
    changed(place, "one")
    two = changed(place, "two")
    assert [step.what for step in two.done] == ["wrote one", "wrote two"]
    one = draft.undo(place, two.step)
    assert (one.text, one.redo and one.redo.what) == ("one", "wrote two")
    assert draft.redo(place, one.step).text == "two"
    draft.undo(place, two.step)
    assert draft.undo(place, one.step).text == "in force\n"
    with pytest.raises(draft.DraftError, match="could be undone"):
        draft.undo(place, 0)


def test_two_people_at_two_screens_never_write_over_each_other(place: Place) -> None:
    seen_by_ben = draft.read(place).step
    changed(place, "ann's menu", "ann")
    with pytest.raises(draft.ChangedMeanwhileError, match="changed by ann"):
        draft.keep(place, "ben's menu", "ben", "a menu", seen_by_ben, NOW)
    assert draft.read(place).text == "ann's menu"


def test_a_step_is_never_taken_for_another_that_was_undone(place: Place) -> None:
    seen = changed(place, "one").step
    draft.undo(place, seen)
    changed(place, "another")
    with pytest.raises(draft.ChangedMeanwhileError):
        draft.undo(place, seen)


def test_a_site_published_from_the_shell_meanwhile_is_told(place: Place) -> None:
    assert not changed(place, "one").is_overtaken
    place.site_file.write_text("published by the technician\n", "utf-8")
    kept = draft.read(place)
    assert (kept.text, kept.is_overtaken) == ("one", True)
    assert draft.discard(place, kept.step).text == "published by the technician\n"


def test_a_note_that_nobody_can_read_costs_the_draft_and_not_the_page(place: Place) -> None:
    changed(place, "one")
    (place.draft / draft.NOTE).write_text("{", "utf-8")
    assert draft.read(place).text == "in force\n"
    assert changed(place, "two").text == "two"


def test_a_text_too_long_for_a_site_file_is_refused_and_nothing_is_lost(place: Place) -> None:
    changed(place, "one")
    with pytest.raises(draft.DraftError, match="take something away first"):
        changed(place, "x" * 300_000)
    assert draft.read(place).text == "one"


def test_only_the_newest_steps_are_kept_and_the_rest_of_the_disk_is_free(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft, "STEPS_KEPT", 3)
    for number in range(9):
        changed(place, f"text {number}")
    for number in (7, 6, 5):
        assert draft.undo(place, draft.read(place).step).text == f"text {number}"
    with pytest.raises(draft.DraftError):
        draft.undo(place, draft.read(place).step)
    assert len(list(place.draft.glob("*.toml"))) <= 4


KEEPING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from firmware import draft
from firmware.place import Place
place = Place(Path(sys.argv[1]))
for number in range(100_000):
    seen = draft.read(place).step
    draft.keep(place, f"text {number}", "ann", "on", seen, datetime.now(UTC))
    print(number, flush=True)
"""


def test_whoever_is_killed_amid_a_change_has_every_change_that_was_kept(place: Place) -> None:
    for _ in range(3):
        worker = subprocess.Popen(
            [sys.executable, "-c", KEEPING, str(place.home)], stdout=subprocess.PIPE, text=True
        )
        assert worker.stdout is not None
        told = [worker.stdout.readline() for _ in range(5)]
        os.kill(worker.pid, signal.SIGKILL)
        told += worker.stdout.readlines()
        worker.wait(10)
        last = int([line for line in told if line.endswith("\n")][-1])
        assert draft.read(place).text in {f"text {last}", f"text {last + 1}"}


class Page(RuleBasedStateMachine):
    """Beside a plain list of texts."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.place = Place(Path(self._folder.name))
        self.place.site_file.write_text("0", "utf-8")
        self.texts, self.at = ["0"], 0

    @rule(text=st.sampled_from("abc"))
    def change(self, text: str) -> None:
        changed(self.place, text)
        if text != self.texts[self.at]:
            self.texts = [*self.texts[: self.at + 1], text]
            self.at += 1

    @precondition(lambda self: self.at > 0)
    @rule()
    def undo(self) -> None:
        draft.undo(self.place, draft.read(self.place).step)
        self.at -= 1

    @precondition(lambda self: self.at + 1 < len(self.texts))
    @rule()
    def redo(self) -> None:
        draft.redo(self.place, draft.read(self.place).step)
        self.at += 1

    @rule()
    def discard(self) -> None:
        draft.discard(self.place, draft.read(self.place).step)
        self.texts, self.at = ["0"], 0

    @invariant()
    def as_the_list(self) -> None:
        kept = draft.read(self.place)
        assert kept.text == self.texts[self.at]
        assert (kept.redo is not None) == (self.at + 1 < len(self.texts))

    def teardown(self) -> None:
        self._folder.cleanup()


TestPage = Page.TestCase
TestPage.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
