"""Account is given of what staff do: each act is entered first, and the audit can be checked."""

import json
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner, Result

from firmware import account, audit
from firmware.audit import Act
from firmware.cli.audit import app
from firmware.place import Place
from tests.firmware.test_cli_messages import Clinic, bare, clinic, set_up_once

__all__ = ["bare", "clinic", "set_up_once"]


def acts(there: Clinic) -> list[tuple[str, str, str]]:
    engine = create_engine(f"sqlite:///{there.place.calls_db}")
    with engine.connect() as connection:
        entered = [(e.who, e.act, e.about) for e in audit.read(connection)]
    engine.dispose()
    return entered


def test_whoever_opens_a_message_is_entered_and_so_is_who_may_not(
    clinic: Clinic, tmp_path: Path
) -> None:
    message = clinic.leave_message()
    refused = clinic.messages("export", message[:8], str(tmp_path / "a.wav"), typed="wrong words")
    assert refused.returncode == 1
    clinic.messages("export", message[:8], str(tmp_path / "a.wav"))
    clinic.messages("delete", message[:8], "--yes")
    assert acts(clinic)[-5:] == [
        ("maria", Act.REFUSED, "sign-in"),
        ("maria", Act.SIGNED_IN, ""),
        ("maria", Act.EXPORTED, message),
        ("maria", Act.SIGNED_IN, ""),
        ("maria", Act.DELETED, message),
    ]


def run(monkeypatch: pytest.MonkeyPatch, place: Place, *words: str) -> Result:
    monkeypatch.setenv("CARELINE_HOME", str(place.home))
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner().invoke(app, ["audit", *words])


def test_the_audit_is_listed_checked_and_taken_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path)
    for who in ("maria", "ben", "maria"):
        account.give(place, who, Act.SIGNED_IN)
    assert run(monkeypatch, place, "list", "--last", "2").stdout.count("signed in") == 2
    assert "all 3 entries" in run(monkeypatch, place, "verify").stderr

    export = tmp_path / "audit.jsonl"
    key = run(monkeypatch, place, "export", str(export)).stderr.split("key ")[1].split()[0]
    assert "exists" in run(monkeypatch, place, "export", str(export)).stderr
    assert "all 3 entries" in run(monkeypatch, place, "verify", str(export), "--key", key).stderr

    head, first, second, third = export.read_text("utf-8").splitlines()
    forged = json.dumps(json.loads(second) | {"who": "nobody"}, ensure_ascii=False)
    for lines, says in (
        ([head, first, forged, third], "entry 2 was changed"),
        ([head, first, third], "entry 2 is missing"),
        ([head, first], "3 entries were exported"),
        ([first], "no export of an audit"),
        ([], "no export of an audit"),
    ):
        export.write_text("\n".join(lines), "utf-8")
        done = run(monkeypatch, place, "verify", str(export), "--key", key)
        assert done.exit_code != 0
        assert says in done.stderr


def test_a_chain_changed_in_the_database_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path)
    for who in ("maria", "ben"):
        account.give(place, who, Act.SIGNED_IN)
    engine = create_engine(f"sqlite:///{place.calls_db}")
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_is_never_deleted"))
        connection.execute(text("DELETE FROM audit WHERE id = 2"))
    engine.dispose()
    assert "the end is cut off" in run(monkeypatch, place, "verify").stderr
