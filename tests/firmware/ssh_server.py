"""A real OpenSSH server for backups by SFTP, on loopback, for as long as a test lasts.

Debian's package would open port 22 of whoever's machine this is, so `.ci/setup test` only unpacks
it. It lets in whoever runs the tests, by one key, to one kind of session. As root it wants a user
and a directory that the package would have made; they are there in its own mount namespace alone.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import asyncssh
import pytest

from firmware.ports import free_ports

CACHED = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "careline" / "sshd"
CURE = "no sshd to try SFTP with: run .ci/setup test"
AS_ROOT = """
set -eu
passwd=$1; shift
mount --bind "$passwd" /etc/passwd
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
exec setpriv --pdeathsig KILL "$@"
"""
CONFIGURATION = """
ListenAddress 127.0.0.1:{port}
HostKey {home}/host
AuthorizedKeysFile {home}/authorized
StrictModes no
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""
READY = "Server listening"


class SshServer:
    """One server, which may be started anew, with another key if need be."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        self.folder = home / "backups"
        self.folder.mkdir(parents=True)
        self.renew_key()
        self._running: subprocess.Popen[str] | None = None

    @property
    def where(self) -> str:
        user = pwd.getpwuid(os.geteuid()).pw_name
        return f"sftp://{user}@127.0.0.1:{self.port}{self.folder}"

    def renew_key(self) -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        (self.home / "host").write_bytes(key.export_private_key())
        (self.home / "host").chmod(0o600)

    def let_in(self, line: str) -> None:
        (self.home / "authorized").write_text(line + "\n")

    def start(self) -> None:
        configuration = self.home / "sshd_config"
        configuration.write_text(CONFIGURATION.format(port=self.port, home=self.home))
        sshd, environment, options = program()
        command = [str(sshd), "-D", "-e", "-f", str(configuration), *options]
        if os.geteuid() == 0:
            passwd = self.home / "passwd"
            passwd.write_text(
                Path("/etc/passwd").read_text() + "sshd:x:65533:65534::/run/sshd:/bin/false\n"
            )
            command = ["unshare", "--mount", "sh", "-c", AS_ROOT, "sshd", str(passwd), *command]
        self._running = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=os.environ | environment
        )
        assert self._running.stderr is not None
        for line in self._running.stderr:
            if READY in line:
                return
        raise AssertionError("sshd ended before it listened")

    def freeze(self) -> socket.socket:
        """In its place somebody who takes connections and says nothing."""
        self.stop()
        silent = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        silent.listen()
        return silent

    def stop(self) -> None:
        if self._running is not None:
            for pid in [self._running.pid, *_below(self._running.pid)]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._running.communicate()
            self._running = None


@contextmanager
def serving(home: Path) -> Iterator[SshServer]:
    if found() is None:
        pytest.skip(CURE)
    with ExitStack() as kept:
        (port,) = free_ports(kept, 1)
        server = SshServer(home, port)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _below(pid: int) -> list[int]:
    """Its sessions are processes of their own."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [each for child in map(int, children) for each in (child, *_below(child))]


def found() -> Path | None:
    installed = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin")
    cached = CACHED / "usr" / "sbin" / "sshd"
    return Path(installed) if installed else cached if cached.exists() else None


def program() -> tuple[Path, dict[str, str], list[str]]:
    """An unpacked one finds its library and its parts only where it is told."""
    sshd = found()
    assert sshd is not None
    if not sshd.is_relative_to(CACHED):
        return sshd, {}, []
    libraries = sorted({str(each.parent) for each in CACHED.glob("**/libwrap.so*")})
    parts = {"SshdSessionPath": "sshd-session", "SshdAuthPath": "sshd-auth"}
    there = {option: CACHED / "usr/lib/openssh" / name for option, name in parts.items()}
    options = [f"-o{option}={path}" for option, path in there.items() if path.exists()]
    return sshd, {"LD_LIBRARY_PATH": ":".join(libraries)}, options
