"""A service that freezes is killed and comes again; one that lives is left alone. Real processes,
real signals; a machine that starts Python slowly is given its time."""

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

from firmware.watchdog import RESTART_AFTER_S, WATCHDOG_S, Supervisor

SOON_S = 60.0
SERVICE = """
import time
from firmware.watchdog import notify
notify("READY=1")
while True:
    notify("WATCHDOG=1")
    time.sleep(0.1)
"""


STILLBORN = """
import time
print(time.monotonic(), flush=True)
"""


async def story(tmp_path: Path, blow: signal.Signals) -> tuple[list[str], int]:
    """What the supervisor told from the first start to the second, and the last process's id."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    supervisor = Supervisor(
        [sys.executable, "-c", SERVICE],
        name="service",
        notify_at=tmp_path / "notify",
        told=lines.put_nowait,
    )
    running = asyncio.create_task(supervisor.run())
    told: list[str] = []
    async with asyncio.timeout(SOON_S):
        assert await lines.get() == "service is ready"
        assert supervisor.pid is not None
        os.kill(supervisor.pid, blow)
        while not told or told[-1] != "service is ready":
            told.append(await lines.get())
    last = supervisor.pid
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return told, last


def test_a_frozen_service_is_killed_within_the_watchdogs_time_and_started_again(
    tmp_path: Path,
) -> None:
    told, last = asyncio.run(story(tmp_path, signal.SIGSTOP))
    assert "service gave no sign of life for 2 s and is killed" in told
    assert not Path(f"/proc/{last}").exists(), "the service outlived its supervisor"


def test_a_killed_service_is_started_again(tmp_path: Path) -> None:
    told, last = asyncio.run(story(tmp_path, signal.SIGKILL))
    assert "service ended (by SIGKILL)" in told
    assert not Path(f"/proc/{last}").exists()


def test_a_supervisor_that_was_held_up_does_not_take_its_own_delay_for_the_services(
    tmp_path: Path,
) -> None:
    told: list[str] = []

    async def held_up() -> None:
        supervisor = Supervisor(
            [sys.executable, "-c", SERVICE],
            name="service",
            notify_at=tmp_path / "notify",
            told=told.append,
        )
        running = asyncio.create_task(supervisor.run())
        async with asyncio.timeout(SOON_S):
            await supervisor.ready.wait()
        for _ in range(3):
            threading.Event().wait(WATCHDOG_S + 0.2)  # as a search through large files is
            await asyncio.wait({running}, timeout=0.3)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(held_up())
    assert told == ["service is ready"]


async def births(tmp_path: Path, count: int) -> list[float]:
    """When a service that always dies at once was started."""
    log = tmp_path / "log"
    enough = asyncio.Event()

    def told(_line: str) -> None:
        if len(log.read_text().split()) >= count:
            enough.set()

    supervisor = Supervisor(
        [sys.executable, "-c", STILLBORN],
        name="service",
        notify_at=tmp_path / "notify",
        told=told,
        log=log,
    )
    running = asyncio.create_task(supervisor.run())
    async with asyncio.timeout(SOON_S):
        await enough.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return [float(line) for line in log.read_text().split()]


def test_a_service_that_dies_young_is_tried_again_ever_more_slowly(tmp_path: Path) -> None:
    first, second, third = asyncio.run(births(tmp_path, 3))[:3]
    assert second - first >= RESTART_AFTER_S
    assert third - second >= 2 * RESTART_AFTER_S
