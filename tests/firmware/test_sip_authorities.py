"""Whom the servers of trunks are vouched for by."""

from pathlib import Path

import pytest
from cryptography import x509

from firmware import sip_authorities
from firmware.place import Place
from firmware.sip_authorities import TrustError
from tests.lines.test_secret_trunk import Company


def test_an_authority_that_is_brought_is_trusted_beside_those_of_the_machine(
    tmp_path: Path,
) -> None:
    place, machine, company = Place(tmp_path), tmp_path / "machine.pem", Company()
    machine.write_bytes(Company().authority)
    assert sip_authorities.trust(place, company.authority) == ("CN=Company",)
    sip_authorities.trust(place, company.authority)
    sip_authorities.keep(place, machine)
    trusted = x509.load_pem_x509_certificates(place.sip_authorities.read_bytes())
    assert len(trusted) == 2


def test_what_is_no_authority_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    place = Place(tmp_path)
    server = Company().server("192.0.2.1").partition(b"-----BEGIN PRIVATE")[0]
    for brought in (b"", b"-----BEGIN CERTIFICATE-----", b"x" * 70_000, server):
        with pytest.raises(TrustError):
            sip_authorities.trust(place, brought)
    assert not place.trusted.exists()
