"""The C is clean: no warning of a strict compiler, no fault under the sanitizers.

The sanitized core is built beside a copy of its Python face, and every other test of this folder
runs against it in a process of its own.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "routing_core" / "csrc"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]

# Imports the sanitized core before pytest can put the checkout first on the path.
RUN_TESTS = "import sys, routing_core._core, pytest; sys.exit(pytest.main(sys.argv[1:]))"

# It takes 10 s on two idle cores; this is for a busy machine.
SANITIZED_S = 300


@pytest.mark.parametrize("source", sorted(path.name for path in CSRC.glob("*.c")))
def test_a_strict_compiler_finds_nothing(source: str, tmp_path: Path) -> None:
    command = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-O2", *WARNINGS, "-c", str(CSRC / source)]
    built = subprocess.run(
        [*command, "-o", str(tmp_path / "object.o")], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory to import a sanitized `routing_core` from."""
    home = tmp_path_factory.mktemp("sanitized")
    shutil.copytree(
        ROOT / "routing_core", home / "routing_core", ignore=shutil.ignore_patterns("*.so", "csrc")
    )
    build = [sys.executable, "setup.py", "-q", "build_ext"]
    built = subprocess.run(
        [*build, "--build-lib", str(home), "--build-temp", str(home / "objects")],
        cwd=ROOT,
        env=os.environ | {"CARELINE_SANITIZE": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return home


def python_under_sanitizers(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    libraries = [
        subprocess.check_output(["gcc", f"-print-file-name={name}"], text=True).strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    environment = os.environ | {
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python itself leaks at its end
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",  # else Python's own pools hide an overrun
        "PYTHONPATH": str(home),
    }
    return subprocess.run(
        [sys.executable, *arguments], cwd=home, env=environment, capture_output=True, text=True
    )


@pytest.mark.timeout(SANITIZED_S)
def test_every_test_of_the_core_passes_under_the_sanitizers(sanitized: Path) -> None:
    tests = [
        str(path) for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)
    ]
    ran = python_under_sanitizers(
        sanitized, "-c", RUN_TESTS, "-q", "-x", "-p", "no:cacheprovider", *tests
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.timeout(SANITIZED_S)
def test_the_sanitizers_would_see_an_overrun(sanitized: Path) -> None:
    ran = python_under_sanitizers(
        sanitized,
        "-c",
        "from routing_core._core import ffi, lib\n"
        "lib.rc_level_dbm0(ffi.new('int16_t[]', 10), 100)\n",
    )
    assert ran.returncode != 0
    assert "AddressSanitizer: heap-buffer-overflow" in ran.stderr
    assert "rc_level_dbm0" in ran.stderr
