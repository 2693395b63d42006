"""Who listens to a mailbox at a desk telephone, and the hash of the PIN they do it by."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "listening",
        sa.Column("mailbox", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, sa.ForeignKey("people.person"), primary_key=True),
        sa.Column("pin", sa.Text, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
    )
