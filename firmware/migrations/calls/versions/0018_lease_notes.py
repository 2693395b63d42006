"""What somebody wrote when they settled an urgent message is sealed, also what lies there in plain
from before. Steps keep their places and say only that there is a note."""

from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

from firmware.machine import MachineKey
from firmware.place import Place

revision = "0018"
down_revision = "0017"

# What the box itself says of how one ended, and of somebody it called; all else was typed.
OWN_ENDS = ("done", "talked with the patient")
OWN_WORDS = ("wrong PIN", "PIN right", "did not answer", "pressed no PIN", "hung up", "busy",
             "refused", "silent", "unreachable", "withdrawn")  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "lease_notes",
        sa.Column("note", sa.Text, primary_key=True),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),  # under the machine key
    )
    op.create_index("lease_notes_by_message", "lease_notes", ["message"])
    op.execute("DROP TRIGGER steps_stay")
    _seal(op.get_bind())
    op.execute(
        "CREATE TRIGGER steps_stay BEFORE UPDATE ON steps"
        " BEGIN SELECT RAISE(ABORT, 'a step is never changed'); END"
    )


def _seal(connection: sa.Connection) -> None:
    typed = connection.execute(
        sa.text(
            "SELECT message, call, closed, closed_by, how FROM leases"
            " WHERE how IS NOT NULL AND how NOT IN :own"
        ).bindparams(sa.bindparam("own", OWN_ENDS, expanding=True))
    ).all()
    for row in typed:
        _keep(connection, row.message, row.closed, row.closed_by, row.how)
        _execute(connection, "UPDATE leases SET how='seen to' WHERE message=:m", m=row.message)
        told = {"call": row.call, "was": f"closed by {row.closed_by}: {row.how}"}
        now = f"closed by {row.closed_by}: seen to"
        sql = "UPDATE steps SET detail=:now WHERE call=:call AND step='on call' AND detail=:was"
        _execute(connection, sql, now=now, **told)
    said = connection.execute(
        sa.text(
            "SELECT id, at, detail, (SELECT message FROM leases WHERE leases.call=steps.call"
            " ORDER BY opened DESC) AS message FROM steps"
            " WHERE step='on call' AND detail LIKE '%: %' AND detail NOT LIKE 'closed by %'"
        )
    ).all()
    for row in said:
        person, _, words = row.detail.partition(": ")
        if row.message and words.removesuffix(", and owns it no more") not in OWN_WORDS:
            _keep(connection, row.message, row.at, person, words)
            sql = "UPDATE steps SET detail=:now WHERE id=:id"
            _execute(connection, sql, now=f"a note by {person}", id=row.id)


def _keep(connection: sa.Connection, message: str, at: str, by: str, words: str) -> None:
    note = str(uuid4())
    sealed = _key(connection).seal(words, f"lease_notes.sealed {note}")
    sql = "INSERT INTO lease_notes VALUES (:note, :message, :at, :by, :sealed)"
    _execute(connection, sql, note=note, message=message, at=at, by=by, sealed=sealed)


def _key(connection: sa.Connection) -> MachineKey:
    """That of the box whose database this is: it lies beside it."""
    file = connection.execute(sa.text("PRAGMA database_list")).one().file
    return MachineKey.at(Place(Path(file).parent).machine_key)


def _execute(connection: sa.Connection, sql: str, **values: object) -> None:
    connection.execute(sa.text(sql), values)
