"""The third wrap: a message's key, sealed under the machine key, beside the message.

An urgent message must be played on a telephone at night, when nobody is there to give a password.
So for as long as it is open, and no longer, the box itself can open it; and so it can as long as
the owner of its mailbox wants to listen at a telephone. Each reason has a folder of its own. The
file is there before the first second of the message is, so that no power cut parts the two;
destroying it leaves the message to its mailbox alone.
"""

import os
from pathlib import Path
from uuid import UUID

from firmware import vault
from firmware.durable import make_directory, mode_in, sync_directory, write_all
from firmware.machine import MachineKey
from firmware.vault import Heard, VaultError, sealed_path

SPARE = "spare"  # of urgent messages; it is looked through at each call's end
BY_PHONE = "by-phone"  # of mailboxes that somebody listens to at a telephone


class NoSpareKeyError(VaultError):
    """The box cannot open this message."""


def keep(directory: Path, message: str, key: bytes, machine: MachineKey, why: str = SPARE) -> None:
    """Durable before it returns."""
    sealed = machine.seal(key.hex(), _where(message, why))
    path = _path(directory, message, why)
    make_directory(path.parent, 0o700)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    fd = os.open(path, flags, mode_in(path.parent, 0o600))
    try:
        write_all(fd, sealed)
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_directory(path.parent)


def hear(directory: Path, message: str, machine: MachineKey, why: str = SPARE) -> Heard:
    """The whole message, in memory."""
    try:
        sealed = _path(directory, message, why).read_bytes()
    except FileNotFoundError:
        raise NoSpareKeyError("the box's own key to this message is destroyed") from None
    key = bytes.fromhex(machine.open(sealed, _where(message, why)))
    return vault.hear(sealed_path(directory, message), key)


def destroy(directory: Path, message: str, why: str = SPARE) -> bool:
    """Overwritten, then gone; false when there was none."""
    if not overwrite(directory, message, why):
        return False
    path = _path(directory, message, why)
    path.unlink()
    sync_directory(path.parent)
    return True


def overwrite(directory: Path, message: str, why: str) -> bool:
    """Nothing is opened with it any more; its file stays as the mark of a receipt not written
    yet."""
    path = _path(directory, message, why)
    try:
        with path.open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            file.write(bytes(size))
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        return False
    return True


def held(directory: Path, why: str = SPARE) -> list[str]:
    """Messages that the box can open by itself now."""
    folder = directory / why
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def _path(directory: Path, message: str, why: str) -> Path:
    return directory / why / str(UUID(message))


def _where(message: str, why: str) -> str:
    by_phone = " by phone" if why == BY_PHONE else ""
    return f"message key{by_phone} {UUID(message)}"
