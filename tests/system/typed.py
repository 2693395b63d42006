"""Commands as a technician types them, of a clinic that stands."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime

from firmware import people, sessions
from firmware.rehearsal import PASSWORD, PERSON
from tests.system.town import STORY_S, Town


async def careline(clinic: Town, *words: str, said: str = "") -> str:
    """A command that does what it is told, and all that it says."""
    status, output = await typed(clinic, *words, said=said)
    assert status == 0, output
    return output


async def by_password(clinic: Town, *words: str) -> str:
    """The same of somebody who signs in for it."""
    return await careline(clinic, *words, "--as", PERSON, "--password-stdin", said=f"{PASSWORD}\n")


def session(clinic: Town) -> str:
    """Of somebody who has signed in already."""
    now = datetime.now(UTC)
    return people.write(clinic.place.page_db, lambda c: sessions.begin(c, PERSON, now))


async def typed(clinic: Town, *words: str, said: str = "") -> tuple[int, str]:
    """The command as a technician types it: its status, and all that it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "firmware.cli",
        *words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={
            "CARELINE_HOME": str(clinic.place.home),
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "COLUMNS": "200",
        },
    )
    output, _ = await asyncio.wait_for(process.communicate(said.encode()), STORY_S)
    assert process.returncode is not None
    return process.returncode, output.decode()
