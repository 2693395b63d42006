"""The verdict on our call progress: `python -m tests.progress.proof SEED…`, or make proof-progress.

Every tone of every country over every line, each told once and nothing else, with the times it
took; and hours of talk and music in which no tone is, through the tables of all countries. Each
part's result is kept under build/proof/progress by all that it depends on, so that what was broken
off goes on. It ends with 0 if all is met.
"""

import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, fields
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from routing_core import _core, national, progress
from routing_core.audio import Law
from routing_core.national import COUNTRIES
from routing_core.progress import Beep, Ended, Event, Kind, Progress, Recognised, Tones
from tests.dtmf import material
from tests.dtmf.items import over
from tests.dtmf.material import MaterialError, Piece, pieces, ways
from tests.dtmf.sound import RATE_HZ
from tests.progress import items
from tests.progress.items import every_line, every_tone, heard, rng_for

KEPT = Path(__file__).parents[2] / "build/proof/progress"
PLACES = 20  # where something false was told, kept for whoever looks into them

# What a line is hung up for.
ENDS_A_CALL = (Kind.BUSY, Kind.REORDER)

# Tables that are the same are heard once, under the first country's name.
TABLES = {tones: country for country, tones in sorted(COUNTRIES.items(), reverse=True)}


@dataclass(frozen=True, slots=True)
class Part:
    """One task: a country's tones from a seed, or a piece of the material heard in some way."""

    what: str  # items or talk
    of: str  # a country, or a piece
    how: str  # a seed, or a way


@dataclass(slots=True)
class Came:
    """What came of it."""

    asked: Counter[str] = field(default_factory=Counter)  # by "country tone"
    right: Counter[str] = field(default_factory=Counter)
    took_ms: dict[str, list[float]] = field(default_factory=dict)
    hours: float = 0.0  # of sound with no tone in it, in either law
    false: Counter[str] = field(default_factory=Counter)  # by the piece's kind and what was told
    places: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """As it is kept."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Came":
        """As it was."""
        counts = {name: Counter(kept[name]) for name in ("asked", "right", "false")}
        return cls(**(kept | counts))

    def add(self, other: "Came") -> None:
        """Both together."""
        self.asked += other.asked
        self.right += other.right
        self.hours += other.hours
        self.false += other.false
        self.places += other.places
        for name, times in other.took_ms.items():
            self.took_ms.setdefault(name, []).extend(times)


def main(seeds: Sequence[str]) -> int:
    """Works out what is missing, and tells all."""
    say = Console(highlight=False, soft_wrap=True)
    wanted = [
        *(Part("items", country, seed) for seed in seeds for country in sorted(COUNTRIES)),
        *(Part("talk", piece.name, way.name) for piece in talk() for way in ways(piece)),
    ]
    say.print(f"Seeds {' '.join(seeds)}; {len(wanted)} parts; Ctrl-C breaks off, again goes on.")
    found = {"items": Came(), "talk": Came()}
    jobs = int(os.environ.get("JOBS") or os.cpu_count() or 1)
    try:
        for part, came in track(
            _done(wanted, jobs), "Listening", len(wanted), console=Console(stderr=True)
        ):
            found[part.what].add(came)
    except MaterialError as missing:
        sys.exit(f"proof-progress: {missing}")
    _tell_times(say, found["items"])
    is_met = _tell_verdict(say, found["items"], found["talk"])
    say.print(f"proof-progress: {'every target is met' if is_met else 'NOT every target is met'}")
    return 0 if is_met else 1


def talk() -> list[Piece]:
    """What has no tone in it; machines have."""
    return [piece for piece in pieces() if piece.kind != "machines"]


def _tell_times(say: Console, came: Came) -> None:
    table = Table("tone", "told", "of", "ms until told: median", "worst", box=None, pad_edge=False)
    for name, asked in sorted(came.asked.items()):
        times = came.took_ms.get(name, [float("nan")])
        table.add_row(
            name, str(came.right[name]), str(asked), f"{np.median(times):.0f}", f"{max(times):.0f}"
        )
    say.print(table, "")


def _tell_verdict(say: Console, tones: Came, talked: Came) -> bool:
    for place in (tones.places + talked.places)[:PLACES]:
        say.print(f"  {place}")
    asked, right = tones.asked.total(), tones.right.total()
    beeps = sum(count for name, count in talked.false.items() if name.endswith(" beep"))
    network = {name: n for name, n in talked.false.items() if not name.endswith(" beep")}
    ends = sum(n for name, n in network.items() if name.split(" ", 1)[1] in ENDS_A_CALL)
    spoken = sum(n for name, n in network.items() if name.startswith("speech "))
    verdicts = (
        (right == asked, f"each told once and nothing else: {right} of {asked}"),
        (ends == 0, f"busy or reorder told of talk and music: {ends}"),
        (spoken == 0, f"anything of the network told of talk: {spoken}"),
    )
    for met, words in verdicts:
        say.print(f"  {'[green]met[/]' if met else '[bold red]MISSED[/]'}  {words}")
    say.print(
        f"  in {talked.hours:.1f} h of talk and music, each by {len(TABLES)} tables: {network}",
        "  (a note held for a second at a dial tone's pitch is a dial tone to anybody)",
        f"  beeps in the same hours: {beeps}, {beeps / max(talked.hours, 1e-9):.2f} an hour"
        " (some are true: the prompts have beeps in them)",
        sep="\n",
    )
    return all(met for met, _ in verdicts)


def _done(wanted: Sequence[Part], jobs: int) -> Iterator[tuple[Part, Came]]:
    missing = [part for part in wanted if not _file(part).exists()]
    for part in wanted:
        if part not in missing:
            yield part, _result(part)
    with ProcessPoolExecutor(jobs, initializer=partial(os.nice, 10)) as pool:
        works = {pool.submit(_result, part): part for part in missing}
        for work in as_completed(works):
            yield works[work], work.result()


def _result(part: Part) -> Came:
    """From its file, or worked out and kept whole."""
    file = _file(part)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = _of_items(part) if part.what == "items" else _of_talk(part)
        unfinished = file.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(fresh.as_json()))
        unfinished.replace(file)
    return Came.from_json(json.loads(file.read_text()))


def _of_items(part: Part) -> Came:
    came, tones = Came(), Tones(COUNTRIES[part.of])
    for country, tone in every_tone():
        if country != part.of:
            continue
        name = f"{country} {tone.kind.value}"
        for line in every_line():
            pcm, begins = heard(rng_for(part.how, name, line), tone, line)
            events = Progress(tones, hears_beeps=True).feed(pcm)
            came.asked[name] += 1
            if _words(events) == [tone.kind.value, f"{tone.kind.value} ended"]:
                came.right[name] += 1
                took = (events[0].decided_sample - begins) * 1000 / RATE_HZ
                came.took_ms.setdefault(name, []).append(took)
            else:
                came.places.append(f"{name}: {line}: {_words(events)}")
    return came


def _of_talk(part: Part) -> Came:
    (piece,) = (one for one in pieces() if one.name == part.of)
    (way,) = (one for one in ways(piece) if one.name == part.how)
    came, sound = Came(), piece.sound()
    for law in Law:
        pcm = over(law, way.change(sound))
        came.hours += len(pcm) / RATE_HZ / 3600
        for tones, country in TABLES.items():
            for event in Progress(Tones(tones), hears_beeps=tones == COUNTRIES["us"]).feed(pcm):
                if not isinstance(event, Ended):
                    word = _words([event])[0]
                    came.false[f"{piece.kind} {word}"] += 1
                    place = f"{piece.name}, {way.name}, {law.value}, at"
                    if word != "beep":
                        at = event.at_sample / RATE_HZ
                        came.places.append(f"{place} {at:.2f} s: {country}'s {word}")
    came.places = came.places[:PLACES]
    return came


def _words(events: Sequence[Event]) -> list[str]:
    words = []
    for event in events:
        match event:
            case Recognised(kind=kind):
                words.append(kind.value)
            case Ended(kind=kind):
                words.append(f"{kind.value} ended")
            case Beep():
                words.append("beep")
            case _:
                words.append("silence")
    return words


def _file(part: Part) -> Path:
    named = f"{part} {_versions()}"
    return KEPT / f"{hashlib.sha256(named.encode()).hexdigest()[:32]}.json"


@lru_cache(maxsize=1)
def _versions() -> str:
    """All that a result depends on but its own part."""
    digest = hashlib.sha256()
    for module in (_core, progress, national, items, material):
        digest.update(Path(str(module.__file__)).read_bytes())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
