"""Gives every reader of ours broken input: the `.c` files beside this one are libFuzzer targets
under ASan and UBSan, the `.py` files atheris targets; each one's seeds lie in `corpus/NAME`.

    python -m tests.fuzz.campaign 300      all of them together, for so many seconds
    python -m tests.fuzz.campaign prove    each for an hour of processor time in all; broken off, it
                                           goes on
    python -m tests.fuzz.campaign seeds    the best of what was found becomes the seeds

A proof is of the sources as they are: what a target had before they changed no longer counts, but
what it found is kept. What breaks a target is kept too, and fails the run.
"""

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/fuzz"
CSRC = ROOT / "routing_core/csrc"
OUT = ROOT / "build/fuzz"
CORE = OUT / "core.a"
KEPT = ROOT / "build/proof/fuzz"

FLAGS = (
    "-std=c11", "-D_GNU_SOURCE", "-ffp-contract=off", "-O1", "-g", "-fdebug-compilation-dir=.",
    "-pthread", "-Irouting_core/csrc",
    "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined,float-cast-overflow",
    "-fno-sanitize-recover=all",
)  # fmt: skip
READS = {"modem": "hw/modem/*.py", "wav": "firmware/clips.py"}  # what a target in Python looks into
LONGEST_INPUT = 4096  # bytes
HOUR_S = 3600
SLICE_S = 60  # what is lost at most when a proof is broken off

# Of seeds, which are committed: few and small.
SEED_BYTES_MOST = 300
SEEDS_MOST = 24


def compiler(*arguments: str | Path) -> None:
    """Or an end with what it says. No name of the checkout's own folder goes into a program: the
    same sources are the same program, and keep their hours, wherever they lie."""
    inside = [each.relative_to(ROOT) if isinstance(each, Path) else each for each in arguments]
    command = ["clang", *FLAGS, *inside]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if told.returncode:
        sys.exit(f"fuzz: this does not compile:\n{told.stderr}")


@dataclass(frozen=True, slots=True)
class Target:
    """One reader, or one part of the core that takes what strangers send."""

    source: Path

    @property
    def name(self) -> str:
        return self.source.stem

    @property
    def seeds(self) -> Path:
        return HERE / "corpus" / self.name

    @property
    def command(self) -> list[str]:
        if self.source.suffix == ".py":
            return [sys.executable, str(self.source)]
        return [str(OUT / self.name)]

    def build(self) -> None:
        """With those files of the core that it needs, and no others."""
        if self.source.suffix == ".c":
            compiler("-fsanitize=fuzzer", "-o", OUT / self.name, self.source, CORE, "-lm")

    def version(self) -> str:
        """Of all that the target is made of: another file of the core makes no other program."""
        made_of = [Path(self.command[0])]
        if self.source.suffix == ".py":
            made_of = [self.source, *sorted(ROOT.glob(READS[self.name]))]
        return hashlib.sha256(b"".join(path.read_bytes() for path in made_of)).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Found:
    """What a target met in some seconds."""

    inputs: int
    cpu_s: float
    fault: str  # what it said last, or nothing


def targets() -> list[Target]:
    """All of them."""
    sources = [path for path in sorted(HERE.iterdir()) if path.suffix in (".c", ".py")]
    return [Target(path) for path in sources if path != Path(__file__)]


def fuzz(target: Target, seconds: int, seed: int, found: Path) -> Found:
    """Broken input for so long; what reaches something new is kept in `found`."""
    found.mkdir(parents=True, exist_ok=True)
    target.seeds.mkdir(parents=True, exist_ok=True)
    command = [
        *target.command,
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-max_len={LONGEST_INPUT}",
        "-timeout=10",
        "-print_final_stats=1",
        "-verbosity=0",
        f"-artifact_prefix={OUT / target.name}-",
        str(found),
        str(target.seeds),
    ]
    status, cpu_s, told = run(command)
    executed = re.search(r"number_of_executed_units: (\d+)", told)
    if status or executed is None:
        return Found(0, cpu_s, told[-6000:] or f"it ended with status {status}")
    return Found(int(executed[1]), cpu_s, "")


def run(command: list[str]) -> tuple[int, float, str]:
    """How it ended, the processor's seconds it took, and what it said."""
    program = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    with program:
        assert program.stdout
        told = program.stdout.read()
        _, status, used = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
    return program.returncode, used.ru_utime + used.ru_stime, told


def jobs() -> int:
    """How many at once."""
    return int(os.environ.get("JOBS") or os.cpu_count() or 1)


def build_all(which: list[Target]) -> None:
    """The core once, then each target with what it needs of it."""
    if shutil.which("clang") is None:
        sys.exit("fuzz: clang is missing; .ci/setup fuzz installs it")
    objects = OUT / "core"
    shutil.rmtree(objects, ignore_errors=True)
    objects.mkdir(parents=True)
    sources = sorted(CSRC.glob("*.c"))
    made = [objects / f"{source.stem}.o" for source in sources]
    CORE.unlink(missing_ok=True)
    with ThreadPoolExecutor(jobs()) as pool:
        for _ in pool.map(
            lambda source, to: compiler("-fsanitize=fuzzer-no-link", "-c", source, "-o", to),
            sources, made,
        ):  # fmt: skip
            pass
        subprocess.run(["ar", "rcD", CORE, *made], check=True)
        for _ in pool.map(Target.build, which):
            pass


def told(target: Target, seconds: int, seed: int, found: Found) -> str:
    """One line, and what went wrong."""
    line = f"{target.name:13} seed {seed:<10} {seconds:5d} s {found.inputs:12,d} inputs  "
    return line + ("nothing found" if not found.fault else f"BROKEN\n{found.fault}")


def together(seconds: int) -> int:
    """The short form: every target has its part of the time."""
    which = targets()
    build_all(which)
    each = max(1, seconds * min(jobs(), len(which)) // len(which))
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**31))

    def one(target: Target) -> bool:
        found = fuzz(target, each, seed, OUT / f"{target.name}.found")
        print(told(target, each, seed, found), flush=True)
        return not found.fault

    with ThreadPoolExecutor(jobs()) as pool:
        well = sum(pool.map(one, which))
    print(f"{well} passed, {len(which) - well} failed")
    return 0 if well == len(which) else 1


@dataclass(slots=True)
class Progress:
    """How far the proof of one target is."""

    version: str = ""
    cpu_s: float = 0.0
    inputs: int = 0
    slices: int = 0
    seed: int = 0
    fault: str = ""


class Record:
    """The proof's progress, on disk after every slice."""

    def __init__(self, which: list[Target]) -> None:
        KEPT.mkdir(parents=True, exist_ok=True)
        self._path = KEPT / "progress.json"
        self._keeping = Lock()
        kept = json.loads(self._path.read_text()) if self._path.exists() else {}
        self.of = {target.name: Progress(**kept.get(target.name, {})) for target in which}
        for target in which:
            if self.of[target.name].version != target.version():
                seed = random.SystemRandom().randrange(2**30)
                self.of[target.name] = Progress(version=target.version(), seed=seed)

    def keep(self) -> None:
        """All or nothing."""
        fresh = self._path.with_suffix(".new")
        with self._keeping:
            told = {name: asdict(one) for name, one in self.of.items()}
            fresh.write_text(json.dumps(told, indent=1))
            fresh.replace(self._path)


def prove() -> int:
    """Each target has an hour of processor time in all, which a busy machine cannot thin out;
    FOR=600 ends this run after 600 s, to go on another time."""
    which = targets()
    build_all(which)
    record = Record(which)
    ends = time.monotonic() + float(os.environ.get("FOR") or "inf")

    def some(target: Target) -> None:
        progress = record.of[target.name]
        seed = progress.seed + progress.slices
        found = fuzz(target, SLICE_S, seed, KEPT / target.name)
        progress.slices += 1
        progress.cpu_s += found.cpu_s
        progress.inputs += found.inputs
        progress.fault = found.fault
        print(told(target, SLICE_S, seed, found), flush=True)
        record.keep()

    def turns() -> Iterator[list[Target]]:
        while time.monotonic() < ends:
            waiting = [one for one in which if needs_more(record.of[one.name])]
            if not waiting:
                return
            waiting.sort(key=lambda one: record.of[one.name].cpu_s)
            yield waiting[: jobs()]

    with ThreadPoolExecutor(jobs()) as pool:
        for turn in turns():
            list(pool.map(some, turn))
    return verdict(record)


def needs_more(progress: Progress) -> bool:
    return not progress.fault and progress.cpu_s < HOUR_S


def verdict(record: Record) -> int:
    """What is proven of the sources as they are."""
    print()
    for name, one in record.of.items():
        end = "BROKEN" if one.fault else "nothing found"
        print(f"{name:13} {one.cpu_s:5.0f} of {HOUR_S} s  {one.inputs:14,d} inputs  {end}")
    if any(one.fault for one in record.of.values()):
        print("BROKEN: what broke a target lies in build/fuzz")
        return 1
    if any(needs_more(one) for one in record.of.values()):
        print("NOT YET PROVEN: not every target has had its hour; make proof-fuzz goes on")
        return 1
    print("PROVEN: every target had its hour, and nothing was found")
    return 0


def choose_seeds() -> int:
    """The least set of small inputs that reaches what all that was found reaches; seeds that have a
    name stay."""
    which = targets()
    build_all(which)
    for target in which:
        best = OUT / f"{target.name}.best"
        shutil.rmtree(best, ignore_errors=True)
        best.mkdir()
        places = (target.seeds, OUT / f"{target.name}.found", KEPT / target.name)
        merge = ["-set_cover_merge=1", f"-max_len={SEED_BYTES_MOST}", str(best)]
        subprocess.run(
            [*target.command, *merge, *(str(place) for place in places if place.exists())],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        )
        for path in target.seeds.iterdir():
            if re.fullmatch(r"[0-9a-f]{12}", path.name):  # what was chosen before
                path.unlink()
        small = sorted(best.iterdir(), key=lambda path: path.stat().st_size)[:SEEDS_MOST]
        for path in small:
            shutil.copy(path, target.seeds / hashlib.sha256(path.read_bytes()).hexdigest()[:12])
        print(f"{target.name}: {len(small)} seeds")
    return 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prove"]:
            sys.exit(prove())
        case ["seeds"]:
            sys.exit(choose_seeds())
        case [seconds] if seconds.isdigit():
            sys.exit(together(int(seconds)))
        case _:
            sys.exit("say for how many seconds, as in: tests/fuzz/run 60")
