"""What the doctor found the last times, of the box, the self-test line and each line: a small file
in which there is no number."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from firmware.doctor.findings import Colour, Finding, worst
from firmware.doctor.sounding import Curves
from firmware.durable import replace_file

KEPT = 10  # of each


@dataclass(frozen=True, slots=True)
class Visit:
    """What was found at one time."""

    at: str  # ISO 8601, UTC
    findings: tuple[Finding, ...]
    curves: Curves | None = None

    @property
    def colour(self) -> Colour:
        return worst(self.findings)


_FILE = TypeAdapter(dict[str, tuple[Visit, ...]])


def read(path: Path) -> dict[str, tuple[Visit, ...]]:
    """The newest first, by what was looked at; nothing where there is no such file, or a torn
    one: it is made anew by the next visit."""
    try:
        return _FILE.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return {}


def keep(path: Path, what: str, visit: Visit) -> None:
    """One more; OSError: the disk takes nothing."""
    all_ = read(path)
    all_[what] = (visit, *all_.get(what, ()))[:KEPT]
    told = {name: [asdict(each) for each in visits] for name, visits in all_.items()}
    replace_file(path, json.dumps(told).encode(), 0o640)
