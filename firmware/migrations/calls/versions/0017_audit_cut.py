"""The audit may lose what an entry of its own says was cut off before it, and nothing else."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("DROP TRIGGER audit_is_never_deleted")
    op.execute(
        "CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit WHEN OLD.id >= coalesce("
        "(SELECT max(CAST(about AS INTEGER)) FROM audit WHERE act = 'cut the audit before entry'),"
        " 0) BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END"
    )
