"""The real exchange, whose disk takes no more messages when it is told so by a signal: `python -m
tests.system.stalled`.

SIGUSR1 makes every write of a message wait, as a dying card does; SIGUSR2 lets them go on. Only
three seconds of a recording are kept meanwhile, for a test that does not want to wait for thirty.
"""

import asyncio
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from firmware.app import App
from firmware.place import Place
from firmware.vault import PART

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

BACKLOG_S = 3

may_write = threading.Event()
really_sync = os.fdatasync


def sync_when_the_disk_goes_on(fd: "FileDescriptorLike") -> None:
    """Messages only: the ledger lies on another card."""
    if Path(f"/proc/self/fd/{fd}").readlink().suffix == PART:
        may_write.wait()
    really_sync(fd)


async def run() -> None:
    loop = asyncio.get_running_loop()
    may_write.set()
    os.fdatasync = sync_when_the_disk_goes_on
    loop.add_signal_handler(signal.SIGUSR1, may_write.clear)
    loop.add_signal_handler(signal.SIGUSR2, may_write.set)
    await App(Place.from_environment(), backlog_s=BACKLOG_S).run()


if __name__ == "__main__":
    asyncio.run(run())
