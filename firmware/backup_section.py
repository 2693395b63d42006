"""The section [backup] of the site file: where to, when, and how many stay.

The exchange's call logic knows nothing of it, so it stands in no plan; whoever makes backups reads
it from the site file in force.
"""

import tomllib
from dataclasses import dataclass
from datetime import time
from typing import Annotated

from pydantic import Field, ValidationError

from firmware.forms import Strict
from firmware.oncall_section import ClockTime
from firmware.place import Place

KEPT = 7
_WORD = r"[A-Za-z0-9._-]{1,64}"
Where = Annotated[
    str,
    Field(
        max_length=300,
        pattern=rf"^(usb(:{_WORD})?|sftp://{_WORD}@{_WORD}(:[0-9]{{1,5}})?/[A-Za-z0-9._/-]*"
        r"|/[A-Za-z0-9._/-]+)$",
        description='"usb" for the only stick, "usb:LABEL", a directory like "/mnt/backup", or'
        ' "sftp://careline@nas.example.com/backups", which holds no password',
    ),
]


class BackupForm(Strict):
    """What may stand there."""

    to: Where
    at: ClockTime = "02:10"
    drill_at: ClockTime = "03:40"
    keep: Annotated[
        int, Field(strict=True, ge=1, le=400, description="how many backups stay there, 1 to 400")
    ] = KEPT
    own_disk: Annotated[bool, Field(strict=True, description="true or false")] = False

    def nightly(self) -> "Nightly":
        at, drill_at = (time.fromisoformat(each) for each in (self.at, self.drill_at))
        return Nightly(self.to, at, drill_at, self.keep, self.own_disk)


@dataclass(frozen=True, slots=True)
class Nightly:
    """What is done every night."""

    to: str
    at: time
    drill_at: time
    keep: int
    own_disk: bool


def nightly_of(place: Place) -> Nightly | None:
    """As the site in force has it; None if it has none, or none that can be read."""
    try:
        written = tomllib.loads(place.site_file.read_text("utf-8")).get("backup")
        return None if written is None else BackupForm.model_validate(written).nightly()
    except (OSError, ValueError, ValidationError):
        return None
