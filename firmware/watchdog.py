"""The watchdog's two ends: what a service says to its supervisor, and the supervisor of `make run`.

The words are systemd's (sd_notify(3)): datagrams `READY=1` and `WATCHDOG=1` to the socket that
NOTIFY_SOCKET names. On the box systemd reads them (`WatchdogSec=2`, `WatchdogSignal=SIGKILL`,
`Restart=always`); under `make run` and in the system tests `Supervisor` does the same, because only
something outside can end a frozen process: Asterisk does not notice one.
"""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

WATCHDOG_S = 2.0
# A service that dies is wanted back at once, for callers wait under the fail-safe meanwhile; one
# that dies young again and again is tried ever more slowly, but never given up.
RESTART_AFTER_S = 0.5
RESTART_LONGEST_S = 8.0
YOUNG_S = 10.0
READY_WITHIN_S = 30.0
STOP_WITHIN_S = 5.0
# A supervisor that is killed leaves nothing behind (prctl(2), PR_SET_PDEATHSIG).
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")


def notify(*words: str) -> None:
    """Tell the supervisor, if there is one; a supervisor that went away is no reason to stop
    carrying calls."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # an abstract address, which systemd may choose
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end, suppress(OSError):
        end.setblocking(False)
        end.sendto("\n".join(words).encode(), address)


class Supervisor:
    """Keeps one service running: starts it, kills it when it goes quiet, starts it again.

    `told` hears one plain line for each thing that happens. The watchdog runs from READY on, and
    not at all without `watchdog_s`. What the service itself says goes to `log`, else to our output.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        notify_at: Path,
        environment: Mapping[str, str] | None = None,
        told: Callable[[str], None] = lambda line: None,
        restart: bool = True,
        log: Path | None = None,
        watchdog_s: float | None = WATCHDOG_S,
    ) -> None:
        self.pid: int | None = None
        self.ready = asyncio.Event()
        self.starts = 0
        self._command = list(command)
        self._name = name
        self._notify_at = notify_at
        self._environment = dict(os.environ if environment is None else environment)
        self._told = told
        self._restart = restart
        self._log = log
        self._watchdog_s = watchdog_s
        self._fed = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled; the service is ended with us, politely and then not."""
        end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify_at.unlink(missing_ok=True)
        end.bind(str(self._notify_at))
        end.setblocking(False)
        listening = asyncio.create_task(self._listen(end))
        pause_s = RESTART_AFTER_S
        try:
            while True:
                born = time.monotonic()
                await self._once()
                if not self._restart:
                    return
                if time.monotonic() - born > YOUNG_S:
                    pause_s = RESTART_AFTER_S
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, RESTART_LONGEST_S)
        finally:
            listening.cancel()
            end.close()
            self._notify_at.unlink(missing_ok=True)

    async def _listen(self, end: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            words = (await loop.sock_recv(end, 4096)).decode(errors="replace").splitlines()
            if "READY=1" in words:
                self.ready.set()
                self._told(f"{self._name} is ready")
            if "WATCHDOG=1" in words:
                self._fed.set()

    async def _once(self) -> None:
        environment = self._environment | {"NOTIFY_SOCKET": str(self._notify_at)}
        with ExitStack() as kept:
            said = None if self._log is None else kept.enter_context(self._log.open("ab"))
            process = await asyncio.create_subprocess_exec(
                *DIES_WITH_US,
                *self._command,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        self.pid = process.pid
        self.starts += 1
        ended = asyncio.create_task(process.wait())
        guarding = asyncio.create_task(self._guard(process))
        try:
            await asyncio.wait({ended, guarding}, return_when=asyncio.FIRST_COMPLETED)
            status = await ended
            self._told(f"{self._name} ended ({_how(status)})")
        except asyncio.CancelledError:
            await _end(process)
            raise
        finally:
            self.ready.clear()
            guarding.cancel()
            ended.cancel()

    async def _guard(self, process: asyncio.subprocess.Process) -> None:
        sign = self.ready
        within_s: float | None = READY_WITHIN_S
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await sign.wait()
            # When it was our own loop that stood still, the sign has just been read.
            if not sign.is_set():
                self._told(f"{self._name} gave no sign of life for {within_s:g} s and is killed")
                with suppress(ProcessLookupError):
                    process.kill()
                return
            sign, within_s = self._fed, self._watchdog_s
            sign.clear()


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _how(status: int) -> str:
    if status < 0:
        return f"by {signal.Signals(-status).name}"
    return f"status {status}"
