"""What nft is told, and what is a clinic's own net. The kernel's own answer: tests/lines."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.packet_filter import (
    FilterError,
    Nftables,
    blocking,
    is_among,
    own_among,
    source_of,
    table,
)


def test_an_ipv6_stranger_is_its_whole_net_and_a_mapped_one_is_its_ipv4_address() -> None:
    assert str(source_of(ip_address("2001:db8:1:2:aa::9"))) == "2001:db8:1:2::"
    assert str(source_of(ip_address("::ffff:203.0.113.9"))) == "203.0.113.9"


@given(st.ip_addresses())
def test_whoever_is_meant_is_meant_again(address: "object") -> None:
    once = source_of(ip_address(str(address)))
    assert source_of(once) == once


def test_a_net_that_a_port_stands_in_is_the_clinics_own_unless_half_a_town_lives_there() -> None:
    own = own_among(("192.0.2.7/24", "203.0.113.9/20", "2001:db8::7/64", "2001:db8::8/48"))
    assert [str(net) for net in own] == ["192.0.2.0/24", "2001:db8::/64"]


def test_one_spared_host_spares_its_net_of_ipv6() -> None:
    trunk = (ip_network("2001:db8:1:2::5/128"),)
    assert is_among(ip_address("2001:db8:1:2::99"), trunk)
    assert not is_among(ip_address("2001:db8:1:3::5"), trunk)


def test_who_is_spared_is_let_through_before_anything_else_is_looked_at() -> None:
    rules = [line for line in table((5060,), ()).splitlines() if " knocking ip" in line]
    assert ["spared" in rule for rule in rules[:3]] == [True, True, False]


@pytest.mark.parametrize("why", ['x" }; flush ruleset', "a\nb", "é"])
def test_a_reason_that_nft_could_take_for_more_is_refused(why: str) -> None:
    with pytest.raises(FilterError):
        blocking(ip_address("203.0.113.9"), 600, why)


@pytest.mark.parametrize("said", ["", "{}", '{"nftables": [{"set": {"elem": [{"elem": 1}]}}]}'])
def test_what_nft_never_said_before_is_an_error_of_ours(said: str) -> None:
    def tell(_command: Sequence[str], _text: str) -> str:
        return said

    with pytest.raises(FilterError):
        Nftables(tell).blocks()
