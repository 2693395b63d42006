"""`[retention]` of the site file: how long each class is kept, and how much room recordings have.

Nothing is ever removed by age at a site that does not say so: the section's mere presence is the
clinic's decision, and the days below are what it then means where it does not say otherwise. They
are orientation and no advice, for the law that counts is the state's:

- messages, 90 days after somebody heard them: a message is a note to staff, and what matters of it
  is written into the chart by then;
- recorded talks, 90 days after the talk, heard or not: they are no note to anybody, and longer they
  are a risk that serves nobody; what is needed is put on hold;
- requests, 7 years after they are done: what a patient asked for and what became of it is held to
  belong to the record, which most states want kept for 7 years or less of an adult;
- the ledger, 2 years: who called; long enough for a complaint. Figures are kept without it;
- the audit, 6 years, and never less: 45 CFR 164.316(b)(2)(i).
"""

from typing import Annotated

from pydantic import Field

from firmware.forms import Strict
from ivr import plan

MESSAGES_DAYS, RECORDINGS_DAYS, REQUESTS_DAYS, LEDGER_DAYS = 90, 90, 2557, 730
AUDIT_DAYS = 2192  # six years and a leap day or two
DAYS_MOST = 36_525  # a hundred years

Days = Annotated[
    int,
    Field(
        strict=True, ge=1, le=DAYS_MOST, description=f"a whole number of days from 1 to {DAYS_MOST}"
    ),
]
AuditDays = Annotated[
    int,
    Field(
        strict=True,
        ge=AUDIT_DAYS,
        le=DAYS_MOST,
        description=f"a whole number of days from {AUDIT_DAYS}, six years, to {DAYS_MOST}",
    ),
]
Gigabytes = Annotated[
    float,
    Field(ge=0.01, le=100_000, description="a number of gigabytes, like 8 or 0.5"),
]


class RetentionForm(Strict):
    """What the section may say."""

    messages_days: Days = MESSAGES_DAYS
    recordings_days: Days = RECORDINGS_DAYS
    requests_days: Days = REQUESTS_DAYS
    ledger_days: Days = LEDGER_DAYS
    audit_days: AuditDays = AUDIT_DAYS
    delete_by_hand: Annotated[bool, Field(strict=True, description="true or false")] = True
    recordings_gb: Gigabytes | None = None
    reserve_gb: Gigabytes = 0.5

    def retention(self) -> plan.Retention:
        return plan.Retention(
            self.messages_days,
            self.requests_days,
            self.ledger_days,
            self.recordings_days,
            self.audit_days,
            by_hand=self.delete_by_hand,
            most_bytes=None if self.recordings_gb is None else round(self.recordings_gb * 1e9),
            reserve_bytes=round(self.reserve_gb * 1e9),
        )
