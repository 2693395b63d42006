"""Whether the desk's figures are what Erlang-A reckons: the 99 % interval of each mean holds it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev

from firmware.figures import Tally
from ivr.staffing import forecast
from tests.clinic.month import DESK, DESK_AGENTS, TARGET_S

# Two-sided, by how many means there are.
STUDENT_99: Mapping[int, float] = {6: 4.032, 20: 2.861}


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure: as reckoned, and between which bounds it lies with 99 % certainty."""

    what: str
    reckoned: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        return self.low <= self.reckoned <= self.high

    def __str__(self) -> str:
        word = "holds" if self.holds else "does NOT hold"
        return f"{self.what}: {self.low:.4g} to {self.high:.4g} {word} {self.reckoned:.4g}"


def compared(lives: Sequence[Tally]) -> Iterator[Compared]:
    """The desk's tallies, one of each life."""
    reckoned = forecast(DESK, len(DESK_AGENTS), TARGET_S)
    figures: list[tuple[str, float, Callable[[Tally], float | None]]] = [
        ("mean wait of the answered, s", reckoned.asa_s, lambda tally: tally.asa_s),
        ("share that hangs up", reckoned.abandons, lambda tally: tally.abandonment),
        (
            f"share answered within {TARGET_S} s",
            reckoned.within,
            lambda tally: tally.service_level(TARGET_S),
        ),
        ("mean talk, s", DESK.handle_s, lambda tally: tally.aht_s),
        ("mean patience, s", DESK.patience_s, lambda tally: tally.patience_s),
    ]
    for what, figure, of in figures:
        seen = [value for tally in lives if (value := of(tally)) is not None]
        wide = STUDENT_99[len(lives)] * stdev(seen) / sqrt(len(seen))
        yield Compared(what, figure, mean(seen) - wide, mean(seen) + wide)
