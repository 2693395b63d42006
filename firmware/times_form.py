"""Times of a day as somebody fills them in, in pairs of fields: `mon-1-opens` and `mon-1-closes`.

An end at midnight is the day's own. What is wrong is told in words that belong beside the fields;
an empty pair says nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from firmware.fields import Texts
from firmware.filling import Told

SPANS_MOST = 12  # of one day, as the site file's model has it
CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
MIDNIGHT = "24:00"  # as the site file writes a day's end

HALF = Told("One of the two times is missing.", "Fill in both, or leave both empty.")
NO_TIME = Told("This is no time.", "Write it like 08:00.")
BACKWARDS = Told(
    "It ends before it begins.", "Past midnight, end at 12:00 AM and go on in the next day."
)
OVERLAP = Told("Two of these times overlap.", "Make one of them, or part them.")


def rows_of(written: Iterable[str], name: str, least: int) -> dict[str, str]:
    """The fields for what is written, `08:00-17:00` each; empty ones up to so many."""
    texts = {}
    rows = [each.partition("-") for each in written]
    rows += [("", "", "")] * max(0, least - len(rows))
    for place, (opens, _, closes) in enumerate(rows, 1):
        texts[f"{name}-{place}-opens"] = opens
        texts[f"{name}-{place}-closes"] = "00:00" if closes == MIDNIGHT else closes
    return texts


def count_of(texts: Texts, name: str, least: int = 2) -> int:
    """How many pairs are drawn for these texts: one more than are filled in."""
    filled = [
        place
        for place in range(1, SPANS_MOST + 1)
        if any(texts.get(f"{name}-{place}-{end}", "").strip() for end in ("opens", "closes"))
    ]
    return min(SPANS_MOST, max(least, (filled[-1] if filled else 0) + 1))


def pairs_of(texts: Texts, name: str) -> Iterator[tuple[int, str, str]]:
    """What was typed, with the place of its pair; empty pairs are left out."""
    for place in range(1, SPANS_MOST + 1):
        opens, closes = (
            texts.get(f"{name}-{place}-{end}", "").strip()[: len(MIDNIGHT)]
            for end in ("opens", "closes")
        )
        if opens or closes:
            yield place, opens, closes


def spans_of(texts: Texts, name: str) -> list[str] | Told:
    """As the site file writes them, by time; or the first thing that is wrong with them."""
    spans = []
    for _, opens, closes in pairs_of(texts, name):
        if (wrong := wrong_with(opens, closes)) is not None:
            return wrong
        end = MIDNIGHT if closes == "00:00" else closes
        if end <= opens:
            return BACKWARDS
        spans.append((opens, end))
    spans.sort()
    if any(other[0] < one[1] for one, other in pairwise(spans)):
        return OVERLAP
    return [f"{opens}-{closes}" for opens, closes in spans]


def wrong_with(opens: str, closes: str) -> Told | None:
    """What keeps a pair from being two times."""
    if not (opens and closes):
        return HALF
    if not CLOCK.fullmatch(opens) or not (CLOCK.fullmatch(closes) or closes == MIDNIGHT):
        return NO_TIME
    return None


def listed(part: Mapping[str, Any], key: str) -> list[str]:
    """The texts of a list in the site file; of what is no list, none."""
    found = part.get(key)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
