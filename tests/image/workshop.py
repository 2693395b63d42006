"""The workshop's RAUC, the box's own version of it, on this machine: its loader is called by name,
so that neither a chroot nor another distribution stands between it and the test's files."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from image.build import CHECKOUT, tools_of
from image.signing import Signer

LOADER, LIBRARIES = "lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu"
RAUC, BUS = "usr/bin/rauc", "usr/bin/dbus-daemon"
SYSTEM = CHECKOUT / "image/overlay/etc/rauc/system.conf"
READY_WITHIN_S, INSTALLED_WITHIN_S = 20.0, 120.0
BUS_RULES = """<busconfig><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/>
<allow own="*"/><allow user="*"/></policy>
</busconfig>"""


class Workshop:
    """Its files, taken out once."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "workshop"
        self.root.mkdir()
        tools = tools_of(any_age=True)
        left_out = ("--exclude=./dev/*", "--exclude=./usr/share")
        command = ["tar", "-xf", str(tools), "-C", str(self.root), *left_out]
        subprocess.run(command, check=True)

    def command(self, program: str) -> list[str]:
        library_path = str(self.root / LIBRARIES)
        return [str(self.root / LOADER), "--library-path", library_path, str(self.root / program)]

    def info(self, keyring: Path) -> list[str]:
        """As the box asks, with this keyring."""
        return [
            *self.command(RAUC), "-C", "system:compatible=careline-pc",
            "-C", "system:bootloader=noop", "-C", f"keyring:path={keyring}",
            "-C", "keyring:check-purpose=codesign", "info", "--output-format=json-2",
        ]  # fmt: skip


class Disk:
    """A box's slots as files, with the boot partition that is given, and the image's own
    system.conf with these paths. No device mapper is asked for, so bundles are of RAUC's plain
    format."""

    def __init__(self, folder: Path, workshop: Workshop, by: Signer, esp: Path) -> None:
        self.folder, self._workshop = folder, workshop
        self.bus = folder / "bus"
        (folder / "kept").mkdir()
        self.slots = {name: folder / name for name in ("root-a", "root-b")}
        for name in ("root-a", "root-b", "root-a-verity", "root-b-verity"):
            (folder / name).touch()
            os.truncate(folder / name, 64 << 20)
        (folder / "cmdline").write_text("quiet rauc.slot=a\n")
        handler = folder / "careline-slots"
        handler.write_text(
            f"#!{sys.executable}\nimport sys\nfrom pathlib import Path\n"
            f"sys.path.insert(0, {str(CHECKOUT)!r})\n"
            "from firmware.update.slots import main\n"
            f"main(Path({str(esp)!r}), Path({str(folder / 'cmdline')!r}))\n"
        )
        handler.chmod(0o755)
        told = SYSTEM.read_text()
        for there, here in (
            ("/usr/lib/rauc/careline-slots", handler), ("/dev/disk/by-partlabel", folder),
            ("/etc/rauc/keyring.pem", by.keyring), ("/var/lib/rauc", folder / "kept"),
            ("/run/rauc", folder / "run"), ("bundle-formats=verity", "bundle-formats=plain"),
        ):  # fmt: skip
            assert there in told
            told = told.replace(there, str(here))
        (folder / "system.conf").write_text(told)

    @contextmanager
    def service(self) -> Iterator[subprocess.Popen[bytes]]:
        """RAUC's, on a bus of its own."""
        rules = self.folder / "bus.conf"
        rules.write_text(BUS_RULES.format(socket=self.bus))
        bus = subprocess.Popen([*self._workshop.command(BUS), f"--config-file={rules}", "--nofork"])
        command = [*self._workshop.command(RAUC), f"--conf={self.folder / 'system.conf'}"]
        with (self.folder / "log").open("w") as log:
            self._until(self.bus.exists)
            rauc = subprocess.Popen(
                [*command, "service"], env=self._environment(), stdout=log, stderr=log
            )
            try:
                self._until(lambda: self.asked("status").returncode == 0)
                yield rauc
            finally:
                rauc.terminate()
                rauc.wait()
                bus.terminate()
                bus.wait()
                self.bus.unlink(missing_ok=True)

    def asked(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What `rauc WORDS` says."""
        return subprocess.run(
            [*self._workshop.command(RAUC), *words], env=self._environment(), check=False,
            capture_output=True, text=True, timeout=INSTALLED_WITHIN_S,
        )  # fmt: skip

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def until_said(self, words: str) -> None:
        """Returns as soon as the service has said it."""
        self._until(lambda: re.search(words, self.log()))

    def let_go(self) -> None:
        """What a killed RAUC has left mounted."""
        mounted = self.folder / "run/bundle"
        if mounted.is_mount():
            subprocess.run(["umount", mounted], check=True)

    def _environment(self) -> dict[str, str]:
        told = {"DBUS_STARTER_BUS_TYPE": "session", "LC_ALL": "C.UTF-8"}
        return os.environ | told | {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.bus}"}

    def _until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not holds():
            assert time.monotonic() < deadline, self.log()
            os.sched_yield()  # a process of another tells it


def can_mount() -> bool:
    """What RAUC needs of a machine to install."""
    return os.geteuid() == 0 and Path("/dev/loop-control").exists() and bool(shutil.which("umount"))
