"""The verdict on our DTMF detector: `python -m tests.dtmf.proof SEED…`, or make proof-dtmf.

Every item in both laws, half an hour of vowels a seed, all the talk-off material and the cost of a
sample; each beside the peers that this machine has, and against this project's own targets. It
ends with 0 if all are met.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from firmware.bench import dtmf as cost
from routing_core.audio import Law
from tests.dtmf.detectors import OURS, everybody
from tests.dtmf.further import FURTHER
from tests.dtmf.items import MUST, Item
from tests.dtmf.material import MaterialError, pieces
from tests.dtmf.parts import FalseDigits, Part, Result, done, parts, stale
from tests.dtmf.score import Score, total

SPANDSP = "spandsp"

# This project's table of numbers.
SPEECH_HOURS = 20.0
VOWELS_OF_SPANDSP = 0.03
MEDIAN_MS, WORST_MS = 26.0, 28.0
COST_OF_SPANDSP = 0.35

Results = dict[Part, Result]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target and what came of it; None: it could not be judged here."""

    what: str
    came: str
    is_met: bool | None


def main(seeds: Sequence[str]) -> int:
    """Works out what is missing, and tells all."""
    if stale():
        sys.exit("the C core was edited after it was built: `make setup` builds it, then again")
    say = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 132)
    wanted = parts(seeds)
    say.print(f"Seeds {' '.join(seeds)}; {len(wanted)} parts; Ctrl-C breaks off, again goes on.")
    jobs = int(os.environ.get("JOBS") or os.cpu_count() or 1)
    try:
        finished = done(wanted, jobs)
        found = dict(track(finished, "Listening", len(wanted), console=Console(stderr=True)))
    except MaterialError as missing:
        sys.exit(f"proof-dtmf: {missing}")
    names = [examinee.name for examinee in everybody()]
    _tell_items(say, f"the {len(MUST)} items", MUST, names, found)
    _tell_items(say, "further items", FURTHER, names, found)
    _tell_latency(say, found)
    _tell_talk(say, names, found)
    verdicts = [
        _must(seeds, found),
        _further(found),
        *_times(found),
        _speech(found),
        _others(found),
        _vowels(found),
        _cost(),
    ]
    for verdict in verdicts:
        word = {True: "[green]met[/]", False: "[bold red]MISSED[/]", None: "not judged"}
        say.print(f"  {word[verdict.is_met]}  {verdict.what}: {verdict.came}")
    is_met = all(verdict.is_met for verdict in verdicts)
    say.print(f"proof-dtmf: {'every target is met' if is_met else 'NOT every target is met'}")
    return 0 if is_met else 1


def _of_item(found: Results, who: str, item: Item) -> Score:
    """All seeds, both laws."""
    return total(
        scores[item.name]
        for part, scores in found.items()
        if part.who == who and isinstance(scores, dict)
    )


def _tell_items(
    say: Console, title: str, listed: Iterable[Item], names: Sequence[str], found: Results
) -> None:
    table = Table(title, "wanted", *names, "chances", box=None, pad_edge=False)
    for item in listed:
        scores = [_of_item(found, name, item) for name in names]
        wanted = "" if item.target is None else f"{item.target:g}"
        table.add_row(item.name, wanted, *map(_shown, scores), str(scores[0].chances))
    say.print(table, "")


def _shown(score: Score) -> str:
    """Percent right; what was told too much, in brackets."""
    told = score.wrong + score.duplicates + score.extras
    return _percent(score.percent) + (f" (+{told})" if told else "")


def _percent(value: float) -> str:
    """100 only where it is."""
    return "100" if value == 100 else f"{min(value, 99.99):.2f}"


def _tell_latency(say: Console, found: Results) -> None:
    times = _clean(found).latency_ms
    counted = Counter(int(np.ceil(ms)) for ms in times)
    say.print("ms from a clean key's begin until it is known, ours:")
    for ms, count in sorted(counted.items()):
        say.print(f"  {ms:3d}  {'#' * max(1, round(60 * count / len(times)))} {count}")
    say.print()


def _tell_talk(say: Console, names: Sequence[str], found: Results) -> None:
    table = Table("false digits, both laws", "heard", "hours", *names, box=None, pad_edge=False)
    rows: dict[tuple[str, str], dict[str, FalseDigits]] = {}
    for part, told in found.items():
        if isinstance(told, FalseDigits):
            kind = "vowels" if part.what == "vowels" else _kind(part.of)
            row = rows.setdefault((kind, part.way), {})
            row[part.who] = _sum([row[part.who], told] if part.who in row else [told])
    for (kind, way), row in sorted(rows.items()):
        counts = [str(row[name].count) if name in row else "" for name in names]
        table.add_row(kind, way, f"{row[OURS.name].hours:.2f}", *counts)
    say.print(table)
    for part, told in found.items():
        if isinstance(told, FalseDigits) and part.who == OURS.name and part.what == "talk":
            for place in told.places:
                say.print(f"  ours told {place} in {part.of}, {part.way}")
    say.print()


def _sum(told: Sequence[FalseDigits]) -> FalseDigits:
    return FalseDigits(
        sum(one.hours for one in told),
        {law.value: sum(one.digits[law.value] for one in told) for law in Law},
        [place for one in told for place in one.places],
    )


def _kind(name: str) -> str:
    return next(piece.kind for piece in pieces() if piece.name == name)


def _must(seeds: Sequence[str], found: Results) -> Verdict:
    passed = {
        part.of: sum(scores[item.name].is_perfect for item in MUST)
        for part, scores in found.items()
        if part.who == OURS.name and isinstance(scores, dict)
    }
    came = ", ".join(f"{passed[seed]} on seed {seed}" for seed in seeds)
    all_met = all(count == len(MUST) for count in passed.values())
    return Verdict(f"all {len(MUST)} items at 100 % on every seed", came, all_met)


def _further(found: Results) -> Verdict:
    judged = [(item, item.target) for item in FURTHER if item.target is not None]
    short = [
        f"{item.name} {_percent(score.percent)} of {target:g}"
        for item, target in judged
        if (score := _of_item(found, OURS.name, item)).percent < target
    ]
    came = "; ".join(short) if short else "all are"
    return Verdict(f"{len(judged)} further items as good as wanted", came, not short)


def _clean(found: Results, who: str = OURS.name) -> Score:
    return total(_of_item(found, who, item) for item in (*MUST, *FURTHER) if item.is_clean)


def _times(found: Results) -> list[Verdict]:
    clean = _clean(found)
    least, middle, worst = np.percentile(clean.latency_ms, (0, 50, 100))
    came = f"{least:.1f} / {middle:.1f} / {worst:.1f} ms (least, median, worst)"
    start = np.percentile(clean.start_error_ms, (50, 95))
    theirs = _clean(found, SPANDSP).latency_ms
    if theirs:
        came += (
            f"; {SPANDSP} {' / '.join(f'{ms:.1f}' for ms in np.percentile(theirs, (0, 50, 100)))}"
        )
    return [
        Verdict(
            f"known within {MEDIAN_MS:g} ms (median), {WORST_MS:g} (worst) where clean",
            f"{came}; a key's begin is {start[0]:.2f} ms off (median), {start[1]:.2f} (p95)",
            bool(middle <= MEDIAN_MS and worst <= WORST_MS),
        )
    ]


def _speech(found: Results) -> Verdict:
    told = _told(found, OURS.name, lambda part: _is_at_a_speed(part, "speech"))
    languages = {piece.language for piece in pieces() if piece.kind == "speech"}
    return Verdict(
        f"no digit in {SPEECH_HOURS:g} h of speech, at changed speeds too",
        f"{told.count} in {told.hours:.1f} h in {len(languages)} languages, {_by_law(told)}",
        told.count == 0 and told.hours >= SPEECH_HOURS,
    )


def _others(found: Results) -> Verdict:
    def as_it_is(part: Part) -> bool:
        return part.what == "talk" and (
            (_kind(part.of) == "music" and part.way == "speed 1") or _kind(part.of) == "machines"
        )

    told = _told(found, OURS.name, as_it_is)
    return Verdict(
        "no digit in music and machines' tones",
        f"{told.count} in {told.hours:.2f} h, {_by_law(told)}",
        told.count == 0,
    )


def _vowels(found: Results) -> Verdict:
    ours, theirs = (
        _told(found, who, lambda part: part.what == "vowels") for who in (OURS.name, SPANDSP)
    )
    what = f"at most {VOWELS_OF_SPANDSP:g} x {SPANDSP}'s false digits on vowels"
    came = f"{ours.count} in {ours.hours:.1f} h, {_by_law(ours)}"
    if not theirs.count:
        return Verdict(what, f"{came}; {SPANDSP} is not here", None)
    ratio = ours.count / theirs.count
    return Verdict(
        what, f"{came}; {SPANDSP} {theirs.count}: {ratio:.4f} x", ratio <= VOWELS_OF_SPANDSP
    )


def _cost() -> Verdict:
    report = cost.measure()
    (whole,) = (figure for figure in report.figures if figure.aim is not None)
    what = f"at most {COST_OF_SPANDSP:g} x {SPANDSP}'s time a sample"
    told = ", ".join(
        f"{figure.what} {figure.ours.median:.2f}"
        + (f" / {figure.beside[SPANDSP].median:.2f}" if SPANDSP in figure.beside else "")
        for figure in report.figures
    )
    came = f"ns a sample, ours / {SPANDSP}: {told}; noise {report.noise_percent:.0f} %"
    if SPANDSP not in whole.beside:
        return Verdict(what, came, None)
    return Verdict(what, f"{whole.ratio(SPANDSP):.2f} x; {came}", whole.is_met)


def _told(found: Results, who: str, which: Callable[[Part], bool]) -> FalseDigits:
    return _sum(
        [
            told
            for part, told in found.items()
            if part.who == who and isinstance(told, FalseDigits) and which(part)
        ]
    )


def _is_at_a_speed(part: Part, kind: str) -> bool:
    return part.what == "talk" and part.way.startswith("speed") and _kind(part.of) == kind


def _by_law(told: FalseDigits) -> str:
    return ", ".join(f"{law.value} {told.digits[law.value]}" for law in Law)


if __name__ == "__main__":
    if not sys.argv[1:] or not all(word.isdecimal() for word in sys.argv[1:]):
        sys.exit('Usage: make proof-dtmf SEEDS="7 8 9"')
    sys.exit(main(sys.argv[1:]))
