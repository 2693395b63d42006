"""In which language each person reads the page, and which screens are wallboards."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "languages",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("language", sa.Text, nullable=False),
    )
    op.create_table(
        "walls",
        sa.Column("token", sa.LargeBinary, primary_key=True),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("begun", sa.Text, nullable=False),
    )
