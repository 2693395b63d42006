"""The linters are tests: whoever runs the tests has run them, in the versions of the lock."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
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


# So many states of a function are looked at, a third of what it looks at by itself: some loops have
# more, which tests/depth looks at, in a part of CI's of its own.
SHALLOW = ("-Xclang", "-analyzer-config", "-Xclang", "max-nodes=75000")


# A name for each look that found nothing: with the same eyes at the same text there is no second.
FOUND_NOTHING = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "careline/found-nothing"
)


def tidied(*sources: Path, more: Sequence[str] = ()) -> None:
    """Clang-tidy finds nothing in these. Which checks, and why not the others, stands in
    `.clang-tidy`."""
    config = ROOT / ".clang-tidy"
    command = (SCRIPTS / "clang-tidy", "--quiet", f"--config-file={config}")
    options = ("--", *COMPILED_WITH, *more)
    eyes = subprocess.check_output([command[0], "--version"]) + repr(options).encode()
    read = [config, *sorted(CORE[0].parent.glob("*.h"))]
    looks = {_look(eyes, (*read, source)): source for source in sources}
    new = {look: source for look, source in looks.items() if not (FOUND_NOTHING / look).exists()}
    if new:
        finds_nothing(*command, *new.values(), *options)
        FOUND_NOTHING.mkdir(parents=True, exist_ok=True)
        for look in new:
            (FOUND_NOTHING / look).touch()


def _look(eyes: bytes, read: Sequence[Path]) -> str:
    whole = hashlib.sha256(eyes)
    for path in read:
        whole.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


@pytest.mark.timeout(580)  # it takes 10 s where nobody else is at work
def test_clang_tidy_finds_nothing_in_the_core() -> None:
    tidied(*CORE, more=SHALLOW)


def test_clang_tidy_would_find_a_fault_that_only_one_way_leads_to(tmp_path: Path) -> None:
    source = tmp_path / "ways.c"
    source.write_text(ONE_WAY_IN_MANY)
    for _ in range(2):
        with pytest.raises(AssertionError, match="NullDereference"):
            tidied(source, more=SHALLOW)


# Where nothing was found, the last is nothing.
ONE_WAY_IN_MANY = """
#include <stddef.h>

int counted(const int *steps, int count);

int counted(const int *steps, int count)
{
	const int *last = NULL;
	int sum = 0;
	for (int i = 0; i < count; i++) {
		if (steps[i] > 3)
			sum += 1;
		else if (steps[i] < -3)
			sum -= 2;
		if (steps[i] == sum)
			last = &steps[i];
	}
	return sum + *last;
}
"""


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
