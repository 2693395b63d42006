"""Who may vouch for the server of a trunk that signals by TLS: the authorities of the machine
(Debian's package ca-certificates), and those that an administrator trusts beside them, as a company
may have one of its own.

Asterisk reads them from one file when it starts and at each reload; it is made anew at each
publish. Whoever is trusted here is trusted for trunks, and for nothing else.
"""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from firmware.durable import replace_file
from firmware.place import Place

OF_THE_MACHINE = Path("/etc/ssl/certs/ca-certificates.crt")
MOST = 64 * 1024  # bytes that an administrator may bring at once: some dozen certificates


class TrustError(ValueError):
    """Nobody can be trusted by this; the text says what to do."""


def keep(place: Place, of_the_machine: Path = OF_THE_MACHINE) -> None:
    """Asterisk's file, as it is to be now."""
    place.sip_authorities.parent.mkdir(parents=True, exist_ok=True)
    known = [path.read_bytes() for path in (of_the_machine, place.trusted) if path.exists()]
    replace_file(place.sip_authorities, b"\n".join(known), 0o644)


def trust(place: Place, brought: bytes) -> tuple[str, ...]:
    """From the next publish on these authorities are trusted too; their names. TrustError: they are
    none."""
    if len(brought) > MOST:
        raise TrustError("the file is too large: bring the authority's certificate alone")
    try:
        found = x509.load_pem_x509_certificates(brought)
    except ValueError:
        raise TrustError(
            "there is no certificate in this file: bring it as PEM, which begins with -----BEGIN"
            " CERTIFICATE-----"
        ) from None
    if not all(map(_is_authority, found)):
        raise TrustError("this is no authority's certificate: ask the company for that one")
    before = place.trusted.read_bytes() if place.trusted.exists() else b""
    known = x509.load_pem_x509_certificates(before) if before else []
    both = dict.fromkeys((*known, *found))
    replace_file(place.trusted, b"".join(it.public_bytes(Encoding.PEM) for it in both), 0o644)
    return tuple(it.subject.rfc4514_string() for it in found)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return constraints.value.ca
