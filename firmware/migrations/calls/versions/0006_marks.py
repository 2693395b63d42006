"""Marks that callers give after a talk. What is counted changes, so the hours are counted anew."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for name in ("marks", "marks_sum"):
        op.add_column("hourly", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    op.execute("DELETE FROM hourly")
    op.execute("DELETE FROM hourly_state")
