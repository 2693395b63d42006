"""An emulated PC with the disk that `make image` builds: no accelerator, so it starts anywhere.
Its console is a file; its page is reached by a port of loopback."""

import http.client
import re
import shutil
import ssl
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from image.build import CHECKOUT, PC, tools_of

IMAGE = CHECKOUT / f"build/image/careline-{PC.name}.img"
FIRMWARE = ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")
DISK_BYTES = 3 << 30
PAGE_WITHIN_S = 300.0  # 75 s on a quiet machine of two cores
LOOK_S = 1.0
# What a terminal is told beside words (ECMA-48).
ESCAPES = re.compile(
    r"\x1b(?:\[[0-9;?!]*[a-zA-Z~p]|[78]|\][^\x1b\x07]*(?:\x1b\\|\x07)|P[^\x1b]*\x1b\\)"
)


class Box:
    """One of them; it may be started again and again with the same disk."""

    def __init__(self, folder: Path, port: int) -> None:
        self.disk, self.console, self._port = folder / "disk.img", folder / "console", port
        subprocess.run(["cp", "--sparse=always", IMAGE, self.disk], check=True)
        with self.disk.open("r+b") as disk:
            disk.truncate(DISK_BYTES)
        with tarfile.open(tools_of(any_age=True)) as tools:
            for name in FIRMWARE:
                found = tools.extractfile(f"./usr/share/OVMF/{name}")
                assert found is not None
                with (folder / name).open("wb") as file:
                    shutil.copyfileobj(found, file)
        self._firmware = [folder / name for name in FIRMWARE]
        self._machine: subprocess.Popen[bytes] | None = None

    @contextmanager
    def on(self, *beside: str) -> Iterator[None]:
        """Switched on, with these words for the emulator; at the end its plug is pulled. It stays
        off when it would restart."""
        code, kept = self._firmware
        flash = "if=pflash,format=raw"
        self._machine = subprocess.Popen([
            "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max",
            "-smp", "2", "-m", "1536", "-nodefaults", "-display", "none", "-no-reboot",
            "-serial", f"file:{self.console}",
            "-drive", f"{flash},unit=0,readonly=on,file={code}",
            "-drive", f"{flash},unit=1,file={kept}",
            "-drive", f"file={self.disk},format=raw,if=virtio,cache=unsafe",
            "-netdev", f"user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:{self._port}-:443",
            "-device", "virtio-net-pci,netdev=lan", "-device", "virtio-rng-pci", *beside,
        ], stdin=subprocess.DEVNULL)  # fmt: skip
        try:
            yield
        finally:
            self._machine.kill()
            self._machine.wait()

    @property
    def said(self) -> str:
        """What stands on its console."""
        return ESCAPES.sub("", self.console.read_text("utf-8", "replace").replace("\r", ""))

    @property
    def is_on(self) -> bool:
        return self._machine is not None and self._machine.poll() is None

    def until(self, holds: Callable[[], object], within_s: float = PAGE_WITHIN_S) -> float:
        """Seconds until it holds. AssertionError: it never does."""
        assert self._machine is not None
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < within_s, f"not within {within_s:g} s:\n{self.said}"
            with suppress(subprocess.TimeoutExpired):
                self._machine.wait(LOOK_S)
        return time.monotonic() - began

    def page(self) -> int | None:
        """What the page answers to who opens it; None: nobody answers."""
        unknown = ssl.create_default_context()
        unknown.check_hostname, unknown.verify_mode = False, ssl.CERT_NONE
        asked = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=30, context=unknown)
        try:
            asked.request("GET", "/")
            return asked.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            asked.close()
