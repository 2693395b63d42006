"""A company's name that led nowhere as Asterisk began is looked up once it leads somewhere."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address

from firmware import settings
from firmware.company_names import CompanyNames, Loaded, names, step
from firmware.root import Part, RootError
from hw.packet_filter import Address
from ivr.plan import Plan
from tests.firmware.by_hand import SITE

NAME = "sip.company.example"
HERE, THERE = (frozenset([ip_address(f"198.51.100.{last}")]) for last in (7, 8))
FIRST, SECOND = "2026-11-23 10:00:00", "2026-11-23 11:00:00"
WITHIN_S = 10.0


def by_name(host: str = NAME) -> Plan:
    plan = settings.read(SITE)
    trunks = {name: replace(trunk, host=host) for name, trunk in plan.trunks.items()}
    return replace(plan, trunks=trunks)


def test_a_name_is_news_once_in_each_life_of_asterisk_and_when_it_leads_elsewhere() -> None:
    looks = [
        (FIRST, {}, False),  # the router is not up yet
        (FIRST, {NAME: HERE}, True),
        (FIRST, {NAME: HERE}, False),
        (FIRST, {}, False),  # the internet is away for a while
        (FIRST, {NAME: HERE}, False),
        (FIRST, {NAME: THERE}, True),
        (FIRST, {NAME: HERE | THERE}, False),
        (SECOND, {NAME: HERE}, True),
    ]
    loaded = Loaded()
    for life, found, wanted in looks:
        loaded, is_news = step(loaded, life, found)
        assert is_news is wanted


def test_a_company_at_an_address_needs_nobody_to_look_it_up() -> None:
    assert names(by_name()) == {NAME}
    assert names(by_name("192.0.2.10")) == set()


def test_asterisk_loads_its_trunks_once_the_router_is_up_and_root_does_it() -> None:
    answers: Iterator[bool] = iter((False, False, True, True))
    tries: list[Part] = []
    done = asyncio.Event()

    def resolve(host: str) -> Sequence[Address]:
        assert host == NAME
        if not next(answers, True):
            raise OSError("no such name")
        return sorted(HERE)

    async def life() -> str:
        return FIRST

    async def reload(part: Part) -> None:
        tries.append(part)
        if len(tries) == 1:
            raise RootError("root is not up yet")
        done.set()

    async def story() -> None:
        watch = CompanyNames(by_name, life, reload, resolve=resolve, look_s=0.01)
        running = asyncio.create_task(watch.run())
        async with asyncio.timeout(WITHIN_S):
            await done.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert tries == [Part.OBJECTS] * 2

    asyncio.run(story())
