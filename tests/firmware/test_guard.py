"""The guard of a running exchange, with a `careline root` beside it and a packet filter that lives
in memory. A siege on real programs: tests/lines/test_guard.py."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

from firmware import settings
from firmware.asterisk.wire import Message
from firmware.guard import Guard
from firmware.place import Place
from hw.packet_filter import Address, RememberedFilter
from ivr.plan import Plan
from tests.firmware.asterisk.peer import GREETING, Talk, block, listening
from tests.firmware.by_hand import SITE
from tests.web.rooted import rooted

PLAN = settings.read(SITE)
COMPANY = "198.51.100.7"
SOON_S = 20.0


def knock(address: str, name: str = "ChallengeResponseFailed") -> Message:
    told = f"IPV4/UDP/{address}/5060"
    lines = ("", f"Event: {name}", "Service: PJSIP", f"RemoteAddress: {told}", "")
    return Message("\r\n".join(lines).encode())


def company(_host: str) -> Sequence[Address]:
    return [ip_address(COMPANY)]


def nobody_knows(_host: str) -> Sequence[Address]:
    raise OSError("no such name")


def guard_of(
    place: Place,
    resolve: Callable[[str], Sequence[Address]] = company,
    manager: int = 1,
    plan: Plan = PLAN,
) -> Guard:
    """No manager listens there, unless a test has one: it tells what Asterisk would."""
    return Guard(
        place.root_socket,
        lambda: plan,
        ami=manager,
        secret="x",
        sip=(5060, 5061),
        resolve=resolve,
        again_s=0.05,
    )


async def refuses(talk: Talk) -> None:
    """A manager of a site that was published before there was a guard."""
    await talk.say(GREETING)
    login = await talk.action()
    asked = f"ActionID: {login['ActionID']}"
    await talk.say(block("Response: Error", asked, "Message: Authentication failed"))
    await talk.rest()


def test_a_switch_that_does_not_let_the_guard_in_is_told_with_its_cure(tmp_path: Path) -> None:
    async def story() -> str:
        async with listening(refuses) as port:
            guard = guard_of(Place(tmp_path), manager=port)
            running = asyncio.create_task(guard.run())
            async with asyncio.timeout(SOON_S):
                while guard.part().state == "well":
                    await asyncio.to_thread(os.sched_yield)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            return guard.part().cure

    assert asyncio.run(story()).startswith("publish the site again")


def lived(guard: Guard, story: Callable[[], None], until: Callable[[], bool]) -> None:
    async def told() -> None:
        running = asyncio.create_task(guard.run())
        story()
        try:
            async with asyncio.timeout(SOON_S):
                while not until():
                    await asyncio.to_thread(os.sched_yield)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(told())


def test_a_flood_of_wrong_passwords_is_one_block_and_the_clinic_is_told(tmp_path: Path) -> None:
    packets, guard = RememberedFilter(), guard_of(Place(tmp_path))

    def flood() -> None:
        for _ in range(10_000):
            guard.heard(knock("203.0.113.9"))

    def is_blocked() -> bool:
        return bool(packets.ports) and len(packets.blocks()) == 1

    with rooted(Place(tmp_path), None, packets):
        lived(guard, flood, is_blocked)
    assert guard.part().state == "warning"
    assert ip_address(COMPANY) in {net.network_address for net in packets.spared}


def test_the_addresses_from_which_a_company_calls_are_never_blocked(tmp_path: Path) -> None:
    packets = RememberedFilter()
    trunk = replace(PLAN.trunks["telco"], calls_from=("203.0.113.0/28",))
    guard = guard_of(Place(tmp_path), plan=replace(PLAN, trunks={"telco": trunk}))

    def is_arranged() -> bool:
        return "strangers are paced" in guard.part().detail

    with rooted(Place(tmp_path), None, packets):
        lived(guard, lambda: None, is_arranged)
    assert ip_network("203.0.113.0/28") in packets.spared


def test_a_lines_company_and_a_desk_are_never_blocked_and_a_desk_is_named(tmp_path: Path) -> None:
    packets, guard = RememberedFilter(), guard_of(Place(tmp_path))

    def is_arranged() -> bool:
        return "strangers are paced" in guard.part().detail

    with rooted(Place(tmp_path), None, packets):
        lived(guard, lambda: None, is_arranged)
        for _ in range(1000):
            guard.heard(knock(COMPANY))
            guard.heard(knock("192.168.1.20"))
        lived(guard, lambda: None, lambda: guard.part().state == "warning")
    assert packets.blocks() == ()
    assert guard.part().detail == "192.168.1.20 in the clinic's own network tries wrong passwords"
    assert "not blocked" in guard.part().cure


def test_where_nobody_can_block_it_is_an_alarm_and_is_done_once_somebody_can(
    tmp_path: Path,
) -> None:
    packets, guard = RememberedFilter(fails=True), guard_of(Place(tmp_path), nobody_knows)

    def ten() -> None:
        for _ in range(10):
            guard.heard(knock("203.0.113.9"))

    told = []

    def is_done() -> bool:
        if packets.fails and guard.part().state == "alarm":
            told.append(guard.part().detail)
            packets.fails = False
        return not packets.fails and bool(packets.ports) and len(packets.blocks()) == 1

    with rooted(Place(tmp_path), None, packets):
        lived(guard, ten, lambda: is_done() and guard.part().state == "warning")
    assert len(told) == 1
    assert "not permitted" in told[0]
