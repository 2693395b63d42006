"""What root does for an update: RAUC writes the bundle that waits, and the box is restarted so that
the slot starts which is to. Which file and which slot, nobody says who asks.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import assert_never

from firmware.place import Place
from firmware.root import InstallUpdate, OfUpdate, RestartBox, RootError
from firmware.update.bundle import in_words
from firmware.update.slots import BOOT_PARTITION, RESTART, boot_of

INSTALL = ("rauc", "install")


class BoxUpdate:
    """Of the box that we run on."""

    def __init__(
        self,
        place: Place,
        partition: Path = BOOT_PARTITION,
        install: Sequence[str] = INSTALL,
        restart: Sequence[str] = RESTART,
    ) -> None:
        self._place, self._partition = place, partition
        self._install, self._restart = install, restart

    async def __call__(self, act: OfUpdate) -> str:
        match act:
            case InstallUpdate():
                return await _done([*self._install, str(self._place.update_bundle)])
            case RestartBox():
                word = await asyncio.to_thread(self._argument)
                argument = [f"--reboot-argument={word}"] if word else []
                return await _done([*self._restart, *argument])
            case _:
                assert_never(act)

    def _argument(self) -> str:
        return boot_of(self._partition).restart_argument()


async def _done(command: Sequence[str]) -> str:
    running = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await running.communicate()
    text = said.decode("utf-8", "replace")
    if running.returncode != 0:
        raise RootError(in_words(text) if "rauc" in command[0] else text.strip()[-300:])
    return ""
