"""Numbers that cost more than a call should: no rule leads there but one that says so."""

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from ivr.costly import is_barred

# Of the United States and Canada, with the territories that are charged as the country itself.
AT_HOME = {"US", "CA", "PR", "VI", "GU", "AS", "MP"}
ten_digits = st.from_regex(r"[2-9][0-9]{9}", fullmatch=True)


@given(ten_digits)
def test_a_rule_for_any_ten_digits_leads_to_no_other_country(number: str) -> None:
    parsed = phonenumbers.parse(number, "US")
    region = phonenumbers.region_code_for_number(parsed)
    assume(region is not None)
    if region not in AT_HOME:
        assert is_barred("", 10, number)
        assert is_barred("", 11, f"1{number}")
    elif phonenumbers.number_type(parsed) != PhoneNumberType.PREMIUM_RATE:
        assert is_barred("", 10, number) == (number[3:6] == "976")


@given(st.sampled_from(["011", "00"]), st.from_regex(r"[1-9][0-9]{6,12}", fullmatch=True))
def test_abroad_is_called_by_a_rule_that_names_the_country_alone(out: str, number: str) -> None:
    dialled = out + number
    for starts in ("", out[:1], out):
        assert is_barred(starts, len(dialled), dialled)
    assert not is_barred(dialled[: len(out) + 2], len(dialled), dialled)


@pytest.mark.parametrize("number", ["9005550123", "2029760123", "19005550123", "09005550123"])
def test_a_premium_number_is_called_by_a_rule_that_names_it_alone(number: str) -> None:
    assert is_barred("", len(number), number)
    assert not is_barred(number[:7], len(number), number)
