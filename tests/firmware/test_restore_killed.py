"""kill -9 in the middle of a restore, at each thing that it does to the disk."""

import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from firmware import backup, people, restore, vault
from firmware.backup_keys import of_paper
from firmware.place import Place
from firmware.restore import go_on
from firmware.shelf import Folder
from tests.firmware.test_backup import (
    PAPER,
    PASSWORD,
    clinic_at,
    copied,
    held,
    left,
    nobody_looks,
    opened_ledger,
)

CHANGES = frozenset(
    {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.truncate", "os.chmod"}
)
MANY = 100_000
KILLS = 8


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Path]:
    """A clinic that went on for one more message after its backup."""
    home = tmp_path_factory.mktemp("killed")
    place = clinic_at(home / "box")
    (home / "stick").mkdir()
    file = home / "stick" / backup.to_shelf(place, Folder(home / "stick"), 7, nobody_looks).file
    ledger = opened_ledger(place)
    left(place, ledger)
    ledger.close()
    return place, file


def restored(place: Place, file: Path, steps: int) -> tuple[int, int]:
    """A restore by a process of its own, which ends by its own hand at this step: how it ended, and
    how many it had left. Python tells of each thing done to the disk before it is done."""
    said, says = os.pipe()
    pid = os.fork()
    if pid == 0:
        _restore_and_die(place, file, steps, says)
    os.close(says)
    with os.fdopen(said) as words:
        rest = words.read()
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), int(rest or 0)


def _restore_and_die(place: Place, file: Path, steps: int, says: int) -> NoReturn:
    rest = steps

    def done(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal rest
        if event in CHANGES or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            rest -= 1
            if rest < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        sys.addaudithook(done)
        sealed = restore.Sealed.at(file)
        restore.restore(sealed, of_paper(PAPER), place, nobody_looks, replace=True)
        os.write(says, str(rest).encode())
        os._exit(0)
    finally:
        os._exit(1)


def test_a_restore_killed_at_any_step_leaves_the_old_clinic_whole_or_the_new(
    lived: tuple[Place, Path], tmp_path: Path
) -> None:
    place, file = lived
    ended, rest = restored(copied(place.home, tmp_path / "whole"), file, MANY)
    assert ended == 0
    steps = MANY - rest
    # Evenly over all of it, and the last ones, where the renames are, each.
    kills = sorted({*range(0, steps, max(1, steps // KILLS)), *range(steps - KILLS, steps)})
    ways = set()
    for kill in kills:
        there = copied(place.home, tmp_path / f"at-{kill}")
        assert restored(there, file, kill)[0] == -signal.SIGKILL
        go_on(there)  # whatever command comes next
        messages = held(there)
        ways.add(len(messages))
        assert len(messages) in (1, 2)
        keys = people.sign_in(there.page_db, "maria", PASSWORD).mailboxes["front-desk"]
        for message in messages:
            assert vault.hear(vault.sealed_path(there.messages, message), *keys).audio
        assert len(list(there.messages.glob("*.sealed"))) == len(messages)
        assert restored(there, file, MANY)[0] == 0  # and somebody tries again
        assert len(held(there)) == 1
        assert list(there.home.glob("restore-*.part")) == []
    assert ways == {1, 2}
