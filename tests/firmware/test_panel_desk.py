"""The panel on a clinic's wall, on a simulated board behind a pseudo-terminal: what its lamps show,
what its button does, and that it is told when somebody unplugs it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from firmware import door_rule, settings, topics
from firmware.audit import Act, Audited
from firmware.cli.panel import told
from firmware.control import ControlError, Door, follow_async
from firmware.door_rule import Verdict
from firmware.panel_desk import BUTTON, WHO, PanelDesk
from firmware.panel_trial import TRY_PANEL, PanelRequest, PanelTrial
from firmware.settings import SiteFaults
from firmware.store import StoreError
from hw.panel.board_simulator import BoardSimulator
from hw.panel.panel import Panel
from ivr import codes
from ivr.hours import Answer, Kind, Why
from ivr.plan import Plan, WallPanel

TEMPLATE = Path("firmware/template/clinic.toml").read_text("utf-8")
PANEL = """
[panel]
board = "/dev/serial/by-path/usb-0:3"
alarm = "lamp1"
messages = "lamp2"
mailboxes = ["nurse"]
closed = "lamp3"
button = "button1"
hours = "office"
"""
LAMPS = {"alarm": "lamp1", "closed": "lamp3"}
WITHIN_S = 30.0


class Schedule:
    """The office's, which is open until somebody switches it."""

    def __init__(self) -> None:
        self.wishes: list[str] = []
        self.answer = Answer(is_open=True, why=Why(Kind.WEEK, "mon"), until=None)

    def answers(self) -> dict[str, Answer]:
        return {"office": self.answer}

    async def switch(self, wish: topics.SwitchRequest) -> None:
        self.wishes.append(wish.to)
        is_open = wish.to != "closed"
        kind = Kind.WEEK if wish.to == "scheduled" else Kind.SWITCH
        self.answer = Answer(is_open=is_open, why=Why(kind, ""), until=None)


@dataclass
class Wall:
    """One panel, its board, and what came of it."""

    folder: Path
    hours: Schedule = field(default_factory=Schedule)
    entered: list[Audited] = field(default_factory=list)
    status: tuple[topics.Part, ...] = ()
    status_fails: bool = False
    disk_is_full: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def build(self) -> None:
        place = self.folder / "board"
        self.board = BoardSimulator(place, ("lamp1", "lamp3", "relay1"), ("button1",))
        panel = WallPanel(
            str(place), "", LAMPS, "button1", (), "office", "relay1", 1.0, ("101", "102"), "4711"
        )
        plan: Plan = replace(settings.read(TEMPLATE), panel=panel)

        async def parts() -> tuple[topics.Part, ...]:
            if self.status_fails:
                raise StoreError("the store does not answer")
            return self.status

        self.desk = PanelDesk(
            plan=lambda: plan,
            answers=self.hours.answers,
            switch=self.hours.switch,
            enter=self.entered.append,
            promise=self.promise,
            calls_db=self.folder / "none.db",
            parts=parts,
            start=self.start,
            look_s=0.01,
        )

    async def promise(self, entry: Audited) -> None:
        if self.disk_is_full:
            raise StoreError("no space left")
        self.entered.append(entry)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.add(asyncio.create_task(work))

    async def until(self, holds: Callable[[], object]) -> None:
        """The board and the desk have loops of their own: looked at as often as they turn."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def look() -> None:
            if done.done():
                return
            if holds():
                done.set_result(None)
            else:
                loop.call_later(0.005, look)

        look()
        async with asyncio.timeout(WITHIN_S):
            await done

    async def press(self) -> None:
        before = len(self.hours.wishes)
        self.board.touch("button1", True)
        await self.until(lambda: len(self.hours.wishes) > before)
        self.board.touch("button1", False)
        await self.until(lambda: self.panel().is_up(BUTTON))

    def panel(self) -> Panel:
        assert self.desk._running is not None
        return self.desk._running[1]


def tell(folder: Path, story: Callable[[Wall], Coroutine[Any, Any, None]]) -> None:
    async def told() -> None:
        wall = Wall(folder)
        wall.build()
        wall.board.plug()
        running = asyncio.create_task(wall.desk.run())
        try:
            await wall.until(lambda: wall.desk.parts() and wall.desk.parts()[0].state == "well")
            await story(wall)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            wall.board.unplug()

    asyncio.run(told())


def test_the_button_closes_the_clinic_and_the_lamp_says_so_and_again_it_is_as_scheduled(
    tmp_path: Path,
) -> None:
    async def story(wall: Wall) -> None:
        await wall.press()
        await wall.until(lambda: wall.board.is_lit("lamp3"))
        await wall.press()
        await wall.until(lambda: not wall.board.is_lit("lamp3"))
        assert wall.hours.wishes == ["closed", "scheduled"]
        await wall.until(lambda: len(wall.entered) == 2)
        assert [(one.who, one.act, one.about) for one in wall.entered] == [
            (WHO, Act.SWITCHED, "office: closed"),
            (WHO, Act.SWITCHED, "office: scheduled"),
        ]

    tell(tmp_path, story)


def test_the_lamp_of_something_wrong_flashes_until_it_is_well(tmp_path: Path) -> None:
    async def story(wall: Wall) -> None:
        wall.status = (topics.Part(name="disk", state="alarm", detail="", cure=""),)
        await wall.until(lambda: wall.board.is_lit("lamp1"))
        wall.status = ()
        await wall.until(lambda: not wall.board.is_lit("lamp1"))

    tell(tmp_path, story)


def test_every_lamp_is_lit_for_whoever_looks_and_then_shows_what_it_should(tmp_path: Path) -> None:
    async def story(wall: Wall) -> None:
        wall.desk.light_all()
        await wall.until(lambda: all(map(wall.board.is_lit, ("lamp1", "lamp3"))))
        wall.desk.light_as_counted()
        await wall.until(lambda: not any(map(wall.board.is_lit, ("lamp1", "lamp3"))))

    tell(tmp_path, story)


async def tried(wall: Wall) -> list[str]:
    """What the console shows of it."""
    door, at, lines = Door(), wall.folder / "control.sock", list[str]()
    PanelTrial(wall.desk, each_s=0).answer_at(door)
    async with door.open(at):
        try:
            async for line in follow_async(at, TRY_PANEL, PanelRequest()):
                lines.append(told(line))
                if line.is_last:
                    break
        except ControlError as refused:
            lines.append(refused.why)
    return lines


def test_each_lamp_is_tried_in_turn_and_the_door_stays_shut(tmp_path: Path) -> None:
    async def story(wall: Wall) -> None:
        await wall.until(lambda: wall.desk.wired and not wall.desk.is_lost)
        wall.desk.light_only("alarm")
        await wall.until(lambda: wall.board.is_lit("lamp1") and not wall.board.is_lit("lamp3"))
        wall.desk.light_only("closed")
        await wall.until(lambda: wall.board.is_lit("lamp3") and not wall.board.is_lit("lamp1"))
        assert await tried(wall) == [
            "button on button1, which is not tried",
            "door on relay1, which is not tried",
            "lamp alarm on lamp1 is lit now",
            "lamp closed on lamp3 is lit now",
            "each lamp was lit; one that stayed dark is broken, or wired to another terminal",
        ]
        assert not wall.board.is_lit("relay1")
        await wall.until(lambda: not any(map(wall.board.is_lit, ("lamp1", "lamp3"))))
        wall.board.unplug()
        await wall.until(lambda: wall.desk.is_lost)
        assert (await tried(wall))[-1] == "the panel on the wall does not answer"

    tell(tmp_path, story)


def test_a_status_that_cannot_be_had_is_something_wrong_and_the_panel_lives_on(
    tmp_path: Path,
) -> None:
    async def story(wall: Wall) -> None:
        wall.status_fails = True
        await wall.until(lambda: wall.board.is_lit("lamp1"))
        wall.status_fails = False
        await wall.until(lambda: not wall.board.is_lit("lamp1"))
        await wall.press()

    tell(tmp_path, story)


def test_a_panel_that_is_unplugged_is_told_and_shows_what_it_should_once_it_is_back(
    tmp_path: Path,
) -> None:
    async def story(wall: Wall) -> None:
        await wall.press()
        await wall.until(lambda: wall.board.is_lit("lamp3"))
        wall.board.unplug()
        await wall.until(lambda: wall.desk.parts()[0].state == "alarm")
        wall.board.plug()
        await wall.until(lambda: wall.desk.parts()[0].state == "well")
        await wall.until(lambda: wall.board.is_lit("lamp3"))

    tell(tmp_path, story)


def test_a_door_opens_for_whoever_may_and_knows_its_code_and_closes_by_itself(
    tmp_path: Path,
) -> None:
    async def story(wall: Wall) -> None:
        assert await wall.desk.door_by_code("101", "4711") == codes.DOOR_OPEN
        assert wall.board.is_lit("relay1")
        await wall.until(lambda: not wall.board.is_lit("relay1"))
        assert await wall.desk.door_by_code("101", "4712") == codes.DOOR_SHUT
        assert await wall.desk.door_by_code("109", "4711") == codes.DOOR_SHUT
        assert not wall.board.is_lit("relay1")
        assert [(one.who, one.act, one.about) for one in wall.entered] == [
            ("telephone 101", Act.OPENED_DOOR, ""),
            ("telephone 101", Act.REFUSED, "the door: a wrong code"),
            ("telephone 109", Act.REFUSED, "the door: not from this telephone"),
        ]

    tell(tmp_path, story)


def test_a_door_that_cannot_be_entered_in_the_audit_and_one_whose_board_is_gone_stay_shut(
    tmp_path: Path,
) -> None:
    async def story(wall: Wall) -> None:
        wall.disk_is_full = True
        assert await wall.desk.door_by_code("101", "4711") == codes.DOOR_SHUT
        wall.disk_is_full = False
        wall.board.unplug()
        await wall.until(lambda: wall.desk.parts()[0].state == "alarm")
        assert await wall.desk.door_by_code("101", "4711") == codes.DOOR_SHUT
        wall.board.plug()
        await wall.until(lambda: wall.desk.parts()[0].state == "well")
        assert not wall.board.is_lit("relay1")
        assert await wall.desk.door_by_code("102", "4711") == codes.DOOR_OPEN

    tell(tmp_path, story)


def test_who_tries_codes_one_after_another_is_not_listened_to_for_ten_minutes() -> None:
    plan = settings.read(TEMPLATE + PANEL + 'door = "relay1"\ndoor_code = "4711"\n')
    phone = next(iter(plan.phones))
    tries: door_rule.Tries = {}
    said = []
    for at_s, keyed in enumerate([*["0000"] * 6, "4711"]):
        verdict, tries = door_rule.judge(plan, phone, keyed, tries, float(at_s))
        said.append(verdict)
    assert said == [Verdict.WRONG] * 5 + [Verdict.TOO_MANY] * 2
    verdict, tries = door_rule.judge(plan, phone, "4711", tries, 600.0)
    assert (verdict, tries) == (Verdict.OPEN, {})
    assert door_rule.judge(settings.read(TEMPLATE), phone, "", {}, 0.0)[0] is Verdict.NO_DOOR


def test_a_machine_that_tries_codes_all_day_tries_fifteen_of_them() -> None:
    plan = settings.read(TEMPLATE + PANEL + 'door = "relay1"\ndoor_code = "4711"\n')
    phone, heard = next(iter(plan.phones)), 0
    tries: door_rule.Tries = {}
    for at_s in range(0, 86_400, 30):
        verdict, tries = door_rule.judge(plan, phone, "0000", tries, float(at_s))
        heard += verdict is Verdict.WRONG
    assert heard == 15
    assert door_rule.judge(plan, phone, "4711", tries, 86_400.0)[0] is Verdict.OPEN


def test_a_telephone_at_which_codes_are_tried_is_told_and_stands_in_the_audit_once(
    tmp_path: Path,
) -> None:
    async def story(wall: Wall) -> None:
        await wall.until(lambda: wall.desk.parts()[0].state == "well")
        for _ in range(9):
            assert await wall.desk.door_by_code("101", "0000") == codes.DOOR_SHUT
        (part,) = wall.desk.parts()
        assert (part.state, "telephone 101" in part.detail) == ("warning", True)
        assert [one.about for one in wall.entered] == [
            *["the door: a wrong code"] * 5,
            "the door: too many wrong codes",
        ]

    tell(tmp_path, story)


def test_a_panel_of_the_site_file_is_read_whole() -> None:
    panel = settings.read(TEMPLATE + PANEL).panel
    assert panel is not None
    assert panel.lamps == {"alarm": "lamp1", "messages": "lamp2", "closed": "lamp3"}
    assert (panel.button, panel.mailboxes, panel.hours) == ("button1", ("nurse",), "office")


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ('board = "/dev/serial/by-path/usb-0:3"\n', "", "on no board and no chip"),
        ('alarm = "lamp1"', 'alarm = "lamp2"', "two uses"),
        ('hours = "office"\n', "", "which hours"),
        ('hours = "office"', 'hours = "offices"', "no such hours"),
        ('["nurse"]', '["nobody"]', "no such mailbox"),
        ('board = "/dev/serial/by-path/usb-0:3"', 'chip = "/dev/gpiochip0"', "are numbers"),
        ('board = "/dev/serial/by-path/usb-0:3"', 'board = "/dev/ttyACM0"', "does not fit"),
        ('alarm = "lamp1"', 'door = "lamp2"', "two uses"),
        ('alarm = "lamp1"', 'door = "relay1"\ndoor_phones = ["99"]', "no such phone"),
        ('alarm = "lamp1"', 'door_code = "4711"', "there is no door"),
    ],
)
def test_a_panel_that_cannot_be_is_told_with_its_cure(right: str, wrong: str, told: str) -> None:
    with pytest.raises(SiteFaults, match=told):
        settings.read(TEMPLATE + PANEL.replace(right, wrong, 1))
