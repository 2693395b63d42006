"""`careline exchange` started on a disk that takes nothing, and again when it does: a tmpfs in a
namespace of this process's own, which is ours to fill and to make read-only."""

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from firmware.asterisk.config import Ports
from firmware.ports import free_ports, keep_ports
from tests.firmware.by_hand import SITE, site_at
from tests.firmware.on_a_bad_disk import full, read_only

SOON_S = 60.0
MEANWHILE = "Asterisk alone rings the front desk for each caller, and 911 goes out"


def careline(home: Path, word: str, **told: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "firmware.cli", word],
        env=os.environ | {"CARELINE_HOME": str(home), "COLUMNS": "1000"} | told,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refuses(home: Path, word: str, why: str) -> None:
    with careline(home, word) as command:
        _, told = command.communicate(timeout=SOON_S)
    assert command.returncode == 1, told
    assert f"takes nothing ({why})" in told, told
    assert MEANWHILE in told, told


def starts(home: Path) -> None:
    """As its supervisor hears."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind("")  # Linux then chooses a free abstract address (unix(7))
        supervisor.settimeout(SOON_S)
        at = "@" + supervisor.getsockname()[1:].decode()
        with careline(home, "exchange", NOTIFY_SOCKET=at) as exchange:
            try:
                while b"READY=1" not in supervisor.recv(4096):
                    pass
            finally:
                exchange.terminate()


if __name__ == "__main__":
    place = site_at(Path(sys.argv[1]), SITE + "[retention]\nreserve_gb = 0.01\n")
    with ExitStack() as kept:
        sip, ami, engine = free_ports(kept, 3)
        keep_ports(place, Ports(sip, ami, engine, 10_000, 10_100))
    with read_only(place.home):
        refuses(place.home, "exchange", "Read-only file system")
        refuses(place.home, "status", "Read-only file system")
    starts(place.home)
    with full(place.home):
        refuses(place.home, "exchange", "No space left on device")
