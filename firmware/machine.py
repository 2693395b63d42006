"""The machine key: what the box can open by itself, so that callers' numbers and names lie sealed
in its stores.

A file for now, so a thief of the whole disk reads those columns; never a message. Two keys are
derived from it: one seals columns, the other makes the keyed hash by which two calls of one number
are known to be the same caller's.
"""

import hmac
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from firmware.durable import mode_in, sync_directory

KEY_BYTES = 32
NONCE_BYTES = 12


class MachineKeyError(Exception):
    """The machine key is unusable, or a column was not sealed with it."""


@dataclass(frozen=True, slots=True)
class MachineKey:
    """Seals short texts for the stores."""

    secret: bytes = field(repr=False)

    @classmethod
    def at(cls, path: Path) -> "MachineKey":
        """The key in this file, which is made if there is none."""
        try:
            secret = path.read_bytes()
        except FileNotFoundError:
            return cls(_make(path))
        if len(secret) != KEY_BYTES:
            raise MachineKeyError(
                f"{path} holds {len(secret)} bytes instead of {KEY_BYTES}: restore it from a"
                " backup; without it, callers' numbers in the ledger stay unreadable"
            )
        return cls(secret)

    def seal(self, text: str, where: str) -> bytes:
        """`text`, readable only with this key and only as what `where` names (table, column and
        row).
        """
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._columns().encrypt(nonce, text.encode(), where.encode())

    def open(self, sealed: bytes, where: str) -> str:
        """What `seal` was given."""
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return self._columns().decrypt(nonce, body, where.encode()).decode()
        except InvalidTag:
            raise MachineKeyError(
                f"{where} was changed, moved or sealed with another machine key: restore"
                " machine.key from the backup that belongs to this database"
            ) from None

    def keyed_hash(self, number: str) -> bytes:
        """Equal for equal numbers, and no help to a thief who tries all numbers without the key."""
        return hmac.digest(self._derived(b"careline number hash"), number.encode(), "sha256")

    def for_patients(self) -> bytes:
        """The key of the list of patients."""
        return self._derived(b"careline patient list")

    def number_of_patient(self, number: str) -> bytes:
        """As `keyed_hash`, of the numbers that the clinic's list of patients has."""
        return hmac.digest(self._derived(b"careline patient number"), number.encode(), "sha256")

    def for_own_words(self) -> bytes:
        """The seed of the key pair to which the clinic's own words are sealed: announcements and
        greetings, which every caller hears and the box must speak by itself."""
        return self._derived(b"careline own words")

    def for_audit(self) -> bytes:
        """What the audit's signing key grows from."""
        return self._derived(b"careline audit")

    def for_page_tls(self) -> bytes:
        """What the private keys of the page's certificates are encrypted with: letters and digits,
        for OpenSSL takes it for a passphrase."""
        return self._derived(b"careline page tls").hex().encode()

    def _columns(self) -> AESGCM:
        return AESGCM(self._derived(b"careline sealed columns"))

    def _derived(self, purpose: bytes) -> bytes:
        return _derive(self.secret, purpose)


@lru_cache(maxsize=64)
def _derive(secret: bytes, purpose: bytes) -> bytes:
    """Kept: a list of calls opens fifty columns, and each would derive their key anew."""
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=purpose).derive(secret)


def _make(path: Path) -> bytes:
    """A fresh key, whole on the disk before anything is sealed with it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    secret = os.urandom(KEY_BYTES)
    fresh.unlink(missing_ok=True)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    fd = os.open(fresh, flags, mode_in(path.parent, 0o600))
    try:
        os.write(fd, secret)
        os.fsync(fd)
    finally:
        os.close(fd)
    fresh.rename(path)
    sync_directory(path.parent)
    return secret
