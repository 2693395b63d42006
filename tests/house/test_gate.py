"""The gate itself: what CI runs must close when it should, and say what it left out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.test_house_rules import ROOT


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose set-up and tests pass at once, under a path with a space."""
    clone = tmp_path / "a clone"
    script(clone / ".ci/setup", "echo set-up done")
    shutil.copy(ROOT / ".ci/run", clone / ".ci/run")
    have_tests_say(clone, "=== 3 passed in 0.10s ===")
    return clone


def have_tests_say(clone: Path, words: str, status: int = 0) -> None:
    (clone / "Makefile").write_text(f"test:\n\t@echo '{words}'; exit {status}\n")


def gate(clone: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", ".ci/run"],
        cwd=clone,
        check=False,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_gate_opens_when_all_passes_and_ends_with_the_tests_own_words(clone: Path) -> None:
    told = gate(clone)
    assert told.returncode == 0
    assert told.stdout.splitlines()[-1] == "=== 3 passed in 0.10s ==="


def test_a_part_that_does_not_exist_is_said_not_to(clone: Path) -> None:
    table = gate(clone).stdout.partition("shares of the time")[2]
    assert [line.split()[0] for line in table.splitlines() if "not yet built" in line] == [
        "depth",
        "fuzz",
        "faults",
        "powercuts",
        "web",
        "page",
        "lines",
        "image",
    ]


def test_a_failed_test_closes_the_gate(clone: Path) -> None:
    have_tests_say(clone, "=== 1 failed, 2 passed in 0.10s ===", status=1)
    told = gate(clone)
    assert told.returncode == 1
    assert "=== 1 failed, 2 passed in 0.10s ===" in told.stdout.splitlines()[-2:]


def test_a_failed_part_closes_the_gate_and_the_others_still_run(clone: Path) -> None:
    script(clone / "tests/fuzz/run", "echo a crash after $1 s; exit 77")
    script(clone / "tests/lines/run", "echo lines held")
    told = gate(clone)
    assert told.returncode == 1
    assert "a crash after 280 s" in told.stdout
    assert "FAILED with status 77" in told.stdout
    assert "lines held" in told.stdout


def test_a_part_in_which_no_test_ran_closes_the_gate(clone: Path) -> None:
    script(clone / "tests/page/run", "exit 5")
    told = gate(clone)
    assert told.returncode == 1
    assert "no test ran" in told.stdout


def test_a_part_that_needs_more_than_its_share_closes_the_gate(clone: Path, tmp_path: Path) -> None:
    """A `timeout` whose every limit is one second stands in for a part that takes too long."""
    real = shutil.which("timeout")
    script(tmp_path / "bin/timeout", f'shift 2; exec {real} --kill-after=1 1 "$@"')
    script(clone / "tests/lines/run", "exec tail -f /dev/null")
    told = gate(clone, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert told.returncode == 1
    assert "more than its share" in told.stdout


def test_what_failed_is_told_once_more_at_the_end_where_alone_one_may_look(clone: Path) -> None:
    script(clone / "tests/depth/run", "echo a bound was passed; exit 1")
    script(clone / "tests/lines/run", "seq 500; echo lines held")
    end = gate(clone).stdout.partition("the end of what it said")[2]
    assert "a bound was passed" in end
    assert "lines held" not in end


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_that_is_ended_names_the_test_it_was_in(workers: int, tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one():\n    assert 1 == 2\n")
    stands_still = "def test_two():\n    import threading\n    threading.Event().wait(60)\n"
    (tmp_path / "test_two.py").write_text(stands_still)
    shutil.copy(ROOT / "tests/conftest.py", tmp_path / "conftest.py")
    command = a_run("-v", "-n", str(workers), "--dist", "loadfile")
    with subprocess.Popen(
        command, cwd=tmp_path, env=as_if_in("true"), stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        said = ""
        while "FAILED" not in said or "test_two.py::test_two" not in said:
            said += run.stdout.read(1)  # the line of what runs has no end yet
        run.terminate()
        end = run.stdout.read().partition("the time was up")[2]
    assert run.returncode == 2
    assert "test_two.py::test_two" in end
    assert "test_one.py::test_one" not in end.partition("====")[0]


def test_after_a_failed_set_up_nothing_is_claimed_to_have_run(clone: Path) -> None:
    script(clone / ".ci/setup", "echo no room on the disk; exit 1")
    told = gate(clone)
    assert told.returncode == 1
    assert "no room on the disk" in told.stdout
    assert "passed" not in told.stdout
    assert "not run: the set-up failed" in told.stdout


def run_tests(folder: Path, ci: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The tests of a folder under our conftest, as CI or as a person would run them."""
    shutil.copy(ROOT / "tests/conftest.py", folder / "conftest.py")
    return subprocess.run(
        a_run(*arguments), cwd=folder, check=False, env=as_if_in(ci), capture_output=True, text=True
    )


def a_run(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments)


def as_if_in(ci: str) -> dict[str, str]:
    """Whose tests these are, and not that they are tests of ours: no worker's environment."""
    plain = {name: told for name, told in os.environ.items() if "XDIST" not in name}
    return plain | {"CI": ci, "PYTHONPATH": str(ROOT)}


LEFT_OUT = {
    "in the test": "import pytest\n\ndef test_one():\n    pytest.skip('no modem')\n",
    "by a mark": "import pytest\n\n@pytest.mark.skip('no modem')\ndef test_one():\n    pass\n",
    "as a file": "import pytest\n\npytest.skip('no modem', allow_module_level=True)\n",
    "for want of a module": "import pytest\n\npytest.importorskip('no_modem')\n",
    "as excused": "import pytest\n\n@pytest.mark.xfail\ndef test_one():\n    assert 1 == 2\n",
}


@pytest.mark.parametrize("how", LEFT_OUT)
def test_a_test_left_out_is_a_failure_in_ci_alone(how: str, tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(LEFT_OUT[how])
    (tmp_path / "test_two.py").write_text("def test_two():\n    pass\n")
    assert run_tests(tmp_path, "").returncode == 0
    in_ci = run_tests(tmp_path, "true")
    assert in_ci.returncode != 0
    assert "in CI nothing is skipped" in in_ci.stdout


def test_a_folder_with_a_share_of_its_own_is_run_only_when_named(tmp_path: Path) -> None:
    script(tmp_path / "slow/run", "exit 0")
    (tmp_path / "slow/test_slow.py").write_text("def test_slow():\n    pass\n")
    (tmp_path / "test_quick.py").write_text("def test_quick():\n    pass\n")
    assert "1 passed" in run_tests(tmp_path, "true").stdout
    assert "1 passed" in run_tests(tmp_path, "true", "slow").stdout
    assert "2 passed" in run_tests(tmp_path, "true", ".", "slow").stdout
