"""What must not be deleted, and what was: legal holds, and a signed receipt for each destruction.

A request's notes may be emptied when the request's time is over, and changed in no other way.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "holds",
        sa.Column("hold", sa.Text, primary_key=True),
        sa.Column("at", sa.Text, nullable=False),  # UTC
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),  # as it was named: an id, a mailbox, a person
        sa.Column("why", sa.LargeBinary, nullable=False),  # sealed under the machine key
        sa.Column("released", sa.Text),
        sa.Column("released_by", sa.Text),
        sa.CheckConstraint("(released IS NULL) = (released_by IS NULL)", name="released_by_one"),
    )
    op.create_table(
        "hold_targets",
        sa.Column("hold", sa.Text, sa.ForeignKey("holds.hold"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),  # a caller's number only as its keyed hash
    )
    op.create_index("hold_targets_by_target", "hold_targets", ["kind", "target"])
    op.execute(
        "CREATE TRIGGER released_once BEFORE UPDATE ON holds WHEN OLD.released IS NOT NULL"
        " BEGIN SELECT RAISE(ABORT, 'a hold is released once'); END"
    )
    op.create_table(
        "receipts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("decided", sa.Text, nullable=False),  # UTC
        sa.Column("digest", sa.Text, nullable=False),  # SHA-256 of what was sealed
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("destroyed", sa.Text),  # UTC; empty while it is not done yet
        sa.Column("signature", sa.LargeBinary),
        sa.CheckConstraint("(destroyed IS NULL) = (signature IS NULL)", name="signed_when_done"),
    )
    for what in ("holds", "receipts"):
        op.execute(
            f"CREATE TRIGGER {what}_are_never_deleted BEFORE DELETE ON {what}"
            f" BEGIN SELECT RAISE(ABORT, '{what} are never deleted'); END"
        )
    op.execute(
        "CREATE TRIGGER signed_receipts_stay BEFORE UPDATE ON receipts"
        " WHEN OLD.signature IS NOT NULL"
        " BEGIN SELECT RAISE(ABORT, 'a signed receipt is never changed'); END"
    )
    op.execute("DROP TRIGGER acts_stay")
    op.execute(
        "CREATE TRIGGER acts_stay BEFORE UPDATE ON request_acts WHEN NEW.note IS NOT NULL OR"
        " (NEW.id, NEW.request, NEW.at, NEW.act, NEW.by, NEW.detail)"
        " IS NOT (OLD.id, OLD.request, OLD.at, OLD.act, OLD.by, OLD.detail)"
        " BEGIN SELECT RAISE(ABORT, 'what was done is never changed'); END"
    )
