"""Whatever goes wrong, no log line and no traceback tells who called."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from firmware.asterisk.translate import Translator
from firmware.asterisk.wire import Message
from firmware.ledger import Arrived, Moment
from firmware.store import Store
from ivr import events
from tests.firmware.asterisk.test_translate import CALL, CLINIC, heard

NUMBER, NAME = "5559876", "Sean O'Brien"


def test_no_caller_shows_in_what_a_program_prints_of_an_event() -> None:
    moment = Moment.now()
    translator = Translator(CLINIC)
    announcement = next(said for said in heard() if said.get("UserEvent") == "CareLineCall")
    translator.receive(announcement)
    printed = "".join(
        map(
            repr,
            (
                events.CallArrived(CALL, "main", "5551234", NUMBER, NAME),
                Arrived(CALL, "main", "5551234", NUMBER, NAME, moment),
                Message(announcement.raw),
                vars(translator),
            ),
        )
    )
    assert CALL in printed
    assert NUMBER not in printed
    assert NAME not in printed


def test_no_row_shows_in_what_the_store_says_of_a_failure(tmp_path: Path) -> None:
    store = Store(tmp_path / "calls.db", "calls")
    twice = sa.text("INSERT INTO steps (id, call) VALUES (1, :name), (1, :name)")
    try:
        failed = store.submit(lambda connection: connection.execute(twice, {"name": NAME}))
        with pytest.raises(DBAPIError) as refused:
            failed.result()
        assert NAME not in str(refused.value)
    finally:
        store.close()
