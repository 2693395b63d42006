"""Our C test programs, compiled with the whole core: as the product is, or as a test asks.

An object of the core is made once, however many tests and workers ask for it, and anew when the
source, a header, a flag or the compiler is another. What the product's own flags make is made with
every warning as an error: such an object is there only if the compiler had nothing to say.
"""

import fcntl
import functools
import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

from routing_core import _build

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "routing_core" / "csrc"
HERE = Path(__file__).parent
KEPT = ROOT / "build" / "objects"

SOURCES = sorted(CSRC.glob("*.c"))
HARDENED = tuple(_build.HARDENED)
USUAL = ("-Wall", "-Wextra", "-Werror")
EVERY_WARNING = (
    *USUAL, "-Wconversion", "-Wshadow", "-Wvla", "-Wundef", "-Wformat=2", "-Wstrict-prototypes",
    "-Wmissing-prototypes", "-Wpointer-arith", "-Wcast-align", "-Wcast-qual", "-Wnull-dereference",
    "-Wimplicit-fallthrough",
)  # fmt: skip
OF_ITS_OWN = {
    "gcc": ("-Wduplicated-cond", "-Wduplicated-branches", "-Walloca"),
    "clang": ("-Wcomma", "-Wassign-enum", "-Wunreachable-code-aggressive", "-Wshorten-64-to-32"),
}


class CompilerError(Exception):
    """What a compiler said instead of compiling."""


def compiled(
    to: Path,
    *programs: str,
    compiler: str = "gcc",
    flags: tuple[str, ...] = HARDENED,
    core: Sequence[Path] | None = None,
) -> Path:
    """The program `to`, made of these files of this folder and all of the core, or of a core that
    was made elsewhere."""
    if core is None:
        core = [object_of(source, compiler, flags) for source in SOURCES]
    parts = [*(HERE / program for program in programs), *core]
    command = (compiler, *_build.DIALECT, *flags, *USUAL, f"-I{CSRC}")
    _run(*command, "-o", to, *parts, *_build.SEALED, "-lm")
    return to


def object_of(source: Path, compiler: str = "gcc", flags: tuple[str, ...] = HARDENED) -> Path:
    """A source of the core, compiled."""
    warnings = USUAL if flags != HARDENED else (*EVERY_WARNING, *OF_ITS_OWN.get(compiler, ()))
    command = (compiler, *_build.DIALECT, *flags, *warnings, f"-I{CSRC}")
    kept = KEPT / hashlib.sha256(repr(command).encode()).hexdigest()[:16] / f"{source.stem}.o"
    kept.parent.mkdir(parents=True, exist_ok=True)
    key, made_of = kept.with_suffix(".key"), _made_of(compiler, source)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not key.exists() or key.read_text() != made_of:
            key.unlink(missing_ok=True)
            _run(*command, "-c", source, "-o", kept)
            key.write_text(made_of)
    return kept


def _made_of(compiler: str, source: Path) -> str:
    whole = hashlib.sha256(versioned(compiler))
    for part in (source, *sorted(CSRC.glob("*.h"))):
        whole.update(hashlib.sha256(part.read_bytes()).digest())
    return whole.hexdigest()


@functools.cache
def versioned(compiler: str) -> bytes:
    """What it says it is."""
    return subprocess.check_output([compiler, "--version"])


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CompilerError(done.stderr)
