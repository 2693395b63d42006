"""Publishing on a running Asterisk: what ran goes on at each step; what comes is proved first."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from firmware import trial, versions
from firmware.asterisk import publish
from firmware.asterisk.publish import PublishError, Step
from firmware.asterisk.telco import Answers
from firmware.root import Part, ReloadAsterisk, RestartAsterisk, Root, RootError, ask, carry_out
from firmware.trial import TrialDesk
from ivr.plan import Phone, Plan
from tests.system import town
from tests.system.town import Town, soon

NEW_NUMBER = "2025550111"

# A publisher of its own process: it tells each step and waits there until it may go on.
PUBLISHER = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from firmware.asterisk import publish
from firmware.asterisk.sandbox import Asterisk, Sandboxed, find_root
from firmware.place import Place
from firmware.root import ReloadAsterisk, carry_out
from tests.system.test_publish import changed
from firmware import settings, trial
from firmware.ports import ports_of

place = Place(Path(sys.argv[1]))
text = Path(sys.argv[2]).read_text()
launch = Sandboxed(find_root(), place.asterisk, place.prompts)
running = Asterisk(launch)

def told(step):
    print(step.name, flush=True)
    sys.stdin.readline()

def noted(old, new):
    trial.begin(place, int(old.name), int(new.name), 3000)

site = publish.Site(text, changed(settings.read(text)), ports_of(place))
reload = lambda part: carry_out(ReloadAsterisk(part=part), running.rx)
asyncio.run(publish.publish(place, site, launch, reload, told, noted))
"""


def changed(plan: Plan) -> Plan:
    """The clinic a week later: a new number on its line, a new phone, and 106 is gone."""
    lines = {
        name: replace(line, numbers=(*line.numbers, NEW_NUMBER))
        for name, line in plan.lines.items()
    }
    phones = {number: phone for number, phone in plan.phones.items() if number != "106"}
    phones["107"] = Phone("107", "Lab", "basement", "2025550100")
    return replace(plan, lines=lines, phones=phones)


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Town]:
    """A town of its own, for a publish that changes it."""
    with town.build(tmp_path / "town") as standing:
        yield standing


def changed_site(clinic: Town) -> publish.Site:
    return replace(clinic.site, text="# changed\n", plan=changed(clinic.site.plan))


async def nothing(*_told: object) -> None:
    """No exchange runs that would write down or adopt."""


def reloading(clinic: Town) -> publish.Reload:
    """The way of `careline root`, without its socket."""
    return lambda part: carry_out(ReloadAsterisk(part=part), clinic.clinic.rx)


async def answers_calls(clinic: Town) -> None:
    """The first number leads to a ringing desk, and 911 to the centre."""
    await clinic.telco.behave("101", Answers())
    before = len(clinic.telco.desks["101"].rings)
    await clinic.clinic.rx("database deltree emergency")
    call = await clinic.telco.call("2025550100")
    await soon((await clinic.telco.next_ring("101", before)).answered)
    await call.hang_up()
    emergency = await clinic.telco.dial("104", "911")
    await soon(emergency.answered)
    await emergency.hang_up()


def test_a_publish_brings_the_new_and_takes_the_old_while_a_talk_goes_on(clinic: Town) -> None:
    async def story() -> None:
        await clinic.telco.behave("101", Answers())
        talk = await clinic.telco.call("2025550100")
        ring = await clinic.telco.next_ring("101")
        await soon(ring.talked)
        steps: list[Step] = []
        waits = await publish.publish(
            clinic.place, changed_site(clinic), clinic.launch, reloading(clinic), steps.append
        )
        assert not waits
        assert steps == list(Step)
        assert not talk.ended.done()
        await talk.hang_up()
        endpoints = await clinic.clinic.rx("pjsip show endpoints")
        assert " 107/107 " in endpoints
        assert " 106/106 " not in endpoints
        assert NEW_NUMBER in await clinic.clinic.rx("dialplan show from-telco")
        assert clinic.place.site_file.read_text() == "# changed\n"
        await answers_calls(clinic)

    clinic.run(story())


def test_a_rehearsal_that_fails_changes_nothing(here: Town) -> None:
    async def story() -> None:
        before = (here.place.asterisk / "current").readlink()
        # A number of an emergency that no phone can dial: the dialplan has no such extension.
        plan = replace(here.site.plan, phones={}, front_desk=(), emergency_numbers=("911", "911"))
        twice = {"a": here.site.plan.lines["main"], "b": here.site.plan.lines["main"]}
        plan = replace(plan, lines=twice | {"c": replace(twice["a"], name="other")})
        with pytest.raises(PublishError, match="would not reach"):
            await publish.publish(
                here.place, replace(here.site, plan=plan), here.launch, reloading(here)
            )
        assert (here.place.asterisk / "current").readlink() == before
        assert not (here.place.asterisk / publish.SCRATCH).exists()
        await answers_calls(here)

    here.run(story())


def test_a_reload_that_fails_puts_the_old_version_back(here: Town) -> None:
    async def fails_at_the_dialplan(part: Part) -> None:
        if part is Part.DIALPLAN and (here.place.asterisk / "current").readlink() != before:
            raise RootError("no such luck")
        await reloading(here)(part)

    before = (here.place.asterisk / "current").readlink()

    async def story() -> None:
        with pytest.raises(PublishError, match="old version is in force"):
            await publish.publish(
                here.place, changed_site(here), here.launch, fails_at_the_dialplan
            )
        assert (here.place.asterisk / "current").readlink() == before
        assert NEW_NUMBER not in await here.clinic.rx("dialplan show from-telco")
        assert " 106/106 " in await here.clinic.rx("pjsip show endpoints")
        await answers_calls(here)

    here.run(story())


def test_killed_at_each_step_the_clinic_answers_and_so_it_does_after_a_restart_and_a_return(
    clinic: Town,
) -> None:
    site_file = clinic.place.home / "draft.toml"
    site_file.write_text(clinic.site.text)
    for step in Step:
        with subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(clinic.place.home), str(site_file)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        ) as publisher:  # fmt: skip
            assert publisher.stdin is not None
            assert publisher.stdout is not None
            while publisher.stdout.readline().strip() != step.name:
                assert publisher.poll() is None
                publisher.stdin.write("\n")
                publisher.stdin.flush()
            publisher.send_signal(signal.SIGKILL)
        clinic.run(answers_calls(clinic))

    async def restart() -> None:
        await clinic.clinic.stop()
        await clinic.clinic.start()
        await answers_calls(clinic)

    clinic.run(restart())
    on_trial = trial.give_up(clinic.place)
    assert versions.in_force(clinic.place) == on_trial.version

    async def take_back() -> None:
        await TrialDesk(clinic.place, nothing, nothing, reloading(clinic)).look()
        assert versions.in_force(clinic.place) == on_trial.before
        assert trial.pending(clinic.place) is None
        await answers_calls(clinic)

    clinic.run(take_back())


def test_root_reloads_and_restarts_asterisk_and_refuses_all_else(here: Town) -> None:
    at = here.place.root_socket

    async def story() -> None:
        root = Root(at, here.clinic.rx, frozenset({os.geteuid()}), lambda *_told: None)
        listening = asyncio.Event()
        serving = asyncio.create_task(root.serve(listening.set))
        await listening.wait()
        assert "reloaded" in (await ask(at, ReloadAsterisk(part=Part.DIALPLAN))).lower()
        for line in (b"", b"{}\n", b'{"act":"reload-asterisk","part":"dialplan","x":1}\n',
                     b'{"act":"shell","command":"id"}\n', b"x" * 5000 + b"\n"):  # fmt: skip
            assert b'"why"' in await raw(at, line)
        pid = here.clinic.pid
        await ask(at, RestartAsterisk())
        await answers_calls(here)
        assert here.clinic.pid == pid
        serving.cancel()
        await asyncio.wait({serving})
        assert not at.exists()

    here.run(story())


def test_root_asks_the_kernel_who_asks(here: Town) -> None:
    async def story() -> None:
        root = Root(
            here.place.root_socket,
            here.clinic.rx,
            frozenset({os.geteuid() + 1}),
            lambda *_told: None,
        )
        listening = asyncio.Event()
        serving = asyncio.create_task(root.serve(listening.set))
        await listening.wait()
        with pytest.raises(RootError, match="may not ask"):
            await ask(here.place.root_socket, RestartAsterisk())
        serving.cancel()
        await asyncio.wait({serving})

    here.run(story())


async def raw(at: Path, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(at)
    writer.write(line)
    writer.write_eof()
    answer = await soon(reader.readline())
    writer.close()
    return answer
