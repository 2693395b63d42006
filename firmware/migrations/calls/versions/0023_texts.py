"""What became of each text that the box sent: queued, sent, delivered, failed, taken back. The
number is sealed, and forgotten after a month; what the text said is not kept here."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "texts",
        sa.Column("text", sa.Text, primary_key=True),
        sa.Column("at", sa.Text, nullable=False),  # of a request's: the moment of its note
        sa.Column("about", sa.Text, nullable=False),  # a request's name, or one of the box's words
        sa.Column("number", sa.LargeBinary),
        sa.Column("number_hash", sa.LargeBinary),  # keyed
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("parts", sa.Text, nullable=False),  # their references, as JSON; empty: not out
        sa.Column("reports", sa.Text, nullable=False),  # status by reference, as JSON
    )
    op.create_index("texts_by_at", "texts", ["at"])
    op.create_index("texts_by_about", "texts", ["about"])
    op.create_index("texts_by_number", "texts", ["number_hash", "at"])
