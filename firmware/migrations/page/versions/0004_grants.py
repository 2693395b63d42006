"""Mailboxes have a line of keys, people a role and an invitation, and who is a member of a mailbox
is written apart from who can open it yet."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "mailbox_keys",
        sa.Column("mailbox", sa.Text, primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("for_recovery", sa.LargeBinary, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
    )
    op.execute(
        "INSERT INTO mailbox_keys SELECT mailbox, 1, public_key, for_recovery, made FROM mailboxes"
    )
    op.rename_table("grants", "grants_before")
    op.create_table(
        "grants",
        sa.Column("mailbox", sa.Text, primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True),
        sa.Column("person", sa.Text, sa.ForeignKey("people.person"), primary_key=True),
        sa.Column("wrapped_seed", sa.LargeBinary, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["mailbox", "generation"], ["mailbox_keys.mailbox", "mailbox_keys.generation"]
        ),
    )
    op.execute(
        "INSERT INTO grants SELECT mailbox, 1, person, wrapped_seed, made FROM grants_before"
    )
    op.create_table(
        "members",
        sa.Column("mailbox", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),  # who may not be there yet
    )
    op.execute("INSERT INTO members SELECT mailbox, person FROM grants_before")
    op.drop_table("grants_before")
    op.drop_table("mailboxes")
    op.add_column("people", sa.Column("role", sa.Text, nullable=False, server_default="admin"))
    op.create_table(
        "invitations",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("code", sa.LargeBinary, nullable=False),
        sa.Column("until", sa.Text, nullable=False),
    )
