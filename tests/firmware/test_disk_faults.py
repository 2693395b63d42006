"""Whatever befalls the disk or the clock, the menu goes on, and people are reached."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# A place of its own for the exchange: what fills it, or makes it read-only, is its own matter.
ALONE = 'mount -t tmpfs -o size=24m,nr_inodes=300 none "$1" && exec "$2" -m "$3" "$1"'


def can_mount() -> bool:
    tried = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(
    not os.environ.get("CI") and not (shutil.which("strace") and can_mount()),
    reason="strace is missing (apt-get install strace), or users may not make namespaces here",
)


@needs_namespaces
def test_full_read_only_failing_without_inodes_or_descriptors_and_at_whatever_time(
    tmp_path: Path,
) -> None:
    """One exchange lives through them all; tests/firmware/on_a_bad_disk.py tells the story."""
    lived(tmp_path, "tests.firmware.on_a_bad_disk")


@needs_namespaces
def test_an_exchange_that_would_start_on_a_disk_that_takes_nothing_says_who_answers_meanwhile(
    tmp_path: Path,
) -> None:
    """And starts once it does; tests/firmware/on_a_refusing_disk.py tells the story. That Asterisk
    starts there and rings the front desk stands in tests/system/test_failsafe.py."""
    lived(tmp_path, "tests.firmware.on_a_refusing_disk")


def lived(tmp_path: Path, story_of: str) -> None:
    home = tmp_path / "d"  # sockets' paths are short
    home.mkdir()
    story = ["sh", "-c", ALONE, "sh", str(home), sys.executable, story_of]
    told = subprocess.run(
        ["unshare", "--map-root-user", "--mount", *story],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
