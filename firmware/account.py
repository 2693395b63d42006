"""Giving account: an entry for the audit, by the running exchange, or by ourselves when there is
none. It is durable when this returns, and only then is done what it tells of.

Who has done it is what the asking program says, for only that one has seen a password or a code.
The running exchange adds who it was that said so, as the kernel knows them or their session does.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from firmware import spool
from firmware.audit import ABOUT_MOST, WHO_MOST, Act, Audited, told_from_outside
from firmware.control import ControlError, Door, NotRunningError, Strict, Topic, ask
from firmware.ledger import Ledger, Moment
from firmware.machine import MachineKey
from firmware.operations import Asker
from firmware.place import Place


class AuditRequest(Strict):
    """Somebody does something that has to be accounted for. `about` is an id or a name out of the
    site file."""

    ask: Literal["audit"] = "audit"
    who: str = Field(max_length=WHO_MOST)
    act: Annotated[Act, AfterValidator(told_from_outside)]
    about: str = Field(default="", max_length=ABOUT_MOST)


class AuditReply(Strict):
    """It stands in the audit."""


AUDIT = Topic(AuditRequest, AuditReply)


def answer_at(door: Door, promise: Callable[[Audited], Awaitable[None]]) -> None:
    """The exchange's side; `promise` returns when the entry is durable."""

    async def enter(request: AuditRequest, asker: Asker) -> AuditReply:
        about = _told_by(asker, request)
        await promise(Audited(request.who, request.act, about, Moment.now()))
        return AuditReply()

    door.answer_to(AUDIT, enter)


def _told_by(asker: Asker, request: AuditRequest) -> str:
    """What it is about, and who says so, if that is somebody else."""
    if asker.name == request.who:
        return request.about
    told = f"told by {asker.name}"
    about = request.about[: ABOUT_MOST - len(told) - 2]
    return f"{about}, {told}" if about else told


def give_or_lay(place: Place, who: str, act: Act, about: str = "") -> None:
    """Enter it, or lay it down for the next exchange: for those who may not write the books, as
    root and SSH. OSError: neither could be done."""
    request = AuditRequest(who=who[:WHO_MOST], act=act, about=about[:ABOUT_MOST])
    try:
        ask(place.control_socket, AUDIT, request)
    except ControlError:
        entry = Audited(request.who, request.act, request.about, Moment.now())
        spool.lay(place.audit_spool, entry)


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
