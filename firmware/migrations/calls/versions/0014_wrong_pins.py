"""Wrong PINs keyed at a desk telephone for a mailbox, since somebody of it signed in."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "wrong_pins",
        sa.Column("mailbox", sa.Text, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("entry", sa.Integer, nullable=False),  # the newest of the audit before the first
    )
