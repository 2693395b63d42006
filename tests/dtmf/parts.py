"""The proof in parts that are done once: each result is a file named by all that it depends on."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from firmware.bench import vowels as vowels_module
from firmware.bench.peers import dtmf as peers_module
from firmware.bench.vowels import vowels
from routing_core import _core
from routing_core.audio import Law, Pcm
from tests.dtmf import further, items, material, score, sound
from tests.dtmf.detectors import OURS, everybody
from tests.dtmf.material import AS_IT_IS, Piece, Way, pieces, ways
from tests.dtmf.score import Heard, Score, scored, total
from tests.dtmf.sound import RATE_HZ, linear

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build/proof/dtmf"
VOWEL_MINUTES = 30

# False digits whose places are kept, for whoever looks into them.
PLACES = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One detector at one task."""

    who: str
    what: str  # items, vowels or talk
    of: str  # a seed, or a piece of the material
    way: str
    recipe: str  # all that the result depends on, as it was when the proof began


@dataclass(frozen=True, slots=True)
class FalseDigits:
    """What was told of where nothing was."""

    hours: float  # of sound, each heard in both laws
    digits: dict[str, int]  # by law
    places: list[str]

    @property
    def count(self) -> int:
        """In both laws."""
        return sum(self.digits.values())


Result = dict[str, Score] | FalseDigits


def parts(seeds: Iterable[str]) -> list[Part]:
    """All of it, the quick parts first."""
    who = [examinee.name for examinee in everybody()]
    seeds = list(seeds)
    tasks = [
        *((name, "items", seed, "") for seed in seeds for name in who),
        *((name, "vowels", seed, "") for seed in seeds for name in who),
        *(
            (name, "talk", piece.name, way.name)
            for piece in pieces()
            for way in ways(piece)
            for name in who
            if name in (OURS.name, "spandsp")
        ),
    ]
    return [Part(*task, _recipe(*task)) for task in tasks]


def done(wanted: list[Part], jobs: int) -> Iterator[tuple[Part, Result]]:
    """Every part with its result, as they come: from its file, else worked out and kept."""
    missing = [part for part in wanted if not _file(part).exists()]
    for part in wanted:
        if part not in missing:
            yield part, result(part)
    # Whoever hears the same sound hears it in the same process, which makes it once.
    tasks: dict[tuple[str, str, str], list[Part]] = {}
    for part in missing:
        tasks.setdefault((part.what, part.of, part.way), []).append(part)
    with ProcessPoolExecutor(jobs, initializer=partial(os.nice, 10)) as pool:
        for work in as_completed([pool.submit(_results, task) for task in tasks.values()]):
            yield from work.result()


def _results(task: list[Part]) -> list[tuple[Part, Result]]:
    return [(part, result(part)) for part in task]


def result(part: Part) -> Result:
    """From its file, or worked out and kept whole."""
    file = _file(part)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = _work(part)
        told = _as_json(fresh)
        unfinished = file.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps({"part": asdict(part), "result": told}))
        unfinished.replace(file)
    told = json.loads(file.read_text())["result"]
    if part.what == "items":
        return {name: Score(**one) for name, one in told.items()}
    return FalseDigits(**told)


def _as_json(fresh: Result) -> dict[str, object]:
    if isinstance(fresh, FalseDigits):
        return asdict(fresh)
    return {name: asdict(one) for name, one in fresh.items()}


def _work(part: Part) -> Result:
    (examinee,) = (one for one in everybody() if one.name == part.who)
    if part.what == "items":
        return {
            item.name: total(
                scored(scene, examinee.hear(scene.pcm))
                for scene in (item.scene(int(part.of), law) for law in Law)
            )
            for item in (*items.MUST, *further.FURTHER)
        }
    sounds = _sounds(part.what, part.of, part.way)
    told = {law: examinee.hear(pcm) for law, pcm in sounds.items()}
    return FalseDigits(
        hours=len(sounds[Law.ALAW]) / RATE_HZ / 3600,
        digits={law.value: len(told[law]) for law in Law},
        places=[_place(law, digit) for law in Law for digit in told[law][: PLACES // 2]],
    )


@lru_cache(maxsize=1)
def _sounds(what: str, of: str, way_name: str) -> dict[Law, Pcm]:
    piece, way = _piece(what, of, way_name)
    pcm = linear(way.change(piece.sound()))
    return {law: items.coded(law, pcm) for law in Law}


def _place(law: Law, digit: Heard) -> str:
    at = "" if digit.decided is None else f" at {digit.decided / RATE_HZ:.2f} s"
    return f"{digit.digit} in {law.value}{at}"


def _piece(what: str, of: str, way_name: str) -> tuple[Piece, Way]:
    if what == "vowels":
        return _vowels(of), AS_IT_IS
    (piece,) = (one for one in pieces() if one.name == of)
    (way,) = (one for one in ways(piece) if one.name == way_name)
    return piece, way


def _vowels(seed: str) -> Piece:
    recipe = f"{_text(vowels_module)}\n{VOWEL_MINUTES} {seed}"
    return Piece(f"vowels {seed}", "vowels", "", recipe, partial(_sung, int(seed)))


def _sung(seed: int) -> Pcm:
    sound = vowels(np.random.default_rng([seed, VOWEL_MINUTES]), VOWEL_MINUTES * 60)
    return linear(sound)


def _recipe(who: str, what: str, of: str, way: str) -> str:
    depends = [who, what, of, way, _text(sound), _text(items)]
    if what == "items":
        depends += [_text(further), _text(score), _text(vowels_module)]
    else:
        depends += [_piece(what, of, way)[0].recipe, _text(material)]
    if who == OURS.name:
        depends += [file.read_text("utf-8") for file in _own_sources()]
    else:
        depends += [_text(peers_module), peers_module.SPANDSP_SOURCE.read_text("utf-8")]
    return hashlib.sha256("\n".join(depends).encode()).hexdigest()[:24]


def _file(part: Part) -> Path:
    return KEPT / part.what / f"{part.who.replace(' ', '-')}-{part.recipe}.json"


def stale() -> bool:
    """The C core was edited after it was built."""
    built = Path(str(_core.__file__)).stat().st_mtime
    return any(
        source.stat().st_mtime > built for source in _own_sources() if source.suffix != ".py"
    )


def _own_sources() -> list[Path]:
    core = ROOT / "routing_core"
    return [*sorted(core.glob("csrc/dtmf*")), *sorted(core.glob("*dtmf*.py"))]


def _text(module: object) -> str:
    return Path(str(getattr(module, "__file__", ""))).read_text("utf-8")
