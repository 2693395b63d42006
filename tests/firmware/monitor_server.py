"""A real sshd with the box's own rules, on loopback, for as long as a test lasts.

The user `monitor`, its login shell and the paths of a box are there in the server's mount namespace
alone; of the rules only those paths and the page's port are changed. Debian's own settings follow
them, as on the box, and allow whatever they can.
"""

import asyncio
import os
import shutil
import sys
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncssh
import pytest

from tests.firmware.ssh_server import CURE, READY, found, program

ROOT = Path(__file__).parents[2]
RULES = ROOT / "image/overlay/etc/ssh/sshd_config.d/careline.conf"
MONITOR = 883  # systemd/sysusers.d
SHELL = "/run/box/careline-monitor"
SEEN_FROM_BOX = {
    "/usr/bin/careline-monitor": SHELL,
    "/var/lib/careline-ssh": "/run/box/ssh",
}
AFTERWARDS = """
UsePAM no
X11Forwarding yes
AllowTcpForwarding yes
AllowAgentForwarding yes
PermitTTY yes
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
"""
NAMESPACE = """
set -eu
mount --bind "$1/passwd" /etc/passwd
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/sshd /run/careline-monitor /run/box/ssh /run/box/python /run/box/site /run/box/ours
mount --bind "$1/ssh" /run/box/ssh
mount --bind "$2" /run/box/python
mount --bind "$3" /run/box/site
mount --bind "$4" /run/box/ours
mount --bind "$5" /run/careline-monitor
install -m 755 "$1/careline-monitor" /run/box/careline-monitor
shift 5
exec setpriv --pdeathsig KILL "$@"
"""
PROGRAM = """#!/run/box/python/bin/{python} -I
import sys

sys.path[:0] = ["/run/box/ours", "/run/box/site"]
from firmware.monitor import main

main()
"""


@asynccontextmanager
async def watched_at(home: Path, socket: Path, port: int, page: int) -> AsyncIterator[None]:
    """The server, for the exchange that answers at this socket."""
    if found() is None or os.geteuid() != 0:
        pytest.skip(CURE if found() is None else "only root may sign others in")
    configuration = _laid(home, port, page)
    sshd, environment, options = program()
    command = [
        *("unshare", "--mount", "sh", "-c", NAMESPACE, "sshd", str(home), sys.base_prefix),
        *(sysconfig.get_path("purelib"), str(ROOT), str(socket.parent)),
        *(str(sshd), "-D", "-e", "-f", str(configuration), *options),
    ]
    running = await asyncio.create_subprocess_exec(
        *command, stderr=asyncio.subprocess.PIPE, env=os.environ | environment
    )
    assert running.stderr is not None
    said = b""
    try:
        while READY.encode() not in said:
            line = await running.stderr.readline()
            assert line, said
            said += line
        draining = asyncio.create_task(running.stderr.read())
        yield
        draining.cancel()
    finally:
        with suppress(ProcessLookupError):
            running.kill()
        await running.wait()


def _laid(home: Path, port: int, page: int) -> Path:
    """What the server reads; its configuration."""
    rules = RULES.read_text()
    for on_box, here in SEEN_FROM_BOX.items():
        assert on_box in rules
        rules = rules.replace(on_box, here)
    rules = rules.replace(":443", f":{page}")
    configuration = home / "sshd_config"
    configuration.write_text(f"ListenAddress 127.0.0.1:{port}\nPidFile none\n{rules}\n{AFTERWARDS}")
    host = asyncssh.generate_private_key("ssh-ed25519")
    (home / "ssh" / "host_ed25519").write_bytes(host.export_private_key())
    (home / "ssh" / "host_ed25519").chmod(0o600)
    (home / "passwd").write_text(
        Path("/etc/passwd").read_text()
        + "sshd:x:65533:65534::/run/sshd:/bin/false\n"
        + f"monitor:*:{MONITOR}:{MONITOR}::/run/careline-monitor:{SHELL}\n"
    )
    python = Path(os.path.realpath(sys.executable)).name
    (home / "careline-monitor").write_text(PROGRAM.format(python=python))
    return configuration


def door_for_monitor(socket: Path) -> None:
    """The directory that systemd-tmpfiles makes on a box."""
    socket.parent.mkdir(parents=True)
    shutil.chown(socket.parent, group=MONITOR)
    socket.parent.chmod(0o2750)
