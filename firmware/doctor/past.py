"""What a line's last calls tell of it: whether it says who calls, and how it says that a caller has
hung up. Counts alone leave here; nothing of any caller is read.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from firmware.doctor.findings import Colour, Finding
from firmware.ledger import calls, steps
from firmware.store import StoreError, open_reader
from ivr import line_said
from ivr.says import Says

LAST = 20  # of each line
ENOUGH = 5  # with fewer nothing is said against a line: ours
SILENT_AMBER = 0.2  # of the calls: ours


@dataclass(frozen=True, slots=True)
class Past:
    """Of the last calls that came by one line and are over."""

    calls: int
    with_number: int
    by_tone: int  # the network's busy tone ended it
    by_silence: int  # nothing told that the caller was gone


def of_callers(line: str, past: Past) -> Finding:
    """Whether the line says who calls (caller ID)."""
    mute = past.calls >= ENOUGH and not past.with_number
    return Finding(
        f"caller ID of line {line}",
        Colour.AMBER if mute else Colour.GREEN,
        f"{past.with_number} of the last {past.calls} calls said who called",
        "ask the telephone company to switch on caller ID; where a gateway has this line, set it to"
        " the company's kind of caller ID, and to answer after the second ring"
        if mute
        else "",
    )


def of_endings(line: str, past: Past) -> Finding:
    """How the line says that a caller has hung up (disconnect supervision)."""
    lost = past.calls >= ENOUGH and past.by_silence > SILENT_AMBER * past.calls
    return Finding(
        f"hang-up on line {line}",
        Colour.AMBER if lost else Colour.GREEN,
        f"of the last {past.calls} calls the busy tone ended {past.by_tone} and silence"
        f" {past.by_silence}; the line told the end of the others, or they were ended here",
        "ask the telephone company for disconnect supervision; where a gateway has this line, set"
        " it to end calls by polarity reversal, open loop or the country's busy tone"
        if lost
        else "",
    )


def read(calls_db: Path, lines: Sequence[str]) -> tuple[Finding, ...]:
    """Of each line that has had a call; nothing where the books cannot be read, which status
    tells."""
    try:
        reader = open_reader(calls_db)
        try:
            with reader.connect() as connection:
                return tuple(_findings(connection, lines))
        finally:
            reader.dispose()
    except (StoreError, SQLAlchemyError):
        return ()


def _findings(connection: sa.Connection, lines: Sequence[str]) -> Iterator[Finding]:
    for line in lines:
        last = (
            sa.select(calls.c.call, calls.c.number_hash)
            .where(calls.c.line == line, calls.c.ended.is_not(None))
            .order_by(calls.c.arrived.desc())
            .limit(LAST)
            .subquery()
        )
        count, numbers = connection.execute(
            sa.select(sa.func.count(), sa.func.count(last.c.number_hash)).select_from(last)
        ).one()
        if not count:
            continue
        said = Counter(
            connection.execute(
                sa.select(steps.c.detail)
                .join(last, last.c.call == steps.c.call)
                .where(steps.c.step == line_said.STEP)
            ).scalars()
        )
        past = Past(count, numbers, said[Says.HUNG_UP], said[Says.SILENT])
        yield of_callers(line, past)
        yield of_endings(line, past)
