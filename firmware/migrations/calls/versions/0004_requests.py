"""Requests that callers left, what staff did about them, and who tried how often to be somebody.

What a caller keyed, who it is and what staff notes are sealed under the machine key; a recorded
answer lies in the vault, as any message.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "requests",
        sa.Column("request", sa.Text, primary_key=True),
        sa.Column("call", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("taken", sa.Text, nullable=False),  # when it was left
        sa.Column("due", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("done", sa.Text),
        sa.Column("outcome", sa.Text),
        sa.Column("answers", sa.LargeBinary, nullable=False),  # sealed
        sa.Column("patient", sa.LargeBinary),  # sealed
        sa.CheckConstraint("(done IS NULL) = (outcome IS NULL)", name="done_with_outcome"),
    )
    op.create_index("requests_by_due", "requests", ["due"])
    op.create_index("requests_open", "requests", ["done"])
    op.create_table(
        "request_messages",
        sa.Column("request", sa.Text, sa.ForeignKey("requests.request"), primary_key=True),
        sa.Column("question", sa.Text, primary_key=True),
        sa.Column("message", sa.Text, nullable=False),
    )
    op.create_table(
        "request_acts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("request", sa.Text, sa.ForeignKey("requests.request"), nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("note", sa.LargeBinary),  # sealed
    )
    op.create_index("acts_of_request", "request_acts", ["request", "id"])
    op.create_table(
        "identity_tries",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("number_hash", sa.LargeBinary, primary_key=True),  # keyed; empty: no number
        sa.Column("tries", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(
        "CREATE TRIGGER acts_stay BEFORE UPDATE ON request_acts"
        " BEGIN SELECT RAISE(ABORT, 'what was done is never changed'); END"
    )
