"""Desk telephones by TLS and SRTP: they trust the box's own authority, talk both ways, and a
telephone that could be heard on the network is refused."""

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware import sip_certificate
from firmware.asterisk.telco import Answers
from firmware.web.addresses import names_of_box
from ivr.plan import Plan
from tests.system import ear, practice
from tests.system.town import SOON_S, Town, soon

SAID_HZ = 2900


def all_but_the_first(plan: Plan) -> Plan:
    phones = {
        number: replace(phone, secure=number != "101") for number, phone in plan.phones.items()
    }
    return replace(plan, phones=phones)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Each desk but 101's signs in by TLS, and asks that the box's authority vouch for it."""
    home = tmp_path_factory.mktemp("encrypted")
    with practice.build(home, change=all_but_the_first) as standing:
        yield standing


@pytest.mark.parametrize("rung", ["103", "101"])
def test_a_desk_talks_encrypted_and_both_sides_hear_each_other(
    clinic: Town, tmp_path: Path, rung: str
) -> None:
    said = ear.write_tone(tmp_path / "said.wav", SAID_HZ)

    async def story() -> None:
        telco = clinic.telco
        signed_in = await clinic.clinic.rx("pjsip show contacts")
        assert signed_in.count("transport=TLS") == len(clinic.rehearsal.plan.phones) - 1
        await telco.behave(rung, Answers())
        call = await telco.dial("102", rung, speaks=said)
        ring = await telco.next_ring(rung)
        await soon(ring.talked)
        await call.hang_up()
        await soon(ring.ended)
        assert ear.tone_s(call.heard, telco.desks[rung].tone_hz) > 0.5
        assert ear.tone_s(ring.heard, SAID_HZ) > 0.5

    clinic.run(story())


def test_a_new_certificate_is_shown_without_a_restart(clinic: Town) -> None:
    def shown() -> str:
        return ssl.get_server_certificate(("127.0.0.1", clinic.site.ports.sip_tls))

    async def story() -> None:
        before = shown()
        now = datetime.now(UTC)
        assert not sip_certificate.keep(clinic.place, names_of_box(), now)
        assert sip_certificate.keep(clinic.place, names_of_box(), now + timedelta(days=730))
        await clinic.clinic.rx("module reload res_pjsip.so")
        async with asyncio.timeout(SOON_S):
            while await asyncio.to_thread(shown) == before:
                pass  # each handshake takes a while
        await clinic.telco.desks_registered()

    clinic.run(story())


def test_a_desk_whose_talk_could_be_heard_on_the_network_is_refused(clinic: Town) -> None:
    async def story() -> None:
        telco = clinic.telco
        await telco.behave("103", Answers())
        rung = len(telco.desks["103"].rings)
        told = telco.home / "current" / "pjsip.conf"
        text = told.read_text("utf-8")
        try:
            told.write_text(text.replace("media_encryption=sdes", "media_encryption=no"), "utf-8")
            await telco.asterisk.rx("module reload res_pjsip.so")
            call = await telco.dial("102", "103")
            await soon(call.ended)
            assert not call.answered.done()
            assert len(telco.desks["103"].rings) == rung
        finally:
            told.write_text(text, "utf-8")
            await telco.asterisk.rx("module reload res_pjsip.so")

    clinic.run(story())
