"""A small clinic for each share of the tests; FAULTS_SHARE=1/3 takes every third, from the first.

The shares run side by side (tests/faults/run), each in a town of its own.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import ear, faults
from tests.system.conftest import programs
from tests.system.town import Town

__all__ = ["programs"]


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Where everything befalls the exchange."""
    with faults.build(tmp_path_factory.mktemp("clinic")) as standing:
        yield standing


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a caller says all the while."""
    return ear.write_tone(tmp_path_factory.mktemp("say") / "caller.wav", faults.CALLER_HZ)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the other shares' tests to them."""
    share, _, shares = os.environ.get("FAULTS_SHARE", "1/1").partition("/")
    mine = items[int(share) - 1 :: int(shares)]
    config.hook.pytest_deselected(items=[item for item in items if item not in mine])
    items[:] = mine
