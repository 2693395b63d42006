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

SPARE = ".spare"


class NoSpareKeyError(VaultError):
    """The box cannot open this message."""


def keep(directory: Path, message: str, key: bytes, machine: MachineKey) -> None:
    """Durable but for its name, which the directory's next sync makes so."""
    sealed = machine.seal(key.hex(), _where(message))
    fd = os.open(_path(directory, message), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        write_all(fd, sealed)
        os.fsync(fd)
    finally:
        os.close(fd)


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
    sync_directory(directory)
    return True


def held(directory: Path) -> list[str]:
    """Messages that the box can open by itself now."""
    return sorted(path.stem for path in directory.glob("*" + SPARE))


def _path(directory: Path, message: str) -> Path:
    return directory / (str(UUID(message)) + SPARE)


def _where(message: str) -> str:
    return f"message key {UUID(message)}"
