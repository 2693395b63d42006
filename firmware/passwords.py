"""Passwords: what one must be, and a seed sealed under it by argon2id.

Nothing is kept that says whether a password is right but the sealed seed itself: it opens, or not.
"""

import os
import unicodedata
from dataclasses import dataclass, field
from functools import cache

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from firmware.keys import KeyPair

LEAST, MOST = 8, 1024
ADVICE = "four words in a row are good and easily kept in mind"
SALT_BYTES, NONCE_BYTES, SECRET_BYTES = 16, 12, 32


class PasswordError(Exception):
    """This cannot be a password; the message says what to do."""


class WrongPasswordError(Exception):
    """The seed was not sealed under this password, or not as this person's."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What trying one password costs; kept with each person, so that it can rise later."""

    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


# RFC 9106's second recommendation: 64 MiB, which a Pi has to spare and a thief's chip has not.
COST = Cost()


@dataclass(frozen=True, slots=True)
class SealedSeed:
    """A private key's seed, readable with a password alone."""

    sealed: bytes = field(repr=False)
    salt: bytes
    cost: Cost


def check(password: str) -> None:
    """Refuse what is guessed at once; nothing is asked of its letters. PasswordError."""
    if len(password) < LEAST:
        raise PasswordError(
            f"the password has {len(password)} characters: choose at least {LEAST}; {ADVICE}"
        )
    if len(password) > MOST:
        raise PasswordError(f"the password has {len(password)} characters and may have {MOST}")
    if _normal(password).casefold() in _common():
        raise PasswordError(
            "the password is one of those that are tried first, for too many people chose it:"
            f" choose another; {ADVICE}"
        )


def seal(pair: KeyPair, password: str, person: str, cost: Cost = COST) -> SealedSeed:
    """The seed under this password, as this person's and nobody else's."""
    salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
    secret = _stretched(password, salt, cost)
    body = AESGCM(secret).encrypt(nonce, pair.seed, _of_person(person))
    return SealedSeed(nonce + body, salt, cost)


def unseal(kept: SealedSeed, password: str, person: str) -> KeyPair:
    """What `seal` was given. WrongPasswordError."""
    secret = _stretched(password, kept.salt, kept.cost)
    nonce, body = kept.sealed[:NONCE_BYTES], kept.sealed[NONCE_BYTES:]
    try:
        return KeyPair(AESGCM(secret).decrypt(nonce, body, _of_person(person)))
    except InvalidTag:
        raise WrongPasswordError from None


def spend(password: str) -> None:
    """Take as long for a stranger's name as for a known one."""
    _stretched(password, bytes(SALT_BYTES), COST)


def _stretched(password: str, salt: bytes, cost: Cost) -> bytes:
    typed = _normal(password).encode()
    return hash_secret_raw(
        typed, salt, cost.passes, cost.memory_kib, cost.lanes, SECRET_BYTES, Type.ID
    )


def _normal(password: str) -> str:
    """The same password typed on another keyboard may come in other code points."""
    return unicodedata.normalize("NFKC", password)


@cache
def _common() -> frozenset[str]:
    """What people chose most often, as leaks of passwords have shown."""
    # Read where a password is chosen, and nowhere else: it is a megabyte.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])


def _of_person(person: str) -> bytes:
    return b"careline person " + person.encode()
