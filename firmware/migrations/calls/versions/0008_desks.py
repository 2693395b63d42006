"""What telephones' owners have set, calls they missed, and callers the clinic blocks."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "desks",
        sa.Column("extension", sa.Text, primary_key=True),
        sa.Column("setting", sa.Text, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),  # sealed: a number may be private
    )
    op.create_table(
        "missed",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("extension", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),  # UTC
        sa.Column("call", sa.Text, nullable=False),  # empty: it came from a desk
        sa.Column("number", sa.LargeBinary, nullable=False),  # sealed
    )
    op.create_table(
        "blocked",
        sa.Column("number_hash", sa.LargeBinary, primary_key=True),
        sa.Column("number", sa.LargeBinary, nullable=False),  # sealed
        sa.Column("since", sa.Text, nullable=False),  # UTC
    )
