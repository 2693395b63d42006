"""The number that wrote STOP, sealed under the machine key, so that staff finds it again; of those
who wrote before, only the hash is known."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("sms_stopped", sa.Column("number", sa.LargeBinary))
