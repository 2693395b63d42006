"""A clinic with somebody of each role, made once: each story has a copy."""

from pathlib import Path

import pytest

from tests.web.clinic import Clinic


@pytest.fixture(scope="session")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Clinic(tmp_path_factory.mktemp("staffed")).staff().place.home


@pytest.fixture
def clinic(staffed: Path, tmp_path: Path) -> Clinic:
    return Clinic.copied(staffed, tmp_path)
