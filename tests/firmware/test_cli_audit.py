"""Account is given of what staff do: each act is entered first, and the audit can be checked."""

import asyncio
import hashlib
import json
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner, Result

from firmware import account, audit
from firmware.audit import Act
from firmware.cli.audit import app
from firmware.control import Door
from firmware.doorkeeper import Doorkeeper
from firmware.peer import at_the_shell
from firmware.place import Place
from firmware.publishing import account_for
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
    assert refused.exit_code == 1
    clinic.messages("export", message[:8], str(tmp_path / "a.wav"))
    clinic.messages("delete", message[:8], "--yes")
    assert acts(clinic)[-5:] == [
        ("maria", Act.REFUSED, "sign-in"),
        ("maria", Act.SIGNED_IN, ""),
        ("maria", Act.EXPORTED, message),
        ("maria", Act.SIGNED_IN, ""),
        ("maria", Act.DELETED, f"message {message}, receipt 1"),
    ]


def test_an_entry_that_a_program_hands_in_says_whose_program_it_was_as_the_kernel_knows(
    tmp_path: Path,
) -> None:
    place, entered = Place(tmp_path), list[audit.Audited]()
    entering: list[tuple[str, Act, str]] = [
        ("maria", Act.SIGNED_IN, ""),
        ("maria", Act.LISTENED, "x" * audit.ABOUT_MOST),
        (at_the_shell(), Act.EXPORTED, "the audit"),
        ("the shell (nobody)", Act.EXPORTED, "the audit"),
    ]

    async def promise(entry: audit.Audited) -> None:
        entered.append(entry)

    async def story() -> None:
        door = Door(Doorkeeper(place.page_db, promise).admit)
        account.answer_at(door, promise)
        async with door.open(place.control_socket):
            for each in entering:
                await asyncio.to_thread(account.give, place, *each)

    asyncio.run(story())
    told = f"told by {at_the_shell()}"
    assert [(each.who, each.about) for each in entered] == [
        ("maria", told),
        ("maria", "x" * (audit.ABOUT_MOST - len(told) - 2) + f", {told}"),
        (at_the_shell(), "the audit"),
        ("the shell (nobody)", f"the audit, {told}"),
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
    assert "all 4 entries" in run(monkeypatch, place, "verify", str(export), "--key", key).stderr

    head, first, second, third, taken = export.read_text("utf-8").splitlines()
    forged = json.dumps(json.loads(second) | {"who": "nobody"}, ensure_ascii=False)
    assert json.loads(taken)["about"] == "the audit"
    for lines, says in (
        ([head, first, forged, third, taken], "entry 2 was changed"),
        ([head, first, third, taken], "entry 2 is missing"),
        ([head, first], "4 entries were exported"),
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


def test_which_site_file_was_published_stands_in_the_audit(clinic: Clinic) -> None:
    """By its hash and that of what it changed: the versions themselves are kept."""
    before = clinic.place.site_file.read_text("utf-8")
    for site_file in (before, before + "\n# a word\n"):
        account_for(clinic.place, site_file, at_the_shell())
    same, changed = [(who, about) for who, act, about in acts(clinic) if act == Act.PUBLISHED]
    assert same[0].startswith("the shell (")
    nothing, whole = (hashlib.sha256(told).hexdigest()[:32] for told in (b"", before.encode()))
    assert same[1] == f"site file {whole}, difference {nothing}, the first"
    assert whole not in changed[1]
    assert nothing not in changed[1]


def test_before_there_is_a_clinic_nobody_is_accountable(bare: Clinic) -> None:
    account_for(bare.place, "anything", at_the_shell())
    assert not bare.place.calls_db.exists()
