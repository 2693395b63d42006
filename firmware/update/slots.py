"""What RAUC asks about the box's two slots, and tells: its `custom` boot loader, and the kernel.

    careline-slots get-primary | get-current | get-state SLOT
    careline-slots set-primary SLOT | set-state SLOT good|bad
    careline-slots             before an installation: the kernel of the bundle takes its place
    careline-slots healthy     what runs has passed its gate: it is good, and starts next
    careline-slots ill         it has not: on trial it gives way, now, to the former one

RAUC's are by its own documentation (integration, custom boot loader; reference, handlers).
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from firmware.durable import replace_file, sync_directory
from hw.boot import SLOTS, Boot, BootError, Durable, other, running
from hw.boot.pc import PcBoot
from hw.boot.pi import AUTOBOOT, PiBoot

BOOT_PARTITION = Path("/efi")
COMMAND_LINE = Path("/proc/cmdline")
RESTART = ("systemctl", "--no-block", "reboot")
DURABLE = Durable(replace_file, sync_directory)


def boot_of(partition: Path) -> Boot:
    """The board that starts from it."""
    if (partition / AUTOBOOT).exists():
        return PiBoot(partition, DURABLE)
    return PcBoot(partition, DURABLE)


def answer(boot: Boot, asked: Sequence[str], command_line: str) -> str:
    """BootError: it is not understood, or not done."""
    match asked:
        case ["get-primary"]:
            return boot.primary()
        case ["get-current"]:
            return running(command_line)
        case ["get-state", slot] if slot in SLOTS:
            return "good" if boot.is_good(slot) else "bad"
        case ["set-primary", slot] if slot in SLOTS:
            boot.set_primary(slot)
        case ["set-state", slot, "good"] if slot in SLOTS:
            boot.set_good(slot)
        case ["set-state", slot, "bad"] if slot in SLOTS:
            boot.set_bad(slot)
        case _:
            raise BootError("RAUC asks what nobody understands")
    return ""


def healthy(boot: Boot, slot: str) -> None:
    """Good first: on a Pi it becomes the one that starts by that alone."""
    boot.set_good(slot)
    boot.set_primary(slot)


def ill(boot: Boot, slot: str) -> bool:
    """Whether the box is to be restarted now, into the former version. A version that was healthy
    once goes on with the calls that it can take, and so does one beside which there is none."""
    if boot.is_good(slot) or not boot.is_good(other(slot)):
        return False
    boot.set_primary(other(slot))
    return True


def bring_kernel(boot: Boot, told: Mapping[str, str]) -> None:
    """From the bundle that RAUC has mounted, for the slot that it is about to write. On a Pi the
    kernel has a partition of its own, which RAUC writes itself."""
    names = [
        told.get(f"RAUC_SLOT_BOOTNAME_{each}", "") for each in told["RAUC_TARGET_SLOTS"].split()
    ]
    (slot,) = [name for name in names if name]
    if isinstance(boot, PcBoot):
        boot.bring(slot, Path(told["RAUC_BUNDLE_MOUNT_POINT"]) / f"careline-{slot}.efi")


def main(partition: Path = BOOT_PARTITION, command_line: Path = COMMAND_LINE) -> None:
    """As RAUC calls it: an answer is a line, whatever fails is another status than 0."""
    asked = sys.argv[1:]
    try:
        boot = boot_of(partition)
        if not asked:
            bring_kernel(boot, os.environ)
            return
        if asked in (["healthy"], ["ill"]):
            slot = running(command_line.read_text("ascii"))
            if asked == ["healthy"]:
                healthy(boot, slot)
            elif ill(boot, slot):
                subprocess.run(RESTART, check=True)
            return
        if said := answer(boot, asked, command_line.read_text("ascii")):
            sys.stdout.write(said + "\n")
    except (BootError, OSError, KeyError, ValueError, subprocess.CalledProcessError) as wrong:
        sys.exit(f"careline-slots: {wrong}")
