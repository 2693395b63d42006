"""Where a telephone stands goes with its emergency call, and with no other; an address that is not
there, a line that cannot take it or a location that Asterisk does not know keep no call back."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace

import pytest

from firmware.asterisk.telco import LINE_ADDRESS, Refuses
from firmware.ports import free_ports
from ivr.plan import Address, Plan
from tests.lines.centre import Centre, Invite, listening
from tests.system import practice
from tests.system.town import Town, soon

ADDRESS = Address(
    country="US",
    state="NY",
    county="Tompkins",
    city="Ithaca",
    street="Maple Street",
    house_number="12",
    postcode="14850",
)
CLINIC = {
    "country": "US",
    "A1": "NY",
    "A2": "Tompkins",
    "A3": "Ithaca",
    "RD": "Maple Street",
    "HNO": "12",
    "PC": "14850",
}
STANDS = {"101": ("1", "Reception"), "102": ("2", "Sala 3 - María"), "103": ("", "")}
"""Floor and room of each telephone."""


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Its trunk leads to a centre that reads by hand; nobody listens there yet."""
    with ExitStack() as kept:
        (port,) = free_ports(kept, 1, LINE_ADDRESS)

        def change(plan: Plan) -> Plan:
            phones = {
                number: replace(phone, floor=STANDS[number][0], room=STANDS[number][1])
                for number, phone in plan.phones.items()
                if number in STANDS
            }
            trunks = {name: replace(trunk, port=port) for name, trunk in plan.trunks.items()}
            return replace(plan, phones={**plan.phones, **phones}, trunks=trunks, address=ADDRESS)

        standing = kept.enter_context(
            practice.build(tmp_path_factory.mktemp("whereabouts"), change=change)
        )
        # Else the front desk would ring for a minute, told of a call that is long over.
        standing.run(standing.telco.behave("101", Refuses()))
        yield standing


@pytest.fixture(scope="module")
def centre(clinic: Town) -> Iterator[Centre]:
    """It answers as long as the clinic stands: what nobody answers is sent again and again."""
    (trunk,) = clinic.rehearsal.site.plan.trunks.values()
    there = AsyncExitStack()
    yield clinic.run(there.enter_async_context(listening(trunk.port)))
    clinic.run(there.aclose())


async def calls_for_help(clinic: Town, centre: Centre, desk: str, tries: int) -> list[Invite]:
    return await calls(clinic, centre, desk, "911", tries)


async def calls(
    clinic: Town, centre: Centre, desk: str, number: str, tries: int = 1
) -> list[Invite]:
    """So many of the tries that a telephone makes to reach a number."""
    await practice.silence_falls(clinic)  # else a try under way would be told of in this story
    while not centre.invites.empty():
        centre.invites.get_nowait()
    call = await clinic.telco.dial(desk, number)
    invites = [await soon(centre.invites.get()) for _ in range(tries)]
    await call.hang_up()
    return invites


@pytest.mark.parametrize("desk", STANDS)
def test_the_centre_reads_each_field_of_where_a_telephone_stands(
    clinic: Town, centre: Centre, desk: str
) -> None:
    floor, room = STANDS[desk]
    stands = {"LOC": clinic.rehearsal.plan.phones[desk].location, "FLR": floor, "ROOM": room}
    wanted = CLINIC | {name: text for name, text in stands.items() if text}

    async def story() -> None:
        (invite,) = await calls_for_help(clinic, centre, desk, 1)
        assert invite.place == wanted
        assert invite.message["Geolocation-Routing"] == "yes"
        assert invite.has_audio

    clinic.run(story())


def test_a_line_that_cannot_take_it_is_tried_again_without(clinic: Town, centre: Centre) -> None:
    async def story() -> None:
        centre.status = "415 Unsupported Media Type"
        tries = await calls_for_help(clinic, centre, "101", 3)
        assert [each.place is None for each in tries] == [False, True, False]
        assert all(each.has_audio for each in tries)

    clinic.run(story())


def test_no_other_call_tells_where_a_telephone_stands(clinic: Town, centre: Centre) -> None:
    async def story() -> None:
        (invite,) = await calls(clinic, centre, "101", "92025550188")
        assert invite.place is None
        assert "pidf" not in str(invite.message)

    clinic.run(story())


def test_a_location_that_asterisk_does_not_know_keeps_no_emergency_call_back(
    clinic: Town, centre: Centre
) -> None:
    async def story() -> None:
        known = clinic.place.asterisk / "current" / "geolocation.conf"
        text = known.read_text("utf-8")
        try:
            known.write_text("", "utf-8")
            await clinic.clinic.rx("module reload res_geolocation.so")
            (invite,) = await calls_for_help(clinic, centre, "101", 1)
            assert invite.place is None
            assert invite.has_audio
        finally:
            known.write_text(text, "utf-8")
            await clinic.clinic.rx("module reload res_geolocation.so")

    clinic.run(story())
