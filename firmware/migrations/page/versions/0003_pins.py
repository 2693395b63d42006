"""PINs of people who are called at night. Only their argon2id hashes lie here."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "pins",
        sa.Column("person", sa.Text, primary_key=True),  # of the site file's [people]
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
    )
