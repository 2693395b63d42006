"""Calling back from the page: somebody's own telephone rings, and once picked up it dials whoever
placed a call, as if they had keyed the number themselves.

What is asked names a call and a telephone. The number is found here and goes to Asterisk and
nowhere else; it is dialled by the clinic's own dial rules, so never an emergency number. Who has it
done stands in the audit, and in the call's way, before the telephone rings.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import structlog
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from firmware import message_acts
from firmware.asterisk import translate
from firmware.asterisk.link import ActionFailed, Link, LinkDown
from firmware.audit import Act, Audited
from firmware.backlog import Backlog
from firmware.control import ControlError, Door, Strict, Topic
from firmware.ledger import Moment, Noted
from firmware.machine import MachineKey, MachineKeyError
from firmware.operations import Asker
from firmware.store import StoreError, open_reader
from ivr.events import PhoneState
from ivr.exchange import Exchange

STEP = "called out"  # of the call that is called back
BUSY = {
    PhoneState.RINGING: "rings already",
    PhoneState.IN_USE: "is in use",
    PhoneState.UNREACHABLE: "cannot be reached",
}

log = structlog.get_logger(__name__)


class CallOutRequest(Strict):
    """Have this telephone of the clinic call back whoever placed this call."""

    ask: Literal["call out"] = "call out"
    call: str = Field(pattern=r"^[0-9a-f-]{36}$")
    phone: str = Field(pattern=r"^[0-9]{2,6}$")


class CallOutReply(Strict):
    """The telephone is about to ring."""


CALL_OUT = Topic(CallOutRequest, CallOutReply)


def refuse_what_cannot_ring(exchange: Exchange, phone: str) -> None:
    """ControlError: this telephone is none of the clinic's, or is not free to be picked up."""
    if phone not in exchange.plan.phones:
        known = ", ".join(exchange.plan.phones) or "none"
        raise ControlError(f"there is no phone {phone}", f"the phones are {known}")
    agent = exchange.agents.get(phone)
    if agent is not None and (why := BUSY.get(agent.phone)):
        raise ControlError(f"phone {phone} {why}", "hang it up, or choose another telephone")


class CallingOut:
    """The topic of one running exchange."""

    def __init__(
        self,
        *,
        exchange: Exchange,
        link: Link,
        backlog: Backlog,
        calls_db: Path,
        key: MachineKey,
        to_dial: Callable[[str], str | None],
    ) -> None:
        """`to_dial` gives a caller's number as a telephone dials it; None: no rule leads there."""
        self._exchange, self._link, self._backlog = exchange, link, backlog
        self._calls_db, self._key, self._to_dial = calls_db, key, to_dial

    def answer_at(self, door: Door) -> None:
        door.answer_to(CALL_OUT, self._call_out)

    async def _call_out(self, wish: CallOutRequest, asker: Asker) -> CallOutReply:
        refuse_what_cannot_ring(self._exchange, wish.phone)
        number = await asyncio.to_thread(self._number_of, wish.call)
        dialled = self._to_dial(number)
        if dialled is None:
            raise ControlError(
                "no dial rule leads to this caller's number",
                "see [[dial_rules]] in the site file",
            )
        if dialled == wish.phone:
            raise ControlError(
                "this telephone placed the call itself", "choose another of your telephones"
            )
        await self._enter(wish, asker)
        try:
            await self._link.send(*translate.dial_for(wish.phone, dialled))
        except (ActionFailed, LinkDown) as refused:
            log.warning("a telephone could not be rung to call back", why=str(refused))
            raise ControlError(
                f"phone {wish.phone} could not be rung", "try again; see `careline status`"
            ) from refused
        return CallOutReply()

    def _number_of(self, call: str) -> str:
        try:
            reader = open_reader(self._calls_db)
            try:
                with reader.connect() as connection:
                    number = message_acts.number_of(connection, call, self._key)
            finally:
                reader.dispose()
        except (StoreError, SQLAlchemyError, MachineKeyError) as unread:
            raise ControlError(
                "who called cannot be read", "see `careline status`, which says more"
            ) from unread
        if not number:
            raise ControlError(
                "nobody can be called back for this call: no number was shown with it",
                "see whether the caller left one in a message",
            )
        return number

    async def _enter(self, wish: CallOutRequest, asker: Asker) -> None:
        moment = Moment.now()
        about = f"{wish.call} from phone {wish.phone}"
        told = f"{wish.phone}, by {asker.name}"
        try:
            await self._backlog.promise(
                Audited(asker.name, Act.CALLED_BACK, about, moment),
                Noted(wish.call, STEP, told, moment),
            )
        except StoreError as refused:
            raise ControlError(
                f"nobody is called: it cannot be entered: {refused}", "make room on the disk"
            ) from refused
