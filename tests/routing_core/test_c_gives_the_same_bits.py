"""The same input gives the same bits: on either kind of machine, by either compiler, however much
it optimizes, and where a product and a sum can be rounded at once.

`bits.c` drives every part of the core and prints a digest of each; here only digests are compared.
The other kind of machine is played by qemu.
"""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from routing_core import _build
from tests.routing_core.compiled import compiled

# The machine that this one is not: its name in compilers and in qemu.
OTHER_MACHINE = {"x86_64": "aarch64", "aarch64": "x86_64"}[platform.machine()]
OTHER_COMPILER = f"{OTHER_MACHINE}-linux-gnu-gcc"
OTHER_PROCESSOR = f"qemu-{OTHER_MACHINE}"

# A processor of before 2013, as far as the C library's choice of its functions goes.
WITHOUT_FMA = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-FMA_Usable,-AVX2,-AVX2_Usable,-FMA4"}


def told(*command: str | Path, **environment: str) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def needs(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: .ci/setup test installs it")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It, compiled as the product is."""
    return compiled(tmp_path_factory.mktemp("bits") / "bits", "bits.c")


@pytest.fixture(scope="module")
def here(program: Path) -> str:
    """What this machine tells."""
    return told(program)


def test_the_material_is_what_the_parts_are_for(here: str) -> None:
    told = {name: int(things) for name, _digest, things in map(str.split, here.splitlines())}
    assert told["dtmf"] > 100
    assert told["progress"] > 20
    assert told["acd"] > 300


def test_the_other_kind_of_machine_gives_the_same_bits(here: str, tmp_path: Path) -> None:
    needs(OTHER_COMPILER, OTHER_PROCESSOR)
    flags = (*_build.HARDENED, "-static")
    there = compiled(tmp_path / "bits", "bits.c", compiler=OTHER_COMPILER, flags=flags)
    assert told(OTHER_PROCESSOR, there) == here


def test_the_other_compiler_gives_the_same_bits(here: str, tmp_path: Path) -> None:
    needs("clang")
    assert told(compiled(tmp_path / "bits", "bits.c", compiler="clang")) == here


@pytest.mark.parametrize("flags", [("-O0",), ("-O3", "-march=native"), ("-O2", "-funroll-loops")])
def test_optimizing_changes_no_bit(flags: tuple[str, ...], here: str, tmp_path: Path) -> None:
    assert told(compiled(tmp_path / "bits", "bits.c", flags=flags)) == here


def test_an_old_processor_gives_the_same_bits(program: Path, here: str) -> None:
    assert told(program, **WITHOUT_FMA) == here


def test_a_constant_that_is_rounded_otherwise_would_be_seen(here: str, tmp_path: Path) -> None:
    flags = ("-O2", "-fsingle-precision-constant")
    assert told(compiled(tmp_path / "bits", "bits.c", flags=flags)) != here


def test_valgrind_finds_nothing_in_any_part(program: Path, here: str) -> None:
    needs("valgrind")
    assert told("valgrind", "--quiet", "--leak-check=full", "--error-exitcode=1", program) == here
