"""Backups by the clock: each night, after a night that was missed, and never because a clock
jumped; and what is told of it."""

import asyncio
import json
import os
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from firmware import settings
from firmware.backup_section import nightly_of
from firmware.backup_timer import (
    AGAIN_S,
    STALE_S,
    BackupTimer,
    Clock,
    Job,
    Tries,
    is_due,
    notice,
)
from firmware.drill import Told
from firmware.notify import Notices
from firmware.place import Place
from tests.firmware.test_notify import PostOffice, mail, standing

ZONE = ZoneInfo("America/New_York")
AT = time(2, 10)
SITE = Path("firmware/template/clinic.toml").read_text("utf-8")
BACKUP = '\n[backup]\nto = "usb"\n'


def clock(day: int, hour: int, minute: int = 0, *, trusted: bool = True, up_s: float = 0) -> Clock:
    return Clock(datetime(2026, 11, day, hour, minute, tzinfo=ZONE), up_s, trusted)


def last(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


FRESH = Tries(since_s=0)


# ---- when ----


def test_a_backup_is_made_each_night_at_its_time_and_once() -> None:
    assert not is_due(AT, last(21, 2, 11), clock(22, 2, 9), FRESH)
    assert is_due(AT, last(21, 2, 11), clock(22, 2, 10), FRESH)
    assert not is_due(AT, last(22, 2, 10), clock(22, 23), FRESH)


def test_a_night_on_which_the_box_was_off_is_made_good_as_soon_as_it_is_on() -> None:
    assert is_due(AT, last(20, 2, 10), clock(22, 9), FRESH)
    assert is_due(AT, None, clock(22, 9), FRESH)


def test_what_fails_is_tried_again_ever_more_seldom() -> None:
    tries, now_s, pauses = FRESH, 0.0, []
    for _ in range(6):
        tries = tries.failed(now_s)
        assert not is_due(AT, None, clock(22, 3, up_s=now_s), tries)
        pauses.append(tries.again_at_s - now_s)
        now_s = tries.again_at_s
        assert is_due(AT, last(22, 2, 10), clock(22, 3, up_s=now_s), tries)
    assert pauses == [*AGAIN_S, AGAIN_S[-1], AGAIN_S[-1]]


def test_a_clock_nobody_vouches_for_begins_nothing_but_a_day_without_a_backup_does() -> None:
    assert not is_due(AT, last(21, 2, 10), clock(22, 9, trusted=False), FRESH)
    assert not is_due(AT, None, clock(22, 9, trusted=False, up_s=STALE_S - 1), FRESH)
    assert is_due(AT, None, clock(22, 9, trusted=False, up_s=STALE_S), FRESH)


def test_a_backup_dated_in_the_future_by_a_wrong_clock_does_not_end_all_backups() -> None:
    assert is_due(AT, last(30, 2, 10), clock(22, 9), FRESH)


def test_a_night_whose_clocks_change_has_its_backup_once() -> None:
    """On 8 March 2026 there is no 02:10 in New York; on 1 November there is no second 02:10, yet
    01:10 comes twice."""
    spring, before = (
        datetime(2026, 3, 8, 1, 59, tzinfo=ZONE),
        datetime(2026, 3, 7, 2, 11, tzinfo=ZONE),
    )
    assert not is_due(AT, before, Clock(spring, 0, True), FRESH)
    after = datetime(2026, 3, 8, 3, 30, tzinfo=ZONE)
    assert is_due(AT, before, Clock(after, 0, True), FRESH)
    assert not is_due(
        AT, after.astimezone(UTC), Clock(after + timedelta(minutes=1), 0, True), FRESH
    )
    twice = datetime(2026, 11, 1, 1, 10, tzinfo=ZONE)
    assert not is_due(
        time(1, 10), twice.astimezone(UTC), Clock(twice.replace(fold=1), 0, True), FRESH
    )


# ---- what the site file says ----


def test_the_site_file_says_where_to_and_when(tmp_path: Path) -> None:
    settings.read(SITE + BACKUP)
    place = Place(tmp_path)
    assert nightly_of(place) is None
    place.site_file.write_text(SITE + BACKUP + 'at = "23:05"\nkeep = 30\n')
    nightly = nightly_of(place)
    assert nightly is not None
    assert (nightly.to, nightly.at, nightly.keep) == ("usb", time(23, 5), 30)
    assert not nightly.own_disk


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        ('to = "sftp://me:password@nas/x"', "which holds no password"),
        ('to = "backups"', "a directory like"),
        ('to = "usb"\nat = "25:00"', "a time of day"),
        ('to = "usb"\nkeep = 0', "how many backups stay"),
        ('to = "usb"\nkept = 3', "keep"),
    ],
)
def test_what_cannot_be_is_told_with_its_cure(wrong: str, cure: str) -> None:
    faults = settings.draft(f"{SITE}\n[backup]\n{wrong}\n").faults
    assert any(cure in fault.cure for fault in faults), faults


# ---- what is done, and told ----


NOBODY = Notices(lambda: None, lambda work: work.close())


def timer(place: Place, program: str) -> BackupTimer:
    """One whose process is this program in place of `careline`."""
    plan = settings.read(SITE)
    command = (sys.executable, "-c", program)
    return BackupTimer(place, lambda: plan, lambda: datetime.now(ZONE), NOBODY, command)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "clinic.toml").write_text(SITE + BACKUP)
    (tmp_path / "ports.toml").write_text("")  # a rehearsal's clock is never doubted
    return Place(tmp_path)


def test_a_backup_that_fails_is_red_until_one_succeeds(place: Place) -> None:
    fails = "import sys; print('careline: no stick is mounted', file=sys.stderr); sys.exit(1)"
    first = timer(place, fails)
    assert first.part().state == "well"
    asyncio.run(first.look())
    part = first.part()
    assert part.state == "alarm"
    assert "failed: no stick is mounted" in part.detail

    now = datetime.now(UTC).isoformat(timespec="seconds")
    made = json.dumps({"to": "x", "file": "careline-1.age", "at": now})
    told = json.dumps(asdict(Told("careline-1.age", now, "", seconds=1, made=now)))
    succeeds = f"""
import sys
from pathlib import Path
told = {{"backup": {made!r}, "drill": {told!r}}}
Path({str(place.home)!r}, sys.argv[1] + ".json").write_text(told[sys.argv[1]])
"""
    again = timer(place, succeeds)
    asyncio.run(again.look())
    assert not place.night_told.exists()
    assert again.part().state == "well"
    assert "restores well" in again.part().detail


def test_a_drill_that_finds_a_damaged_backup_is_red_in_the_morning_and_not_tried_all_night(
    place: Place,
) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    place.backup_told.write_text(json.dumps({"to": "x", "file": "careline-1.age", "at": now}))
    told = Told("careline-1.age", now, "it is damaged", seconds=1, made=now)
    finds = f"""
import json, sys
from datetime import UTC, datetime
from pathlib import Path
with Path({str(place.home)!r}, "tries").open("a") as tries:
    tries.write(sys.argv[1] + " ")
told = json.loads({json.dumps(asdict(told))!r})
told["at"] = datetime.now(UTC).isoformat(timespec="seconds")
Path({str(place.drill_told)!r}).write_text(json.dumps(told))
sys.exit(1)
"""
    nights = timer(place, finds)
    asyncio.run(nights.look())
    asyncio.run(nights.look())
    assert (place.home / "tries").read_text() == "drill "
    assert "careline-1.age: it is damaged" in nights.part().detail
    later = (datetime.now(UTC) + timedelta(seconds=2)).isoformat(timespec="seconds")
    newer = {"to": "x", "file": "careline-2.age", "at": later}
    place.backup_told.write_text(json.dumps(newer))
    assert nights._last(Job.DRILL) is None  # the newer one is tried at once


def test_an_exchange_that_ends_takes_its_backup_with_it(place: Place) -> None:
    said = place.home / "said"
    os.mkfifo(said)
    waits = f"""
import os, signal
from pathlib import Path
Path({str(said)!r}).write_text(str(os.getpid()))
signal.pause()
"""

    async def story() -> int:
        looking = asyncio.create_task(timer(place, waits).look())
        pid = await asyncio.to_thread(said.read_text)
        looking.cancel()
        await asyncio.wait({looking})
        return int(pid)

    pid = asyncio.run(story())
    assert not Path(f"/proc/{pid}").exists()


def test_status_shows_how_far_a_backup_is(place: Place) -> None:
    goes_on = place.home / "goes on"
    os.mkfifo(goes_on)
    waits = f"""
from pathlib import Path
print("backing up: 120 of 400 MB", flush=True)
Path({str(goes_on)!r}).read_text()
"""
    nights = timer(place, waits)

    async def story() -> None:
        looking = asyncio.create_task(nights.look())
        async with asyncio.timeout(60):
            while nights.part().detail != "backing up: 120 of 400 MB":
                await asyncio.to_thread(lambda: None)  # another turn
        await asyncio.to_thread(goes_on.write_text, "")
        looking.cancel()
        await asyncio.wait({looking})

    asyncio.run(story())


def test_who_is_in_charge_is_told_once_when_it_is_red_and_once_when_it_is_well(
    place: Place,
) -> None:
    office, now = PostOffice(), datetime.now(UTC).isoformat(timespec="seconds")
    place.backup_told.write_text(json.dumps({"to": "x", "file": "careline-1.age", "at": now}))
    well = Told("careline-1.age", now, "", seconds=1, made=now)

    async def story() -> None:
        sending: list[asyncio.Task[None]] = []
        async with standing(office) as port:
            written = with_mail(port)
            place.site_file.write_text(written)
            plan = settings.read(written)
            letters_by = mail(port)
            notices = Notices(
                lambda: letters_by, lambda work: sending.append(asyncio.create_task(work))
            )
            for told in (replace(well, wrong="calls.db is damaged"), well):
                place.drill_told.write_text(json.dumps(asdict(told)))
                for _ in range(2):  # an exchange that began anew meanwhile
                    nights = BackupTimer(
                        place,
                        lambda: plan,
                        lambda: datetime.now(ZONE),
                        notices,
                    )
                    await nights.look()
                await asyncio.gather(*sending)

    asyncio.run(story())
    letters = [each.content or b"" for each in office.taken]
    assert [each.rcpt_tos for each in office.taken] == [["a@example.com"]] * 2
    assert b"the backups need somebody" in letters[0]
    assert b"backups are well again" in letters[1]
    assert b"calls.db" not in letters[0]


def with_mail(port: int) -> str:
    """The clinic, with a mail server on this machine and somebody in charge."""
    section = f"""
[email]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "careline@example.com"
admins = ["a@example.com"]
"""
    return SITE + section + BACKUP


def test_no_part_is_well_where_nothing_is_made_by_itself(tmp_path: Path) -> None:
    (tmp_path / "clinic.toml").write_text(SITE)
    part = timer(Place(tmp_path), "").part()
    assert part.state == "warning"
    assert "[backup]" in part.cure


def test_a_notice_says_that_there_is_something_and_nothing_of_what() -> None:
    at = datetime(2026, 11, 22, 8, tzinfo=ZONE)
    red = notice("Maple Street", "alvarez@example.com", at, is_red=True)
    assert "careline backups" in red.text
    assert "Calls go on" in red.text
    assert "well again" in notice("Maple Street", "a@example.com", at, is_red=False).subject
