"""A site file before `careline check`, and each call that it names before `careline simulate`."""

import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from firmware.cli.site import app
from tests.flows.faulty import Fault, faulty_site
from tests.flows.sound import Document, sound_site
from tests.flows.written import written

AT = "2026-11-22 14:00"
_HEAR_IT = "hear it: careline simulate "


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a site: empty, if it is as it must be."""

    seed: int
    wrong: str


def sound(seed: int) -> Verdict:
    """A sound site, which nothing may refuse."""
    status, said = _checked(sound_site(seed))
    return Verdict(seed, "" if status == 0 else f"refused: {said}")


def faulty(seed: int) -> Verdict:
    """A site with a fault, which must be refused with a call that shows it."""
    fault = faulty_site(seed)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "clinic.toml"
        status, said = _checked(fault.document, file)
        if status == 0:
            return Verdict(seed, f"{fault.kind}, {fault.what}: not refused")
        calls = [line.partition(_HEAR_IT)[2] for line in said.splitlines() if _HEAR_IT in line]
        heard = [_simulated(call) for call in dict.fromkeys(calls)]
    if any(_shows(fault, way) for way in heard):
        return Verdict(seed, "")
    shown = "\n".join(f"$ careline simulate {c}\n{w}" for c, w in zip(calls, heard, strict=False))
    return Verdict(seed, f"{fault.kind}, {fault.what}: no call shows it\n{said}\n{shown}")


def _shows(fault: Fault, way: str) -> bool:
    is_hidden = fault.hidden is None or not fault.hidden.search(way)
    return fault.shown.search(way) is not None and is_hidden


def _checked(document: Document, file: Path | None = None) -> tuple[int, str]:
    with tempfile.TemporaryDirectory() as folder:
        file = file or Path(folder) / "clinic.toml"
        file.write_text(written(document), "utf-8")
        result = CliRunner().invoke(app, ["check", str(file), "--at", AT])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def _simulated(call: str) -> str:
    return CliRunner().invoke(app, ["simulate", *shlex.split(call)]).output
