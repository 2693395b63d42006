"""The disk behind the guest: what it may lose at a cut, and what it may not."""

import os
import random
import subprocess
from pathlib import Path

import pytest

from tests.powercuts.cuts import PATH, blank, checked
from tests.powercuts.disk import SECTOR, Disk

OLD, NEW = b"o" * SECTOR, b"n" * SECTOR


@pytest.fixture
def disk() -> Disk:
    return Disk(OLD * 64)


@pytest.mark.parametrize("seed", range(20))
def test_what_was_flushed_outlives_every_cut(disk: Disk, seed: int) -> None:
    disk.write(0, NEW * 8)
    disk.flush()
    disk.write(8 * SECTOR, NEW * 8)
    disk.lose_power(random.Random(seed))
    assert disk.read(0, 8 * SECTOR) == NEW * 8


def test_of_what_was_not_flushed_any_part_may_be_there(disk: Disk) -> None:
    found = set()
    for seed in range(40):
        disk = Disk(OLD * 4)
        for sector in range(4):
            disk.write(sector * SECTOR, NEW)
        disk.lose_power(random.Random(seed))
        found.add(disk.content())
    assert OLD * 4 in found
    assert NEW * 4 in found
    assert any(each[:SECTOR] == OLD and NEW in each for each in found)  # later, without earlier


def test_what_is_written_through_outlives_a_cut_and_nothing_older_comes_back_over_it() -> None:
    for seed in range(40):
        disk = Disk(OLD * 4)
        disk.write(0, b"x" * 4 * SECTOR)
        disk.write(SECTOR, NEW * 2, through=True)
        assert disk.content()[SECTOR : 3 * SECTOR] == NEW * 2
        disk.lose_power(random.Random(seed))
        assert disk.content()[SECTOR : 3 * SECTOR] == NEW * 2


def test_a_dead_disk_accepts_no_more_than_it_was_told_to(disk: Disk) -> None:
    died: list[bool] = []
    disk.die_after(2, lambda: died.append(disk.is_dead))
    disk.write(0, NEW)
    assert not disk.is_dead
    disk.write(SECTOR, NEW)
    assert died == [True]


def test_a_journal_that_ends_in_half_a_commit_block_is_mended_before_it_is_mounted(
    tmp_path: Path,
) -> None:
    def asked(program: str, *words: str) -> subprocess.CompletedProcess[str]:
        found = os.environ | {"PATH": PATH}
        return subprocess.run(
            [program, *words], env=found, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    disk = tmp_path / "disk"
    disk.write_bytes(blank(tmp_path))
    (tmp_path / "block").write_bytes(b"x" * 4096)
    (tmp_path / "orders").write_text("jo -c -v 3\njw -b 20000 block\njc\n")
    asked("debugfs", "-w", "-f", "orders", "disk")
    log = asked("debugfs", "-R", "logdump -S", "disk").stdout
    commit = int(log.split("(commit block) at block ")[1].split()[0])
    block = int(asked("debugfs", "-R", f"bmap <8> {commit}", "disk").stdout)
    size = int(asked("dumpe2fs", "-h", "disk").stdout.split("Block size:")[1].split()[0])
    content = bytearray(disk.read_bytes())
    half = block * size + size // 2
    content[half : half + 4] = b"old!"
    disk.write_bytes(checked(bytes(content), tmp_path))
    assert asked("e2fsck", "-f", "-n", "disk").returncode == 0
    assert "needs_recovery" not in asked("dumpe2fs", "-h", "disk").stdout
