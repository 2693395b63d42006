"""How cffi builds the C core: API mode, limited ABI, sources relative to the checkout, every header
a dependency. What Python sees are the `.cdef.h` files that `rc.h` lists, in its order.

`CARELINE_SANITIZE=1` builds the same core under ASan and UBSan, for the tests that load it so.
"""

import os
import re
from pathlib import Path

from cffi import FFI

CSRC = Path("routing_core/csrc")

# The language. A product and a sum are rounded apart, so that every machine gives the same bits.
# Python builds extensions with -fwrapv; our C never wraps, as UBSan proves, and its inner loops are
# twice as fast when the compiler may rely on that.
DIALECT = ["-std=c11", "-D_GNU_SOURCE", "-pthread", "-ffp-contract=off", "-fno-wrapv"]

# What compiler and linker give for nothing: checked copies, guarded stacks, and tables that nobody
# can write once the core is loaded. Looked up then and not at its first call, a function leaves no
# registers on the stack, and thus no caller's words.
HARDENED = ["-O3", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3", "-fstack-protector-strong"]
SEALED = ["-Wl,-z,relro,-z,now"]

# Checked copies hide from ASan what it would have told.
SANITIZERS = [
    "-fsanitize=address,undefined,float-cast-overflow",
    "-fno-sanitize-recover=all",
    "-g",
]
SANITIZED = ["-O3", "-U_FORTIFY_SOURCE", *SANITIZERS]

sanitize = bool(os.environ.get("CARELINE_SANITIZE"))

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
        *DIALECT,
        "-fvisibility=hidden",
        *(SANITIZED if sanitize else HARDENED),
    ],
    extra_link_args=["-pthread", *(SANITIZERS if sanitize else SEALED)],
    libraries=["m"],
    py_limited_api=True,
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
