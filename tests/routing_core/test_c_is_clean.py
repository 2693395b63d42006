"""The C is clean: no warning of a strict compiler, no allocation, no function untried from C."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.routing_core.compiled import CSRC, OF_ITS_OWN, SOURCES, CompilerError, object_of

C = ("bits.c", "host.c", "townsfolk.c")


@pytest.mark.parametrize("compiler", OF_ITS_OWN)
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.name))
def test_a_strict_compiler_finds_nothing(source: Path, compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed: sudo apt-get install {compiler}")
    assert object_of(source, compiler).stat().st_size > 0


@pytest.mark.parametrize("compiler", OF_ITS_OWN)
def test_what_a_strict_compiler_would_find_is_told(compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed: sudo apt-get install {compiler}")
    source = tmp_path / "rounded.c"
    source.write_text("short rounded(int whole);\nshort rounded(int whole) { return whole; }\n")
    for _ in range(2):
        with pytest.raises(CompilerError, match="conversion"):
            object_of(source, compiler)
    source.write_text("int rounded(int whole);\nint rounded(int whole) { return whole; }\n")
    assert object_of(source, compiler).stat().st_size > 0


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.name))
def test_the_core_never_allocates(source: Path) -> None:
    listed = subprocess.check_output(
        ["nm", "--undefined-only", "--format=just-symbols", object_of(source)], text=True
    )
    needed = set(listed.split())
    assert needed.isdisjoint({"malloc", "calloc", "realloc", "aligned_alloc", "strdup", "free"})


def test_every_function_of_the_core_is_driven_from_c_too() -> None:
    """By these programs it is seen under valgrind and on the other kind of machine."""
    manuals = "".join(path.read_text() for path in CSRC.glob("*.cdef.h"))
    spoken_of = re.sub(r"/\*.*?\*/", "", manuals, flags=re.DOTALL)
    functions = set(re.findall(r"\b(rc_\w+)\(", spoken_of))
    programs = "".join(Path(__file__).with_name(name).read_text() for name in C)
    assert {name for name in functions if f"{name}(" not in programs} == set()
