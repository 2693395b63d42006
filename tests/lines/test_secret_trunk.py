"""A trunk by TLS and SRTP: a server for which nobody trusted vouches gets no call and is told in
words; once its authority is trusted, both sides hear each other."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from firmware import sip_authorities, trunk_certificate
from firmware.asterisk.link import LinkState
from firmware.asterisk.telco import LINE_ADDRESS, OUTSIDE_TONE_HZ, SDES, Answers, Telco
from firmware.asterisk.written import section
from ivr.plan import Encrypted, Plan, Transport
from tests.system import ear, practice
from tests.system.practice import Story
from tests.system.town import Town, soon

OUTSIDE = "2025550142"
SAID_HZ = 2900
OF_NOBODY = Path("/nowhere")  # a machine without authorities


class Company:
    """A telephone company with an authority of its own."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Company")])
        authority = x509.BasicConstraints(ca=True, path_length=0)
        begun = self._begun(self._name, self._key).add_extension(authority, critical=True)
        made = begun.sign(self._key, hashes.SHA256())
        self.authority = made.public_bytes(serialization.Encoding.PEM)

    def server(self, address: str) -> bytes:
        """A certificate for this address, with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        named = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        server = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        made = self._begun(server, key).add_extension(named, critical=False)
        certificate = made.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def _begun(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=name,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(days=1),
            not_valid_after=now + timedelta(days=30),
        )


def by_tls(plan: Plan) -> Plan:
    telco = replace(plan.trunks["telco"], transport=Transport.TLS, srtp=Encrypted.ALWAYS)
    return replace(plan, trunks={"telco": telco})


@pytest.fixture(scope="module")
def company() -> Company:
    return Company()


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, company: Company) -> Iterator[Town]:
    """Its trunk speaks by TLS alone, both ways, and takes no talk that could be heard."""
    with practice.build(tmp_path_factory.mktemp("secret"), change=by_tls) as standing:
        # A rehearsal's exchange knows what Asterisk was told.
        file = standing.place.site_file.resolve()
        told = '[trunks.telco]\ntransport = "tls"\nsrtp = "required"'
        file.write_text(file.read_text("utf-8").replace("[trunks.telco]", told), "utf-8")
        port = standing.rehearsal.plan.trunks["telco"].port
        standing.run(encrypted(standing.telco, company, port, standing.site.ports.sip_tls))
        yield standing


async def encrypted(telco: Telco, company: Company, port: int, clinic_tls: int) -> None:
    """The company's lines go by TLS from now on."""
    current = telco.home / "current"
    (current / "server.pem").write_bytes(company.server(LINE_ADDRESS))
    server = "/site/current/server.pem"
    listens = ["type=transport", "protocol=tls", f"bind={LINE_ADDRESS}:{port}"]
    shows = [f"cert_file={server}", f"priv_key_file={server}", "method=tlsv1_2"]
    clinic = ["type=aor", f"contact=sip:127.0.0.1:{clinic_tls}\\;transport=tls"]
    plain = "aors=clinic\ntimers=no\ntransport=line\n"
    secret = "\n".join(("aors=clinic-tls", "timers=no", "transport=line-tls", *SDES, ""))
    text = (current / "pjsip.conf").read_text("utf-8")
    assert plain in text
    added = section("line-tls", [*listens, *shows]) + section("clinic-tls", clinic)
    await telco.asterisk.stop()
    (current / "pjsip.conf").write_text(text.replace(plain, secret) + "\n" + added, "utf-8")
    await telco.asterisk.start()
    while telco.link.state is not LinkState.UP:
        await telco.asterisk.rx("core show uptime")


async def becomes(told: Story, detail: str) -> str:
    """How the trunk stands, once it is told to stand so."""
    while True:
        for part in (await told.status()).parts:
            if part.name == "trunk telco" and part.detail.startswith(detail):
                return part.state


def test_only_a_server_for_which_somebody_trusted_vouches_gets_calls_and_nobody_can_listen(
    clinic: Town, company: Company, tmp_path: Path
) -> None:
    said = ear.write_tone(tmp_path / "said.wav", SAID_HZ)

    async def story() -> None:
        telco = clinic.telco
        await telco.behave(OUTSIDE, Answers())
        async with practice.exchange(clinic) as told:
            assert await becomes(told, trunk_certificate.UNKNOWN) == "alarm"
            refused = await telco.dial("102", f"9{OUTSIDE}")
            await soon(refused.ended)
            assert not refused.answered.done()
            assert telco.invitations == []
            sip_authorities.trust(clinic.place, company.authority)
            sip_authorities.keep(clinic.place, OF_NOBODY)
            await clinic.clinic.rx("module reload res_pjsip.so")
            assert await becomes(told, "answers") == "well"
            call = await telco.dial("102", f"9{OUTSIDE}", speaks=said)
            ring = await telco.next_ring(OUTSIDE)
            await soon(ring.talked)
            await call.hang_up()
            await soon(ring.ended)
            assert ear.tone_s(call.heard, OUTSIDE_TONE_HZ) > 0.5
            assert ear.tone_s(ring.heard, SAID_HZ) > 0.5
            emergency = await telco.dial("102", "911")
            await telco.invited("911")
            await soon(emergency.answered)
            await emergency.hang_up()
            line, _ = await told.call(telco)
            await line.hang_up()

    clinic.run(story())
