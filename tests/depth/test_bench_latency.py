"""`careline bench latency` in its short form. What it measures is printed and never asserted: here
only that each figure is there and could be true."""

import json
import subprocess
import sys

import pytest

from firmware.asterisk.sandbox import dotted, find_root, version


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    command = (sys.executable, "-m", "firmware.cli", "bench", "latency", "--calls", "4", "--json")
    numbers = dotted(version(find_root()))
    spoke_to = f"spoke to Asterisk {numbers} (clinic) and Asterisk {numbers} (telephone company)"
    request.node.user_properties.append(("programs", spoke_to))
    return subprocess.run(command, capture_output=True, text=True, timeout=200)


def test_the_bench_times_real_calls_beside_a_plain_dialplan(
    bench: subprocess.CompletedProcess[str],
) -> None:
    assert bench.returncode == 0, bench.stderr
    told = json.loads(bench.stdout)
    figures = {figure["what"]: figure for figure in told["figures"]}
    assert told["peer"] == "plain dialplan"
    assert all(figure["ours"]["count"] == 4 for figure in figures.values())
    assert all(0 < figure["ours"]["median_ms"] < 1000 for figure in figures.values())
    assert 0 < figures["call to first prompt"]["ours"]["p99_ms"] < 1000
    assert sum(figure["ratio"] is not None for figure in figures.values()) == 5
    assert all(figure["peer"]["count"] == 4 for figure in figures.values() if figure["peer"])
