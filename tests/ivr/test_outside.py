"""Whom the clinic itself may call: its phones, and numbers outside by its dial rules; never 911."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.outside import ALWAYS_REFUSED, Extension, NoWayOutError, Outside, way_to
from ivr.plan import DialRule, Plan
from tests.ivr.story import a_clinic

TEN = DialRule("9", "", 10, "telco", "2025550100")
ELEVEN = DialRule("9", "1", 11, "telco", "2025550101")
THREE = DialRule("9", "", 3, "telco", "2025550100")


def clinic(*rules: DialRule) -> Plan:
    return replace(a_clinic(), dial_rules=rules, emergency_numbers=("911", "9911", "112"))


def test_a_number_goes_out_by_the_first_rule_that_leads_to_it() -> None:
    plan = clinic(TEN, ELEVEN)
    assert way_to(plan, "2025550171") == Outside("2025550171", TEN)
    assert way_to(plan, "2125550171") == Outside("2125550171", TEN)
    assert way_to(clinic(ELEVEN, TEN), "2025550171") == Outside("12025550171", ELEVEN)


@pytest.mark.parametrize("number", ["2025550171", "12025550171", "+12025550171"])
def test_the_countrys_own_1_may_be_written_or_not(number: str) -> None:
    assert way_to(clinic(TEN), number) == Outside("2025550171", TEN)
    assert way_to(clinic(ELEVEN), number) == Outside("12025550171", ELEVEN)


def test_an_extension_is_one_of_the_clinics_own_phones() -> None:
    assert way_to(clinic(), "101") == Extension("101")


@pytest.mark.parametrize("number", ["", "anonymous", "2025550171 ", "٢٠٢٥٥٥٠١٧١", "555", "+"])
def test_what_no_rule_leads_to_is_not_called(number: str) -> None:
    with pytest.raises(NoWayOutError) as refused:
        way_to(clinic(TEN), number)
    assert not number.strip() or number not in str(refused.value)


@given(
    st.sampled_from(("", "+", "9", "1", "91", "+1", "99", "191")),
    st.sampled_from((*ALWAYS_REFUSED, "9911")),
    st.lists(st.builds(DialRule, st.just("9"), st.just(""), st.integers(1, 15), st.just("telco"),
                       st.just("2025550100")), max_size=4),
)  # fmt: skip
def test_no_rule_whatever_leads_to_an_emergency_number(
    before: str, emergency: str, rules: list[DialRule]
) -> None:
    plan = clinic(THREE, TEN, *rules)
    with pytest.raises(NoWayOutError, match="by people only"):
        way_to(plan, before + emergency)


@pytest.mark.parametrize("number", ["9115550100", "19115550100", "1125550100"])
def test_a_number_that_begins_like_an_emergency_call_is_not_dialled(number: str) -> None:
    """A line that is dialled digit by digit would be through after the first three."""
    with pytest.raises(NoWayOutError):
        way_to(clinic(TEN, ELEVEN), number)
