"""The core under a sanitizer, built beside a copy of its Python face; processes that load it.

Each is built once in a checkout, whoever asks for it, and anew when what it is made of has changed.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from routing_core import _build
from tests.routing_core.compiled import CSRC, ROOT, versioned

CORES_TESTS = Path(__file__).parent
KEPT = ROOT / "build" / "sanitized"

# What a program that is linked with such a core is compiled with.
WATCHED = ("-O2", "-g", "-fsanitize=thread", "-fno-sanitize-recover=all")
SANITIZED = tuple(_build.SANITIZED)
BUILT_BY = {
    WATCHED: {"CFLAGS": " ".join(WATCHED[1:]), "LDFLAGS": "-fsanitize=thread"},
    SANITIZED: {"CARELINE_SANITIZE": "1"},
}

# Imports the sanitized core before pytest can put the checkout first on the path.
RUN_TESTS = "import sys, routing_core._core, pytest; sys.exit(pytest.main(sys.argv[1:]))"
PLAINLY = ("-q", "-x", "-p", "no:cacheprovider")

# It takes a minute on two idle cores; this is for a busy machine.
SANITIZED_S = 500


def core_built_with(flags: tuple[str, ...]) -> Path:
    """A directory to import a sanitized `routing_core` from."""
    environment = BUILT_BY[flags]
    home = KEPT / hashlib.sha256(repr(flags).encode()).hexdigest()[:16]
    home.mkdir(parents=True, exist_ok=True)
    made_of, key = _made_of(), home / "key"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not key.exists() or key.read_text() != made_of:
            key.unlink(missing_ok=True)
            _build_core(home, environment)
            key.write_text(made_of)
    return home


def objects_in(home: Path) -> list[Path]:
    """The core's own, without what cffi wrote."""
    return sorted((home / "objects").rglob("csrc/*.o"))


def _build_core(home: Path, environment: dict[str, str]) -> None:
    for old in ("routing_core", "objects"):
        shutil.rmtree(home / old, ignore_errors=True)
    shutil.copytree(
        ROOT / "routing_core", home / "routing_core", ignore=shutil.ignore_patterns("*.so")
    )
    build = [sys.executable, "setup.py", "-q", "build_ext"]
    built = subprocess.run(
        [*build, "--build-lib", str(home), "--build-temp", str(home / "objects")],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr


def _made_of() -> str:
    face = [path for path in CSRC.parent.iterdir() if path.suffix == ".py"]
    whole = hashlib.sha256(versioned("gcc") + sys.version.encode() + sys.prefix.encode())
    for part in (ROOT / "setup.py", *sorted(face), *sorted(CSRC.iterdir())):
        whole.update(hashlib.sha256(part.read_bytes()).digest())
    return whole.hexdigest()


def python_with(
    home: Path, libraries: tuple[str, ...], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """A Python process of this core, with these libraries of the compiler before all others."""
    found = [
        subprocess.check_output(["gcc", f"-print-file-name={name}"], text=True).strip()
        for name in libraries
    ]
    environment = os.environ | {
        "LD_PRELOAD": " ".join(found),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python itself leaks at its end
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": "exitcode=66",
        "PYTHONMALLOC": "malloc",  # else Python's own pools hide an overrun
        "PYTHONPATH": str(home),
    }
    return subprocess.run(
        [sys.executable, *arguments], cwd=home, env=environment, capture_output=True, text=True
    )
