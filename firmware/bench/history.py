"""What the page asks of the figures, over years of calls: kept tallies beside a scan of the calls.

Both sides tell the same of the same calls: the tallies' hours are counted from the table that the
other side scans. A page asks for today by queue, for the last thirty days by agent and by day, and
for all there is by queue; each figure is the 95th percentile of many such looks.
"""

import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from firmware import rollups
from firmware.bench.beside import ROUNDS, Aim, Compared, Report, Shown, in_turn, together
from firmware.figures import COUNTS, By, day_begins, text_of
from firmware.rollups import Span
from firmware.store import Store, open_reader

SIZES = (100_000, 10_000_000)
ZONE = ZoneInfo("America/New_York")
END = datetime(2026, 11, 1, 4, tzinfo=UTC)  # a midnight of the clinic's
CALLS_A_DAY = 1000  # ten million are 27 years of a very busy clinic
FIRST_HOUR, HOURS = 12, 10  # of UTC, in which people call
LOOKS = 20
QUEUES, AGENTS = 4, 12

FILL = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :calls)
INSERT INTO flat SELECT
  strftime('%Y-%m-%dT%H:00:00.000+00:00', :begin, '+' || (i / :a_day) || ' days',
    '+' || (:first_hour + i % :hours) || ' hours'),
  'queue ' || (i * 7 % :queues), '1' || (i * 13 % :agents), abs(random()) % 90000
FROM n
"""
BY = {By.ALL: "''", By.QUEUE: "queue", By.AGENT: "agent"}


@dataclass(frozen=True, slots=True)
class _History:
    """The same calls, as a table of calls and as tallies."""

    calls: int
    plain: sqlite3.Connection
    open_: Connection
    days: int

    @property
    def begin(self) -> datetime:
        return END - timedelta(days=self.days)

    def looks(self) -> list[tuple[By, datetime, datetime]]:
        today = END - timedelta(days=1)
        month = END - timedelta(days=30)
        return [
            (By.QUEUE, today, END),
            (By.AGENT, month, END),
            (By.ALL, month, END),
            (By.QUEUE, self.begin, END),
        ]

    def ours_ms(self) -> float:
        def look(by: By, begin: datetime, end: datetime) -> None:
            if by is By.ALL:
                rollups.by_day(self.open_, begin, end, ZONE)
            else:
                rollups.figures(self.open_, begin, end, by, ZONE)

        return _p95_ms(look, self.looks() * (LOOKS // len(self.looks())))

    def scanned_ms(self) -> float:
        """Each kind of look once: there is nothing that would make one quicker than another."""
        return _p95_ms(self._scan, self.looks())

    def _scan(self, by: By, begin: datetime, end: datetime) -> None:
        self.plain.execute(
            f"SELECT {BY[by]}, count(*), sum(wait_ms), max(wait_ms) FROM flat"  # noqa: S608 - ours
            " WHERE at >= ? AND at < ? GROUP BY 1",
            (text_of(begin), text_of(end)),
        ).fetchall()


def measure(
    rounds: int = ROUNDS,
    shown: Shown = lambda done, of: None,
    sizes: tuple[int, ...] = SIZES,
) -> Report:
    """On the disk that holds temporary files; ten million calls take some 1 GB of it."""
    return together(_of(calls, rounds, shown) for calls in sizes)


def _of(calls: int, rounds: int, shown: Shown) -> Report:
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "calls.db"
        Store(path, "calls").close()
        plain = sqlite3.connect(path, isolation_level=None)
        reader = open_reader(path)
        try:
            days = _fill(plain, calls)
            with reader.connect() as open_:
                history = _History(calls, plain, open_, days)
                _same(history)
                sides = {"kept": history.ours_ms, "scanned": history.scanned_ms}
                runs, noise = in_turn(sides, rounds, shown)
        finally:
            reader.dispose()
            plain.close()
    peer = "a scan of the calls"
    what = f"the page's figures over {calls:,} calls, 95th percentile"
    most_ms = 5 if calls <= SIZES[0] else 20
    return Report(
        (
            Compared(what, "ms", runs["kept"], {peer: runs["scanned"]}, Aim(1 / 50, peer)),
            Compared(f"{what}, by itself", "ms", runs["kept"], {}, Aim(most_ms)),
        ),
        noise,
        (f"{calls:,} calls are {days:,} days of {CALLS_A_DAY:,}",),
    )


def _fill(plain: sqlite3.Connection, calls: int) -> int:
    """Calls, and their tallies; for how many days."""
    days = -(-calls // CALLS_A_DAY)
    begin = END - timedelta(days=days)
    plain.execute("PRAGMA synchronous=OFF")
    plain.execute("CREATE TABLE flat (at TEXT, queue TEXT, agent TEXT, wait_ms INTEGER)")
    plain.execute("BEGIN")
    plain.execute(
        FILL,
        {
            "calls": calls,
            "begin": f"{begin:%Y-%m-%d}",
            "a_day": CALLS_A_DAY,
            "first_hour": FIRST_HOUR,
            "hours": HOURS,
            "queues": QUEUES,
            "agents": AGENTS,
        },
    )
    known = {"offered": "count(*)", "answered": "count(*)", "answer_waits": "count(*)"}
    known |= {"answer_wait_ms": "sum(wait_ms)", "longest_ms": "max(wait_ms)"}
    counts = ", ".join(known.get(name, "0") for name in COUNTS)
    for by, name in BY.items():
        plain.execute(
            f"INSERT INTO tallies SELECT 'hour', '{by}', at, {name}, {counts}"  # noqa: S608 - ours
            " FROM flat GROUP BY at, 4"
        )
    plain.execute("INSERT INTO tallies_state VALUES (?, 0)", (ZONE.key,))
    midnights = [day_begins((END - timedelta(days=d)).astimezone(ZONE).date(), ZONE)
                 for d in range(days + 1, -1, -1)]  # fmt: skip
    _sum_up(plain, Span.HOUR, Span.DAY, midnights)
    _sum_up(plain, Span.DAY, Span.MONTH, [day for day in midnights if day.day == 1])
    plain.execute("COMMIT")
    return days


def _sum_up(plain: sqlite3.Connection, parts: Span, to: Span, begins: list[datetime]) -> None:
    sums = ", ".join(f"{'max' if n == 'longest_ms' else 'sum'}({n})" for n in COUNTS)
    for begin, end in pairwise(begins):
        plain.execute(
            f"INSERT INTO tallies SELECT '{to}', by, ?, name, {sums} FROM tallies"  # noqa: S608
            f" WHERE span = '{parts}' AND by IN ('all', 'queue', 'agent')"
            " AND begins >= ? AND begins < ? GROUP BY by, name",
            (text_of(begin), text_of(begin), text_of(end)),
        )


def _same(history: _History) -> None:
    """Figures that said something else would not be worth their speed."""
    told = rollups.figures(history.open_, history.begin, END, By.QUEUE, ZONE)
    rows = history.plain.execute(
        "SELECT queue, count(*), sum(wait_ms), max(wait_ms) FROM flat GROUP BY 1"
    )
    true = {name: (calls, waited, longest) for name, calls, waited, longest in rows}
    ours = {n: (t.offered, t.answer_wait_ms, t.longest_ms) for n, t in told.items()}
    if ours != true:
        raise AssertionError("the tallies do not say what the calls say")


def _p95_ms(
    look: Callable[[By, datetime, datetime], None], looks: list[tuple[By, datetime, datetime]]
) -> float:
    took: list[float] = []
    for each in looks:
        began = time.perf_counter()
        look(*each)
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[-(-95 * len(took) // 100) - 1]
