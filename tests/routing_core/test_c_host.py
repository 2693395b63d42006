"""A whole exchange in C, `host.c`, with more callers than places, good ones and bad: nothing is
allocated once it has started, and nothing that was said is left in memory once it is over.

It runs under valgrind, under the sanitizers and on the other kind of machine too.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from routing_core import _build
from tests.routing_core.compiled import SOURCES, compiled
from tests.routing_core.sanitized import SANITIZED, WATCHED, core_built_with, objects_in
from tests.routing_core.test_c_gives_the_same_bits import OTHER_COMPILER, OTHER_PROCESSOR, needs

pytestmark = pytest.mark.timeout(300)  # on a busy machine

HOST = ("host.c", "townsfolk.c")
SHORT_S = 5
MINUTE_S = 60

# What a minute of these callers brings about, each at least once.
ALL_OF_IT = {
    "opened", "tone_began", "tone_ended", "key_frame", "played", "speech_ended", "recording_ended",
    "recording_full", "stalled", "closed", "hung_up", "lost", "peer_failed", "bad_frame",
    "peer_stuck", "line_silent", "let_go", "all_let_go", "unfed", "refused", "sealed",
    "words_during",
}  # fmt: skip


def started(*command: str | Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | environment,
    )  # fmt: skip


def figures(running: subprocess.Popen[str]) -> dict[str, int]:
    told, _ = running.communicate(timeout=250)
    assert running.returncode == 0, told
    return {name: int(value) for name, value in map(str.split, told.splitlines())}


def assert_nothing_is_left(told: dict[str, int]) -> None:
    assert told["opened"] == told["closed"] > 0
    assert 0 < told["taken"] <= told["ordered"]
    assert told["sealed"] > 0
    assert told["words_during"] > 0
    assert told["words_after"] == 0
    assert told.get("words_at_the_end", 0) == 0


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The host, with its allocations counted."""
    return compiled(tmp_path_factory.mktemp("host") / "host", *HOST, "allocations.c")


@pytest.fixture(scope="module", autouse=True)
def minute(counting: Path) -> Iterator[subprocess.Popen[str]]:
    """A minute of it, which passes while the others are tried."""
    with started(counting, str(MINUTE_S)) as running:
        yield running
        running.kill()


def test_one_allocation_would_be_counted(counting: Path) -> None:
    assert figures(started(counting, "1", HOST_ALLOCATES="yes"))["allocations"] == 1


def test_valgrind_finds_nothing_while_calls_go_on(tmp_path: Path) -> None:
    needs("valgrind")
    host = compiled(tmp_path / "host", *HOST)
    valgrind = ("valgrind", "--quiet", "--error-exitcode=1", "--fair-sched=yes")
    assert_nothing_is_left(figures(started(*valgrind, host, str(SHORT_S))))


@pytest.mark.parametrize("flags", [WATCHED, SANITIZED], ids=["thread", "address,undefined"])
def test_the_sanitizers_find_nothing_while_calls_go_on(
    flags: tuple[str, ...], tmp_path: Path
) -> None:
    core = objects_in(core_built_with(flags))
    assert [part.stem for part in core] == [source.stem for source in SOURCES]
    host = compiled(tmp_path / "host", *HOST, flags=flags, core=core)
    assert_nothing_is_left(figures(started(host, str(SHORT_S))))


def test_calls_go_on_on_the_other_kind_of_machine(tmp_path: Path) -> None:
    needs(OTHER_COMPILER, OTHER_PROCESSOR)
    flags = (*_build.HARDENED, "-static")
    host = compiled(tmp_path / "host", *HOST, compiler=OTHER_COMPILER, flags=flags)
    assert_nothing_is_left(figures(started(OTHER_PROCESSOR, host, str(SHORT_S))))


def test_a_minute_of_all_that_callers_do_allocates_nothing_and_leaves_nothing(
    minute: subprocess.Popen[str],
) -> None:
    told = figures(minute)
    assert {name for name in ALL_OF_IT if told[name] == 0} == set()
    assert told["allocations"] == 0
    assert_nothing_is_left(told)
