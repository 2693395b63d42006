"""Durable rows: our store's writer beside plain sqlite3, on the same disk in the same run.

A caller is promised nothing before it is durable, so what counts is how long one row takes to be
so, and how many a second can be when many calls ask at once.
"""

import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from firmware.bench.beside import ROUNDS, Aim, Compared, Report, Shown, in_turn
from firmware.store import Store

ROWS = 200
AT_ONCE = 50

INSERT = "INSERT INTO steps (call, at, mono_ms, step, detail) VALUES (?, ?, ?, ?, ?)"
ROW = ("a-call", "2026-01-01T00:00:00+00:00", 0, "bench", "{}")


@dataclass(frozen=True, slots=True)
class _Sides:
    """The same table of the same schema, twice."""

    store: Store
    plain: sqlite3.Connection

    def ours_ms(self) -> float:
        """One row after the other, each awaited."""

        def one_by_one() -> None:
            for _ in range(ROWS):
                self.store.submit(_insert).result()

        return _milliseconds_a_row(one_by_one)

    def plain_ms(self) -> float:
        """The same by hand."""

        def one_by_one() -> None:
            for _ in range(ROWS):
                self._commit()

        return _milliseconds_a_row(one_by_one)

    def ours_a_second(self) -> float:
        """Fifty calls ask at once, again and again."""

        def in_crowds() -> None:
            for _ in range(0, ROWS, AT_ONCE):
                for future in [self.store.submit(_insert) for _ in range(AT_ONCE)]:
                    future.result()

        return 1000 / _milliseconds_a_row(in_crowds)

    def plain_a_second(self) -> float:
        """By hand each has a commit of its own."""
        return 1000 / self.plain_ms()

    def _commit(self) -> None:
        self.plain.execute("BEGIN IMMEDIATE")
        self.plain.execute(INSERT, ROW)
        self.plain.execute("COMMIT")


def measure(rounds: int = ROUNDS, shown: Shown = lambda done, of: None) -> Report:
    """On the disk that holds temporary files."""
    with tempfile.TemporaryDirectory() as home:
        store = Store(Path(home) / "ours.db", "calls")
        Store(Path(home) / "plain.db", "calls").close()
        plain = sqlite3.connect(Path(home) / "plain.db", isolation_level=None)
        plain.execute("PRAGMA synchronous=FULL")
        sides = _Sides(store, plain)
        try:
            runs, noise = in_turn(
                {
                    "one": sides.ours_ms,
                    "one plain": sides.plain_ms,
                    "many": sides.ours_a_second,
                    "many plain": sides.plain_a_second,
                },
                rounds,
                shown,
            )
        finally:
            store.close()
            plain.close()
    peer = "plain sqlite3"
    return Report(
        (
            Compared("a row, until it is durable", "ms", runs["one"], {peer: runs["one plain"]}),
            Compared(
                f"durable rows, {AT_ONCE} asked for at once",
                "a second",
                runs["many"],
                {peer: runs["many plain"]},
                Aim(1, peer, at_most=False),
            ),
        ),
        noise,
        ("WAL, synchronous=FULL on both sides; the disk is the one that holds temporary files",),
    )


def _insert(connection: sa.Connection) -> None:
    connection.exec_driver_sql(INSERT, ROW)


def _milliseconds_a_row(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000 / ROWS
