"""A clinic with a modem: what its site file may say, and what must be accepted before it may."""

from pathlib import Path

import pytest

from firmware import settings
from firmware.asterisk import line_groups, modem_dialplan
from firmware.asterisk.modem_dialplan import Kind
from firmware.settings import SiteFaults
from ivr import outside
from ivr.plan import Encrypted, Plan, Transport

TEMPLATE = Path("firmware/template/clinic.toml").read_text("utf-8")
MODEM = """
[modems.mobile]
port = "/dev/serial/by-path/pci-0-usb-0:1:1.2-port0"
voice = "/dev/serial/by-path/pci-0-usb-0:1:1.1-port0"
"""
LINE = """
[lines.mobile]
modem = "mobile"
numbers = ["2025550177"]
flow = "main"
"""
RULE = """
[[dial_rules]]
prefix = "8"
digits = 10
modem = "mobile"
shows = "2025550177"
"""
ACCEPTED = """
[modem_only]
accepted = "911 may fail"
by = "Dr. Alvarez"
on = "2026-11-23"
"""


def without_a_trunk(site: str) -> str:
    """All that went by the telephone company goes by the modem."""
    alone = site.replace("[trunks.telco]", "[modems.mobile]")
    alone = alone.replace('host = "127.0.0.2"\nport = 5070', MODEM.partition("]")[2].strip())
    return alone.replace('trunk = "telco"', 'modem = "mobile"')


def faults(site: str) -> str:
    with pytest.raises(SiteFaults) as caught:
        settings.read(site)
    return str(caught.value)


def test_a_line_by_a_modem_opens_a_flow_as_any_other() -> None:
    site = settings.read(TEMPLATE + MODEM + LINE)
    assert (site.lines["mobile"].modem, site.lines["mobile"].trunk) == ("mobile", "")
    assert site.modems["mobile"].voice.endswith("1.1-port0")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (MODEM + LINE.replace("modem =", 'trunk = "telco"\nmodem ='), "a trunk and by a modem"),
        (MODEM + LINE.replace('modem = "mobile"\n', ""), "no trunk and no modem"),
        (LINE, "there is no"),
        (MODEM.replace("by-path/pci-0-usb-0:1:1.2-port0", "x") + LINE, ""),
        (MODEM.replace("1.1-port0", "1.2-port0") + LINE, "is the port of mobile"),
        (MODEM.replace("serial/by-path/pci-0-usb-0:1:1.2-port0", "ttyUSB2") + LINE, "not fit"),
        (MODEM.replace('port = "/dev', 'port = "/dev\\n') + LINE, "does not fit"),
    ],
)
def test_what_cannot_be_is_told(wrong: str, told: str) -> None:
    if told:
        assert told in faults(TEMPLATE + wrong)
    else:
        settings.read(TEMPLATE + wrong)


def test_a_clinic_with_a_modem_alone_is_refused_until_somebody_writes_that_they_know() -> None:
    alone = without_a_trunk(TEMPLATE)
    told = faults(alone)
    assert "emergency calls would go by a modem alone" in told
    assert 'accepted = "911 may fail"' in told
    assert "the words: 911 may fail" in faults(alone + ACCEPTED.replace("may fail", "will do"))
    people = alone + ACCEPTED
    # Who is on call there, and whoever wishes to be called back, is called by the modem.
    assert settings.read(people).modem_only


def plan_with(rule: str) -> Plan:
    return settings.read(TEMPLATE + MODEM + LINE + rule)


def test_the_box_itself_calls_by_a_modem_where_a_rule_says_so() -> None:
    rule = RULE.replace("digits = 10", 'starts = "44"\ndigits = 12')
    site = plan_with(rule)
    way = outside.way_to(site, "442079460000")
    assert isinstance(way, outside.Outside)
    assert way.rule.modem == "mobile"
    assert line_groups.channel_to(site, way.rule, way.number).startswith("Local/442079460000@")
    assert line_groups.first_shown(site, way.rule)[0] == "2025550177"


def test_a_leg_of_asterisks_has_the_number_to_dial_in_its_name() -> None:
    mark = modem_dialplan.mark("mobile")
    leg = f"{mark}-0202-5550-190f-ffffffffffff"
    found = modem_dialplan.wanted(leg)
    assert found is not None
    assert (found.modem, found.number, found.kind) == (mark, "2025550190", Kind.ORDINARY)
    assert "2025550190" not in repr(found)
    called = modem_dialplan.wanted(f"{mark}-e911-ffff-ffff-ffffffffffff")
    assert called is not None
    assert (called.number, called.kind) == ("911", Kind.EMERGENCY)
    assert modem_dialplan.wanted("0a0b0c0d-1111-4111-8111-111111111111") is None
    assert modem_dialplan.uuid_of(f"AudioSocket/127.0.0.1:5037-{leg}") == leg
    assert modem_dialplan.uuid_of("PJSIP/103-00000000") == ""


SPARE = """
[trunks.spare]
host = "sip.spare.example"
"""


def with_others(others: str) -> str:
    return (TEMPLATE + SPARE).replace(
        'trunk = "telco"\nshows', f'trunk = "telco"\notherwise = {others}\nshows'
    )


def test_a_rule_for_dialling_may_have_other_trunks_for_when_the_first_fails() -> None:
    site = settings.read(with_others('["spare"]'))
    assert site.dial_rules[0].trunks == ("telco", "spare")


@pytest.mark.parametrize(
    ("others", "told"),
    [('["spar"]', "did you mean spare?"), ('["telco"]', "twice"), ('["spare", "spare"]', "twice")],
)
def test_the_others_are_other_trunks_that_are_there(others: str, told: str) -> None:
    assert told in faults(with_others(others))


def test_what_is_tried_when_a_trunk_fails_needs_a_first_trunk() -> None:
    assert "no first trunk" in faults(
        with_others('["spare"]').replace('trunk = "telco"\nother', 'modem = "m"\nother')
    )


def test_talks_are_encrypted_only_where_their_keys_are_hidden() -> None:
    telco = '[trunks.telco]\nsrtp = "required"\n'
    assert "srtp needs tls" in faults(TEMPLATE.replace("[trunks.telco]", telco))
    by_tls = telco + 'transport = "tls"\n'
    trunk = settings.read(TEMPLATE.replace("[trunks.telco]", by_tls)).trunks["telco"]
    assert (trunk.transport, trunk.srtp) == (Transport.TLS, Encrypted.ALWAYS)


@pytest.mark.parametrize(("transport", "port"), [("udp", 5060), ("tcp", 5060), ("tls", 5061)])
def test_a_trunk_without_a_port_has_its_transports_own(transport: str, port: int) -> None:
    spare = f'{SPARE}transport = "{transport}"\n'
    assert settings.read(TEMPLATE + spare).trunks["spare"].port == port
