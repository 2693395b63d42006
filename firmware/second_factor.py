"""The second factor: six digits that a person's telephone shows, anew every half minute (RFC 6238).

Its secret lies sealed under a key that grows from the person's own, which only their password
opens: page.db alone gives no codes away, and the check comes after the password has unlocked. For
the same reason it guards the door and not the files: whoever holds page.db and a password opens
what that password opens. A code serves once, and a telephone's clock may be a step off.

Without the telephone one of ten recovery codes serves in place of a code, each once.
"""

import hmac
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyotp
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from sqlalchemy import Connection, column, select, table

from firmware import codes
from firmware.keys import KeyPair, KeyRefusedError

STEP_S, DRIFT_STEPS, DIGITS = 30, 1, 6
RECOVERY_CODES = 10
RECOVERY = "recovery code"
KEY_BYTES, NONCE_BYTES = 32, 12

second_factors = table(
    "second_factors",
    column("person", sa.Text),
    column("sealed_secret", sa.LargeBinary),
    column("last_step", sa.Integer),
    column("made", sa.Text),
)
recovery_codes = table("recovery_codes", column("person", sa.Text), column("code", sa.LargeBinary))


@dataclass(frozen=True, slots=True)
class Secret:
    """What the telephone and the box both know."""

    base32: str = field(repr=False)

    @classmethod
    def fresh(cls) -> "Secret":
        return cls(pyotp.random_base32())

    def address(self, person: str, clinic: str) -> str:
        """What the QR code says to the telephone."""
        return pyotp.TOTP(self.base32).provisioning_uri(name=person, issuer_name=clinic)

    def step_of(self, typed: str, now: datetime) -> int | None:
        """Which step's code this is; None: of none that could be shown now."""
        digits = "".join(typed.split())
        counter, at_step = pyotp.HOTP(self.base32), int(now.timestamp()) // STEP_S
        near = range(max(at_step - DRIFT_STEPS, 0), at_step + DRIFT_STEPS + 1)
        # Every one is looked at: how long it takes tells nothing.
        fitting = [s for s in near if hmac.compare_digest(counter.at(s).encode(), digits.encode())]
        return fitting[-1] if fitting else None


def switch_on(
    connection: Connection, person: str, pair: KeyPair, secret: Secret, typed: str, now: datetime
) -> bool:
    """From now on a code is asked for; false, and nothing done, if the telephone shows others."""
    step = secret.step_of(typed, now)
    if step is None:
        return False
    switch_off(connection, person)
    connection.execute(
        second_factors.insert().values(
            person=person,
            sealed_secret=_sealed(secret, person, pair),
            last_step=step,
            made=now.astimezone(UTC).isoformat(timespec="milliseconds"),
        )
    )
    return True


def switch_off(connection: Connection, person: str) -> None:
    """No code is asked for any more, and the recovery codes are void."""
    connection.execute(second_factors.delete().where(second_factors.c.person == person))
    connection.execute(recovery_codes.delete().where(recovery_codes.c.person == person))


def is_on(connection: Connection, person: str) -> bool:
    asked = select(second_factors.c.person).where(second_factors.c.person == person)
    return connection.scalar(asked) is not None


def passes(connection: Connection, person: str, pair: KeyPair, typed: str, now: datetime) -> bool:
    """Whether this is a code of the person's that has not served yet. From now on it has."""
    asked = select(second_factors).where(second_factors.c.person == person)
    row = connection.execute(asked).one()
    step = _opened(row.sealed_secret, person, pair).step_of(typed, now)
    if step is None:
        return _spend_recovery_code(connection, person, typed)
    if step <= row.last_step:
        return False
    connection.execute(
        sa.update(second_factors).where(second_factors.c.person == person).values(last_step=step)
    )
    return True


def new_recovery_codes(connection: Connection, person: str) -> list[str]:
    """Ten codes to be printed once; those before them are void."""
    connection.execute(recovery_codes.delete().where(recovery_codes.c.person == person))
    fresh = [codes.fresh() for _ in range(RECOVERY_CODES)]
    rows = [{"person": person, "code": codes.hashed(code, RECOVERY)} for code in fresh]
    connection.execute(recovery_codes.insert(), rows)
    return fresh


def recovery_codes_left(connection: Connection, person: str) -> int:
    asked = select(sa.func.count()).select_from(recovery_codes)
    return connection.scalar(asked.where(recovery_codes.c.person == person)) or 0


def _spend_recovery_code(connection: Connection, person: str, typed: str) -> bool:
    spent = connection.execute(
        recovery_codes.delete().where(
            recovery_codes.c.person == person,
            recovery_codes.c.code == codes.hashed(typed, RECOVERY),
        )
    )
    return spent.rowcount == 1


def _sealed(secret: Secret, person: str, pair: KeyPair) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    body = _key(pair).encrypt(nonce, secret.base32.encode(), _where(person))
    return nonce + body


def _opened(sealed: bytes, person: str, pair: KeyPair) -> Secret:
    nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return Secret(_key(pair).decrypt(nonce, body, _where(person)).decode())
    except InvalidTag:
        raise KeyRefusedError(
            f"the second factor of {person} was changed after it was made: have an admin invite"
            f" {person} again"
        ) from None


def _key(pair: KeyPair) -> AESGCM:
    grown = HKDFExpand(hashes.SHA384(), KEY_BYTES, b"careline second factor").derive(pair.seed)
    return AESGCM(grown)


def _where(person: str) -> bytes:
    return b"careline second factor " + person.encode()
