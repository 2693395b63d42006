"""The running exchange between an Asterisk that does as it is told and callers who do not."""

import asyncio
import os
import resource
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from firmware import people, rollups, topics
from firmware.asterisk.config import Ports
from firmware.cli import services
from firmware.control import ask_async
from firmware.durable import keep_to_ourselves
from firmware.forms import WEEKDAYS
from firmware.legs import Legs
from firmware.place import Place
from firmware.ports import keep_ports
from firmware.rollups import Rollups
from ivr.commands import Outcome
from tests.firmware.by_hand import (
    BEEP,
    SITE,
    Asterisk,
    ByHand,
    exchange_at,
    live,
    site_at,
    write_wav,
)


def test_a_clinic_whose_books_were_damaged_in_the_night_takes_calls_and_says_so(
    tmp_path: Path,
) -> None:
    place = site_at(tmp_path)

    async def evening() -> None:
        async with exchange_at(place) as clinic:
            assert (await clinic.part("stores")).state == "well"
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.hang_up()
            await clinic.leaves(channel)
            await clinic.step(call, "outcome")

    async def morning() -> None:
        async with exchange_at(place) as clinic:
            part = await clinic.part("stores")
            assert part.state == "alarm"
            assert "calls.db.damaged-" in part.detail
            assert "nothing is lost" in part.detail
            call, _, _ = await clinic.caller()
            await clinic.step(call, "menu")
            told = await ask_async(place.control_socket, topics.CALLS, topics.CallsRequest())
            assert [one.outcome for one in told.calls] == [None, "short_abandoned"]

    live(evening())
    whole = place.calls_db.read_bytes()
    place.calls_db.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    live(morning())


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[], Result]]:
    """`careline exchange` in this process, which is afterwards as it was."""
    core, umask = resource.getrlimit(resource.RLIMIT_CORE), os.umask(0o022)

    def start() -> Result:
        return CliRunner().invoke(services.app, ["exchange"], env={"CARELINE_HOME": str(tmp_path)})

    yield start
    os.umask(umask)
    resource.setrlimit(resource.RLIMIT_CORE, core)
    structlog.reset_defaults()


def test_a_caller_who_hangs_up_during_the_beep_has_left_no_message(tmp_path: Path) -> None:
    async def story() -> None:
        async with exchange_at(site_at(tmp_path)) as clinic:
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("2")
            await leg.hears(BEEP)
            leg.hang_up()
            await leg.gone
            await clinic.leaves(channel)
            assert await clinic.step(call, "outcome") == Outcome.SHORT_ABANDONED

    live(story())


def test_a_caller_who_is_gone_when_the_beep_is_due_has_left_no_message(tmp_path: Path) -> None:
    async def story() -> None:
        async with exchange_at(site_at(tmp_path)) as clinic:
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("2")
            leg.press("1")
            leg.hang_up()
            await clinic.step(call, "message")
            await clinic.leaves(channel)
            assert await clinic.step(call, "outcome") == Outcome.SHORT_ABANDONED

    live(story())


def test_a_talk_is_not_cut_because_asterisk_would_not_be_told_how_it_ends(tmp_path: Path) -> None:
    async def story() -> None:
        async with exchange_at(site_at(tmp_path)) as clinic:
            clinic.asterisk.refuses.add("Setvar")
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("1")
            offer, agent = await clinic.agent()
            await clinic.bridge(leg, agent)
            other, _, _ = await clinic.caller()
            await clinic.step(other, "menu")
            await clinic.talk(channel, offer)
            await clinic.step(call, "joined")
            assert clinic.asterisk.asked["Hangup"].empty()
            await clinic.leaves(channel)
            assert await clinic.step(call, "outcome") == Outcome.ANSWERED

    live(story())


def test_a_caller_joined_to_a_leg_that_has_just_ended_is_not_taken_for_one_who_has_talked(
    tmp_path: Path,
) -> None:
    """Asterisk says that it has bridged them, and then nothing; it must ring somebody else."""

    async def story() -> None:
        async with exchange_at(site_at(tmp_path)) as clinic:
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("1")
            offer, agent = await clinic.agent()
            await clinic.bridge(leg, agent)
            await clinic.leaves(offer)
            await clinic.step(call, "not joined")
            assert not said_next(clinic)
            await clinic.leaves(channel)
            await clinic.step(call, "outcome")

    live(story())


def test_a_caller_who_hears_somebody_is_let_go_after_the_talk(tmp_path: Path) -> None:
    async def story() -> None:
        async with exchange_at(site_at(tmp_path)) as clinic:
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("1")
            offer, agent = await clinic.agent()
            await clinic.bridge(leg, agent)
            assert not said_next(clinic)
            await clinic.talk(channel, offer)
            await clinic.step(call, "joined")
            while not (said := said_next(clinic)):
                await clinic.asterisk.asked["Setvar"].get()
            assert said == ["talked"]

    live(story())


def said_next(clinic: ByHand) -> list[str]:
    """What Asterisk was told to do with callers after the engine."""
    return [told["Value"] for told in clinic.asterisk.told if told.get("Variable") == "NEXT"]


def test_an_order_that_may_not_be_written_costs_one_phone_and_no_other_caller(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with exchange_at(site_at(tmp_path)) as clinic:
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            await clinic.asterisk.tell("Rename", Uniqueid=channel, Newname="PJSIP/\x0b")
            leg.press("1")
            assert await clinic.step(call, "unreachable") in ("101", "102")
            other, _, other_leg = await clinic.caller()
            await clinic.step(other, "menu")
            other_leg.press("1")
            await clinic.step(other, "queue")
            assert not clinic.running.done()

    live(story())


def test_a_running_exchange_keeps_its_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "EVERY_S", 0.05)
    really_catch_up = Rollups.catch_up

    async def story() -> None:
        kept = asyncio.Event()

        async def catch_up(rolling: Rollups) -> None:
            await really_catch_up(rolling)
            if _kept_hours(tmp_path):
                kept.set()

        monkeypatch.setattr(Rollups, "catch_up", catch_up)
        async with exchange_at(site_at(tmp_path)) as clinic:
            call, _, _ = await clinic.caller()
            await clinic.step(call, "menu")
            await kept.wait()
            assert (await clinic.part("figures")).state == "well"

    live(story())


def test_a_clinic_closed_by_hand_stays_closed_for_callers_over_a_restart(tmp_path: Path) -> None:
    days = "".join(f'{day} = ["00:00-24:00"]\n' for day in WEEKDAYS)
    fork = 'kind = "hours"\nhours = "office"\nopen = "menu"\nclosed = "message"\n'
    text = SITE.replace('start = "menu"', 'start = "hours"').replace(
        "[flows.main.nodes.menu]", f"[flows.main.nodes.hours]\n{fork}[flows.main.nodes.menu]"
    )
    place = site_at(tmp_path, f"{text}[hours.office]\n{days}")
    # However the day may turn meanwhile.
    until = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d %H:%M}"
    close = topics.SwitchRequest(to="closed", until=until, say="welcome")

    async def story() -> None:
        async with exchange_at(place) as clinic:
            before, _, _ = await clinic.caller()
            await clinic.step(before, "menu")
            told = await ask_async(place.control_socket, topics.SWITCH, close)
            assert told.told[0].startswith("office is closed: switched by hand")
            after, _, _ = await clinic.caller()
            await clinic.step(after, "message")
            assert "closed: switched by hand" in await clinic.step(after, "hours")
        async with exchange_at(place) as clinic:
            asked = topics.SwitchesRequest()
            kept = await ask_async(place.control_socket, topics.SWITCHES, asked)
            assert kept.told == told.told
            caller, _, _ = await clinic.caller()
            await clinic.step(caller, "message")
            assert (await clinic.part("clock")).state == "well"

    live(story())


def test_an_exchange_that_has_ended_leaves_nothing_to_be_read_in_its_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop never looks at a file whose number it takes for an older one's."""

    async def story() -> None:
        loop, read = asyncio.get_running_loop(), set[int]()
        add, remove = loop.add_reader, loop.remove_reader

        def add_reader(fd: int, told: Callable[[], object]) -> None:
            read.add(fd)
            add(fd, told)

        def remove_reader(fd: int) -> bool:
            read.discard(fd)
            return remove(fd)

        monkeypatch.setattr(loop, "add_reader", add_reader)
        monkeypatch.setattr(loop, "remove_reader", remove_reader)
        async with exchange_at(site_at(tmp_path)) as clinic:
            call, _, _ = await clinic.caller()
            await clinic.step(call, "menu")
            assert read
        assert not read

    live(story())


def _kept_hours(home: Path) -> int:
    with closing(sqlite3.connect(home / "calls.db")) as connection:
        (number,) = connection.execute("SELECT count(*) FROM tallies").fetchone()
    return int(number)


def test_a_talk_goes_on_through_a_lost_link_and_so_does_everybody_else(tmp_path: Path) -> None:
    async def story() -> None:
        async with exchange_at(site_at(tmp_path)) as clinic:
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("1")
            offer, agent = await clinic.agent()
            await clinic.bridge(leg, agent)
            await clinic.talk(channel, offer)
            await clinic.step(call, "joined")
            clinic.asterisk.channels = [
                b"Uniqueid: %b\r\nContext: engine\r\nBridgeID: b\r\nVariable: NEXT=talked\r\n\r\n"
                % name.encode()
                for name in (channel, offer)
            ]
            clinic.asterisk.drop()
            await clinic.asterisk.asked["DeviceStateList"].get()
            other, _, _ = await clinic.caller()
            await clinic.step(other, "menu")
            await clinic.leaves(channel)
            assert await clinic.step(call, "outcome") == Outcome.ANSWERED

    live(story())


def test_a_talk_that_a_new_exchange_finds_is_known_first_of_all_and_has_one_end(
    tmp_path: Path,
) -> None:
    """It may end at any moment: before the phones have told how they are, too."""
    place = site_at(tmp_path)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            call, channel, _ = await clinic.caller()
            await clinic.step(call, "menu")
        asterisk = Asterisk()
        talk = f"Variable: CALLUUID={call}\r\nVariable: LINE=main\r\nBridgeID: b\r\n"
        asterisk.channels = [f"Uniqueid: {channel}\r\n{talk}\r\n".encode()]
        asterisk.mute.add("DeviceStateList")
        async with exchange_at(place, asterisk) as clinic:
            assert (await asterisk.asked["Setvar"].get())["Value"] == "talked"
            names = [told["Action"] for told in asterisk.told]
            assert names.index("Setvar") < names.index("DeviceStateList")
            await clinic.leaves(channel)
            assert await clinic.step(call, "outcome") == Outcome.ANSWERED
            asterisk.channels.clear()
            asterisk.mute.clear()
            asterisk.drop()
            await asterisk.asked["DeviceStateList"].get()
            other, _, _ = await clinic.caller()
            await clinic.step(other, "menu")
            ends = ("outcome", "contradiction")
            told = [step for step in clinic.steps if step.call == call and step.step in ends]
            assert [step.detail for step in told] == [Outcome.ANSWERED]

    live(story())


@pytest.mark.parametrize(
    ("ruin", "said"),
    [
        (lambda place: place.site_file.unlink(), "run `careline publish`"),
        (lambda place: place.site_file.write_text("[clinic]"), "run `careline publish`"),
        (lambda place: place.site_file.write_bytes(b"\xff"), "run `careline publish`"),
        (lambda place: place.secrets.write_text("ami = 1"), "bring it back from a backup"),
        (lambda place: place.machine_key.write_bytes(b"short"), "restore it from a"),
    ],
)
def test_an_exchange_that_cannot_start_says_why_and_what_to_do(
    tmp_path: Path,
    started: Callable[[], Result],
    ruin: Callable[[Place], object],
    said: str,
) -> None:
    place = site_at(tmp_path)
    keep_ports(place, Ports(1, 1, 0, 10_000, 10_100))
    ruin(place)
    told = started()
    assert told.exit_code == 1
    assert told.output.startswith("careline exchange: ")
    assert said in told.output


def test_the_exchange_leaves_no_core_and_no_file_for_everybody(
    started: Callable[[], Result],
) -> None:
    started()
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
    assert os.umask(0o022) == 0o027


def test_an_exchange_whose_port_is_taken_says_so(
    tmp_path: Path, started: Callable[[], Result]
) -> None:
    place = site_at(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        keep_ports(place, Ports(1, 1, taken.getsockname()[1], 10_000, 10_100))
        told = started()
    assert told.exit_code == 1
    assert "does another exchange run here?" in told.output


def test_a_caller_is_served_with_damaged_prompts_and_the_operator_is_told(tmp_path: Path) -> None:
    place = site_at(tmp_path)
    (place.prompts / "music.wav").unlink()
    (place.prompts / "beep.wav").write_bytes(b"RIFF")
    (place.prompts / "en" / "welcome.wav").write_bytes(b"")
    write_wav(place.prompts / "en" / "goodbye.wav", 0)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            call, _, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("1")
            await clinic.step(call, "queue")
            part = await clinic.part("prompts")
            assert part.state == "alarm"
            assert "goodbye.wav holds no sound" in part.detail
            assert "careline publish" in part.cure

    live(story())


def test_an_opened_envelope_is_an_alarm_until_there_is_another(tmp_path: Path) -> None:
    place, code = site_at(tmp_path), "abcd-efgh-jkmn-pqrs-tuvw-xyz2"
    now, doe = datetime.now(UTC), people.sign_in(place.page_db, "doe", "seven quiet lamps")

    def another() -> None:
        ring = people.sign_in(place.page_db, "doe", "seven quiet lamps")
        people.make_envelope(place.page_db, ring, code, now)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            assert (await clinic.part("envelope")).detail == "none was made"
            assert (await clinic.part("backups")).detail == "none is made by itself"
            await asyncio.to_thread(people.make_envelope, place.page_db, doe, code, now)
            assert (await clinic.part("envelope")).state == "well"
            await asyncio.to_thread(people.break_glass, place.page_db, code, "a locum", now)
            part = await clinic.part("envelope")
            assert (part.state, "a locum" in part.detail) == ("alarm", True)
            await asyncio.to_thread(another)
            assert (await clinic.part("envelope")).state == "well"

    live(story())


def test_a_clinic_without_keys_takes_calls_and_says_that_no_message_can_be_sealed(
    tmp_path: Path,
) -> None:
    place = site_at(tmp_path)
    for people_too in place.home.glob("page.db*"):
        people_too.unlink()

    async def story() -> None:
        async with exchange_at(place) as clinic:
            part = await clinic.part("messages")
            assert (part.state, part.cure.startswith("run `careline setup`")) == ("alarm", True)
            call, _, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("2")
            await clinic.step(call, "recording")
            leg.press("1")
            await clinic.step(call, "not kept")
            assert await clinic.step(call, "offer") == "101"

    live(story())


def test_a_fault_of_ours_ends_the_exchange_rather_than_leave_a_caller_unheard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("a fault of ours")

    async def story() -> None:
        async with exchange_at(site_at(tmp_path)) as clinic:
            monkeypatch.setattr(Legs, "opened", fail)
            _, _, leg = await clinic.caller()
            await leg.gone

    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        live(story())


def test_nothing_the_exchange_writes_can_be_read_by_everybody(tmp_path: Path) -> None:
    place = site_at(tmp_path)
    before = set(tmp_path.rglob("*"))

    def open_to_all() -> list[str]:
        written = set(tmp_path.rglob("*")) - before - {place.ports, place.run}
        assert {"calls.db-wal", "ledger.log"} <= {path.name for path in written}
        return [path.name for path in written if path.stat().st_mode & 0o007]

    async def story() -> None:
        async with exchange_at(place) as clinic:
            call, _, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("2")
            await clinic.step(call, "recording")
            assert open_to_all() == []

    live(story())


def test_on_the_box_what_the_exchange_writes_is_for_all_services_and_for_nobody_else(
    tmp_path: Path,
) -> None:
    """Each of them has a user of its own; the setgid bit says that all is their group's."""
    tmp_path.chmod(0o2770)
    umask = os.umask(0o022)
    try:
        keep_to_ourselves(tmp_path)
        place = site_at(tmp_path)

        async def story() -> None:
            async with exchange_at(place) as clinic:
                call, _, leg = await clinic.caller()
                await clinic.step(call, "menu")
                leg.press("2")
                await clinic.step(call, "recording")

        live(story())
    finally:
        os.umask(umask)
    for path in tmp_path.rglob("*"):
        if not path.is_symlink():
            mode = path.stat().st_mode
            assert mode >> 6 & 7 == mode >> 3 & 7, path
            assert not mode & 7, path
