"""Our C test programs, compiled with the whole core: as the product is, or as a test asks."""

import subprocess
from pathlib import Path

from routing_core import _build

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "routing_core" / "csrc"
HERE = Path(__file__).parent


def compiled(
    to: Path, *programs: str, compiler: str = "gcc", flags: tuple[str, ...] = tuple(_build.HARDENED)
) -> Path:
    """The program `to`, made of these files of this folder and all of the core."""
    sources = [*(HERE / program for program in programs), *sorted(CSRC.glob("*.c"))]
    strict = ("-Wall", "-Wextra", "-Werror", f"-I{CSRC}")
    command = [compiler, *_build.DIALECT, *flags, *strict, "-o", str(to), *map(str, sources)]
    built = subprocess.run(
        [*command, *_build.SEALED, "-lm"], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return to
