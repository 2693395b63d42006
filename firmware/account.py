"""Giving account: an entry for the audit, by the running exchange, or by ourselves when there is
none. It is durable when this returns, and only then is done what it tells of."""

from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import Field

from firmware.audit import ABOUT_MOST, WHO_MOST, Act, Audited
from firmware.control import Door, NotRunningError, Strict, Topic, ask
from firmware.ledger import Ledger, Moment
from firmware.machine import MachineKey
from firmware.place import Place


class AuditRequest(Strict):
    """Somebody does something that has to be accounted for. `about` is an id or a name out of the
    site file."""

    ask: Literal["audit"] = "audit"
    who: str = Field(max_length=WHO_MOST)
    act: Act
    about: str = Field(default="", max_length=ABOUT_MOST)


class AuditReply(Strict):
    """It stands in the audit."""


AUDIT = Topic(AuditRequest, AuditReply)


def answer_at(door: Door, promise: Callable[[Audited], Awaitable[None]]) -> None:
    """The exchange's side; `promise` returns when the entry is durable."""

    async def enter(request: AuditRequest) -> AuditReply:
        await promise(Audited(request.who, request.act, request.about, Moment.now()))
        return AuditReply()

    door.answer(AUDIT, enter)


def give(place: Place, who: str, act: Act, about: str = "") -> None:
    """Enter it. ControlError or StoreError: it does not stand there, and must not be done."""
    request = AuditRequest(who=who[:WHO_MOST], act=act, about=about[:ABOUT_MOST])
    try:
        ask(place.control_socket, AUDIT, request)
    except NotRunningError:
        ledger = Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))
        try:
            entry = Audited(request.who, request.act, request.about, Moment.now())
            ledger.submit([entry]).result()
        finally:
            ledger.close()
