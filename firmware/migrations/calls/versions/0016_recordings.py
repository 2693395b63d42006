"""Recordings of talks: one row for each part, beside its row among the sealed messages."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "recordings",
        sa.Column("message", sa.Text, primary_key=True),
        sa.Column("call", sa.Text, nullable=False),
        sa.Column("mailbox", sa.Text, nullable=False),
        sa.Column("began", sa.Text, nullable=False),
        sa.Column("ended", sa.Text),
        sa.Column("why", sa.Text),
    )
    op.create_index("recordings_of_call", "recordings", ["call"])
