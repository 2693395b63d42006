"""A technician writes the image to a disk, and switches the box on."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from firmware.ports import free_ports
from tests.image.box import Box

SECTOR = 512
ROOT_A = "root-a"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with ExitStack() as kept:
        yield Box(tmp_path, *free_ports(kept, 1))


def fingerprint(box: Box) -> str:
    """Of the box's authority, as its own screen shows it last; empty while it does not."""
    _, _, told = box.said.rpartition("fingerprint (SHA-256)")
    pairs = ":".join(re.findall(r"(?:[0-9A-F]{2}:){7,}[0-9A-F]{2}", told)).split(":")
    return ":".join(pairs[:32]) if len(pairs) >= 32 else ""


@pytest.mark.timeout(900)
def test_a_new_box_shows_how_to_set_it_up_and_is_the_same_once_its_plug_was_pulled(
    box: Box, record_property: Callable[[str, object], None]
) -> None:
    with box.on():
        took_s = box.until(lambda: box.page() is not None)
        assert box.page() == 303
        box.until(lambda: "one-time code: " in box.said and fingerprint(box))
        first = fingerprint(box)
    record_property("page after s, emulated", round(took_s))
    with box.on():
        box.until(lambda: box.page() is not None)
        box.until(lambda: fingerprint(box))
        assert fingerprint(box) == first


@pytest.mark.timeout(900)
def test_a_box_with_one_wrong_byte_in_its_programs_never_starts_them(box: Box) -> None:
    """It stops at once, and would start again."""
    at = start_of(box.disk, ROOT_A) + 1024  # the file system's own beginning
    with box.disk.open("r+b") as disk:
        disk.seek(at)
        byte = disk.read(1)[0]
        disk.seek(at)
        disk.write(bytes([byte ^ 1]))
    with box.on():
        box.until(lambda: not box.is_on)
        assert "is corrupted" in box.said
        assert "one-time code" not in box.said


def start_of(disk: Path, name: str) -> int:
    """Where this partition begins, in bytes (UEFI 2.10, 5.3)."""
    with disk.open("rb") as table:
        table.seek(2 * SECTOR)
        entries = table.read(128 * 128)
    for at in range(0, len(entries), 128):
        entry = entries[at : at + 128]
        if entry[56:].decode("utf-16-le").rstrip("\0") == name:
            return int.from_bytes(entry[32:40], "little") * SECTOR
    raise AssertionError(f"no partition {name}")
