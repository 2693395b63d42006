"""The certificate by which the exchange is known to telephones and lines that signal by TLS.

The box's own authority vouches for it (firmware/web/authority.py), so a telephone that trusts the
page trusts the exchange too. It holds for longer than a browser's and hangs on no clock: it is made
anew when a name or an address of the box changes, and long before its end. Asterisk reads the files
when it starts and at each reload; their names never change, for only then does it take a new one
without a restart. The key is Asterisk's to read, so it is not encrypted; no backup has it.
"""

from datetime import UTC, datetime, timedelta

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from firmware.durable import replace_file
from firmware.place import Place
from firmware.web.addresses import Names
from firmware.web.authority import (
    SURELY_PAST,
    Authority,
    Clock,
    authority_of,
    issued,
    names_in,
    validity,
)

# Of 820 days: whoever publishes or restarts once a year never shows one that is over.
RENEWED_BEFORE_END = timedelta(days=400)

log = structlog.get_logger(__name__)


def keep(place: Place, names: Names, now: datetime) -> bool:
    """Makes the certificate where there is none that will do; tells whether it did."""
    return _keep(place, authority_of(place, names), names, now)


def keep_current(place: Place, authority: Authority, names: Names, now: datetime) -> bool:
    """The same where the exchange shows one at all."""
    return place.sip_certificate.exists() and _keep(place, authority, names, now)


def _keep(place: Place, authority: Authority, names: Names, now: datetime) -> bool:
    wanted = authority.permitted(names)
    if _will_do(place, authority, wanted, now):
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    holds = validity(Clock(now.astimezone(UTC), is_trusted=False), SURELY_PAST)
    made = issued(authority, key, wanted, holds)
    place.sip_certificate.parent.mkdir(parents=True, exist_ok=True)
    # Both in one file, so that a certificate never stands beside another one's key.
    replace_file(
        place.sip_certificate,
        made.public_bytes(serialization.Encoding.PEM) + authority.pem + _plain(key),
        0o600,
    )
    log.info("telephones are shown a new certificate", until=holds.until.isoformat())
    return True


def _will_do(place: Place, authority: Authority, names: Names, now: datetime) -> bool:
    try:
        kept = x509.load_pem_x509_certificate(place.sip_certificate.read_bytes())
        kept.verify_directly_issued_by(authority.certificate)
    except (FileNotFoundError, ValueError, InvalidSignature):
        return False
    return names_in(kept) == names and kept.not_valid_after_utc - now > RENEWED_BEFORE_END


def _plain(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
