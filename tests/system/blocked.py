"""The real exchange, whose loop blocks when it is told to by a signal: `python -m
tests.system.blocked`.

SIGUSR1 blocks it for ever, as a lock never given back would; SIGUSR2 for less than the watchdog's
time, as a slow disk might. The engine's thread goes on meanwhile.
"""

import asyncio
import signal
import threading

from firmware.app import App
from firmware.place import Place
from firmware.watchdog import WATCHDOG_S

WHILE_S = 0.75 * WATCHDOG_S


async def run() -> None:
    loop = asyncio.get_running_loop()
    never = threading.Event()
    loop.add_signal_handler(signal.SIGUSR1, never.wait)
    loop.add_signal_handler(signal.SIGUSR2, never.wait, WHILE_S)
    await App(Place.from_environment()).run()


if __name__ == "__main__":
    asyncio.run(run())
