"""One file for who helps from elsewhere: figures, what the line doctor finds, the log, the software
and how the site file is laid out; no name, number or password of anybody."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from firmware import looks, scrubbed
from firmware.control import ControlError, Strict, Topic, ask, follow
from firmware.doctor.topics import DOCTOR, DONE, DoctorRequest

LOG_LINES = 500


class OutlineRequest(Strict):
    """How is the site file laid out?"""

    ask: Literal["outline"] = "outline"


class Outline(Strict):
    """The names of its fields and its numbers; whatever somebody wrote is taken out."""

    site: str


OUTLINE = Topic(OutlineRequest, Outline)


def support(socket: Path, now: datetime | None = None) -> str:
    """The file, of a box whose exchange answers here, or does not."""
    from firmware.software import installed

    look = looks.look(socket)
    made = {
        "made": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        "status": json.loads(look.as_json()),
        "doctor": _examined(socket),
        "site": _outline(socket),
        "log": list(scrubbed.lines(LOG_LINES)),
        "software": [each.purl for each in installed(None)],
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _examined(socket: Path) -> list[str]:
    found = []
    try:
        for line in follow(socket, DOCTOR, DoctorRequest()):
            if line.doing == DONE:
                break
            if line.colour:
                found.append(scrubbed.scrub(f"{line.colour} {line.about}: {line.figure}"))
    except ControlError as refused:
        found.append(scrubbed.scrub(refused.why))
    return found


def _outline(socket: Path) -> list[str]:
    try:
        return ask(socket, OUTLINE, OutlineRequest()).site.splitlines()
    except ControlError as refused:
        return [scrubbed.scrub(refused.why)]
