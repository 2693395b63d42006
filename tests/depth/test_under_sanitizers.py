"""No fault of the C under ASan and UBSan: every test of the core runs against one built so, in
processes of their own.
"""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.routing_core.sanitized import (
    CORES_TESTS,
    PLAINLY,
    RUN_TESTS,
    SANITIZED,
    SANITIZED_S,
    core_built_with,
    python_with,
)

pytestmark = pytest.mark.timeout(SANITIZED_S)


@pytest.fixture(scope="module")
def sanitized() -> Path:
    """The core under ASan and UBSan."""
    return core_built_with(SANITIZED)


def python_under_sanitizers(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return python_with(home, ("libasan.so", "libubsan.so"), *arguments)


def test_every_test_of_the_core_passes_under_the_sanitizers(sanitized: Path) -> None:
    # What is named test_c_… compiles C itself, and brings its own sanitizers.
    tests = {path for path in CORES_TESTS.glob("test_*.py") if not path.name.startswith("test_c_")}
    # The engine's mostly wait, and the others only compute.
    waiting = {path for path in tests if path.name.startswith("test_media")}
    # Sanitized code is several times slower, and 500 callers in real time are then too many.
    few = (*PLAINLY, "-k", "not 500")

    def run(mine: set[Path]) -> subprocess.CompletedProcess[str]:
        return python_under_sanitizers(sanitized, "-c", RUN_TESTS, *few, *sorted(map(str, mine)))

    with ThreadPoolExecutor() as both:
        for ran in both.map(run, (waiting, tests - waiting)):
            assert ran.returncode == 0, ran.stdout + ran.stderr


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
