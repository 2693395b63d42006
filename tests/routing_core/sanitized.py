"""The core under a sanitizer, built beside a copy of its Python face; processes that load it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Imports the sanitized core before pytest can put the checkout first on the path.
RUN_TESTS = "import sys, routing_core._core, pytest; sys.exit(pytest.main(sys.argv[1:]))"
PLAINLY = ("-q", "-x", "-p", "no:cacheprovider")

# It takes a minute on two idle cores; this is for a busy machine.
SANITIZED_S = 500


def core_built_for(home: Path, **environment: str) -> Path:
    """A directory to import a sanitized `routing_core` from."""
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
    return home


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
