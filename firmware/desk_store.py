"""What telephones' owners have set, the calls they missed, and whom the clinic blocks, as it lies
in the exchange's store. Numbers are sealed under the machine key; a blocked caller is known by the
keyed hash alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import Connection, column, select, table

from firmware.ledger import calls, steps
from firmware.machine import MachineKey
from firmware.store import Store, open_reader
from ivr.desks import NOTHING_SET, Desk, When

ALONE, GREETING = "alone", "greeting"
MISSED_MOST = 20  # of one telephone; who missed more reads the list of the clinic's calls

desks = table(
    "desks",
    column("extension", sa.Text),
    column("setting", sa.Text),
    column("value", sa.LargeBinary),
)
missed = table(
    "missed",
    column("id", sa.Integer),
    column("extension", sa.Text),
    column("at", sa.Text),
    column("call", sa.Text),
    column("number", sa.LargeBinary),
)
blocked = table(
    "blocked",
    column("number_hash", sa.LargeBinary),
    column("number", sa.LargeBinary),
    column("since", sa.Text),
)


@dataclass(frozen=True, slots=True)
class MissedCall:
    """A call that rang at a telephone for nobody: of a caller, or from a desk (no call)."""

    extension: str
    at: datetime
    call: str
    number: str = field(repr=False)  # as it was shown; empty where none was


@dataclass(frozen=True, slots=True)
class DeskStore:
    """The rows of telephones, in one store."""

    store: Store
    key: MachineKey

    # ---- settings ----

    async def put(self, extension: str, desk: Desk) -> None:
        """Return when it is durable."""
        values = {when.value: number for when, number in desk.forwards.items()}
        if desk.is_left_alone:
            values[ALONE] = ""
        if desk.greeting:
            values[GREETING] = desk.greeting

        def write(connection: Connection) -> None:
            connection.execute(desks.delete().where(desks.c.extension == extension))
            for setting, value in values.items():
                sealed = self.key.seal(value, f"desks.value {extension} {setting}")
                row = {"extension": extension, "setting": setting, "value": sealed}
                connection.execute(desks.insert().values(row))

        await self.store.written(write)

    def stored(self) -> dict[str, Desk]:
        """Every telephone of which something is set."""
        found: dict[str, Desk] = {}
        for row in self._read(select(*desks.c)):
            desk = found.get(row.extension, NOTHING_SET)
            value = self.key.open(row.value, f"desks.value {row.extension} {row.setting}")
            if row.setting == ALONE:
                found[row.extension] = replace(desk, is_left_alone=True)
            elif row.setting == GREETING:
                found[row.extension] = replace(desk, greeting=value)
            else:
                found[row.extension] = desk.forwarded(When(row.setting), value)
        return found

    # ---- missed calls ----

    async def miss(self, call: MissedCall) -> None:
        at = call.at.astimezone(UTC).isoformat()
        sealed = self.key.seal(call.number, f"missed.number {call.extension} {at}")

        def write(connection: Connection) -> None:
            row = {"extension": call.extension, "at": at, "call": call.call, "number": sealed}
            connection.execute(missed.insert().values(row))
            kept = (
                select(missed.c.id)
                .where(missed.c.extension == call.extension)
                .order_by(missed.c.id.desc())
                .limit(MISSED_MOST)
            )
            of_this = missed.c.extension == call.extension
            connection.execute(missed.delete().where(of_this, missed.c.id.not_in(kept)))

        await self.store.written(write)

    async def forget_missed(self, extension: str) -> None:
        """Somebody has heard of them."""
        forget = missed.delete().where(missed.c.extension == extension)
        await self.store.written(lambda connection: connection.execute(forget) and None)

    def missed_calls(self, extension: str | None = None) -> list[MissedCall]:
        """The newest first; of one telephone or of all."""
        asked = select(*missed.c, calls.c.number.label("theirs")).join(
            calls, calls.c.call == missed.c.call, isouter=True
        )
        if extension is not None:
            asked = asked.where(missed.c.extension == extension)
        return [self._missed(row) for row in self._read(asked.order_by(missed.c.id.desc()))]

    def _missed(self, row: sa.Row[tuple[object, ...]]) -> MissedCall:
        where = f"missed.number {row.extension} {row.at}"
        number = self.key.open(row.number, where)
        if row.theirs is not None:
            number = self.key.open(row.theirs, f"calls.number {row.call}")
        return MissedCall(row.extension, datetime.fromisoformat(row.at), row.call, number)

    # ---- blocked callers ----

    async def block(self, number: str, since: datetime) -> None:
        """From now on this caller hears what blocked callers hear."""
        name = self.key.keyed_hash(number)
        sealed = self.key.seal(number, f"blocked.number {name.hex()}")
        row = {"number_hash": name, "number": sealed, "since": since.astimezone(UTC).isoformat()}

        def write(connection: Connection) -> None:
            connection.execute(blocked.delete().where(blocked.c.number_hash == name))
            connection.execute(blocked.insert().values(row))

        await self.store.written(write)

    async def unblock(self, number: str) -> bool:
        """Whether this caller was blocked."""
        gone = blocked.delete().where(blocked.c.number_hash == self.key.keyed_hash(number))
        return await self.store.written(lambda connection: connection.execute(gone).rowcount > 0)

    def blocked_hashes(self) -> frozenset[bytes]:
        return frozenset(row.number_hash for row in self._read(select(blocked.c.number_hash)))

    def number_of(self, call: str) -> str:
        """A caller's number; empty where there is none."""
        for row in self._read(select(calls.c.number).where(calls.c.call == call)):
            return self.key.open(row.number, f"calls.number {call}")
        return ""

    def only_call(self, beginning: str) -> str:
        """The call whose id begins so; empty unless it is one."""
        named = select(calls.c.call).where(calls.c.call.startswith(beginning, autoescape=True))
        found = [row.call for row in self._read(named.limit(2))]
        return found[0] if len(found) == 1 else ""

    def last_talk_of(self, extension: str) -> str:
        """The newest call that this telephone took; empty: none."""
        taken = (steps.c.step == "accepted") & (steps.c.detail == extension)
        newest = select(steps.c.call).where(taken).order_by(steps.c.id.desc()).limit(1)
        return next((row.call for row in self._read(newest)), "")

    def _read(self, asked: sa.Select[tuple[object, ...]]) -> Iterator[sa.Row[tuple[object, ...]]]:
        reader = open_reader(self.store.path)
        try:
            with reader.connect() as connection:
                yield from connection.execute(asked).all()
        finally:
            reader.dispose()
