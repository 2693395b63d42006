"""A real NUT server on loopback, with NUT's own driver for a UPS that is a file (dummy-ups(8)).

Debian's package would start it for the whole machine, so `.ci/setup test` only unpacks it.
"""

import os
import pwd
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from firmware.ports import free_ports

CACHED = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "careline" / "nut"
CURE = "no NUT server to ask: run .ci/setup test"
STALE_AFTER_S = 2
UPS = """
pollinterval = 1
[ups]
    driver = dummy-ups
    port = {file}
    mode = dummy-once
"""


class RealUpsd:
    """A server and its driver, in processes of their own; both may go away and come back."""

    def __init__(self, home: Path, port: int) -> None:
        self._programs = _programs()
        self._home, self._file, self.port = home, home / "ups.dev", port
        home.mkdir(mode=0o700)
        (home / "ups.conf").write_text(UPS.format(file=self._file))
        (home / "upsd.conf").write_text(f"LISTEN 127.0.0.1 {port}\nMAXAGE {STALE_AFTER_S}\n")
        (home / "upsd.users").touch()
        self._driver: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def say(self, said: Mapping[str, str]) -> None:
        """What the UPS tells from now on."""
        fresh = self._file.with_suffix(".fresh")
        fresh.write_text("".join(f"{name}: {value}\n" for name, value in said.items()))
        fresh.rename(self._file)

    def plug(self) -> None:
        """The UPS's cable is in: its driver runs."""
        self._driver = self._run("dummy-ups", "-a", "ups")

    def unplug(self) -> None:
        """Its driver is gone."""
        _end(self._driver)

    async def start(self) -> None:
        """The server listens in a moment."""
        self._server = self._run("upsd")

    async def stop(self) -> None:
        """It is gone, and whoever was connected with it."""
        _end(self._server)

    def end(self) -> None:
        """Both are gone, if they ran."""
        _end(self._driver)
        _end(self._server)

    def _run(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        folders = sorted({str(each.parent) for each in CACHED.glob("**/lib*.so*")})
        places = dict.fromkeys(("NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"), str(self._home))
        # Started by root they would become the package's own user, whom nobody has made here.
        user = pwd.getpwuid(os.geteuid()).pw_name
        return subprocess.Popen(
            [self._programs / program, *words, "-F", "-u", user],
            env=os.environ | places | {"LD_LIBRARY_PATH": ":".join(folders)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def nut(home: Path) -> Iterator[RealUpsd]:
    """A server that nobody has started yet; it and its driver are ended."""
    with ExitStack() as kept:
        (port,) = free_ports(kept, 1)
        upsd = RealUpsd(home, port)
        try:
            yield upsd
        finally:
            upsd.end()


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.kill()
        process.wait()


def _programs() -> Path:
    """The folder of upsd and its drivers; the test is left out where there is none."""
    for folder in (Path("/lib/nut"), *(each.parent for each in CACHED.glob("**/nut/upsd"))):
        if (folder / "dummy-ups").exists():
            return folder
    pytest.skip(CURE)
