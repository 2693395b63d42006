"""Recorded talks: the index of their parts and gaps, and the command line of who may hear them."""

import json
import wave
from array import array
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from firmware import audit, people, receipts, recordings, vault
from firmware.audit import Act
from firmware.cli.recordings import app
from firmware.holds import Kind
from firmware.keys import KeyPair
from firmware.ledger import Arrived, Ledger, Moment, messages_in, steps_of
from firmware.machine import MachineKey
from firmware.passwords import Cost
from firmware.place import Place
from firmware.recordings import CUT_OFF, PartBegan, PartEnded, Recording, recorded_in
from firmware.retention import Passed
from firmware.settings import SiteFaults, read
from firmware.store import open_reader
from firmware.talk_sound import MARK_MS
from firmware.vault import Label, Sealing
from ivr import plan
from ivr.recording import STEP
from tests.firmware import keeping
from tests.firmware.voice import voice
from tests.sites import head

PASSWORD = "four words in a row"
CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
CALL = "5d6c0d5e-8a5e-4c4e-9d0e-000000000001"
PARTS = tuple(f"1111111{number}-8a5e-4c4e-9d0e-000000000001" for number in range(3))
NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)

SITE = (
    head(("101",))
    + """
[mailboxes.talks]
members = ["maria"]

[queues.desk]
agents = ["101"]
{0}

[flows.main]
start = "desk"

[flows.main.nodes.desk]
kind = "queue"
queue = "desk"
patience_s = 60
otherwise = "desk"
"""
)


def at(seconds: float) -> Moment:
    return Moment(NOON + timedelta(seconds=seconds), round(seconds * 1000))


class Books:
    """A clinic's ledger and vault, with a talk in them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.is_closed = False
        self.place.messages.mkdir(parents=True)
        self.ledger = Ledger(
            self.place.calls_db, self.place.ledger_log, MachineKey.at(self.place.machine_key)
        )
        self.ledger.submit([Arrived(CALL, "main", "2025550100", "", "", at(0))]).result()

    def close(self) -> None:
        if not self.is_closed:
            self.ledger.close()
        self.is_closed = True

    def part(self, number: int, began_s: float, seconds: float, why: str | None) -> None:
        """A part that is sealed; without a reason its exchange died over it."""
        message, moment = PARTS[number], at(began_s)
        self.ledger.submit([PartBegan(message, CALL, "talks", moment)]).result()
        label = Label(message, CALL, "talks", round(moment.at.timestamp() * 1000), urgent=False)
        keys = people.recipients_of(self.place.page_db, ["talks"])
        sealing = Sealing(self.place.messages, label, keys)
        spoken = memoryview(array("h", voice(seconds, seed=number))).cast("B")
        for start in range(0, len(spoken), vault.CHUNK_BYTES):
            chunk = spoken[start : start + vault.CHUNK_BYTES]
            is_last = why is not None and start + vault.CHUNK_BYTES >= len(spoken)
            if is_last or len(chunk) == vault.CHUNK_BYTES:
                sealing.add(chunk, last=is_last)
        if why is None:
            sealing.sync()
            sealing.close()
            return
        sealing.finish()
        found = vault.Found(label, seconds, cut_off=False)
        ended = PartEnded(message, why, at(began_s + seconds))
        self.ledger.submit([recordings.found(found, moment), ended]).result()

    def told(self) -> list[str]:
        """What the call's ledger says of it."""
        reader = open_reader(self.place.calls_db)
        with reader.connect() as connection:
            found = [each.detail for each in steps_of(connection, CALL) if each.step == STEP]
        reader.dispose()
        return found

    def held(self) -> list[Recording]:
        reader = open_reader(self.place.calls_db)
        with reader.connect() as connection:
            found = recorded_in(connection, ["talks"])
        reader.dispose()
        return found


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    place = Place(tmp_path)
    people.set_up(place.page_db, KeyPair(b"r" * 32).public, "maria", PASSWORD, ["talks"], CHEAP)
    place.site_file.write_text(SITE.format('record = "always"\nrecordings = "talks"'))
    with closing(Books(place)) as opened:
        yield opened


@pytest.fixture
def talk(books: Books) -> Books:
    """Six seconds of a talk with one gap of ten; its exchange has ended."""
    books.part(0, 1.0, 2.5, "the caller keys")
    books.part(1, 13.5, 3.5, "the talk is over")
    books.close()
    return books


def careline(books: Books, *words: str, password: str = PASSWORD) -> Result:
    return CliRunner(env={"CARELINE_HOME": str(books.place.home), "COLUMNS": "200"}).invoke(
        app, ["recordings", *words, "--password-stdin"], input=password + "\n"
    )


# ---- the index ----


def test_a_talk_is_its_parts_and_each_gap_has_its_length_and_its_reason(books: Books) -> None:
    books.part(0, 1.0, 2.0, "the caller keys")
    books.part(1, 8.0, 3.0, "stopped at the desk")
    books.part(2, 60.0, 1.0, "the talk is over")
    (found,) = books.held()
    assert (found.call, found.line, found.seconds) == (CALL, "main", 6.0)
    assert [(gap.seconds, gap.why) for gap in found.gaps] == [
        (5.0, "the caller keys"),
        (49.0, "stopped at the desk"),
    ]


def test_a_part_is_in_nobodys_list_of_messages(books: Books) -> None:
    books.part(0, 1.0, 2.0, "the talk is over")
    reader = open_reader(books.place.calls_db)
    with reader.connect() as connection:
        assert messages_in(connection, ["talks"]) == []
    reader.dispose()


def test_a_part_over_which_the_exchange_died_is_listed_to_its_last_second_and_says_so(
    books: Books,
) -> None:
    books.part(0, 1.0, 2.5, None)
    (orphan,) = vault.adopt(books.place.messages, set())
    books.ledger.submit([recordings.found(orphan, at(20))]).result()
    (found,) = books.held()
    assert (found.seconds, found.parts[0].why) == (2.0, CUT_OFF)
    (told,) = books.told()
    assert told.endswith("and what was said after is not recorded")
    books.close()
    assert "what was said after is not recorded" in careline(books, "list").stdout


def test_a_part_of_which_nothing_was_sealed_is_no_part(books: Books) -> None:
    books.ledger.submit([PartBegan(PARTS[0], CALL, "talks", at(1))]).result()
    assert books.held() == []
    reader = open_reader(books.place.calls_db)
    with reader.connect() as connection:
        assert recordings.never_ended(connection) == [PARTS[0]]
        assert recordings.count(connection) == (1, 1)
    reader.dispose()
    books.ledger.submit([PartEnded(PARTS[0], CUT_OFF, at(2))]).result()
    assert books.told() == [
        "nothing: cut off: the exchange ended, and what was said after is not recorded"
    ]


# ---- the command line ----


def test_a_member_lists_and_exports_it_with_its_gap_as_silence_between_two_marks(
    talk: Books, tmp_path: Path
) -> None:
    (listed,) = json.loads(careline(talk, "list", "--json").stdout)
    assert listed["gaps"] == [{"seconds": 10.0, "why": "the caller keys"}]
    assert "10 s at 0:02, the caller keys" in careline(talk, "list").stdout
    file = tmp_path / "talk.wav"
    done = careline(talk, "export", CALL[:6], str(file))
    assert done.exit_code == 0, done.output
    assert "10 s at 0:02, the caller keys" in done.output
    with wave.open(str(file)) as opened:
        heard = np.frombuffer(opened.readframes(opened.getnframes()), "<i2")
    assert heard.size == 16 * vault.SAMPLE_RATE
    assert heard[: 5 * 4_000].tobytes() == array("h", voice(2.5, seed=0)).tobytes()
    gap = heard[5 * 4_000 : 5 * 4_000 + 10 * vault.SAMPLE_RATE]
    mark = MARK_MS * vault.SAMPLE_RATE // 1000
    assert np.any(gap[:mark])
    assert np.any(gap[-mark:])
    assert not np.any(gap[mark:-mark])


def test_each_part_that_is_opened_is_accounted_for_first(talk: Books, tmp_path: Path) -> None:
    careline(talk, "export", CALL, str(tmp_path / "talk.wav"))
    reader = open_reader(talk.place.calls_db)
    with reader.connect() as connection:
        entries = [(entry.act, entry.about) for entry in audit.read(connection)]
    reader.dispose()
    assert [about for act, about in entries if act == Act.EXPORTED] == list(PARTS[:2])


def test_nobody_hears_it_without_a_members_password(talk: Books, tmp_path: Path) -> None:
    file = tmp_path / "talk.wav"
    assert careline(talk, "export", CALL, str(file), password="another").exit_code != 0
    assert not file.exists()


def test_a_deleted_talk_is_gone_with_its_files(talk: Books) -> None:
    assert careline(talk, "delete", CALL, "--yes").exit_code == 0
    assert list(talk.place.messages.glob("*.sealed")) == []
    assert talk.held() == []


# ---- how long ----


def test_a_talk_is_kept_as_long_as_its_class_heard_or_not_and_on_hold_longer(
    tmp_path: Path,
) -> None:
    box = keeping.Clinic(tmp_path)
    rules = replace(keeping.RULES, messages_days=1, recordings_days=30)
    old, young, held = (
        recorded(box, keeping.NOW - timedelta(days=days)) for days in (31.0, 29.0, 40.0)
    )
    box.hold(Kind.MESSAGE, held)
    assert box.night(rules) == Passed(recordings=1)
    there = [box.path(each).exists() for each in (old, young, held)]
    assert there == [False, True, True]
    (receipt,) = box.read(receipts.read)
    assert (receipt.what, receipt.rule) == (old, "recordings are kept 30 days")
    assert box.night(replace(rules, recordings_days=None)) == Passed()
    box.ledger.close()


def recorded(box: keeping.Clinic, when: datetime) -> str:
    """A part of a talk that was sealed then."""
    call, moment = box.call(when), Moment(when, 0)
    label = Label(str(uuid4()), call, "nurse", int(when.timestamp() * 1000), urgent=False)
    keys = people.recipients_of(box.place.page_db, ["nurse"])
    sealing = Sealing(box.place.messages, label, keys)
    sealing.add(memoryview(bytes(4_000)), last=True)
    sealing.finish()
    began = PartBegan(label.message, call, "nurse", moment)
    kept = recordings.found(vault.Found(label, 0.25, cut_off=False), moment)
    box.ledger.submit([began, kept]).result()
    return label.message


# ---- the site file ----


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('record = "always"', "nothing says who may listen"),
        ('record = "always"\nrecordings = "talk"', "did you mean talks"),
        ('record = "sometimes"', '"on-request"'),
        ('record = "always"\nrecordings = "talks"\nconsent = "silence"', '"announce"'),
    ],
)
def test_a_site_that_records_for_nobody_is_refused(written: str, told: str) -> None:
    with pytest.raises(SiteFaults, match=told):
        read(SITE.format(written))


def test_a_site_says_who_may_listen() -> None:
    site = read(SITE.format('record = "on-request"\nconsent = "key"\nrecordings = "talks"'))
    assert site.queues["desk"].recording == plan.Recording(
        plan.Recorded.ON_REQUEST, plan.Consent.KEY, "talks"
    )
