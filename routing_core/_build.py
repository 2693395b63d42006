"""How cffi builds the C core: API mode, limited ABI, sources relative to the checkout, every header
a dependency. What Python sees are the `.cdef.h` files that `rc.h` lists, in its order.

`CARELINE_SANITIZE=1` builds the same core under ASan and UBSan, for the tests that load it so.
"""

import os
import re
from pathlib import Path

from cffi import FFI

CSRC = Path("routing_core/csrc")
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-g"]

sanitize = SANITIZERS if os.environ.get("CARELINE_SANITIZE") else []

ffibuilder = FFI()
for header in re.findall(r'#include "(\w+\.cdef\.h)"', (CSRC / "rc.h").read_text()):
    ffibuilder.cdef((CSRC / header).read_text())
ffibuilder.set_source(
    "routing_core._core",
    '#include "rc.h"',
    sources=sorted(str(path) for path in CSRC.glob("*.c")),
    depends=sorted(str(path) for path in CSRC.glob("*.h")),
    include_dirs=[str(CSRC)],
    # cffi's generated glue is not ours and does not pass -Wconversion: csrc is compiled with all
    # warnings by its own tests.
    extra_compile_args=[
        "-std=c11",
        "-D_GNU_SOURCE",
        "-O3",
        "-pthread",
        "-fvisibility=hidden",
        *sanitize,
    ],
    extra_link_args=["-pthread", *sanitize],
    libraries=["m"],
    py_limited_api=True,
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
