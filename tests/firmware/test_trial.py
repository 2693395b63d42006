"""A version on trial goes by itself, whoever is killed, and stays only where it is confirmed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware import proving, publishing, settings, trial, versions
from firmware.asterisk.publish import PublishError
from firmware.audit import Act, Audited
from firmware.cli.site import app
from firmware.place import Place
from firmware.root import Part, Root
from firmware.store import StoreError
from firmware.tickets import boot_id
from firmware.trial import Trial, TrialDesk, TrialError
from tests.firmware import published
from tests.firmware.by_hand import SITE, exchange_at, live, site_at
from tests.firmware.test_operations import entries
from tests.firmware.test_versions import SUMMER

LONG_S = 3000.0


def on_trial(place: Place, within_s: float = LONG_S) -> Place:
    """Version 1 was in force, version 2 is on trial."""
    published.publish(place, SITE, phone="101")
    published.publish(place, SUMMER, phone="107")
    trial.begin(place, 1, 2, within_s)
    return place


@dataclass(slots=True)
class Desk:
    """The exchange's side, with all that it does written down."""

    place: Place
    refuses: bool = False
    loaded: list[tuple[Part, int | None]] = field(default_factory=list)
    entered: list[str] = field(default_factory=list)
    adopted: int = 0

    def begins(self) -> TrialDesk:
        return TrialDesk(self.place, self._promise, self._adopt, self._reload)

    async def _promise(self, entry: Audited) -> None:
        assert entry.act is Act.RETURNED
        self.entered.append(entry.about)

    async def _adopt(self) -> None:
        self.adopted += 1

    async def _reload(self, part: Part) -> None:
        if self.refuses:
            raise OSError("no such luck")
        self.loaded.append((part, versions.in_force(self.place)))


def test_before_its_time_is_over_a_version_on_trial_is_left_alone(tmp_path: Path) -> None:
    desk = Desk(on_trial(Place(tmp_path)))
    asyncio.run(desk.begins().look())
    assert (desk.loaded, versions.in_force(desk.place)) == ([], 2)
    part = desk.begins().part()
    assert part.state == "warning"
    assert "version 2 is on trial: 3000 s are left" in part.detail


def test_unconfirmed_the_version_before_is_back_by_a_publishs_own_steps(tmp_path: Path) -> None:
    desk = Desk(on_trial(Place(tmp_path)))
    trial.give_up(desk.place)
    asyncio.run(desk.begins().look())
    # The phones first, of both versions; then the dialplan; then those of the other are gone.
    assert desk.loaded == [(Part.OBJECTS, 1), (Part.DIALPLAN, 1), (Part.OBJECTS, 1)]
    assert desk.entered == ["version 1: version 2 was not confirmed"]
    assert desk.adopted == 1
    assert published.phones(desk.place) == "[101]\ntype=endpoint\n"
    assert desk.place.site_file.read_text("utf-8") == SITE
    assert trial.pending(desk.place) is None
    assert [bool(each.note and each.note.returned) for each in versions.kept(desk.place)] == [
        True,
        False,
    ]


def test_a_return_that_fails_is_tried_again_and_status_says_so(tmp_path: Path) -> None:
    desk = Desk(on_trial(Place(tmp_path)), refuses=True)
    trial.give_up(desk.place)

    async def story() -> None:
        begun = desk.begins()
        await begun.look()
        part = begun.part()
        assert (part.state, versions.in_force(desk.place)) == ("alarm", 1)
        assert "no such luck" in part.detail
        desk.refuses = False
        await begun.look()
        assert begun.part().state == "well"

    asyncio.run(story())
    assert len(desk.entered) == 1
    assert published.phones(desk.place) == "[101]\ntype=endpoint\n"


def test_a_disk_that_cannot_be_read_ends_no_exchange(tmp_path: Path) -> None:
    desk = Desk(on_trial(Place(tmp_path)))
    desk.place.trial.unlink()
    desk.place.trial.mkdir()
    trial.go_back_at_start(desk.place)
    begun = desk.begins()
    asyncio.run(begun.look())
    assert begun.part().state == "alarm"
    assert "see to the disk" in begun.part().cure
    assert versions.in_force(desk.place) == 2


def test_a_machine_started_anew_reads_the_version_before_at_once(tmp_path: Path) -> None:
    """Whatever its clocks show: another life of the machine is another's clock."""
    desk = Desk(on_trial(Place(tmp_path)))
    pending = trial.pending(desk.place)
    assert pending is not None
    trial.go_back_at_start(desk.place)
    assert versions.in_force(desk.place) == 2
    other_life = pending.model_copy(update={"boot": "another", "until_s": 1e12})
    desk.place.trial.write_text(other_life.model_dump_json())
    trial.go_back_at_start(desk.place)
    assert versions.in_force(desk.place) == 1
    asyncio.run(desk.begins().look())
    assert len(desk.loaded) == 3
    assert trial.pending(desk.place) is None


def test_no_clock_that_is_set_makes_a_trial_longer_than_it_was_wished() -> None:
    begun = Trial(version=2, before=1, boot=boot_id(), until_s=1e12, within_s=90)
    assert begun.left_s() == 90


# Three lives of an exchange that takes back what is on trial in HOME: each is killed at one more of
# its orders to Asterisk.
KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from firmware import trial, versions
from firmware.place import Place

place = Place(Path(sys.argv[1]))
orders = []

async def done(*_): pass

async def reload(part):
    orders.append(part)
    if len(orders) == life:
        os.kill(os.getpid(), signal.SIGKILL)

for life in (1, 2, 3):
    if (pid := os.fork()) == 0:
        asyncio.run(trial.TrialDesk(place, done, done, reload).look())
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    phones = (place.asterisk / "current" / "pjsip.conf").read_text()
    print(os.WTERMSIG(status), versions.in_force(place), trial.pending(place) is not None,
          "[101]" in phones)
"""


def test_killed_at_each_step_of_a_return_the_next_exchange_ends_it(tmp_path: Path) -> None:
    desk = Desk(on_trial(Place(tmp_path)))
    trial.give_up(desk.place)
    told = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert told.stdout.splitlines() == [f"{signal.SIGKILL:d} 1 True True"] * 3
    asyncio.run(desk.begins().look())
    assert len(desk.loaded) == 3
    assert published.phones(desk.place) == "[101]\ntype=endpoint\n"
    assert trial.pending(desk.place) is None


def test_while_somebody_publishes_nothing_is_taken_back(tmp_path: Path) -> None:
    desk = Desk(on_trial(Place(tmp_path)))
    trial.give_up(desk.place)
    with trial.alone(desk.place):
        asyncio.run(desk.begins().look())
    assert desk.loaded == []
    asyncio.run(desk.begins().look())
    assert versions.in_force(desk.place) == 1


def typed(place: Place, *words: str) -> tuple[int, str]:
    env = {"CARELINE_HOME": str(place.home), "COLUMNS": "200"}
    done = CliRunner().invoke(app, ["publish", *words], env=env)
    return done.exit_code, done.output


def test_confirmed_it_stays_and_that_stands_in_the_audit(tmp_path: Path) -> None:
    place = on_trial(Place(tmp_path))
    assert typed(place, "--confirm") == (0, "version 2 stays in force\n")
    [(who, about)] = entries(place, "confirmed")
    assert about == "version 2"
    assert who.startswith("the shell")
    assert trial.pending(place) is None
    status, said = typed(place, "--confirm")
    assert (status, "nothing waits to be confirmed: version 2" in said) == (1, True)
    assert typed(place, "--back")[0] == 1


def test_who_confirms_too_late_is_told_so(tmp_path: Path) -> None:
    place = on_trial(Place(tmp_path))
    assert "version 1 comes back" in typed(place, "--back")[1]
    status, said = typed(place, "--confirm")
    assert status == 1
    assert "the 3000 s are over: version 1 comes back" in said


def test_while_a_version_is_on_trial_no_other_is_published(tmp_path: Path) -> None:
    place = on_trial(Place(tmp_path / "site"))
    site_file = tmp_path / "clinic.toml"
    site_file.write_text(SITE)
    status, said = typed(place, str(site_file))
    assert status == 1
    assert "version 2 is on trial for 3000 s more" in said
    assert "careline publish --confirm" in said
    assert len(versions.kept(place)) == 2


def test_a_trial_that_nobody_would_end_is_not_begun(tmp_path: Path) -> None:
    place = Place(tmp_path)
    site = proving.proven(SITE, settings.nothing_beside)
    wish = publishing.Wish("maria", confirm_within_s=90)
    with pytest.raises(TrialError, match="none to come back"):
        publishing.put_in_force(place, site, Nowhere(place), wish)
    published.publish(place, SITE)
    with pytest.raises(TrialError, match="no exchange runs"):
        publishing.put_in_force(place, site, Nowhere(place), wish)
    assert not place.trial.exists()


def test_one_thing_at_a_time_is_typed(tmp_path: Path) -> None:
    for words in ((), ("--confirm", "--back"), ("clinic.toml", "--confirm")):
        assert typed(Place(tmp_path), *words)[0] == 2


@dataclass(frozen=True, slots=True)
class Nowhere:
    """A machine whose Asterisk does not start."""

    place: Place

    @property
    def site(self) -> Path:
        return self.place.asterisk

    @property
    def prompts(self) -> Path:
        return self.place.prompts

    modules = Path("/nowhere")

    def command(self, *arguments: str) -> list[str]:
        return ["false", *arguments]


def test_a_publish_that_fails_leaves_neither_words_nor_a_version(tmp_path: Path) -> None:
    place = Place(tmp_path)
    text = settings.STANDARD_PROMPTS.parent.joinpath("template", "clinic.toml").read_text("utf-8")
    published.publish(place, text)
    spoken = place.prompts / "en" / "goodbye.wav"
    spoken.parent.mkdir(parents=True)
    spoken.write_bytes(b"as it was recorded")
    site = proving.proven(text, settings.nothing_beside)
    with pytest.raises(PublishError, match="nothing was changed"):
        publishing.put_in_force(place, site, Nowhere(place), publishing.Wish("maria"))
    assert spoken.read_bytes() == b"as it was recorded"
    assert [each.number for each in versions.kept(place)] == [1]


@asynccontextmanager
async def root_of(place: Place) -> AsyncIterator[list[str]]:
    """`careline root` of an Asterisk that does whatever it is told; what that was."""
    asked: list[str] = []

    async def asterisk(command: str) -> str:
        asked.append(command)
        return ""

    ready = asyncio.Event()
    service = Root(place.root_socket, asterisk, frozenset({os.geteuid()}), lambda *_told: None)
    serving = asyncio.create_task(service.serve(ready.set))
    await ready.wait()
    yield asked
    serving.cancel()
    await asyncio.wait({serving})


def test_a_running_exchange_takes_an_unconfirmed_version_back_and_calls_go_as_before(
    tmp_path: Path,
) -> None:
    place = on_trial(site_at(tmp_path))

    async def story() -> None:
        async with root_of(place) as asked, exchange_at(place) as clinic:
            part = await clinic.part("site")
            assert "version 2 is on trial" in part.detail
            assert "s are left, then version 1 comes back" in part.detail
            await asyncio.to_thread(trial.give_up, place)
            while (part := await clinic.part("site")).state != "well":
                pass  # it answers at its own pace
            assert part.detail == "version 1 is in force"
            assert asked.count("dialplan reload") == 1
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("1")
            await clinic.step(call, "queue", "main/desk")
            leg.hang_up()
            await clinic.leaves(channel)
        assert entries(place, "returned to") == [
            ("this box", "version 1: version 2 was not confirmed")
        ]

    live(story())


def test_what_cannot_be_entered_is_taken_back_all_the_same(tmp_path: Path) -> None:
    desk = Desk(on_trial(Place(tmp_path)))
    trial.give_up(desk.place)

    async def refused(_entry: Audited) -> None:
        raise StoreError("the disk is full")

    async def story() -> None:
        await TrialDesk(desk.place, refused, desk._adopt, desk._reload).look()

    asyncio.run(story())
    assert versions.in_force(desk.place) == 1
