"""Real programs for the system tests: a clinic's Asterisk and the telephone company's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import ear, town
from tests.system.town import Town


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A clinic of the template and its telephone company. No exchange: Asterisk is alone."""
    with town.build(tmp_path_factory.mktemp("town")) as standing:
        yield standing


@pytest.fixture(autouse=True)
def programs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test says which real programs it spoke to, and what its exchange said last."""
    yield
    for value in request.node.funcargs.values():
        if isinstance(value, Town):
            request.node.user_properties.append(("programs", value.spoke_to))
            print(value.spoke_to, value.said(), sep="\n")  # noqa: T201 - for the test's own record


@pytest.fixture(scope="session")
def speech_tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a caller says all the while: a tone that nobody else makes."""
    return ear.write_tone(tmp_path_factory.mktemp("say") / "caller.wav", 2500)
