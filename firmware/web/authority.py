"""The box's own certificate authority, and the certificate that it shows to browsers.

The authority is born once and vouches for this box's names and for private addresses only, by
critical name constraints: who steals it can pretend to be this box, and no bank. It does not hang
on any clock. Its private key and the certificate's lie encrypted under the machine key.

The certificate lives for three months and is made anew by itself: before its end, and when a name
or an address of the box changes. A clock that nobody vouches for must neither make one that is not
yet valid nor end one: then it is made to hold from the last day that is known to be past for as
long as browsers accept, and replaced once the clock is right.
"""

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from firmware import account
from firmware.audit import Act
from firmware.durable import replace_file
from firmware.machine import MachineKey
from firmware.place import Place
from firmware.web.addresses import PRIVATE, Names, is_private

# No browser that will ever see it has a clock outside of these.
AUTHORITY_FROM = datetime(2025, 1, 1, tzinfo=UTC)
AUTHORITY_UNTIL = datetime(2049, 12, 31, tzinfo=UTC)
# The day this was written: whatever a clock says, it is later than that.
SURELY_PAST = datetime(2026, 11, 22, tzinfo=UTC)
LIFE = timedelta(days=90)
RENEWED_BEFORE_END = timedelta(days=30)
# Apple's systems refuse a server's certificate that is valid for more than 825 days (HT210176).
LIFE_IN_DOUBT = timedelta(days=820)
# A visitor's clock may be a little behind ours.
EARLY = timedelta(days=1)
# TLS 1.2 only with forward secrecy and an AEAD; 1.3 has nothing else (RFC 8446 B.4, RFC 9325).
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
PAIRS_A_LINE = 8

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Clock:
    """What the wall clock says, and whether it can be trusted (firmware/wallclock.py)."""

    now: datetime
    is_trusted: bool


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Authority:
    """Who vouches for the box."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def name(self) -> str:
        """As it stands in a system's list of authorities."""
        return str(self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)

    @property
    def fingerprint(self) -> tuple[str, ...]:
        """Of SHA-256, as console, label and page show it, line by line."""
        return _lines(self.certificate.fingerprint(hashes.SHA256()))

    @property
    def thumbprint(self) -> tuple[str, ...]:
        """Of SHA-1: the only one that Windows shows."""
        return _lines(self.certificate.fingerprint(hashes.SHA1()))  # noqa: S303 - compared by eye

    def permitted(self, names: Names) -> Names:
        """Those of the names that it may vouch for."""
        constraints = self.certificate.extensions.get_extension_for_class(x509.NameConstraints)
        permitted = constraints.value.permitted_subtrees or []
        dns = {one.value for one in permitted if isinstance(one, x509.DNSName)}
        return Names(
            tuple(name for name in names.dns if name in dns),
            tuple(address for address in names.addresses if is_private(address)),
        )


def authority_of(place: Place, names: Names) -> Authority:
    """The box's authority, which is born if there is none: then it is bound to these names."""
    passphrase = _passphrase(place)
    path = place.page_authority
    try:
        return _read_authority(path, passphrase)
    except FileNotFoundError:
        log.info("the page's certificate authority is born")
    except ValueError as damaged:
        # The page must be served all the same, and browsers warn until the new one is trusted.
        aside = path.with_suffix(".unreadable")
        path.replace(aside)
        log.error(  # noqa: TRY400 - a trace of OpenSSL's reading helps nobody
            "the page's certificate authority cannot be read with this machine key: it was set"
            " aside and a new one is born, which every computer must be told to trust anew; to"
            " have the old one back, restore machine.key and this file from one backup",
            aside=aside.name,
            why=type(damaged).__name__,
        )
    born = _born(names)
    account.give_or_lay(place, "the page", Act.VOUCHED, ":".join(born.fingerprint))
    replace_file(path, _sealed_key(born.key, passphrase) + born.pem, 0o600)
    return born


def validity(clock: Clock, floor: datetime) -> Validity:
    """How long a certificate made now holds. `floor` is surely past."""
    if clock.is_trusted:
        since, until = clock.now - EARLY, clock.now + LIFE
    else:
        since, until = floor - EARLY, max(floor, clock.now) + LIFE_IN_DOUBT
    return Validity(_within(since), _within(until))


def is_due(shown: x509.Certificate, names: Names, clock: Clock) -> bool:
    """Whether a new certificate must take this one's place."""
    since, until = shown.not_valid_before_utc, shown.not_valid_after_utc
    if names_in(shown) != names:
        return True
    if not clock.is_trusted:
        return until <= clock.now  # later than that it may be, earlier never
    was_made_in_doubt = until - since > LIFE + EARLY
    return was_made_in_doubt or not since <= clock.now < until - RENEWED_BEFORE_END


def names_in(shown: x509.Certificate) -> Names:
    """What a certificate vouches for."""
    held = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return Names(
        tuple(held.get_values_for_type(x509.DNSName)),
        tuple(held.get_values_for_type(x509.IPAddress)),  # type: ignore[arg-type] # no networks here
    )


class Identity:
    """What the box shows to browsers now. A connection that stands keeps what it was shown; the
    next one is shown what `context` is then."""

    def __init__(self, place: Place, names: Names, clock: Clock) -> None:
        self.authority = authority_of(place, names)
        self._path, self._passphrase = place.page_certificate, _passphrase(place)
        self._shown = self._kept() or self._make(self.authority.permitted(names), clock)
        self.context = self._context()
        self.look(names, clock)

    @property
    def shown(self) -> x509.Certificate:
        return self._shown

    def look(self, names: Names, clock: Clock) -> bool:
        """Makes a new certificate if it is time to; tells whether it was."""
        wanted = self.authority.permitted(names)
        if not is_due(self._shown, wanted, clock):
            return False
        known_past = self._shown.not_valid_before_utc + EARLY
        self._shown = self._make(wanted, clock, max(SURELY_PAST, known_past))
        self.context = self._context()
        log.info(
            "the page has a new certificate", until=self._shown.not_valid_after_utc.isoformat()
        )
        return True

    def _kept(self) -> x509.Certificate | None:
        """What was shown before the last start, if it can still be."""
        try:
            kept = x509.load_pem_x509_certificate(self._path.read_bytes())
            kept.verify_directly_issued_by(self.authority.certificate)
            self._context()
        except FileNotFoundError:
            return None
        except (ValueError, InvalidSignature, ssl.SSLError) as unlike:
            log.warning("the page's certificate is made anew", why=type(unlike).__name__)
            return None
        return kept

    def _make(self, names: Names, clock: Clock, floor: datetime = SURELY_PAST) -> x509.Certificate:
        """A new key each time, whole on the disk before anybody is shown its certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = issued(self.authority, key, names, validity(clock, floor))
        chain = made.public_bytes(serialization.Encoding.PEM) + self.authority.pem
        replace_file(self._path, chain + _sealed_key(key, self._passphrase), 0o600)
        return made

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHERS)
        context.set_alpn_protocols(["http/1.1"])
        # Without tickets no key of a talk outlives it, and none is left over from before a restart.
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
        context.num_tickets = 0
        context.load_cert_chain(self._path, password=self._passphrase)
        return context


def _passphrase(place: Place) -> bytes:
    return MachineKey.at(place.machine_key).for_page_tls()


def _sealed_key(key: ec.EllipticCurvePrivateKey, passphrase: bytes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )


def _read_authority(path: Path, passphrase: bytes) -> Authority:
    kept = path.read_bytes()
    key = serialization.load_pem_private_key(kept, passphrase)
    certificate = x509.load_pem_x509_certificate(kept)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("a key of another kind")  # noqa: TRY004 - as if it were damaged
    if key.public_key() != certificate.public_key():
        raise ValueError("a key that is not the certificate's")
    return Authority(certificate, key)


def _born(names: Names) -> Authority:
    """Limited for ever to the names that the box has now, and to private addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # Two boxes of one clinic must be told apart in a list.
    called = f"CareLine box {identifier.digest[:3].hex().upper()}"
    permitted: list[x509.GeneralName] = [x509.DNSName(name) for name in names.dns]
    permitted += [x509.IPAddress(network) for network in PRIVATE]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_called(called))
        .issuer_name(_called(called))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(AUTHORITY_FROM)
        .not_valid_after(AUTHORITY_UNTIL)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def issued(
    authority: Authority, key: ec.EllipticCurvePrivateKey, names: Names, holds: Validity
) -> x509.Certificate:
    """A server's certificate for this key, which may not outlive the authority."""
    vouched: list[x509.GeneralName] = [x509.DNSName(name) for name in names.dns]
    vouched += [x509.IPAddress(address) for address in names.addresses]
    issuer = authority.certificate.public_key()
    assert isinstance(issuer, ec.EllipticCurvePublicKey)
    return (
        x509.CertificateBuilder()
        .subject_name(_called(names.dns[0]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(holds.since)
        .not_valid_after(holds.until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(vouched), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
        .sign(authority.key, hashes.SHA256())
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _within(moment: datetime) -> datetime:
    """No certificate outlives its authority, and none has a fraction of a second."""
    return min(max(moment, AUTHORITY_FROM), AUTHORITY_UNTIL).replace(microsecond=0)


def _lines(digest: bytes) -> tuple[str, ...]:
    pairs = [f"{byte:02X}" for byte in digest]
    return tuple(
        ":".join(pairs[first : first + PAIRS_A_LINE])
        for first in range(0, len(pairs), PAIRS_A_LINE)
    )
