"""Numbers that wish no texts, how many texts went out on a day, and which that came were kept; all
by the numbers' keyed hash alone."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "sms_stopped",
        sa.Column("number_hash", sa.LargeBinary, primary_key=True),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_table(
        "sms_sent",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("number_hash", sa.LargeBinary, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
    )
    op.create_table(
        "sms_kept",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("number_hash", sa.LargeBinary, nullable=False),  # keyed
        sa.Column("request", sa.Text, nullable=False),  # of which it is a part; empty: of none
    )
    op.create_index("sms_kept_by_number", "sms_kept", ["number_hash", "at"])
