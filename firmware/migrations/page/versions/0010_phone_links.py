"""Links by which a telephone fetches what sets it up: the hash, whose, and who has fetched it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "phone_links",
        sa.Column("extension", sa.Text, primary_key=True),
        sa.Column("token", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("maker", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
        sa.Column("device", sa.Text),
        sa.Column("fetched", sa.Text),
    )
