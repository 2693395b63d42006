"""What a clinic plugs in, tried on real programs. A file builds the clinic that its story needs, by
`tests.system.practice.build` with a site of its own, and runs the exchange in it as those do."""

from collections.abc import Iterator

import pytest

from tests.system.town import Town


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them run in real time."""
    for item in items:
        if item.nodeid.startswith("tests/lines/"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def programs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each story says which real programs it spoke to, and what its exchange said last."""
    yield
    for value in request.node.funcargs.values():
        if isinstance(value, Town):
            request.node.user_properties.append(("programs", value.spoke_to))
            print(value.spoke_to, value.said(), sep="\n")  # noqa: T201 - for the test's own record
