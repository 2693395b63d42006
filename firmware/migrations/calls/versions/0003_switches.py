"""Schedules switched by hand, until they run out: they outlive the exchange that switched them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "switches",
        sa.Column("hours", sa.Text, primary_key=True),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("until", sa.Text, nullable=False),  # UTC
        sa.Column("say", sa.Text),
    )
