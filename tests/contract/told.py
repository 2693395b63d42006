"""What the ledger has of a story, without what differs from telling to telling: times, and names.

How long a caller waited before hanging up decides between two outcomes; they are one here.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ivr.events import Refusal
from ivr.pace import MOVED
from tests.contract.site import lane_named, phones_of

# The shell's own words about a recording, which the exchange knows nothing of.
SHELLS_OWN = frozenset({"offered", "recording", "sealed"})
# Whether anybody stood in a line before it moved on is a matter of moments.
LEFT_OUT = SHELLS_OWN | {MOVED}
# Of one telephone, which its detail names.
PHONES_OWN = frozenset({"rings", "accepted", *Refusal})
TRIED_AGAIN = frozenset({"matched", "offer", *Refusal})
_TIME = re.compile(r"\d+(\.\d+)? s\b")
_SINCE = re.compile(r" (idle for|not busy yet).*")
_SLOT = re.compile(r" at (\d+)$")
_SOONER = re.compile(r", sooner than T$")


@dataclass(frozen=True, slots=True)
class Line:
    """One step of a call."""

    step: str
    detail: str

    def __str__(self) -> str:
        return f"{self.step} {self.detail}".rstrip()


Account = tuple[tuple[str, tuple[Line, ...]], ...]


def account(lane: int, told: Mapping[str, Iterable[Line]]) -> Account:
    """The same for the same story, wherever it was told."""
    names = {lane_named(lane): "lane"}
    names |= {extension: letter for letter, extension in phones_of(lane).items()}
    known = re.compile("|".join(map(re.escape, names)))
    return tuple(
        (who, tuple(_plain(line, names, known) for line in lines if line.step not in LEFT_OUT))
        for who, lines in sorted(told.items())
    )


def _plain(line: Line, names: Mapping[str, str], known: re.Pattern[str]) -> Line:
    detail = known.sub(lambda found: names[found[0]], line.detail)
    detail = _SOONER.sub("", _TIME.sub("T", _SINCE.sub("", _SLOT.sub(" in a slot", detail))))
    return Line(line.step, detail.replace("short_abandoned", "abandoned"))


def of_each(told: Account) -> set[tuple[str, str, tuple[Line, ...]]]:
    """Apart: what the call itself did, and what each telephone did in it; for which of several
    telephones rings first says nothing. Nor does how often the same was tried in vain."""
    apart: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
    for who, lines in told:
        for line in lines:
            mine = apart[who, line.detail if line.step in PHONES_OWN else ""]
            if line not in mine or line.step not in TRIED_AGAIN:
                mine.append(line)
    return {(who, phone, tuple(lines)) for (who, phone), lines in apart.items()}


def shown(told: Account) -> str:
    """To be read by whoever must find the difference."""
    return "\n".join(f"{who}: {'; '.join(map(str, lines))}" for who, lines in told)


def slot_of(lines: Iterable[Line]) -> str:
    """Where the caller was parked last."""
    (*_, slot) = (found[1] for each in lines if (found := _SLOT.search(each.detail)))
    return slot
