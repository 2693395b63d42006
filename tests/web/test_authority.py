"""The box's own authority: OpenSSL itself accepts what it vouches for, and nothing beyond."""

import shutil
import ssl
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from firmware.audit import Act
from firmware.place import Place
from firmware.spool import Laid
from firmware.web import addresses, authority
from firmware.web.addresses import Names
from firmware.web.authority import Clock, Identity

NAMES = Names(addresses.dns_of("Frontdesk"), (ip_address("192.168.1.20"), ip_address("fd00::20")))
TODAY = datetime(2027, 3, 1, 9, tzinfo=UTC)
RIGHT = Clock(TODAY, is_trusted=True)
IN_1970 = Clock(datetime(1970, 1, 1, tzinfo=UTC), is_trusted=False)
DAY = timedelta(days=1)

Openssl = Callable[..., "tuple[bool, str]"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def verify(tmp_path: Path) -> Openssl:
    """`openssl verify` of one certificate by one authority, as a browser would on that day."""
    assert shutil.which("openssl"), "openssl is missing: apt-get install openssl"

    def run(
        leaf: x509.Certificate, by: bytes, *asked: str, at: datetime = TODAY
    ) -> tuple[bool, str]:
        (tmp_path / "ca.pem").write_bytes(by)
        (tmp_path / "leaf.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        told = subprocess.run(
            ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-no-CApath",
             "-attime", str(int(at.timestamp())), "-CAfile", tmp_path / "ca.pem", *asked,
             tmp_path / "leaf.pem"],
            capture_output=True, text=True,
        )  # fmt: skip
        return told.returncode == 0, told.stdout + told.stderr

    return run


@pytest.mark.parametrize(
    "asked",
    [
        ("-verify_hostname", "careline.local"),
        ("-verify_hostname", "frontdesk.local"),
        ("-verify_ip", "192.168.1.20"),
        ("-verify_ip", "fd00::20"),
    ],
)
def test_openssl_accepts_the_box_by_each_of_its_names(
    place: Place, verify: Openssl, asked: tuple[str, str]
) -> None:
    box = Identity(place, NAMES, RIGHT)
    assert verify(box.shown, box.authority.pem, *asked) == (True, f"{place.home}/leaf.pem: OK\n")


@pytest.mark.parametrize(
    "stranger",
    [
        Names(("bank.example",), ()),
        Names(("notcareline.local",), ()),
        Names(("other.local",), ()),
        Names(("bank.frontdesk",), ()),  # what a box is called may be a domain of the internet
        Names(("careline.local", "bank.example"), ()),
        Names(("careline.local",), (ip_address("8.8.8.8"),)),
        Names(("careline.local",), (ip_address("2001:db8::1"),)),
    ],
)
def test_openssl_refuses_what_a_thief_of_the_authority_makes_for_somebody_else(
    place: Place, verify: Openssl, stranger: Names
) -> None:
    ours = Identity(place, NAMES, RIGHT).authority
    key = ec.generate_private_key(ec.SECP256R1())
    forged = authority.issued(ours, key, stranger, authority.validity(RIGHT, TODAY))
    accepted, why = verify(forged, ours.pem)
    assert not accepted
    assert "permitted subtree violation" in why


def test_it_vouches_for_servers_only_and_for_no_other_authority(place: Place) -> None:
    ours = Identity(place, NAMES, RIGHT).authority.certificate
    limits = ours.extensions.get_extension_for_class(x509.BasicConstraints)
    assert limits.critical
    assert limits.value.path_length == 0
    assert ours.extensions.get_extension_for_class(x509.NameConstraints).critical


def test_another_box_vouches_for_none_of_ours(
    place: Place, tmp_path: Path, verify: Openssl
) -> None:
    box, other = Identity(place, NAMES, RIGHT), Identity(Place(tmp_path / "other"), NAMES, RIGHT)
    assert box.authority.name != other.authority.name
    assert not verify(box.shown, other.authority.pem)[0]


def test_the_authority_is_born_once_and_its_keys_lie_encrypted_under_the_machine_key(
    place: Place,
) -> None:
    born, kept = Identity(place, NAMES, RIGHT), Identity(place, NAMES, RIGHT)
    assert kept.authority.der == born.authority.der
    assert kept.shown == born.shown
    for path in (place.page_authority, place.page_certificate):
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in path.read_bytes()
    assert "key" not in repr(born.authority)


def test_an_auditor_sees_when_an_authority_was_made_and_which(place: Place) -> None:
    born = Identity(place, NAMES, RIGHT).authority
    Identity(place, NAMES, RIGHT)
    (entry,) = place.audit_spool.glob("*.json")  # no exchange runs to take it in
    laid = Laid.model_validate_json(entry.read_bytes())
    told = ("the page", Act.VOUCHED, ":".join(born.fingerprint))
    assert (laid.who, laid.act, laid.about) == told


def test_the_fingerprint_is_what_openssl_prints_of_the_file_that_is_downloaded(
    place: Place,
) -> None:
    ours = Identity(place, NAMES, RIGHT).authority
    for lines, digest in ((ours.fingerprint, "-sha256"), (ours.thumbprint, "-sha1")):
        printed = subprocess.run(
            ["openssl", "x509", "-inform", "DER", "-noout", "-fingerprint", digest],
            input=ours.der, capture_output=True, check=True,
        ).stdout.decode()  # fmt: skip
        assert printed.strip().rpartition("=")[2] == ":".join(lines)


def test_with_another_machine_key_the_page_is_served_under_a_new_authority(place: Place) -> None:
    born = Identity(place, NAMES, RIGHT)
    place.machine_key.unlink()
    again = Identity(place, NAMES, RIGHT)
    assert again.authority.der != born.authority.der
    assert place.page_authority.with_suffix(".unreadable").exists()
    assert again.shown != born.shown
    assert Identity(place, NAMES, RIGHT).authority.der == again.authority.der


@pytest.mark.parametrize("name", ["page-authority.pem", "page-certificate.pem"])
def test_a_damaged_file_costs_a_warning_and_never_the_page(place: Place, name: str) -> None:
    Identity(place, NAMES, RIGHT)
    whole = (place.home / name).read_bytes()
    (place.home / name).write_bytes(whole[: len(whole) // 2])
    box = Identity(place, NAMES, RIGHT)
    box.shown.verify_directly_issued_by(box.authority.certificate)


# ---- time ----


def test_a_certificate_is_renewed_by_itself_a_month_before_its_end(place: Place) -> None:
    box = Identity(place, NAMES, RIGHT)
    first, context = box.shown, box.context
    assert first.not_valid_after_utc == TODAY + authority.LIFE
    assert not box.look(NAMES, Clock(TODAY + 59 * DAY, is_trusted=True))
    assert box.look(NAMES, Clock(TODAY + 60 * DAY, is_trusted=True))
    assert box.shown.not_valid_after_utc == TODAY + 60 * DAY + authority.LIFE
    assert box.context is not context


def test_a_new_address_is_vouched_for_at_once(place: Place) -> None:
    box = Identity(place, NAMES, RIGHT)
    moved = Names(NAMES.dns, (ip_address("10.0.0.7"),))
    assert box.look(moved, RIGHT)
    assert authority.names_in(box.shown) == moved
    assert not box.look(moved, RIGHT)


def test_a_public_address_or_a_new_host_name_is_left_out_and_renews_nothing(place: Place) -> None:
    box = Identity(place, NAMES, RIGHT)
    public = (*NAMES.addresses, ip_address("203.0.113.9"))
    named = Names((*NAMES.dns, "reception"), public)
    assert not box.look(named, RIGHT)
    assert authority.names_in(box.shown) == NAMES


def test_a_box_whose_clock_stands_in_1970_shows_what_is_valid_today(
    place: Place, verify: Openssl
) -> None:
    box = Identity(place, NAMES, IN_1970)
    assert verify(box.shown, box.authority.pem)[0]
    assert not box.look(NAMES, IN_1970)


def test_once_its_clock_is_set_it_shows_a_short_lived_one(place: Place, verify: Openssl) -> None:
    box = Identity(place, NAMES, IN_1970)
    assert box.look(NAMES, RIGHT)
    assert box.shown.not_valid_after_utc == TODAY + authority.LIFE
    assert verify(box.shown, box.authority.pem)[0]


def test_a_certificate_outlives_a_restart_whose_clock_is_lost(place: Place) -> None:
    shown = Identity(place, NAMES, RIGHT).shown
    assert Identity(place, NAMES, IN_1970).shown == shown


def test_one_that_a_wrong_clock_made_for_later_is_replaced_when_the_clock_is_right(
    place: Place,
) -> None:
    box = Identity(place, NAMES, Clock(TODAY + 400 * DAY, is_trusted=True))
    assert box.look(NAMES, RIGHT)
    assert box.shown.not_valid_before_utc <= TODAY


def test_a_clinic_that_never_has_the_internet_is_served_for_years(
    place: Place, verify: Openssl
) -> None:
    box = Identity(place, NAMES, Clock(TODAY, is_trusted=False))
    for year in range(1, 21):
        late = TODAY + year * 365 * DAY
        box.look(NAMES, Clock(late, is_trusted=False))
        assert verify(box.shown, box.authority.pem, at=late)[0], late


clocks = st.builds(
    Clock,
    st.datetimes(
        datetime(1970, 1, 1), datetime(2106, 2, 7), timezones=st.just(UTC)  # noqa: DTZ001
    ),
    st.booleans(),
)  # fmt: skip


@given(clock=clocks, floor=st.datetimes(datetime(2026, 11, 22), datetime(2040, 1, 1)))  # noqa: DTZ001
def test_no_clock_makes_one_that_its_authority_does_not_cover(
    clock: Clock, floor: datetime
) -> None:
    holds = authority.validity(clock, floor.replace(tzinfo=UTC))
    assert authority.AUTHORITY_FROM <= holds.since <= holds.until <= authority.AUTHORITY_UNTIL


@given(clock=clocks, floor=st.datetimes(datetime(2026, 11, 22), datetime(2040, 1, 1)))  # noqa: DTZ001
def test_a_clock_that_nobody_vouches_for_never_makes_one_that_is_valid_only_later(
    clock: Clock, floor: datetime
) -> None:
    past = floor.replace(tzinfo=UTC)
    holds = authority.validity(Clock(clock.now, is_trusted=False), past)
    assert holds.since < past
    assert holds.until > past + authority.LIFE_IN_DOUBT - DAY


# ---- names ----


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("careline", ("careline.local", "localhost")),
        ("Box-7", ("careline.local", "box-7.local", "localhost")),
        # Else the box's authority could vouch for the whole of a public domain.
        ("clinic", ("careline.local", "clinic.local", "localhost")),
        ("local", ("careline.local", "local.local", "localhost")),
        ("pbx.clinic.lan.", ("careline.local", "pbx.clinic.lan", "localhost")),
        ("der büro-rechner", ("careline.local", "localhost")),
        ("10.0.0.1", ("careline.local", "localhost")),
        ("", ("careline.local", "localhost")),
        ("*", ("careline.local", "localhost")),
    ],
)
def test_a_box_is_called_what_a_browser_can_ask_for(host: str, names: tuple[str, ...]) -> None:
    assert addresses.dns_of(host) == names


@given(st.text(max_size=300))
def test_whatever_a_host_calls_itself_a_certificate_can_be_made_for_it(host: str) -> None:
    for name in addresses.dns_of(host):
        assert x509.DNSName(name)
        assert name.isascii()


def test_the_machines_own_addresses_are_found() -> None:
    assert ip_address("127.0.0.1") in addresses.names_of_box().addresses


def test_the_kernels_tables_are_read_as_it_writes_them() -> None:
    trie = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 192.168.7.9
        /32 host LOCAL
     |-- 192.168.7.255
        /32 link BROADCAST
"""
    assert list(addresses.ipv4_of(trie)) == [ip_address("192.168.7.9")]
    table = """\
00000000000000000000000000000001 01 80 10 80       lo
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
fd000000000000000000000000000002 04 40 00 82     eth0
fd0000000000000000000000000000aa 04 40 00 01     eth0
"""
    assert list(addresses.ipv6_of(table)) == [ip_address("::1"), ip_address("fd00::2")]


# ---- in use ----


def test_only_tls_with_forward_secrecy_and_an_aead_is_spoken(place: Place) -> None:
    context = Identity(place, NAMES, RIGHT).context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    offered = context.get_ciphers()
    assert offered
    assert all(cipher["aead"] for cipher in offered)
    assert all(cipher["protocol"] == "TLSv1.3" or "ECDHE" in cipher["name"] for cipher in offered)
    assert hashes.SHA256.name == Identity(place, NAMES, RIGHT).shown.signature_hash_algorithm.name  # type: ignore[union-attr]
