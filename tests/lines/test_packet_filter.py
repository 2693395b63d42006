"""The kernel's packet filter and the one in memory behave alike."""

import subprocess
import sys
from pathlib import Path

from hw.packet_filter import RememberedFilter
from tests.lines.packet_filter import tell_all
from tests.lines.test_guard import ALONE


def test_the_one_in_memory_behaves_as_it_should() -> None:
    tell_all(RememberedFilter())


def test_the_kernels_own_behaves_the_same() -> None:
    told = subprocess.run(
        (*ALONE, sys.executable, "-m", "tests.lines.packet_filter"),
        capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert told.returncode == 0, told.stderr[-2000:]
