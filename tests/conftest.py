"""What holds for every test: in CI nothing is left out, what has a share of its own stays out, and
what runs in real time may be told twice.

A folder of tests with a program `run` in it (fuzzing, power cuts …) has such a share: `.ci/run`
starts that program, and a plain `pytest` passes the folder by unless told its name.
"""

import gc
import os
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest
import xdist.remote
import xdist.scheduler

from tests import lanes, running

# How long one example takes says how busy the machine is, and nothing of what is tested.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

IN_CI = os.environ.get("CI") == "true"

# What is read for the tests stays as long as they do: to look through it for rubbish, again and
# again while it grows, takes each worker two fifths of the time until its first test.
gc.disable()


def pytest_configure(config: pytest.Config) -> None:
    """Whoever ends the run from outside is told what it was in."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        following = running.Running()
        following.listen()
        config.pluginmanager.register(following)


def pytest_collection_finish() -> None:
    """What only computes leaves the processor to what keeps real time; all begin at once."""
    gc.freeze()
    gc.enable()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if lanes.computes_only(worker, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))):
        os.nice(lanes.LESS_URGENT)


def pytest_xdist_make_scheduler(
    config: pytest.Config, log: xdist.remote.Producer
) -> xdist.scheduler.Scheduling:
    """Of several workers each has its own kind of work."""
    return lanes.Lanes(config, log)


# Two Asterisks, their callers and our thread keep a 20 ms pace on two cores that others use too.
# Such a story that fails is told once more; the run says so, with what failed: it is a fault still
# to be found, and twice is a failure.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what runs in real time."""
    for item in items:
        if item.nodeid.startswith(lanes.IN_REAL_TIME):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Passes by what has a share of its own."""
    if not (collection_path / "run").is_file():
        return None
    named = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return None if any(collection_path in (path, *path.parents) for path in named) else True


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A whole file left out is a failure in CI."""
    report = yield
    if IN_CI and report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"in CI nothing is skipped: {collector.nodeid}: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test left out, or one expected to fail, is a failure in CI."""
    report = yield
    if IN_CI and (report.skipped or hasattr(report, "wasxfail")):
        reason = getattr(report, "wasxfail", report.longrepr)
        if hasattr(report, "wasxfail"):
            del report.wasxfail
        report.outcome = "failed"
        report.longrepr = f"in CI nothing is skipped or excused: {item.nodeid}: {reason}"
    return report
