"""The bench of the page asks a box whose past is as the exchange would have written it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from firmware.bench import web
from firmware.ledger import messages_in
from firmware.machine import MachineKey
from firmware.place import Place
from firmware.rehearsal import TEMPLATE
from firmware.store import open_reader


def test_a_box_of_the_bench_holds_calls_that_end_and_messages_of_which_some_are_new(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path)
    place.site_file.write_text(TEMPLATE.read_text("utf-8"), "utf-8")
    web.fill(place, 480)
    key = MachineKey.at(place.machine_key)
    with closing(sqlite3.connect(place.calls_db)) as database:
        rows = database.execute("SELECT call, number, arrived, outcome FROM calls").fetchall()
        steps = database.execute("SELECT count(*) FROM steps").fetchone()[0]
        new = database.execute("SELECT count(*) FROM in_mailboxes WHERE heard IS NULL").fetchone()
    assert len(rows) == 480
    assert {outcome for *_, outcome in rows} == set(web.OUTCOMES)
    assert key.open(rows[0][1], f"calls.number {rows[0][0]}").startswith("+1555")
    assert steps == 480 * len(web.STEPS)
    assert 0 < new[0] < 480 / web.MESSAGE_EVERY
    reader = open_reader(place.calls_db)
    with reader.connect() as connection:
        assert len(messages_in(connection, ["front-desk"])) == 480 / web.MESSAGE_EVERY
    reader.dispose()
    assert len({arrived[:10] for _, _, arrived, _ in rows}) >= 480 // web.CALLS_A_DAY
