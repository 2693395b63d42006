"""A word by e-mail to whoever is in charge (`admins` of [email]) when a database was set aside as
damaged: at once, and once a day for as long as the damaged file lies there; however often the
exchange begins anew meanwhile.

No letter says what is lost or of whom: `careline status` says it, on the box.
"""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from firmware import mended
from firmware.durable import replace_file
from firmware.notify import Notice, Notices
from ivr.plan import Plan

LOOK_S = 60.0
TOLD_AGAIN = timedelta(days=1)

log = structlog.get_logger(__name__)


class DamageNotices:
    """Those of one running exchange."""

    def __init__(
        self,
        home: Path,
        told: Path,
        plan: Callable[[], Plan],
        notices: Notices,
        now: Callable[[], datetime],
    ) -> None:
        self._home, self._told, self._plan = home, told, plan
        self._notices, self._now = notices, now

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except OSError as unread:
                log.warning("those in charge cannot be told of damage", why=str(unread))
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Whether there is news; that somebody was told is remembered first, for a disk that cannot
        is no reason for a letter a minute."""
        at, plan = self._now(), self._plan()
        if plan.mail is None or not await asyncio.to_thread(self._is_news, at.astimezone(UTC)):
            return
        for address in plan.mail.admins:
            self._notices.send(notice(plan.name, address, at))

    def _is_news(self, now: datetime) -> bool:
        aside = list(mended.set_aside(self._home))
        if not aside:
            self._told.unlink(missing_ok=True)
            return False
        told, of = self._remembered()
        if told is not None and abs(now - told) < TOLD_AGAIN and set(aside) <= of:
            return False
        content = json.dumps({"told": now.isoformat(), "of": aside}).encode()
        replace_file(self._told, content)
        return True

    def _remembered(self) -> tuple[datetime | None, set[str]]:
        try:
            said = json.loads(self._told.read_bytes())
            return datetime.fromisoformat(said["told"]), set(said["of"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None, set()


def notice(clinic: str, address: str, at: datetime) -> Notice:
    """That there is something to look at, and where; no name, number or path."""
    return Notice(
        address,
        f"{clinic}: a database was damaged",
        f"At {clinic} a database was found damaged. It was set aside and made again from its last"
        " good copy; calls go on as always. On the box, `careline status` says whether anything is"
        " lost and what to do: the disk may be failing. No answer to this is read.\n",
        at,
    )
