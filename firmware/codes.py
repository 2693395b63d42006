"""Codes that a person copies from paper or hears read out: letters told apart by eye and ear.

Only a hash of one is kept. A code has too many bits to be guessed from it, so it needs no salt and
no slow hash.
"""

import hmac
import secrets
from hashlib import sha256

# 16 letters of 31: nobody tries 2^79 codes.
LETTERS, LENGTH, GROUP = "abcdefghjkmnpqrstuvwxyz23456789", 16, 4


def fresh(length: int = LENGTH) -> str:
    """A code that nobody had before, as it is shown: `abcd-efgh-...`."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(length))
    return "-".join(letters[at : at + GROUP] for at in range(0, length, GROUP))


def plain(typed: str) -> str:
    """The letters alone: capitals, dashes and spaces do no harm."""
    return "".join(typed.lower().replace("-", "").split())


def hashed(code: str, purpose: str) -> bytes:
    """What is kept of it; no code serves for another purpose."""
    return sha256(f"careline {purpose} {plain(code)}".encode()).digest()


def fits(typed: str, kept: bytes, purpose: str) -> bool:
    return hmac.compare_digest(hashed(typed, purpose), kept)
