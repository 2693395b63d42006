"""What the exchange answers at its control socket: how it is, which calls there were, what happens.

Reading goes to the database by a reader's connection, so that no question waits for the writer.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from firmware import ledger, message_acts, tickets, topics
from firmware.asterisk.link import Link, LinkState
from firmware.backlog import Backlog
from firmware.control import Admit, Broadcast, ControlError, Door
from firmware.envelope import Envelope
from firmware.ledger import Ledger, Moment
from firmware.operations import Asker
from firmware.recorder import Recorder
from firmware.retention_desk import RetentionDesk
from firmware.store import StoreError, open_reader
from routing_core.media import Chunk, Media

T = TypeVar("T")


# So long no card that is well makes a write wait.
HELD_UP_S = 5.0


class Answers:
    """The topics of one running exchange."""

    def __init__(
        self,
        *,
        media: Media,
        link: Link,
        ledger_: Ledger,
        backlog: Backlog,
        recorder: Recorder[Chunk],
        calls_db: Path,
        steps: Broadcast[topics.StepLine],
        started: float,
        unspoken: Callable[[], list[str]],
        clock: Callable[[], topics.Part],
        marked: Callable[[], None],
        uncounted: Callable[[], str],
        oncall: Callable[[], topics.Part],
        words: Callable[[], topics.Part],
        callbacks: Callable[[], topics.Part],
        notices: Callable[[], topics.Part],
        listening: Callable[[], topics.Part],
        stores: Callable[[], topics.Part],
        modems: Callable[[], tuple[topics.Part, ...]],
        trunks: Callable[[], tuple[topics.Part, ...]],
        outside: Callable[[], tuple[topics.Part, ...]],
        texts: Callable[[], tuple[topics.Part, ...]],
        power: Callable[[], tuple[topics.Part, ...]],
        panel: Callable[[], tuple[topics.Part, ...]],
        recordings: Callable[[], topics.Part],
        keyless: Callable[[], list[str]],
        envelope: Callable[[], Envelope | None],
        backups: Callable[[], topics.Part],
        audit_: Callable[[], topics.Part],
        site: Callable[[], topics.Part],
        guard: Callable[[], topics.Part],
        update: Callable[[], topics.Part],
        retention: RetentionDesk,
        opens_one_of: Callable[[str, set[str]], bool],
    ) -> None:
        self._media = media
        self._link = link
        self._ledger = ledger_
        self._backlog = backlog
        self._recorder = recorder
        self._calls_db = calls_db
        self._started = started
        self._unspoken = unspoken
        self._clock = clock
        self._marked = marked
        self._uncounted = uncounted
        self._oncall = oncall
        self._words = words
        self._callbacks = callbacks
        self._notices = notices
        self._listening = listening
        self._stores, self._modems, self._texts = stores, modems, texts
        self._trunks, self._outside = trunks, outside
        self._power, self._panel = power, panel
        self._recordings = recordings
        self._keyless = keyless
        self._envelope = envelope
        self._backups = backups
        self._audit = audit_
        self._site = site
        self._guard = guard
        self._update = update
        self._retention = retention
        self._opens_one_of = opens_one_of  # whether this person opens one of these mailboxes
        self._steps = steps

    def door(self, admit: Admit) -> Door:
        """The control socket's door, answering all of them to whoever is admitted."""
        door = Door(admit)
        door.answer(topics.STATUS, self.status)
        door.answer(topics.CALLS, self._calls)
        door.answer(topics.EXPLAIN, self._explain)
        door.answer_to(topics.MARK_MESSAGE, self._mark_message)
        door.follow(topics.WATCH, self._steps.follow)
        return door

    async def status(self, _request: topics.StatusRequest) -> topics.StatusReply:
        """The conservation sum, and each part's state."""
        balance = await self._read(ledger.balance)
        return topics.StatusReply(
            version=version("careline"),
            pid=os.getpid(),
            up_s=round(time.monotonic() - self._started, 1),
            offered=balance.offered,
            outcomes={str(outcome): count for outcome, count in balance.outcomes.items()},
            in_progress=balance.in_progress,
            balanced=balance.holds,
            parts=await self.parts(),
        )

    async def parts(self) -> tuple[topics.Part, ...]:
        """How each part of the exchange stands."""
        return (
            self._asterisk(),
            *self._modems(),
            *await asyncio.to_thread(self._trunks),
            *self._outside(),
            self._engine(),
            self._books(),
            await asyncio.to_thread(self._messages),
            self._prompts(),
            self._clock(),
            self._figures(),
            await asyncio.to_thread(self._stores),
            await asyncio.to_thread(self._oncall),
            await asyncio.to_thread(self._words),
            self._callbacks(),
            self._notices(),
            *await asyncio.to_thread(self._texts),
            *await asyncio.to_thread(self._power),
            *self._panel(),
            await asyncio.to_thread(self._listening),
            self._recordings(),
            await asyncio.to_thread(self._glass),
            await asyncio.to_thread(self._backups),
            await asyncio.to_thread(self._audit),
            await asyncio.to_thread(self._site),
            self._guard(),
            await asyncio.to_thread(self._update),
            self._retention.room.part(),
            await asyncio.to_thread(self._retention.part),
        )

    async def _calls(self, request: topics.CallsRequest) -> topics.CallsReply:
        found = await self._read(lambda open_: ledger.recent_calls(open_, request.limit))
        return topics.CallsReply(calls=tuple(_line(one) for one in found))

    async def _explain(self, request: topics.ExplainRequest) -> topics.ExplainReply:
        found = await self._read(lambda open_: ledger.calls_that_begin(open_, request.call))
        if len(found) != 1:
            return topics.ExplainReply(calls=tuple(_line(one) for one in found), steps=())
        steps = await self._read(lambda open_: tickets.steps_of(open_, found[0].call))
        told = tuple(_step_line(step) for step in steps)
        return topics.ExplainReply(calls=(_line(found[0]),), steps=told)

    async def _mark_message(
        self, request: topics.MarkMessageRequest, asker: Asker
    ) -> topics.MarkMessageReply:
        lies = await self._read(lambda open_: message_acts.mailboxes_of(open_, request.message))
        if lies and not await asyncio.to_thread(self._opens_one_of, asker.name, lies):
            raise ControlError(
                f"{asker.name} may not: it lies in {', '.join(sorted(lies))}", "ask a member"
            )
        if request.mark == "heard":
            known = await self._ledger.heard(request.message, Moment.now(), request.mailbox)
        else:
            known = await self._retention.delete(request.message, asker.name)
        self._marked()
        return topics.MarkMessageReply(known=known)

    async def _read(self, query: Callable[[Connection], T]) -> T:
        return await asyncio.to_thread(_read, self._calls_db, query)

    def _asterisk(self) -> topics.Part:
        if self._link.state is LinkState.UP:
            return topics.Part(name="asterisk", state="well", detail="manager answers")
        return topics.Part(
            name="asterisk",
            state="alarm",
            detail=f"manager {self._link.state}: {self._link.reason}",
            cure="callers go to the fail-safe meanwhile; see Asterisk's log, or restart it",
        )

    def _engine(self) -> topics.Part:
        stats = self._media.stats()
        detail = (
            f"{stats.calls} calls now, worst tick late by {stats.tick_late_worst_ns / 1e6:.1f} ms"
        )
        if not stats.memory_locked:
            return topics.Part(
                name="engine",
                state="warning",
                detail=f"{detail}; its memory is not locked, so audio could reach a swap device",
                cure="switch swap off, or raise LimitMEMLOCK",
            )
        return topics.Part(name="engine", state="well", detail=detail)

    def _books(self) -> topics.Part:
        if not self._backlog.fault:
            return topics.Part(name="ledger", state="well", detail="each step is durable")
        return topics.Part(
            name="ledger",
            state="alarm",
            detail=f"{len(self._backlog)} rows wait in memory: {self._backlog.fault}",
            cure="make room on the disk, or replace it; calls go on, and the rows are tried again"
            " each second",
        )

    def _messages(self) -> topics.Part:
        if not self._recorder.is_alive:
            return topics.Part(
                name="messages",
                state="alarm",
                detail="the recorder has ended: no message can be taken",
                cure="restart the exchange; the log says what ended it",
            )
        try:
            keyless = self._keyless()
        except (StoreError, SQLAlchemyError) as fault:
            return topics.Part(
                name="messages",
                state="alarm",
                detail=f"none can be sealed, for the keys cannot be read: {fault}",
                cure="restore page.db from a backup",
            )
        if keyless:
            return topics.Part(
                name="messages",
                state="alarm",
                detail=f"none can be sealed for {', '.join(keyless)}: no key",
                cure="run `careline setup`, or `careline people agree` if it was run",
            )
        if self._recorder.held_up_s > HELD_UP_S:
            return topics.Part(
                name="messages",
                state="alarm",
                detail=f"the disk has taken nothing for {self._recorder.held_up_s:.0f} s",
                cure="see what holds the disk up; who is recorded now goes to a person",
            )
        if self._recorder.fault:
            return topics.Part(
                name="messages",
                state="alarm",
                detail=f"the last message could not be kept: {self._recorder.fault}",
                cure="see to that; its caller was told, and went to a person",
            )
        return topics.Part(name="messages", state="well", detail="can be taken")

    def _glass(self) -> topics.Part:
        try:
            found = self._envelope()
        except (StoreError, SQLAlchemyError) as fault:
            return topics.Part(
                name="envelope",
                state="warning",
                detail=f"whether it was opened cannot be read: {fault}",
                cure="restore page.db from a backup",
            )
        if found is None:
            return topics.Part(name="envelope", state="well", detail="none was made")
        if found.opened is None:
            return topics.Part(name="envelope", state="well", detail="sealed")
        return topics.Part(
            name="envelope",
            state="alarm",
            detail=f"opened by {found.opened_by}, {found.opened.astimezone():%a %-d %b %H:%M}",
            cure="see `careline audit list`, then make another: `careline people envelope`",
        )

    def _prompts(self) -> topics.Part:
        unspoken = self._unspoken()
        if not unspoken:
            return topics.Part(name="prompts", state="well", detail="all can be spoken")
        more = f" and {len(unspoken) - 3} more" if len(unspoken) > 3 else ""
        return topics.Part(
            name="prompts",
            state="alarm",
            detail="; ".join(unspoken[:3]) + more,
            cure="run `careline publish` with the site file, which renders them again",
        )

    def _figures(self) -> topics.Part:
        if not (fault := self._uncounted()):
            return topics.Part(name="figures", state="well", detail="each hour is kept")
        return topics.Part(
            name="figures",
            state="warning",
            detail=f"hours are not kept, so figures are slower to read: {fault}",
            cure="see the exchange's log; it tries again every ten minutes",
        )


def show(watchers: Broadcast[topics.StepLine], steps: Sequence[ledger.Step]) -> None:
    """Steps that are durable now, for those who watch."""
    for step in steps:
        watchers.publish(_step_line(step))


def _line(one: ledger.CallSummary) -> topics.CallLine:
    return topics.CallLine(
        call=one.call, line=one.line, arrived=one.arrived, ended=one.ended, outcome=one.outcome
    )


def _step_line(step: ledger.Step) -> topics.StepLine:
    return topics.StepLine(
        call=step.call, at=step.at, mono_ms=step.mono_ms, step=step.step, detail=step.detail
    )


def _read(calls_db: Path, query: Callable[[Connection], T]) -> T:
    reader = open_reader(calls_db)
    try:
        with reader.connect() as connection:
            return query(connection)
    finally:
        reader.dispose()
