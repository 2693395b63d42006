"""What can be said of the box's network, what cannot be, and the files that come of it."""

import pytest

from hw.network_files import FIELD_MOST, LAN, Fault, Wish, WishError, files_of, understood, wish_in

FIXED = Wish(how="fixed", address="192.168.1.20/24", gateway="192.168.1.1")
WHOLE = Wish(
    how="fixed",
    address="192.168.1.20/24",
    gateway="192.168.1.1",
    port="eth0",
    vlan="20",
    phones_address="10.20.0.1/24",
    dns="192.168.1.1, 9.9.9.9",
    time="ntp.example.org 192.168.1.1",
    host_name="CareLine-2",
)


def faults(wish: Wish) -> dict[str, Fault]:
    try:
        understood(wish)
    except WishError as wrong:
        return dict(wrong.faults)
    return {}


def test_a_box_of_which_nobody_has_said_anything_asks_its_net_for_an_address() -> None:
    files = files_of(Wish())
    assert list(files) == [LAN]
    assert "[Match]\nName=en* eth*\n" in files[LAN]
    assert "[Network]\nDHCP=ipv4\n" in files[LAN]
    assert "UseDNS=yes\nUseNTP=yes\nUseHostname=no\n" in files[LAN]


def test_a_fixed_address_telephones_of_their_own_and_servers_become_networkd_s_files() -> None:
    files = files_of(WHOLE)
    assert list(files) == ["phones.20.netdev", "phones.20.network", LAN], "the last names the rest"
    assert files["phones.20.netdev"] == "[NetDev]\nName=phones.20\nKind=vlan\n\n[VLAN]\nId=20\n\n"
    assert "Name=phones.20\n" in files["phones.20.network"]
    assert "Address=10.20.0.1/24\n" in files["phones.20.network"]
    for line in (
        "Name=eth0", "Address=192.168.1.20/24", "Gateway=192.168.1.1", "DNS=192.168.1.1",
        "DNS=9.9.9.9", "NTP=ntp.example.org", "NTP=192.168.1.1", "VLAN=phones.20",
    ):  # fmt: skip
        assert f"\n{line}\n" in files[LAN], line
    assert "DHCP" not in files[LAN]
    assert understood(WHOLE).host_name == "careline-2"


def test_who_names_servers_beside_dhcp_means_these_and_not_the_net_s() -> None:
    text = files_of(Wish(dns="192.168.1.5", time="192.168.1.5"))[LAN]
    assert "UseDNS=no\nUseNTP=no\n" in text


def test_a_file_says_itself_what_it_came_of_and_no_other_file_does() -> None:
    assert wish_in(files_of(WHOLE)[LAN]) == WHOLE
    assert wish_in("[Match]\nName=eth0\n") is None
    assert wish_in("# careline {broken\n") is None
    assert wish_in('# careline {"how": 3}\n') is None
    assert wish_in('# careline {"else": "x"}\n') is None


@pytest.mark.parametrize(
    ("wish", "wanted"),
    [
        (Wish(how="magic"), {"how": Fault.HOW}),
        (Wish(how="fixed"), {"address": Fault.ADDRESS}),
        (Wish(how="fixed", address="192.168.1.20"), {"address": Fault.ADDRESS}),
        (Wish(how="fixed", address="192.168.1.300/24"), {"address": Fault.ADDRESS}),
        (Wish(how="fixed", address="192.168.1.20/31"), {"address": Fault.NET_SIZE}),
        (Wish(how="fixed", address="192.168.1.0/24"), {"address": Fault.NO_HOST}),
        (Wish(how="fixed", address="192.168.1.255/24"), {"address": Fault.NO_HOST}),
        (Wish(how="fixed", address="127.0.0.1/8"), {"address": Fault.SPECIAL}),
        (Wish(how="fixed", address="169.254.3.4/16"), {"address": Fault.SPECIAL}),
        (Wish(how="fixed", address="224.0.0.5/24"), {"address": Fault.SPECIAL}),
        (Wish(how="fixed", address="fd00::5/64"), {"address": Fault.ADDRESS}),
        (
            Wish(how="fixed", address="192.168.1.20/24", gateway="192.168.2.1"),
            {"gateway": Fault.GATEWAY_OUTSIDE},
        ),
        (
            Wish(how="fixed", address="192.168.1.20/24", gateway="192.168.1.255"),
            {"gateway": Fault.GATEWAY_OUTSIDE},
        ),
        (
            Wish(how="fixed", address="192.168.1.20/24", gateway="192.168.1.20"),
            {"gateway": Fault.GATEWAY_IS_BOX},
        ),
        (Wish(how="fixed", address="192.168.1.20/24", gateway="x"), {"gateway": Fault.GATEWAY}),
        (Wish(vlan="20"), {"phones_address": Fault.PHONES_MISSING}),
        (Wish(phones_address="10.0.0.1/24"), {"vlan": Fault.VLAN_MISSING}),
        (Wish(vlan="0", phones_address="10.0.0.1/24"), {"vlan": Fault.VLAN}),
        (Wish(vlan="4095", phones_address="10.0.0.1/24"), {"vlan": Fault.VLAN}),
        (Wish(vlan="²", phones_address="10.0.0.1/24"), {"vlan": Fault.VLAN}),
        (
            Wish(how="fixed", address="10.0.0.1/16", vlan="5", phones_address="10.0.7.1/24"),
            {"phones_address": Fault.OVERLAP},
        ),
        (Wish(dns="dns.example.org"), {"dns": Fault.DNS}),
        (Wish(dns="1.1.1.1 1.0.0.1 9.9.9.9 8.8.8.8"), {"dns": Fault.DNS}),
        (Wish(time="two words; 1.2.3"), {"time": Fault.TIME}),
        (Wish(time="-x.example"), {"time": Fault.TIME}),
        (Wish(port="eth0 eth1"), {"port": Fault.PORT}),
        (Wish(port="ETH0]\n[Network"), {"port": Fault.PORT}),
        (Wish(host_name="care line"), {"host_name": Fault.HOST_NAME}),
        (Wish(host_name="x" * 64), {"host_name": Fault.HOST_NAME}),
    ],
)
def test_what_cannot_be_had_is_said_beside_its_field(wish: Wish, wanted: object) -> None:
    assert faults(wish) == wanted


def test_several_faults_are_all_told_and_a_sound_wish_has_none() -> None:
    wrong = Wish(how="fixed", address="192.168.1.20", vlan="9999", dns="x", host_name="-")
    assert set(faults(wrong)) == {"address", "vlan", "phones_address", "dns", "host_name"}
    assert faults(FIXED) == faults(WHOLE) == faults(Wish()) == {}
    assert faults(Wish(vlan="4094", phones_address="10.0.0.1/24")) == {}


@pytest.mark.parametrize("name", ["port", "vlan", "dns", "time", "host_name", "address", "gateway"])
def test_nothing_that_is_typed_adds_a_line_to_a_file(name: str) -> None:
    for hostile in ("x\n[Network]\nBridge=br0", "eth0\nName=*", "1.1.1.1\rDNS=6.6.6.6", "\0"):
        wish = Wish(**{"how": "fixed", "address": "10.0.0.2/24", name: hostile})
        try:
            files = files_of(wish)
        except WishError:
            continue
        for text in files.values():
            assert "Bridge" not in text.partition("\n")[2]
            assert "6.6.6.6" not in text.partition("\n")[2]
            assert "\r" not in text


def test_a_field_is_long_enough_for_all_that_can_stand_in_it() -> None:
    assert FIELD_MOST > 4 * 64
