"""What became of each text that the box sent, as it lies in the exchange's store.

    queued -> sent (the network has it) -> delivered or failed, as the network's reports say
    queued -> failed (nobody took it in time), or taken back by staff

Reports outlive the exchange that sent: after a restart a text is found by its number and the
reference under which it went. A number is forgotten after a month, and with it whatever is no part
of a request.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, column, select, table

from firmware.ledger import Moment
from firmware.machine import MachineKey, MachineKeyError
from firmware.sms_store import one_way

KEPT = timedelta(days=30)
MOST_LISTED = 50
SHORT = "-"  # in a request's name, and in none of our words

texts = table(
    "texts",
    column("text", sa.Text),
    column("at", sa.Text),
    column("about", sa.Text),
    column("number", sa.LargeBinary),
    column("number_hash", sa.LargeBinary),
    column("state", sa.Text),
    column("why", sa.Text),
    column("parts", sa.Text),
    column("reports", sa.Text),
)


class State(StrEnum):
    """Where a text is."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    TAKEN_BACK = "taken back"


# 3GPP TS 23.040, 9.2.3.15; what the network gives up for good, and what it gave up trying.
WHY: Mapping[int, str] = {
    0x41: "that telephone cannot take texts",
    0x42: "that telephone refused it",
    0x43: "that number is not in use, or takes no texts",
    0x45: "that telephone's network takes no texts of ours",
    0x46: "that telephone was off or away for four days",
    0x48: "the network deleted it",
    0x60: "the network was too busy",
    0x61: "that telephone was busy",
    0x62: "that telephone did not answer",
    0x63: "that telephone's network refused it",
    0x65: "that telephone had no room for it",
}
WHY_ELSE = "the network could not deliver it"
DELIVERED_BELOW, TRIED_BELOW = 0x20, 0x40


@dataclass(frozen=True, slots=True)
class Text:
    """One text that the box sent, or is to send."""

    text: str
    at: str
    about: str
    number: str = field(repr=False)
    number_hash: bytes | None = field(repr=False)
    state: State
    why: str


def queue(
    connection: Connection, text: str, number: str, about: str, moment: Moment, key: MachineKey
) -> None:
    """It is to go; what is old is forgotten."""
    old = texts.c.at < Moment(moment.at - KEPT, 0).text
    is_of_request = texts.c.about.contains(SHORT, autoescape=True)
    connection.execute(texts.delete().where(old, ~is_of_request))
    connection.execute(
        texts.update().where(old, texts.c.number.is_not(None)).values(number=None, number_hash=None)
    )
    connection.execute(
        texts.insert().values(
            text=text,
            at=moment.text,
            about=about,
            number=key.seal(number, f"texts.number {text}"),
            number_hash=key.keyed_hash(one_way(number)),
            state=State.QUEUED.value,
            why="",
            parts="[]",
            reports="{}",
        )
    )


def went(connection: Connection, text: str, references: Sequence[int | None]) -> None:
    """The network took each part of it, under these references."""
    ours = texts.c.text == text
    told = connection.execute(select(texts.c.reports).where(ours)).scalar_one_or_none()
    if told is not None:
        _settle(connection, text, list(references), json.loads(told))


def reported(connection: Connection, text: str, reference: int, status: int) -> None:
    """The network says what became of the part with this reference."""
    ours = texts.c.text == text
    row = connection.execute(select(texts).where(ours)).one_or_none()
    if row is not None:
        reports = json.loads(row.reports) | {str(reference): status}
        _settle(connection, text, json.loads(row.parts), reports)


def named_by(connection: Connection, reference: int, number: str, key: MachineKey) -> str | None:
    """The newest text that went to this number under this reference."""
    theirs = texts.c.number_hash == key.keyed_hash(one_way(number))
    asked = select(texts.c.text, texts.c.parts).where(theirs).order_by(texts.c.at.desc())
    for row in connection.execute(asked):
        if reference in json.loads(row.parts):
            return str(row.text)
    return None


def failed(connection: Connection, text: str, why: str) -> None:
    """It does not go any more; one of which the network said more stays as that says."""
    _leave_queue(connection, text, State.FAILED, why)


def take_back(connection: Connection, text: str) -> bool:
    """It does not go after all; false: it is not queued."""
    return _leave_queue(connection, text, State.TAKEN_BACK, "")


def _leave_queue(connection: Connection, text: str, state: State, why: str) -> bool:
    waits = (texts.c.text == text, texts.c.state == State.QUEUED.value)
    done = connection.execute(texts.update().where(*waits).values(state=state.value, why=why))
    return bool(done.rowcount)


def _settle(
    connection: Connection, text: str, references: list[int | None], reports: dict[str, int]
) -> None:
    state, why = state_of(references, reports)
    connection.execute(
        texts.update()
        .where(texts.c.text == text)
        .values(
            state=state.value,
            why=why,
            parts=json.dumps(references),
            reports=json.dumps(reports),
        )
    )


def state_of(references: Sequence[int | None], reports: Mapping[str, int]) -> tuple[State, str]:
    """What is known of a text from what is known of its parts: it came whole, or not at all."""
    told = [reports.get(str(each)) for each in references]
    lost = next((each for each in told if each is not None and each >= TRIED_BELOW), None)
    if lost is not None:
        return State.FAILED, WHY.get(lost, WHY_ELSE)
    if not references:
        return State.QUEUED, ""
    if all(each is not None and each < DELIVERED_BELOW for each in told):
        return State.DELIVERED, ""
    return State.SENT, ""


def one(connection: Connection, text: str, key: MachineKey) -> Text | None:
    """This one; None: nobody knows of it any more."""
    row = connection.execute(select(texts).where(texts.c.text == text)).one_or_none()
    return None if row is None else _text(row, key)


def newest(connection: Connection, key: MachineKey, most: int = MOST_LISTED) -> list[Text]:
    """The newest first."""
    rows = connection.execute(select(texts).order_by(texts.c.at.desc()).limit(most))
    return [_text(row, key) for row in rows]


def of(connection: Connection, about: str) -> Mapping[str, tuple[str, State, str]]:
    """Each text of this request by the moment of its note: its name, where it is, and why."""
    rows = connection.execute(select(texts).where(texts.c.about == about))
    return {row.at: (row.text, State(row.state), row.why) for row in rows}


def _text(row: sa.Row[Any], key: MachineKey) -> Text:
    try:
        number = key.open(row.number, f"texts.number {row.text}") if row.number else ""
    except MachineKeyError:
        number = ""  # of another box's key
    return Text(row.text, row.at, row.about, number, row.number_hash, State(row.state), row.why)
