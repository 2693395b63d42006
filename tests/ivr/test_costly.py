"""Numbers that cost more than a call should: no rule leads there but one that says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.costly import countries, is_barred

# Jamaica, the Dominican Republic, the Bahamas, Grenada, Bermuda, Trinidad (NANPA).
ABROAD = ("876", "658", "809", "829", "849", "242", "473", "441", "868")
# New York, Los Angeles, Toronto, Puerto Rico, Guam, the Virgin Islands, toll-free.
AT_HOME = ("212", "213", "416", "787", "671", "340", "800")
office = st.from_regex(r"[2-9][0-8][0-9]{5}", fullmatch=True)  # 976 is none of them


@given(st.sampled_from(ABROAD), office)
def test_an_area_that_is_another_country_needs_a_rule_that_names_it(area: str, rest: str) -> None:
    for before in ("", "1", "0"):
        number = before + area + rest
        assert is_barred("", len(number), number)
        assert not is_barred(before + area, len(number), number)


@given(st.sampled_from(AT_HOME), office)
def test_a_rule_for_any_ten_digits_leads_all_over_the_country(area: str, rest: str) -> None:
    assert not is_barred("", 10, area + rest)
    assert not is_barred("", 11, "1" + area + rest)


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


@pytest.mark.parametrize(
    ("starts", "begin"),
    [
        ("", None), ("9", None), ("1876", None), ("0", None),
        ("011", ""), ("00", ""),
        ("0114", "4"), ("004", "4"), ("0111", "1"), ("01142", "42"), ("01188", "88"),
        ("01144", None), ("0044", None), ("0117", None), ("011420", None), ("0111876", None),
    ],
)  # fmt: skip
def test_a_rule_that_names_no_single_country_is_known_for_it(
    starts: str, begin: str | None
) -> None:
    assert countries(starts) == begin
