"""The drill's call: a restored site answers its self-test line, in a scratch directory.

An Asterisk and an exchange of its own start on what was restored, on ports of their own. No line,
queue, person or mail server of the clinic is configured there, and its phones are registered
nowhere: the restored site knows only its name, its language, its emergency numbers and the
self-test line that every box has. So whatever goes wrong, nobody is called and nothing is sent.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import tomlkit

from firmware import settings
from firmware.asterisk import publish
from firmware.asterisk.config import Ports
from firmware.asterisk.sandbox import Asterisk, AsteriskError, launch_beside
from firmware.backup_keys import BackupError
from firmware.control import ControlError
from firmware.place import SOCKET_PATH_MAX, Place
from firmware.ports import free_ports, keep_ports
from firmware.tested_call import TO_A_PHONE, outcomes
from firmware.watchdog import Supervisor
from ivr.commands import Outcome
from ivr.plan import Plan

EXCHANGE = (sys.executable, "-m", "firmware.cli", "exchange", "--calls", "4")
WITHIN_S = 120.0
READY_WITHIN_S = 60.0
ANSWERED = str(Outcome.ANSWERED)
# The publish's walk has 9000 to 9009.
RTP_FIRST, RTP_LAST = 9010, 9049


def self_test(living: Place, restored: Place) -> str:
    """How the call went; BackupError: it did not, and why. A drill gives way to everything, so a
    call that fails is placed once more."""
    if len(os.fsencode(restored.control_socket)) > SOCKET_PATH_MAX:
        raise BackupError(f"{restored.home} is too long a name for sockets: give --scratch")
    try:
        return _self_test(living, restored)
    except BackupError:
        return _self_test(living, restored)


def _self_test(living: Place, restored: Place) -> str:
    try:
        return asyncio.run(_within(living, restored))
    except (AsteriskError, ControlError, settings.SiteFaults, OSError) as failed:
        raise BackupError(f"the restored site answers no call: {failed}") from None
    except TimeoutError:
        raise BackupError(
            f"the restored site answered no call within {WITHIN_S:g} s: is the box very busy?"
        ) from None


async def _within(living: Place, restored: Place) -> str:
    async with asyncio.timeout(WITHIN_S):
        with ExitStack() as kept:
            return await _call(living, restored, kept)


async def _call(living: Place, restored: Place, kept: ExitStack) -> str:
    text = tomlkit.dumps(_rest_of(_spoken(_plan_of(restored), restored)))
    sip, ami, engine = free_ports(kept, 3)
    ports = Ports(sip, ami, engine, rtp_first=RTP_FIRST, rtp_last=RTP_LAST)
    launch = launch_beside(living, restored)
    restored.run.mkdir(parents=True, exist_ok=True)
    publish.install(restored, publish.Site(text, settings.read(text), ports), launch)
    keep_ports(restored, ports)
    asterisk = Asterisk(launch)
    await asterisk.start()
    try:
        async with _exchange(restored):
            return await _talk(restored.control_socket)
    finally:
        await asterisk.stop()


def _plan_of(restored: Place) -> Plan:
    file = restored.site_file.resolve()
    return settings.read(file.read_text("utf-8"), settings.beside(file))


def _spoken(plan: Plan, restored: Place) -> Plan:
    """The plan, if all that callers hear was restored with it: a spare box may have no voice."""
    folder = restored.prompts / plan.language
    wanted = settings.prompts_of(plan).get(plan.language, {})
    missing = [name for name in wanted if not (folder / f"{name}.wav").exists()]
    if missing:
        raise BackupError(
            f"{len(missing)} prompts are not in the backup, first {missing[0]}: run `careline"
            " publish` with the site file, which renders them, then `careline backup`"
        )
    return plan


def _rest_of(plan: Plan) -> dict[str, object]:
    """The site file of a box with no line: this clinic's, of which nothing is left that reaches
    anybody."""
    desk = plan.phones[plan.front_desk[0]]
    return {
        "clinic": {
            "name": plan.name,
            "timezone": plan.timezone,
            "language": plan.language,
            "front_desk": [desk.extension],
            "emergency_numbers": list(plan.emergency_numbers),
        },
        "phones": {
            desk.extension: {
                "name": desk.name,
                "location": desk.location,
                "callback": desk.callback,
            }
        },
    }


@asynccontextmanager
async def _exchange(restored: Place) -> AsyncIterator[None]:
    """Up for as long as the context lasts; it dies with us, however we end."""
    log = restored.home / "exchange.log"
    supervisor = Supervisor(
        EXCHANGE,
        name="scratch exchange",
        notify_at=restored.run / "exchange.notify",
        environment=os.environ | {"CARELINE_HOME": str(restored.home)},
        restart=False,
        log=log,
        watchdog_s=None,
    )
    running = asyncio.create_task(supervisor.run())
    ready = asyncio.create_task(supervisor.ready.wait())
    try:
        await asyncio.wait(
            {running, ready}, timeout=READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED
        )
        if not supervisor.ready.is_set():
            raise BackupError(f"the restored exchange does not start: {_end_of(log)}")
        yield
    finally:
        for task in (running, ready):
            task.cancel()
        await asyncio.gather(running, ready, return_exceptions=True)


async def _talk(socket: Path) -> str:
    """One call; how it ended, as the restored site's own books have it."""
    ended = await outcomes(socket, TO_A_PHONE, WITHIN_S)
    if ended != [ANSWERED]:
        raise BackupError(f"a call on the restored self-test line was not answered: {ended}")
    return ANSWERED


def _end_of(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    return lines[-1] if lines else "it said nothing"
