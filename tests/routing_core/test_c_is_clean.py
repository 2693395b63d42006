"""The C is clean: no warning of a strict compiler, no fault under the sanitizers.

The sanitized core is built beside a copy of its Python face, and every other test of this folder
runs against it in a process of its own. The thread sanitizer, which gets on with no other, has a
core of its own and runs the media engine's tests.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from routing_core import _build

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "routing_core" / "csrc"
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

# Imports the sanitized core before pytest can put the checkout first on the path.
RUN_TESTS = "import sys, routing_core._core, pytest; sys.exit(pytest.main(sys.argv[1:]))"

# It takes a minute on two idle cores; this is for a busy machine.
SANITIZED_S = 500


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


def core_built_for(home: Path, **environment: str) -> Path:
    """A directory to import a sanitized `routing_core` from."""
    shutil.copytree(
        ROOT / "routing_core", home / "routing_core", ignore=shutil.ignore_patterns("*.so")
    )
    build = [sys.executable, "setup.py", "-q", "build_ext"]
    built = subprocess.run(
        [*build, "--build-lib", str(home), "--build-temp", str(home / "objects")],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return home


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The core under ASan and UBSan."""
    return core_built_for(tmp_path_factory.mktemp("sanitized"), CARELINE_SANITIZE="1")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The core under TSan."""
    return core_built_for(
        tmp_path_factory.mktemp("watched"),
        CFLAGS="-fsanitize=thread -g",
        LDFLAGS="-fsanitize=thread",
    )


def python_with(
    home: Path, libraries: tuple[str, ...], *arguments: str
) -> subprocess.CompletedProcess[str]:
    found = [
        subprocess.check_output(["gcc", f"-print-file-name={name}"], text=True).strip()
        for name in libraries
    ]
    environment = os.environ | {
        "LD_PRELOAD": " ".join(found),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python itself leaks at its end
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": "exitcode=66",
        "PYTHONMALLOC": "malloc",  # else Python's own pools hide an overrun
        "PYTHONPATH": str(home),
    }
    return subprocess.run(
        [sys.executable, *arguments], cwd=home, env=environment, capture_output=True, text=True
    )


def python_under_sanitizers(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return python_with(home, ("libasan.so", "libubsan.so"), *arguments)


def python_under_the_thread_sanitizer(
    home: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return python_with(home, ("libtsan.so",), *arguments)


@pytest.mark.timeout(SANITIZED_S)
def test_every_test_of_the_core_passes_under_the_sanitizers(sanitized: Path) -> None:
    # What is named test_c_… compiles C itself, and brings its own sanitizers.
    tests = [
        str(path)
        for path in Path(__file__).parent.glob("test_*.py")
        if not path.name.startswith("test_c_")
    ]
    # Sanitized code is several times slower, and 500 callers in real time are then too many.
    plain = ("-q", "-x", "-p", "no:cacheprovider", "-k", "not 500")
    ran = python_under_sanitizers(sanitized, "-c", RUN_TESTS, *plain, *tests)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.timeout(SANITIZED_S)
def test_the_sanitizers_would_see_an_overrun(sanitized: Path) -> None:
    ran = python_under_sanitizers(
        sanitized,
        "-c",
        "from routing_core._core import ffi, lib\n"
        "lib.rc_level_dbm0(ffi.new('int16_t[]', 10), 100)\n",
    )
    assert ran.returncode != 0
    assert "AddressSanitizer: heap-buffer-overflow" in ran.stderr
    assert "rc_level_dbm0" in ran.stderr


@pytest.mark.timeout(SANITIZED_S)
def test_the_engines_thread_and_its_callers_never_race(watched: Path) -> None:
    tests = str(Path(__file__).with_name("test_media.py"))
    ran = python_under_the_thread_sanitizer(
        watched, "-c", RUN_TESTS, "-q", "-x", "-p", "no:cacheprovider", tests
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


# Commands have one sender; here they have two.
TWO_SENDERS = """
import sys
import threading
from routing_core._core import ffi, lib
from routing_core.media import Media

media = Media(1, recordings=1, backlog_s=1)
media.start()
start = threading.Barrier(2)
sys.setswitchinterval(1e-6)

def send():
    command = ffi.new("struct rc_media_command *", {"order": lib.RC_ORDER_CLOSE})
    start.wait()
    for _ in range(20_000):
        lib.rc_media_command(media._media, command)

senders = [threading.Thread(target=send) for _ in range(2)]
for sender in senders:
    sender.start()
for sender in senders:
    sender.join()
"""


@pytest.mark.timeout(SANITIZED_S)
def test_the_thread_sanitizer_would_see_a_race(watched: Path) -> None:
    ran = python_under_the_thread_sanitizer(watched, "-c", TWO_SENDERS)
    assert ran.returncode == 66
    assert "ThreadSanitizer: data race" in ran.stderr
    assert "rc_media_command" in ran.stderr
