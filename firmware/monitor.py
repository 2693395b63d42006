"""What the user `monitor` gets by SSH: the login shell of that user, and no shell.

What was typed must be one of a few words as it stands, letter by letter; nothing of it is parsed,
expanded or handed on. It runs as a user of no group of the clinic's and asks the exchange at a
socket where little is answered (firmware/watchman.py).
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from firmware import looks, scrubbed
from firmware.control import ControlError, follow
from firmware.doctor.topics import DOCTOR, DONE, DoctorRequest
from firmware.place import BOX, Place
from firmware.support import support
from firmware.watched_words import UNKNOWN

TYPED = "SSH_ORIGINAL_COMMAND"
LOG_LINES = 200
ENDS = {"green": 0, "amber": 1, "red": 2}
TUNNEL = (
    "This keeps the connection open until you end it. The page, from your own computer:\n"
    "    ssh -N -L 8443:localhost:443 monitor@BOX      then https://localhost:8443\n"
)


def main(socket: Path | None = None) -> None:
    """Do what was typed, if it is one of the words; end as Nagios' plugins do."""
    where = socket or Place(BOX).watch_socket
    asked = WORDS.get(os.environ.get(TYPED, ""))
    if asked is None:
        sys.stderr.write(REFUSAL)
        sys.exit(UNKNOWN)
    try:
        status = asked(where)
        sys.stdout.flush()
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(UNKNOWN)  # whoever asked is gone
    sys.exit(status)


def _status(socket: Path) -> int:
    look = looks.look(socket)
    _say(f"{look.line}\n")
    return look.status


def _json(socket: Path) -> int:
    look = looks.look(socket)
    _say(f"{look.as_json()}\n")
    return look.status


def _metrics(socket: Path) -> int:
    _say(looks.look(socket).metrics)
    return 0


def _log(_socket: Path) -> int:
    for line in scrubbed.lines(LOG_LINES):
        _say(f"{line}\n")
    return 0


def _follow_log(_socket: Path) -> int:
    for line in scrubbed.lines(LOG_LINES, follow=True):
        _say(f"{line}\n")
    return 0


def _doctor(socket: Path) -> int:
    ends = [UNKNOWN]
    try:
        for line in follow(socket, DOCTOR, DoctorRequest()):
            if line.doing == DONE:
                return max(ends[1:], default=UNKNOWN)
            if line.colour:
                ends.append(ENDS[line.colour])
                _say(scrubbed.scrub(f"{line.colour:5}  {line.about}: {line.figure}") + "\n")
    except ControlError as refused:
        _say(scrubbed.scrub(refused.why) + "\n")
    return UNKNOWN


def _support(socket: Path) -> int:
    _say(support(socket))
    return 0


def _tunnel(_socket: Path) -> int:
    _say(TUNNEL)
    while sys.stdin.buffer.read(4096):
        pass
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


WORDS: dict[str, Callable[[Path], int]] = {
    "status": _status,
    "status --json": _json,
    "metrics": _metrics,
    "log": _log,
    "log --follow": _follow_log,
    "doctor": _doctor,
    "support": _support,
    "tunnel": _tunnel,
}
REFUSAL = f"CareLine answers to {', '.join(WORDS)}, and to nothing else.\n"
