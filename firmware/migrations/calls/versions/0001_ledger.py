"""The ledger: calls, their steps, and the messages they left.

The rules that must hold whatever the program does stand here as constraints: a call has one outcome
for ever, and a step, once written, is never changed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "calls",
        sa.Column("call", sa.Text, primary_key=True),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("dialled", sa.Text, nullable=False),
        sa.Column("arrived", sa.Text, nullable=False),
        sa.Column("ended", sa.Text),
        sa.Column("outcome", sa.Text),
        sa.Column("number", sa.LargeBinary),  # sealed
        sa.Column("name", sa.LargeBinary),  # sealed
        sa.Column("number_hash", sa.LargeBinary),  # keyed
        sa.CheckConstraint("(ended IS NULL) = (outcome IS NULL)", name="ended_with_outcome"),
    )
    op.create_index("calls_by_outcome", "calls", ["outcome"])
    op.create_index("calls_by_arrival", "calls", ["arrived"])
    op.create_index("calls_by_number", "calls", ["number_hash"])
    op.create_table(
        "steps",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("call", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("mono_ms", sa.Integer, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("steps_of_call", "steps", ["call", "id"])
    op.create_index("steps_by_word", "steps", ["step"])
    op.create_table(
        "messages",
        sa.Column("message", sa.Text, primary_key=True),
        sa.Column("call", sa.Text, nullable=False),
        sa.Column("mailbox", sa.Text, nullable=False),
        sa.Column("started", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("urgent", sa.Boolean, nullable=False),
        sa.Column("cut_off", sa.Boolean, nullable=False),
        sa.Column("heard", sa.Text),
        sa.Column("deleted", sa.Text),
    )
    op.create_index("messages_by_mailbox", "messages", ["mailbox", "started"])
    op.execute(
        "CREATE TRIGGER one_outcome BEFORE UPDATE OF outcome ON calls WHEN OLD.outcome IS NOT NULL"
        " BEGIN SELECT RAISE(ABORT, 'a call has one outcome'); END"
    )
    op.execute(
        "CREATE TRIGGER steps_stay BEFORE UPDATE ON steps"
        " BEGIN SELECT RAISE(ABORT, 'a step is never changed'); END"
    )
