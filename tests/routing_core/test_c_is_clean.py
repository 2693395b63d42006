"""The C is clean: no warning of a strict compiler, no allocation, no function untried from C."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from routing_core import _build
from tests.routing_core.compiled import CSRC

WARNINGS = {
    "gcc": ("-Wduplicated-cond", "-Wduplicated-branches", "-Walloca"),
    "clang": ("-Wcomma", "-Wassign-enum", "-Wunreachable-code-aggressive", "-Wshorten-64-to-32"),
    "both": (
        "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wvla", "-Wundef", "-Wformat=2",
        "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wpointer-arith", "-Wcast-align",
        "-Wcast-qual", "-Wnull-dereference", "-Wimplicit-fallthrough",
        "-Werror",
    ),
}  # fmt: skip

C = ("bits.c", "host.c", "townsfolk.c")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("source", sorted(path.name for path in CSRC.glob("*.c")))
def test_a_strict_compiler_finds_nothing(source: str, compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed: sudo apt-get install {compiler}")
    command = [compiler, *_build.DIALECT, *_build.HARDENED]
    warnings = (*WARNINGS["both"], *WARNINGS[compiler])
    built = subprocess.run(
        [*command, *warnings, "-c", str(CSRC / source), "-o", str(tmp_path / "object.o")],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr


@pytest.mark.parametrize("source", sorted(path.name for path in CSRC.glob("*.c")))
def test_the_core_never_allocates(source: str, tmp_path: Path) -> None:
    built = tmp_path / "object.o"
    command = ["gcc", *_build.DIALECT, *_build.HARDENED, "-c", str(CSRC / source)]
    subprocess.run([*command, "-o", str(built)], check=True)
    listed = subprocess.check_output(["nm", "--undefined-only", "--format=just-symbols", built])
    needed = set(listed.decode().split())
    assert needed.isdisjoint({"malloc", "calloc", "realloc", "aligned_alloc", "strdup", "free"})


def test_every_function_of_the_core_is_driven_from_c_too() -> None:
    """By these programs it is seen under valgrind and on the other kind of machine."""
    manuals = "".join(path.read_text() for path in CSRC.glob("*.cdef.h"))
    spoken_of = re.sub(r"/\*.*?\*/", "", manuals, flags=re.DOTALL)
    functions = set(re.findall(r"\b(rc_\w+)\(", spoken_of))
    programs = "".join(Path(__file__).with_name(name).read_text() for name in C)
    assert {name for name in functions if f"{name}(" not in programs} == set()
