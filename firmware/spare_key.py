"""The third wrap: a message's key, sealed under the machine key, beside the message.

An urgent message must be played on a telephone at night, when nobody is there to give a password.
So for as long as it is open, and no longer, the box itself can open it. The file is there before
the first second of the message is, so that no power cut parts the two; destroying it leaves the
message to its mailbox alone.
"""

import os
from pathlib import Path
from uuid import UUID

from firmware import vault
from firmware.durable import sync_directory, write_all
from firmware.machine import MachineKey
from firmware.vault import Heard, VaultError, sealed_path

SPARE = "spare"  # a folder of its own: it is looked through at each call's end


class NoSpareKeyError(VaultError):
    """The box cannot open this message."""


def keep(directory: Path, message: str, key: bytes, machine: MachineKey) -> None:
    """Durable before it returns."""
    sealed = machine.seal(key.hex(), _where(message))
    path = _path(directory, message)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        write_all(fd, sealed)
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_directory(path.parent)


def hear(directory: Path, message: str, machine: MachineKey) -> Heard:
    """The whole message, in memory."""
    try:
        sealed = _path(directory, message).read_bytes()
    except FileNotFoundError:
        raise NoSpareKeyError("the box's own key to this message is destroyed") from None
    key = bytes.fromhex(machine.open(sealed, _where(message)))
    return vault.hear(sealed_path(directory, message), key)


def destroy(directory: Path, message: str) -> bool:
    """Overwritten, then gone; false when there was none."""
    path = _path(directory, message)
    try:
        with path.open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            file.write(bytes(size))
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        return False
    path.unlink()
    sync_directory(path.parent)
    return True


def held(directory: Path) -> list[str]:
    """Messages that the box can open by itself now."""
    folder = directory / SPARE
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def _path(directory: Path, message: str) -> Path:
    return directory / SPARE / str(UUID(message))


def _where(message: str) -> str:
    return f"message key {UUID(message)}"
