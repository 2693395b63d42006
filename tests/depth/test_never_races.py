"""The engine's thread and whoever calls it never race: its tests run under TSan, which gets on with
no other sanitizer.
"""

import subprocess
from pathlib import Path

import pytest

from tests.routing_core.sanitized import (
    CORES_TESTS,
    PLAINLY,
    RUN_TESTS,
    SANITIZED_S,
    WATCHED,
    core_built_with,
    python_with,
)

pytestmark = pytest.mark.timeout(SANITIZED_S)


@pytest.fixture(scope="module")
def watched() -> Path:
    """The core under TSan."""
    return core_built_with(WATCHED)


def python_under_the_thread_sanitizer(
    home: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return python_with(home, ("libtsan.so",), *arguments)


def test_the_engines_thread_and_its_callers_never_race(watched: Path) -> None:
    tests = str(CORES_TESTS / "test_media.py")
    ran = python_under_the_thread_sanitizer(watched, "-c", RUN_TESTS, *PLAINLY, tests)
    assert ran.returncode == 0, ran.stdout + ran.stderr


# Commands have one sender; here they have two.
TWO_SENDERS = """
import sys
import threading
from routing_core._core import ffi, lib
from routing_core.media import Media

media = Media(1, recordings=1, backlog_s=1)
media.start()
start = threading.Barrier(2)
sys.setswitchinterval(1e-6)

def send():
    command = ffi.new("struct rc_media_command *", {"order": lib.RC_ORDER_CLOSE})
    start.wait()
    for _ in range(20_000):
        lib.rc_media_command(media._media, command)

senders = [threading.Thread(target=send) for _ in range(2)]
for sender in senders:
    sender.start()
for sender in senders:
    sender.join()
"""


def test_the_thread_sanitizer_would_see_a_race(watched: Path) -> None:
    ran = python_under_the_thread_sanitizer(watched, "-c", TWO_SENDERS)
    assert ran.returncode == 66
    assert "ThreadSanitizer: data race" in ran.stderr
    assert "rc_media_command" in ran.stderr
