"""The running exchange's desk for what is kept and what is not: the nightly pass, legal holds,
deletion by hand, and the room there is for recordings.

Nothing is destroyed by age before the wall clock can be trusted, nor while the calls of a start
come in. A fault ends no call: it is told in the status, and the next night tries again.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from firmware import holds, people, retention, room
from firmware import retention_topics as topics
from firmware.audit import Act, Audited
from firmware.control import ControlError, Door
from firmware.erasure import NOT_BY_HAND, NotAllowedError, Rule
from firmware.holds import HeldError, UnknownTargetError
from firmware.ledger import Moment, add_step
from firmware.machine import MachineKey, MachineKeyError
from firmware.notify import Notice, Notices
from firmware.operations import Asker
from firmware.people import PeopleError, Role
from firmware.place import Place
from firmware.retention import Eraser, Passed
from firmware.room import Level, Measured, Room
from firmware.store import Store, StoreError
from firmware.topics import Part
from ivr.plan import Plan

T = TypeVar("T")
NIGHT_HOUR = 3  # of the clinic's clock: nobody calls then, and a backup made at two is whole
# A start has other things to do first: calls come in, and lists are read up.
STARTS_AFTER_S = 600.0
LOOK_EVERY_S = 60.0
BY_HAND = "deleted by hand"
TOLD = (Role.ADMIN, Role.FRONT_DESK)
FAULTS = (StoreError, SQLAlchemyError, OSError, MachineKeyError, ValueError)

log = structlog.get_logger(__name__)


class RetentionDesk:
    """What one running exchange keeps and destroys."""

    def __init__(
        self,
        *,
        store: Store,
        key: MachineKey,
        place: Place,
        plan: Callable[[], Plan],
        local: Callable[[], datetime],
        trusted: Callable[[], bool],
        notices: Notices,
        eraser: Eraser,
    ) -> None:
        self._store, self._key, self._place, self._plan = store, key, place, plan
        self._local, self._trusted = local, trusted
        self._eraser = eraser
        self._notices = notices
        self.room = Room(self._room_is_scarce)
        self._up_since = time.monotonic()
        self._passed_on: date | None = None
        self._passed: Passed | None = None
        self.fault = ""

    async def run(self) -> None:
        """Until cancelled."""
        await self._end_what_was_begun()
        while True:
            await self.measure()
            if self.is_due(time.monotonic()):
                await self.one_night()
            await asyncio.sleep(LOOK_EVERY_S)

    # ---- the nightly pass ----

    def is_due(self, now: float) -> bool:
        """Once a night, or later in the day where the box was off by night."""
        local = self._local()
        return (
            now - self._up_since >= STARTS_AFTER_S
            and self._trusted()
            and local.hour >= NIGHT_HOUR
            and self._passed_on != local.date()
        )

    async def one_night(self) -> None:
        """Everything that is due; a fault is told and tried again the next night."""
        local = self._local()
        self._passed_on = local.date()
        rules = self._plan().retention
        try:
            self._passed = await retention.one_night(self._eraser, rules, local.astimezone(UTC))
            self.fault = ""
        except FAULTS as fault:
            self.fault = str(fault)
            log.warning("what is due was not all destroyed: the next night tries", why=str(fault))
        else:
            if self._passed != Passed():
                log.info("destroyed by age", what=str(self._passed))

    async def _end_what_was_begun(self) -> None:
        try:
            ended = await self._eraser.carry_out()
        except FAULTS as fault:
            self.fault = str(fault)
        else:
            if ended:
                log.warning("deletions that were cut short are ended now", count=ended)

    # ---- the room ----

    async def measure(self) -> None:
        """How much room there is from now on, as far as that can be known."""
        try:
            measured = await asyncio.to_thread(
                room.measure, self._place.messages, self._plan().retention
            )
            now = self._local().astimezone(UTC)
            per_day = await self._eraser.read(partial(room.growth_per_day, now=now))
        except FAULTS as fault:
            self.room.fault = str(fault)
        else:
            self.room.judge(Measured(measured.used, measured.left, per_day))

    def _room_is_scarce(self, level: Level, measured: Measured) -> None:
        log.warning("the room for recordings is scarce", level=level.name, room=str(measured))
        plan = self._plan()
        subject, text = room.notice_of(level, measured, plan.name)
        for address in self._addresses(plan):
            self._notices.send(Notice(address, subject, text, self._local()))

    def _addresses(self, plan: Plan) -> list[str]:
        """Whoever is in charge by [email], and admins and front desk who have an address."""
        told = dict.fromkeys(plan.mail.admins if plan.mail is not None else ())
        try:
            everybody = people.everybody(self._place.page_db)
        except (PeopleError, StoreError, SQLAlchemyError) as unread:
            log.warning("who else could be told cannot be read", why=str(unread))
            everybody = []
        names = [person.name for person in everybody if person.role in TOLD]
        known = [plan.people[name].email for name in names if name in plan.people]
        return [*(told | dict.fromkeys(filter(None, known)))]

    # ---- by hand ----

    async def delete(self, message: str, by: str) -> bool:
        """Whether there was such a message; ControlError says why it stays, as where somebody has
        it who is not asked."""
        if not self._plan().retention.by_hand:
            raise ControlError("nothing was deleted", NOT_BY_HAND)
        try:
            mine = await asyncio.to_thread(people.mailboxes_of, self._place.page_db, by)
            return await self._eraser.message(message, Rule(BY_HAND, by, mine))
        except (HeldError, NotAllowedError) as kept:
            raise ControlError("nothing was deleted", str(kept)) from kept
        except StoreError as refused:
            raise ControlError(f"not deleted: {refused}", "make room on the disk") from refused

    def open(self, door: Door) -> None:
        """From now on holds may be asked for."""
        door.answer_to(topics.HOLD, self._hold)
        door.answer_to(topics.RELEASE, self._release)

    async def _hold(self, request: topics.HoldRequest, asker: Asker) -> topics.HoldReply:
        request = request.model_copy(update={"by": asker.name})
        members = {name: box.members for name, box in self._plan().mailboxes.items()}
        placed = partial(hold, request=request, members=members, key=self._key, moment=Moment.now())
        return topics.HoldReply(hold=await self._written(placed))

    async def _release(self, request: topics.ReleaseRequest, asker: Asker) -> topics.HoldReply:
        request = request.model_copy(update={"by": asker.name})
        released = partial(release, request=request, key=self._key, moment=Moment.now())
        return topics.HoldReply(hold=await self._written(released))

    async def _written(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._store.written(work)
        except UnknownTargetError as unknown:
            raise ControlError("nothing was changed", str(unknown)) from unknown
        except StoreError as refused:
            raise ControlError(f"not written: {refused}", "make room on the disk") from refused

    # ---- the status ----

    def part(self) -> Part:
        """What is kept for how long, and what came of the last night."""
        rules = self._plan().retention
        now = self._local().astimezone(UTC)
        query = partial(retention.standing, rules, now)
        try:
            stands = self._eraser.read_now(query)
        except FAULTS as fault:
            return _warning(f"cannot be read: {fault}", "check the disk's space and health")
        if self.fault:
            return _warning(
                f"what is due was not all destroyed: {self.fault}",
                "check the disk's space and health; it is tried again each night",
            )
        said = [_kept_for(self._plan())]
        if self._passed is not None:
            said.append(f"last night destroyed {self._passed}")
        if stands.holds:
            said.append(f"{stands.holds} legal holds stand")
        if stands.unheard:
            said.append(f"{stands.unheard} old messages are kept, for nobody has heard them")
        if not self._trusted():
            said.append("nothing is destroyed by age until the clock can be trusted")
        return Part(name="retention", state="well", detail="; ".join(said))


def hold(
    connection: Connection,
    request: topics.HoldRequest,
    members: Mapping[str, Sequence[str]],
    key: MachineKey,
    moment: Moment,
) -> str:
    """Written with its entry in the audit; the id."""
    wish = holds.Wish(request.by, request.kind, request.target, request.why, members)
    placed = holds.place(connection, wish, key, moment)
    about = f"{placed.kind} {placed.target}, hold {placed.hold[:8]}"
    _account(connection, Audited(request.by, Act.HELD, about, moment), key)
    return placed.hold


def release(
    connection: Connection, request: topics.ReleaseRequest, key: MachineKey, moment: Moment
) -> str:
    """Written with its entry in the audit; the id."""
    freed = holds.release(connection, request.hold, request.by, moment)
    about = f"{freed.kind} {freed.target}, hold {freed.hold[:8]}"
    _account(connection, Audited(request.by, Act.RELEASED, about, moment), key)
    return freed.hold


def _account(connection: Connection, entry: Audited, key: MachineKey) -> None:
    for noted in entry.record(connection, key):
        add_step(connection, noted.call, noted.step, noted.detail, noted.moment)


def _kept_for(plan: Plan) -> str:
    rules = plan.retention
    if rules.messages_days is None:
        return "nothing is destroyed by age: the site file has no [retention]"
    return (
        f"messages are kept {rules.messages_days} days once heard, recordings"
        f" {rules.recordings_days}, requests {rules.requests_days} once done, callers' numbers and"
        f" names {rules.ledger_days}, the audit {rules.audit_days}"
    )


def _warning(detail: str, cure: str) -> Part:
    return Part(name="retention", state="warning", detail=detail, cure=cure)
