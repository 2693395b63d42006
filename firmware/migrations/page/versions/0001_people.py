"""People, mailboxes and who may open them. Every private key in here is wrapped; none lies open."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "clinic",
        sa.Column("one", sa.Integer, primary_key=True),
        sa.Column("recovery_key", sa.LargeBinary, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
        sa.CheckConstraint("one = 1", name="one_clinic"),
    )
    op.create_table(
        "people",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary, nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("passes", sa.Integer, nullable=False),
        sa.Column("memory_kib", sa.Integer, nullable=False),
        sa.Column("lanes", sa.Integer, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
    )
    op.create_table(
        "mailboxes",
        sa.Column("mailbox", sa.Text, primary_key=True),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("for_recovery", sa.LargeBinary, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
    )
    op.create_table(
        "grants",
        sa.Column("mailbox", sa.Text, sa.ForeignKey("mailboxes.mailbox"), primary_key=True),
        sa.Column("person", sa.Text, sa.ForeignKey("people.person"), primary_key=True),
        sa.Column("wrapped_seed", sa.LargeBinary, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
    )
