"""Urgent messages that somebody must see to: open until they are closed, and whose they are."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("message", sa.Text, primary_key=True),
        sa.Column("call", sa.Text, nullable=False),
        sa.Column("layers", sa.Text, nullable=False),  # of the rota, with spaces; empty: all
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("number", sa.LargeBinary, nullable=False),  # sealed
        sa.Column("opened", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("closed", sa.Text),
        sa.Column("closed_by", sa.Text),
        sa.Column("how", sa.Text),
        sa.CheckConstraint("(closed IS NULL) = (closed_by IS NULL)", name="closed_by_somebody"),
    )
    op.create_index("leases_by_time", "leases", ["opened"])
    op.create_index("leases_of_call", "leases", ["call"])
    op.execute(
        "CREATE TRIGGER closed_once BEFORE UPDATE OF closed ON leases WHEN OLD.closed IS NOT NULL"
        " BEGIN SELECT RAISE(ABORT, 'an urgent message is closed once'); END"
    )
