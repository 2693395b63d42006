"""A calendar file that somebody brings: read first by a program that can do nothing else, then
named by what is in it.

A name is made of the file's own and of a mark of its bytes, so that one name is one calendar for
ever: a draft's steps, the versions and whatever was worked out for a text of the site file never
mean another. Nothing a stranger wrote is believed before `firmware/calendar_reader.py` has come to
its end with it, in time.
"""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firmware.closures import CALENDAR_MAX, CalendarError
from firmware.durable import write_all

FILE_MOST = CALENDAR_MAX  # bytes
# All of it: the program itself begins within a second of a small board's time.
WITHIN_S = 8.0
ANSWER_MOST = 2_000
STEM_MOST = 40
MARK = 8  # hexadecimal digits of the file's SHA-256

TOO_LARGE = CalendarError("it has more than 1 MB", "export the closures alone")
NOTHING = CalendarError("no event in it closes a day", "export the closures themselves")
TOO_SLOW = CalendarError(
    "it takes too long to read, or too much memory", "export the closures alone"
)


class _Answer(BaseModel):
    """What the reader may say: nothing else is believed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[int, Field(ge=0, le=10**6)] | None = None
    reason: Annotated[str, Field(max_length=600)] = ""
    cure: Annotated[str, Field(max_length=200)] = ""


def text_of(brought: bytes, zone: ZoneInfo, within_s: float = WITHIN_S) -> str:
    """A calendar's text, once it has been read to its end. CalendarError: it cannot be used."""
    if len(brought) > FILE_MOST:
        raise TOO_LARGE
    try:
        answer = _Answer.model_validate_json(_read(brought, zone.key, within_s))
    except ValidationError:  # it was ended, or is no reader of ours any more
        raise TOO_SLOW from None
    if answer.days is None:
        raise CalendarError(_printable(answer.reason), _printable(answer.cure))
    if not answer.days:
        raise NOTHING
    return brought.decode("utf-8")


def name_of(filename: str, text: str) -> str:
    """What this calendar is called in the site file, and no other."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", filename.rpartition(".")[0] or filename).strip("-")
    mark = hashlib.sha256(text.encode()).hexdigest()[:MARK]
    return f"{stem[:STEM_MOST].strip('-') or 'calendar'}-{mark}.ics"


def _printable(said: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in said)


def _read(brought: bytes, zone: str, within_s: float) -> bytes:
    """What the reader says; nothing, if it did not come to its end."""
    program = [sys.executable, "-s", "-m", "firmware.calendar_reader", zone]
    file = os.memfd_create("calendar")
    try:
        write_all(file, brought)
        os.lseek(file, 0, os.SEEK_SET)
        done = subprocess.run(
            program,
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parents[1],
            env={"OPENBLAS_NUM_THREADS": "1"},  # each thread's memory would count
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return b""
    finally:
        os.close(file)
    return done.stdout if done.returncode == 0 and len(done.stdout) <= ANSWER_MOST else b""
