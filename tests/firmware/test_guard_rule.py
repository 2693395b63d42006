"""Who is blocked and for how long, whatever knocks."""

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from firmware.guard_rule import (
    BLOCKED_FOR_S,
    FORGOTTEN_AFTER_S,
    TOO_MANY,
    UNDER_WAY_S,
    WITHIN_S,
    Blocked,
    GuardRule,
    Sign,
    Told,
)
from hw.packet_filter import NEARBY, Address, is_among

SCANNER, DESK = ip_address("203.0.113.9"), ip_address("192.168.1.20")


def knock(
    rule: GuardRule, who: Address, times: int, now: float, sign: Sign = Sign.WRONG_PASSWORD
) -> list[Blocked | Told]:
    verdicts = (rule.knocked(who, sign, now + index * 0.001) for index in range(times))
    return [one for one in verdicts if one is not None]


def test_a_scanner_is_blocked_at_its_fifth_name_that_is_none() -> None:
    rule = GuardRule(NEARBY)
    assert knock(rule, SCANNER, 4, 0.0, Sign.NO_SUCH_NAME) == []
    assert knock(rule, SCANNER, 1, 1.0, Sign.NO_SUCH_NAME) == [
        Blocked(SCANNER, 600, Sign.NO_SUCH_NAME)
    ]


def test_a_desk_telephone_with_an_old_password_is_told_of_and_never_blocked() -> None:
    assert knock(GuardRule(NEARBY), DESK, 1000, 0.0) == [Told(DESK, Sign.WRONG_PASSWORD)]


def test_a_person_who_mistypes_now_and_then_is_left_alone() -> None:
    rule = GuardRule(NEARBY)
    each = WITHIN_S / (TOO_MANY[Sign.WRONG_PASSWORD] - 1)
    assert [rule.knocked(SCANNER, Sign.WRONG_PASSWORD, at * each) for at in range(50)] == [
        None
    ] * 50


def test_each_next_block_is_longer_and_after_a_quiet_week_it_begins_anew() -> None:
    rule, now, lasted = GuardRule(NEARBY), 0.0, []
    for _ in range(4):
        (verdict,) = knock(rule, SCANNER, TOO_MANY[Sign.WRONG_PASSWORD], now)
        assert isinstance(verdict, Blocked)
        lasted.append(verdict.for_s)
        now += verdict.for_s + 1
    assert lasted == [*BLOCKED_FOR_S, BLOCKED_FOR_S[-1]]
    (anew,) = knock(rule, SCANNER, 10, now + FORGOTTEN_AFTER_S)
    assert isinstance(anew, Blocked)
    assert anew.for_s == BLOCKED_FOR_S[0]


def test_whom_a_person_let_in_is_blocked_again_if_it_goes_on_and_no_longer_than_before() -> None:
    rule = GuardRule(NEARBY)
    first = Blocked(SCANNER, 600, Sign.WRONG_PASSWORD)
    assert knock(rule, SCANNER, 50, 0.0) == [first]
    assert knock(rule, SCANNER, 9, UNDER_WAY_S + 1) == []
    assert knock(rule, SCANNER, 1, UNDER_WAY_S + 2) == [first]


def test_an_ipv6_scanner_that_changes_its_address_is_still_the_same() -> None:
    rule = GuardRule(NEARBY)
    tries = (ip_address(f"2001:db8::{each:x}") for each in range(1, 11))
    verdicts = [rule.knocked(each, Sign.WRONG_PASSWORD, 0.0) for each in tries]
    assert [one for one in verdicts if one] == [
        Blocked(ip_address("2001:db8::"), 600, Sign.WRONG_PASSWORD)
    ]


KNOCKS = st.lists(
    st.tuples(st.ip_addresses(), st.sampled_from(Sign), st.floats(0, 30)), max_size=200
)


@given(KNOCKS, st.integers(1, 10))
def test_whatever_knocks_nobody_spared_is_blocked_and_little_is_remembered(
    knocks: list[tuple[Address, Sign, float]], most: int
) -> None:
    spared = (*NEARBY, ip_network("203.0.112.0/20"), ip_network("0.0.0.0/1"))
    rule, now = GuardRule(spared, most), 0.0
    for address, sign, later in knocks:
        now += later
        for _ in range(TOO_MANY[sign]):
            verdict = rule.knocked(address, sign, now)
            if isinstance(verdict, Blocked):
                assert not is_among(verdict.address, spared)
                assert verdict.for_s in BLOCKED_FOR_S
        assert len(rule) <= most
