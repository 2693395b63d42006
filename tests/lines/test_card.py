"""A telephone card that the site names and the machine has not: all else works, and it is told."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tomlkit
from typer.testing import CliRunner

from firmware import card_watch, settings
from firmware.asterisk import dahdi, publish
from firmware.asterisk.sandbox import has_module
from firmware.cli.site import app
from firmware.topics import Part
from ivr.plan import Plan
from tests.system import practice
from tests.system.practice import Story
from tests.system.town import Told, Town, soon

OUTSIDE = "2025550142"
WRITTEN = {
    "wall": {"card": {"channels": "1-2"}},
    "isdn": {"card": {"kind": "t1", "channels": "3-26", "group": 2}},
}
# First of the lines for 911, too: they stand before the other.
SITE = practice.SITE.replace(
    "[trunks.telco]", f"{tomlkit.dumps({'trunks': WRITTEN})}\n[trunks.telco]", 1
).replace('trunk = "telco"\nshows', 'trunk = "wall"\notherwise = ["isdn", "telco"]\nshows')
SITE += '[lines.wall]\ntrunk = "wall"\nnumbers = ["2025550177"]\nflow = "main"\n'
CARDS = {name: settings.read(SITE).trunks[name] for name in WRITTEN}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A rehearsal leads each trunk to its own company; these are cards again."""

    def cards_again(plan: Plan) -> Plan:
        return replace(plan, trunks={**plan.trunks, **CARDS})

    home = tmp_path_factory.mktemp("card")
    with practice.build(home, SITE, change=cards_again) as standing:
        document = tomlkit.parse(standing.place.site_file.read_text("utf-8"))
        document["trunks"].update(WRITTEN)
        standing.place.site_file.write_text(tomlkit.dumps(document), "utf-8")
        yield standing


async def told_of_it(told: Story) -> Part:
    """Once the status has it."""
    while True:
        for part in (await told.status()).parts:
            if part.name == "trunk wall":
                return part


def test_a_card_that_is_not_there_is_told_and_calls_and_911_go_by_the_other_line(
    clinic: Town,
) -> None:
    async def story() -> None:
        telco = clinic.telco
        call = await telco.dial("102", f"9{OUTSIDE}")
        await soon(call.answered)
        await call.hang_up()
        assert [each.number for each in telco.invitations] == [OUTSIDE]
        emergency = await telco.dial("102", "911")
        await soon(emergency.answered)
        await emergency.hang_up()
        assert [each.number for each in telco.emergency_invitations] == ["911"]
        async with practice.exchange(clinic) as told:
            part = await soon(told_of_it(told))
            assert part.state == "alarm"
            is_driven = has_module(clinic.place, dahdi.MODULES)
            assert part.detail == (card_watch.NOT_THERE if is_driven else card_watch.NO_DRIVER)

    clinic.run(story())


def test_who_calls_at_a_port_of_the_card_comes_to_the_menu_of_its_line(clinic: Town) -> None:
    """The port itself is not there; the call begins where chan_dahdi would have it begin."""

    async def story() -> None:
        await clinic.clinic.rx("database deltree emergency")  # no hour after a 911 call
        ports, secret = clinic.rehearsal.site.ports, clinic.secrets.ami
        async with practice.exchange(clinic) as told, Told(ports, secret) as beside:

            async def rings() -> None:
                await beside.link.send(
                    "Originate", ("Channel", "Local/s@port-2/n"), ("Application", "Wait"),
                    ("Data", "5"), ("Async", "true"),
                )  # fmt: skip

            _, call = await told.named(rings)
            arrived = await told.step(call, "arrived")
            assert "wall" in arrived.detail

    clinic.run(story())


def test_a_site_with_a_card_can_be_published(clinic: Town) -> None:
    """It is walked by a second Asterisk, which must leave the card to the first."""
    made = clinic.rehearsal
    clinic.run(publish.prove(made.place, made.site, made.launch))


def test_who_checks_the_site_is_warned_where_nothing_drives_the_card(
    clinic: Town, tmp_path: Path
) -> None:
    file = tmp_path / "clinic.toml"
    advice = '"emergency-first", "main-menu"'
    file.write_text(SITE.replace('"main-menu"', advice), "utf-8")
    home = {"CARELINE_HOME": str(clinic.place.home)}
    result = CliRunner().invoke(app, ["check", str(file)], env=home)
    assert result.exit_code == 0, result.output
    is_driven = has_module(clinic.place, dahdi.MODULES)
    assert (card_watch.NO_DRIVER in result.stderr) is not is_driven
