"""Call-backs that were promised: they outlive the exchange that promised them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "tickets",
        sa.Column("ticket", sa.Text, primary_key=True),
        sa.Column("call", sa.Text, nullable=False),  # by which it was asked for
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("number", sa.LargeBinary, nullable=False),  # sealed under the machine key
        sa.Column("urgency", sa.Integer, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("asked", sa.Text, nullable=False),  # UTC, as all times here
        sa.Column("since", sa.Text, nullable=False),  # its rank
        sa.Column("since_ms", sa.Integer, nullable=False),  # by the monotonic clock of
        sa.Column("boot", sa.Text, nullable=False),
        sa.Column("expires", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tried", sa.Text),
        sa.Column("leg", sa.Text),  # that was called for it last
        sa.Column("closed", sa.Text),
        sa.Column("ending", sa.Text),
    )
    op.create_index("tickets_open", "tickets", ["closed"])
    op.create_table(
        "ticket_numbers",
        sa.Column("ticket", sa.Text, sa.ForeignKey("tickets.ticket"), nullable=False),
        sa.Column("number_hash", sa.LargeBinary, nullable=False),
    )
    op.create_index("ticket_numbers_hash", "ticket_numbers", ["number_hash"])
