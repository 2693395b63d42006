"""A trunk that signs in: numbers go as the company wants them, and a wrong password and a company
that has gone are told in words."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from firmware import site_secrets, trunk_refusal, trunk_watch
from firmware.asterisk.telco import Telco
from firmware.asterisk.written import section
from firmware.control import ask_async
from firmware.lines_desk import LINES, LineNow, LinesRequest
from firmware.place import Place
from ivr.plan import NumberFormat, Plan, ShownIn
from tests.system import practice
from tests.system.practice import Story
from tests.system.town import Town, soon

RIGHT, WRONG = "right horse", "wrong horse"
KNOWN = ["type=auth", "auth_type=userpass", "username=carol", f"password={WRONG}"]
CAROL = [
    *("type=endpoint", "transport=line", "context=from-clinic", "allow=ulaw", "auth=carol"),
    "aors=carol",
]
ACCOUNT = "\n".join(
    (
        section("carol", CAROL),
        section("carol", KNOWN),
        section("carol", ["type=aor", "max_contacts=1", "remove_existing=yes"]),
        section("carol", ["type=identify", "endpoint=carol", "match_header=To: /sip:carol@/"]),
    )
)


def signs_in(plan: Plan) -> Plan:
    trunk = replace(
        plan.trunks["telco"],
        username="carol",
        registers=True,
        numbers=NumberFormat.PLUS_E164,
        shown_in=ShownIn.CALLER,
    )
    return replace(plan, trunks={"telco": trunk})


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The company knows the clinic by another password."""
    home = tmp_path_factory.mktemp("signing-in")
    site_secrets.give_trunk(Place(home).secrets, "telco", RIGHT)
    with practice.build(home, change=signs_in) as standing:
        # A rehearsal takes from each trunk that it signs in.
        file = standing.place.site_file.resolve()
        text = file.read_text("utf-8")
        named = '[trunks.telco]\nusername = "carol"\nregisters = true'
        file.write_text(text.replace("[trunks.telco]", named), "utf-8")
        standing.run(opened(standing.telco, WRONG))
        yield standing


async def opened(telco: Telco, password: str) -> None:
    """The account has this password."""
    told = telco.home / "current" / "pjsip.conf"
    text = told.read_text("utf-8").partition("[carol]")[0]
    told.write_text(text + ACCOUNT.replace(WRONG, password), "utf-8")
    await telco.asterisk.rx("module load res_pjsip_registrar.so")
    await telco.asterisk.rx("module reload res_pjsip.so")


async def signed_in(clinic: Town) -> None:
    """Once the company, which forgot the clinic, knows where it is."""
    while "carol/sip:" not in await clinic.telco.asterisk.rx("pjsip show aor carol"):
        pass  # each question takes Asterisk's command line a while


async def becomes(clinic: Town, told: Story, holds: Callable[[LineNow], bool]) -> LineNow:
    """The line, once this is so of it."""
    while True:
        reply = await ask_async(clinic.place.control_socket, LINES, LinesRequest())
        (line,) = reply.lines
        if holds(line):
            part = next(p for p in (await told.status()).parts if p.name == "trunk telco")
            assert (part.state, part.detail, part.cure) == (line.state, line.detail, line.cure)
            return line


@pytest.mark.parametrize(("dialled", "sent"), [("92025550142", "+12025550142"), ("911", "911")])
def test_numbers_go_as_the_company_wants_them_and_911_as_it_is_dialled(
    clinic: Town, dialled: str, sent: str
) -> None:
    async def story() -> None:
        call = await clinic.telco.dial("102", dialled)
        (invited,) = await clinic.telco.invited(sent)
        assert invited.caller == "+12025550100"
        await soon(call.answered)
        await call.hang_up()

    clinic.run(story())


def test_a_wrong_password_is_told_with_its_cure_and_so_is_a_company_that_has_gone(
    clinic: Town,
) -> None:
    async def story() -> None:
        async with practice.exchange(clinic) as told:
            line = await becomes(clinic, told, lambda it: it.detail == trunk_refusal.PASSWORD)
            assert line.state == "alarm"
            assert "password" in line.cure
            await opened(clinic.telco, RIGHT)
            await clinic.clinic.rx("pjsip send register trunk-telco")
            line = await becomes(clinic, told, lambda it: it.state == "well")
            assert line.detail.startswith("signed in")
            call, _ = await told.call(clinic.telco)
            line = await becomes(clinic, told, lambda it: it.in_use == 1)
            assert line.last_call
            await call.hang_up()
            await becomes(clinic, told, lambda it: it.in_use == 0)
            await clinic.telco.asterisk.rx("database deltree registrar")
            await clinic.telco.stop()
            await clinic.clinic.rx("pjsip qualify look-trunk-telco")  # or it would within 10 s
            line = await becomes(clinic, told, lambda it: it.state == "alarm")
            assert line.detail == trunk_watch.SILENT
            await clinic.telco.start()
            await opened(clinic.telco, RIGHT)
            await clinic.clinic.rx("pjsip qualify look-trunk-telco")
            await soon(signed_in(clinic))

    clinic.run(story())
