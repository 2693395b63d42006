"""Public holidays of a country or one of its parts, by date: computed, so that no list grows old.

A holiday has one name wherever it falls: that it is observed on another day, or that its date is an
estimate by the moon, is left off, so that a site file switches all of it by one name.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import holidays

# A plan answers for any day of these years and is the same whenever it is read: nothing in a box
# needs to be done at New Year.
YEARS = range(2024, 2061)
ENGLISH = "en_US"
_REMARK = re.compile(r" \((?:observed|estimated|observed, estimated)\)$")


class UnknownPlaceError(Exception):
    """There is no such country, or part of it: which of the two, and those there are."""

    def __init__(self, key: str, reason: str, known: tuple[str, ...]) -> None:
        super().__init__(reason)
        self.key = key
        self.known = known


@lru_cache(maxsize=8)
def public_holidays(country: str, subdivision: str | None) -> Mapping[date, tuple[str, ...]]:
    """The names of each holiday's date."""
    parts = holidays.list_supported_countries()
    if country not in parts:
        raise UnknownPlaceError("country", f"holidays of {country} are not known", tuple(parts))
    if subdivision is not None and subdivision not in parts[country]:
        reason = f"{country} has no {subdivision} with holidays of its own"
        raise UnknownPlaceError("subdivision", reason, tuple(parts[country]))
    found = holidays.country_holidays(
        country, subdiv=subdivision, years=YEARS, language=_language(country)
    )
    return {
        day: tuple(dict.fromkeys(_REMARK.sub("", name) for name in found.get_list(day)))
        for day in sorted(found)
    }


def _language(country: str) -> str | None:
    """English where the names can be had in it; else the country's own."""
    languages = holidays.list_localized_countries().get(country, ())
    return ENGLISH if ENGLISH in languages else None
