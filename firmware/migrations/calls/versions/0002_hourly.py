"""Figures by the hour, kept beside the ledger so that nobody has to read the whole of it.

Nothing stands here that the ledger does not say: both tables may be emptied at any time, and are
filled again. A migration that changes what is counted empties them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

COUNTS = (
    "offered answered abandoned short_abandoned callback message self_served transferred emergency"
    " blocked failsafe overflowed in_progress answer_waits answer_wait_ms within_10 within_20"
    " within_30 within_60 within_120 within_300 longest_ms waited_ms hung_up talks talk_ms holds"
    " hold_ms wrap_ups wrap_up_ms rung missed known_callers repeats called_back"
)


def upgrade() -> None:
    op.create_table(
        "hourly",
        sa.Column("by", sa.Text, primary_key=True),  # all, line, queue, agent
        sa.Column("hour", sa.Text, primary_key=True),  # when it began
        sa.Column("name", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Integer, nullable=False) for name in COUNTS.split()),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hourly_state",
        sa.Column("zone", sa.Text, nullable=False),  # whose hours they are
        sa.Column("through", sa.Integer, nullable=False),  # the last step counted
    )
