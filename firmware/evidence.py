"""The evidence: what a clinic can lay before somebody who asks how it protects its patients.

One signed pack: a page for people, the same for programs, and the books it rests on, each of them
checked before it goes in. No patient stands in it and no key: what is sealed is not opened for it,
and the audit and the receipts hold names of staff, of mailboxes and ids.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from firmware import (
    audit,
    backup,
    drill,
    failures,
    holds,
    people,
    receipts,
    recordings,
    safeguards,
    second_factor,
    sessions,
    software,
    spare_key,
)
from firmware.asterisk.sandbox import AsteriskError, find_root
from firmware.audit import Act, Entry
from firmware.evidence_page import page
from firmware.machine import MachineKey
from firmware.operations import ROLES, Role
from firmware.place import BOX, Place
from firmware.store import open_reader
from ivr.plan import Plan

FORMAT = 1
PAGE, MACHINE, READ_ME = "evidence.html", "evidence.json", "READ-ME.txt"
AUDIT, RECEIPTS, SOFTWARE = "audit.jsonl", "receipts.jsonl", "software.cdx.json"
# What the audit says was exported, by whichever way.
TAKEN = "the evidence"
SUITE = "HPKE MLKEM1024-P384, HKDF-SHA384, AES-256-GCM"

HOW_TO_CHECK = """\
The evidence of {clinic}, made {made}.

evidence.html is for people, evidence.json says the same to programs. To check the pack with this
program:

    careline evidence verify PACK.zip --key KEY

and without it, in a directory into which it was unpacked:

    openssl pkeyutl -verify -pubin -inkey box-key.pem -rawin \\
        -in SHA256SUMS -sigfile SHA256SUMS.sig
    sha256sum --check SHA256SUMS

That box-key.pem is the box's own, the recovery paper says, where its digits stand:

    {key}

Each entry of audit.jsonl carries a signature of the same key, and the SHA-256 of the hash before it
and of [id, at, who, act, about] as JSON without spaces. Entry 1 follows 32 zero bytes; where older
entries were cut off by the clinic's rule, a later entry says after which hash the chain begins.
"""


@dataclass(frozen=True, slots=True)
class Books:
    """What is read of calls.db at one moment."""

    entries: tuple[Entry, ...]
    receipts: tuple[receipts.Receipt, ...]
    holds: tuple[holds.Hold, ...]
    recorded: tuple[int, int]  # parts of talks, and how many were cut off


def files(place: Place, plan: Plan, software_root: Path | None, now: datetime) -> dict[str, bytes]:
    """All that goes into the pack."""
    books, key = _books(place), MachineKey.at(place.machine_key)
    public = audit.signer(key).public_key()
    box_key = public.public_bytes_raw().hex()
    chain = audit.verify(books.entries, public, audit.newest_mark(place.ledger_log))
    proofs = receipts.verify(books.receipts, public, books.entries)
    made = now.astimezone(UTC).isoformat(timespec="seconds")
    components = software.installed(software_root)
    told: dict[str, Any] = {
        "format": FORMAT,
        "clinic": plan.name,
        "made": made,
        "version": version("careline"),
        "box_key": box_key,
        "audit": {**asdict(chain), "counts": _counts(books.entries)},
        "people": access_review(place, books.entries, now),
        "roles": {op: sorted(ROLES[op], key=[*Role].index) for op in ROLES},
        "sessions": _sessions(place, now),
        "envelope": _envelope(place),
        "keys": _keys(place),
        "retention": {
            "rules": asdict(plan.retention),
            "holds": [asdict(each) for each in books.holds],
            "receipts": asdict(proofs),
        },
        "recordings": dict(zip(("parts", "cut_off"), books.recorded, strict=True)),
        "drills": drills_held(place, books.entries),
        "algorithms": [
            dict(zip(("name", "use", "from"), a, strict=True)) for a in safeguards.ALGORITHMS
        ],
        "no_validated_module": safeguards.NO_VALIDATED_MODULE,
        "thief": {
            "machine_key": safeguards.MACHINE_KEY,
            "reads": safeguards.THIEF_READS,
            "reads_not": safeguards.THIEF_READS_NOT,
        },
        "transmission": safeguards.TRANSMISSION,
        "safeguards": [asdict(each) for each in safeguards.SAFEGUARDS],
        "software": {
            kind: sum(each.kind == kind for each in components)
            for kind in dict.fromkeys(each.kind for each in components)
        },
        "asterisk": [c.version for c in components if c.name == "asterisk"],
    }
    read_me = HOW_TO_CHECK.format(clinic=plan.name, made=made, key=box_key)
    return {
        READ_ME: read_me.encode(),
        PAGE: page(told).encode(),
        MACHINE: _json(told),
        AUDIT: _lines(
            (audit.head(box_key, len(books.entries)), *map(audit.as_line, books.entries))
        ),
        RECEIPTS: _lines(map(receipts.as_line, books.receipts)),
        SOFTWARE: _json(software.as_cyclonedx(components, made)),
    }


def asterisk_root(place: Place) -> Path | None:
    """Where Asterisk's packages are listed, if not on the box itself."""
    if place.home == BOX:
        return None
    try:
        return find_root()
    except (AsteriskError, OSError):
        return None


def _books(place: Place) -> Books:
    def of(connection: Connection) -> Books:
        return Books(
            tuple(audit.read(connection)),
            tuple(receipts.read(connection)),
            tuple(holds.standing(connection)),
            recordings.count(connection),
        )

    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            return of(connection)
    finally:
        reader.dispose()


def _counts(entries: Iterable[Entry]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.act] = counts.get(entry.act, 0) + 1
    return dict(sorted(counts.items()))


def access_review(
    place: Place, entries: Iterable[Entry], now: datetime
) -> list[Mapping[str, object]]:
    """The access review: who may open what, and how well they keep the door."""
    signed_in = {each.who: each.at for each in entries if each.act == Act.SIGNED_IN}
    waits = people.read(place.page_db, lambda c: failures.waiting(c, now))

    def factor(name: str) -> tuple[bool, int]:
        return people.read(
            place.page_db,
            lambda c: (second_factor.is_on(c, name), second_factor.recovery_codes_left(c, name)),
        )

    told: list[Mapping[str, object]] = []
    for each in people.everybody(place.page_db):
        is_on, codes_left = factor(each.name)
        told.append(
            {
                "name": each.name,
                "role": each.role,
                "opens": each.mailboxes,
                "waits_for": each.waits_for,
                "second_factor": is_on,
                "recovery_codes_left": codes_left,
                "last_sign_in": signed_in.get(each.name, ""),
                "locked_s": round(waits[each.name].total_seconds()) if each.name in waits else 0,
                "invited_until": each.invited_until.isoformat() if each.invited_until else "",
            }
        )
    return told


def _sessions(place: Place, now: datetime) -> dict[str, object]:
    running = people.read(place.page_db, lambda c: sessions.running(c, now))
    return {
        "idle_s": sessions.LIMITS.idle.total_seconds(),
        "absolute_s": sessions.LIMITS.absolute.total_seconds(),
        "running": [{"person": s.person, "begun": s.begun.isoformat()} for s in running],
    }


def _envelope(place: Place) -> dict[str, str]:
    found = people.envelope(place.page_db)
    if found is None:
        return {"state": "none was made"}
    made = {"made": found.made.isoformat(), "made_by": found.by}
    if found.opened is None:
        return {"state": "sealed", **made}
    return {
        "state": "opened",
        **made,
        "opened": found.opened.isoformat(),
        "opened_by": found.opened_by,
    }


def _keys(place: Place) -> dict[str, object]:
    """Of no key more than its id."""
    found = people.key_inventory(place.page_db)
    return {
        "suite": SUITE,
        "recovery_paper": {"id": found.recovery, "made": found.recovery_made},
        "mailboxes": [{**asdict(each), "wraps": len(each.open_to) + 1} for each in found.mailboxes],
        "people": [
            {"name": name, "id": key_id, "made": made}
            for name, (key_id, made) in found.people.items()
        ],
        "messages_the_box_can_open": len(spare_key.held(place.messages)),
        "machine_key": safeguards.MACHINE_KEY,
    }


def drills_held(place: Place, entries: Iterable[Entry]) -> dict[str, Any]:
    """The last backup and drill, and each that the audit knows of."""
    last = drill.last(place)
    about = {Act.BACKED_UP: "backups", Act.DRILLED: "drills", Act.RESTORED: "restores"}
    found: dict[str, list[dict[str, str]]] = {name: [] for name in about.values()}
    for each in entries:
        if each.act in list(about):
            told = {"at": each.at, "who": each.who, "about": each.about}
            found[about[Act(each.act)]].append(told)
    return {
        "last_backup": backup.last_made(place),
        "last_drill": asdict(last) if last else None,
        "last_failure": drill.last_failure(place),
        **found,
    }


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _json(told: object) -> bytes:
    return json.dumps(told, ensure_ascii=False, indent=1).encode()
