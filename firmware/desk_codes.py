"""What a telephone's owner keys about its own calls, and what is asked when it is called.

Whatever is set is durable before the sentence that says so. Numbers go to Asterisk and nowhere
else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from firmware import ledger, topics
from firmware.control import ControlError, Door
from firmware.desk_store import DeskStore, MissedCall
from firmware.ledger import Step
from firmware.store import StoreError
from ivr import desks, events, inside
from ivr.codes import DIAL, FAILED, spoken
from ivr.desks import NOTHING_SET, Desk, When
from ivr.own_words import recording_of
from ivr.plan import Plan

log = structlog.get_logger(__name__)

FORWARDS: Mapping[str, When] = {"*72": When.ALWAYS, "*74": When.BUSY, "*75": When.SILENT}


class DeskCodes:
    """The telephones' settings of one running exchange."""

    def __init__(
        self,
        store: DeskStore,
        plan: Callable[[], Plan],
        tell: Callable[[events.Event], None],
        block_only: Callable[[frozenset[bytes]], None],
    ) -> None:
        self._store = store
        self._plan = plan
        self._tell = tell
        self._block_only = block_only
        self._desks: dict[str, Desk] = {}
        self._ringing: dict[str, str] = {}  # call -> the telephone it came for
        self._talked: dict[str, str] = {}  # telephone -> the caller it talked with last

    def open(self, door: Door) -> None:
        """What was set before this exchange began; then wishes are taken."""
        for extension, desk in self._store.stored().items():
            self._is_now(extension, desk)
        self._block_only(self._store.blocked_hashes())
        door.answer(topics.MISSED, self._missed)
        door.answer(topics.BLOCK, self._block)

    # ---- asked by the dialplan ----

    def route(self, extension: str, became: str) -> str:
        """What is to be done with a call to this telephone: `ring`, `box`, `end`, or `to` and the
        number to which it goes."""
        plan = self._plan()
        if became in (When.BUSY, When.SILENT):
            way = desks.way_after(plan, self._desks, extension, When(became))
        else:
            way = desks.way_to(plan, self._desks, extension)
        match way:
            case desks.RingPhone(extension=other):
                return "ring" if other == extension else f"to{other}"
            case desks.Outside(number=number):
                return f"to{number}"
            case desks.Voicemail(extension=other):
                box = plan.phones[other].mailbox if other in plan.phones else None
                if box is None:
                    return "end"
                return "box" if other == extension else f"to{inside.VOICEMAIL}{other}"

    async def by_code(self, extension: str, code: str) -> str | None:
        """What is said to who keyed it, prompts joined by `&`; None: it is no code of a desk."""
        if extension not in self._plan().phones:
            return None
        try:
            return await self._keyed(extension, code[:3], code[3:])
        except StoreError as refused:
            log.warning("a telephone's settings could not be written", why=str(refused))
            return FAILED

    async def _keyed(self, extension: str, code: str, number: str) -> str | None:
        desk = self._desks.get(extension, NOTHING_SET)
        match code:
            case "*72" | "*74" | "*75":
                return await self._forward(extension, FORWARDS[code], number)
            case "*73":
                return await self._set(extension, replace(desk, forwards={}), "forward-off")
            case "*76":
                return await self._set(extension, replace(desk, is_left_alone=True), "alone-on")
            case "*77":
                return await self._set(extension, replace(desk, is_left_alone=False), "alone-off")
            case "*68":
                return self._said_of_missed(extension)
            case "*69":
                return await self._call_back(extension)
            case "*60":
                return await self._block_last(extension)
            case _:
                return None

    async def _forward(self, extension: str, when: When, number: str) -> str:
        plan, desk = self._plan(), self._desks.get(extension, NOTHING_SET)
        if not desks.may_lead_to(plan, extension, number):
            return "forward-refused"
        if when is When.ALWAYS and desks.leads_round(plan, self._desks, extension, number):
            return "forward-round"
        return await self._set(extension, desk.forwarded(when, number), "forward-on")

    async def _set(self, extension: str, desk: Desk, said: str) -> str:
        await self._store.put(extension, desk)
        self._is_now(extension, desk)
        return said

    async def set_greeting(self, extension: str, name: str) -> None:
        """Durable when it returns; empty: the standard greeting again."""
        desk = replace(self._desks.get(extension, NOTHING_SET), greeting=name)
        await self._store.put(extension, desk)
        self._is_now(extension, desk)

    def recorded(self) -> Mapping[str, str]:
        """Recordings that callers hear, each with what it is for; to be asked in any thread."""
        return {
            recording: f"the greeting of {extension}"
            for extension, desk in dict(self._desks).items()
            if (recording := recording_of(desk.greeting))
        }

    def _is_now(self, extension: str, desk: Desk) -> None:
        self._desks[extension] = desk
        self._tell(events.DeskSet(extension, desk))

    # ---- missed calls ----

    def _said_of_missed(self, extension: str) -> str:
        missed = self._store.missed_calls(extension)
        if not missed:
            return "missed-none"
        ago = datetime.now(UTC) - missed[0].at
        said = ["missed-calls", *spoken(len(missed)), "missed-last", *_since(ago)]
        return "&".join(said)

    async def _call_back(self, extension: str) -> str:
        """The number as this telephone would dial it."""
        missed = next((each for each in self._store.missed_calls(extension) if each.number), None)
        number = self.to_dial(missed.number) if missed else None
        if number is None:
            return "missed-none"
        await self._store.forget_missed(extension)
        return f"{DIAL}{number}"

    def to_dial(self, number: str) -> str | None:
        """A caller's number as a telephone dials it; None: no rule leads there."""
        plan = self._plan()
        if number in plan.phones:
            return number
        bare = number.removeprefix("+")
        for digits in (bare, bare.removeprefix("1")):
            for rule in plan.dial_rules:
                dialled = rule.prefix + digits
                if rule.dials(digits) and desks.may_lead_to(plan, "", dialled):
                    return dialled
        return None

    async def missed_inside(self, extension: str, number: str) -> None:
        """A desk called this telephone in vain."""
        await self._miss(MissedCall(extension, datetime.now(UTC), "", number))

    async def _miss(self, call: MissedCall) -> None:
        try:
            await self._store.miss(call)
        except StoreError as refused:
            log.warning("a missed call is not listed", why=str(refused))

    def durable(self, written: Sequence[Step]) -> list[MissedCall]:
        """Callers who came for a telephone, by what the ledger holds now; those that left without
        having been answered there are to be listed with `list_missed`."""
        gone = []
        for step in written:
            match step.step:
                case "ring" if step.detail.startswith(f"{inside.OURS}/phone-"):
                    self._ringing[step.call] = step.detail.rpartition("-")[2]
                case "accepted":
                    self._ringing.pop(step.call, None)
                    self._talked[step.detail] = step.call
                case "message" | "passed outside" | ledger.OUTCOME if step.call in self._ringing:
                    extension = self._ringing.pop(step.call)
                    gone.append(MissedCall(extension, datetime.now(UTC), step.call, ""))
        return gone

    async def list_missed(self, call: MissedCall) -> None:
        await self._miss(call)

    # ---- blocked callers ----

    async def _block_last(self, extension: str) -> str:
        call = self._talked.get(extension) or self._store.last_talk_of(extension)
        number = self._store.number_of(call)
        if not number:
            return "block-nobody"
        await self._store.block(number, datetime.now(UTC))
        self._block_only(self._store.blocked_hashes())
        return "block-done"

    async def _block(self, request: topics.BlockRequest) -> topics.BlockReply:
        known = False
        if request.to != "asked":
            number = self._store.number_of(self._store.only_call(request.call))
            try:
                if number and request.to == "blocked":
                    await self._store.block(number, datetime.now(UTC))
                    known = True
                elif number:
                    known = await self._store.unblock(number)
            except StoreError as refused:
                raise ControlError(f"not done: {refused}", "make room on the disk") from refused
        blocked = self._store.blocked_hashes()
        self._block_only(blocked)
        return topics.BlockReply(known=known, blocked=len(blocked))

    async def _missed(self, request: topics.MissedRequest) -> topics.MissedReply:
        found = self._store.missed_calls(request.extension or None)
        lines = (
            topics.MissedLine(extension=m.extension, at=m.at.isoformat("T", "seconds"), call=m.call)
            for m in found
        )
        return topics.MissedReply(calls=tuple(lines))


def _since(ago: timedelta) -> list[str]:
    minutes = max(round(ago.total_seconds() / 60), 0)
    if minutes < 60:
        return [*spoken(minutes), "minutes-ago"]
    hours = round(minutes / 60)
    return [*spoken(hours), "hours-ago"] if hours < 48 else [*spoken(hours // 24), "days-ago"]
