"""The lines of one running exchange, each with what it leads to and how it stands now: `careline
lines` and the page.

Nothing in it says who called: of a line's calls only how many there are, and when the last came.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

from firmware import ledger
from firmware.asterisk import translate
from firmware.asterisk.line_groups import channels_of
from firmware.asterisk.link import ActionFailed, Link, LinkDown
from firmware.control import Door, Strict, Topic
from firmware.store import open_reader
from firmware.topics import Part
from ivr.plan import Line, Plan, Trunk


class LinesRequest(Strict):
    """How do the lines stand?"""

    ask: Literal["lines"] = "lines"


class LineNow(Strict):
    """One line. `by` is its trunk or modem, of which `in_use` counts the calls that there are now;
    `last_call` is when a call of this line came last, as the ledger writes it."""

    line: str
    kind: Literal["signs in", "by address", "modem", "card"]
    by: str
    numbers: tuple[str, ...]
    leads_to: str
    state: Literal["well", "warning", "alarm", "unknown"]
    detail: str
    cure: str = ""
    in_use: int
    last_call: str | None


class LinesReply(Strict):
    lines: tuple[LineNow, ...]


LINES = Topic(LinesRequest, LinesReply)


def line_now(
    plan: Plan, line: Line, parts: Mapping[str, Part], in_use: int, last_call: str | None
) -> LineNow:
    """As it is told; `parts` are the status's, by name."""
    part = parts.get(f"modem {line.modem}" if line.modem else f"trunk {line.trunk}")
    if part is None or part.state == "well":
        part = parts.get(f"line {line.name}", part)  # no call comes, though all seems well
    return LineNow(
        line=line.name,
        kind="modem" if line.modem else _kind(plan.trunks[line.trunk]),
        by=line.modem or line.trunk,
        numbers=line.numbers,
        leads_to=f"phone {line.phone}" if line.phone else f"flow {line.flow}",
        state=part.state if part else "unknown",
        detail=part.detail if part else "not known yet",
        cure=part.cure if part else "",
        in_use=in_use,
        last_call=last_call,
    )


def _kind(trunk: Trunk) -> Literal["signs in", "by address", "card"]:
    if trunk.card is not None:
        return "card"
    return "signs in" if trunk.registers else "by address"


def last_calls(calls_db: Path) -> dict[str, str]:
    """When a call of each line came last, as the ledger writes it."""
    reader = open_reader(calls_db)
    try:
        with reader.connect() as connection:
            return ledger.last_calls(connection)
    finally:
        reader.dispose()


class LinesDesk:
    """The topic of one running exchange."""

    def __init__(
        self,
        *,
        plan: Callable[[], Plan],
        link: Link,
        calls_db: Path,
        parts: Callable[[], Iterable[Part]],
        by_modem: Callable[[str], int],
    ) -> None:
        """`parts` tells how trunks and modems stand, `by_modem` how many calls go by one."""
        self._plan, self._link, self._calls_db, self._parts = plan, link, calls_db, parts
        self._by_modem = by_modem

    def answer_at(self, door: Door) -> None:
        door.answer(LINES, self._lines)

    async def _lines(self, _request: LinesRequest) -> LinesReply:
        plan = self._plan()
        parts = {part.name: part for part in await asyncio.to_thread(self._parts)}
        last = await asyncio.to_thread(last_calls, self._calls_db)
        up = await self._channels_up()

        def in_use(line: Line) -> int:
            if line.modem:
                return self._by_modem(line.modem)
            begins = channels_of(plan.trunks[line.trunk])
            return sum(channel.startswith(begins) for channel in up)

        told = plan.lines.values()
        return LinesReply(
            lines=tuple(line_now(plan, it, parts, in_use(it), last.get(it.name)) for it in told)
        )

    async def _channels_up(self) -> list[str]:
        """Their names; of an Asterisk that does not answer, none."""
        try:
            told = await self._link.ask(*translate.CALLS_UP)
        except (ActionFailed, LinkDown):
            return []
        return [channel.get("Channel") for channel in told]
