"""Nothing of a process that holds keys or knows callers is ever written down by the kernel.

A limit is not enough, for whoever started the process may raise it again: a process that says of
itself that it is not dumpable leaves no core whatever its limit is, and nobody but root looks into
its memory. A program that it starts in its turn is asked anew.
"""

import ctypes
import resource

PR_SET_DUMPABLE = 4  # linux/prctl.h


def leave_no_core() -> None:
    """From now on. OSError: the kernel refuses."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel does not let us forbid a core")
