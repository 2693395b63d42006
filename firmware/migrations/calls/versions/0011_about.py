"""What a call-back is about, as its agent is told."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("tickets", sa.Column("about", sa.Text, nullable=False, server_default=""))
