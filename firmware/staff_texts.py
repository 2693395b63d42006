"""The way out for what staff writes to a caller: a text of the clinic's, which names the clinic and
how to get no more of them. It is kept until the network takes it, for an hour; who wishes no texts
gets none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from firmware.notify import AN_HOUR, Notice, Notices
from firmware.sms_desk import SmsDesk
from firmware.sms_rule import STAFF_MOST, said
from ivr.plan import BY_TEXT, Plan


@dataclass(frozen=True, slots=True)
class StaffTexts:
    """Those of one running exchange."""

    sms: SmsDesk
    notices: Notices
    plan: Callable[[], Plan]
    now: Callable[[], datetime]

    def why_not(self, number: str) -> str:
        """Why none may go to it now; empty: one may. It reads the store."""
        return self.sms.why_not(number)

    def send(self, number: str, text: str) -> None:
        """It goes as soon as the network takes it."""
        plan = self.plan()
        words = said("staff", plan.language, most=STAFF_MOST, clinic=plan.name, text=text)
        self.notices.send(Notice(number, "", words, self.now(), AN_HOUR, way=BY_TEXT))
