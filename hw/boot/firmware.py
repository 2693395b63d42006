"""What starts a board, as far as a folder can stand for its boot partition: for trying what is
written there. None of it runs on a box.

The PC's is systemd-boot as its manual and the boot loader specification have it (UAPI.1, boot
counting): each start takes a try away; what has none left comes last; `preferred` is first of those
that have one. The Pi's is the EEPROM boot loader as the Raspberry Pi documentation has it
(autoboot.txt, tryboot), and the count of our little root. What only metal can show: whether the
firmware writes a name on its FAT as we would, and that a kernel which is not whole ends in a start.
"""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hw.boot import BootError
from hw.boot.pc import KERNELS, LOADER, tries_left
from hw.boot.pi import AUTOBOOT, ON_TRIAL, OURS, PARTITIONS, autoboot

AUTOBOOT_MOST = 512
_NAME = re.compile(r"(careline-([ab]))(?:\+([0-9]+)(?:-([0-9]+))?)?\.efi")


class PcFirmware:
    """A PC whose disk was written just now: slot a is good, slot b empty."""

    def __init__(self, esp: Path) -> None:
        self.esp = esp
        (esp / KERNELS).mkdir(parents=True)
        (esp / LOADER).parent.mkdir(parents=True)
        (esp / KERNELS / "careline-a+2.efi").write_bytes(b"kernel of a")
        (esp / LOADER).write_text("timeout 0\npreferred careline-a*\nreboot-on-error yes\n")

    def start(self, _argument: str = "") -> str:
        """The slot that starts."""
        preferred = re.search(r"^preferred\s+(\S+)\*$", (self.esp / LOADER).read_text(), re.M)
        kernels = [each for each in (self.esp / KERNELS).iterdir() if _NAME.fullmatch(each.name)]
        if not kernels:
            raise BootError("nothing starts")

        def comes_first(kernel: Path) -> tuple[bool, bool, str]:
            is_wanted = preferred is not None and kernel.name.startswith(preferred[1])
            return tries_left(kernel.name) == 0, not is_wanted, kernel.name

        chosen = min(kernels, key=comes_first)
        stem, slot, left, done = _NAME.fullmatch(chosen.name).groups()  # type: ignore[union-attr]
        if left is not None and int(left):
            counted = f"{stem}+{int(left) - 1}-{int(done or 0) + 1}.efi"
            chosen.rename(chosen.with_name(counted))
        return str(slot)


class PiFirmware:
    """A Pi whose card was written just now: slot a is good, slot b empty."""

    def __init__(self, boot: Path, count_starts: Sequence[str]) -> None:
        self.boot, self._count_starts = boot, count_starts
        (boot / OURS).mkdir(parents=True)
        (boot / AUTOBOOT).write_bytes(autoboot("a"))
        (boot / OURS / "good").write_text("a\n")

    def start(self, argument: str = "") -> str:
        """The slot that starts; the flag of `reboot "0 tryboot"` lasts for one start."""
        is_trial = argument == ON_TRIAL
        while True:
            partition = self._partition(is_trial=is_trial)
            slot = next(name for name, number in PARTITIONS.items() if number == partition)
            said = subprocess.run(
                [*self._count_starts, self.boot, str(int(is_trial))],
                check=True, capture_output=True, text=True,
            ).stdout  # fmt: skip
            if said.strip() != "again":
                return slot
            is_trial = False

    def _partition(self, *, is_trial: bool) -> int:
        """By its filters; the last line that holds is the one."""
        told = (self.boot / AUTOBOOT).read_bytes()
        if len(told) > AUTOBOOT_MOST:
            raise BootError(f"{AUTOBOOT} is longer than the firmware reads")
        holds, settings = True, dict[str, int]()
        for line in told.decode("ascii").splitlines():
            if line.startswith("["):
                holds = line == "[all]" or (line == "[tryboot]" and is_trial)
            elif holds and "=" in line:
                name, _, value = line.partition("=")
                settings[name] = int(value)
        if is_trial and settings.get("tryboot_a_b") != 1:
            raise BootError("the firmware would look for tryboot.txt")
        return settings["boot_partition"]
