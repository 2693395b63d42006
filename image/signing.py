"""Who signs bundles, and whom a box trusts: a release's key comes from outside, and lies in no
checkout; for trying, each machine makes itself one.

    CARELINE_SIGN_KEY   a file, or a PKCS#11 address of a key that leaves its token never
    CARELINE_SIGN_CERT  its certificate, for signing programs
    CARELINE_KEYRING    the authority that vouches for it, which the image carries
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

GIVEN = ("CARELINE_SIGN_KEY", "CARELINE_SIGN_CERT", "CARELINE_KEYRING")
FOR_TRYING = timedelta(days=3650)
SIGNS_PROGRAMS = ExtendedKeyUsageOID.CODE_SIGNING


class SigningError(Exception):
    """Nobody can sign; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Signer:
    """By files, or the key by its address."""

    key: str
    certificate: Path
    keyring: Path


def signer(kept: Path, told: Mapping[str, str] = os.environ) -> Signer:
    """The one from outside, else this machine's own, made where there is none yet."""
    given = [told.get(name, "") for name in GIVEN]
    if any(given):
        if not all(given):
            raise SigningError(f"give all of {', '.join(GIVEN)}, or none")
        return Signer(given[0], Path(given[1]), Path(given[2]))
    if not (kept / "keyring.pem").exists():
        make(kept)
    return Signer(str(kept / "key.pem"), kept / "cert.pem", kept / "keyring.pem")


@dataclass(frozen=True, slots=True)
class Authority:
    """Vouches for whoever signs."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def fresh(cls, until: datetime) -> "Authority":
        key = ec.generate_private_key(ec.SECP384R1())
        name = _named("CareLine updates, for trying")
        made = (
            _certificate(name, name, key.public_key(), until, is_authority=True)
            .add_extension(_usage(certificates=True), critical=True)
            .sign(key, hashes.SHA384())
        )
        return cls(key, made)

    def signer(
        self, until: datetime, purpose: ObjectIdentifier = SIGNS_PROGRAMS
    ) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        """A key, and this authority's word for it."""
        key = ec.generate_private_key(ec.SECP384R1())
        issued = (
            _certificate(
                _named("CareLine bundles, for trying"), self.certificate.subject,
                key.public_key(), until, is_authority=False,
            )
            .add_extension(_usage(certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        )  # fmt: skip
        return key, issued.sign(self.key, hashes.SHA384())


def make(kept: Path, until: datetime | None = None) -> None:
    """A key of this machine's own; the authority's is thrown away. The keyring comes last."""
    until = until or datetime.now(UTC) + FOR_TRYING
    authority = Authority.fresh(until)
    key, certificate = authority.signer(until)
    kept.mkdir(parents=True, exist_ok=True)
    write_key(kept / "key.pem", key)
    (kept / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (kept / "keyring.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))


def write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Nobody else reads it."""
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    until: datetime,
    *,
    is_authority: bool,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(datetime.now(UTC), until) - timedelta(days=1))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates, key_cert_sign=certificates, crl_sign=certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
