"""A loudspeaker in the hall: when it rings, and what the site file and the status say of it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from firmware import settings, topics
from firmware.paging import FRAME_BYTES
from firmware.settings import SiteFaults
from firmware.speakers import Speakers
from hw.sound.fake import FakeSound
from ivr.hours import Answer, Kind, Why
from ivr.plan import Loudspeaker, Plan

TEMPLATE = Path("firmware/template/clinic.toml").read_text("utf-8")
HALL = """
[speakers.hall]
device = "USB Audio"
volume_db = -6
bell = ["{queue}"]
bell_phones = ["{phone}"]
bell_hours = "{hours}"

[pages.hall]
number = "695"
speaker = "{speaker}"
"""

NAMED = {"queue": "nurse", "phone": "104", "hours": "office", "speaker": "hall"}


@dataclass
class Hall:
    """One loudspeaker, who waits, and how the hours stand."""

    fake: FakeSound = field(default_factory=FakeSound)
    waited_in: set[str] = field(default_factory=set)
    rung: set[str] = field(default_factory=set)
    is_open: bool = False

    def build(self) -> None:
        hall = Loudspeaker("hall", "USB", 0, ("nurse",), "office", ("104",))
        plan: Plan = replace(settings.read(TEMPLATE), speakers={"hall": hall})
        self.desk = Speakers(
            plan=lambda: plan,
            waited_in=lambda: self.waited_in,
            rung=lambda: self.rung,
            answers=lambda: {"office": Answer(self.is_open, Why(Kind.WEEK, "mon"), None)},
            port=lambda _name: self.fake,
        )

    def part(self) -> topics.Part:
        (part,) = self.desk.parts()
        return part

    async def until(self, holds: Callable[[], object]) -> None:
        while not holds():  # noqa: ASYNC110 - the desk has a loop of its own
            await asyncio.sleep(0)


def tell(story: Callable[[Hall], Coroutine[Any, Any, None]]) -> None:
    async def told() -> None:
        hall = Hall()
        hall.build()
        running = asyncio.create_task(hall.desk.run())
        try:
            async with asyncio.timeout(20):
                await hall.until(lambda: hall.desk.parts() and hall.part().state == "well")
                await story(hall)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(told())


def test_at_night_it_rings_while_somebody_waits_and_no_moment_longer() -> None:
    async def story(hall: Hall) -> None:
        hall.waited_in = {"front-desk"}  # for whom it does not ring
        hall.waited_in.add("nurse")
        await hall.until(lambda: len(hall.fake.played) > 10 * FRAME_BYTES)
        hall.waited_in.clear()
        await hall.until(lambda: all(one.bell is None or one.bell.done() for one in _all(hall)))
        assert any(hall.fake.played)

    tell(story)


def test_by_day_the_telephones_ring_and_the_hall_is_quiet() -> None:
    async def story(hall: Hall) -> None:
        hall.is_open = True
        hall.waited_in = {"nurse"}
        assert not hall.desk._is_due(_all(hall)[0].plan)
        hall.is_open = False
        assert hall.desk._is_due(_all(hall)[0].plan)

    tell(story)


def test_it_rings_with_a_telephone_that_is_rung_without_a_queue() -> None:
    async def story(hall: Hall) -> None:
        one = _all(hall)[0].plan
        hall.rung = {"101"}
        assert not hall.desk._is_due(one)
        hall.rung.add("104")
        assert hall.desk._is_due(one)

    tell(story)


def test_unplugged_it_is_told_with_its_cure_and_well_again_once_back() -> None:
    async def story(hall: Hall) -> None:
        hall.fake.unplug()
        await hall.until(lambda: hall.part().state == "alarm")
        assert "careline sound list" in hall.part().cure
        hall.fake.plug()
        await hall.until(lambda: hall.part().state == "well")

    tell(story)


def _all(hall: Hall) -> list[Any]:
    return list(hall.desk._all.values())


def test_a_site_names_a_loudspeaker_and_a_page_that_speaks_to_it_alone() -> None:
    site = settings.read(TEMPLATE + HALL.format(**NAMED))
    hall = Loudspeaker("hall", "USB Audio", -6, ("nurse",), "office", ("104",))
    assert site.speakers["hall"] == hall
    assert site.heard_at == {"695": "hall"}
    assert site.pages["695"] == ()


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ({"queue": "nobody"}, "there is no such queue"),
        ({"phone": "199"}, "there is no such telephone"),
        ({"hours": "never"}, "there are no such hours"),
        ({"speaker": "cellar"}, "there is no such loudspeaker"),
    ],
)
def test_what_a_loudspeaker_names_must_be_there(named: dict[str, str], reason: str) -> None:
    with pytest.raises(SiteFaults) as refused:
        settings.read(TEMPLATE + HALL.format(**{**NAMED, **named}))
    assert reason in str(refused.value)


def test_a_bell_that_nobody_rings_and_a_device_of_two_are_refused() -> None:
    twice = '\n[speakers.a]\ndevice = "USB"\nbell_hours = "office"\n[speakers.b]\ndevice = "USB"\n'
    with pytest.raises(SiteFaults) as refused:
        settings.read(TEMPLATE + twice)
    assert "nobody rings this bell" in str(refused.value)
    assert "is the device of a, too" in str(refused.value)
