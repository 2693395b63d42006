"""The power may go at any moment of a message's life: what was acknowledged is there, and all the
rest opens or is cleanly absent."""

import os
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from firmware import audit, ledger_log, mended, spare_key, vault
from firmware.ledger import Arrived, Moment, balance, deleted_messages, known_messages
from firmware.store import open_reader
from tests.firmware import a_life, alice
from tests.firmware.a_life import CALLS, KEY, NURSES, books

# Every disk that has nothing but what was synced is looked at, and so many of the others; 0 is all
# of them (`make proof-alice`).
LOOKS = int(os.environ.get("ALICE_LOOKS", "24"))
SEED = int(os.environ.get("ALICE_SEED", "1"))

pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None and not os.environ.get("CI"),
    reason="strace is missing: apt-get install strace",
)


@pytest.fixture(scope="module")
def cuts(tmp_path_factory: pytest.TempPathFactory) -> list[alice.Cut]:
    """Every moment of the life, of one that was lived under strace."""
    root = tmp_path_factory.mktemp("alice")
    home, before = root / "home", root / "before"
    (home / "messages").mkdir(parents=True)
    ledger = books(home)
    ledger.submit([Arrived("before", "main", "1", "2", "n", Moment.now())]).result()
    ledger.close()
    mended.copy(home / "calls.db")
    shutil.copytree(home, before)
    return lived("live", home, before, acknowledged=8)


@pytest.fixture(scope="module")
def first_cuts(tmp_path_factory: pytest.TempPathFactory) -> list[alice.Cut]:
    """Every moment of a new box's first commit: from the first line of its log to the first word
    that it is safe."""
    root = tmp_path_factory.mktemp("alice")
    home, before = root / "home", root / "before"
    home.mkdir()
    before.mkdir()
    found = lived("begin", home, before, acknowledged=1)
    return [cut for cut in found if has_a_line(cut) and not cut.acknowledged]


def lived(story: str, home: Path, before: Path, *, acknowledged: int) -> list[alice.Cut]:
    command = [sys.executable, "-m", "tests.firmware.a_life", story, str(home)]
    made = alice.recorded(command, home.with_name("trace"))
    replayed = alice.Replayed(home, before)
    found = list(replayed.cuts(made))
    assert len(replayed.acknowledged) == acknowledged, replayed.acknowledged
    return found


def has_a_line(cut: alice.Cut) -> bool:
    files = cut.disk(lambda _: True)
    return bool(files.files.get(files.names.get("ledger.log", -1)))


@dataclass(frozen=True, slots=True)
class Found:
    """What one may find after the power is back: which of the pending calls have reached the disk,
    and which of them by half."""

    cut: alice.Cut
    told: str
    kept: frozenset[int]
    torn: int | None = None

    @property
    def is_bare(self) -> bool:
        """Nothing that was not synced is there."""
        return not self.kept and self.torn is None

    @property
    def is_found(self) -> object:
        """The same for the same disk: of those the last counts, when most was acknowledged."""
        kept = frozenset(id(self.cut.pending[number]) for number in self.kept)
        torn = None if self.torn is None else id(self.cut.pending[self.torn])
        return id(self.cut.durable), kept, torn

    def disk(self) -> alice.Disk:
        return self.cut.disk(self.kept.__contains__, self.torn)


def disks(cuts: list[alice.Cut]) -> Iterator[Found]:
    """Of every moment: nothing that was not synced is there; all of it; all but one; one alone; and
    one of them by half."""
    for cut in cuts:
        at, pending = f"after call {cut.number}", frozenset(range(len(cut.pending)))
        yield Found(cut, f"{at}, only what was synced", frozenset())
        if pending:
            yield Found(cut, f"{at}, all of it", pending)
        for number, op in enumerate(cut.pending):
            if len(pending) > 1:
                yield Found(cut, f"{at}, all but {op.told}", pending - {number})
                yield Found(cut, f"{at}, only {op.told}", frozenset({number}))
            if op.torn is not None:
                told = f"{at}, half of {op.told}"
                yield Found(cut, told, frozenset(range(number)), number)


def test_whenever_the_power_goes_what_was_promised_is_there(
    cuts: list[alice.Cut], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    look_at_each(cuts, LOOKS, tmp_path, capsys)


def test_a_box_whose_very_first_commit_is_cut_begins_anew_and_nothing_is_called_damaged(
    first_cuts: list[alice.Cut], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    look_at_each(first_cuts, LOOKS // 3, tmp_path, capsys)


def look_at_each(
    cuts: list[alice.Cut], looks: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = list({each.is_found: each for each in disks(cuts)}.values())
    chosen = found
    if looks:
        others = [each for each in found if not each.is_bare]
        bare = [each for each in found if each.is_bare]
        assert len(bare) > 1, "the life was cut nowhere"
        chosen = bare + random.Random(SEED).sample(others, looks)
    for number, one in enumerate(chosen):
        home = alice.emptied(tmp_path / "disk")
        one.disk().put(home)
        try:
            look(home, one.cut.acknowledged)
            if number % 4 == 0 or not looks:
                look_when_damaged(home, one.cut.acknowledged)
        except Exception as wrong:
            raise AssertionError(f"{one.told}; acknowledged: {one.cut.acknowledged}") from wrong
        if not looks and number % 50 == 0:
            with capsys.disabled():
                print(f"{number} of {len(chosen)} disks")  # noqa: T201


def look(home: Path, acknowledged: list[str]) -> None:
    """The next start of the exchange finds its books in order."""
    assert mended.damage(home / "calls.db") == ""
    take_stock(home)
    assert list(mended.set_aside(home)) == []
    there(home, acknowledged)
    newest = [line.number for line in ledger_log.lines(home / "ledger.log")][-1:]
    assert newest in ([], [mended.number_of(home / "calls.db")])


def look_when_damaged(home: Path, acknowledged: list[str]) -> None:
    """And had the power cut taken the database with it, the copy and the log have it all."""
    before = rows(home)
    (home / "calls.db").write_bytes(b"burnt")
    (home / "calls.db-wal").unlink(missing_ok=True)
    books(home).close()
    assert rows(home) == before
    there(home, acknowledged)


def take_stock(home: Path) -> None:
    """As the exchange does at its start."""
    ledger = books(home)
    try:
        messages = home / "messages"
        messages.mkdir(exist_ok=True)
        known, deleted = ledger.store.submit(
            lambda c: (known_messages(c), deleted_messages(c))
        ).result()
        vault.destroy_again(messages, deleted)
        for found in vault.adopt(messages, known):
            ledger.submit([a_life.row(found.label, found.seconds)]).result()
    finally:
        ledger.close()


def there(home: Path, acknowledged: list[str]) -> None:
    reader = open_reader(home / "calls.db")
    with reader.connect() as connection:
        assert balance(connection).holds
        chain = list(audit.read(connection))
        public = audit.signer(KEY).public_key()
        assert audit.verify(chain, public, audit.newest_mark(home / "ledger.log")).wrong == ""
        deleted = deleted_messages(connection)
        for path in (home / "messages").glob("*.sealed"):
            assert path.stem in known_messages(connection) - deleted
            heard = vault.hear(path, NURSES)
            assert heard.seconds > 0
            if heard.label.call == CALLS[0]:  # which the box plays back, however it was cut off
                assert spare_key.hear(home / "messages", path.stem, KEY) == heard
        for told in acknowledged:
            what, name = told.split()
            assert is_there(connection, home, what, name, deleted), told
    reader.dispose()


def is_there(connection: Connection, home: Path, what: str, name: str, deleted: set[str]) -> object:
    def asked(statement: str) -> object:
        return connection.execute(text(statement), {"name": name}).scalar()

    match what:
        case "call":
            return asked("SELECT 1 FROM calls WHERE call = :name")
        case "message" if name in deleted:
            return True
        case "message":
            heard = vault.hear(vault.sealed_path(home / "messages", name), NURSES)
            seconds = dict(zip(CALLS, a_life.SECONDS, strict=True))[heard.label.call]
            if heard.label.call == CALLS[0]:  # which is played back to its caller
                assert spare_key.hear(home / "messages", name, KEY).seconds == seconds
            return (heard.seconds, heard.cut_off) == (seconds, False)
        case "ticket":
            return asked("SELECT number FROM tickets WHERE ticket = :name AND closed IS NULL")
        case "audit":
            return asked("SELECT 1 FROM audit WHERE about = :name")
        case "deleted":
            return name in deleted and not vault.exists(home / "messages", name)
        case "outcome":
            return asked("SELECT outcome FROM calls WHERE call = :name") == "message"
        case _:
            raise AssertionError(what)


def rows(home: Path) -> dict[str, list[str]]:
    reader = open_reader(home / "calls.db")
    with reader.connect() as connection:
        names = connection.scalars(
            text("SELECT name FROM sqlite_master WHERE type='table' AND name != 'newest_line'")
        ).all()
        found = {
            name: sorted(map(repr, connection.execute(text("SELECT * FROM " + name))))  # noqa: S608
            for name in names
        }
    reader.dispose()
    return found
