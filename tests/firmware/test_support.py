"""What leaves the box for who helps: a log without numbers, a site file without words, and the keys
of those who may watch, each entered in the audit."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import pytest
from typer.testing import CliRunner

from firmware.audit import Act, Audited
from firmware.cli.watching import app
from firmware.control import ControlError
from firmware.peer import Peer
from firmware.scrubbed import scrub, told
from firmware.site_outline import outline
from firmware.store import StoreError
from firmware.watchman import Watchman

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MONITOR = Peer(1, 883)


@pytest.mark.parametrize(
    "written",
    ["2025550186", "+1 202 555 0186", "(202) 555-0186", "202.555.0186", "1971-03-29",
     "192.168.1.104", "alice@example.com", "alice.b+c@mail.example.com"],
)  # fmt: skip
def test_a_line_of_the_log_leaves_without_its_numbers_and_addresses(written: str) -> None:
    left = scrub(f"call of {written} went on")
    assert written not in left
    assert left.startswith("call of ")
    assert left.endswith(" went on")


def test_what_a_line_says_beside_is_kept_and_a_terminal_obeys_none_of_it() -> None:
    assert scrub("queue 3 of 12 waits 450 ms") == "queue 3 of 12 waits 450 ms"
    assert scrub("a\x1b[2Jb\nc") == "a [2Jb c"


def test_an_entry_of_the_journal_is_told_in_one_line_and_a_broken_one_says_so() -> None:
    entry = {"__REALTIME_TIMESTAMP": "1795521600000000", "MESSAGE": "called 2025550186",
             "_SYSTEMD_UNIT": "careline-exchange.service"}  # fmt: skip
    line = told(json.dumps(entry).encode())
    assert line.endswith(" careline-exchange: called (number)")
    assert told(b"{") == told(b'{"MESSAGE": 1}') == "(a line that cannot be read)"


def test_a_site_file_leaves_as_its_fields_and_numbers_and_nothing_that_somebody_wrote() -> None:
    site = """
[clinic]
name = "Quillon Clinic"
[people.vexworthy]
name = "Dr. Vexworthy"
numbers = ["2025550186"]
[retention]
messages_days = 2025550186
[vexworthy]
patience_s = 60
mobile = true
"""
    said = outline(site)
    for word in ("uillon", "exworthy", "2025550186"):
        assert word not in said
    assert 'people.#1.name = "…"' in said
    assert "#4.patience_s = 60" in said
    assert outline("[clinic") == "# it is no TOML\n"


def test_figures_are_entered_once_a_day_all_else_each_time_and_nobody_shows_a_session() -> None:
    entered: list[Audited] = []
    today = [NOON]

    async def promise(entry: Audited) -> None:
        entered.append(entry)

    async def story() -> None:
        watchman = Watchman(promise, lambda: today[0])
        for asked in ("watched", "watched", "doctor", "doctor"):
            await watchman.admit(asked, "", MONITOR)
        today[0] = datetime(2026, 11, 25, 12, tzinfo=UTC)
        await watchman.admit("watched", "", MONITOR)
        with pytest.raises(ControlError):
            await watchman.admit("watched", "a session", MONITOR)

    asyncio.run(story())
    assert [each.about for each in entered] == ["watched", "doctor", "doctor", "watched"]
    assert {each.act for each in entered} == {Act.ASKED}


def test_a_full_disk_is_seen_from_elsewhere_and_nothing_else_is_done_that_cannot_be_entered() -> (
    None
):
    async def full(_entry: Audited) -> None:
        raise StoreError("no room")

    async def story() -> None:
        watchman = Watchman(full, lambda: NOON)
        await watchman.admit("watched", "", MONITOR)
        with pytest.raises(ControlError, match="entered"):
            await watchman.admit("doctor", "", MONITOR)

    asyncio.run(story())


def test_a_key_is_let_in_listed_and_taken_away_and_each_is_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))
    public = tmp_path / "id.pub"
    key = asyncssh.generate_private_key("ssh-ed25519")
    public.write_bytes(key.export_public_key())
    at = ["--file", str(tmp_path / "ssh" / "monitor.keys")]

    def typed(*words: str) -> str:
        done = CliRunner().invoke(app, ["keys", *words, *at])
        assert done.exit_code == 0, done.output
        return done.output

    assert key.get_fingerprint() in typed("add", "anna-laptop", str(public))
    assert "anna-laptop  ssh-ed25519" in typed("list")
    assert CliRunner().invoke(app, ["keys", "add", "bob", str(public), *at]).exit_code == 1
    typed("remove", "anna-laptop")
    assert typed("list") == "nobody may watch by SSH\n"
    spooled = [each.read_text() for each in sorted((tmp_path / "audit-spool").iterdir())]
    assert len(spooled) == 2
    assert Act.LET_WATCH in "".join(spooled)
    assert Act.UNLET_WATCH in "".join(spooled)
