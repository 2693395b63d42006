"""Programs that measure beside the media engine: callers, and servers that do less than it does.

Those in C are built where they are needed, by the machine's own compiler.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


class PeerMissingError(Exception):
    """A program cannot be built here; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the callers received, in milliseconds between two frames of one caller."""

    frames: int
    median_ms: float
    p99_ms: float
    p999_ms: float
    worst_ms: float
    late_ms: float  # p99.9 of how late the callers spoke themselves


def built(name: str, directory: Path) -> Path:
    """The program of this name, compiled."""
    if shutil.which("gcc") is None:
        raise PeerMissingError("the callers are written in C: sudo apt-get install gcc")
    program = directory / name
    command = ["gcc", "-std=gnu11", "-O2", str(HERE / f"{name}.c"), "-o", str(program), "-lm"]
    subprocess.run(command, check=True)
    return program


def calling(callers: Path, port: int, calls: int, seconds: int) -> list[str]:
    """How so many callers are started."""
    return [str(callers), *map(str, (port, calls, seconds))]


def heard(line: str) -> Heard:
    """What the callers said at their end."""
    frames, *gaps = line.split()
    return Heard(int(frames), *map(float, gaps))


def cost_of(server: list[str], callers: Path, calls: int, seconds: int) -> tuple[float, Heard]:
    """CPU of one call, in percent of a core, of a server that says its port and then its CPU."""
    with subprocess.Popen(
        server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        port = int(running.stdout.readline())
        told = subprocess.check_output(calling(callers, port, calls, seconds), text=True)
        used, _ = running.communicate()
    return 100 * float(used) / seconds / calls, heard(told)


def asyncio_server() -> list[str]:
    """The baseline in plain Python."""
    return [sys.executable, str(HERE / "asyncio_server.py")]
