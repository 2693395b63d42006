"""The newest line of `ledger.log`, written in the commit that it tells of: after a power cut the
log is made to agree with the database by it."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "newest_line",
        sa.Column("number", sa.Integer, nullable=False),  # of commits so far
        sa.Column("line", sa.Text),
    )
    op.execute("INSERT INTO newest_line (number) VALUES (0)")
