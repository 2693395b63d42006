"""One exchange, lived through every fault of its disk and its clock, on a disk of its own: a tmpfs
in a namespace of this process's own, which is ours to fill and to make read-only.

While the fault lasts a caller hears the menu and reaches a person, also one who would have left a
message that cannot be kept; an emergency call is only told of. When it is over the ledger has
every step, and a message can be left.
"""

import asyncio
import ctypes
import datetime as clock
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import structlog

from firmware import mended, topics
from firmware.control import ask_async
from firmware.place import Place
from tests.firmware.by_hand import BEEP, SITE, STEP_S, ByHand, Leg, exchange_at, site_at

PROMPT = 1  # the level of all that is spoken
PR_SET_PTRACER, ANYBODY = 0x59616D61, ctypes.c_ulong(-1)
WITHIN_S = 240.0
YEAR_S = 365 * 86_400.0
Fault = Callable[[Path], AbstractContextManager[None]]


@contextmanager
def full(home: Path) -> Iterator[None]:
    """Not a byte more."""
    filler = home / "filler"
    with filler.open("wb", buffering=0) as file:
        for piece in (1 << 16, 1 << 12, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(piece))
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def without_inodes(home: Path) -> Iterator[None]:
    """No file more."""
    fillers = home / "fillers"
    fillers.mkdir()
    with suppress(OSError):
        for number in range(100_000):
            (fillers / str(number)).touch()
    try:
        yield
    finally:
        shutil.rmtree(fillers)


@contextmanager
def read_only(home: Path) -> Iterator[None]:
    """Nothing new, by a mount over the place; what is open already stays so."""
    subprocess.run(["mount", "--bind", home, home], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", home], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", home], check=True)


@contextmanager
def without_descriptors(_home: Path) -> Iterator[None]:
    """Room for the caller's own connection, and none for a file."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 3, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@contextmanager
def failing(_home: Path) -> Iterator[None]:
    """Whatever is written or synced comes back with EIO, from the kernel."""
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)
    calls = "fsync,fdatasync,pwrite64"
    told = ["-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO"]
    command = ["strace", "-f", "-o", "/dev/null", *told, "-p", str(os.getpid())]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        while "attached" not in (line := strace.stderr.readline()):
            assert line, "strace may not attach here"
        try:
            yield
        finally:
            strace.terminate()


def clock_off_by(shift_s: Callable[[], float]) -> Fault:
    """The wall clock of this process says something else; the monotonic one goes on."""

    @contextmanager
    def off(_home: Path) -> Iterator[None]:
        really, shift = clock.datetime, clock.timedelta(seconds=shift_s())
        time_s, time_ns = time.time, time.time_ns

        class Shifted(really):  # type: ignore[misc, valid-type]
            @classmethod
            def now(cls, tz: clock.tzinfo | None = None) -> clock.datetime:
                return really.now(tz) + shift

        shown = [
            module
            for name, module in list(sys.modules.items())
            if name.startswith("firmware") and getattr(module, "datetime", None) is really
        ]
        for module in shown:
            module.datetime = Shifted  # type: ignore[attr-defined]
        time.time = lambda: time_s() + shift.total_seconds()
        time.time_ns = lambda: time_ns() + int(shift.total_seconds() * 1e9)
        try:
            yield
        finally:
            time.time, time.time_ns = time_s, time_ns
            for module in shown:
                module.datetime = really  # type: ignore[attr-defined]

    return off


FAULTS: dict[str, Fault] = {
    "full": full,
    "without inodes": without_inodes,
    "read-only": read_only,
    "without descriptors": without_descriptors,
    "failing with EIO": failing,
    "clock in 1970": clock_off_by(lambda: 60 - time.time()),
    "clock a year ahead": clock_off_by(lambda: YEAR_S),
}
# Here a message can be kept all the same.
KEEPS = frozenset({"clock in 1970", "clock a year ahead"})


async def through(clinic: ByHand, name: str) -> None:
    with FAULTS[name](clinic.place.home):
        await clinic.asterisk.tell("UserEvent", UserEvent="CareLineEmergency", Dialled="911")
        call, channel, leg = await clinic.caller()
        await leg.hears(PROMPT)
        if name in KEEPS:
            await leaves_a_message(leg)
        else:
            leg.press("2")
            await asks_for_a_person(clinic)
    await clinic.leaves(channel)
    leg.hang_up()
    await clinic.step(call, "outcome")
    async with asyncio.timeout(STEP_S):
        while (await clinic.part("ledger")).state != "well":
            pass  # what failed is tried again, and the question takes a while


async def asks_for_a_person(clinic: ByHand) -> None:
    """A phone rings, and its owner declines."""
    originated = await clinic.asterisk.asked["Originate"].get()
    await clinic.asterisk.tell("Newchannel", Uniqueid=originated["ChannelId"])
    await clinic.leaves(originated["ChannelId"])


async def leaves_a_message(leg: Leg) -> None:
    leg.press("2")
    await leg.hears(BEEP)


async def lived(place: Place, names: list[str]) -> None:
    async with exchange_at(place) as clinic:
        pid = clinic.running
        for name in names:
            began = time.monotonic()
            await through(clinic, name)
            assert clinic.running is pid
            assert not clinic.running.done()
            print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)  # noqa: T201
        call, channel, leg = await clinic.caller()
        await clinic.step(call, "menu")
        leg.press("2")
        await clinic.step(call, "recording")
        leg.hang_up()
        await clinic.leaves(channel)
        await clinic.step(call, "outcome")
        status = await ask_async(place.control_socket, topics.STATUS, topics.StatusRequest())
        assert status.balanced
        assert status.offered == len(names) + 1
        assert not list(mended.set_aside(place.home))


if __name__ == "__main__":
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
    site = site_at(Path(sys.argv[1]), SITE + "[retention]\nreserve_gb = 0.01\n")
    asyncio.run(asyncio.wait_for(lived(site, sys.argv[2:] or list(FAULTS)), WITHIN_S))
