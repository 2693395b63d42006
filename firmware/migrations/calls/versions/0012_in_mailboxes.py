"""In which mailboxes each message lies, how it stands in each of them, and what is noted on it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "in_mailboxes",
        sa.Column("message", sa.Text, sa.ForeignKey("messages.message"), primary_key=True),
        sa.Column("mailbox", sa.Text, primary_key=True),
        sa.Column("sent_by", sa.Text),  # who forwarded it here
        sa.Column("heard", sa.Text),
        sa.Column("done", sa.Text),
        sa.Column("owner", sa.Text),
    )
    op.create_index("in_mailboxes_by_mailbox", "in_mailboxes", ["mailbox"])
    op.execute(
        "INSERT INTO in_mailboxes (message, mailbox, heard)"
        " SELECT message, mailbox, heard FROM messages"
    )
    op.execute("ALTER TABLE messages DROP COLUMN heard")
    op.create_table(
        "message_notes",
        sa.Column("note", sa.Text, primary_key=True),
        sa.Column("message", sa.Text, sa.ForeignKey("messages.message"), nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("message_notes_by_message", "message_notes", ["message"])
