"""A PC: systemd-boot on the ESP, a kernel for each slot, whose name has its tries in it.

    EFI/Linux/careline-a+2.efi      good: two starts, and again two each time it was called good
    EFI/Linux/careline-a+1-1.efi    it starts just now, or a start of it failed
    EFI/Linux/careline-b+0-1.efi    bad
    loader/loader.conf              preferred careline-a*

The loader takes a try away before each start, and passes by what has none left as long as there is
another (systemd-boot(7); `preferred` of loader.conf(5): `default` would look at no tries). A name
changes in one sector of the folder, which holds sixteen entries of 32 bytes: three for each of ours
(Microsoft's FAT32 specification, long names). So it is the old one or the new one.
"""

import re
from pathlib import Path

from hw.boot import STARTS, BootError, Durable, other

KERNELS, LOADER = Path("EFI/Linux"), Path("loader/loader.conf")
ON_TRIAL = 1
_KERNEL = re.compile(r"careline-([ab])(?:\+([0-9]+)(?:-[0-9]+)?)?\.efi")
_PREFERRED = re.compile(r"^preferred[ \t]+careline-([ab])\*[ \t]*$", re.M)


class PcBoot:
    """Of the ESP that is mounted there."""

    def __init__(self, esp: Path, durable: Durable) -> None:
        self._kernels, self._loader, self._durable = esp / KERNELS, esp / LOADER, durable

    def primary(self) -> str:
        preferred = self._preferred()
        fallen_back = not self.is_good(preferred) and self.is_good(other(preferred))
        return other(preferred) if fallen_back else preferred

    def set_primary(self, slot: str) -> None:
        """Until the kernel has its try, the loader passes by it."""
        if self._kernel(slot) is None:
            raise BootError(f"slot {slot} has no kernel")
        if self._preferred() != slot:
            text = self._loader.read_text("ascii")
            told = _PREFERRED.sub(f"preferred careline-{slot}*", text)
            self._durable.replace(self._loader, told.encode())
        if not self.is_good(slot):
            self._give(slot, ON_TRIAL)

    def is_good(self, slot: str) -> bool:
        kernel = self._kernel(slot)
        return kernel is not None and tries_left(kernel.name) != 0

    def set_good(self, slot: str) -> None:
        self._give(slot, STARTS)

    def set_bad(self, slot: str) -> None:
        if self._kernel(slot) is not None:
            self._give(slot, 0)

    def restart_argument(self) -> str:
        return ""

    def bring(self, slot: str, kernel: Path) -> None:
        """The kernel of what is about to be written: it does not start yet. BootError: the slot is
        the one that is to start."""
        if self.primary() == slot:
            raise BootError(f"slot {slot} is to start next, and is not written over")
        self.set_bad(slot)
        old = self._kernel(slot)
        self._durable.replace(self._named(slot, 0), kernel.read_bytes())
        if old is not None and old != self._named(slot, 0):
            old.unlink()
            self._durable.sync(self._kernels)

    def _preferred(self) -> str:
        found = _PREFERRED.search(self._loader.read_text("ascii"))
        if found is None:
            raise BootError(f"{self._loader} prefers no slot")
        return found[1]

    def _kernel(self, slot: str) -> Path | None:
        found = [
            each
            for each in sorted(self._kernels.iterdir())
            if (match := _KERNEL.fullmatch(each.name)) and match[1] == slot
        ]
        return found[0] if found else None

    def _named(self, slot: str, tries: int) -> Path:
        return self._kernels / f"careline-{slot}+{tries}.efi"

    def _give(self, slot: str, tries: int) -> None:
        kernel, wanted = self._kernel(slot), self._named(slot, tries)
        if kernel is None:
            raise BootError(f"slot {slot} has no kernel")
        if kernel != wanted:
            kernel.rename(wanted)
            self._durable.sync(self._kernels)


def tries_left(kernel: str) -> int | None:
    """As its name says; None: it is not counted."""
    match = _KERNEL.fullmatch(kernel)
    if match is None:
        raise BootError(f"{kernel} is no kernel of a slot")
    return None if match[2] is None else int(match[2])
