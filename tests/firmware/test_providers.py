"""What a site file need not say of a trunk whose company is known."""

import pytest

from firmware import settings
from firmware.asterisk import number_formats
from firmware.asterisk.config import generate
from firmware.providers import PROVIDERS
from firmware.settings import SiteFaults
from ivr.plan import DialRule, NumberFormat, Plan, ShownIn, Trunk
from tests.firmware.asterisk.test_config import PATHS, PORTS, SECRETS
from tests.sites import head

SITE = head(["101"]).replace('flow = "main"', 'phone = "101"')


FROM = 'calls_from = ["198.51.100.0/28", "203.0.113.7"]'


def site_of(trunk: str) -> Plan:
    return settings.read(SITE.replace('host = "127.0.0.2"', trunk))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_company_that_is_known_makes_a_trunk_that_asterisk_can_be_told_of(
    provider: str,
) -> None:
    plan = site_of(f'provider = "{provider}"\nhost = "sip.example.com"\nusername = "carol"\n{FROM}')
    trunk, usual = plan.trunks["telco"], PROVIDERS[provider]  # type: ignore[index]
    assert trunk.registers == usual.registers
    assert trunk.numbers == usual.number_format
    files = generate(plan, SECRETS, PORTS, PATHS)
    assert ("type=registration" in files["pjsip.conf"]) == usual.registers
    assert ("from_user=carol" in files["pjsip.conf"]) == (usual.shown_in != "caller")
    assert usual.source


def test_what_the_site_file_says_wins_over_what_is_usual_with_the_company() -> None:
    told = 'host = "sip.telnyx.eu"\nnumber_format = "as-dialled"\nshown_in = "name"'
    trunk = site_of(f'provider = "telnyx"\n{told}').trunks["telco"]
    assert (trunk.host, trunk.numbers) == ("sip.telnyx.eu", NumberFormat.AS_DIALLED)
    assert (trunk.shown_in, trunk.registers) == (ShownIn.NAME, False)


def test_a_company_with_one_address_for_all_needs_none_and_any_other_does() -> None:
    assert site_of('provider = "telnyx"').trunks["telco"].host == "sip.telnyx.com"
    for trunk in ("", 'provider = "twilio"'):
        with pytest.raises(SiteFaults, match="this trunk has no host"):
            site_of(trunk)


@pytest.mark.parametrize(
    ("code", "rule", "change"),
    [
        ("1", DialRule("9", "", 10, "t", ""), ("+1", 0)),
        ("1", DialRule("9", "1", 11, "t", ""), ("+", 0)),
        ("1", DialRule("9", "011", 13, "t", ""), ("+", 3)),
        ("1", DialRule("9", "", 3, "t", ""), ("", 0)),
        ("49", DialRule("", "0", 11, "t", ""), ("+49", 1)),
        ("49", DialRule("", "00", 14, "t", ""), ("+", 2)),
    ],
)
def test_a_number_gets_its_country_code_by_how_it_is_dialled(
    code: str, rule: DialRule, change: tuple[str, int]
) -> None:
    plus, bare = (
        Trunk("t", "h", 5060, None, False, numbers=numbers, country_code=code)
        for numbers in (NumberFormat.PLUS_E164, NumberFormat.E164)
    )
    assert number_formats.of_rule(plus, rule) == change
    assert number_formats.of_rule(bare, rule) == (change[0].removeprefix("+"), change[1])
    number = rule.starts.ljust(rule.digits, "2")
    before, off = change
    assert number_formats.sent(plus, number) == before + number[off:]


def test_a_number_that_is_written_whole_keeps_its_digits() -> None:
    trunk = Trunk("t", "h", 5060, None, False, numbers=NumberFormat.E164)
    assert number_formats.sent(trunk, "+442071234567") == "442071234567"
    assert number_formats.sent(trunk, "2025550100") == "12025550100"


def test_a_number_of_the_clinic_opens_its_line_however_its_company_writes_it() -> None:
    plan = site_of('provider = "telnyx"')
    dialplan = generate(plan, SECRETS, PORTS, PATHS)["extensions.conf"]
    context = dialplan.partition("[from-telco]")[2].partition("\n[")[0]
    for number in ("2025550100", "12025550100", "+12025550100"):
        assert f"exten => {number},1," in context


def test_a_company_that_calls_from_elsewhere_says_from_where_and_is_known_there() -> None:
    trunk = 'provider = "twilio"\nhost = "clinic.pstn.twilio.com"'
    with pytest.raises(SiteFaults, match="calls come from addresses of their own"):
        site_of(trunk)
    files = generate(site_of(f"{trunk}\n{FROM}"), SECRETS, PORTS, PATHS)
    known = ("clinic.pstn.twilio.com", "198.51.100.0/28", "203.0.113.7")
    assert [f"match={each}" in files["pjsip.conf"] for each in known] == [True] * 3


@pytest.mark.parametrize("net", ["0.0.0.0/0", "198.51.100.1/28", "300.1.1.1", "sip.example.com"])
def test_a_net_that_is_none_or_takes_in_half_the_world_is_refused(net: str) -> None:
    with pytest.raises(SiteFaults):
        site_of(f'host = "sip.example.com"\ncalls_from = ["{net}"]')
