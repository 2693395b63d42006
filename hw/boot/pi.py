"""A Raspberry Pi: autoboot.txt on the first partition says which of the next two starts.

    autoboot.txt        the slot that starts; with the `tryboot` flag, which lasts for one start,
                        the other one (Raspberry Pi documentation, autoboot.txt)
    careline/good       the slots that were healthy once, as "a b"
    careline/trial      the slot that is to be tried; gone as soon as its trial starts
    careline/starts     of the slot that starts, since it was healthy last

The firmware counts nothing, so the little root does before it looks at the large one: it is told in
image/pi/count-starts, which after two starts that nobody called good turns autoboot.txt round. Each
file is replaced as a whole, and what comes first does no harm without what comes after.
"""

import re
from contextlib import suppress
from pathlib import Path

from hw.boot import SLOTS, BootError, Durable, other

AUTOBOOT, OURS = "autoboot.txt", "careline"
GOOD, TRIAL, COUNT = "good", "trial", "starts"
PARTITIONS = {"a": 2, "b": 3}
_DEFAULT = re.compile(r"\[all\]\ntryboot_a_b=1\nboot_partition=([23])\n")
ON_TRIAL = "0 tryboot"  # reboot(8): partition 0 is that of autoboot.txt


def autoboot(slot: str) -> bytes:
    """By which this slot starts; 512 bytes at most."""
    first, second = PARTITIONS[slot], PARTITIONS[other(slot)]
    return (
        f"[all]\ntryboot_a_b=1\nboot_partition={first}\n[tryboot]\nboot_partition={second}\n"
    ).encode()


class PiBoot:
    """Of the first partition, mounted there."""

    def __init__(self, boot: Path, durable: Durable) -> None:
        self._boot, self._ours, self._durable = boot, boot / OURS, durable

    def primary(self) -> str:
        trial = self._read(TRIAL)
        return trial if trial in SLOTS else self._default()

    def set_primary(self, slot: str) -> None:
        if slot not in self._good():
            if slot == self._default():
                raise BootError(f"slot {slot} starts already, and was never healthy")
            self._write(TRIAL, slot)
            return
        if self._default() != slot:
            self._write(COUNT, "0")
            self._durable.replace(self._boot / AUTOBOOT, autoboot(slot))
        self._forget_trial()

    def is_good(self, slot: str) -> bool:
        return slot in self._good() or slot == self._read(TRIAL)

    def set_good(self, slot: str) -> None:
        if slot not in self._good():
            self._write(GOOD, " ".join(sorted({*self._good(), slot})))
        if slot == self._default():
            self._write(COUNT, "0")

    def set_bad(self, slot: str) -> None:
        """It starts no more, if the other one can."""
        if self._read(TRIAL) == slot:
            self._forget_trial()
        left = [each for each in self._good() if each != slot]
        if slot == self._default() and left:
            self.set_primary(left[0])
        self._write(GOOD, " ".join(left))

    def restart_argument(self) -> str:
        return ON_TRIAL if self._read(TRIAL) in SLOTS else ""

    def _default(self) -> str:
        text = (self._boot / AUTOBOOT).read_text("ascii")
        found = _DEFAULT.match(text)
        if found is None:
            raise BootError(f"{self._boot / AUTOBOOT} is none of ours")
        return next(slot for slot, number in PARTITIONS.items() if number == int(found[1]))

    def _good(self) -> list[str]:
        return [each for each in self._read(GOOD).split() if each in SLOTS]

    def _forget_trial(self) -> None:
        with suppress(FileNotFoundError):
            (self._ours / TRIAL).unlink()
            self._durable.sync(self._ours)

    def _read(self, name: str) -> str:
        with suppress(FileNotFoundError):
            return (self._ours / name).read_text("ascii").strip()
        return ""

    def _write(self, name: str, text: str) -> None:
        self._durable.replace(self._ours / name, f"{text}\n".encode())
