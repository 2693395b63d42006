"""What telephones are shown by TLS: the box's authority vouches for it, and it is there before the
old one is over or the box has moved."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from firmware import sip_certificate
from firmware.place import Place
from firmware.web import addresses
from firmware.web.addresses import Names
from firmware.web.authority import authority_of

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
NAMES = Names(addresses.dns_of("box"), (ip_address("192.168.1.20"),))
MOVED = Names(addresses.dns_of("box"), (ip_address("192.168.7.20"),))
YEAR = timedelta(days=365)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_telephone_that_trusts_the_page_trusts_the_exchange(place: Place) -> None:
    assert sip_certificate.keep(place, NAMES, NOW)
    kept = place.sip_certificate.read_bytes()
    shown = x509.load_pem_x509_certificate(kept)
    shown.verify_directly_issued_by(authority_of(place, NAMES).certificate)
    key = serialization.load_pem_private_key(kept, None)
    assert key.public_key() == shown.public_key()
    assert place.sip_certificate.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("names", "later", "is_new"),
    [(NAMES, YEAR, False), (NAMES, 2 * YEAR, True), (MOVED, timedelta(0), True)],
)
def test_it_is_made_anew_long_before_its_end_and_when_the_box_has_moved(
    place: Place, names: Names, later: timedelta, is_new: bool
) -> None:
    sip_certificate.keep(place, NAMES, NOW)
    before = place.sip_certificate.read_bytes()
    assert (
        sip_certificate.keep_current(place, authority_of(place, NAMES), names, NOW + later)
        is is_new
    )
    assert (place.sip_certificate.read_bytes() != before) is is_new


def test_where_nobody_signals_by_tls_there_is_none(place: Place) -> None:
    assert not sip_certificate.keep_current(place, authority_of(place, NAMES), NAMES, NOW)
    assert not place.sip_certificate.exists()


def test_a_damaged_one_is_made_anew(place: Place) -> None:
    sip_certificate.keep(place, NAMES, NOW)
    place.sip_certificate.write_bytes(b"-----BEGIN CERTIFICATE-----")
    assert sip_certificate.keep(place, NAMES, NOW)
