"""The nightly drill on a real Asterisk: the restored site answers its own call, and no other."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from firmware import backup, drill, leases, tickets
from firmware.account import give
from firmware.audit import Act
from firmware.drill_call import self_test
from firmware.ledger import Arrived, Ledger, Moment
from firmware.machine import MachineKey
from firmware.place import Place
from firmware.shelf import Folder
from ivr.plan import Urgency
from ivr.ticket import Ticket
from ivr.urgent import Urgent
from tests.system import town
from tests.system.town import Town


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town.build(tmp_path_factory.mktemp("drill")) as standing:
        yield standing


def nobody_looks(_size: int) -> None:
    """No progress is shown."""


def programs_of(place: Place) -> list[str]:
    """Whatever still runs for a directory."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            told = (each / "environ").read_bytes() + (each / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(place.home) + b"/drill-" in told:
            found.append(each.name)
    return found


def owe_somebody(place: Place) -> None:
    """An urgent message that nobody has taken, and a call-back that was promised."""
    key, moment = MachineKey.at(place.machine_key), Moment.now()
    calls = [str(uuid4()) for _ in range(2)]
    urgent = Urgent(calls[0], str(uuid4()), "2025550147", "en", ())
    ticket = Ticket(
        str(uuid4()), calls[1], "front-desk", "2025550147", Urgency.ROUTINE, "en", 0.0,
        datetime.now(UTC) + timedelta(hours=4),
    )  # fmt: skip
    ledger = Ledger(place.calls_db, place.ledger_log, key)
    came = [Arrived(call, "main", "2025550100", "2025550147", "", moment) for call in calls]
    ledger.submit([*came, tickets.Opened(ticket, "a boot", moment)]).result()
    ledger.store.submit(lambda c: leases.open_(c, urgent, moment, key)).result()
    ledger.close()


def test_a_nights_drill_calls_the_restored_clinic_and_nobody_whom_that_clinic_owes_a_call(
    clinic: Town, tmp_path: Path
) -> None:
    place = clinic.place
    give(place, "rehearsal", Act.SET_UP)
    owe_somebody(place)
    backup.to_shelf(place, Folder(tmp_path), 7, nobody_looks)
    told = drill.drill(place, lambda: Folder(tmp_path), None, nobody_looks, self_test)
    assert told.wrong == ""
    assert told.called == "answered"
    assert all(desk.rings == [] for desk in clinic.telco.desks.values())
    assert clinic.telco.invitations == []
    assert clinic.telco.emergency_invitations == []
    assert list(place.home.glob("drill-*.part")) == []
    assert programs_of(place) == []


def test_a_restored_clinic_that_cannot_speak_is_red(clinic: Town, tmp_path: Path) -> None:
    """Its backup is whole, and of no use: the drill says so before somebody needs it."""
    place = clinic.place
    broken = place.prompts.with_name("prompts.away")
    place.prompts.rename(broken)
    place.prompts.mkdir()
    try:
        backup.to_shelf(place, Folder(tmp_path), 7, nobody_looks)
    finally:
        place.prompts.rmdir()
        broken.rename(place.prompts)
    told = drill.drill(place, lambda: Folder(tmp_path), None, nobody_looks, self_test)
    assert "prompts are not in the backup" in told.wrong
    assert list(place.home.glob("drill-*.part")) == []
    assert programs_of(place) == []
