"""The set-up on machines that lack something: what it installs, and what it asks to be typed."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.test_gate import script
from tests.house.test_house_rules import ROOT


class Machine:
    """A checkout on a machine whose programs are this one's, but for those taken away."""

    def __init__(self, place: Path, *, without: set[str]) -> None:
        self.checkout = place / "a checkout"
        self.installed = place / "installed"
        self._programs = place / "programs"
        self._programs.mkdir()
        for folder in ("/usr/bin", "/usr/sbin", "/bin"):
            for program in Path(folder).iterdir():
                if program.name not in without | {"sudo", "apt-get"}:
                    self._link(program.name, program)
        # Only who is not root needs it, and root runs these tests where nobody else has set up.
        if not shutil.which("newuidmap") and "newuidmap" not in without:
            script(self._programs / "newuidmap", "exit 1")
        # The interpreter these tests run on is one that the set-up has found good.
        self._link("python3", Path(sys.base_prefix, "bin/python3"))
        (self.checkout / ".ci").mkdir(parents=True)
        shutil.copy(ROOT / ".ci/setup", self.checkout / ".ci/setup")
        script(self._programs / "apt-get", f'echo "$@" >>"{self.installed}"; exit 1')

    def _link(self, name: str, program: Path) -> None:
        (self._programs / name).unlink(missing_ok=True)
        (self._programs / name).symlink_to(program)

    def let_sudo_ask_for_no_password(self) -> None:
        """Sudo runs what it is told."""
        script(self._programs / "sudo", 'shift; exec "$@"')

    def set_up(self, level: str) -> subprocess.CompletedProcess[str]:
        """As an ordinary user, whoever runs the tests."""
        return subprocess.run(
            ["unshare", "--user", "--map-user=1234", "--map-group=1234", ".ci/setup", level],
            cwd=self.checkout,
            check=False,
            env={"PATH": str(self._programs), "HOME": os.environ["HOME"]},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=200,
        )

    def packages_installed(self) -> set[str]:
        """What apt-get was asked for, in all."""
        said = self.installed.read_text().splitlines() if self.installed.exists() else []
        asked = [line.split() for line in said if " install " in line]
        return {word for line in asked for word in line[line.index("install") :]} - {
            "install",
            "-y",
            "--no-install-recommends",
        }


def test_only_what_is_missing_is_installed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, without={"mmdebstrap", "shellcheck"})
    machine.let_sudo_ask_for_no_password()
    machine.set_up("run")
    assert machine.packages_installed() == {"mmdebstrap"}


def test_the_tests_need_more_than_running_does(tmp_path: Path) -> None:
    machine = Machine(tmp_path, without={"mmdebstrap", "shellcheck"})
    machine.let_sudo_ask_for_no_password()
    machine.set_up("test")
    assert machine.packages_installed() == {"mmdebstrap", "shellcheck"}


def test_a_proof_brings_the_peers_that_stand_beside_ours(tmp_path: Path) -> None:
    machine = Machine(tmp_path, without={"multimon-ng", "espeak-ng"})
    machine.let_sudo_ask_for_no_password()
    machine.set_up("proofs")
    assert {"multimon-ng", "espeak-ng"} <= machine.packages_installed()


def test_the_power_cuts_bring_their_emulator(tmp_path: Path) -> None:
    machine = Machine(tmp_path, without={"qemu-system-x86_64"})
    machine.let_sudo_ask_for_no_password()
    machine.set_up("fuzz")
    asked = platform.machine() == "x86_64"
    assert ("qemu-system-x86" in machine.packages_installed()) is asked


def test_package_lists_are_fetched_when_a_package_is_not_known(tmp_path: Path) -> None:
    machine = Machine(tmp_path, without={"mmdebstrap"})
    machine.let_sudo_ask_for_no_password()
    told = machine.set_up("run")
    verbs = ["update" if "update" in line else "install" for line in machine.installed.open()]
    assert verbs[:2] == ["install", "update"]
    assert told.returncode == 1
    assert 'set-up stopped at "Debian packages"' in told.stdout


def test_without_an_administrator_the_exact_line_is_printed(tmp_path: Path) -> None:
    told = Machine(tmp_path, without={"mmdebstrap", "newuidmap"}).set_up("run")
    assert told.returncode == 1
    line = "sudo apt-get update && sudo apt-get install -y --no-install-recommends"
    assert f"    {line} mmdebstrap uidmap\n" in told.stdout


def test_a_missing_linter_stops_nobody_from_working(tmp_path: Path) -> None:
    told = Machine(tmp_path, without={"shellcheck"}).set_up("test")
    assert "sudo apt-get install -y shellcheck" in told.stdout
    assert "Debian packages … ready" in told.stdout


@pytest.mark.parametrize("level", ["", "all", "test; true"])
def test_a_wrong_word_is_refused(tmp_path: Path, level: str) -> None:
    told = Machine(tmp_path, without=set()).set_up(level or "''")
    assert told.returncode == 2
    assert "say run, test, fuzz or proofs" in told.stdout
