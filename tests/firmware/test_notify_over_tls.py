"""Notices under TLS, handed in at a real mail server whose certificate is right, or is not."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import count
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from firmware.lease_desk import notice
from firmware.notify import Mail, Notices
from ivr.plan import MailServer
from tests.firmware.test_notify import ADDRESS, WHEN, knows

HERE = "127.0.0.1"
GIVEN = "secret"  # which `knows` knows
A_DAY = timedelta(days=1)
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")
WAYS = pytest.mark.parametrize("security", ["starttls", "tls"])


class Authority:
    """Who vouches for certificates, and is or is not believed."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = _certificate(self.name, self.name, self.key.public_key())
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        signed = own.add_extension(constraints, critical=True).sign(self.key, hashes.SHA256())
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def server(self, address: str = HERE, *, old: timedelta = timedelta(0)) -> Path:
        """A server's key and certificate, for this address and up to tomorrow, or before."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
        signed = (
            _certificate(name, self.name, key.public_key(), old)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )
        file = self.folder / f"server-{signed.serial_number}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
        return file


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    old: timedelta = timedelta(0),
) -> x509.CertificateBuilder:
    now = datetime.now(UTC) - old
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - A_DAY)
        .not_valid_after(now + A_DAY)
    )


class PostOffice:
    """A mail server: which letters it has taken, and which it heard of at all."""

    def __init__(self, security: str, certificate: Path) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.certify(certificate)
        self.security, self.letters = security, list[Envelope]()
        self.began = 0

    def certify(self, certificate: Path) -> None:
        """From the next connection on it shows this one."""
        self.context.load_cert_chain(certificate)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's own name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        self.began += 1
        envelope.mail_from = address
        return "250 go on"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert session.authenticated
        assert server.transport is not None
        assert server.transport.get_extra_info("ssl_object") is not None
        self.letters.append(envelope)
        return "250 taken"

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[int]:
        """At which port it listens."""
        by_command = self.context if self.security == "starttls" else None
        from_the_start = self.context if self.security == "tls" else None

        def door() -> SMTP:
            return SMTP(
                self,
                hostname="mail.invalid",
                tls_context=by_command,
                require_starttls=by_command is not None,
                authenticator=knows,
                auth_required=True,
                auth_require_tls=by_command is not None,
            )

        loop = asyncio.get_running_loop()
        server = await loop.create_server(door, HERE, 0, ssl=from_the_start)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The one whom this machine believes."""
    believed = Authority("believed", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(believed.file))
    return believed


def told(
    office: PostOffice,
    security: str,
    *,
    password: str = GIVEN,
    before_try: Callable[[int], None] = lambda number: None,
    tries: int = 1,
) -> Notices:
    """A notice after so many tries."""

    async def story() -> Notices:
        tasks: list[asyncio.Task[None]] = []
        numbers = count()
        async with office.standing() as port:
            by = Mail(MailServer(HERE, port, security, "careline", "box@example.com"), password)

            def way() -> Mail:
                before_try(next(numbers))
                return by

            start = asyncio.create_task
            minutes = count(0, 60 // tries)  # worth an hour, so this often
            notices = Notices(
                way,
                lambda work: tasks.append(start(work)),
                again_s=(0.0,),
                now=lambda: WHEN + timedelta(minutes=next(minutes)),
            )
            notices.send(notice("Maple Street", ADDRESS, WHEN))
            async with asyncio.timeout(30):
                await asyncio.gather(*tasks)
        return notices

    return asyncio.run(story())


@WAYS
def test_a_notice_goes_under_tls_with_name_and_password(
    authority: Authority, security: str
) -> None:
    office = PostOffice(security, authority.server())
    assert told(office, security).fault == ""
    (letter,) = office.letters
    assert letter.rcpt_tos == [ADDRESS]


@WAYS
@pytest.mark.parametrize("wrong", ["of another server", "by a stranger", "expired"])
def test_nothing_goes_to_a_server_that_nobody_vouches_for_until_its_certificate_is_right(
    authority: Authority, tmp_path: Path, security: str, wrong: str
) -> None:
    match wrong:
        case "of another server":
            certificate, why = authority.server("127.0.0.9"), "mismatch"
        case "by a stranger":
            certificate, why = Authority("stranger", tmp_path).server(), "unable to get local"
        case _:
            certificate, why = authority.server(old=3 * A_DAY), "expired"
    office = PostOffice(security, certificate)
    notices = told(office, security, tries=2)
    assert notices.fault.startswith("the mail server's certificate is not trusted, so nothing")
    assert why in notices.fault
    assert office.began == 0

    def renewed(number: int) -> None:
        if number == 2:
            office.certify(authority.server())

    assert told(office, security, before_try=renewed, tries=2).fault == ""
    assert len(office.letters) == 1


@pytest.mark.parametrize(
    ("wanted", "offered", "why"),
    [
        ("starttls", "none", "offers no STARTTLS"),
        ("tls", "none", "does not speak TLS"),
    ],
)
def test_a_server_without_tls_is_not_told_in_clear(
    authority: Authority, wanted: str, offered: str, why: str
) -> None:
    office = PostOffice(offered, authority.server())
    notices = told(office, wanted)
    assert why in notices.fault
    assert office.began == 0


def test_a_wrong_password_is_told_as_one_and_without_the_address(authority: Authority) -> None:
    office = PostOffice("starttls", authority.server())
    notices = told(office, "starttls", password="guessed")
    assert notices.fault == "the mail server refuses the name and password of the site"
    assert office.began == 0
