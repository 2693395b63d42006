"""The list of patients, by which callers are identified: keyed hashes, and names that are sealed.

Nothing a patient knows stands here, not even whether two of them know the same.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "patient_list",
        sa.Column("one", sa.Integer, primary_key=True),
        sa.Column("imported", sa.Text, nullable=False),
        sa.Column("patients", sa.Integer, nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("cost", sa.Integer, nullable=False),  # scrypt's n, with which it was hashed
        sa.CheckConstraint("one = 1", name="one_list"),
    )
    op.create_table(
        "patients",
        sa.Column("patient", sa.Integer, primary_key=True),
        sa.Column("name", sa.LargeBinary, nullable=False),  # sealed
    )
    op.create_table(
        "patient_pairs",
        sa.Column("pair", sa.Text, primary_key=True),  # which two factors
        sa.Column("patient", sa.Integer, sa.ForeignKey("patients.patient"), primary_key=True),
        sa.Column("hash", sa.LargeBinary, nullable=False),  # keyed
        sqlite_with_rowid=False,
    )
