"""The linters are tests: whoever runs the tests has run them, in the versions of the lock."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.test_house_rules import ROOT, tracked

SCRIPTS = Path(sys.executable).parent


def finds_nothing(*command: str | Path) -> None:
    """The linter says nothing, or the test fails with what it says."""
    told = subprocess.run(
        command, cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert told.returncode == 0, f"{Path(command[0]).name} {command[1]}:\n{told.stdout}"


def test_ruff_finds_nothing() -> None:
    finds_nothing(SCRIPTS / "ruff", "check", "--output-format=concise")


def test_python_is_laid_out_by_ruff() -> None:
    finds_nothing(SCRIPTS / "ruff", "format", "--check")


@pytest.mark.timeout(300)  # with nothing cached, on a busy machine
def test_types_hold_in_the_strict_sense() -> None:
    finds_nothing(SCRIPTS / "mypy", "--no-error-summary")


def test_the_storeys_of_the_house_hold() -> None:
    finds_nothing(SCRIPTS / "lint-imports", "--no-cache")


def test_c_is_laid_out_by_clang_format() -> None:
    sources = [path for path in tracked() if path.suffix in (".c", ".h")]
    assert sources
    finds_nothing(SCRIPTS / "clang-format", "--dry-run", "--Werror", *sources)


def test_shellcheck_finds_nothing() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed: sudo apt-get install shellcheck")
    scripts = [path for path in tracked() if _is_shell(path)]
    assert scripts
    finds_nothing("shellcheck", *scripts)


def _is_shell(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(100)
    return path.suffix == ".sh" or (first.startswith(b"#!") and first.rstrip().endswith(b"sh"))
