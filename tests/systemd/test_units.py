"""What the box's services may do, as systemd itself reads it: its own tools look at the units, with
Debian's unit of Asterisk under our drop-in."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from firmware.asterisk.sandbox import find_root
from firmware.watchdog import WATCHDOG_S

LAID = Path("systemd")
UNITS = Path("usr/lib/systemd/system")
OURS = ("careline-exchange", "careline-web", "careline-root")
ONCE = ("careline-gate", "careline-back")
EXPOSED_MOST = 2.5
WITHIN_S = 60


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So much of a box as systemd asks for when it looks at units."""
    root = tmp_path_factory.mktemp("box")
    shutil.copytree("/usr/lib/systemd/system", root / UNITS, symlinks=True)
    shutil.copytree(LAID / "system", root / UNITS, dirs_exist_ok=True)
    shutil.copy(find_root() / UNITS / "asterisk.service", root / UNITS)
    for program in ("usr/bin/careline", "usr/sbin/asterisk", "usr/lib/rauc/careline-slots"):
        (root / program).parent.mkdir(parents=True, exist_ok=True)
        (root / program).write_text("#!/bin/sh\n")
        (root / program).chmod(0o755)
    return root


def analyzed(*asked: str) -> str:
    """What systemd-analyze says to this."""
    done = subprocess.run(
        ["systemd-analyze", *asked], capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("unit", [*OURS, *ONCE, "asterisk"])
def test_systemd_finds_nothing_wrong_with_a_unit(box: Path, unit: str) -> None:
    told = analyzed("verify", f"--root={box}", "--man=no", f"{unit}.service")
    assert [line for line in told.splitlines() if unit in line] == []


@pytest.mark.parametrize("unit", [*OURS, "careline-gate", "asterisk"])
def test_a_service_that_is_broken_into_can_do_little(box: Path, unit: str) -> None:
    told = analyzed("security", "--offline=true", "--no-pager", f"--root={box}", f"{unit}.service")
    level = re.search(r"Overall exposure level for .*: ([0-9.]+)", told)
    assert level is not None, told
    assert float(level[1]) <= EXPOSED_MOST


@pytest.mark.parametrize("unit", OURS)
def test_a_service_is_started_again_for_ever(unit: str) -> None:
    text = (LAID / "system" / f"{unit}.service").read_text()
    assert "\nRestart=always\n" in text
    assert "\nStartLimitIntervalSec=0\n" in text


def test_the_exchange_that_stands_still_is_ended_as_soon_as_its_own_watchdog_says() -> None:
    text = (LAID / "system" / "careline-exchange.service").read_text()
    assert f"\nWatchdogSec={WATCHDOG_S:g}\n" in text
    assert "\nWatchdogSignal=SIGKILL\n" in text


def test_when_memory_runs_out_the_page_goes_first_and_the_calls_last() -> None:
    def killed_at(file: str) -> int:
        found = re.search(
            r"^OOMScoreAdjust=(-?[0-9]+)$", (LAID / "system" / file).read_text(), re.M
        )
        assert found is not None
        return int(found[1])

    files = ("asterisk.service.d/careline.conf", *(f"{unit}.service" for unit in OURS))
    asterisk, exchange, web, root = map(killed_at, files)
    assert asterisk < exchange < root < web
