"""The machine key: made once, for its owner only, and of use only where it belongs."""

from pathlib import Path

import pytest

from firmware.machine import MachineKey, MachineKeyError


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "machine.key"
    made = MachineKey.at(path)
    assert MachineKey.at(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert made != MachineKey.at(tmp_path / "another.key")


def test_the_key_never_shows_itself(tmp_path: Path) -> None:
    key = MachineKey.at(tmp_path / "machine.key")
    assert key.secret.hex()[:8] not in repr(key)
    assert "secret" not in repr(key)


def test_a_sealed_number_opens_only_where_it_was_put(tmp_path: Path) -> None:
    key = MachineKey.at(tmp_path / "machine.key")
    sealed = key.seal("+15555550142", "calls.number a")
    assert key.open(sealed, "calls.number a") == "+15555550142"
    with pytest.raises(MachineKeyError, match="moved"):
        key.open(sealed, "calls.number b")
    with pytest.raises(MachineKeyError, match="changed"):
        key.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), "calls.number a")


def test_a_damaged_key_file_is_named_with_its_cure(tmp_path: Path) -> None:
    path = tmp_path / "machine.key"
    path.write_bytes(b"short")
    with pytest.raises(MachineKeyError, match="restore it from a backup"):
        MachineKey.at(path)
