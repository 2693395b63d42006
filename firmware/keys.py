"""The vault's key pairs, each grown from a 32-byte seed, and secrets wrapped to the public half.

Wrapping is HPKE (RFC 9180, base mode) with ML-KEM-1024 and P-384 together, so that what is sealed
today stays closed both to a broken lattice and to a quantum machine. The seed grows as the draft of
that hybrid lays down: SHAKE256(seed) is ML-KEM's 64-byte seed followed by P-384's private scalar.
"""

import hashlib
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, mlkem
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM1024P384PrivateKey,
    MLKEM1024P384PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEED_BYTES = 32
LATTICE_SEED_BYTES = 64  # FIPS 203: d and z
SCALAR_BYTES = 48
LATTICE_PUBLIC_BYTES = 1568
PUBLIC_BYTES = LATTICE_PUBLIC_BYTES + 97  # the point uncompressed
KEY_ID_BYTES = 16
# What wrapping adds: ML-KEM's ciphertext, an ephemeral point, and the tag of AES-GCM.
WRAP_OVERHEAD = 1568 + 97 + 16

_SUITE = Suite(KEM.MLKEM1024_P384, KDF.HKDF_SHA384, AEAD.AES_256_GCM)


class KeyRefusedError(Exception):
    """This key does not open this, or what was wrapped has been changed."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Where secrets can be wrapped to; its bytes are ML-KEM's public key and then P-384's point."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != PUBLIC_BYTES:
            raise KeyRefusedError(
                f"a public key has {PUBLIC_BYTES} bytes, this one {len(self.raw)}"
            )

    @property
    def id(self) -> bytes:
        """Names the key in headers and rows."""
        return hashlib.sha256(self.raw).digest()[:KEY_ID_BYTES]

    def wrap(self, secret: bytes, purpose: bytes) -> bytes:
        """`secret`, readable only with the private half and only for `purpose`."""
        return _SUITE.encrypt(secret, self._loaded(), info=purpose)

    def _loaded(self) -> MLKEM1024P384PublicKey:
        lattice, point = self.raw[:LATTICE_PUBLIC_BYTES], self.raw[LATTICE_PUBLIC_BYTES:]
        return MLKEM1024P384PublicKey(
            mlkem.MLKEM1024PublicKey.from_public_bytes(lattice),
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), point),
        )


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key, kept as the seed it grows from."""

    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise KeyRefusedError(f"a key's seed has {SEED_BYTES} bytes, this one {len(self.seed)}")

    @classmethod
    def fresh(cls) -> "KeyPair":
        return cls(os.urandom(SEED_BYTES))

    @property
    def public(self) -> PublicKey:
        lattice, scalar = self._halves()
        point = scalar.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return PublicKey(lattice.public_key().public_bytes_raw() + point)

    def unwrap(self, wrapped: bytes, purpose: bytes) -> bytes:
        """What `PublicKey.wrap` was given."""
        try:
            return _SUITE.decrypt(wrapped, MLKEM1024P384PrivateKey(*self._halves()), info=purpose)
        except InvalidTag:
            raise KeyRefusedError(
                "the key does not fit, or what it should open was changed"
            ) from None

    def _halves(self) -> tuple[mlkem.MLKEM1024PrivateKey, ec.EllipticCurvePrivateKey]:
        grown = hashlib.shake_256(self.seed).digest(LATTICE_SEED_BYTES + SCALAR_BYTES)
        # A scalar outside the curve's order has a chance of 2^-190 and is refused by the library.
        scalar = int.from_bytes(grown[LATTICE_SEED_BYTES:])
        return (
            mlkem.MLKEM1024PrivateKey.from_seed_bytes(grown[:LATTICE_SEED_BYTES]),
            ec.derive_private_key(scalar, ec.SECP384R1()),
        )
