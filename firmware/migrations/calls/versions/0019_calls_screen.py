"""Calls are looked for by their outcome and by the telephone that took them, the newest first."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_index("calls_by_outcome_and_arrival", "calls", ["outcome", "arrived"])
    op.drop_index("calls_by_outcome")
    op.create_index("messages_of_call", "messages", ["call"])
    op.execute("CREATE INDEX steps_by_phone ON steps (detail, call) WHERE step = 'accepted'")
