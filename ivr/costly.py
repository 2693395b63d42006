"""Numbers that cost more than a call should: abroad and premium. Pure.

A dial rule leads to none of them unless its `starts` says so by itself: the prefix of a country, an
area that counts as one, 900, or an exchange 976. A rule for any ten digits leads to none.

The texts are regular expressions as both Python and Asterisk (POSIX extended) read them, so that a
number is refused alike by the dialplan, which alone stands before a telephone, and by us.
"""

import re

# How a country's number begins: 011 (North America), 00 (ITU-T E.164, the usual prefix elsewhere).
_ABROAD = "(00|011)[1-9]"
_ABROAD_ANY = "^(00|011)"
# Of the North American plan, after nothing, 1, or 0 for the operator: the area 900 and the
# exchange 976 in any area.
_PREMIUM = ("900", "[2-9][0-9][0-9]976")
# Countries and islands whose numbers look like a neighbour's, and are charged as abroad (NANPA, its
# list of geographic codes); those of the United States and Canada are not among them.
_ISLANDS = (
    *("242", "246", "264", "268", "284", "345", "441", "473", "649", "658", "664", "721"),
    *("758", "767", "784", "809", "829", "849", "868", "869", "876"),
)
_NATIONAL = f"^[01]?({'|'.join((*_PREMIUM, *_ISLANDS))})"
_NATIONAL_DIGITS = (10, 11)
# The countries of ITU-T E.164 whose code has one digit or two; all others have three.
_SHORT_CODES = "[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"


def barred(starts: str, digits: int) -> str:
    """What a rule for numbers that start so, of so many digits, does not lead to: a regular
    expression. Empty: it leads to each of them."""
    parts = []
    if not re.match(_ABROAD, starts):
        parts.append(_ABROAD_ANY)
    if digits in _NATIONAL_DIGITS and not re.match(_NATIONAL, starts):
        parts.append(_NATIONAL)
    return "|".join(parts)


def is_barred(starts: str, digits: int, number: str) -> bool:
    """Whether it is one of those."""
    expression = barred(starts, digits)
    return bool(expression) and re.search(expression, number) is not None


def countries(starts: str) -> str | None:
    """What the codes of the countries begin with to which a rule for numbers that start so leads,
    where it names no single one; empty: it names none, and leads to none. None: it is at home, or
    names a country. 1 is none by itself: islands that are charged as abroad have it too."""
    out = next((each for each in ("011", "00") if starts.startswith(each)), None)
    if out is None:
        return None
    code = starts.removeprefix(out)
    is_one = code != "1" and re.fullmatch(_SHORT_CODES, code)
    return None if is_one or len(code) >= 3 else code
