"""Figures by the hour, the day and the month, in place of the hours alone.

Nothing stands here that the ledger does not say: both tables may be emptied at any time, and are
filled again. A migration that changes what is counted empties them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

COUNTS = (
    "offered answered abandoned short_abandoned callback message self_served transferred emergency"
    " blocked failsafe overflowed in_progress answer_waits answer_wait_ms within_10 within_20"
    " within_30 within_60 within_120 within_300 longest_ms waited_ms hung_up talks talk_ms holds"
    " hold_ms wrap_ups wrap_up_ms rung missed known_callers repeats called_back marks marks_sum"
)


def upgrade() -> None:
    op.drop_table("hourly")
    op.drop_table("hourly_state")
    op.create_table(
        "tallies",
        sa.Column("span", sa.Text, primary_key=True),  # hour, day, month
        sa.Column("by", sa.Text, primary_key=True),  # all, line, queue, agent
        sa.Column("begins", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Integer, nullable=False) for name in COUNTS.split()),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tallies_state",
        sa.Column("zone", sa.Text, nullable=False),  # whose hours, days and months they are
        sa.Column("through", sa.Integer, nullable=False),  # the last step counted
    )
