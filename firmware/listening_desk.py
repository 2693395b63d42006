"""Where listening at a desk telephone meets the world: PINs, the box's own keys, what is played.

A message is opened in memory alone, straight for the engine, after it stands in the audit who hears
it. The box keeps its own key to each message of a mailbox that is listened to, and no longer: what
was switched off, deleted, or taken out of the mailbox is looked for again and again, and its key
destroyed with a receipt.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from functools import cache
from typing import Any, Literal, assert_never

import numpy as np
import structlog
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from numpy.typing import NDArray
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from firmware import ledger, listening, message_acts, people, spare_key, topics, vault
from firmware.audit import Act, Audited
from firmware.control import ControlError, Door, Strict, Topic
from firmware.ledger import Moment, Noted, Row
from firmware.machine import MachineKey, MachineKeyError
from firmware.message_acts import MessageActRequest
from firmware.passwords import COST
from firmware.place import Place
from firmware.slower import slower
from firmware.spare_key import BY_PHONE
from firmware.store import Store, StoreError, open_reader
from firmware.vault import VaultError
from ivr import commands, events
from ivr.left import Left
from ivr.listening import LEFT_MOST

RECEIPT = "listening key destroyed"  # the step of a message's call
LOOK_EVERY_S = 10.0
A_TELEPHONE = "a telephone"  # who keyed a wrong PIN
UNREADY = (StoreError, SQLAlchemyError, OSError, MachineKeyError)

Write = Callable[[Sequence[Row]], Awaitable[None]]

log = structlog.get_logger(__name__)


class SweepListeningRequest(Strict):
    """Destroy the box's keys to what nobody listens to any more, now."""

    ask: Literal["sweep_listening"] = "sweep_listening"


class SweepListeningReply(Strict):
    """To how many messages."""

    destroyed: int


SWEEP_LISTENING = Topic(SweepListeningRequest, SweepListeningReply)


async def sweep(place: Place, write: Write) -> int:
    """Destroy what is not needed, each with its receipt; how many. A key is noise before its
    receipt is written, and its file goes after: so a crash between writes one twice, never none."""
    held = await asyncio.to_thread(spare_key.held, place.messages, BY_PHONE)
    if not held:
        return 0
    gone = await asyncio.to_thread(_not_needed, place, held)
    for message, call in gone.items():
        await asyncio.to_thread(spare_key.overwrite, place.messages, message, BY_PHONE)
        if call is not None:
            detail = f"this box can play {message} at a telephone no more"
            await write([Noted(call, RECEIPT, detail, Moment.now())])
        await asyncio.to_thread(spare_key.destroy, place.messages, message, BY_PHONE)
    return len(gone)


def _not_needed(place: Place, held: Collection[str]) -> dict[str, str | None]:
    """Each with the call that left it; None: no row was ever made of it."""
    on = people.read(place.page_db, listening.mailboxes) if place.page_db.exists() else []
    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            return dict(_unneeded(connection, place, held, on))
    finally:
        reader.dispose()


def _unneeded(
    connection: Connection, place: Place, held: Collection[str], on: Collection[str]
) -> list[tuple[str, str | None]]:
    asked = select(ledger.messages.c.message, ledger.messages.c.call)
    rows = connection.execute(asked.where(ledger.messages.c.message.in_(held)))
    calls = {row.message: row.call for row in rows}
    listened = {each.message for each in ledger.messages_in(connection, on)}
    return [
        (message, calls.get(message))
        for message in held
        if message not in listened
        # One that is being spoken has no row yet.
        and (message in calls or not vault.exists(place.messages, message))
    ]


class ListeningDesk:
    """Those who listen at telephones of one running exchange."""

    def __init__(
        self,
        *,
        store: Store,
        write: Write,
        key: MachineKey,
        place: Place,
        to_dial: Callable[[str], str | None],
        tell: Callable[[events.Event], None],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._store, self._write, self._key, self._place = store, write, key, place
        self._to_dial, self._tell, self._start = to_dial, tell, start
        self._looked_at = float("-inf")
        self._one_at_a_time = asyncio.Lock()  # else a key has two receipts

    # ---- the box's own keys ----

    def keep(self, mailbox: str, message: str, key: bytes) -> None:
        """In a thread of the recorder's that may wait, before the first second is sealed. Without
        it the message is only not heard at a telephone."""
        try:
            if self._is_on(mailbox):
                spare_key.keep(self._place.messages, message, key, self._key, BY_PHONE)
        except UNREADY as why:
            log.warning("a message cannot be heard at a telephone", message=message, why=str(why))

    def _is_on(self, mailbox: str) -> bool:
        return mailbox in people.read(self._place.page_db, listening.mailboxes)

    def look(self, now: float) -> None:
        """To be called every moment; it looks now and then."""
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._start(self._sweep())

    async def _sweep(self) -> None:
        try:
            async with self._one_at_a_time:
                destroyed = await sweep(self._place, self._write)
            if destroyed:
                log.info("keys of the box to messages are destroyed", count=destroyed)
        except UNREADY as why:
            log.warning("the box's own keys could not be looked through", why=str(why))

    # ---- orders ----

    async def perform(
        self, order: commands.OpenBox | commands.MarkLeft | commands.CallLeft
    ) -> None:
        match order:
            case commands.OpenBox():
                self._tell(await self._opened(order))
            case commands.MarkLeft():
                is_written = await self._mark(order)
                if order.is_told:
                    self._tell(events.LeftMarked(order.call, is_written))
            case commands.CallLeft():
                raise AssertionError("the performer calls: it knows the telephone")
            case _:
                assert_never(order)

    async def _opened(self, order: commands.OpenBox) -> events.BoxOpened:
        try:
            who = await asyncio.to_thread(self._listeners, order.mailbox)
            if not await self._store.written(lambda c: listening.try_pin(c, order.mailbox, who)):
                return events.BoxOpened(order.call, "", is_locked=True)
            person = await asyncio.to_thread(_whose, who, order.pin)
            if not person:
                return await self._refused(order, who)
            await self._store.written(lambda c: listening.was_right(c, order.mailbox))
            left = await asyncio.to_thread(self._left, order.mailbox)
        except UNREADY as why:
            log.warning("nobody can listen at a telephone", why=str(why))
            return events.BoxOpened(order.call, "")
        return events.BoxOpened(order.call, person, left=left)

    async def _refused(self, order: commands.OpenBox, who: Collection[str]) -> events.BoxOpened:
        about = f"a PIN of {order.mailbox}"
        await self._write([Audited(A_TELEPHONE, Act.REFUSED, about, Moment.now())])
        is_locked = await asyncio.to_thread(
            self._read, lambda c: listening.is_locked(c, order.mailbox, who)
        )
        return events.BoxOpened(order.call, "", is_locked=is_locked)

    def _listeners(self, mailbox: str) -> dict[str, str]:
        return people.read(self._place.page_db, lambda c: listening.listeners(c, mailbox))

    def _left(self, mailbox: str) -> tuple[Left, ...]:
        """The new ones first, each kind from the oldest; what is done is over."""
        held = self._read(lambda c: ledger.messages_in(c, [mailbox]))
        open_ = [each for each in held if each.done is None]
        in_turn = sorted(open_, key=lambda each: each.heard is not None)
        return tuple(Left(each.message, each.heard is None) for each in in_turn[:LEFT_MOST])

    async def samples(self, order: commands.PlayLeft) -> NDArray[np.int16] | None:
        """The message, in memory; None if the box cannot open it."""
        heard = Audited(order.person, Act.LISTENED, f"{order.message} at a telephone", Moment.now())
        try:
            await self._write([heard])
            return await asyncio.to_thread(self._opened_samples, order)
        except (VaultError, *UNREADY) as refused:
            log.warning("a message cannot be played", message=order.message, why=str(refused))
            return None

    def _opened_samples(self, order: commands.PlayLeft) -> NDArray[np.int16] | None:
        heard = spare_key.hear(self._place.messages, order.message, self._key, BY_PHONE)
        samples = np.frombuffer(heard.audio, "<i2").astype(np.int16)
        if not samples.size:
            return None
        return slower(samples) if order.slowly else samples

    async def _mark(self, order: commands.MarkLeft) -> bool:
        request = MessageActRequest(
            message=order.message,
            mailbox=order.mailbox,
            who=order.person,
            act="done" if order.is_done else "heard",
        )
        try:
            await message_acts.act(request, self._place.page_db, self._write)
        except (ControlError, *UNREADY) as refused:
            log.warning("a message could not be marked", why=str(refused))
            return False
        return True

    async def number(self, order: commands.CallLeft) -> str | None:
        """As a telephone dials whoever left the message; None: there is no way there."""
        read = Audited(
            order.person, Act.READ, f"number of {order.message}, to call it", Moment.now()
        )
        try:
            await self._write([read])
            shown = await asyncio.to_thread(self._read, lambda c: self._shown(c, order.message))
        except UNREADY as why:
            log.warning("nobody can be called back from a telephone", why=str(why))
            return None
        return self._to_dial(shown) if shown else None

    def _shown(self, connection: Connection, message: str) -> str:
        asked = select(ledger.messages.c.call).where(ledger.messages.c.message == message)
        call = connection.scalar(asked)
        return "" if call is None else message_acts.number_of(connection, call, self._key)

    def _read(self, query: Callable[[Connection], Any]) -> Any:
        reader = open_reader(self._place.calls_db)
        try:
            with reader.connect() as connection:
                return query(connection)
        finally:
            reader.dispose()

    # ---- the control socket ----

    def answer_at(self, door: Door) -> None:
        door.answer(SWEEP_LISTENING, self._swept)

    async def _swept(self, _request: SweepListeningRequest) -> SweepListeningReply:
        async with self._one_at_a_time:
            return SweepListeningReply(destroyed=await sweep(self._place, self._write))

    def part(self) -> topics.Part:
        """For the status."""
        try:
            on = people.read(self._place.page_db, listening.mailboxes)
        except UNREADY as why:
            return topics.Part(
                name="listening",
                state="warning",
                detail=f"who listens at telephones cannot be read: {why}",
                cure="run `careline setup`, or restore page.db from a backup",
            )
        told = ", ".join(on)
        detail = f"the box can open by itself: {told}" if on else "no mailbox is open to telephones"
        return topics.Part(name="listening", state="well", detail=detail)


def _whose(hashes: dict[str, str], pin: str) -> str:
    """Whose PIN it is; empty: nobody's. Each is tried, and where there is none, one that fits
    nobody."""
    hasher = PasswordHasher(COST.passes, COST.memory_kib, COST.lanes)
    found = ""
    for person, kept in (hashes or {"": _nobodys()}).items():
        try:
            hasher.verify(kept, pin)
        except VerificationError:
            continue
        found = found or person
    return found


@cache
def _nobodys() -> str:
    return PasswordHasher(COST.passes, COST.memory_kib, COST.lanes).hash("nobody's PIN")
