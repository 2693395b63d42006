"""One browser and one practice for the whole share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.page import practice
from tests.page.practice import SOON_S, Practice

CHROMIUM = shutil.which("chromium")
expect.set_options(timeout=SOON_S * 1000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stories that share neither the browser nor the practice come first: the browser's driver
    leaves a loop running in our thread, and they have one of their own. Each may be told twice, as
    all that runs in real time: a browser stands beside the two Asterisks here."""
    for item in items:
        item.add_marker(pytest.mark.flaky(reruns=1))
    shared = {"driver", "here"}
    items.sort(key=lambda item: not shared.isdisjoint(getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    with practice.standing(tmp_path_factory.mktemp("practice")) as up:
        yield up


@pytest.fixture(autouse=True)
def record(request: pytest.FixtureRequest) -> Iterator[None]:
    """For whoever reads of a story that failed."""
    yield
    for value in request.node.funcargs.values():
        if isinstance(value, Practice):
            print(value.record())  # noqa: T201


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    """Whatever opens a browser; there is one of it at a time."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(driver: Playwright) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: sudo apt-get install chromium")
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where each screen is drawn, to be looked at."""
    folder = Path("build/page")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
