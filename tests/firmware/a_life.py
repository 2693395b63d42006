"""A message's life, and what is promised beside it, by the product's own code in the order in which
the exchange does it. Each time a caller or somebody at a keyboard would be told that something is
safe, a line says so: what follows must be there whenever the power goes after it.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue

from firmware import mended, spare_key, vault
from firmware.audit import Act, Audited
from firmware.keys import KeyPair
from firmware.ledger import Arrived, Finished, Ledger, MessageKept, Moment, mark_deleted
from firmware.machine import MachineKey
from firmware.recorder import Kept, Recorder, Told
from firmware.tickets import Opened
from ivr.commands import Outcome
from ivr.plan import Urgency
from ivr.ticket import Ticket
from tests.firmware.alice import ACK
from tests.firmware.lender import Lender, LentChunk
from tests.firmware.voice import voice

KEY = MachineKey(b"k" * 32)
NURSES = KeyPair(b"n" * 32)
CALLS = (
    "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee",
)
SECONDS = (2.5, 1.2)
NUMBER = "+15555550142"


def acknowledged(what: str, name: str) -> None:
    os.write(1, ACK + f"{what} {name}\n".encode())


def books(home: Path) -> Ledger:
    return Ledger(home / "calls.db", home / "ledger.log", KEY)


def arrived(call: str) -> Arrived:
    return Arrived(call, "main", "5555550100", NUMBER, "Dolores", Moment.now())


def begin(home: Path) -> None:
    """The first call of a box that never had any."""
    ledger = books(home)
    ledger.submit([arrived(CALLS[0])]).result()
    acknowledged("call", CALLS[0])
    ledger.close()


def live(home: Path) -> None:
    ledger = books(home)
    lender, told = Lender(), SimpleQueue[Told]()
    recorder = Recorder[LentChunk](
        lender,
        home / "messages",
        lambda _mailbox: [NURSES.public],
        told.put,
        lambda message, own: spare_key.keep(home / "messages", message, own, KEY),
    )
    for call, seconds in zip(CALLS, SECONDS, strict=True):
        ledger.submit([arrived(call)]).result()
        acknowledged("call", call)
        recorder.expect(call, "nurses", urgent=False, is_played_back=call == CALLS[0])
        lender.speak(call, voice(seconds))
        kept = told.get()
        assert isinstance(kept, Kept), kept
        ledger.submit([row(kept.label, kept.seconds)]).result()
        acknowledged("message", kept.label.message)
        if call == CALLS[0]:
            first = kept.label.message
    ledger.submit([opened("71c4e7", CALLS[1])]).result()
    acknowledged("ticket", "71c4e7")
    ledger.restart_log(mended.copy(home / "calls.db")).result()
    ledger.submit([Audited("maria", Act.LISTENED, first, Moment.now())]).result()
    acknowledged("audit", first)
    ledger.store.submit(lambda c: mark_deleted(c, first, Moment.now())).result()
    spare_key.destroy(home / "messages", first)
    vault.destroy(vault.sealed_path(home / "messages", first))
    acknowledged("deleted", first)
    ledger.submit([Finished(CALLS[1], Outcome.MESSAGE, Moment.now())]).result()
    acknowledged("outcome", CALLS[1])
    recorder.close()
    ledger.close()


def row(label: vault.Label, seconds: float) -> MessageKept:
    return MessageKept(
        message=label.message,
        call=label.call,
        mailbox=label.mailbox,
        started=datetime.fromtimestamp(label.started_ms / 1000, UTC),
        seconds=seconds,
        urgent=label.urgent,
        cut_off=False,
        moment=Moment.now(),
    )


def opened(name: str, call: str) -> Opened:
    ticket = Ticket(
        id=name,
        call=call,
        queue="desk",
        number=NUMBER,
        urgency=Urgency.SOON,
        language="en",
        since=4_900.0,
        expires=datetime.now(UTC) + timedelta(hours=30),
        about="",
    )
    return Opened(ticket, "a life", Moment.now())


if __name__ == "__main__":
    {"begin": begin, "live": live}[sys.argv[1]](Path(sys.argv[2]))
