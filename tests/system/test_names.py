"""A caller may claim any name and number: they are shown as plain text, change nothing, and lie
nowhere in plain."""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.asterisk.telco import Ring, Silent
from firmware.place import Place
from firmware.rehearsal import EXCHANGE
from tests.system import practice
from tests.system.practice import Story
from tests.system.raw_caller import raw_caller
from tests.system.town import Town, soon

NUMBER = b"2025550171"
# What no file may hold in plain; every name below has it, and every number that is only one.
NAME = b"Quigley"
WHAT_A_PHONE_SHOWS = 79  # bytes of a name that Asterisk keeps


def claiming(name: bytes, number: bytes = NUMBER) -> bytes:
    """A From header with this display name and user part."""
    return b'"%b" <sip:%b@127.0.0.2>' % (name, number)


# What goes over the wire; what the agent's phone shows for number and name.
SHOWN = (
    (claiming(b"Bob Quigley"), "2025550171", "Bob Quigley"),
    (claiming("Bob Quigley \N{GRINNING FACE}".encode()), "2025550171", "Bob Quigley \U0001f600"),
    (claiming(b"Quigley\rAction: Originate"), "2025550171", "Quigley�Action: Originate"),
    (claiming("Quigley\u2028Action: Hangup".encode()), "2025550171", "Quigley�Action: Hangup"),
    (claiming("Quigley\x85Action: Hangup".encode()), "2025550171", "Quigley�Action: Hangup"),
    (claiming(b"Quigley\x85raw"), "2025550171", "Quigley�raw"),
    (claiming(b"Quigley\x1c\x1d\x7f"), "2025550171", "Quigley���"),
    (
        claiming(b"Quigley${SHELL(touch /site/run/taken)}"),
        "2025550171",
        "Quigley${SHELL(touch /site/run/taken)}",
    ),
    (
        claiming(rb"Quigley\"><script>alert(1)</script>"),
        "2025550171",
        "Quigley''''script'alert(1)'/script'",
    ),
    (claiming(b"Quigley%0d%0aAction: x"), "2025550171", "Quigley%0d%0aAction: x"),
    (claiming(b"Quigley" * 1500), "2025550171", ("Quigley" * 1500)[:WHAT_A_PHONE_SHOWS]),
    (claiming(b""), "2025550171", "2025550171"),
    (b"<sip:2025550171@127.0.0.2>", "2025550171", "2025550171"),
    (b"<sip:127.0.0.2>", "unknown", "Unknown caller"),
    (claiming(b"Quigley 1", b"2025%0d%0aAction%3A%20Originate%0d%0aChannel%3A%20PJSIP%2F106"),
     "2025", "Quigley 1"),
    (claiming(b"Quigley 2", b"$%7bSHELL(touch%20/site/run/taken)%7d"),
     "SHELLtouchsiteruntaken", "Quigley 2"),
    (claiming(b"Quigley 3", b"101"), "101", "Quigley 3"),
    (claiming(b"Quigley 4", b"911"), "911", "Quigley 4"),
    (claiming(b"Quigley 5", b"9" * 3000), "9" * 32, "Quigley 5"),
)  # fmt: skip
# No SIP at all: Asterisk drops it, and nobody is called.
DROPPED = (
    claiming(b"Quigley\r\nAction: Originate"),
    claiming(b"Quigley\r\n Action: Originate"),
    claiming(b"Quigley\nAction: Originate"),
    claiming(b"Quigley", "２０２\N{GRINNING FACE}".encode()),
)
AT_ONCE = 10  # phones


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The practice of the stories about names."""
    with practice.build(tmp_path_factory.mktemp("names")) as standing:
        yield standing


async def rings_shown(here: Town, told: Story, senders: list[bytes]) -> list[Ring]:
    """Each of these calls rings a phone of its own; then all hang up."""
    before = {number: len(desk.rings) for number, desk in here.telco.desks.items()}

    async def one(sender: bytes) -> Ring:
        async with raw_caller(here.site.ports.sip, practice.NUMBER, sender) as caller:
            status, call = await told.named(caller.invite)
            assert status == 200, sender
            await caller.press("6")
            desk = (await told.step(call, "rings")).detail
            ring = await here.telco.next_ring(desk, before[desk])
            async with everybody:
                rung.append(ring)
                everybody.notify_all()
                await everybody.wait_for(lambda: len(rung) == len(senders))
            await caller.hang_up()
            assert await told.outcome(call) == "short_abandoned"
        await soon(ring.ended)
        return ring

    rung: list[Ring] = []
    everybody = asyncio.Condition()
    return await asyncio.gather(*map(one, senders))


def plain(name: str) -> str:
    """A name as AMI writes it (ast_escape_c), read."""
    return name.replace("\\'", "'")


def held_in_plain(home: Path, needles: tuple[bytes, ...]) -> list[Path]:
    """Files of the clinic that hold one of these texts. The telephone company's are not its own."""
    files = (path for path in home.rglob("*") if path.is_file() and not path.is_symlink())
    clinics = (path for path in files if path.relative_to(home).parts[0] not in ("telco",))
    return [path for path in clinics if any(each in path.read_bytes() for each in needles)]


def said_by(place: Place, *command: str) -> bytes:
    """What a command of ours prints about the running exchange."""
    environment = os.environ | {"CARELINE_HOME": str(place.home)}
    whole = (*EXCHANGE[:-1], *command)
    return subprocess.run(whole, env=environment, stdout=subprocess.PIPE, check=True).stdout


def test_a_callers_name_and_number_are_shown_as_text_and_change_nothing(here: Town) -> None:
    async def story() -> None:
        for desk in here.telco.desks:
            await here.telco.behave(desk, Silent())
        async with practice.exchange(here) as told, here.told() as asterisk:
            rings: list[Ring] = []
            for start in range(0, len(SHOWN), AT_ONCE):
                batch = [sender for sender, _, _ in SHOWN[start : start + AT_ONCE]]
                rings += await rings_shown(here, told, batch)
            for (sender, number, name), ring in zip(SHOWN, rings, strict=True):
                assert (ring.caller, plain(ring.name)) == (number, name), sender[:80]
            await practice.silence_falls(here)
            offers = [step for step in told.steps if step.step == "offer"]
            wanted = len(SHOWN) + len(offers)
            await asterisk.events(wanted, "Newchannel")
            new = [said for said in asterisk.heard if said.get("Event") == "Newchannel"]
            # The exchange sets the messages' lamps when it starts; that is two channels more.
            channels = [said for said in new if said.get("Context") != "lamp"]
            assert len(channels) == wanted, "callers, and phones rung for them"
            assert here.telco.invitations == []
            assert not list(here.place.home.rglob("taken"))
            listed = await asyncio.to_thread(said_by, here.place, "calls", "--json")
            assert len(json.loads(listed)["calls"]) >= len(SHOWN)
            steps = repr(told.steps).encode()
            for text in (listed, steps):
                assert NAME not in text
                assert NUMBER not in text
            assert held_in_plain(here.place.home, (NAME, NUMBER)) == []

    here.run(story())


def test_the_search_for_plain_names_finds_one_that_was_planted(here: Town) -> None:
    planted = here.place.home / "work" / "planted"
    planted.parent.mkdir(exist_ok=True)
    planted.write_bytes(b"\0\1" + NAME + b"\2")
    assert held_in_plain(here.place.home, (NAME, NUMBER)) == [planted]
    planted.unlink()


def test_what_is_no_sip_is_no_call(here: Town) -> None:
    async def story() -> None:
        async with here.told() as asterisk:
            for sender in DROPPED:
                async with raw_caller(here.site.ports.sip, practice.NUMBER, sender) as caller:
                    with pytest.raises(TimeoutError):
                        await caller.invite(within_s=0.3)
            # A good call after them, so that what they may have led to has had its time.
            line = await here.telco.call(practice.NUMBER)
            await asterisk.user_event("CareLineCall")
            await line.hang_up()
            assert len(asterisk.user_events("CareLineCall")) == 1

    here.run(story())
