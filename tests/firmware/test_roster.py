"""What agents said is on the disk, and holds after a restart."""

from pathlib import Path

from firmware import ledger
from firmware.ledger import Ledger, Moment, Noted
from firmware.machine import MachineKey
from firmware.roster import as_they_left_it
from firmware.store import open_reader
from ivr import commands, events
from ivr.agent import AWAY


def test_the_last_word_of_each_agent_is_what_holds(tmp_path: Path) -> None:
    said = [
        ("paused", "101 lunch"),
        ("signed out", "102"),
        ("resumed", "101"),
        ("paused", "1010 a long talk"),
        ("paused", "103"),
        ("signed in", "102"),
        ("signed out", "104"),
        ("paused", f"105 {AWAY}"),
    ]
    key = MachineKey.at(tmp_path / "machine.key")
    book = Ledger(tmp_path / "calls.db", tmp_path / "ledger.log", key)
    now = Moment.now()
    book.submit([Noted(commands.NO_CALL, step, detail, now) for step, detail in said]).result(10)
    book.submit([Noted("a call", "paused", "101 of another kind", now)]).result(10)
    reader = open_reader(tmp_path / "calls.db")
    with reader.connect() as connection:
        left = list(as_they_left_it(ledger.duties(connection)))
        assert ledger.balance(connection).holds
    reader.dispose()
    book.close()
    assert left == [
        events.AgentPaused("1010", "a long talk"),
        events.AgentPaused("103", ""),
        events.AgentSignedOut("104"),
    ]
