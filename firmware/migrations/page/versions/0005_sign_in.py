"""Second factors and their recovery codes, failures at sign-in, sessions, and the envelope."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "second_factors",
        sa.Column("person", sa.Text, sa.ForeignKey("people.person"), primary_key=True),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        sa.Column("last_step", sa.Integer, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("person", sa.Text, sa.ForeignKey("people.person"), primary_key=True),
        sa.Column("code", sa.LargeBinary, primary_key=True),
    )
    op.create_table(
        "failures",
        sa.Column("person", sa.Text, primary_key=True),  # also of names that nobody has
        sa.Column("way", sa.Text, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("last", sa.Text, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("token", sa.LargeBinary, primary_key=True),
        sa.Column("person", sa.Text, sa.ForeignKey("people.person"), nullable=False),
        sa.Column("begun", sa.Text, nullable=False),
        sa.Column("used", sa.Text, nullable=False),
    )
    op.create_table(
        "envelopes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("opened", sa.Text),
        sa.Column("opened_by", sa.Text),
    )
    op.create_table(
        "envelope_keys",
        sa.Column("mailbox", sa.Text, primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True),
        sa.Column("wrapped_seed", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["mailbox", "generation"], ["mailbox_keys.mailbox", "mailbox_keys.generation"]
        ),
    )
