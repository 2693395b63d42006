"""Where urgent messages meet the world: what `ivr.lease` asks for is written, checked, played and
told here, and what an exchange before us left open goes on.

Nothing is told of as done before it is durable. A message is opened in memory alone, straight for
the engine, by the machine's own key to it, which is destroyed when the message is closed; whatever
a crash has parted is put right by `look`: a message whose caller has gone without a word is opened,
and a key that is not needed any more is destroyed.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any, TypeVar, assert_never
from zoneinfo import ZoneInfo

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from firmware import leases, pins, spare_key, topics, vault
from firmware.audit import THIS_BOX, Act, Audited
from firmware.control import ControlError, Door
from firmware.ledger import Moment, add_step
from firmware.machine import MachineKey, MachineKeyError
from firmware.notify import AN_HOUR, Notice, Notices
from firmware.operations import Asker
from firmware.place import Place
from firmware.sms_rule import said
from firmware.store import Store, StoreError, open_reader
from firmware.survived import survived
from firmware.vault import VaultError
from ivr import commands, events
from ivr.oncall import ladder
from ivr.plan import BY_TEXT, Plan
from ivr.urgent import Urgent, callable_number

T = TypeVar("T")
Write = Callable[[Connection], None]
# So often it is looked whether a crash, or a caller who hung up, has left something to be done.
LOOK_EVERY_S = 10.0

log = structlog.get_logger(__name__)


def _nothing(_connection: Connection) -> None:
    """Nobody wrote anything."""


class LeaseDesk:
    """The urgent messages of one running exchange."""

    def __init__(
        self,
        *,
        store: Store,
        key: MachineKey,
        place: Place,
        plan: Callable[[], Plan],
        tell: Callable[[events.Event], None],
        start: Callable[[Coroutine[Any, Any, None]], object],
        notices: Notices,
    ) -> None:
        self._store = store
        self._key = key
        self._place = place
        self._plan = plan
        self._tell = tell
        self._begin = start
        self._notices = notices
        self._open: dict[str, Urgent] = {}
        self._unwritten: dict[str, Urgent] = {}
        self._looked_at = float("-inf")
        self._is_looking = False

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Whatever goes wrong here ends no call: the lease's own timers go on."""
        self._begin(survived(work, "urgent messages"))

    # ---- orders ----

    def perform(self, order: commands.LeaseCommand) -> None:
        """Each in a task of its own; what comes of it is an event."""
        match order:
            case commands.CheckPin():
                self._start(self._check_pin(order))
            case commands.OpenLease(urgent=urgent):
                self._start(self._open_lease(urgent))
            case commands.OwnLease(lease=lease, person=person):
                self._start(self._own_on_the_phone(lease, person))
            case commands.FreeLease(lease=lease):
                self._start(self._free(lease))
            case commands.CloseLease(lease=lease, by=by, how=how):
                self._start(self._close_on_the_phone(lease, by, how))
            case commands.SendNotice(people=people):
                self._send_notices(people)
            case commands.PlayMessage():
                raise AssertionError("the performer plays: it knows the call's audio")
            case _:
                assert_never(order)

    async def samples(self, message: str) -> NDArray[np.int16] | None:
        """The message, in memory; None if the box cannot open it."""
        await self._enter_key_use(message)
        try:
            heard = await asyncio.to_thread(
                spare_key.hear, self._place.messages, message, self._key
            )
        except (VaultError, MachineKeyError, OSError) as refused:
            log.warning("an urgent message cannot be played", message=message, why=str(refused))
            return None
        return np.frombuffer(heard.audio, "<i2").astype(np.int16) if heard.audio else None

    async def _enter_key_use(self, message: str) -> None:
        """Before it is opened; but who calls at night for help is heard on a full disk too."""

        def enter(connection: Connection) -> None:
            entry = Audited(THIS_BOX, Act.USED_KEY, f"urgent message {message}", Moment.now())
            for noted in entry.record(connection, self._key):
                add_step(connection, noted.call, noted.step, noted.detail, noted.moment)

        try:
            await self._store.written(enter)
        except (StoreError, SQLAlchemyError) as refused:
            log.warning("the use of the box's own key is not in the audit", why=str(refused))

    async def _check_pin(self, order: commands.CheckPin) -> None:
        try:
            fits = await asyncio.to_thread(pins.fits, self._place.page_db, order.person, order.pin)
        except (StoreError, SQLAlchemyError) as unread:
            log.warning("no PIN can be checked: restore page.db from a backup", why=str(unread))
            fits = False
        self._tell(events.PinChecked(order.call, fits))

    async def _open_lease(self, urgent: Urgent) -> None:
        moment = Moment.now()
        self._open[urgent.id] = urgent
        try:
            await self._store.written(lambda c: leases.open_(c, urgent, moment, self._key))
        except StoreError:
            self._unwritten[urgent.id] = urgent
            self._tell(events.LeaseUnwritten(urgent))
        else:
            self._tell(events.LeaseOpened(urgent))
            self._look_now()  # recordings that this one stands for need no key

    async def _own(self, lease: str, person: str, note: Write = _nothing) -> bool:
        await self._write_what_is_not()
        if not await self._store.written(lambda c: _both(leases.own(c, lease, person), note, c)):
            return False
        self._tell(events.LeaseOwned(lease, person))
        return True

    async def _own_on_the_phone(self, lease: str, person: str) -> None:
        try:
            await self._own(lease, person)
        except StoreError as refused:
            log.warning("an urgent message could not be taken", why=str(refused))

    async def _free(self, lease: str) -> None:
        try:
            await self._store.written(lambda c: leases.free(c, lease))
        except StoreError as refused:
            log.warning("after a restart an urgent message has its old owner", why=str(refused))

    async def _close_on_the_phone(self, lease: str, by: str, how: str) -> None:
        try:
            await self._close(lease, by, how)
        except StoreError as refused:
            log.warning("an urgent message could not be closed", why=str(refused))

    async def _close(
        self,
        lease: str,
        by: str,
        how: str,
        note: Write = _nothing,
    ) -> bool:
        """Written first; then the machine's own key goes, with a receipt."""
        await self._write_what_is_not()
        moment = Moment.now()
        closed = await self._store.written(
            lambda c: _both(leases.close(c, lease, by, how, moment), note, c)
        )
        if not closed:
            return False
        self._open.pop(lease, None)
        self._tell(events.LeaseClosed(lease, by, how))
        self._look_now()
        return True

    async def _write_what_is_not(self) -> None:
        """What the disk did not take when it was opened."""
        for urgent in list(self._unwritten.values()):
            moment = Moment.now()
            opened = partial(leases.open_, urgent=urgent, moment=moment, key=self._key)
            await self._store.written(opened)
            self._unwritten.pop(urgent.id, None)

    # ---- what was left ----

    def resume(self) -> None:
        """At the start: what was open when an exchange ended is open."""
        for message in self._read(lambda c: leases.unknown(c, self._held())):
            if not vault.exists(self._place.messages, message):
                spare_key.destroy(self._place.messages, message)  # of a second never spoken
        self._start(self._write_missing_receipts())
        for urgent, owner in self._read(lambda c: leases.resumed(c, self._key)):
            self._open[urgent.id] = urgent
            self._tell(events.LeaseResumed(urgent, owner))
        if self._open:
            log.warning("urgent messages are open", count=len(self._open))

    async def _write_missing_receipts(self) -> None:
        """A crash came between a key's end and its receipt."""
        missing = await asyncio.to_thread(self._read, leases.without_receipt)
        gone = [(message, call) for message, call in missing if message not in self._held()]
        for message, call in gone:
            await self._write_receipt(message, call)

    async def _write_receipt(self, message: str, call: str) -> None:
        moment = Moment.now()
        await self._store.written(lambda c: leases.write_receipt(c, message, call, moment))

    def look(self, now: float) -> None:
        """To be called every moment; it looks now and then."""
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._look_now()

    def call_ended(self) -> None:
        """The end of a call is on the disk: it may have left a message without a word."""
        self._look_now()

    def _held(self) -> list[str]:
        return spare_key.held(self._place.messages)

    def _look_now(self) -> None:
        if not self._is_looking and (self._unwritten or self._held()):
            self._is_looking = True
            self._start(self._put_right())

    async def _put_right(self) -> None:
        try:
            await self._write_what_is_not()
            held = self._held()
            language = self._plan().language
            found = await asyncio.to_thread(
                self._read, lambda c: leases.orphans(c, held, language, self._key)
            )
            for orphan in found:
                number = callable_number(self._plan(), orphan.number)
                log.warning("an urgent message whose caller has gone is opened")
                await self._open_lease(with_number(orphan.urgent, number))
            await self._destroy_keys(held)
        except (StoreError, SQLAlchemyError, MachineKeyError, OSError) as refused:
            log.warning("urgent messages could not be looked after", why=str(refused))
        finally:
            self._is_looking = False

    async def _destroy_keys(self, held: list[str]) -> None:
        done = await asyncio.to_thread(self._read, lambda c: leases.to_be_destroyed(c, held))
        for message, call in done:
            await asyncio.to_thread(spare_key.destroy, self._place.messages, message)
            await self._write_receipt(message, call)

    def _read(self, query: Callable[[Connection], T]) -> T:
        reader = open_reader(self._place.calls_db)
        try:
            with reader.connect() as connection:
                return query(connection)
        finally:
            reader.dispose()

    # ---- notices ----

    def _send_notices(self, people: tuple[str, ...]) -> None:
        plan = self._plan()
        at = datetime.now(ZoneInfo(plan.timezone))
        for name in people:
            person = plan.people.get(name)
            if person is not None and person.email:
                self._notices.send(notice(plan.name, person.email, at))
            if person is not None and person.text and plan.sms:
                self._notices.send(notice_by_text(plan, person.text, at))

    # ---- the control socket ----

    def answer_at(self, door: Door) -> None:
        door.answer(topics.LEASES, self._leases)
        door.answer_to(topics.SETTLE_LEASE, self._settle)

    async def _leases(self, _request: topics.LeasesRequest) -> topics.LeasesReply:
        return topics.LeasesReply(leases=tuple(await asyncio.to_thread(self._lines)))

    async def _settle(self, request: topics.SettleLeaseRequest, asker: Asker) -> topics.LeasesReply:
        """The word of somebody of the clinic, with a note of why."""
        fitting = [name for name in self._open if name.startswith(request.lease)]
        if len(fitting) != 1:
            many = "several open urgent messages begin" if fitting else "no open one begins"
            raise ControlError(f"{many} so", "see `careline oncall leases`")
        if request.to == "accept" and request.person not in self._plan().people:
            known = ", ".join(self._plan().people) or "none"
            raise ControlError(f"there is no {request.person!r} in [people]", f"name one: {known}")
        note = self._note(self._open[fitting[0]], asker.name, request.note)
        try:
            if request.to == "accept":
                done = await self._own(fitting[0], request.person, note)
            else:
                by = request.person or asker.name
                done = await self._close(fitting[0], by, leases.SEEN_TO, note)
        except StoreError as refused:
            raise ControlError(f"not done: {refused}", "make room on the disk") from refused
        if not done:
            raise ControlError(
                "not done: it is somebody else's, or was closed just now",
                "see `careline oncall leases`",
            )
        return topics.LeasesReply(leases=tuple(await asyncio.to_thread(self._lines)))

    def _note(self, urgent: Urgent, by: str, words: str) -> Write:
        """Writes it with what it is about, if there is any."""
        moment = Moment.now()

        def write(connection: Connection) -> None:
            if words:
                leases.note(connection, urgent, by, words, moment, self._key)

        return write

    def _lines(self) -> list[topics.LeaseLine]:
        return [
            topics.LeaseLine(lease=row.message, opened=row.opened, owner=row.owner or "")
            for row in self._read(leases.open_ones)
        ]

    def part(self) -> topics.Part:
        """For the status."""
        plan = self._plan()
        if plan.rota is None:
            return topics.Part(name="on call", state="well", detail="there is no rota")
        pinless = self._pinless(plan)
        if unowned := [row for row in self._read(leases.open_ones) if row.owner is None]:
            return topics.Part(
                name="on call",
                state="alarm",
                detail=f"{len(unowned)} urgent messages that nobody has taken, the first of"
                f" {unowned[0].opened[:16]}Z",
                cure="people are being called; `careline oncall sheet` says who",
            )
        if pinless:
            return topics.Part(
                name="on call",
                state="alarm" if len(pinless) == len(_everybody(plan)) else "warning",
                detail=f"no PIN, so nothing can be played to them: {', '.join(pinless)}",
                cure=f"run `careline oncall pin {pinless[0]}`",
            )
        if self._notices.fault:
            return topics.Part(
                name="on call",
                state="warning",
                detail=f"the last notice could not be delivered: {self._notices.fault}",
                cure="see [email] of the site file, and the mail server",
            )
        return topics.Part(name="on call", state="well", detail="somebody can be called")

    def _pinless(self, plan: Plan) -> list[str]:
        try:
            return pins.without(self._place.page_db, _everybody(plan))
        except (StoreError, SQLAlchemyError):
            return []  # another part of the status tells that page.db cannot be read


def _both(is_done: bool, note: Write, connection: Connection) -> bool:
    if is_done:
        note(connection)
    return is_done


def with_number(urgent: Urgent, number: str) -> Urgent:
    return Urgent(urgent.call, urgent.message, number, urgent.language, urgent.layers)


def _everybody(plan: Plan) -> list[str]:
    """Who may be called."""
    if plan.rota is None:
        return []
    rungs = ladder(plan.rota, (), None)
    return list(dict.fromkeys(person for rung in rungs for person in rung.people))


def notice_by_text(plan: Plan, number: str, at: datetime) -> Notice:
    """The same in one text."""
    words = said("called", plan.language, clinic=plan.name)
    return Notice(number, "", words, at, AN_HOUR, BY_TEXT, about="called")


def notice(clinic: str, address: str, at: datetime) -> Notice:
    """Not a word of why but that it is urgent."""
    return Notice(
        address,
        f"{clinic}: you are being called",
        f"{clinic} has something urgent for you, and is calling you since {at:%H:%M} on the"
        " numbers that it has of you.\n\nPlease answer, and have your PIN ready. Nothing about it"
        " is in this e-mail, and no answer to it is read.\n",
        at,
        AN_HOUR,
    )
