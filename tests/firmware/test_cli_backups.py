"""`careline backup`, `restore` and `drill`, as a person at a terminal meets them."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from firmware import people, topics
from firmware.cli import backups as commands
from firmware.cli import calls as call_commands
from firmware.cli import people as people_commands
from firmware.cli.audit import app as audit_app
from firmware.control import Door
from firmware.drill import Told
from firmware.place import Place

PASSWORD = "four words in a row"
TEMPLATE = Path("firmware/template/clinic.toml").read_text("utf-8")

Careline = Callable[..., Result]

app = typer.Typer()
for each in (commands.app, people_commands.app, call_commands.app, audit_app):
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
    drilled = careline("drill")
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
    damaged = careline("drill")
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


def test_status_tells_in_the_morning_of_a_backup_that_cannot_be_restored(
    careline: Careline, tmp_path: Path
) -> None:
    box, now = Place(tmp_path / "box"), datetime.now(UTC).isoformat()

    async def well(_request: topics.StatusRequest) -> topics.StatusReply:
        return topics.StatusReply(
            version="1",
            pid=1,
            up_s=1,
            offered=0,
            outcomes={},
            in_progress=0,
            balanced=True,
            parts=(),
        )

    async def status() -> Result:
        door = Door()
        door.answer(topics.STATUS, well)
        async with door.open(box.control_socket):
            return await asyncio.to_thread(careline, "status")

    assert asyncio.run(status()).exit_code == 0  # a site that makes no backups yet
    told = Told("careline-1.age", now, "", seconds=1, made=now)
    box.drill_told.write_text(json.dumps(asdict(told)))
    assert asyncio.run(status()).exit_code == 0
    box.drill_told.write_text(json.dumps(asdict(replace(told, wrong="calls.db is damaged"))))
    morning = asyncio.run(status())
    assert morning.exit_code == 1
    assert "alarm    backups: careline-1.age: calls.db is damaged" in morning.stdout


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
