"""`careline backup`, `restore` and `drill`, as a person at a terminal meets them."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from firmware import people
from firmware import settings as site_settings
from firmware.backup_timer import BackupTimer, Job
from firmware.cli import backups as commands
from firmware.cli import people as people_commands
from firmware.cli.audit import app as audit_app
from firmware.drill import last_failure
from firmware.notify import Notices
from firmware.place import Place

PASSWORD = "four words in a row"
TEMPLATE = Path("firmware/template/clinic.toml").read_text("utf-8")

Careline = Callable[..., Result]

app = typer.Typer()
for each in (commands.app, people_commands.app, audit_app):
    app.add_typer(each)


@pytest.fixture
def careline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Careline:
    monkeypatch.setenv("COLUMNS", "200")
    box = tmp_path / "box"
    box.mkdir()
    (box / "clinic.toml").write_text(TEMPLATE)
    (tmp_path / "stick").mkdir()

    def run(*words: str, typed: str = PASSWORD, at: Path = box) -> Result:
        monkeypatch.setenv("CARELINE_HOME", str(at))
        return CliRunner().invoke(app, words, input=typed + "\n")

    return run


def test_a_box_is_backed_up_tried_and_brought_back_on_another(
    careline: Careline, tmp_path: Path
) -> None:
    box, spare, stick = Place(tmp_path / "box"), tmp_path / "spare", str(tmp_path / "stick")
    assert "run `careline setup` first" in careline("backup", stick).stderr
    shown = careline("setup", "--person", "maria", "--password-stdin").stdout
    paper = "\n".join(re.findall(r"^ {4}\d {3}(.*)$", shown, re.MULTILINE))

    done = careline("backup", stick)
    assert done.exit_code == 0
    assert re.search(r"careline-.*\.age: \d+ files, \d\.\d MB", done.stderr)
    assert "on the box's own disk" in done.stderr
    drilled = careline("drill", "--no-call")
    assert "restores well" in drilled.stderr
    told = json.loads(careline("drill", "--last", "--json").stdout)
    assert told["alarm"] == ""

    (file,) = Path(stick).iterdir()
    words = ("restore", str(file), "--paper-stdin")
    assert "line 1" in careline(*words, typed="x\n" * 4, at=spare).stderr
    assert (
        "restore with the recovery paper"
        in careline("restore", str(file), "--drill-key", at=spare).stderr
    )
    restored = careline(*words, typed=paper, at=spare)
    assert restored.exit_code == 0, restored.stderr
    assert "is in place" in restored.stderr
    assert "front-desk" in people.sign_in(spare / "page.db", "maria", PASSWORD).mailboxes
    assert "--replace" in careline(*words, typed=paper, at=spare).stderr
    listed = careline("audit", "list", at=spare).stdout
    assert re.search(r"the recovery paper +restored +careline-", listed)
    assert "are as they were entered" in careline("audit", "verify", at=spare).stderr

    file.write_bytes(file.read_bytes()[:-9])
    damaged = careline("drill", "--no-call")
    assert damaged.exit_code == 1
    assert f"{file.name} is damaged, first at" in damaged.stderr
    assert careline("drill", "--last").exit_code == 1
    assert json.loads(box.drill_told.read_text())["wrong"]


def test_a_clinic_older_than_backups_types_its_paper_once_and_may_pipe(
    careline: Careline, tmp_path: Path
) -> None:
    shown = careline("setup", "--person", "maria", "--password-stdin").stdout
    paper = "\n".join(re.findall(r"^ {4}\d {3}(.*)$", shown, re.MULTILINE))
    (tmp_path / "box" / "paper.recipient").unlink()
    stick = str(tmp_path / "stick")
    assert "run `careline backup-paper` once" in careline("backup", stick).stderr
    assert careline("backup-paper", "--paper-stdin", typed=paper).exit_code == 0
    assert careline("backup", "-").stdout_bytes.startswith(b"age-encryption.org/v1\n")


def test_whoever_asks_is_told_which_backups_there_are_and_how_they_are(
    careline: Careline, tmp_path: Path
) -> None:
    stick, box = tmp_path / "stick", Place(tmp_path / "box")
    careline("setup", "--person", "maria", "--password-stdin")
    assert "add [backup] to the site file" in careline("backup").stderr
    nightly = f'\n[backup]\nto = "{stick}"\nat = "01:15"\nkeep = 3\n'
    (tmp_path / "box" / "clinic.toml").write_text(TEMPLATE + nightly)
    on_own_disk = careline("backup")
    assert on_own_disk.exit_code == 1
    assert "on the box's own disk: is the stick plugged in" in on_own_disk.stderr
    assert list(stick.iterdir()) == []
    (tmp_path / "box" / "clinic.toml").write_text(TEMPLATE + nightly + "own_disk = true\n")
    assert careline("backup", "--by-timer").exit_code == 0
    untried = careline("backups")
    assert untried.exit_code == 1
    assert "no backup has been tried yet" in untried.stderr
    assert careline("drill", "--no-call", "--by-timer").exit_code == 0
    told = careline("backups")
    assert told.exit_code == 0
    assert f"each night at 01:15 to {stick}, 3 of them stay" in told.stderr
    assert "it restored well in" in told.stderr
    assert re.fullmatch(r"careline-\S+\.age  0\.\d MB\n", told.stdout)
    (file,) = stick.iterdir()
    file.unlink()
    assert careline("drill", "--no-call").exit_code == 1
    assert "holds no backup" in json.loads(careline("backups", "--json").stdout)["alarm"]
    assert box.drill_told.exists()


def test_the_exchanges_timer_gives_the_command_as_anybody_would(
    careline: Careline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, stick = Place(tmp_path / "box"), tmp_path / "stick"
    careline("setup", "--person", "maria", "--password-stdin")
    monkeypatch.setenv("CARELINE_HOME", str(box.home))
    box.site_file.write_text(f'{TEMPLATE}\n[backup]\nto = "{stick}"\nown_disk = true\n')
    plan = site_settings.read(TEMPLATE)
    notices = Notices(lambda: None, lambda work: work.close())
    nights = BackupTimer(box, lambda: plan, lambda: datetime.now(UTC), notices)
    asyncio.run(nights._do(Job.BACKUP))
    assert last_failure(box) == ""
    assert len(list(stick.iterdir())) == 1


def test_a_wizard_brings_a_backup_back_question_by_question(
    careline: Careline, tmp_path: Path
) -> None:
    stick, spare = str(tmp_path / "stick"), tmp_path / "spare"
    shown = careline("setup", "--person", "maria", "--password-stdin").stdout
    paper = re.findall(r"^ {4}\d {3}(.*)$", shown, re.MULTILINE)
    careline("backup", stick)
    newest = "1"

    slip = [*paper[:3], paper[0]]  # the first line once more for the last
    answers = [str(tmp_path / "nowhere"), stick, "7", newest, *slip, *paper]
    told = careline("restore", typed="\n".join(answers), at=spare)
    assert told.exit_code == 0, told.stderr
    for words in (
        "This box holds no clinic yet",
        "is the stick plugged in",
        "a number from 1 to 1",
        "line 4",
        "Once more, from the first line",
        "are as the backup has them: this box was not the one",
        "is in place",
    ):
        assert words in told.stderr
    assert "front-desk" in people.sign_in(spare / "page.db", "maria", PASSWORD).mailboxes

    again = careline("restore", typed="yes\nno", at=spare)
    assert again.exit_code == 0
    assert "nothing was changed" in again.stderr
    assert list(spare.glob("before-restore-*")) == []
    answers = ["set aside and restore", stick, newest, *paper]
    told = careline("restore", typed="\n".join(answers), at=spare)
    assert told.exit_code == 0, told.stderr
    assert "are as they were on this box just now" in told.stderr
    (aside,) = spare.glob("before-restore-*")
    assert f"under {aside.name}" in told.stderr
    assert (aside / "page.db").exists()


def test_whatever_command_comes_next_ends_a_restore_that_a_power_cut_left_halfway(
    tmp_path: Path,
) -> None:
    (tmp_path / "page.db").write_text("old")
    (tmp_path / "restore-x.part" / "messages").mkdir(parents=True)
    (tmp_path / "calls.db").write_text("new, and in place already")
    (tmp_path / "restore-x.part" / "page.db").write_text("new")
    decided = {
        "staged": "restore-x.part",
        "aside": "before-restore-x",
        "items": ["calls.db", "page.db", "messages"],
    }
    Place(tmp_path).restoring.write_text(json.dumps(decided))
    words = [sys.executable, "-m", "firmware.cli", "agents", "--help"]
    environment = os.environ | {"CARELINE_HOME": str(tmp_path)}
    subprocess.run(words, check=True, capture_output=True, env=environment, timeout=100)
    assert (tmp_path / "page.db").read_text() == "new"
    assert (tmp_path / "calls.db").read_text() == "new, and in place already"
    assert (tmp_path / "messages").is_dir()
    assert (tmp_path / "before-restore-x" / "page.db").read_text() == "old"
    assert not Place(tmp_path).restoring.exists()
