"""A line by which nobody calls any more, though its trunk answers: told, until somebody calls."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from firmware.ledger import Arrived, Ledger, Moment
from firmware.machine import MachineKey
from firmware.topics import Part
from tests.system import practice
from tests.system.practice import Story
from tests.system.town import Town, soon

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = "\n".join(["[hours.always]", *(f'{day} = ["00:00-24:00"]' for day in DAYS)])
SITE = practice.SITE.replace("[lines.main]", "[lines.main]\nquiet_h = 2") + f"\n{ALWAYS}\n"


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with practice.build(tmp_path_factory.mktemp("dead"), SITE) as standing:
        yield standing


def was_called(clinic: Town, ago: timedelta) -> None:
    """As the ledger has it."""
    place = clinic.place
    ledger = Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))
    try:
        moment = Moment(datetime.now(UTC) - ago, 0)
        row = Arrived(str(uuid.uuid4()), "main", "2025550100", "", "", moment)
        ledger.submit([row]).result()
    finally:
        ledger.close()


async def alarm(told: Story, *, is_there: bool) -> Part | None:
    """Once the status tells of the line, or of nothing."""
    while True:
        parts = [part for part in (await told.status()).parts if part.name == "line main"]
        if bool(parts) is is_there:
            return parts[0] if parts else None


def test_a_line_that_nobody_calls_any_more_is_an_alarm_until_somebody_does(clinic: Town) -> None:
    was_called(clinic, ago=timedelta(hours=3))

    async def story() -> None:
        async with practice.exchange(clinic) as told:
            part = await soon(alarm(told, is_there=True))
            assert part
            assert part.detail == "no call has come for 2 hours while the clinic was open"
            line, _ = await told.call(clinic.telco)
            await soon(alarm(told, is_there=False))
            await line.hang_up()

    clinic.run(story())
