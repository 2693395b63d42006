"""An update lives through a week: brought, announced, written, started, and kept or not; and those
in charge hear of it."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from firmware import settings
from firmware.notify import Mail, Notices
from firmware.place import Place
from firmware.root import InstallUpdate, OfUpdate, RestartBox, Root, RootError, ask
from firmware.update import kept as state
from firmware.update.acts import BoxUpdate
from firmware.update.bundle import Bundle
from firmware.update.desk import STAYED, WENT_BACK, UpdateDesk, part_of
from firmware.update.kept import Gate, Look
from firmware.update.release import Release
from firmware.update.waiting import Waits
from hw.boot.pi import autoboot
from ivr.hours import Answer, Kind, Why
from ivr.plan import MailServer, Plan
from tests.firmware.by_hand import SITE
from tests.firmware.test_admin_notices import IN_CHARGE
from tests.firmware.test_notify import PostOffice, standing

ZONE = ZoneInfo("America/New_York")
WEDNESDAY = datetime(2026, 11, 18, 9, tzinfo=ZONE)
SUNDAY = datetime(2026, 11, 22, 3, tzinfo=ZONE)
OLD = Release("careline-pc", "0.1.0+20261101000000")
NEW = Release("careline-pc", "0.2.0+20261117000000")
BY_WEEK = Why(Kind.WEEK, "week")


@dataclass
class Clinic:
    """A box with its root, and whoever is in charge of it."""

    place: Place
    office: PostOffice
    port: int
    now: datetime = WEDNESDAY
    calls: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    runs: Release = OLD
    life: str = "first"
    acts: list[OfUpdate] = field(default_factory=list)
    refuses: str = ""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def plan(self) -> Plan:
        server = MailServer("127.0.0.1", self.port, "none", None, "box@example.com", IN_CHARGE)
        return replace(settings.read(SITE), mail=server)

    def bring(self) -> None:
        brought = self.place.home / "brought.raucb"
        brought.write_bytes(b"a new version")
        state.bring(self.place, brought, Bundle(NEW, False, "More of it."), self.now)

    async def act(self, act: OfUpdate) -> str:
        """As RAUC and systemd do it."""
        self.acts.append(act)
        if self.refuses:
            raise RootError(self.refuses)
        return ""

    async def looks(self) -> Waits | None:
        """As the exchange of this life does."""
        server = self.plan.mail
        assert server is not None
        by = Mail(server, "")

        async def calls() -> int:
            return self.calls

        desk = UpdateDesk(
            place=self.place,
            plan=lambda: self.plan,
            notices=Notices(
                lambda: by,
                lambda work: self.tasks.add(asyncio.create_task(work)),
                now=lambda: self.now,
            ),
            now=lambda: self.now,
            answers=lambda: self.answers,
            calls=calls,
            clock_is_trusted=lambda: True,
            install=lambda: ask(self.place.root_socket, InstallUpdate()),
            restart=lambda: ask(self.place.root_socket, RestartBox()),
            running=self.runs,
            boot_id=self.life,
        )
        why = await desk.look()
        async with asyncio.timeout(30):
            while self.tasks:
                await self.tasks.pop()
        return why

    def starts(self, release: Release) -> None:
        self.runs, self.life = release, "second"

    def told(self) -> list[str]:
        """Each letter, once."""
        letters = [envelope.content.decode() for envelope in self.office.taken]  # type: ignore[union-attr]
        return [" ".join(each.split()) for each in letters[:: len(IN_CHARGE)]]


@asynccontextmanager
async def clinic_at(home: Path) -> AsyncIterator[Clinic]:
    place, office = Place(home), PostOffice()
    async with standing(office) as port:
        clinic = Clinic(place, office, port)
        trusted = frozenset({os.geteuid()})
        root = Root(
            place.root_socket, nobody, trusted, lambda _who, _about: None, update=clinic.act
        )
        is_up = asyncio.Event()
        serving = asyncio.create_task(root.serve(is_up.set))
        await is_up.wait()
        try:
            yield clinic
        finally:
            serving.cancel()
            await asyncio.wait({serving})


async def nobody(_command: str) -> str:
    """This clinic's Asterisk is asked nothing."""
    raise AssertionError


def gate_of(place: Place, release: Release, *, is_well: bool) -> None:
    look = Look(about="the page", is_well=is_well, figure="it answers")
    told = Gate(version=release.version, at=datetime.now(UTC), looks=(look,))
    state.change(place, lambda kept: kept.model_copy(update={"gate": told}))


async def written(clinic: Clinic) -> None:
    """Brought on Wednesday, written on Sunday, and the box is about to restart."""
    clinic.bring()
    await clinic.looks()
    clinic.now = SUNDAY
    await clinic.looks()
    await clinic.looks()
    assert clinic.acts == [InstallUpdate(), RestartBox()]


def test_an_update_is_announced_written_in_its_window_and_kept(tmp_path: Path) -> None:
    async def story() -> None:
        async with clinic_at(tmp_path) as clinic:
            assert await clinic.looks() is None, "nothing waits"
            clinic.bring()
            await clinic.looks()
            (letter,) = clinic.told()
            assert "to be installed on Sun 22 Nov at 03:00" in letter
            assert await clinic.looks() is Waits.ANNOUNCED
            clinic.now = SUNDAY
            clinic.calls = 1
            assert await clinic.looks() is Waits.CALLS
            assert clinic.acts == []
            clinic.calls = 0
            await clinic.looks()
            assert clinic.acts == [InstallUpdate()]
            clinic.calls = 1
            assert await clinic.looks() is Waits.CALLS, "the restart would end it"
            clinic.calls = 0
            await clinic.looks()
            assert clinic.acts == [InstallUpdate(), RestartBox()]
            clinic.starts(NEW)
            await clinic.looks()
            assert state.load(clinic.place).waiting is not None, "its gate is not through"
            gate_of(clinic.place, NEW, is_well=True)
            await clinic.looks()
            assert STAYED in clinic.told()[-1]
            found = state.load(clinic.place)
            assert (found.waiting, found.last and found.last.ended) == (None, "stayed")
            assert part_of(found).state == "well"
            assert not clinic.place.update_bundle.exists()

    asyncio.run(story())


def test_one_that_did_not_stay_is_told_with_where_to_look(tmp_path: Path) -> None:
    async def story() -> None:
        async with clinic_at(tmp_path) as clinic:
            await written(clinic)
            gate_of(clinic.place, NEW, is_well=False)
            clinic.starts(OLD)
            await clinic.looks()
            assert WENT_BACK in clinic.told()[-1]
            part = part_of(state.load(clinic.place))
            assert part.state == "warning"
            assert "`careline update` says what it lacked" in part.cure
            assert await clinic.looks() is None, "and is not tried again by itself"
            assert len(clinic.acts) == 2

    asyncio.run(story())


def test_one_that_rauc_refuses_is_an_alarm_and_waits_for_somebody(tmp_path: Path) -> None:
    async def story() -> None:
        async with clinic_at(tmp_path) as clinic:
            clinic.refuses = "the slot is too small"
            clinic.bring()
            await clinic.looks()
            clinic.now = SUNDAY
            for _ in range(3):
                await clinic.looks()
            assert clinic.acts == [InstallUpdate()]
            part = part_of(state.load(clinic.place))
            assert part.state == "alarm"
            assert "the slot is too small" in part.detail
            assert "could not be installed" in clinic.told()[-1]
            clinic.refuses = ""
            clinic.bring()
            assert part_of(state.load(clinic.place)).state == "well"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("until", "holds_up"), [(SUNDAY + timedelta(hours=9), True), (None, False)]
)
def test_a_clinic_that_is_open_is_left_alone_unless_it_never_closes(
    until: datetime | None, holds_up: bool, tmp_path: Path
) -> None:
    async def story() -> None:
        async with clinic_at(tmp_path) as clinic:
            clinic.bring()
            await clinic.looks()
            clinic.now = SUNDAY
            clinic.answers = {"weekend": Answer(True, BY_WEEK, until)}
            assert (await clinic.looks() is Waits.OPEN) is holds_up
            assert clinic.acts == ([] if holds_up else [InstallUpdate()])

    asyncio.run(story())


def test_a_machine_that_is_no_box_is_never_restarted(tmp_path: Path) -> None:
    async def story() -> None:
        root = Root(
            tmp_path / "root.sock", nobody, frozenset({os.geteuid()}),
            lambda _who, _about: None,
        )  # fmt: skip
        is_up = asyncio.Event()
        serving = asyncio.create_task(root.serve(is_up.set))
        await is_up.wait()
        for act in (InstallUpdate(), RestartBox()):
            with pytest.raises(RootError, match="does not run from CareLine's image"):
                await ask(tmp_path / "root.sock", act)
        serving.cancel()
        await asyncio.wait({serving})

    asyncio.run(story())


def test_root_restarts_a_pi_into_what_is_to_be_tried_and_tells_why_rauc_refused(
    tmp_path: Path,
) -> None:
    boot, said = tmp_path / "boot", tmp_path / "said"
    (boot / "careline").mkdir(parents=True)
    (boot / "autoboot.txt").write_bytes(autoboot("a"))
    (boot / "careline/trial").write_text("b\n")
    systemctl, rauc = tmp_path / "systemctl", tmp_path / "rauc"
    systemctl.write_text(f'#!/bin/sh\necho "$@" >{said}\n')
    rauc.write_text("#!/bin/sh\necho 'LastError: signature verification failed' >&2\nexit 1\n")
    for program in (systemctl, rauc):
        program.chmod(0o755)
    acts = BoxUpdate(Place(tmp_path), boot, (str(rauc), "install"), (str(systemctl), "reboot"))

    async def story() -> None:
        await acts(RestartBox())
        assert said.read_text() == "reboot --reboot-argument=0 tryboot\n"
        with pytest.raises(RootError, match="changed after it was signed"):
            await acts(InstallUpdate())

    asyncio.run(story())
