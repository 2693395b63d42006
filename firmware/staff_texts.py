"""The way out for what staff writes to a caller: a text of the clinic's, which names the clinic and
how to get no more of them. It is kept until the network takes it, for an hour; who wishes no texts
gets none. For some seconds it waits, so that whoever sees a mistake can take it back.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from firmware.ledger import Moment
from firmware.notify import AN_HOUR, Notice, Notices
from firmware.outgoing import Outgoing
from firmware.sms_desk import SmsDesk
from firmware.sms_rule import STAFF_MOST, said
from ivr.plan import BY_TEXT, Plan

GRACE_S = 15.0


@dataclass(frozen=True, slots=True)
class StaffTexts:
    """Those of one running exchange."""

    sms: SmsDesk
    notices: Notices
    shelf: Outgoing
    plan: Callable[[], Plan]
    grace_s: float = GRACE_S

    def why_not(self, number: str) -> str:
        """Why none may go to it now; empty: one may. It reads the store."""
        return self.sms.why_not(number)

    def made(self, request: str, number: str, text: str, moment: Moment) -> Notice:
        """As it will be sent."""
        plan = self.plan()
        words = said("staff", plan.language, most=STAFF_MOST, clinic=plan.name, text=text)
        return Notice(number, "", words, moment.at, AN_HOUR, way=BY_TEXT, about=request)

    def queue(self, connection: Connection, notice: Notice) -> None:
        """In the commit of the note that tells of it."""
        self.shelf.put(connection, notice)

    def send(self, notice: Notice) -> None:
        """What is queued goes after a while in which it can be taken back, as soon as the network
        takes it."""
        self.notices.resume([notice], self.grace_s)

    def take_back(self, text: str) -> bool:
        """It does not go; false: it went, or is on its way."""
        return self.notices.take_back(text)
