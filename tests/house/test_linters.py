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


@pytest.mark.timeout(580)  # with nothing cached, on a busy machine
def test_types_hold_in_the_strict_sense() -> None:
    finds_nothing(SCRIPTS / "mypy", "--no-error-summary")


def test_the_storeys_of_the_house_hold() -> None:
    finds_nothing(SCRIPTS / "lint-imports", "--no-cache")


def test_c_is_laid_out_by_clang_format() -> None:
    sources = [path for path in tracked() if path.suffix in (".c", ".h")]
    assert sources
    finds_nothing(SCRIPTS / "clang-format", "--dry-run", "--Werror", *sources)


CORE = sorted((ROOT / "routing_core/csrc").glob("*.c"))
COMPILED_WITH = ("-std=c11", "-D_GNU_SOURCE", "-Irouting_core/csrc")


@pytest.mark.timeout(580)  # it takes 15 s where nobody else is at work
def test_clang_tidy_finds_nothing_in_the_core() -> None:
    """Which checks, and why not the others, stands in `.clang-tidy`."""
    finds_nothing(SCRIPTS / "clang-tidy", "--quiet", *CORE, "--", *COMPILED_WITH)


def test_cppcheck_finds_nothing_in_the_core() -> None:
    """Style is left to clang-tidy, whose version is locked."""
    if shutil.which("cppcheck") is None:
        pytest.skip("cppcheck is not installed: sudo apt-get install cppcheck")
    options = ["--quiet", "--enable=warning,performance,portability", "--error-exitcode=1"]
    # It has its own idea of the C library, and says how thorough it was where nothing is wrong.
    silenced = ["--suppress=missingIncludeSystem", "--suppress=normalCheckLevelMaxBranches"]
    dialect = ["--std=c11", *COMPILED_WITH[1:]]
    finds_nothing("cppcheck", *options, *silenced, *dialect, *CORE)


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
