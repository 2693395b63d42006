"""Which telephone is whose, for calling back from the page; and the numbers of patients, as keyed
hashes, by which it is known who calls. A list that was imported before has none of these: import it
again."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "own_phones",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("extension", sa.Text, nullable=False),
    )
    op.create_table(
        "patient_numbers",
        sa.Column("hash", sa.LargeBinary, primary_key=True),  # keyed
        sa.Column("patient", sa.Integer, sa.ForeignKey("patients.patient"), primary_key=True),
        sqlite_with_rowid=False,
    )
