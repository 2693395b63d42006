"""The box's own key to an urgent message: there while it is open, and no longer."""

from pathlib import Path
from uuid import uuid4

import pytest

from firmware import spare_key, vault
from firmware.keys import KeyPair
from firmware.machine import MachineKey, MachineKeyError
from firmware.spare_key import NoSpareKeyError
from firmware.vault import Label, Sealing

OWNERS = KeyPair.fresh()
MACHINE = MachineKey(bytes(range(32)))
WORDS = bytes(range(256)) * 10


def a_message(directory: Path) -> str:
    """Sealed for its mailbox, and for the box."""
    message = str(uuid4())
    label = Label(message, str(uuid4()), "doctor", 0, urgent=True)

    def spare(name: str, key: bytes) -> None:
        spare_key.keep(directory, name, key, MACHINE)

    sealing = Sealing(directory, label, [OWNERS.public], spare)
    sealing.add(memoryview(WORDS), last=True)
    sealing.finish()
    return message


def test_the_box_opens_an_urgent_message_until_its_own_key_is_destroyed(tmp_path: Path) -> None:
    message = a_message(tmp_path)
    assert spare_key.held(tmp_path) == [message]
    assert spare_key.hear(tmp_path, message, MACHINE).audio == WORDS
    assert spare_key.destroy(tmp_path, message)
    assert spare_key.held(tmp_path) == []
    with pytest.raises(NoSpareKeyError, match="destroyed"):
        spare_key.hear(tmp_path, message, MACHINE)
    assert not spare_key.destroy(tmp_path, message)
    # Its mailbox's members have lost nothing.
    assert vault.hear(vault.sealed_path(tmp_path, message), OWNERS).audio == WORDS


def test_another_box_and_another_message_cannot_use_it(tmp_path: Path) -> None:
    message, other = a_message(tmp_path), a_message(tmp_path)
    with pytest.raises(MachineKeyError):
        spare_key.hear(tmp_path, message, MachineKey(bytes(32)))
    folder = tmp_path / spare_key.SPARE
    (folder / other).write_bytes((folder / message).read_bytes())
    with pytest.raises(MachineKeyError, match="moved"):
        spare_key.hear(tmp_path, other, MACHINE)


def test_it_is_not_the_plain_key_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    kept: list[bytes] = []

    def spare(name: str, key: bytes) -> None:
        kept.append(key)
        spare_key.keep(tmp_path, name, key, MACHINE)

    label = Label(str(uuid4()), str(uuid4()), "doctor", 0, urgent=True)
    Sealing(tmp_path, label, [OWNERS.public], spare).close()
    (path,) = (tmp_path / spare_key.SPARE).iterdir()
    assert kept[0] not in path.read_bytes()
    assert kept[0].hex().encode() not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
