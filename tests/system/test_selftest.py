"""The self-test line: a real call from the box to itself, which reaches no person and no line."""

import json
from collections.abc import Iterator

import pytest

from firmware import topics
from firmware.control import ask_async
from firmware.rehearsal import PASSWORD
from tests.system import town
from tests.system.town import Town
from tests.system.typed import careline, typed


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A clinic whose telephone company nobody has called yet."""
    with town.build(tmp_path_factory.mktemp("selftest")) as standing:
        yield standing


async def outcomes(clinic: Town) -> dict[str, int]:
    """How the calls so far ended; their sum holds."""
    status = await ask_async(clinic.place.control_socket, topics.STATUS, topics.StatusRequest())
    assert status.balanced
    return status.outcomes


def test_a_technician_calls_the_self_test_line_and_no_telephone_rings(clinic: Town) -> None:
    async def story() -> None:
        async with clinic.rehearsal.exchange():
            before = await outcomes(clinic)
            way = await careline(clinic, "call", "--to", "selftest", "--press", "1", "--wait", "2")
            for step in ("presses 1", "phone selftest is picked up", "caller and phone talk"):
                assert step in way, way
            after = await outcomes(clinic)
            assert after == before | {"answered": before["answered"] + 1}
        assert all(desk.rings == [] for desk in clinic.telco.desks.values())
        assert clinic.telco.invitations == []
        assert clinic.telco.emergency_invitations == []

    clinic.run(story())


def test_a_call_is_explained_step_by_step_and_so_is_how_it_is_counted(clinic: Town) -> None:
    async def story() -> None:
        async with clinic.rehearsal.exchange():
            await careline(clinic, "call", "--to", "selftest", "--press", "1", "--wait", "2")
            newest = await careline(clinic, "explain")
            for why in (
                "presses 1",
                "by the queue selftest, ",
                "of 1 free: selftest",
            ):
                assert why in newest, newest
            assert newest.rstrip().endswith("the call has ended: answered")
            assert "the caller talked with somebody" in newest
            call = newest.split()[1]
            assert await careline(clinic, "explain", call[:8].upper()) == newest
            steps = json.loads(await careline(clinic, "explain", call, "--json"))["steps"]
            assert {step["call"] for step in steps} == {call}
            for wrong, told in (("ffffff", "no call begins with"), ("anna", "is no call")):
                status, said = await typed(clinic, "explain", wrong)
                assert status != 0
                assert told in said

    clinic.run(story())


def test_a_test_message_lies_in_the_canarys_mailbox_and_opens(clinic: Town) -> None:
    async def story() -> None:
        async with clinic.rehearsal.exchange():
            way = await careline(
                clinic, "call", "--to", "selftest", "--press", "2,,1", "--wait", "6"
            )
            assert "sealed and safe" in way, way
            held = await careline(
                clinic, "messages", "list", "--json", "--password-stdin", said=f"{PASSWORD}\n"
            )
        assert {each["mailbox"] for each in json.loads(held)} == {"selftest"}
        assert clinic.telco.invitations == []

    clinic.run(story())
