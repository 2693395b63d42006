"""The audit is looked through once a day, by a process of its own that gives way to everything: a
chain that does not fit is an alarm, is entered in what is left of it, and those in charge are told.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from firmware import topics
from firmware.audit import THIS_BOX, Act, Audited
from firmware.backup_timer import CARELINE, GIVES_WAY
from firmware.ledger import Moment
from firmware.store import StoreError
from firmware.watchdog import DIES_WITH_US

# After a start callers come first.
REST_S = 600.0
EVERY_S = 24 * 3600.0
BROKEN = 3  # how `careline audit verify` ends where an entry does not fit
VERIFY = (*GIVES_WAY, *CARELINE, "audit", "verify")

log = structlog.get_logger(__name__)


class AuditWatch:
    """That of one running exchange."""

    def __init__(
        self,
        promise: Callable[[Audited], Awaitable[None]],
        set_aside: Callable[[], int],
        command: Sequence[str] = VERIFY,
    ) -> None:
        self._promise, self._set_aside, self._command = promise, set_aside, tuple(command)
        self._wrong = ""
        self._told = "not looked through yet"

    async def run(self, rest_s: float = REST_S, every_s: float = EVERY_S) -> None:
        """Until cancelled."""
        await asyncio.sleep(rest_s)
        while True:
            await self.look()
            await asyncio.sleep(every_s)

    async def look(self) -> None:
        """Once."""
        status, said = await self._verified()
        self._told = said
        self._wrong = said if status == BROKEN else ""
        if status not in (0, BROKEN):
            log.warning("the audit could not be looked through", why=said)
        if self._wrong:
            log.error("the audit is not as it was entered", why=said)
            try:
                await self._promise(Audited(THIS_BOX, Act.FOUND_BROKEN, said, Moment.now()))
            except StoreError as unwritten:
                log.warning("that cannot be entered", why=str(unwritten))

    def part(self) -> topics.Part:
        """For the status."""
        if self._wrong:
            return topics.Part(
                name="audit",
                state="alarm",
                detail=self._wrong,
                cure="somebody changed the books: keep the box as it is, take `careline evidence"
                " make` off it, and compare it with an earlier export",
            )
        if unread := self._set_aside():
            return topics.Part(
                name="audit",
                state="warning",
                detail=f"{unread} entries that waited cannot be read and were set aside",
                cure="see the files in audit-spool that end in .bad, and who wrote them",
            )
        return topics.Part(name="audit", state="well", detail=self._told)

    async def _verified(self) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *DIES_WITH_US,
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, said = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        lines = said.decode("utf-8", "replace").strip().splitlines() or [""]
        return process.returncode, lines[-1].removeprefix("careline: ")
